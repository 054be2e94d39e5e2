"""Keeps partitions of the log ready beyond its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import psycopg
import structlog

from regesta_service.domain.rejections import DatabaseUnavailable
from regesta_service.log.connections import PATIENCE

if TYPE_CHECKING:
    from regesta_service.log.connections import Connections

_log = structlog.get_logger("partitions")

#: Events before the end of the last partition at which the next one is made: hours ahead.
_MARGIN: Final = 1_048_576

#: More events than one batch can have.
_BATCH: Final = 65_536

_RETRY_SECONDS: Final = 5.0

_SIZE: Final = "SELECT size FROM regesta.logs WHERE namespace_id = %s"
_EXTEND: Final = "SELECT regesta.extend_events(%s)"
# Making one waits for everybody who reads the log, and everybody who appends waits behind it.
_BRIEFLY: Final = "SET LOCAL lock_timeout = '500ms'"


class Partitions:
    """What this process knows of the partitions, which all namespaces share."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        # Position up to which there are partitions, as far as this process knows.
        self._end = 0
        self._task: asyncio.Task[None] | None = None

    async def prepare(self, log_id: int) -> None:
        """Make sure that a log can grow, before this process's first write to it.

        Raises:
            DatabaseUnavailable: There is no connection.
            psycopg.Error: It failed.
        """
        async with self._connections.borrow(PATIENCE) as link:
            cursor = await link.conn.execute(_SIZE, [log_id])
            row = await cursor.fetchone()
        await self.expect(row[0] if row else 0)

    async def expect(self, size: int) -> None:
        """Make sure that a batch can follow on a log of that size; waits only if it must.

        Far ahead of need, partitions are made in the background.

        Raises:
            DatabaseUnavailable: There is no connection.
            psycopg.Error: It failed.
        """
        if size + _BATCH > self._end:
            await self._extend(size + _BATCH)
        elif size + _MARGIN > self._end and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._extend_ahead(size))

    async def close(self) -> None:
        """Stop what is under way in the background."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _extend_ahead(self, size: int) -> None:
        try:
            await self._extend(size + _MARGIN, _BRIEFLY)
        except (psycopg.Error, DatabaseUnavailable) as problem:
            _log.info("partition_postponed", size=size, problem=type(problem).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
        finally:
            self._task = None

    async def _extend(self, beyond: int, *before: str) -> None:
        async with self._connections.borrow(PATIENCE) as link, link.conn.transaction():
            for statement in before:
                await link.conn.execute(statement)
            cursor = await link.conn.execute(_EXTEND, [beyond])
            row = await cursor.fetchone()
        if row is not None:
            self._end = max(self._end, row[0])
