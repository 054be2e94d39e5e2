"""Notices that a stream has gone silent: a call can be lost on a connection that lives.

gRPC's keepalive finds connections that are dead. It does not find a call that never left the
client, or a server that answers pings and no calls; only a stream whose other end promises
heartbeats can tell.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio import CancelledError
from time import monotonic
from typing import Any

import grpc

from regesta.errors import RegestaError, Unavailable, from_rpc_error

__all__ = ["AsyncSilence", "CancelledError", "Silence"]


class _Silence:
    """What both faces share: since when a caller waits for the next answer.

    Time that the caller takes over an answer does not count.
    """

    def __init__(self, call: Any, limit: float | None) -> None:
        self._call = call
        self._limit = limit
        self._since: float | None = monotonic()
        self._is_over = False

    def heard(self) -> None:
        """Take note that an answer came."""
        self._since = None

    def listen(self) -> None:
        """Take note that the next one is waited for."""
        self._since = monotonic()

    def failure(self, error: grpc.RpcError | CancelledError) -> RegestaError | CancelledError:
        """Return what the end of the stream means to its caller."""
        if self._is_over:
            message = f"nothing has come from the server for {self._limit} seconds"
            return Unavailable(message, code=grpc.StatusCode.UNAVAILABLE)
        return error if isinstance(error, CancelledError) else from_rpc_error(error)

    def _look(self, limit: float) -> float | None:
        """Return in how many seconds to look again; end the call and return None if it is silent."""
        since = self._since
        left = limit if since is None else since + limit - monotonic()
        if left > 0:
            return left
        self._is_over = True
        self._call.cancel()
        return None


class Silence(_Silence):
    """Ends a call that is silent for too long, from a thread.

    Args:
        call: The call.
        limit: Seconds; None waits as long as it takes.
    """

    def __init__(self, call: Any, limit: float | None) -> None:
        super().__init__(call, limit)
        self._closed = threading.Event()
        if limit is not None:
            threading.Thread(
                target=self._watch, args=(limit,), name="regesta-silence", daemon=True
            ).start()

    def close(self) -> None:
        """Look no longer."""
        self._closed.set()

    def _watch(self, limit: float) -> None:
        left: float | None = limit
        while left is not None and not self._closed.wait(left):
            left = self._look(limit)


class AsyncSilence(_Silence):
    """Ends a call that is silent for too long, from the event loop; see `Silence`."""

    def __init__(self, call: Any, limit: float | None) -> None:
        super().__init__(call, limit)
        self._timer: asyncio.TimerHandle | None = None
        if limit is not None:
            self._timer = asyncio.get_running_loop().call_later(limit, self._tick, limit)

    def close(self) -> None:
        """Look no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self, limit: float) -> None:
        left = self._look(limit)
        if left is not None:
            self._timer = asyncio.get_running_loop().call_later(left, self._tick, limit)
