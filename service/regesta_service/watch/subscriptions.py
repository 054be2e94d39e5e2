"""Subscriptions: the past from the database, then what is appended, without a seam."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regesta.v1 import watch_service_pb2 as pb
from regesta_projections.wire import part
from regesta_service.domain.rejections import (
    DatabaseUnavailable,
    Draining,
    PermissionLost,
    Rejection,
    SubscriberTooSlow,
)
from regesta_service.reads.consistency import beyond_the_end
from regesta_service.reads.disclosures import event_bytes, read_all_texts
from regesta_service.reads.events import read_chunk
from regesta_service.watch.hubs import Hub
from regesta_service.watch.mailboxes import Mailbox

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.events import Selection
    from regesta_service.reads.lookups import Lookups
    from regesta_service.reads.tail import Tail
    from regesta_service.reads.tails import Tails

#: Events read from the database at once.
CHUNK: Final = 500

#: Seconds after which a subscriber's permission is looked at again at the latest.
RECHECK: Final = 5.0


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who subscribes, as far as it matters here."""

    #: Set when the server drains.
    draining: asyncio.Event
    #: Whether the permission still holds.
    still_allowed: Callable[[], bool]
    #: Seconds between heartbeats while nothing is sent.
    heartbeat: float


class _Closing(Exception):
    """The stream has to end."""

    def __init__(self, refusal: Rejection) -> None:
        self.refusal = refusal


class Subscriptions:
    """Serves subscribers of all namespaces.

    Args:
        tails: Follows the logs.
        lookups: Looks at the head of a log.
        pool: For events of the past, and texts.
        max_events: Most events that wait for one subscriber; past it the stream is closed.
        max_bytes: Most bytes that do.
    """

    def __init__(
        self,
        tails: Tails,
        lookups: Lookups,
        pool: AsyncConnectionPool,
        *,
        max_events: int = 1_000,
        max_bytes: int = 32 << 20,
    ) -> None:
        self._tails = tails
        self._lookups = lookups
        self._pool = pool
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._hubs: dict[Tail, tuple[Hub, int]] = {}

    async def stream(
        self, namespace: str, after: int | None, selection: Selection, watcher: Watcher
    ) -> AsyncGenerator[bytes, None]:
        """Yield serialized SubscribeResponses until the stream has to end.

        The first is a heartbeat, so that the caller knows at once that it is served and
        from where. The last one before a refusal names the position to resume after.

        Args:
            namespace: The namespace.
            after: Begin after this position; None begins with the next new event.
            selection: Which events.
            watcher: Who subscribes.

        Raises:
            MomentOutOfRange: The position is beyond the end of the log.
            SubscriberTooSlow: More waited than may.
            PermissionLost: The permission is gone.
            Draining: The server drains.
            DatabaseUnavailable: The log was set back, or is no longer followed.
        """
        tail = await self._tails.tail(namespace)
        size = await self._lookups.size(tail.namespace_id)
        if after is None:
            after = size
        elif after > size:
            raise beyond_the_end(after, size)
        async with self._hub(tail) as hub:
            box = Mailbox(selection, self._max_events, self._max_bytes)
            subscription = _Subscription(hub, box, watcher, after)
            drained = asyncio.create_task(_forward(watcher.draining, box.ready))
            try:
                yield subscription.heartbeat()
                async with aclosing(self._past(tail, subscription)) as past:
                    async for message in past:
                        yield message
                # Nothing is awaited in between, so nothing can be missed.
                hub.attach(box, subscription.position)
                async with aclosing(subscription.live()) as live:
                    async for message in live:
                        yield message
            except _Closing as closing:
                yield subscription.closing(closing.refusal.reason)
                raise closing.refusal from None
            finally:
                drained.cancel()
                hub.detach(box)

    async def _past(self, tail: Tail, subscription: _Subscription) -> AsyncGenerator[bytes, None]:
        """Yield what is in the log already, until the hub is reached."""
        while subscription.position < subscription.hub.position:
            async with self._pool.connection() as connection:
                chunk = await read_chunk(
                    connection,
                    tail.namespace_id,
                    after=subscription.position,
                    limit=CHUNK,
                    selection=subscription.box.selection,
                )
                texts = await read_all_texts(connection, tail.namespace_id, chunk.events)
            for event in chunk.events:
                subscription.check()
                yield subscription.sent(
                    event.position,
                    part(1, event_bytes(event, texts.get(event.position, ()))),
                )
            subscription.position = chunk.position
            if subscription.silent_for() >= subscription.watcher.heartbeat:
                yield subscription.heartbeat()
            subscription.check()

    @asynccontextmanager
    async def _hub(self, tail: Tail) -> AsyncIterator[Hub]:
        """Give a namespace's hub, made for the first subscriber and dropped after the last."""
        hub, users = self._hubs.get(tail, (None, 0))
        if hub is None:
            hub = Hub(tail, self._pool)
            tail.add(hub)
        self._hubs[tail] = hub, users + 1
        tail.subscribers += 1
        tail.wake()
        try:
            yield hub
        finally:
            tail.subscribers -= 1
            _, users = self._hubs.pop(tail)
            if users > 1:
                self._hubs[tail] = hub, users - 1
            else:
                hub.close()
                tail.remove(hub)


