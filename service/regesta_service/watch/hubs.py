"""Hubs: each event of a namespace is serialized once and handed to all who want it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import psycopg
import structlog

from regesta_projections.wire import part
from regesta_service.reads.disclosures import Text, event_bytes, has_texts, read_all_texts

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.log.stored import StoredEvent
    from regesta_service.reads.tail import Tail
    from regesta_service.watch.mailboxes import Mailbox

#: Longest wait between two attempts to read texts, in seconds.
_MAX_BACKOFF = 2.0

log = structlog.get_logger()


class Hub:
    """Hands the events of one log to mailboxes, in order.

    Attributes:
        position: Up to here every mailbox that is attached has got what it wants.
    """

    def __init__(self, tail: Tail, pool: AsyncConnectionPool) -> None:
        self.position = tail.position
        self._namespace_id = tail.namespace_id
        self._pool = pool
        self._boxes: set[Mailbox] = set()
        self._pending: deque[Sequence[StoredEvent]] = deque()
        self._reading: asyncio.Task[None] | None = None
        self._over = False

    def attach(self, box: Mailbox, after: int) -> None:
        """Fill a mailbox from now on.

        Args:
            box: Which one.
            after: Its subscriber has what it wants up to here; at least `position`.
        """
        box.after = after
        self._boxes.add(box)
        if self._over:
            box.end()

    def detach(self, box: Mailbox) -> None:
        """Fill a mailbox no longer."""
        self._boxes.discard(box)

    def appended(self, tail: Tail, events: Sequence[StoredEvent]) -> None:  # noqa: ARG002
        """Hand events on, at once when there is nothing to be read for them."""
        if self._reading is None and not self._wanting_texts(events):
            self._hand_out(events, {})
            return
        self._pending.append(events)
        if self._reading is None:
            self._reading = asyncio.create_task(self._work_off())

    def rebuilt(self, tail: Tail) -> None:
        """Events do not depend on projections."""

    def ended(self, tail: Tail) -> None:  # noqa: ARG002
        """End all subscriptions."""
        self.close()
        for box in self._boxes:
            box.end()

    def close(self) -> None:
        """Stop working."""
        self._over = True
        if self._reading is not None:
            self._reading.cancel()

    async def _work_off(self) -> None:
        """Hand out what is pending, with its texts."""
        try:
            while self._pending:
                events = self._pending[0]
                texts: dict[int, list[Text]] = {}
                read: set[int] = set()
                # Whoever came while texts were read may want those of other events too.
                while missing := [e for e in self._wanting_texts(events) if e.position not in read]:
                    texts |= await self._texts_of(missing)
                    read.update(event.position for event in missing)
                self._hand_out(events, texts)
                self._pending.popleft()
        finally:
            self._reading = None

    def _wanting_texts(self, events: Sequence[StoredEvent]) -> list[StoredEvent]:
        """Return the events that have texts and that somebody wants."""
        return [
            event
            for event in events
            if has_texts(event) and any(box.selection.matches(event) for box in self._boxes)
        ]

    async def _texts_of(self, events: Sequence[StoredEvent]) -> dict[int, list[Text]]:
        """Read the texts of events, however long the database is away."""
        backoff = 0.1
        while True:
            try:
                async with self._pool.connection() as connection:
                    return await read_all_texts(connection, self._namespace_id, events)
            except psycopg.Error as error:
                log.warning("watch_lost_database", error=type(error).__name__, retry_in=backoff)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _MAX_BACKOFF)

    def _hand_out(self, events: Sequence[StoredEvent], texts: Mapping[int, Sequence[Text]]) -> None:
        boxes = tuple(self._boxes)
        for event in events:
            message: bytes | None = None
            for box in boxes:
                if event.position <= box.after or not box.selection.matches(event):
                    continue
                if message is None:
                    message = part(1, event_bytes(event, texts.get(event.position, ())))
                if not box.overflowed and not box.put(event.position, message):
                    self._boxes.discard(box)
        self.position = events[-1].position
