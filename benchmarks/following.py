"""Readers that follow a log while others write it, and count what they miss and see twice."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import uvloop

from benchmarks.workers import Failure, Worker, orders
from regesta.v1 import audit_service_pb2 as audit_pb
from regesta.v1 import watch_service_pb2 as watch_pb

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from multiprocessing.connection import Connection

_SUBSCRIBE = "/regesta.v1.WatchService/Subscribe"
_READ_EVENTS = "/regesta.v1.AuditService/ReadEvents"

_PAGE = 1_000
_POLL_SECONDS = 0.05
_HANG_UP_SECONDS = 0.5
#: How long after the last write a reader may still be told of it.
_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class Sight:
    """What one reader has seen of a log without gaps, which begins at 1.

    Attributes:
        who: What kind of reader.
        last: The highest position so far; it reads on after it.
        repeated: How often it was given what it had been given before.
    """

    who: str
    last: int = 0
    repeated: int = 0
    _skipped: set[int] = field(default_factory=set)

    def see(self, position: int) -> None:
        """Take note of an event."""
        if position > self.last:
            self._skipped.update(range(self.last + 1, position))
            self.last = position
        elif position in self._skipped:
            # It came after all, but to a reader that had gone past it.
            return
        else:
            self.repeated += 1

    def missed(self, head: int) -> int:
        """Return how many events of a log of `head` it was not given in their turn."""
        return len(self._skipped) + max(0, head - self.last)


@dataclass(frozen=True, slots=True)
class Followers:
    """Who follows one server.

    Attributes:
        steady: Subscribers that stay.
        fickle: Subscribers that hang up again and again, and resume after what they saw last.
        pollers: Who reads pages of events after what they saw last.
    """

    address: str
    namespace: str
    steady: int = 2
    fickle: int = 1
    pollers: int = 2


class Following(Worker):
    """Followers in a process of their own; they begin at once.

    Ask for the head of the log, once nobody writes, to get a list of `Sight`.
    """

    def __init__(self, followers: Followers) -> None:
        super().__init__(_run, followers)

    def until(self, head: int) -> list[Sight]:
        """Let everybody come to the head of the log, and return what they saw."""
        sights: list[Sight] = self.ask(head)
        return sights


def _run(pipe: Connection, followers: Followers) -> None:
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(_follow(pipe, followers))


async def _follow(pipe: Connection, followers: Followers) -> None:
    async with grpc.aio.insecure_channel(followers.address) as channel:
        await channel.channel_ready()
        kinds: list[tuple[str, int, _Kind]] = [
            ("subscriber", followers.steady, _stay),
            ("resuming subscriber", followers.fickle, _come_and_go),
            ("poller", followers.pollers, _poll),
        ]
        sights = []
        tasks = []
        for name, count, kind in kinds:
            for _ in range(count):
                sight = Sight(name)
                sights.append(sight)
                follow = kind(channel, f"namespaces/{followers.namespace}", sight)
                tasks.append(asyncio.create_task(follow))
        given = orders(pipe)
        # Waits for the pipe in a thread: those who follow go on meanwhile.
        head = await asyncio.to_thread(next, given, None)
        if head is not None:
            await _reach(head, sights, tasks)
            broken = [task.exception() for task in tasks if task.done()]
            pipe.send(Failure(repr(broken[0])) if broken else sights)
        for task in tasks:
            task.cancel()


async def _reach(head: int, sights: list[Sight], tasks: list[asyncio.Task[None]]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until and not any(task.done() for task in tasks):
        if all(sight.last >= head for sight in sights):
            return
        await asyncio.sleep(0.05)


async def _stay(channel: Any, parent: str, sight: Sight) -> None:
    subscribe = _subscribing(channel)
    async for answer in subscribe(watch_pb.SubscribeRequest(parent=parent, after_position=0)):
        if answer.HasField("event"):
            sight.see(answer.event.position)
    raise ConnectionError("a subscription ended by itself")


async def _come_and_go(channel: Any, parent: str, sight: Sight) -> None:
    subscribe = _subscribing(channel)
    while True:
        call = subscribe(watch_pb.SubscribeRequest(parent=parent, after_position=sight.last))
        until = time.monotonic() + _HANG_UP_SECONDS
        async for answer in call:
            if answer.HasField("event"):
                sight.see(answer.event.position)
            if time.monotonic() > until:
                call.cancel()
                break


async def _poll(channel: Any, parent: str, sight: Sight) -> None:
    read = channel.unary_unary(
        _READ_EVENTS,
        request_serializer=audit_pb.ReadEventsRequest.SerializeToString,
        response_deserializer=audit_pb.ReadEventsResponse.FromString,
    )
    while True:
        request = audit_pb.ReadEventsRequest(
            parent=parent, after_position=sight.last, page_size=_PAGE
        )
        answer = await read(request, timeout=30)
        for event in answer.events:
            sight.see(event.position)
        if len(answer.events) < _PAGE:
            await asyncio.sleep(_POLL_SECONDS)


def _subscribing(channel: Any) -> Any:
    return channel.unary_stream(
        _SUBSCRIBE,
        request_serializer=watch_pb.SubscribeRequest.SerializeToString,
        response_deserializer=watch_pb.SubscribeResponse.FromString,
    )


if TYPE_CHECKING:
    _Kind = Callable[[Any, str, Sight], Coroutine[Any, Any, None]]
