"""A connection kept for one purpose: a check-out of a pool would cost more than the query."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import psycopg

from regesta_service.log.packing import Packed, PackedDumper

#: Opens a connection; the wiring decides how (DSN, prepared statements, keepalives).
Connect: TypeAlias = Callable[[], Awaitable[psycopg.AsyncConnection[Any]]]

T = TypeVar("T")

#: Longest time for one piece of work, in seconds. A connection that takes longer is
#: given up: behind a firewall that forgot it, it would be waited for for minutes.
WORK_TIMEOUT = 10.0

#: How long plans are kept at first and at last, in seconds.
_FIRST_PLANS = 1.0
_LONGEST_PLANS = 60.0


class OwnConnection:
    """One connection, made when it is first needed and replaced when it breaks.

    Its statements commit by themselves. One piece of work at a time; others wait.

    Where statements are prepared, their plans are kept: planning a set query anew takes
    several times as long as carrying it out. Since tables grow under a plan, it is made
    anew after a second, then two, and so on up to every minute.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()
        self._plans_last = _FIRST_PLANS
        self._plans_end = 0.0

    async def run(self, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[T]]) -> T:
        """Return what `work` makes of the connection.

        A connection that has broken since it was last used is replaced once, so `work`
        must be one that can be repeated.

        Raises:
            psycopg.OperationalError: The database does not answer.
            TimeoutError: It took longer than `WORK_TIMEOUT`.
        """
        async with self._lock:
            if self._connection is not None:
                try:
                    return await self._try(work)
                except (psycopg.OperationalError, psycopg.InterfaceError):
                    if self._connection is not None:
                        raise
            return await self._try(work)

    async def rows(self, query: bytes, parameters: Sequence[Packed]) -> list[tuple[Any, ...]]:
        """Return the rows of a query.

        Args:
            query: With PostgreSQL's own placeholders: `$1` and so on.
            parameters: Packed, since adapting each array costs as much as the query.
        """

        async def read(connection: psycopg.AsyncConnection[Any]) -> list[tuple[Any, ...]]:
            # A raw cursor: others parse a long query each time, looking for placeholders.
            async with psycopg.AsyncRawCursor(connection) as cursor:
                await cursor.execute(query, parameters, binary=True)
                return await cursor.fetchall()

        return await self.run(read)

    async def close(self) -> None:
        """Close the connection; later work opens another."""
        async with self._lock:
            await self._discard()

    async def _try(self, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(WORK_TIMEOUT):
                connection = self._connection
                if connection is None:
                    connection = self._connection = await self._connect()
                    await self._begin(connection)
                elif asyncio.get_running_loop().time() >= self._plans_end:
                    await self._plan_anew(connection)
                return await work(connection)
        except (asyncio.CancelledError, TimeoutError):
            # Nobody knows in what state it is.
            await self._discard()
            raise
        except psycopg.errors.QueryCanceled:
            raise
        except (psycopg.OperationalError, psycopg.InterfaceError):
            # After "terminating connection" libpq calls it usable until the next use.
            await self._discard()
            raise

    async def _begin(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.set_autocommit(True)
        connection.adapters.register_dumper(Packed, PackedDumper)
        self._plans_last = _FIRST_PLANS
        self._plans_end = asyncio.get_running_loop().time() + self._plans_last
        if connection.prepare_threshold is not None:
            connection.prepare_threshold = 0
            # Else the planner prefers a new plan each time, for arrays of known length.
            await connection.execute("SET plan_cache_mode = force_generic_plan")

    async def _plan_anew(self, connection: psycopg.AsyncConnection[Any]) -> None:
        if connection.prepare_threshold is not None:
            await connection.execute("DISCARD PLANS")
        self._plans_last = min(self._plans_last * 2, _LONGEST_PLANS)
        self._plans_end = asyncio.get_running_loop().time() + self._plans_last

    async def _discard(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
