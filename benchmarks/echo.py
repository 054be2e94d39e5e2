"""The limit of gRPC in Python: a bare grpc.aio server on uvloop that answers with fixed bytes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import uvloop

from benchmarks.workers import Worker

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


class Echo(Worker):
    """An echo server.

    Args:
        method: Path of its one method.
        answer: What it answers, whatever it is asked.
    """

    def __init__(self, method: str, answer: bytes) -> None:
        super().__init__(_run, method, answer)
        self.address: str = self.ready


class _Answering(grpc.GenericRpcHandler):
    def __init__(self, method: str, answer: bytes) -> None:
        self._method = method

        async def answer_it(_: bytes, __: Any) -> bytes:
            return answer

        self._handler: Any = grpc.unary_unary_rpc_method_handler(answer_it)

    def service(self, handler_call_details: Any) -> Any:
        return self._handler if handler_call_details.method == self._method else None


def _run(pipe: Connection, method: str, answer: bytes) -> None:
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(_serve(pipe, method, answer))


async def _serve(pipe: Connection, method: str, answer: bytes) -> None:
    server: Any = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Answering(method, answer),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    # The pipe ends when nobody needs the server any more; waiting for it must not block the loop.
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), ended.set)
    pipe.send(f"127.0.0.1:{port}")
    await ended.wait()
    await server.stop(None)
