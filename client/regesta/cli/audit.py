"""Commands that read the log: log, head."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import click

import regesta
from regesta.addresses import Address
from regesta.cli import happened, rendering
from regesta.cli.documents import event_document
from regesta.cli.happened import Happened
from regesta.cli.options import as_of
from regesta.cli.session import Session, moment_of, pass_session
from regesta.cli.times import iso, local
from regesta.v1 import event_pb2

#: Events of one step back through a namespace's log.
_STRIDE = 1000


def filtered(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose events."""
    for option in (
        click.option("--actor", "actors", multiple=True, help="Only what this principal did."),
        click.option(
            "--resource",
            "resources",
            multiple=True,
            help="Only what happened to this model, version or alias.",
        ),
        click.option(
            "--type", "types", multiple=True, help="Only events of this type, as in AliasSet."
        ),
    ):
        function = option(function)
    return function


@click.command()
@click.argument("resource", required=False)
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="At most this many.")
@click.option("--alone", is_flag=True, help="Without a model's versions and aliases.")
@click.option("--type", "types", multiple=True, help="Only events of this type, as in AliasSet.")
@click.option("--actor", "actors", multiple=True, help="Only what this principal did.")
@as_of
@pass_session
def log(
    session: Session,
    resource: str | None,
    *,
    limit: int | None,
    alone: bool,
    types: tuple[str, ...],
    actors: tuple[str, ...],
    as_of: datetime | int | None,
) -> None:
    """Say what happened, newest first: who, when, what and why.

    Without RESOURCE it is the whole log of the namespace; a model comes with its versions,
    aliases and comments. With --json each event is a line. For what comes next, see `watch`.
    """
    if resource is None:
        if as_of is not None or alone:
            raise click.UsageError("--as-of and --alone need a resource")
        events = _backwards(session.client(), types, actors)
    else:
        events = _history(session, resource, as_of, alone=alone)
    # The server filters a log, but not the history of one resource.
    wanted = {happened.short_type(name) for name in types}
    chosen = (
        event
        for event in map(happened.read, events)
        if (not wanted or event.type in wanted) and (not actors or event.actor in actors)
    )
    show_events(session, itertools.islice(chosen, limit))


@click.command()
@pass_session
def head(session: Session) -> None:
    """Say where the log ends: its last position and its Merkle root."""
    found = session.client().get_head()
    recorded_at = found.record_time.ToDatetime(UTC)
    if session.output.json:
        session.output.document(
            {
                "position": found.position,
                "root_hash": found.root_hash.hex(),
                "record_time": iso(recorded_at),
            }
        )
        return
    session.output.facts(
        session.namespace,
        [
            ("position", str(found.position)),
            ("root", found.root_hash.hex()),
            ("recorded", local(recorded_at)),
        ],
    )


def streams_of(session: Session, resources: Iterable[str]) -> list[str]:
    """Return resources as a filter of events names them.

    Raises:
        click.UsageError: One is of another namespace, or means something else tomorrow.
    """
    streams = []
    for text in resources:
        target = session.parse(text)
        if isinstance(target.subject, Address) or target.namespace != session.namespace:
            raise click.UsageError(
                f"{text}: name a model, a version or an alias of {session.namespace}"
            )
        streams.append(str(target.subject).removeprefix(f"namespaces/{target.namespace}/"))
    return streams


def show_events(session: Session, events: Iterable[Happened]) -> None:
    """Write events one by one."""
    for event in events:
        if session.output.json:
            session.output.json_line(event_document(event))
        else:
            rendering.event_lines(session.output, event)


def _history(
    session: Session, resource: str, as_of: datetime | int | None, *, alone: bool
) -> Iterator[event_pb2.Event]:
    """Return the events of one resource, newest first."""
    comment = session.comment(resource)
    if comment is not None:
        return session.client(comment.namespace).history(str(comment), as_of=as_of)
    target = session.parse(resource)
    name = target.subject
    if isinstance(name, Address):
        name = session.version(resource)
        moment = as_of
    else:
        moment = moment_of(target, as_of)
    client = session.client(target.namespace)
    return client.history(str(name), include_children=not alone, as_of=moment)


def _backwards(
    client: regesta.Client, types: tuple[str, ...], actors: tuple[str, ...]
) -> Iterator[event_pb2.Event]:
    """Yield the events of a namespace's log, newest first."""
    until = client.get_head().position
    while until > 0:
        after = max(until - _STRIDE, 0)
        page = client.events(after=after, until=until, types=types, actors=actors)
        yield from reversed(list(page))
        until = after
