"""pygrpc-native: HTTP/2 and gRPC in Rust, our guard in Python.

It stands on the package's low-level front, not on its grpc.aio look-alike. That one keeps a
thread of the loop's few for each answer stream whose reader is slow, makes objects for
every call that the guard has no use for, and refuses a request that is too large before
credentials are judged. What the front hands over are whole requests; calls of ours are
served here, and everything else (health, reflection, unknown methods) by a grpcio server
behind it on a unix socket of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import threading
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
from pygrpc_native import EVENT_CANCEL, STREAM_FULL, STREAM_SENT, NativeGrpcFront

from regesta_service.api import errors
from regesta_service.engines import MAX_REQUEST_BYTES, MAX_STREAMS, METADATA_BYTES, AddressInUse
from regesta_service.engines.grpcio import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regesta_service.api.guard import Guard
    from regesta_service.api.methods import Method

#: Calls that one trip into Python brings at most.
_BATCH: Final = 64

#: The front holds one answer of a stream until its reader takes it. A reader who keeps up
#: does so within a turn or two of the loop; for others we look again after pauses that
#: double, in seconds from the first to the last.
_TURNS: Final = 8
_PAUSES: Final = (0.001, 0.256)

#: Seconds for the last answers to leave before connections are closed.
_FLUSH: Final = 0.05


class NativeEngine:
    """A front in Rust and a grpcio server behind it; see `Engine`."""

    def __init__(self, guard: Guard, *, share_port: bool) -> None:
        self._guard = guard
        self._share_port = share_port
        self._methods = tuple(guard.methods.values())
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._front: NativeGrpcFront | None = None
        self._home: Path | None = None
        self.beside: Any = grpc.aio.server(options=OPTIONS)

    def listen(self, listen: str) -> int:
        """Take an address."""
        try:
            self._front = NativeGrpcFront(
                listen,
                [(method.path, method.streams) for method in self._methods],
                call_details=True,
                # A call that is refused is then answered with trailers only, as by grpcio.
                delay_stream_headers=True,
                keepalive_permit_without_calls=False,
                # One carries far more than one process of Python answers.
                io_threads=1,
                max_concurrent_streams=MAX_STREAMS,
                max_metadata_size=METADATA_BYTES[1],
                reuse_port=self._share_port,
            )
        except OSError:
            raise AddressInUse(listen) from None
        return self._front.bound_port

    async def start(self) -> None:
        """Begin to carry calls."""
        front = self._open()
        # Only its owner may enter a directory of mkdtemp, so nobody goes around the front.
        self._home = Path(tempfile.mkdtemp(prefix="regesta-"))
        path = str(self._home / "beside.sock")
        self.beside.add_insecure_port(f"unix:{path}")
        await self.beside.start()
        front.set_fallback(path)
        front.start()
        loop = asyncio.get_running_loop()
        threading.Thread(
            target=self._receive, args=(front, loop), name="native-engine", daemon=True
        ).start()

    async def stop(self, grace: float) -> None:
        """Let calls under way finish, cancel the others, close."""
        front = self._open()
        beside = asyncio.ensure_future(self.beside.stop(grace))
        # The guard refuses what arrives from here on: it is draining.
        if self._calls:
            await asyncio.wait(self._calls.values(), timeout=grace)
        for call_id, task in list(self._calls.items()):
            front.fail(call_id, grpc.StatusCode.UNAVAILABLE.value[0], "the server stops")
            task.cancel()
        await asyncio.gather(*self._calls.values(), return_exceptions=True)
        await beside
        await asyncio.sleep(_FLUSH)
        front.close()
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)

    def _open(self) -> NativeGrpcFront:
        if self._front is None:
            raise RuntimeError("listen comes first")
        return self._front

    def _receive(self, front: NativeGrpcFront, loop: asyncio.AbstractEventLoop) -> None:
        """Hand over what arrives, until the front is closed; in a thread of its own."""
        while (events := front.recv_batch_details(_BATCH)) is not None:
            try:
                loop.call_soon_threadsafe(self._arrived, front, events)
            except RuntimeError:  # the loop ended without `stop`
                front.close()
                return

    def _arrived(self, front: NativeGrpcFront, events: Sequence[tuple[Any, ...]]) -> None:
        now, loop = monotonic(), asyncio.get_running_loop()
        for kind, call_id, method_id, body, _, details in events:
            if kind == EVENT_CANCEL:
                # Out of the table here: a task that is ended before it began never runs.
                task = self._calls.pop(call_id, None)
                if task is not None:
                    task.cancel()
                continue
            metadata, _, left = details
            call = _Call(front, call_id, body, metadata, None if left is None else now + left)
            method = self._methods[method_id]
            task = loop.create_task(self._serve(call, method))
            self._calls[call_id] = task

    async def _serve(self, call: _Call, method: Method) -> None:
        try:
            if method.streams:
                await self._stream(call, method)
            else:
                call.front.respond(call.id, await self._guard.unary(method, call))
        except _Ended as end:
            call.front.fail(call.id, end.code, end.message, end.trailers)
        except asyncio.CancelledError:
            # The caller left, or its deadline passed, or the server stops: it has been told.
            pass
        finally:
            self._calls.pop(call.id, None)

    async def _stream(self, call: _Call, method: Method) -> None:
        async with contextlib.aclosing(self._guard.stream(method, call)) as answers:
            async for answer in answers:
                if not await call.send(answer):
                    return
        call.front.stream_end(call.id)


class _Ended(Exception):
    """A call ends with a status."""

    def __init__(self, code: int, message: str, trailers: Sequence[tuple[str, bytes]]) -> None:
        super().__init__(message)
        self.code, self.message, self.trailers = code, message, trailers


class _Call:
    """One call as the guard sees it; see `Context`."""

    __slots__ = ("_body", "_deadline", "_metadata", "front", "id")

    def __init__(
        self,
        front: NativeGrpcFront,
        call_id: int,
        body: bytes,
        metadata: tuple[tuple[str, str | bytes], ...],
        deadline: float | None,
    ) -> None:
        self.front = front
        self.id = call_id
        self._body = body
        self._metadata = metadata
        self._deadline = deadline

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Return the call's metadata."""
        return self._metadata

    def time_remaining(self) -> float | None:
        """Return the seconds to the caller's deadline, None if there is none."""
        return None if self._deadline is None else max(0.0, self._deadline - monotonic())

    async def read(self) -> bytes:
        """Return the request, which is there already."""
        if len(self._body) > MAX_REQUEST_BYTES:
            raise errors.call_error(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "REQUEST_TOO_LARGE",
                f"a request has at most {MAX_REQUEST_BYTES} bytes",
            )
        return self._body

    async def abort(
        self, code: grpc.StatusCode, message: str, trailers: Sequence[tuple[str, bytes]]
    ) -> NoReturn:
        """End the call with a status."""
        raise _Ended(code.value[0], message, trailers)

    async def send(self, answer: bytes) -> bool:
        """Send one answer of a stream once there is room for it.

        Returns:
            False when the caller is gone.
        """
        sent = self.front.stream_try_send(self.id, answer)
        turns, (pause, longest) = _TURNS, _PAUSES
        while sent == STREAM_FULL:
            if turns:
                turns -= 1
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)
            sent = self.front.stream_try_send(self.id, answer)
        return sent == STREAM_SENT
