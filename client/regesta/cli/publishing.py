"""Commands that ask for what was signed: checkpoint, receipt."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any, BinaryIO

import click

from regesta.addresses import Address
from regesta.audit.notes import Note
from regesta.cli.offline import FILE, load_policy, told
from regesta.cli.session import Session, pass_session
from regesta.cli.times import iso, local
from regesta.errors import PreconditionFailed
from regesta.trust import SignedCheckpoint
from regesta.v1 import event_pb2, log_service_pb2

#: Seconds that a receipt is waited for when nobody says otherwise.
_WAIT = 10.0


def _policy(function: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--policy",
        type=FILE,
        envvar="REGESTA_POLICY",
        metavar="FILE",
        help="Whose signatures count (C2SP tlog-policy); what was seen before is remembered.",
    )(function)


@click.command(short_help="Show the latest signed checkpoint, and how its publisher is doing.")
@_policy
@click.option("--out", type=click.File("wb", lazy=True), help="Write the signed note here.")
@pass_session
def checkpoint(session: Session, *, policy: Path | None, out: BinaryIO | None) -> None:
    """Show the latest signed checkpoint of the log, and how its publisher is doing.

    With --policy its signatures are checked, and that it extends the last checkpoint that was
    seen on this machine: a log that was cut short or replaced ends with exit code 7. Without,
    nothing is checked.
    """
    session.trust = load_policy(policy) if policy else None
    client = session.client()
    with told():
        seen = client.checkpoint()
    if out is not None:
        out.write(seen.note.encode())
    publisher = client.get_checkpoint().publisher
    signed_by = [one.name for one in Note.parse(seen.note).signatures]
    if session.output.json:
        session.output.document(_document(seen, signed_by, publisher))
        return
    facts = [
        ("log", seen.origin),
        ("size", str(seen.size)),
        ("root", seen.root.hex()),
        ("signatures by", ", ".join(dict.fromkeys(signed_by))),
        ("cosigned by", ", ".join(seen.cosigned_by)),
        ("checked", "yes" if seen.is_trusted else "no: give a --policy"),
    ]
    if publisher.HasField("seen_time"):
        facts.append(("publisher seen", local(publisher.seen_time.ToDatetime(UTC))))
    if publisher.HasField("alarm"):
        alarm = publisher.alarm
        where = f"{alarm.position} to {alarm.last_position}"
        facts.append(("ALARM", f"{alarm.kind} at {where}: {alarm.detail}"))
    session.output.facts(session.namespace, [(name, text) for name, text in facts if text])


@click.command(short_help="Get the receipt of an event: a file that needs no server.")
@click.argument("what", metavar="POSITION|RESOURCE")
@_policy
@click.option("--out", type=click.File("wb", lazy=True), help="Write the .tlog-proof file here.")
@click.option(
    "--event", "event_out", type=click.File("wb", lazy=True), help="Write the record here."
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=_WAIT,
    show_default=True,
    metavar="SECONDS",
    help="Wait for a checkpoint that covers it.",
)
@pass_session
def receipt(
    session: Session,
    what: str,
    *,
    policy: Path | None,
    out: BinaryIO | None,
    event_out: BinaryIO | None,
    wait: float,
) -> None:
    """Get the receipt of the event at POSITION, or of the last one of RESOURCE.

    It is a .tlog-proof file: with the record, `regesta verify-proof` and other programs check
    it without any server. With --policy it is checked now too. The record of an archived event
    is in the archive, and compared with its receipt there.
    """
    session.trust = load_policy(policy) if policy else None
    event = _event(session, what, archived=event_out is None)
    with told():
        found = session.client().receipt(event.position, wait=wait)
    if event.record and not found.covers(event.record):
        raise click.ClickException(
            f"the record at position {event.position} is not the one that was appended"
        )
    (sys.stdout.buffer if out is None else out).write(found.text.encode())
    if event_out is not None:
        event_out.write(event.record)
    if out is not None and not session.output.json:
        checked = "checked" if found.is_trusted else "not checked: give a --policy"
        session.output.line(f"position {found.position} of {found.size}, {checked}")


def _event(session: Session, what: str, *, archived: bool) -> event_pb2.Event:
    """Return the event that an argument names.

    Args:
        session: Where.
        what: A position or a resource.
        archived: Whether an event at a position will do without its record.
    """
    client = session.client()
    if what.isdecimal():
        position = int(what)
        try:
            found = list(client.events(after=max(position - 1, 0), until=position))
        except PreconditionFailed as refusal:
            if not archived or refusal.reason != "BODIES_ARCHIVED":
                raise
            return event_pb2.Event(position=position)
        if not found:
            raise click.UsageError(f"there is no event at position {what}")
        return found[0]
    name = session.parse(what).subject
    if isinstance(name, Address):
        name = session.version(what)
    return next(iter(session.client().history(str(name))))


def _document(
    seen: SignedCheckpoint, signed_by: list[str], publisher: log_service_pb2.PublisherStatus
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "origin": seen.origin,
        "size": seen.size,
        "root_hash": seen.root.hex(),
        "signed_by": signed_by,
        "cosigned_by": list(seen.cosigned_by),
        "checked": seen.is_trusted,
        "note": seen.note,
        "verifier_keys": list(publisher.verifier_keys),
        "alarm": None,
    }
    if publisher.HasField("seen_time"):
        document["publisher_seen_time"] = iso(publisher.seen_time.ToDatetime(UTC))
    if publisher.HasField("alarm"):
        document["alarm"] = {
            "kind": publisher.alarm.kind,
            "position": publisher.alarm.position,
            "last_position": publisher.alarm.last_position,
            "detail": publisher.alarm.detail,
        }
    return document
