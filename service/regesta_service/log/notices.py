"""Telling other processes that a log has grown: a hint, which may be lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import psycopg

from regesta_service.domain.rejections import DatabaseUnavailable
from regesta_service.log.connections import PATIENCE

if TYPE_CHECKING:
    from regesta_service.log.connections import Connections

#: Listened to by the tails of every process; a notice is `{namespace_id}:{size}`.
CHANNEL: Final = "regesta_appended"

#: Seconds between two statements; what grows meanwhile is told together.
_PAUSE: Final = 0.02


_NOTIFY: Final = f"SELECT pg_notify('{CHANNEL}', n) FROM unnest(%s::text[]) AS n"  # noqa: S608


class Notices:
    """Sends notices in statements of their own, off the path of the writes.

    NOTIFY takes a lock of the whole database until its transaction ends, so it must not be
    part of an append.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._sizes: dict[int, int] = {}
        self._task: asyncio.Task[None] | None = None

    def tell(self, log_id: int, size: int) -> None:
        """Have others told, soon, that a log has this size; never waits."""
        self._sizes[log_id] = size
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send())

    async def close(self) -> None:
        """Send what is left, and stop."""
        if self._task is not None:
            await self._task

    async def _send(self) -> None:
        try:
            while self._sizes:
                sizes, self._sizes = self._sizes, {}
                notices = [f"{log_id}:{size}" for log_id, size in sizes.items()]
                async with self._connections.borrow(PATIENCE) as link:
                    await link.conn.execute(_NOTIFY, [notices])
                await asyncio.sleep(_PAUSE)
        except (DatabaseUnavailable, psycopg.Error):
            # Only a hint: those who would have heard it poll.
            self._sizes.clear()
        finally:
            self._task = None
