"""A lane: one namespace's waiting commands, taken in batches by one task."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from regesta_service.domain.rejections import DatabaseUnavailable, Draining, Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable

    from regesta_service.sequencing.batch import Waiting
    from regesta_service.sequencing.writer import Writer

_log = structlog.get_logger("sequencing")

#: Bounds of the time after which a caller who was turned away is asked to come back, seconds.
_SOONEST: Final = 0.05
_LATEST: Final = 5.0

#: Weight of the latest batch in the pace.
_NEWS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait, and how much is taken at once; bytes are those of the requests."""

    waiting: int
    waiting_bytes: int
    batch: int
    batch_bytes: int


class Lane:
    """Commands of one namespace, first come, first served."""

    def __init__(self, writer: Writer, bounds: Bounds) -> None:
        self._writer = writer
        self._bounds = bounds
        self._queue: deque[Waiting] = deque()
        self._bytes = 0
        self._taken: list[Waiting] = []
        self._task: asyncio.Task[None] | None = None
        # Seconds a command takes of late.
        self._pace = 0.001

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task that works on it; None when nothing waits."""
        return self._task

    def add(self, waiting: Waiting) -> None:
        """Let a command wait for its turn.

        Raises:
            Overloaded: Too much waits already.
        """
        bounds, size = self._bounds, waiting.request.size_bytes
        if len(self._queue) >= bounds.waiting or (
            self._queue and self._bytes + size > bounds.waiting_bytes
        ):
            delay = len(self._queue) * self._pace
            raise Overloaded(
                f"{len(self._queue)} writes wait already; try again a little later",
                retry_after=min(max(delay, _SOONEST), _LATEST),
            )
        self._queue.append(waiting)
        self._bytes += size
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def refuse_waiting(self) -> None:
        """Turn away whatever was not taken yet: nothing came of it."""
        self._fail_waiting(lambda: Draining("the server is about to stop; nothing was written"))

    async def _run(self) -> None:
        try:
            while self._queue:
                # Callers that were answered together come back together: let them.
                await asyncio.sleep(0)
                self._taken = self._take()
                if self._taken:
                    await self._write(self._taken)
        finally:
            self._taken = []
            self._task = None

    async def _write(self, batch: list[Waiting]) -> None:
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            await self._writer.write(batch)
        except DatabaseUnavailable:
            _fail(batch, _unknown)
            # They would only wait as long again.
            self._fail_waiting(_unknown)
        except asyncio.CancelledError:
            _fail(batch, _unknown)
            raise
        except Exception as fault:  # noqa: BLE001  callers wait for an answer
            _log.exception("batch_failed")
            for waiting in batch:
                waiting.answer(fault)
        self._pace += _NEWS * ((clock() - started) / len(batch) - self._pace)

    def _take(self) -> list[Waiting]:
        """Return the next batch, without those whose callers have gone."""
        bounds, now = self._bounds, asyncio.get_running_loop().time()
        batch: list[Waiting] = []
        size = 0
        while self._queue and len(batch) < bounds.batch:
            waiting = self._queue[0]
            if batch and size + waiting.request.size_bytes > bounds.batch_bytes:
                break
            self._queue.popleft()
            self._bytes -= waiting.request.size_bytes
            if waiting.deadline is not None and waiting.deadline <= now:
                waiting.answer(TimeoutError("its time was up before its turn came"))
            elif not waiting.future.done():
                size += waiting.request.size_bytes
                batch.append(waiting)
        return batch

    def _fail_waiting(self, failure: Callable[[], Exception]) -> None:
        _fail(self._queue, failure)
        self._queue.clear()
        self._bytes = 0


def _fail(commands: list[Waiting] | deque[Waiting], failure: Callable[[], Exception]) -> None:
    for waiting in commands:
        waiting.answer(failure())


def _unknown() -> Exception:
    return DatabaseUnavailable("the database does not answer; repeat with the same request id")
