"""Where a log ends, and what a writer finds when it locks that place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec
import psycopg

from regesta.merkle import Frontier

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from regesta_service.log.connections import Link


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a log."""

    #: Position of the last event.
    size: int
    #: Of the Merkle tree over all records; whoever appends copies it first.
    frontier: Frontier
    #: When the last event was recorded; None in an empty log.
    recorded_at: datetime | None
    #: Which rows of the projections are in use.
    generation: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that was answered before."""

    key: UUID
    fingerprint: bytes
    #: What the answer reflects; the last of its events, if it has any.
    position: int
    #: How many events it appended.
    events: int
    #: The stream of the resource that the answer shows.
    stream: str


@dataclass(frozen=True, slots=True)
class Locked:
    """What a writer finds once it has the head to itself."""

    head: Head
    #: Streams with events since the writer was here; None when it must take all for changed.
    streams: list[str] | None
    answered: dict[UUID, Answered]


# Each statement has to see what was committed when the lock was granted.
_LOCK: Final = """
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT size, frontier, recorded_at, generation, streams, answered
FROM regesta.lock_head(%s, %s, %s)
"""


async def lock_head(link: Link, log_id: int, known: int | None, keys: Iterable[UUID]) -> Locked:
    """Open a transaction that has the head of a log to itself until it ends.

    One round trip. A holder that stands still for 5 seconds loses the lock with its
    connection.

    Args:
        link: A connection without a transaction.
        log_id: The namespace's id.
        known: Position where the writer left the log; None when it knows nothing of it.
        keys: Of the requests to look up.
    """
    # Not a pipeline: psycopg ends one with a Flush, on which PostgreSQL stops the timer of
    # idle transactions and does not start it again.
    cursor = psycopg.AsyncClientCursor(link.conn)
    await cursor.execute(_LOCK, [log_id, known, list(keys)])
    cursor.nextset()
    row = await cursor.fetchone()
    if row is None:
        raise AssertionError("a function returns one row")
    size, frontier, recorded_at, generation, streams, answered = row
    head = Head(size, Frontier.decode(size, frontier), recorded_at, generation)
    return Locked(head, streams, read_answered(answered))


def read_answered(found: str | None) -> dict[UUID, Answered]:
    """Return what `regesta.find_requests` has found, by key."""
    if found is None:
        return {}
    rows: list[tuple[str, str, int, int, str]] = msgspec.json.decode(found)
    answers = [
        Answered(UUID(key), bytes.fromhex(fingerprint), position, events, stream)
        for key, fingerprint, position, events, stream in rows
    ]
    return {answered.key: answered for answered in answers}
