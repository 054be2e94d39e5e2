from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from regesta_projections.forms import BINARY
from regesta_projections.tables import TABLES
from regesta_service.log import packing
from regesta_service.log.connections import Connections
from tests.support.log_builder import LogBuilder
from tests.support.rich_log import rich_log

if TYPE_CHECKING:
    from tests.databases import LiveDatabase


def test_every_type_arrives_as_it_was_and_none_is_null(database: LiveDatabase) -> None:
    kinds = ("bigint", "boolean", "bytea", "integer", "smallint", "text", "uuid", "timestamptz")
    key = uuid.uuid4()
    moment = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
    values = (-(1 << 40), True, b"\0\xff", -7, -3, "é\U0001f600" * 200, key)
    columns = ", ".join(f"c{number} {kind}" for number, kind in enumerate(kinds))
    row = packing.Composite(kinds)

    with psycopg.connect(database.owner_dsn) as conn:
        conn.execute(f"CREATE TYPE regesta.sample AS ({columns})")
        conn.adapters.register_dumper(packing.Packed, packing.PackedDumper)
        [(oid,)] = conn.execute("SELECT 'regesta.sample'::regtype::oid::bigint").fetchall()
        packed = packing.array(
            oid, [row.pack((*values, packing.microseconds(moment))), row.pack([None] * 8)]
        )
        found = conn.execute("SELECT * FROM unnest(%s::regesta.sample[])", [packed]).fetchall()

    assert [(*values, moment), (None,) * 8] == found


@pytest.mark.parametrize(
    ("packed", "cast", "expected"),
    [
        (packing.text_array(["a", "é", ""]), "text[]", ["a", "é", ""]),
        (packing.text_array([]), "text[]", []),
        (packing.integer_array([1, -1]), "integer[]", [1, -1]),
        (packing.uuid_array([uuid.UUID(int=5)]), "uuid[]", [uuid.UUID(int=5)]),
        (packing.integer(-5), "integer", -5),
        (packing.bigint(1 << 62), "bigint", 1 << 62),
    ],
)
def test_parameters_arrive_as_they_were(
    database: LiveDatabase, packed: packing.Packed, cast: str, expected: object
) -> None:
    with psycopg.connect(database.service_dsn) as conn:
        conn.adapters.register_dumper(packing.Packed, packing.PackedDumper)
        [(found,)] = conn.execute(f"SELECT %s::{cast}", [packed]).fetchall()

    assert expected == found


async def test_rows_of_every_table_come_back_as_they_went(database: LiveDatabase) -> None:
    log: LogBuilder = rich_log()
    rows = [row for row in log.rows.values() if row is not None]
    connections = Connections(database.service_dsn)
    async with connections.borrow(5) as link:
        for kind, table in TABLES.items():
            own = [row for row in rows if isinstance(row, kind)]
            composite = packing.Composite(
                ("integer", "integer", *(column.type for column in table.columns))
            )
            packed = packing.array(
                link.oids[table.name],
                [composite.pack((1, 1, *table.values_in(row, BINARY))) for row in own],
            )
            cursor = await link.conn.execute(_rows_of(table), [packed], binary=True)
            assert own
            assert own == [table.row(record) for record in await cursor.fetchall()]
    await connections.close()


def _rows_of(table: Any) -> psycopg.sql.Composed:
    return psycopg.sql.SQL("SELECT {} FROM unnest(%s::regesta.{}[])").format(
        psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, table.loaded)),
        psycopg.sql.Identifier(table.name),
    )
