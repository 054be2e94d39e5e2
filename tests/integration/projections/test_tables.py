"""The tables as the code describes them are the tables as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import psycopg
import pytest

from regesta_projections.comparing import same
from regesta_projections.forms import OBJECTS
from regesta_projections.rebuild import ALL_TABLES
from regesta_projections.rows import Key, Row
from regesta_projections.statements import count_rows, delete_rows, fetch_rows, fetch_values
from regesta_projections.tables import TABLES, TABLES_BY_KEY, Table, key_values
from tests.support.rich_log import rich_log

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

ALL = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)

EVERY = pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)

_COLUMNS = """
SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = format('regesta.%%s', %s::text)::regclass AND attnum > 0 ORDER BY attnum
"""
_KEY = """
SELECT array_agg(attname::text ORDER BY ordinality)
FROM pg_index, unnest(indkey) WITH ORDINALITY AS k (attnum, ordinality)
JOIN pg_attribute USING (attnum)
WHERE indrelid = format('regesta.%%s', %s::text)::regclass AND indisprimary
    AND attrelid = indrelid
"""


def test_every_row_and_every_key_has_its_table():
    assert set(get_args(Row)) == set(TABLES)
    assert set(get_args(Key)) == set(TABLES_BY_KEY)
    assert set(map(id, TABLES.values())) == set(map(id, TABLES_BY_KEY.values()))


@EVERY
def test_columns_are_those_of_the_schema_in_their_order(database: LiveDatabase, table: Table[Any]):
    with psycopg.connect(database.service_dsn) as conn:
        columns = conn.execute(_COLUMNS, [table.name]).fetchall()
        (key,) = conn.execute(_KEY, [table.name]).fetchone() or ([],)

    spelled = [
        (name, kind.replace("timestamp with time zone", "timestamptz")) for name, kind in columns
    ]
    own = [(column.name, column.type) for column in table.columns]
    assert [("namespace_id", "integer"), ("generation", "integer"), *own] == spelled
    assert ["namespace_id", "generation", *(column.name for column in table.key_columns)] == key


@ALL
def test_a_row_comes_back_from_its_table_as_it_was(database: LiveDatabase, table: Table[Any]):
    log = rich_log()
    rows = {key: row for key, row in log.rows.items() if isinstance(row, table.kind)}
    with psycopg.connect(database.service_dsn) as conn:
        place = log.write(conn), 1
        found = fetch_rows(conn, table, *place, list(rows))
        values = fetch_values(conn, table, *place, list(rows))

    assert rows
    assert rows == {row.key: row for row in found}
    own = [table.values_in(row, OBJECTS) for row in found]
    assert len(own) == len(values)
    for expected, stored in zip(sorted(own, key=str), sorted(values, key=str), strict=True):
        # Not ==, as PostgreSQL spells a large double as whole number.
        assert all(map(same, expected, stored))
    assert all(key_values(row.key) == table.values(row)[: table.key_length] for row in found)


@ALL
def test_only_the_rows_that_are_named_are_fetched_and_deleted(
    database: LiveDatabase, table: Table[Any]
):
    log = rich_log()
    keys = [key for key, row in log.rows.items() if isinstance(row, table.kind)]
    with psycopg.connect(database.service_dsn) as conn:
        place = log.write(conn), 1
        found = fetch_rows(conn, table, *place, keys[:1])
        elsewhere = fetch_rows(conn, table, place[0], 2, keys)
        delete_rows(conn, table, *place, keys[:1])
        rest = count_rows(conn, table, *place)

    assert keys[:1] == [row.key for row in found]
    assert [] == elsewhere
    assert len(keys) - 1 == rest
