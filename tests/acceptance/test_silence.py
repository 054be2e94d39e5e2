"""A watch whose stream was lost on the way goes on with another."""

from __future__ import annotations

import threading
from concurrent import futures
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import grpc
import pytest

import regesta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server_process import ServerProcess

SUBSCRIBE = "/regesta.v1.WatchService/Subscribe"


class Losing(grpc.GenericRpcHandler):
    """Passes streams on to a server; the first is lost after so many answers.

    Attributes:
        streams: How many have come.
    """

    def __init__(self, channel: grpc.Channel, answers: int) -> None:
        self._pass_on: Any = channel.unary_stream(SUBSCRIBE)
        self._answers = answers
        self.streams = 0

    def service(self, details: Any) -> Any:
        assert details.method == SUBSCRIBE
        return grpc.unary_stream_rpc_method_handler(self._serve)

    def _serve(self, request: bytes, context: Any) -> Iterator[bytes]:
        self.streams += 1
        gone = threading.Event()
        context.add_callback(gone.set)
        call = self._pass_on(request)
        context.add_callback(call.cancel)
        if self.streams > 1:
            yield from call
            return
        for _ in range(self._answers):
            yield next(call)
        gone.wait()


@contextmanager
def losing(server: ServerProcess, answers: int) -> Iterator[tuple[Losing, str]]:
    """Yield such a server before the real one, and its address."""
    with grpc.insecure_channel(server.address) as channel:
        handler = Losing(channel, answers)
        front = grpc.server(futures.ThreadPoolExecutor(4), handlers=[handler])
        port = front.add_insecure_port("127.0.0.1:0")
        front.start()
        try:
            yield handler, f"127.0.0.1:{port}"
        finally:
            front.stop(0).wait()


@pytest.mark.parametrize("answers", [0, 2])
def test_a_watch_whose_stream_is_lost_goes_on_without_gap_or_repeat(
    server: ServerProcess, client: regesta.Client, answers: int
):
    client.register("churn", source="s3://x")
    end = client.set_tags("churn", tags={"last": "event"}).position
    with losing(server, answers) as (front, address):
        with regesta.Client(address, namespace=client.namespace) as watcher:
            watching = islice(watcher.watch(after=0, heartbeat_interval=1), end)
            positions = [event.position for event in watching]
        assert 2 == front.streams
    assert list(range(1, end + 1)) == positions


@pytest.mark.parametrize("answers", [0, 2])
async def test_so_does_that_of_an_asynchronous_client(
    server: ServerProcess, client: regesta.Client, answers: int
):
    client.register("churn", source="s3://x")
    end = client.set_tags("churn", tags={"last": "event"}).position
    with losing(server, answers) as (front, address):
        async with regesta.AsyncClient(address, namespace=client.namespace) as watcher:
            positions = []
            async for event in watcher.watch(after=0, heartbeat_interval=1):
                positions.append(event.position)
                if event.position == end:
                    break
        assert 2 == front.streams
    assert list(range(1, end + 1)) == positions


def test_a_stream_with_an_answer_in_hand_is_not_silent(
    server: ServerProcess, client: regesta.Client
):
    client.register("churn", source="s3://x")
    with losing(server, 1) as (front, address):
        front.streams = 1  # nothing is lost here
        with regesta.Client(address, namespace=client.namespace) as watcher:
            stream = watcher.subscribe(after_position=0, heartbeat_interval=1, silence=1.5)
            answers = [next(stream)]
            # Longer than that over one answer: it is the caller who is silent.
            threading.Event().wait(3)
            answers += [next(stream) for _ in range(4)]
    assert ["heartbeat", "event"] == [answer.WhichOneof("content") for answer in answers[:2]]


def test_silence_is_told_as_unavailable(server: ServerProcess, client: regesta.Client):
    with (
        losing(server, 1) as (_, address),
        regesta.Client(address, namespace=client.namespace) as watcher,
    ):
        stream = watcher.subscribe(after_position=0, heartbeat_interval=1, silence=0.5)
        next(stream)
        with pytest.raises(regesta.Unavailable, match=r"nothing has come .* 0\.5 seconds"):
            next(stream)


@pytest.mark.parametrize("seconds", [0.5, -1.0, 301.0])
def test_an_interval_that_no_server_promises_is_refused(client: regesta.Client, seconds: float):
    with pytest.raises(regesta.InvalidRequest):
        next(iter(client.watch(after=0, heartbeat_interval=seconds)))
