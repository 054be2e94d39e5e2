"""SQL that folding the history on needs beside that of every projection."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from psycopg import sql

from regesta_projections.history.tables import ALIAS_HISTORY, MODEL_HISTORY, VERSION_HISTORY
from regesta_projections.rows import AliasKey, ModelKey, VersionKey

if TYPE_CHECKING:
    from regesta_projections.rows import Key
    from regesta_projections.tables import Table

#: The history's table of each kind of key.
TABLES_BY_KEY: dict[type[Key], Table[Any]] = {
    VersionKey: VERSION_HISTORY,
    ModelKey: MODEL_HISTORY,
    AliasKey: ALIAS_HISTORY,
}

# LATERAL with LIMIT: one look-up by primary key for each.
_LAST = sql.SQL("""
SELECT last.*
FROM unnest({arrays}) AS wanted ({keys})
CROSS JOIN LATERAL (
    SELECT {columns} FROM regesta.{table} AS h
    WHERE h.namespace_id = %s AND h.generation = %s AND {same}
    ORDER BY h.from_position DESC LIMIT 1
) AS last
""")


@cache
def last_snapshots(table: Table[Any]) -> sql.Composed:
    """Return the query of some rows' last snapshots.

    Its parameters are an array for each column of the rows' keys, then namespace and
    generation.
    """
    # The last column of the table's key is the position.
    keys = table.key_columns[:-1]
    return _LAST.format(
        arrays=sql.SQL(", ").join(
            sql.SQL("%s::") + sql.SQL(column.type) + sql.SQL("[]") for column in keys
        ),
        keys=sql.SQL(", ").join(sql.Identifier(column.name) for column in keys),
        columns=sql.SQL(", ").join(sql.Identifier(name) for name in table.loaded),
        table=sql.Identifier(table.name),
        same=sql.SQL(" AND ").join(
            sql.SQL("h.{0} = wanted.{0}").format(sql.Identifier(column.name)) for column in keys
        ),
    )