class _Subscription:
    """One stream: how far it has come and when it last said something."""

    def __init__(self, hub: Hub, box: Mailbox, watcher: Watcher, position: int) -> None:
        self.hub = hub
        self.box = box
        self.watcher = watcher
        #: Every event up to here that is wanted has been sent.
        self.position = position
        self._now = asyncio.get_running_loop().time
        self._spoke = self._now()

    def silent_for(self) -> float:
        """Return the seconds since something was sent."""
        return self._now() - self._spoke

    def sent(self, position: int, message: bytes) -> bytes:
        """Note that an event is being sent, and return its message."""
        self.position = position
        self._spoke = self._now()
        return message

    def heartbeat(self) -> bytes:
        """Return a heartbeat."""
        heartbeat = pb.SubscribeResponse(heartbeat=pb.Heartbeat(position=self.position))
        return self.sent(self.position, heartbeat.SerializeToString())

    def closing(self, reason: str) -> bytes:
        """Return the last message."""
        closing = pb.Closing(position=self.position, reason=reason)
        return pb.SubscribeResponse(closing=closing).SerializeToString()

    def check(self) -> None:
        """Raise `_Closing` when the stream has to end."""
        if self.box.overflowed:
            raise _Closing(
                SubscriberTooSlow(
                    "more events waited than are kept for a subscriber; subscribe again after"
                    f" position {self.position}",
                    metadata={"position": str(self.position)},
                )
            )
        if self.watcher.draining.is_set():
            raise _Closing(
                Draining(
                    f"the server is about to stop; subscribe again after position {self.position}",
                    metadata={"position": str(self.position)},
                    retry_after=1,
                )
            )
        if not self.watcher.still_allowed():
            raise _Closing(PermissionLost("the permission watch.subscribe is gone"))

    async def live(self) -> AsyncGenerator[bytes, None]:
        """Yield what the hub puts into the mailbox, and heartbeats while it does not."""
        box, heartbeat = self.box, self.watcher.heartbeat
        while True:
            while box:
                self.check()
                yield self.sent(*box.take())
            self.check()
            if box.ended:
                raise DatabaseUnavailable(
                    "the log is no longer followed; subscribe again", retry_after=1
                )
            # Nothing waits, so all that was wanted up to here has been sent.
            self.position = max(self.position, self.hub.position)
            left = heartbeat - self.silent_for()
            if left <= 0:
                yield self.heartbeat()
                continue
            await box.wait(min(left, RECHECK))


async def _forward(source: asyncio.Event, target: asyncio.Event) -> None:
    """Set one event once another is set."""
    await source.wait()
    target.set()
