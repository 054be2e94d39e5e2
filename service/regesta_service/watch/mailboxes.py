"""Mailboxes: what waits to be sent to one subscriber, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regesta_service.reads.events import Selection


class Mailbox:
    """Messages for one subscriber.

    Args:
        selection: Which events it wants.
        max_events: Most messages that may wait.
        max_bytes: Most bytes that may wait; one message may be longer.
    """

    def __init__(self, selection: Selection, max_events: int, max_bytes: int) -> None:
        self.selection = selection
        #: Events up to here are not put in: they were sent already.
        self.after = 0
        #: Set when more waited than may; nothing is put in any more.
        self.overflowed = False
        #: Set when the log it was filled from is no longer followed.
        self.ended = False
        #: Set when there is something to look at.
        self.ready = asyncio.Event()
        self._max_events = max_events
        self._room = max_bytes
        self._messages: deque[tuple[int, bytes]] = deque()

    def __bool__(self) -> bool:
        """Whether a message waits."""
        return bool(self._messages)

    def put(self, position: int, message: bytes) -> bool:
        """Put in the message of an event; say whether there was room."""
        if len(self._messages) >= self._max_events or (
            self._messages and len(message) > self._room
        ):
            self.overflowed = True
            self._messages.clear()
            self.ready.set()
            return False
        self._room -= len(message)
        self._messages.append((position, message))
        self.ready.set()
        return True

    def take(self) -> tuple[int, bytes]:
        """Return the oldest message and its event's position."""
        position, message = self._messages.popleft()
        self._room += len(message)
        return position, message

    def end(self) -> None:
        """Say that nothing more will come."""
        self.ended = True
        self.ready.set()

    async def wait(self, seconds: float) -> None:
        """Wait until there is something to look at, at most some seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self.ready.wait()
        except TimeoutError:
            return
        self.ready.clear()
