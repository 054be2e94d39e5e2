"""The command that waits for what happens next: watch."""

from __future__ import annotations

import itertools

import click

from regesta.cli import happened
from regesta.cli.audit import filtered, show_events, streams_of
from regesta.cli.session import Session, pass_session


@click.command()
@click.option(
    "--after",
    type=click.IntRange(min=0),
    metavar="POSITION",
    help="Begin after this position, 0 with the first event; left out, with the next new one.",
)
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), metavar="N", help="Stop after this many."
)
@filtered
@pass_session
def watch(
    session: Session,
    *,
    after: int | None,
    limit: int | None,
    types: tuple[str, ...],
    resources: tuple[str, ...],
    actors: tuple[str, ...],
) -> None:
    """Say what happens as it happens, until interrupted.

    It goes on by itself, without gap or repeat, when a server stops and another answers.
    With --json each event is a line.
    """
    wanted = streams_of(session, resources)
    client = session.client()
    # Watching waits for a server as long as it takes; that it was never there is said at once.
    client.get_namespace(client.namespace)
    begin = client.position if after is None else after
    events = client.watch(after=begin, types=types, resources=wanted, actors=actors)
    show_events(session, map(happened.read, itertools.islice(events, limit)))
