"""Reading events from the database, in order, a bounded piece at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regesta_service.log.stored import StoredEvent

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import AsyncConnectionPool

#: Most positions that one query looks through: it ends soon however little matches.
WINDOW = 20_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are wanted; an empty condition holds for all."""

    #: Whole types, for example `io.regesta.events.v1.AliasSet`.
    types: frozenset[str] = frozenset()
    actors: frozenset[str] = frozenset()
    #: Models by the name they were created with, their versions and aliases included.
    models: frozenset[str] = frozenset()
    #: Streams, themselves only.
    streams: frozenset[str] = frozenset()

    def matches(self, event: StoredEvent) -> bool:
        """Say whether an event is wanted."""
        if self.types and event.type not in self.types:
            return False
        if self.actors and event.actor not in self.actors:
            return False
        if not self.models and not self.streams:
            return True
        return event.stream in self.streams or model_of(event.stream) in self.models


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the log."""

    #: The events wanted, by position.
    events: list[StoredEvent]
    #: Up to here the log was looked through.
    position: int
    #: The log's last position when it was read.
    size: int


def model_of(stream: str) -> str:
    """Return the model that a stream belongs to; empty when to none."""
    if not stream.startswith("models/"):
        return ""
    end = stream.find("/", 7)
    return stream[7:] if end < 0 else stream[7:end]


async def read_chunk(
    connection: psycopg.AsyncConnection[Any],
    namespace_id: int,
    *,
    after: int,
    limit: int,
    until: int | None = None,
    selection: Selection = EVERYTHING,
) -> Chunk:
    """Return the next events after a position.

    Args:
        connection: Where to read.
        namespace_id: Whose log.
        after: Begin after this position.
        limit: At most this many events; at most `WINDOW` positions are looked through.
        until: Look no further than this position; None is the end of the log.
        selection: Which events.
    """
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            _CHUNK,
            {
                "namespace_id": namespace_id,
                "after": after,
                "until": after + WINDOW if until is None else min(until, after + WINDOW),
                "limit": limit,
                "types": list(selection.types),
                "actors": list(selection.actors),
                "models": list(selection.models),
                "streams": list(selection.streams),
            },
        )
        rows = await cursor.fetchall()
    size: int = rows[0][0]
    events = [StoredEvent(*row[1:]) for row in rows if row[1] is not None]
    if len(events) == limit:
        return Chunk(events, events[-1].position, size)
    end = min(size, after + WINDOW, size if until is None else until)
    return Chunk(events, max(end, after), size)


# The conditions are cheap where an array is empty, so one prepared statement serves all.
_CHUNK = """
SELECT h.size, e.*
FROM regesta.logs AS h
LEFT JOIN LATERAL (
    SELECT e.position, e.record, e.leaf_hash, e.stream, e.revision, e.type, e.actor,
        e.recorded_at, e.occurred_at, e.request_id, e.trace_id
    FROM regesta.events AS e
    WHERE e.namespace_id = %(namespace_id)s
        AND e.position > %(after)s AND e.position <= %(until)s
        AND (%(types)s::text[] = '{}' OR e.type = ANY (%(types)s))
        AND (%(actors)s::text[] = '{}' OR e.actor = ANY (%(actors)s))
        AND (
            (%(models)s::text[] = '{}' AND %(streams)s::text[] = '{}')
            OR e.stream = ANY (%(streams)s)
            OR (e.stream LIKE 'models/%%' AND split_part(e.stream, '/', 2) = ANY (%(models)s))
        )
    ORDER BY e.position
    LIMIT %(limit)s
) AS e ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY e.position
"""


class EventReader:
    """Reads events over connections of a pool."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def chunk(
        self,
        namespace_id: int,
        *,
        after: int,
        limit: int,
        until: int | None = None,
        selection: Selection = EVERYTHING,
    ) -> Chunk:
        """Return the next events after a position; see `read_chunk`."""
        async with self._pool.connection() as connection:
            return await read_chunk(
                connection,
                namespace_id,
                after=after,
                limit=limit,
                until=until,
                selection=selection,
            )
