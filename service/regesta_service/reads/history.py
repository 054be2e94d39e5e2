"""What happened to one resource, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from regesta_service.log.stored import StoredEvent

if TYPE_CHECKING:
    import psycopg


class History(NamedTuple):
    """A piece of a history."""

    #: Newest first.
    events: list[StoredEvent]
    #: The log's last position when it was read.
    size: int


async def read_history(
    connection: psycopg.AsyncConnection[Any],
    namespace_id: int,
    stream: str,
    *,
    children: bool,
    before: int,
    limit: int,
) -> History:
    """Return events of a stream before a position, newest first.

    Args:
        connection: Where to read.
        namespace_id: Whose log.
        stream: The resource.
        children: Also the streams below it.
        before: Only events before this position.
        limit: At most this many.
    """
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            _WITH_CHILDREN if children else _STREAM,
            {
                "namespace_id": namespace_id,
                "stream": stream,
                "first_child": stream + "/",
                # "0" comes right after "/".
                "after_children": stream + "0",
                "before": before,
                "limit": limit,
            },
        )
        rows = await cursor.fetchall()
    return History([StoredEvent(*row[1:]) for row in rows if row[1] is not None], rows[0][0])


_STREAM = """
SELECT h.size, e.*
FROM regesta.logs AS h
LEFT JOIN LATERAL (
    SELECT e.position, e.record, e.leaf_hash, e.stream, e.revision, e.type, e.actor,
        e.recorded_at, e.occurred_at, e.request_id, e.trace_id
    FROM regesta.events AS e
    WHERE e.namespace_id = %(namespace_id)s AND e.stream = %(stream)s
        AND e.position < %(before)s
    ORDER BY e.revision DESC
    LIMIT %(limit)s
) AS e ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY e.position DESC
"""

# MATERIALIZED: the places are found by stream. Left to itself the planner may walk the
# whole log backwards instead, in the hope of meeting enough events of the model soon.
_WITH_CHILDREN = """
WITH mine AS MATERIALIZED (
    SELECT e.position FROM regesta.events AS e
    WHERE e.namespace_id = %(namespace_id)s AND e.position < %(before)s
        AND (
            e.stream = %(stream)s
            OR (e.stream >= %(first_child)s AND e.stream < %(after_children)s)
        )
)
SELECT h.size, e.position, e.record, e.leaf_hash, e.stream, e.revision, e.type, e.actor,
    e.recorded_at, e.occurred_at, e.request_id, e.trace_id
FROM regesta.logs AS h
LEFT JOIN (SELECT position FROM mine ORDER BY position DESC LIMIT %(limit)s) AS p ON true
LEFT JOIN regesta.events AS e
    ON e.namespace_id = h.namespace_id AND e.position = p.position
WHERE h.namespace_id = %(namespace_id)s
ORDER BY e.position DESC
"""
