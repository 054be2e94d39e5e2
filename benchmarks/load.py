"""Load from a process of its own: bytes over HTTP/2 and uvloop, some calls always in flight.

A client that made messages, or shared the server's process, would be measured with it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import uvloop

from benchmarks import http2
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
        token: Sent with each call; empty sends none.
    """

    address: str
    method: str
    requests: Iterable[bytes]
    connections: int = CONNECTIONS
    in_flight: int = IN_FLIGHT
    token: str = ""


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
    loop = asyncio.get_running_loop()
    host, _, port = plan.address.rpartition(":")
    connections = []
    for _ in range(plan.connections):
        _, made = await loop.create_connection(
            lambda: http2.Connection(plan.method, _CALL_SECONDS, plan.token), host, int(port)
        )
        connections.append(made)
    requests = iter(plan.requests)
    for order in orders(pipe):
        waiting = requests if order.requests is None else iter(order.requests)
        try:
            pipe.send(await _work(connections, waiting, plan.in_flight, order))
        except http2.CallFailed as error:
            pipe.send(Failure(f"{plan.method}: {error}"))
    for connection in connections:
        connection.close()


async def _work(
    connections: list[http2.Connection], waiting: Iterator[bytes], in_flight: int, order: _Order
) -> Sample:
    if order.at_most is not None:
        waiting = islice(waiting, order.at_most)
    share, more = divmod(in_flight, len(connections))
    began = time.perf_counter()
    until = began + order.seconds
    await asyncio.gather(
        *(
            connection.work(waiting, share + (number < more), until)
            for number, connection in enumerate(connections)
        )
    )
    seconds = time.perf_counter() - began
    latencies = [each for connection in connections for each in connection.latencies]
    return Sample(len(latencies), seconds, latencies=latencies)
