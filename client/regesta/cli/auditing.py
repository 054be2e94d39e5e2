"""What auditors ask for, and what the log says of itself: the commands below `audit`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import regesta
from regesta.audit.heads import (
    Commitment,
    HeadLine,
    Incomplete,
    InvalidHeads,
    ProvedLine,
    check_family,
    check_stream,
    open_line,
)
from regesta.audit.traces import Inclusion, check_inclusion
from regesta.cli.documents import document
from regesta.cli.failing import FINDINGS
from regesta.cli.offline import FILE
from regesta.cli.options import Write, writes
from regesta.cli.output import counted
from regesta.cli.populating import population, sample
from regesta.cli.session import Session, pass_session
from regesta.merkle import InvalidProof
from regesta.names import AliasName, ModelName, VersionName
from regesta.v1 import heads_service_pb2 as heads_pb
from regesta.v1 import log_status_pb2 as log_pb


@click.group()
def audit() -> None:
    """Complete lists, fair samples, and what the log says of itself."""


audit.add_command(population)
audit.add_command(sample)


class NotShown(click.ClickException):
    """What was asked for could not be shown."""

    exit_code = FINDINGS


@audit.command()
@click.argument("resource")
@pass_session
def complete(session: Session, resource: str) -> None:
    """Check that no event of a model, a version or an alias was withheld.

    It asks for the events and for a proof from the last commitment to all heads, and checks here
    that one fits the other; a model comes with all its versions and aliases. The commitment is
    proved to be in the log.
    """
    target = session.parse(resource)
    if not isinstance(target.subject, ModelName | VersionName | AliasName):
        raise click.UsageError("name a model, a version or an alias")
    client = session.client(target.namespace)
    is_model = isinstance(target.subject, ModelName)
    prefix = f"namespaces/{target.namespace}/"
    proof = client.prove_stream_head(
        str(target.subject).removeprefix(prefix), include_children=is_model
    )
    try:
        lines = _lines(client, proof, is_model=is_model)
        later = _check_events(client, proof, lines)
    except (Incomplete, InvalidHeads, InvalidProof) as error:
        raise NotShown(f"not shown to be complete: {error}") from None
    if session.output.json:
        session.output.document(
            {
                "complete": True,
                "heads_position": proof.heads.heads_position,
                "heads_root": proof.heads.root_hash.hex(),
                "streams": [
                    {"stream": line.stream, "events": line.revision, "state": line.state.hex()}
                    for line in lines.values()
                ],
                "later_events": later,
            }
        )
        return
    events = sum(line.revision for line in lines.values())
    session.output.facts(
        f"{counted(events, 'event')} of {counted(len(lines), 'stream')}: these are all there were",
        [
            ("up to", f"position {proof.heads.heads_position:,}"),
            ("committed", f"at position {proof.event.position:,}"),
            ("root", proof.heads.root_hash.hex()),
            ("later", f"{counted(later, 'event')}, of which this says nothing"),
        ],
    )


def _lines(
    client: regesta.Client, proof: heads_pb.ProveStreamHeadResponse, *, is_model: bool
) -> dict[str, HeadLine]:
    """Return the lines of a proof by stream, once they are shown to be what was committed to."""
    event = proof.event
    found = client.prove_inclusion(event.position)
    inclusion = Inclusion(found.size, found.root_hash, tuple(found.hashes))
    check_inclusion(event.position, event.record, inclusion)
    commitment = Commitment.of_record(event.record)
    lines = [ProvedLine(one.line, one.index, tuple(one.path)) for one in proof.lines]
    if is_model:
        return check_family(proof.stream.removeprefix("models/"), lines, commitment)
    opened = [open_line(line, commitment) for line in lines]
    return {line.stream: line for line in opened if line.stream == proof.stream}


def _check_events(
    client: regesta.Client,
    proof: heads_pb.ProveStreamHeadResponse,
    lines: dict[str, HeadLine],
) -> int:
    """Check the events of all these streams; return how many came after the commitment."""
    commitment = Commitment.of_record(proof.event.record)
    proved = {
        HeadLine.parse(one.line).stream: ProvedLine(one.line, one.index, tuple(one.path))
        for one in proof.lines
    }
    if proof.stream not in lines:
        raise Incomplete(f"the line of {proof.stream} is not here")
    records: dict[str, list[bytes]] = {stream: [] for stream in lines}
    unknown = 0
    for event in client.events(resources=[proof.stream]):
        if event.stream in records:
            records[event.stream].append(event.record)
        else:
            # Begun after the commitment, or of the versions that were not asked for.
            unknown += 1
    later = sum(check_stream(records[stream], proved[stream], commitment).later for stream in lines)
    return later + unknown


@audit.command("commit-heads")
@writes(etag=False)
@pass_session
def commit_heads(session: Session, *, write: Write) -> None:
    """Commit to the heads of all streams as they are now.

    Every projected row is read once, and the root over them appended to the log. Needs the
    permission audit.commit.
    """
    client = session.client()
    answers = client.commit_heads(request_id=write.request_id, reason=write.reason)
    (last,) = deque(answers, maxlen=1)
    if session.output.json:
        session.output.document({"heads": document(last.heads), "position": last.position})
        return
    session.output.facts(
        counted(last.heads.streams, "stream"),
        [
            ("as of", f"position {last.heads.heads_position:,}"),
            ("root", last.heads.root_hash.hex()),
            ("recorded", f"at position {last.heads.event_position:,}"),
        ],
    )


@audit.command()
@pass_session
def status(session: Session) -> None:
    """Show what the log says of itself: heads, keys, losses."""
    found = session.client().get_log_status()
    _answer(session, found)


def _checkpoint(
    text: str, *, required: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add an option that names a file with a signed note."""
    return click.option("--checkpoint", type=FILE, metavar="FILE", required=required, help=text)


