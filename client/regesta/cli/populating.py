"""Commands about all events that match: audit population, audit sample."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

import regesta
from regesta.addresses import Address
from regesta.audit.notes import Note
from regesta.audit.packs import CHECKPOINT, EVENTS
from regesta.audit.policies import NotTrusted
from regesta.audit.populations import (
    Condition,
    Filter,
    InvalidCondition,
    Member,
    Population,
    UnreadableRecord,
    take_population,
)
from regesta.audit.sampling import statement
from regesta.audit.tiled import open_files
from regesta.audit.verifying import verify
from regesta.cli.audit import filtered
from regesta.cli.failing import FINDINGS
from regesta.cli.happened import short_type
from regesta.cli.offline import FILE, NEW_FILE, load_policy, told
from regesta.cli.options import Parsed
from regesta.cli.output import counted
from regesta.cli.session import Session, pass_session
from regesta.cli.targets import short_of
from regesta.cli.times import parse_time
from regesta.cli.values import InvalidValue
from regesta.merkle import HASH_BYTES

_SHOWN_HASH: Final = 16

#: Streams that are of no model; a model of such a name is `models/log`.
_OTHER_STREAMS: Final = ("namespace", "log")


def _condition(text: str) -> Condition:
    try:
        return Condition.parse(text)
    except InvalidCondition as error:
        raise InvalidValue(str(error)) from None


def _seed(text: str) -> bytes:
    try:
        seed = bytes.fromhex(text)
    except ValueError:
        seed = b""
    if len(seed) != HASH_BYTES:
        raise InvalidValue(f"a seed has {HASH_BYTES} bytes in hexadecimal")
    return seed


@dataclass(frozen=True, slots=True)
class Asked:
    """What to take a population of, and from where."""

    types: tuple[str, ...]
    resources: tuple[str, ...]
    actors: tuple[str, ...]
    where: tuple[Condition, ...]
    begin: datetime | None
    end: datetime | None
    pack: Path | None
    policy: Path | None
    size: int | None

    def filter(self, resources: Iterable[str]) -> Filter:
        """Return the conditions; resources are streams."""
        return Filter(
            tuple(map(short_type, self.types)),
            tuple(resources),
            self.actors,
            self.where,
            self.begin,
            self.end,
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """A population, and what it is complete by."""

    population: Population
    namespace: str
    #: The signed note; empty when nothing was signed.
    checkpoint: str
    #: Whether a policy accepts the checkpoint.
    is_trusted: bool

    def document(self) -> dict[str, Any]:
        """Return what both statements hold."""
        return {
            "namespace": self.namespace,
            "checkpoint": self.checkpoint or None,
            "checkpoint_trusted": self.is_trusted,
        }


def _of_a_population(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what belongs to a population; the function gets `asked`."""

    def run(*args: Any, out: Path | None, **given: Any) -> None:
        rest = {name: given.pop(name) for name in ("count", "seed") if name in given}
        function(*args, asked=Asked(**given), out=out, **rest)

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    decorated: Callable[..., None] = run
    moment = Parsed("time", parse_time)
    for option in (
        click.option(
            "--out", type=NEW_FILE, metavar="FILE", help="Write the statement there, as JSON."
        ),
        click.option(
            "--size",
            type=click.IntRange(min=1),
            metavar="N",
            help="Complete up to the checkpoint of this size; the latest if left out.",
        ),
        click.option(
            "--policy", type=FILE, metavar="FILE", help="Whose signatures make a checkpoint count."
        ),
        click.option(
            "--pack",
            type=click.Path(exists=True, path_type=Path),
            metavar="PATH",
            help="Ask no server: read a pack of a whole log.",
        ),
        click.option("--to", "end", type=moment, metavar="TIME", help="Recorded before it."),
        click.option(
            "--from", "begin", type=moment, metavar="TIME", help="Recorded at or after it."
        ),
        click.option(
            "--where",
            type=Parsed("condition", _condition),
            multiple=True,
            metavar="MEMBER=VALUE",
            help="A member of the event's data, as in to_stage=production. May be repeated.",
        ),
        filtered,
    ):
        decorated = option(decorated)
    return decorated


@click.command()
@_of_a_population
@pass_session
def population(session: Session, *, asked: Asked, out: Path | None) -> None:
    """List all events that match, and show that they are all.

    Every record up to the checkpoint is read and hashed here, and the root compared with the
    checkpoint's, so no event can have been left out. For example all promotions of a quarter:

    regesta audit population --type StageChanged --where to_stage=production --from 2026-07-01
    --to 2026-10-01
    """
    taken = _take(session, asked)
    found = taken.population
    members = [member.document() for member in found.members]
    _answer(
        session,
        found.document() | taken.document() | {"members": members},
        taken,
        out,
        found.members,
    )


