"""Channels to one server: calls go round them, each with token and deadline."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from regesta._shared import (
    Positions,
    call_metadata,
    channel_options,
    tls_credentials,
)
from regesta._silence import CancelledError, Silence
from regesta.errors import from_rpc_error

M = TypeVar("M", bound=Message)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


class Transport:
    """Some channels to one target, opened when first used."""

    def __init__(
        self,
        target: str,
        *,
        token: str | None,
        tls: str | Path | bool,
        channels: int,
        timeout: float,
        fresh: bool,
    ) -> None:
        self._target = target
        self._tls = tls
        self._metadata = call_metadata(token)
        self._channels: list[Any] = [None] * channels
        self._next = itertools.cycle(range(channels))
        self._methods: dict[tuple[int, str], Any] = {}
        self._timeout = timeout
        self.positions = Positions(fresh=fresh)

    def _channel(self, number: int) -> Any:
        channel = self._channels[number]
        if channel is None:
            options = channel_options(number)
            if self._tls is False:
                channel = grpc.insecure_channel(self._target, options=options)
            else:
                channel = grpc.secure_channel(
                    self._target, tls_credentials(roots=self._tls), options=options
                )
            self._channels[number] = channel
        return channel

    def _method(self, path: str, response: type[Message], *, streams: bool) -> Any:
        number = next(self._next)
        method = self._methods.get((number, path))
        if method is None:
            channel = self._channel(number)
            make = channel.unary_stream if streams else channel.unary_unary
            method = make(
                path,
                request_serializer=_serialize,
                response_deserializer=response.FromString,
            )
            self._methods[number, path] = method
        return method

    def unary(self, path: str, request: Message, response: type[M], timeout: float | None) -> M:
        """Make a call and return its answer.

        Args:
            path: Of the method.
            request: The request.
            response: Type of the answer.
            timeout: Seconds; None means the client's.

        Raises:
            RegestaError: The call failed.
        """
        method = self._method(path, response, streams=False)
        try:
            answer: M = method(
                request,
                timeout=self._timeout if timeout is None else timeout,
                metadata=self._metadata,
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None
        return answer

    def stream(
        self,
        path: str,
        request: Message,
        response: type[M],
        timeout: float | None,
        silence: float | None = None,
    ) -> Iterator[M]:
        """Make a call and yield its answers.

        Args:
            path: Of the method.
            request: The request.
            response: Type of each answer.
            timeout: Seconds for the whole stream; None sets no end.
            silence: Seconds to wait for the next answer; None sets no end.

        Raises:
            Unavailable: Nothing came for as long as that.
            RegestaError: The call failed.
        """
        method = self._method(path, response, streams=True)
        call = method(request, timeout=timeout, metadata=self._metadata)
        silent = Silence(call, silence)
        try:
            for answer in call:
                silent.heard()
                yield answer
                silent.listen()
        except (grpc.RpcError, CancelledError) as error:
            raise silent.failure(error) from None
        finally:
            silent.close()
            call.cancel()

    def close(self) -> None:
        """Close every channel; calls under way are cancelled."""
        channels, self._channels = self._channels, [None] * len(self._channels)
        self._methods.clear()
        for channel in channels:
            if channel is not None:
                channel.close()
