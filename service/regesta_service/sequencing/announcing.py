"""Telling other processes that something was appended.

A hint, sent in a transaction of its own after the commit: NOTIFY inside the append would
make PostgreSQL serialize all commits of the database. It can be lost; readers also poll.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

import psycopg

from regesta_service.domain.rejections import DatabaseUnavailable

if TYPE_CHECKING:
    from regesta_service.log.connections import Connections

#: Listened to by the tails of every process.
CHANNEL: Final = "regesta_appended"

#: Least seconds between two hints: one wakes readers for all batches since the last.
_PAUSE: Final = 0.01
_PATIENCE: Final = 2.0
_NOTIFY: Final = f"NOTIFY {CHANNEL}"


class Announcer:
    """Sends hints from a task of its own."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._due = asyncio.Event()

    def announce(self) -> None:
        """Have a hint sent soon."""
        self._due.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send hints until the block ends."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            # The database being away is the writers' business; a lost hint is made good.
            with contextlib.suppress(psycopg.Error, DatabaseUnavailable):
                async with self._connections.borrow(_PATIENCE) as link:
                    await link.conn.execute(_NOTIFY)
            await asyncio.sleep(_PAUSE)