@audit.command("record-rotation")
@click.option("--new", "new_vkey", required=True, metavar="VKEY", help="The key from now on.")
@click.option("--old", "old_vkey", default="", metavar="VKEY", help="The key before.")
@_checkpoint("The last one that the old key signed alone.")
@writes()
@pass_session
def record_rotation(
    session: Session, *, new_vkey: str, old_vkey: str, checkpoint: Path | None, write: Write
) -> None:
    """Record that another key signs the log from now on."""
    _record(
        session,
        write,
        key_rotated=heads_pb.KeyRotation(
            new_vkey=new_vkey, old_vkey=old_vkey, last_checkpoint=_read(checkpoint)
        ),
    )


@audit.command("record-compromise")
@click.option("--key", "vkey", required=True, metavar="VKEY", help="The key.")
@click.option(
    "--last-good-size",
    type=click.IntRange(min=0),
    required=True,
    metavar="N",
    help="Up to this size its signatures are good.",
)
@_checkpoint("A cosigned one of that size.")
@writes()
@pass_session
def record_compromise(
    session: Session, *, vkey: str, last_good_size: int, checkpoint: Path | None, write: Write
) -> None:
    """Record that a key can no longer be trusted."""
    _record(
        session,
        write,
        key_compromised=heads_pb.KeyCompromise(
            vkey=vkey, last_good_size=last_good_size, checkpoint=_read(checkpoint)
        ),
    )


@audit.command("record-fork")
@_checkpoint("The last one of the history that was lost.", required=True)
@click.option("--recovered-size", type=click.IntRange(min=0), required=True, metavar="N")
@click.option("--recovered-root", required=True, metavar="HEX", help="Merkle root over them.")
@click.option("--first-lost", type=click.IntRange(min=1), required=True, metavar="POSITION")
@click.option("--last-lost", type=click.IntRange(min=1), required=True, metavar="POSITION")
@writes()
@pass_session
def record_fork(
    session: Session,
    /,
    *,
    checkpoint: Path,
    recovered_root: str,
    write: Write,
    **sizes: int,
) -> None:
    """Record that events were lost which a checkpoint covered."""
    try:
        root = bytes.fromhex(recovered_root)
    except ValueError:
        raise click.UsageError("--recovered-root is hexadecimal") from None
    fork = log_pb.LogFork(old_checkpoint=_read(checkpoint), recovered_root=root, **sizes)
    _record(session, write, log_forked=fork)


@audit.command("record-witness")
@_checkpoint("The cosigned checkpoint.", required=True)
@writes()
@pass_session
def record_witness(session: Session, *, checkpoint: Path, write: Write) -> None:
    """Write a cosigned checkpoint into the log: what follows is later than its cosignatures."""
    _record(session, write, log_witnessed=heads_pb.LogWitness(checkpoint=_read(checkpoint)))


def _record(session: Session, write: Write, **event: Any) -> None:
    _answer(
        session,
        session.client().record_log_event(
            **event, etag=write.etag, request_id=write.request_id, reason=write.reason
        ),
    )


def _answer(session: Session, status: log_pb.LogStatus) -> None:
    if session.output.json:
        session.output.document({"log": document(status)})
        return
    rows: list[tuple[str, str]] = []
    if status.HasField("heads"):
        heads = status.heads
        rows.append(("heads", f"{counted(heads.streams, 'stream')} as of {heads.heads_position:,}"))
    rows += [("key", vkey) for vkey in status.vkeys]
    rows += [
        ("compromised", f"{key.vkey}, good up to {key.last_good_size:,}")
        for key in status.compromised_keys
    ]
    rows += [("lost", f"{fork.first_lost:,} to {fork.last_lost:,}") for fork in status.forks]
    rows.append(("revision", status.etag or "0"))
    session.output.facts(status.name, rows)


def _read(path: Path | None) -> str:
    return "" if path is None else path.read_text(encoding="utf-8")
