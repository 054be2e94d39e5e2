"""Deadlines of calls, watched by one timer for all of them.

`asyncio.timeout` makes and cancels a timer for each call; two of them took a third of
the guard's time. Deadlines of seconds need no such precision: one timer looks at all
calls under way every `TICK` seconds, and rests while there are none.
"""

from __future__ import annotations

import asyncio
from typing import Final

#: Seconds between two looks: how late a deadline may be kept.
TICK: Final = 0.05


class Deadline:
    """The deadline of one task; move `at` to give it another."""

    __slots__ = ("at", "passed", "task")

    def __init__(self, task: asyncio.Task[object], at: float) -> None:
        self.task = task
        #: On the event loop's clock.
        self.at = at
        #: Set when the task was cancelled because its time was over.
        self.passed = False


class Deadlines:
    """Cancels tasks whose deadline has passed."""

    def __init__(self) -> None:
        self._watched: set[Deadline] = set()
        self._ticking = False

    def watch(self, at: float) -> Deadline:
        """Watch over the running task until `end` is called.

        When the deadline passes, the task is cancelled and `passed` is set; whoever
        catches the CancelledError calls `task.uncancel()` if it goes on.

        Args:
            at: On the event loop's clock.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is for a task")
        deadline = Deadline(task, at)
        self._watched.add(deadline)
        if not self._ticking:
            self._ticking = True
            task.get_loop().call_later(TICK, self._look)
        return deadline

    def end(self, deadline: Deadline) -> None:
        """Stop watching."""
        self._watched.discard(deadline)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for deadline in [each for each in self._watched if each.at <= now]:
            self._watched.discard(deadline)
            deadline.passed = True
            deadline.task.cancel()
        self._ticking = bool(self._watched)
        if self._ticking:
            loop.call_later(TICK, self._look)
