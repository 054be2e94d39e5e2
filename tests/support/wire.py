"""Calls on the wire without our client: any bytes in, code and details out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import message_factory
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from regesta.v1 import (
    access_service_pb2,
    admin_service_pb2,
    audit_service_pb2,
    catalog_service_pb2,
    comments_service_pb2,
    documents_service_pb2,
    flags_service_pb2,
    governance_service_pb2,
    heads_service_pb2,
    lifecycle_service_pb2,
    log_service_pb2,
    privacy_service_pb2,
    watch_service_pb2,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    from google.protobuf.descriptor import MethodDescriptor

FILES = (
    access_service_pb2.DESCRIPTOR,
    admin_service_pb2.DESCRIPTOR,
    audit_service_pb2.DESCRIPTOR,
    catalog_service_pb2.DESCRIPTOR,
    flags_service_pb2.DESCRIPTOR,
    comments_service_pb2.DESCRIPTOR,
    documents_service_pb2.DESCRIPTOR,
    heads_service_pb2.DESCRIPTOR,
    governance_service_pb2.DESCRIPTOR,
    lifecycle_service_pb2.DESCRIPTOR,
    log_service_pb2.DESCRIPTOR,
    privacy_service_pb2.DESCRIPTOR,
    watch_service_pb2.DESCRIPTOR,
)

DETAILS_KEY = "grpc-status-details-bin"
TIMEOUT = 20.0


def methods() -> list[MethodDescriptor]:
    """Return every method of our services."""
    return [
        method
        for file in FILES
        for service in file.services_by_name.values()
        for method in service.methods
    ]


METHODS = {method.name: method for method in methods()}


def request_class(method: MethodDescriptor) -> type[Any]:
    """Return the class of a method's requests."""
    return message_factory.GetMessageClass(method.input_type)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended."""

    code: grpc.StatusCode
    message: str = ""
    #: Of ErrorInfo.
    reason: str = ""
    domain: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    #: Paths of BadRequest, and what it says of them.
    fields: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()
    retry_after: float | None = None
    #: What was answered before the end.
    answers: tuple[Any, ...] = ()

    @property
    def answer(self) -> Any:
        """The only answer of a call that went well."""
        assert self.code is grpc.StatusCode.OK, self
        (answer,) = self.answers
        return answer

    @property
    def refusal(self) -> tuple[str, str]:
        """Code and reason."""
        return self.code.name, self.reason


class Wire:
    """A channel to a server.

    Args:
        address: Where it listens.
        token: Sent with every call.
    """

    def __init__(self, address: str, token: str = "") -> None:
        self._channel = grpc.insecure_channel(
            address,
            options=(
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
                ("grpc.use_local_subchannel_pool", 1),
            ),
        )
        self._metadata: tuple[tuple[str, str], ...] = ()
        if token:
            self._metadata = (("authorization", f"Bearer {token}"),)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def call(
        self,
        method: str,
        request: Message | bytes,
        *,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        timeout: float = TIMEOUT,
        most: int = 100,
    ) -> Outcome:
        """Make a call and return how it ended.

        Args:
            method: Name of an RPC of ours, for example `GetModel`.
            request: A message, or any bytes.
            metadata: Sent besides the token.
            timeout: Seconds.
            most: A stream is cancelled after so many answers, and counts as OK.
        """
        described = METHODS[method]
        answers: list[Any] = []
        call = self._stream(described, request, metadata, timeout)
        try:
            for answer in call:
                answers.append(answer)
                if len(answers) == most:
                    call.cancel()
                    break
        except grpc.RpcError as error:
            return _failed(error, tuple(answers))
        return Outcome(grpc.StatusCode.OK, answers=tuple(answers))

    def _stream(
        self,
        method: MethodDescriptor,
        request: Message | bytes,
        metadata: Sequence[tuple[str, str | bytes]],
        timeout: float,
    ) -> Any:
        body = request if isinstance(request, bytes) else request.SerializeToString()
        answer = message_factory.GetMessageClass(method.output_type)
        # On the wire a unary call is a stream of one answer.
        multi = self._channel.unary_stream(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=bytes,
            response_deserializer=answer.FromString,
        )
        return multi(body, timeout=timeout, metadata=(*self._metadata, *metadata))


def _failed(error: Any, answers: tuple[Any, ...]) -> Outcome:
    reason = domain = ""
    metadata: dict[str, str] = {}
    violations: list[tuple[str, str]] = []
    retry_after = None
    for detail in _details(error):
        if isinstance(detail, error_details_pb2.ErrorInfo):
            reason, domain, metadata = detail.reason, detail.domain, dict(detail.metadata)
        elif isinstance(detail, error_details_pb2.BadRequest):
            violations = [(found.field, found.description) for found in detail.field_violations]
        else:
            retry_after = detail.retry_delay.ToNanoseconds() / 1e9
    return Outcome(
        error.code(),
        error.details() or "",
        reason,
        domain,
        metadata,
        tuple(path for path, _ in violations),
        tuple(description for _, description in violations),
        retry_after,
        answers,
    )


def _details(error: Any) -> Iterator[Any]:
    known: tuple[Any, ...] = (
        error_details_pb2.ErrorInfo,
        error_details_pb2.BadRequest,
        error_details_pb2.RetryInfo,
    )
    for key, value in error.trailing_metadata() or ():
        if key != DETAILS_KEY:
            continue
        status = status_pb2.Status.FromString(value)
        assert (status.code, status.message) == (error.code().value[0], error.details())
        for packed in status.details:
            for kind in known:
                if packed.Is(kind.DESCRIPTOR):
                    detail = kind()
                    packed.Unpack(detail)
                    yield detail
