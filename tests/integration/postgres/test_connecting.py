"""A connection for one look is closed however it ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import make_conninfo

from regesta_service.postgres.connecting import connected

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from tests.databases import LiveDatabase


class Interrupted:
    """Work that is cancelled at its nth wait; `waits` says how many it came to."""

    def __init__(self, work: Coroutine[Any, Any, None], at: int) -> None:
        self._work = work
        self._at = at
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait as the work does, but for the one time."""
        with suppress(StopIteration):
            waited_for = self._work.send(None)
            while True:
                self.waits += 1
                if self.waits == self._at:
                    waited_for = self._work.throw(asyncio.CancelledError())
                else:
                    yield waited_for
                    waited_for = self._work.send(None)


async def look(dsn: str) -> None:
    async with connected(dsn) as connection:
        await connection.execute("SELECT 1")


async def test_a_connection_is_closed_wherever_its_user_is_cancelled(
    database: LiveDatabase,
) -> None:
    dsn = make_conninfo(database.service_dsn, application_name="cancelled")
    at = 0
    while True:
        at += 1
        interrupted = Interrupted(look(dsn), at)
        with suppress(asyncio.CancelledError):
            await interrupted
            assert interrupted.waits < at
            break
    # Connecting, the query, and committing wait at least once each.
    assert at > 3
    await none_left(database)


async def none_left(database: LiveDatabase) -> None:
    """Wait until the database has none of the connections that were opened."""
    with psycopg.connect(database.superuser_dsn, autocommit=True) as connection:
        for _ in range(200):
            count = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cancelled'"
            ).fetchone()
            if count == (0,):
                return
            await asyncio.sleep(0.05)
    raise AssertionError(f"left open: {count}")
