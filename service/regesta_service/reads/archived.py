"""Where a fold begins when the bodies of a stream's first events are archived.

What a model, version or alias was is in its history, a row an event; whoever archives bodies
makes sure that the history has gone past them. Of the log itself and of texts there is only
the present row, which serves as long as their stream has no later event.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg import sql

from regesta_projections.history.statements import TABLES_BY_KEY
from regesta_projections.rows import LogKey, LogRow, PrivacyKey, PrivacyRow, VersionKey
from regesta_projections.tables import TABLES, key_values

if TYPE_CHECKING:
    import psycopg

    from regesta_projections.rows import StreamKey, StreamRow
    from regesta_projections.tables import Table

    Connection = psycopg.AsyncConnection[Any]


class Base(NamedTuple):
    """A row from which a fold goes on."""

    row: StreamRow
    #: The row's revision.
    revision: int


async def base_of(
    connection: Connection, namespace_id: int, key: StreamKey, position: int
) -> Base | None:
    """Return a resource as its last archived event at or before a position left it.

    None when there is no such row: the stream had no archived event then, or is one of those
    without a history that went on since.
    """
    if isinstance(key, LogKey | PrivacyKey):
        return await _present(connection, namespace_id, key, position)
    table = TABLES_BY_KEY.get(type(key))
    if table is None:
        return None
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            _last_archived(table),
            {
                "namespace_id": namespace_id,
                "position": position,
                **{f"key{at}": value for at, value in enumerate(key_values(key))},
            },
        )
        found = await cursor.fetchone()
    if found is None:
        return None
    *loaded, origin = found
    if isinstance(key, VersionKey):
        # What was registered stands once, and protobuf merges what is concatenated.
        loaded[-1] = bytes(origin or b"") + bytes(loaded[-1])
    row = table.row(loaded).row
    return Base(row, row.revision)


async def _present(
    connection: Connection, namespace_id: int, key: LogKey | PrivacyKey, position: int
) -> Base | None:
    kind: type[LogRow | PrivacyRow] = LogRow if isinstance(key, LogKey) else PrivacyRow
    table: Table[Any] = TABLES[kind]
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            _PRESENT.format(table=sql.Identifier(table.name)),
            {"namespace_id": namespace_id, "position": position, "stream": _STREAMS[kind]},
        )
        found = await cursor.fetchone()
    if found is None:
        return None
    row = table.row(found)
    return Base(row, row.revision)


_STREAMS: Final = {LogRow: "log", PrivacyRow: "privacy"}

# The release says up to where bodies may be archived; the history goes further than that.
_LAST_ARCHIVED: Final = sql.SQL("""
SELECT {columns}, {origin}
FROM regesta.logs AS l
JOIN regesta.released AS r ON r.namespace_id = l.namespace_id
CROSS JOIN LATERAL (
    SELECT h.* FROM regesta.{table} AS h
    WHERE h.namespace_id = l.namespace_id AND h.generation = l.generation AND {same}
        AND h.from_position <= LEAST(%(position)s, r.through)
    ORDER BY h.from_position DESC LIMIT 1
) AS s
WHERE l.namespace_id = %(namespace_id)s
""")
_ORIGIN: Final = sql.SQL("""(
    SELECT h.origin FROM regesta.{table} AS h
    WHERE h.namespace_id = l.namespace_id AND h.generation = l.generation AND {same}
    ORDER BY h.from_position LIMIT 1
)""")
_PRESENT: Final = sql.SQL("""
SELECT s.revision, s.leaf_hash, s.resource FROM regesta.logs AS l
JOIN regesta.{table} AS s ON s.namespace_id = l.namespace_id AND s.generation = l.generation
WHERE l.namespace_id = %(namespace_id)s AND NOT EXISTS (
    SELECT FROM regesta.events AS e
    WHERE e.namespace_id = l.namespace_id AND e.stream = %(stream)s
        AND e.revision > s.revision - 1 AND e.position > %(position)s
)
""")


@cache
def _last_archived(table: Table[Any]) -> sql.Composed:
    # The last column of the table's key is the position.
    keys = table.key_columns[:-1]
    same = sql.SQL(" AND ").join(
        sql.SQL("h.{} = {}").format(sql.Identifier(column.name), sql.Placeholder(f"key{at}"))
        for at, column in enumerate(keys)
    )
    has_origin = any(column.name == "origin" for column in table.columns)
    name = sql.Identifier(table.name)
    return _LAST_ARCHIVED.format(
        columns=sql.SQL(", ").join(sql.Identifier("s", column) for column in table.loaded),
        origin=_ORIGIN.format(table=name, same=same) if has_origin else sql.SQL("NULL"),
        table=name,
        same=same,
    )
