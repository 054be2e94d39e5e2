"""A connection kept for one purpose: a check-out of a pool would cost more than the query."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import psycopg

#: Opens a connection; the wiring decides how (DSN, prepared statements, keepalives).
Connect: TypeAlias = Callable[[], Awaitable[psycopg.AsyncConnection[Any]]]

T = TypeVar("T")

#: Longest time for one piece of work, in seconds. A connection that takes longer is
#: given up: behind a firewall that forgot it, it would be waited for for minutes.
WORK_TIMEOUT = 10.0


class OwnConnection:
    """One connection, made when it is first needed and replaced when it breaks.

    Its statements commit by themselves. One piece of work at a time; others wait.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._lock = asyncio.Lock()

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

    async def close(self) -> None:
        """Close the connection; later work opens another."""
        async with self._lock:
            await self._discard()

    async def _try(self, work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(WORK_TIMEOUT):
                if self._connection is None:
                    self._connection = await self._connect()
                    await self._connection.set_autocommit(True)
                return await work(self._connection)
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

    async def _discard(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
