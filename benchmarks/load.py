"""Load from a process of its own: bytes over grpc.aio and uvloop, some calls always in flight.

A client that made messages, or shared the server's process, would be measured with it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import grpc
import uvloop

from benchmarks.slices import Sample
from benchmarks.workers import Failure, Worker, orders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from multiprocessing.connection import Connection

CONNECTIONS = 4
IN_FLIGHT = 64

_CALL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a client does; it travels to its process.

    Attributes:
        requests: Gives the serialized requests.
    """

    address: str
    method: str
    requests: Iterable[bytes]
    connections: int = CONNECTIONS
    in_flight: int = IN_FLIGHT


@dataclass(frozen=True, slots=True)
class _Order:
    seconds: float = float("inf")
    at_most: int | None = None
    #: Instead of those of the plan.
    requests: Iterable[bytes] | None = None


class Load(Worker):
    """A client; whatever it does fails with `WorkFailed` when a call does."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(_client, plan)

    def run(self, seconds: float, requests: Iterable[bytes] | None = None) -> Sample:
        """Call for some seconds, as fast as answers come, with requests of the plan or others."""
        sample: Sample = self.ask(_Order(seconds, requests=requests))
        return sample

    def send(self, calls: int) -> Sample:
        """Make so many calls, or as many as there are requests if that is fewer."""
        sample: Sample = self.ask(_Order(at_most=calls))
        return sample

    def begin(self, seconds: float) -> None:
        """Begin to call for some seconds; `hear` returns the sample."""
        self.tell(_Order(seconds))


def _client(pipe: Connection, plan: Plan) -> None:
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(_serve(pipe, plan))


async def _serve(pipe: Connection, plan: Plan) -> None:
    channels = [
        # Channels with equal options would share one connection.
        grpc.aio.insecure_channel(plan.address, options=[("regesta.bench", number)])
        for number in range(plan.connections)
    ]
    calls: list[Any] = [channel.unary_unary(plan.method) for channel in channels]
    requests = iter(plan.requests)
    for channel in channels:
        await channel.channel_ready()
    for order in orders(pipe):
        try:
            waiting = requests if order.requests is None else iter(order.requests)
            pipe.send(await _work(calls, waiting, plan.in_flight, order))
        except grpc.aio.AioRpcError as error:
            pipe.send(Failure(f"{plan.method}: {error.code().name}: {error.details()}"))
    for channel in channels:
        await channel.close()


async def _work(
    calls: list[Any], waiting: Iterator[bytes], in_flight: int, order: _Order
) -> Sample:
    latencies: list[float] = []
    if order.at_most is not None:
        waiting = islice(waiting, order.at_most)
    began = time.perf_counter()
    until = began + order.seconds

    async def keep_calling(call: Any) -> None:
        while (now := time.perf_counter()) < until:
            request = next(waiting, None)
            if request is None:
                return
            await call(request, timeout=_CALL_SECONDS)
            latencies.append((time.perf_counter() - now) * 1e3)

    await asyncio.gather(*(keep_calling(calls[n % len(calls)]) for n in range(in_flight)))
    return Sample(len(latencies), time.perf_counter() - began, latencies=latencies)
