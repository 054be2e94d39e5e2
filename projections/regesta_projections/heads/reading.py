"""Reading every stream's head from the projected rows, in the order of streams.

The rows of all tables come by cursors of the server, sorted there, so memory does not grow
with them. Rows that have no stream of their own (names and labels) belong to one of another
table; what they should be follows from it.
"""

from __future__ import annotations

import heapq
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg import sql

from regesta.audit.heads import HeadLine
from regesta.semver import sort_key
from regesta_projections.heads.states import (
    disagreement,
    loaded,
    shown,
    state_digest,
    state_of,
)
from regesta_projections.rows import LabelRow, ModelRow, NameRow, StreamRow, VersionRow
from regesta_projections.statements import JsonObject
from regesta_projections.tables import TABLES, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psycopg

    from regesta_projections.row_values import Values

# Rows fetched at once from each table.
_CHUNK: Final = 500

#: Tables whose rows belong to a stream of another table.
BELONGING: Final = (NameRow, LabelRow)

_ROWS: Final = sql.SQL("""
SELECT ({stream}) COLLATE "C" AS stream, {columns} FROM regesta.{table}
WHERE namespace_id = %s AND generation = %s ORDER BY 1
""")


class Head(NamedTuple):
    """A stream's line, and whether its row agrees with itself."""

    line: HeadLine
    agrees: bool


def read_heads(conn: psycopg.Connection[Any], namespace_id: int, generation: int) -> Iterator[Head]:
    """Yield the head of every stream, sorted by stream.

    Needs a transaction, and is as of its snapshot if that is REPEATABLE READ.
    """
    found = heapq.merge(
        *(_found(conn, table, namespace_id, generation) for table in TABLES.values()),
        key=itemgetter(0),
    )
    for stream, rows in groupby(found, key=itemgetter(0)):
        yield _head(stream, [(table, values) for _, table, values in rows])


def _found(
    conn: psycopg.Connection[Any], table: Table[Any], namespace_id: int, generation: int
) -> Iterator[tuple[str, Table[Any], Values]]:
    query = _ROWS.format(
        stream=sql.SQL(table.stream),
        columns=sql.SQL(", ").join(map(sql.Identifier, table.column_names)),
        table=sql.Identifier(table.name),
    )
    with conn.cursor(f"heads_{table.name}", binary=True) as cursor:
        cursor.adapters.register_loader("jsonb", JsonObject)
        cursor.itersize = _CHUNK
        cursor.execute(query, [namespace_id, generation])
        for stream, *values in cursor:
            yield stream, table, tuple(values)


def _head(stream: str, rows: list[tuple[Table[Any], Values]]) -> Head:
    """Return the head of a stream, given all rows that have its name."""
    own = [(table, values) for table, values in rows if table.kind not in BELONGING]
    belonging = [(table, values) for table, values in rows if table.kind in BELONGING]
    if not own:
        # Rows of nothing: they have no event, but people find them.
        digest = state_digest({"columns": {"belonging": _listed(belonging)}})
        return Head(HeadLine(stream, 0, bytes(32), digest), agrees=False)
    table, values = own[0]
    row = loaded(table, values)
    columns = dict(zip(table.column_names, values, strict=True))
    revision, leaf = columns["revision"], bytes(columns["leaf_hash"])
    if row is None:
        digest = state_digest({"columns": shown(columns)})
        return Head(HeadLine(stream, revision, leaf, digest), agrees=False)
    state = state_of(row)
    differing = disagreement(table, row, values)
    if sorted(values for _, values in belonging) != sorted(_expected(row)):
        differing["belonging"] = _listed(belonging)
    if differing:
        state["columns"] = differing
    return Head(HeadLine(stream, revision, leaf, state_digest(state)), agrees=not differing)


def _expected(row: StreamRow) -> Iterable[Values]:
    """Return the rows that belong to one, as their columns."""
    match row:
        case ModelRow(model=model, resource=resource):
            names = {resource.name.lower(), *(name.lower() for name in resource.former_names)}
            return [(name, model) for name in names]
        case VersionRow(model=model, number=number, resource=resource) if resource.semver:
            return [(model, sort_key(resource.semver), resource.semver, number)]
        case _:
            return []


def _listed(rows: list[tuple[Table[Any], Values]]) -> list[object]:
    return [shown([table.name, *values]) for table, values in rows]