@click.command()
@click.option(
    "-n", "--count", type=click.IntRange(min=0), required=True, metavar="N", help="How many."
)
@click.option(
    "--seed",
    type=Parsed("seed", _seed),
    metavar="HEX",
    help="32 bytes of your own; the checkpoint's root if left out.",
)
@_of_a_population
@pass_session
def sample(
    session: Session, *, asked: Asked, out: Path | None, count: int, seed: bytes | None
) -> None:
    """Draw a fair sample of a population, which anybody can draw again.

    The draw follows from the seed and the events' positions alone: those with the smallest
    SHA-256 of the seed and the position. See docs/audit/populations.md.
    """
    taken = _take(session, asked)
    made = statement(taken.population, count, seed) | taken.document()
    drawn = {member["position"] for member in made["sample"]["members"]}
    chosen = [member for member in taken.population.members if member.position in drawn]
    _answer(session, made, taken, out, chosen)


def _answer(
    session: Session,
    made: dict[str, Any],
    taken: Taken,
    out: Path | None,
    members: Iterable[Member],
) -> None:
    if out is not None:
        out.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if session.output.json:
        session.output.document(made)
        return
    _show(session, taken, list(members))


def _show(session: Session, taken: Taken, members: list[Member]) -> None:
    found = taken.population
    signed = "a checkpoint" if taken.checkpoint else "the log as it is, which nobody has signed"
    if taken.is_trusted:
        signed = "a checkpoint that the policy accepts"
    session.output.facts(
        counted(len(found.members), "event"),
        [
            ("complete", f"up to position {found.size:,}, by {signed}"),
            ("root", found.root.hex()),
            ("positions", f"SHA-256 {found.positions_digest().hex()}"),
        ],
    )
    if members:
        session.output.table(
            ("POSITION#", "EVENT", "RESOURCE", "WHO", "RECORDED", "LEAF"),
            (
                (
                    str(member.position),
                    member.type,
                    short_of(member.stream),
                    member.actor,
                    member.time,
                    member.leaf.hex()[:_SHOWN_HASH],
                )
                for member in members
            ),
        )


def _take(session: Session, asked: Asked) -> Taken:
    """Return the population that is asked for.

    Raises:
        click.ClickException: It cannot be shown to be complete.
    """
    try:
        return (
            _from_pack(session, asked, asked.pack) if asked.pack else _from_server(session, asked)
        )
    except (UnreadableRecord, NotTrusted) as error:
        raise _Incomplete(str(error)) from None


class _Incomplete(click.ClickException):
    """A population cannot be shown to be complete."""

    exit_code = FINDINGS


def _from_pack(session: Session, asked: Asked, path: Path) -> Taken:
    if asked.size is not None:
        raise click.UsageError("--size is for a server: a pack has one size")
    streams = [_named(session, text) for text in asked.resources]
    with told():
        policy = None if asked.policy is None else load_policy(asked.policy)
        report = verify(path, policy)
        if not report.ok:
            raise _Incomplete(
                f"{path} does not verify: {counted(report.findings_total, 'finding')}"
            )
        if report.kind != "log":
            raise click.UsageError(f"{path} holds some events of a log, so nobody can count all")
        with open_files(path) as pack:
            found = take_population(pack.lines(EVENTS), asked.filter(streams))
            note = pack.read(CHECKPOINT).decode() if CHECKPOINT in pack else ""
    if (found.size, found.root) != (report.size, report.root):
        raise _Incomplete(f"{path} changed while it was read")
    trusted = report.trust is not None and report.trust.accepted
    return Taken(found, report.namespace, note, trusted)


def _from_server(session: Session, asked: Asked) -> Taken:
    client = session.client()
    size, root, note = _end(client, asked.size)
    trusted = False
    if asked.policy is not None:
        with told():
            if not note:
                raise _Incomplete("nothing is signed, so no policy can accept it")
            load_policy(asked.policy).judge(Note.parse(note)).require()
            trusted = True
    streams = [_stream(session, client, text) for text in asked.resources]
    found = take_population(_records(client, size), asked.filter(streams))
    if (found.size, found.root) != (size, root):
        raise _Incomplete("the records that the server sent do not have the checkpoint's root")
    return Taken(found, session.namespace, note, trusted)


def _end(client: regesta.Client, size: int | None) -> tuple[int, bytes, str]:
    """Return the size and root up to which a population is complete, and who signed them."""
    try:
        answer = client.get_checkpoint(size=size or 0, exact=size is not None)
    except regesta.NotFound:
        if size is not None:
            raise
        head = client.get_head()
        return head.position, head.root_hash, ""
    with told():
        checkpoint = regesta.audit.checkpoints.Checkpoint.parse(Note.parse(answer.note).text)
    return checkpoint.size, checkpoint.root, answer.note


def _records(client: regesta.Client, size: int) -> Iterator[bytes]:
    return (event.record for event in client.events(until=size)) if size else iter(())


def _stream(session: Session, client: regesta.Client, text: str) -> str:
    """Return the stream of a resource; that of a renamed model has its first name."""
    stream = _named(session, text)
    if stream in _OTHER_STREAMS:
        return stream
    return next(iter(client.history(f"namespaces/{session.namespace}/{stream}"))).stream


def _named(session: Session, text: str) -> str:
    """Return the stream that a resource's name says, without asking anybody."""
    if text in _OTHER_STREAMS:
        return text
    target = session.parse(text)
    if isinstance(target.subject, Address) or target.namespace != session.namespace:
        raise click.UsageError(
            f"{text}: name a model, a version or an alias of {session.namespace}"
        )
    return str(target.subject).removeprefix(f"namespaces/{target.namespace}/")
