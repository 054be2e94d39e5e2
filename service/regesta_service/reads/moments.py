"""Moments: which position of the log a caller means by a time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from regesta_service.domain.rejections import MomentOutOfRange
from regesta_service.reads.consistency import beyond_the_end

if TYPE_CHECKING:
    import psycopg

    Connection: TypeAlias = psycopg.AsyncConnection[Any]


class Occurred(NamedTuple):
    """A time by which something had happened, as far as is known now."""

    time: datetime


#: A position, a time with its zone by which something was recorded, or happened.
Moment: TypeAlias = int | datetime | Occurred


class Place(NamedTuple):
    """Where in the log a moment is."""

    position: int
    #: The log's size when it was looked for.
    size: int
    #: How far its history had been folded then.
    history: int


async def position_at(
    connection: Connection, namespace_id: int, moment: Moment, *, may_precede: bool = False
) -> Place:
    """Return the position that a moment means.

    For a time it is that of the last event recorded at or before it. As of this very
    instant is the end of the log as it is now: an event that is being appended may yet
    be recorded with a time a little before, so only the position names a state for good.

    Args:
        connection: A connection.
        namespace_id: Of the namespace.
        moment: The moment.
        may_precede: Whether a time before the first event is a moment too, when nothing was
            there: position 0.

    Raises:
        MomentOutOfRange: It lies in the future, or before the first event.
    """
    if isinstance(moment, Occurred):
        # All that is known now counts; by when it happened, the history says.
        place = await position_at_time(connection, namespace_id, moment.time, at_least=0)
        return place._replace(position=place.size)
    if isinstance(moment, datetime):
        at_least = 0 if may_precede else 1
        return await position_at_time(connection, namespace_id, moment, at_least=at_least)
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_SIZE, [namespace_id])
        ((size, history),) = await cursor.fetchall()
    if moment < 1:
        raise MomentOutOfRange("the first position is 1", metadata={"position": str(size)})
    if moment > size:
        raise beyond_the_end(moment, size)
    return Place(moment, size, history)


async def position_at_time(
    connection: Connection, namespace_id: int, time: datetime, *, at_least: int = 1
) -> Place:
    """Return the position of the last event recorded at or before a time.

    Raises:
        MomentOutOfRange: The time lies in the future, or the position before `at_least`.
    """
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_POSITION, {"namespace_id": namespace_id, "time": time})
        ((position, size, history, in_future),) = await cursor.fetchall()
    if in_future:
        raise MomentOutOfRange("the time lies in the future")
    if position < at_least:
        raise MomentOutOfRange("the time lies before the first event of the namespace")
    return Place(position, size, history)


_SIZE = """
SELECT h.size, COALESCE(c.position, 0)
FROM regesta.logs AS h
LEFT JOIN regesta.history_cursors AS c
    ON c.namespace_id = h.namespace_id AND c.generation = h.generation
WHERE h.namespace_id = %s
"""

# Times never decrease along the log, so the position is found by halving: at most 63
# look-ups by primary key. LATERAL with LIMIT keeps each of them one.
_POSITION = """
WITH RECURSIVE probe (low, high) AS (
    SELECT 0::bigint, h.size FROM regesta.logs AS h WHERE h.namespace_id = %(namespace_id)s
    UNION ALL
    SELECT CASE WHEN e.recorded_at <= %(time)s THEN e.position ELSE p.low END,
        CASE WHEN e.recorded_at <= %(time)s THEN p.high ELSE e.position - 1 END
    FROM probe AS p
    CROSS JOIN LATERAL (
        SELECT e.position, e.recorded_at FROM regesta.events AS e
        WHERE e.namespace_id = %(namespace_id)s AND e.position = (p.low + p.high + 1) / 2
        LIMIT 1
    ) AS e
    WHERE p.low < p.high
)
SELECT (SELECT max(p.low) FROM probe AS p), h.size, COALESCE(c.position, 0),
    %(time)s > GREATEST(clock_timestamp(), h.recorded_at)
FROM regesta.logs AS h
LEFT JOIN regesta.history_cursors AS c
    ON c.namespace_id = h.namespace_id AND c.generation = h.generation
WHERE h.namespace_id = %(namespace_id)s
"""
