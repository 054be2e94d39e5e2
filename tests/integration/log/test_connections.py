from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta_service.domain.rejections import DatabaseUnavailable
from regesta_service.log.connections import Connections
from regesta_service.log.partitions import Partitions

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

_BACKEND = "SELECT pg_backend_pid()"
_END = "SELECT pg_terminate_backend(%s)"


async def _backend(connections: Connections) -> int:
    async with connections.borrow(5) as link:
        row = await (await link.conn.execute(_BACKEND)).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_connection_is_used_again(database: LiveDatabase) -> None:
    connections = Connections(database.service_dsn)

    assert await _backend(connections) == await _backend(connections)

    await connections.close()


async def test_a_connection_that_was_ended_meanwhile_is_not_lent(database: LiveDatabase) -> None:
    connections = Connections(database.service_dsn)
    ended = await _backend(connections)
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute(_END, [ended])
    await asyncio.sleep(0.1)

    assert ended != await _backend(connections)

    await connections.close()


async def test_a_connection_left_in_a_transaction_is_not_lent_again(
    database: LiveDatabase,
) -> None:
    connections = Connections(database.service_dsn)
    async with connections.borrow(5) as link:
        await link.conn.execute("BEGIN")
        left = link.conn

    assert left.closed
    async with connections.borrow(5) as link:
        assert left is not link.conn
    await connections.close()


async def test_there_are_never_more_than_the_limit(database: LiveDatabase) -> None:
    connections = Connections(database.service_dsn, limit=2)

    async with connections.borrow(5), connections.borrow(5):
        with pytest.raises(DatabaseUnavailable):
            async with connections.borrow(0.1):
                pytest.fail("a third was lent")

    await _backend(connections)
    await connections.close()


async def test_a_statement_that_takes_too_long_is_hung_up_on(database: LiveDatabase) -> None:
    connections = Connections(database.service_dsn, statement_timeout=0.2)
    begun = time.monotonic()

    with pytest.raises(psycopg.OperationalError):
        async with connections.borrow(5) as link:
            await link.conn.execute("SELECT pg_sleep(30)")

    assert time.monotonic() - begun < 5
    await _backend(connections)
    await connections.close()


async def test_partitions_are_made_ahead_of_need(database: LiveDatabase) -> None:
    connections = Connections(database.service_dsn)
    partitions = Partitions(connections)

    await partitions.expect(1)
    assert ["events_000000"] == _partitions(database)
    # A million before the end: in the background.
    await partitions.expect(4_000_000)
    for _ in range(250):
        if len(_partitions(database)) == 2:
            break
        await asyncio.sleep(0.02)
    assert ["events_000000", "events_000001"] == _partitions(database)
    # Beyond the end: at once.
    await partitions.expect(9_000_000)

    assert ["events_000000", "events_000001", "events_000002"] == _partitions(database)
    await partitions.close()
    await connections.close()


def _partitions(database: LiveDatabase) -> list[str]:
    with psycopg.connect(database.service_dsn) as conn:
        rows = conn.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'regesta.events'::regclass ORDER BY 1"
        ).fetchall()
    return [name.removeprefix("regesta.") for (name,) in rows]
