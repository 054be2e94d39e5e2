"""WatchService: being told of events as they happen."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from regesta_service.api.reads.requests import namespace_in
from regesta_service.api.reads.selecting import selection_of
from regesta_service.domain.rejections import InvalidRequest
from regesta_service.watch.subscriptions import Watcher

if TYPE_CHECKING:
    from regesta.v1 import watch_service_pb2 as pb
    from regesta_service.api.calls import Call
    from regesta_service.reads.read_model import ReadModel
    from regesta_service.watch.subscriptions import Subscriptions

_DEFAULT_HEARTBEAT: Final = 15.0
_MIN_HEARTBEAT: Final = 1.0
_MAX_HEARTBEAT: Final = 300.0


class WatchStreams:
    """Streams of events."""

    def __init__(self, reads: ReadModel, subscriptions: Subscriptions) -> None:
        self._reads = reads
        self._subscriptions = subscriptions

    async def subscribe(
        self, request: pb.SubscribeRequest, call: Call
    ) -> AsyncGenerator[bytes, None]:
        """Yield every matching event after a position, until the call ends."""
        namespace = namespace_in(request.parent)
        after = request.after_position if request.HasField("after_position") else None
        if after is not None and after < 0:
            raise InvalidRequest.of("after_position", "must not be negative")
        watcher = Watcher(call.draining, call.still_allowed, _heartbeat(request))
        namespace_id = await self._reads.namespaces.namespace_id(namespace)
        selection = await selection_of(request.filter, namespace, namespace_id, self._reads.pool)
        stream = self._subscriptions.stream(namespace, after, selection, watcher)
        async with aclosing(stream) as messages:
            async for message in messages:
                yield message


def _heartbeat(request: pb.SubscribeRequest) -> float:
    if not request.HasField("heartbeat_interval"):
        return _DEFAULT_HEARTBEAT
    interval = request.heartbeat_interval
    seconds = interval.seconds + interval.nanos / 1e9
    if not _MIN_HEARTBEAT <= seconds <= _MAX_HEARTBEAT:
        raise InvalidRequest.of(
            "heartbeat_interval", f"is {_MIN_HEARTBEAT:g} to {_MAX_HEARTBEAT:g} seconds"
        )
    return seconds
