"""SQL over the catalog's tables, put together from their one definition."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from psycopg import sql
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.string import BytesBinaryDumper

from regesta_projections.forms import BINARY, BINARY_TYPES
from regesta_projections.tables import key_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import psycopg
    from psycopg.abc import Buffer

    from regesta_projections.row_values import Values
    from regesta_projections.rows import Key, Row
    from regesta_projections.tables import Table

    Connection = psycopg.Connection[Any]

#: What every table has before its own columns.
_PLACE: Final = ("namespace_id", "generation")
_PLACE_TYPES: Final = ("integer", "integer")

# One look-up in the primary key for each row that is wanted: of the rows from that key on the
# first, which is the wanted one, or there is none. Only the key has this order. With `=` any
# index that begins with the generation is as good to a planner that takes the generation for one
# row, as it does before somebody has analyzed the table; a look-up then reads all of it.
_BY_KEY: Final = sql.SQL("""
FROM {wanted} CROSS JOIN LATERAL (
    SELECT ctid, * FROM regesta.{table}
    WHERE ({key}) >= ({wanted_key})
    ORDER BY {key} LIMIT 1
) AS own
WHERE ({own_key}) = ({wanted_key})
""")
_FETCH: Final = sql.SQL("SELECT {columns} {by_key}")
_DELETE: Final = sql.SQL(
    "DELETE FROM regesta.{table} WHERE ctid = ANY (ARRAY(SELECT own.ctid {by_key}))"
)
_COUNT: Final = sql.SQL(
    "SELECT count(*) FROM regesta.{table} WHERE namespace_id = %s AND generation = %s"
)
_KEYS: Final = sql.SQL(
    "SELECT {columns} FROM regesta.{table} WHERE namespace_id = %s AND generation = %s"
)
_COPY: Final = sql.SQL("COPY regesta.{table} ({columns}) FROM STDIN (FORMAT BINARY)")


class JsonObject(Loader):
    """Reads jsonb with msgspec, which keeps whole numbers whole."""

    format = Format.BINARY

    def load(self, data: Buffer) -> object:
        """Return what the text after the format's version says."""
        return msgspec.json.decode(bytes(data)[1:])


def fetch_rows(
    conn: Connection, table: Table[Any], namespace_id: int, generation: int, keys: Sequence[Key]
) -> list[Row]:
    """Return the rows of these keys, as far as there are any, in no order."""
    with conn.cursor(binary=True) as cursor:
        cursor.execute(
            _fetch_statement(table, table.loaded),
            [namespace_id, generation, *_key_arrays(table, keys)],
        )
        return [table.row(record) for record in cursor]


def fetch_values(
    conn: Connection,
    table: Table[Any],
    namespace_id: int,
    generation: int,
    keys: Sequence[msgspec.Struct],
) -> list[Values]:
    """Return all columns of the rows of these keys, in no order; jsonb as objects."""
    with conn.cursor(binary=True) as cursor:
        cursor.adapters.register_loader("jsonb", JsonObject)
        cursor.execute(
            _fetch_statement(table, table.column_names),
            [namespace_id, generation, *_key_arrays(table, keys)],
        )
        return cursor.fetchall()


def count_rows(conn: Connection, table: Table[Any], namespace_id: int, generation: int) -> int:
    """Return how many rows a table has of a generation."""
    row = conn.execute(_count_statement(table), [namespace_id, generation]).fetchone()
    return 0 if row is None else row[0]


def stream_keys(
    conn: Connection, table: Table[Any], namespace_id: int, generation: int
) -> Iterator[Values]:
    """Yield the key columns of every row of a generation, in no order.

    Needs a transaction: the rows come by a cursor of the server.
    """
    with conn.cursor("keys", binary=True) as cursor:
        cursor.execute(_keys_statement(table), [namespace_id, generation])
        yield from cursor


def delete_rows(
    conn: Connection, table: Table[Any], namespace_id: int, generation: int, keys: Sequence[Key]
) -> None:
    """Delete the rows of these keys."""
    conn.execute(_delete_statement(table), [namespace_id, generation, *_key_arrays(table, keys)])


