"""The command that writes a log out: as records, as a table, as CloudEvents."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

import regesta
from regesta.audit.cryptographic import MissingExtra
from regesta.cli.audit import filtered, streams_of
from regesta.cli.options import Parsed
from regesta.cli.session import Session, pass_session
from regesta.cli.times import parse_time
from regesta.disk import replacing
from regesta.exporting.columns import UnreadableRecord
from regesta.exporting.formats import WRITERS, Write

TIME = Parsed("time", parse_time)


@click.command()
@click.option(
    "--after",
    type=click.IntRange(min=0),
    default=0,
    metavar="POSITION",
    help="Begin after this position.",
)
@click.option(
    "--until", type=click.IntRange(min=1), metavar="POSITION", help="End with this position."
)
@click.option("--from", "since", type=TIME, metavar="TIME", help="Recorded at this time or later.")
@click.option("--to", "before", type=TIME, metavar="TIME", help="Recorded before this time.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(sorted(WRITERS)),
    default="jsonl",
    show_default=True,
    help="How it is written.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to this file, which is there whole or not at all; stdout if left out.",
)
@filtered
@pass_session
def replay(
    session: Session,
    *,
    after: int,
    until: int | None,
    since: datetime | None,
    before: datetime | None,
    format_: str,
    out: Path | None,
    types: tuple[str, ...],
    resources: tuple[str, ...],
    actors: tuple[str, ...],
) -> None:
    """Write the log out, or the part of it that the options choose.

    As jsonl it is the exact bytes that are hashed: unfiltered and from the beginning, line i
    is the event at position i, and the Merkle root over the lines (RFC 6962) is the log's.
    csv and parquet are tables with free texts beside the events; cloudevents is one JSON
    array of the records (the batch format of CloudEvents).
    """
    client = session.client()
    wanted = streams_of(session, resources)
    if since is not None:
        after = max(after, recorded_before(client, since))
    if before is not None:
        end = recorded_before(client, before)
        until = end if until is None else min(until, end)
    # The API takes 0 for no end.
    events = (
        iter(())
        if until is not None and until <= after
        else client.events(
            after=after, until=until or 0, types=types, resources=wanted, actors=actors
        )
    )
    write: Write = WRITERS[format_]
    try:
        if out is None or str(out) == "-":
            stdout: BinaryIO = sys.stdout.buffer
            write(events, stdout)
            stdout.flush()
            return
        with replacing(out) as file:
            write(events, file)
    except (MissingExtra, UnreadableRecord) as error:
        raise click.ClickException(str(error)) from None


def recorded_before(client: regesta.Client, time: datetime) -> int:
    """Return the position of the last event that was recorded before a time; 0 if none was.

    Times never decrease along a log, so a search by halves finds it: about 20 calls in a
    million events.
    """
    low, high = 0, client.get_head().position
    while low < high:
        middle = (low + high) // 2
        (event,) = client.read_events(after_position=middle, page_size=1).events
        if event.record_time.ToDatetime(UTC) < time:
            low = middle + 1
        else:
            high = middle
    return low
