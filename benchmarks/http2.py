"""A gRPC client that costs next to nothing: HTTP/2 frames made once and sent again and again.

grpc.aio's client takes as much CPU for a call as a whole server of ours, on the same cores,
and so bounds the rate that is measured. This one knows no more of HTTP/2 than unary calls
need, and fails when it meets anything else. Source: RFC 9113, and RFC 7541 for headers.
"""

from __future__ import annotations

import asyncio
import struct
import time
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 1
_END_HEADERS: Final = 4
_HEADER_TABLE_SIZE, _ENABLE_PUSH, _INITIAL_WINDOW_SIZE = 1, 2, 4
_WINDOW: Final = 65_535
_LARGEST_WINDOW: Final = 2**31 - 1
_LARGEST_FRAME: Final = 16_384
_FRAME: Final = 9
_LONG, _MORE = 127, 128

# A trailer `grpc-status: 0` without an index, name and value each as it is or in Huffman's
# code (RFC 7541, sections 5.2 and 6.2). We allow the server no table, so it has no other way.
_NAMES: Final = (b"\x0bgrpc-status", b"\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f")
_VALUES: Final = (b"\x010", b"\x81\x07")
_SUCCESS: Final = tuple(name + value for name in _NAMES for value in _VALUES)


class CallFailed(Exception):
    """A call did not end with OK, or the connection with it."""


class Connection(asyncio.Protocol):
    """One connection that makes calls of one method.

    Args:
        method: Its path.
        deadline: Seconds that each call may take, as the server is told.
        token: Sent as the bearer token of each call; empty sends none.
    """

    def __init__(self, method: str, deadline: float, token: str = "") -> None:
        block = _block(method, deadline, token)
        self._headers_head = _head(_HEADERS, _END_HEADERS, len(block))
        self._headers = block
        self._rest = b""
        self._sending: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._stream = 1
        self._room = _WINDOW
        self._received = 0
        self._began: dict[int, float] = {}
        self._over: asyncio.Future[None] | None = None
        self._requests: Iterator[bytes] = iter(())
        self._until = 0.0
        # Calls that may begin once the server has room, and the next request.
        self._waiting = 0
        self._next: bytes | None = None
        #: Milliseconds of each call of the work under way.
        self.latencies: list[float] = []

    async def work(self, requests: Iterator[bytes], in_flight: int, until: float) -> None:
        """Call until a moment of `time.perf_counter`, or until there are no requests.

        Raises:
            CallFailed: A call failed.
        """
        self._requests, self._until = requests, until
        self._over = asyncio.get_running_loop().create_future()
        self.latencies = []
        self._waiting = in_flight
        self._begin_calls()
        self._flush()
        if self._began:
            await self._over

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the server: no table of headers, no pushes, as much at once as it likes."""
        # uvloop's transports are none of asyncio's classes.
        self._transport = opened = cast("asyncio.Transport", transport)
        settings = b"".join(
            struct.pack(">HI", *setting)
            for setting in (
                (_HEADER_TABLE_SIZE, 0),
                (_ENABLE_PUSH, 0),
                (_INITIAL_WINDOW_SIZE, _LARGEST_WINDOW),
            )
        )
        room = struct.pack(">I", _LARGEST_WINDOW - _WINDOW)
        opened.write(
            _PREFACE + _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, room)
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is under way."""
        self._fail(f"the connection ended: {exc}")

    def data_received(self, data: bytes) -> None:
        """Take whole frames, keep the rest, and send what they gave rise to."""
        data = self._rest + data
        at, end = 0, len(data)
        while end - at >= _FRAME:
            size = int.from_bytes(data[at : at + 3], "big")
            begin = at + _FRAME
            if end - begin < size:
                break
            at = begin + size
            kind, flags = data[begin - 6], data[begin - 5]
            stream = int.from_bytes(data[begin - 4 : begin], "big")
            if kind == _DATA:
                self._take_data(size)
            elif kind == _HEADERS:
                if flags & _END_STREAM:
                    self._end_call(stream, data[begin:at])
            else:
                self._take_control(kind, flags, data[begin:at])
        self._rest = data[at:]
        self._flush()

    def _take_data(self, size: int) -> None:
        self._received += size
        if self._received > _LARGEST_WINDOW // 2:
            self._send(_frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", self._received)))
            self._received = 0

    def _take_control(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == _SETTINGS:
            if not flags & _ACK:
                self._send(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING:
            if not flags & _ACK:
                self._send(_frame(_PING, _ACK, 0, payload))
        elif kind == _WINDOW_UPDATE:
            # Those of streams do not matter: no request is as large as a window.
            self._room += int.from_bytes(payload, "big")
            self._begin_calls()
        elif kind in {_RST_STREAM, _GOAWAY}:
            self._fail(f"the server sent frame {kind}: {payload!r}")

    def _end_call(self, stream: int, block: bytes) -> None:
        if not any(success in block for success in _SUCCESS):
            self._fail(f"a call ended with the trailers {block!r}")
            return
        now = time.perf_counter()
        self.latencies.append((now - self._began.pop(stream)) * 1e3)
        if now < self._until:
            self._waiting += 1
            self._begin_calls()
        if not self._began and self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _begin_calls(self) -> None:
        """Send the next requests, as far as there are any and the server has room."""
        while self._waiting:
            request = self._next = self._next or next(self._requests, None)
            if request is None:
                self._waiting = 0
                return
            size = len(request) + 5
            if size > _LARGEST_FRAME:
                self._fail(f"a request of {size} bytes does not fit into a frame")
                return
            if size > self._room:
                return
            self._waiting -= 1
            self._room -= size
            self._next = None
            stream = self._stream
            self._stream += 2
            name = stream.to_bytes(4, "big")
            self._sending += (
                self._headers_head,
                name,
                self._headers,
                _head(_DATA, _END_STREAM, size),
                name,
                b"\0",
                len(request).to_bytes(4, "big"),
                request,
            )
            self._began[stream] = time.perf_counter()

    def _send(self, frame: bytes) -> None:
        self._sending.append(frame)

    def _flush(self) -> None:
        if self._sending and self._transport is not None:
            self._transport.write(b"".join(self._sending))
            self._sending.clear()

    def _fail(self, message: str) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_exception(CallFailed(message))


def _head(kind: int, flags: int, size: int) -> bytes:
    """Return a frame's head up to the number of its stream."""
    return size.to_bytes(3, "big") + bytes((kind, flags))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _head(kind, flags, len(payload)) + stream.to_bytes(4, "big") + payload


def _block(method: str, deadline: float, token: str) -> bytes:
    """Return the headers of a call, those with an index in the static table by that."""
    literals = [
        (":path", method),
        (":authority", "bench"),
        ("te", "trailers"),  # codespell:ignore te
        ("content-type", "application/grpc"),
        ("grpc-timeout", f"{deadline * 1e3:.0f}m"),
    ]
    if token:
        literals.append(("authorization", f"Bearer {token}"))
    # 3 is `:method: POST`, 6 is `:scheme: http` (RFC 7541, appendix A).
    return b"\x83\x86" + b"".join(
        b"\0" + b"".join(_length(len(text)) + text.encode() for text in pair) for pair in literals
    )


def _length(length: int) -> bytes:
    """Return the length of a text: 7 bits, and what is more in groups of 7 (RFC 7541, 5.1)."""
    if length < _LONG:
        return bytes((length,))
    made, rest = bytearray((_LONG,)), length - _LONG
    while rest >= _MORE:
        made.append(rest % _MORE + _MORE)
        rest //= _MORE
    return bytes((*made, rest))
