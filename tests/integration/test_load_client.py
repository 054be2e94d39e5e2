"""The benchmarks' own HTTP/2 client: it must not take a failure for an answer."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import asynccontextmanager

import grpc
import pytest

from benchmarks import http2

METHOD = "/bench.Echo/Say"


class Echo(grpc.GenericRpcHandler):
    """Answers with what it is told, or with a status where the request says so."""

    def __init__(self):
        self.told = []

    def service(self, handler_call_details):
        return (
            grpc.unary_unary_rpc_method_handler(self.say)
            if handler_call_details.method == METHOD
            else None
        )

    async def say(self, request, context):
        self.told.append((request, context.time_remaining()))
        if request.startswith(b"fail"):
            await context.abort(grpc.StatusCode.ABORTED, "0")
        return request * 100


@asynccontextmanager
async def connected(method=METHOD):
    echo, server = Echo(), grpc.aio.server()
    server.add_generic_rpc_handlers((echo,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        lambda: http2.Connection(method, 30.0), "127.0.0.1", port
    )
    yield connection, echo
    connection.close()
    await server.stop(None)


async def test_each_request_is_answered_once_and_has_its_deadline():
    sent = [f"request {number}".encode() for number in range(500)]
    async with connected() as (connection, echo):
        await connection.work(iter(sent), 16, time.perf_counter() + 60)
        first = len(connection.latencies)
        await connection.work(iter(sent[:3]), 16, time.perf_counter() + 60)

    assert first == 500
    assert len(connection.latencies) == 3
    assert sorted(request for request, _ in echo.told) == sorted(sent + sent[:3])
    assert all(25 < left <= 30.5 for _, left in echo.told)


async def test_requests_larger_together_than_a_window_wait_for_room():
    sent = [bytes(16_000)] * 40
    async with connected() as (connection, _):
        async with asyncio.timeout(20):
            await connection.work(iter(sent), 16, time.perf_counter() + 60)

    assert len(connection.latencies) == 40


async def test_it_ends_when_its_time_is_up():
    async with connected() as (connection, _):
        began = time.perf_counter()
        await connection.work(itertools.repeat(b"again"), 4, began + 0.2)

    assert 0.2 <= time.perf_counter() - began < 5
    assert connection.latencies


@pytest.mark.parametrize("method", [METHOD, "/bench.Echo/Nothing"])
async def test_a_call_that_fails_fails_the_work(method):
    requests = iter([b"fine", b"fail", b"fine"] if method == METHOD else [b"fine"])
    async with connected(method) as (connection, _):
        with pytest.raises(http2.CallFailed, match="trailers"):
            await connection.work(requests, 1, time.perf_counter() + 60)


async def test_a_server_that_goes_away_fails_the_work():
    async with connected() as (connection, _):
        work = asyncio.ensure_future(
            connection.work(itertools.repeat(b"again"), 4, time.perf_counter() + 60)
        )
        await asyncio.sleep(0.1)
        connection.close()
        with pytest.raises(http2.CallFailed, match="ended"):
            await work