def copy_rows(
    conn: Connection, table: Table[Any], namespace_id: int, generation: int, rows: Iterable[Row]
) -> None:
    """Insert rows that are not there yet; by COPY, the fastest way for many."""
    values_in = table.values_in
    copy_lines(conn, table, namespace_id, generation, (values_in(row, BINARY) for row in rows))


def copy_lines(
    conn: Connection,
    table: Table[Any],
    namespace_id: int,
    generation: int,
    lines: Iterable[Values],
) -> None:
    """Insert rows whose values have the binary form already."""
    with conn.cursor() as cursor:
        # By its type alone psycopg would take for bytea the dumper that was registered last, of
        # DB-API's Binary, which is written in Python: a third of a row's price.
        cursor.adapters.register_dumper(bytes, BytesBinaryDumper)
        with cursor.copy(copy_statement(table)) as copy:
            copy.set_types(copy_types(table))
            for line in lines:
                copy.write_row((namespace_id, generation, *line))


@cache
def copy_types(table: Table[Any]) -> list[str]:
    """Return the types of what COPY is given for a table, place included."""
    types = [BINARY_TYPES.get(column.type, column.type) for column in table.columns]
    return [*_PLACE_TYPES, *types]


def _key_arrays(table: Table[Any], keys: Sequence[msgspec.Struct]) -> list[list[Any]]:
    """Return one array for each key column."""
    if not table.key_length:
        return []
    return [list(array) for array in zip(*map(key_values, keys), strict=True)]


@cache
def _fetch_statement(table: Table[Any], columns: tuple[str, ...]) -> sql.Composed:
    return _FETCH.format(
        by_key=_by_key(table),
        columns=sql.SQL(", ").join(sql.Identifier("own", name) for name in columns),
    )


@cache
def _count_statement(table: Table[Any]) -> sql.Composed:
    return _COUNT.format(table=sql.Identifier(table.name))


@cache
def _keys_statement(table: Table[Any]) -> sql.Composed:
    return _KEYS.format(
        table=sql.Identifier(table.name),
        columns=sql.SQL(", ").join(sql.Identifier(column.name) for column in table.key_columns),
    )


@cache
def _delete_statement(table: Table[Any]) -> sql.Composed:
    return _DELETE.format(table=sql.Identifier(table.name), by_key=_by_key(table))


def _by_key(table: Table[Any]) -> sql.Composed:
    key, own, wanted = (
        sql.SQL(", ").join(sql.Identifier(*relation, name) for name in _names(table))
        for relation in ((), ("own",), ("wanted",))
    )
    return _BY_KEY.format(
        wanted=_wanted(table),
        table=sql.Identifier(table.name),
        key=key,
        own_key=own,
        wanted_key=wanted,
    )


def _wanted(table: Table[Any]) -> sql.Composable:
    """Return the keys as a table: the place, and one array for each key column."""
    of: sql.Composable = sql.SQL("")
    if table.key_length:
        of = sql.SQL(", key.* FROM unnest({}) AS key").format(
            sql.SQL(", ").join(
                sql.SQL("%s::") + sql.SQL(column.type) + sql.SQL("[]")
                for column in table.key_columns
            )
        )
    # OFFSET 0 keeps the place from the planner, which would else look how often it occurs.
    return sql.SQL("(SELECT %s::integer, %s::integer{} OFFSET 0) AS wanted ({})").format(
        of, sql.SQL(", ").join(map(sql.Identifier, _names(table)))
    )


def _names(table: Table[Any]) -> list[str]:
    """Return the columns of the primary key."""
    return [*_PLACE, *(column.name for column in table.key_columns)]


@cache
def copy_statement(table: Table[Any]) -> sql.Composed:
    """Return the COPY into a table of namespace, generation and its columns."""
    return _COPY.format(
        table=sql.Identifier(table.name),
        columns=sql.SQL(", ").join(map(sql.Identifier, (*_PLACE, *table.column_names))),
    )
