"""The sequencer: every write of a process, in one line for each namespace."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol, Self

from regesta_service.domain.rejections import Draining
from regesta_service.log.connections import PATIENCE
from regesta_service.log.draft import Committed
from regesta_service.log.notices import Notices
from regesta_service.log.partitions import Partitions
from regesta_service.sequencing.batch import Waiting
from regesta_service.sequencing.lane import Bounds, Lane
from regesta_service.sequencing.writer import Means, Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from regesta_projections.records import Cause
    from regesta_service.domain.deciding import Command
    from regesta_service.log.connections import Connections
    from regesta_service.log.identity import RequestIdentity
    from regesta_service.log.stored import StoredEvent

    Listener = Callable[[str, list[StoredEvent]], None]

__all__ = ["Committed", "Namespaces", "Sequencer"]

#: Requests of one batch in bytes: what one statement sends stays a few times that.
_BATCH_BYTES: Final = 4 << 20
_WAITING_BYTES: Final = 64 << 20

#: Namespaces whose rows are kept while nothing is written to them.
_KEPT_LANES: Final = 32

#: Seconds that writes get when the sequencer is closed without having been drained.
_CLOSE_GRACE: Final = 5.0


class Namespaces(Protocol):
    """Knows namespaces by name."""

    async def namespace_id(self, name: str) -> int:
        """Return a namespace's id.

        Raises:
            NamespaceNotFound: There is none of that name.
        """


def utc_now() -> datetime:
    """Return the present time, in UTC."""
    return datetime.now(UTC)


class Sequencer:
    """Carries commands out, one after another in each namespace, many in one commit.

    Args:
        connections: To the database, used by writers alone.
        namespaces: Knows the logs.
        on_appended: Hears of events after their commit: those of this process, in order,
            once each, before the callers do. `listen` adds more.
        clock: Returns the present time, in UTC.
        max_waiting: Commands of one namespace that may wait.
        max_batch: Most commands in one commit.
        cached_rows: Rows of one namespace that are kept between batches, about 3 kB each.
        patience: Seconds within which a write is done, or given up while the database does
            not answer.
    """

    def __init__(
        self,
        connections: Connections,
        namespaces: Namespaces,
        *,
        on_appended: Listener | None = None,
        clock: Callable[[], datetime] = utc_now,
        max_waiting: int = 4_096,
        max_batch: int = 512,
        cached_rows: int = 10_000,
        patience: float = PATIENCE,
    ) -> None:
        self._namespaces = namespaces
        self._bounds = Bounds(max_waiting, _WAITING_BYTES, max_batch, _BATCH_BYTES)
        self._means = Means(
            connections,
            Partitions(connections),
            Notices(connections),
            clock,
            [] if on_appended is None else [on_appended],
            patience,
            cached_rows,
        )
        self._lanes: OrderedDict[str, Lane] = OrderedDict()
        self._draining = False

    def listen(self, listener: Listener) -> None:
        """Let somebody hear of what this process appends, as `on_appended`."""
        self._means.listeners.append(listener)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Yield the sequencer; afterwards nothing of it is under way."""
        try:
            yield self
        finally:
            await self.drain(_CLOSE_GRACE)
            await self._means.notices.close()
            await self._means.partitions.close()

    async def submit(
        self,
        namespace: str,
        command: Command,
        cause: Cause,
        request: RequestIdentity,
        *,
        deadline: float | None = None,
    ) -> Committed:
        """Decide a command and append its facts; return when they are durable.

        A caller that is cancelled before its command's turn takes it back. Afterwards the
        command is carried out all the same.

        Args:
            namespace: Name of the namespace.
            command: What to do.
            cause: By whom; its `request_id` makes `request.key`.
            request: Its identity. The same again gets the same answer.
            deadline: On the event loop's clock; after it the command is not begun.

        Raises:
            Rejection: Nothing was appended, but for `DatabaseUnavailable`: repeat the request
                to learn what is so.
            TimeoutError: The deadline passed first; nothing was appended.
        """
        lane = self._lanes.get(namespace) or await self._open(namespace)
        if self._draining:
            raise Draining("the server is about to stop; nothing was written")
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        lane.add(Waiting(command, cause, request, future, deadline))
        self._lanes.move_to_end(namespace)
        return await future

    async def drain(self, grace: float) -> None:
        """Accept nothing more, and finish what waits.

        Args:
            grace: Seconds it gets; what was not begun by then is refused as `Draining`, what
                was begun as `DatabaseUnavailable`.
        """
        self._draining = True
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if not tasks:
            return
        await asyncio.wait(tasks, timeout=grace)
        for lane in self._lanes.values():
            lane.refuse_waiting()
            if lane.task is not None:
                lane.task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self, namespace: str) -> Lane:
        """Return a new lane, or the one that was opened meanwhile."""
        log_id = await self._namespaces.namespace_id(namespace)
        lane = self._lanes.get(namespace)
        if lane is None:
            self._close_idle()
            lane = Lane(Writer(namespace, log_id, self._means), self._bounds)
            self._lanes[namespace] = lane
        return lane

    def _close_idle(self) -> None:
        """Forget the longest unused lanes that nobody waits in, when there are many."""
        idle = [name for name, lane in self._lanes.items() if lane.task is None]
        for name in idle[: max(len(self._lanes) + 1 - _KEPT_LANES, 0)]:
            del self._lanes[name]
