"""The tail: what this process has seen of a namespace's log, event by event.

Every event passes here once and in order, whether this process appended it, was told of
it or found it by polling. Caches over the log are exact because they listen here.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from regesta_service.log.stored import StoredEvent


class TailListener(Protocol):
    """Hears of what happens to a log. Called between two steps of the event loop."""

    def appended(self, tail: Tail, events: Sequence[StoredEvent]) -> None:
        """Hear of events, in order, once each; `tail.position` is still the one before."""

    def rebuilt(self, tail: Tail) -> None:
        """Hear that the projections were rebuilt: what was read from them may differ now."""

    def ended(self, tail: Tail) -> None:
        """Hear that this tail tells no more: it was stopped, or the log was set back.

        Nothing that was derived by way of it may be trusted any longer.
        """


@dataclass(order=True, slots=True)
class _Waiter:
    position: int
    number: int
    #: Whether the position was reached.
    future: asyncio.Future[bool] = field(compare=False)


class Tail:
    """The end of one namespace's log as this process knows it.

    Attributes:
        namespace: Its name.
        namespace_id: Its number in the database.
        position: The last event seen; everything up to it has been handed to listeners.
        generation: Which rows of the projections are in use.
        touched: Set by whoever uses the tail, so that it is not stopped.
    """

    __slots__ = (
        "_listeners",
        "_numbers",
        "_waiters",
        "_wake",
        "generation",
        "namespace",
        "namespace_id",
        "position",
        "subscribers",
        "touched",
    )

    def __init__(
        self,
        namespace: str,
        namespace_id: int,
        *,
        position: int,
        generation: int,
        wake: Callable[[], None],
    ) -> None:
        self.namespace = namespace
        self.namespace_id = namespace_id
        self.position = position
        self.generation = generation
        self.touched = True
        #: How many streams depend on it: it polls often and is not stopped.
        self.subscribers = 0
        self._wake = wake
        self._listeners: list[TailListener] = []
        self._waiters: list[_Waiter] = []
        self._numbers = itertools.count()

    @property
    def watched(self) -> bool:
        """Whether somebody waits for the next event."""
        return self.subscribers > 0 or bool(self._waiters)

    def add(self, listener: TailListener) -> None:
        """Add a listener, called after those that were added before."""
        self._listeners.append(listener)

    def remove(self, listener: TailListener) -> None:
        """Remove a listener; a tail that has ended has none."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def wake(self) -> None:
        """Have the log looked at now instead of at the next poll."""
        self._wake()

    def offer(self, events: Sequence[StoredEvent]) -> bool:
        """Take events that follow each other, as far as they are new.

        Returns:
            Whether they join on to what was seen; if not, there is a gap before them,
            nothing was taken, and the log is looked at now.
        """
        skip = self.position + 1 - events[0].position if events else 0
        if skip < 0:
            self._wake()
            return False
        new = events[skip:] if skip else events
        if new:
            for listener in self._listeners:
                listener.appended(self, new)
            self.position = new[-1].position
            self._release()
        return True

    def rebuilt(self, generation: int) -> None:
        """Take note of another generation of the projections."""
        self.generation = generation
        for listener in tuple(self._listeners):
            listener.rebuilt(self)

    def end(self) -> None:
        """Tell everybody that this tail tells no more."""
        for listener in tuple(self._listeners):
            listener.ended(self)
        self._listeners.clear()
        for waiter in self._waiters:
            if not waiter.future.done():
                waiter.future.set_result(False)
        self._waiters.clear()

    async def wait_for(self, position: int, timeout: float) -> bool:
        """Wait until an event has been seen.

        Args:
            position: Its position.
            timeout: Longest wait in seconds.

        Returns:
            Whether it has been seen.
        """
        if self.position >= position:
            return True
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, _Waiter(position, next(self._numbers), future))
        self._wake()
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            return False
        finally:
            self._forget_abandoned()

    def _release(self) -> None:
        while self._waiters and self._waiters[0].position <= self.position:
            future = heapq.heappop(self._waiters).future
            if not future.done():
                future.set_result(True)

    def _forget_abandoned(self) -> None:
        while self._waiters and self._waiters[0].future.done():
            heapq.heappop(self._waiters)
