"""gRPC's own server, on asyncio.

The options are those under which the attacks of our security tests leave the service
whole. The bare port is for trusted networks: floods of CONTINUATION frames and header
bombs need a proxy in front (deploy/).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

import grpc

from regesta_service.access.certificates import names_in
from regesta_service.engines import MAX_REQUEST_BYTES, MAX_STREAMS, METADATA_BYTES, AddressInUse

if TYPE_CHECKING:
    from regesta_service.api.guard import Guard
    from regesta_service.api.methods import Method
    from regesta_service.config import Tls

_MINUTE_MS = 60_000

#: What both engines' grpcio servers are bound by.
OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.max_concurrent_streams", MAX_STREAMS),
    ("grpc.max_metadata_size", METADATA_BYTES[0]),
    ("grpc.absolute_max_metadata_size", METADATA_BYTES[1]),
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.server_handshake_timeout_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
)

_CONNECTIONS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.max_connection_idle_ms", 5 * _MINUTE_MS),
    # An age brings clients back to a load balancer, so that new servers get work.
    ("grpc.max_connection_age_ms", 30 * _MINUTE_MS),
    ("grpc.max_connection_age_grace_ms", _MINUTE_MS // 2),
    ("grpc.max_allowed_incoming_connections", 1_000),
)


def certificate_of(context: Any) -> tuple[str, ...]:
    """Return the names in the certificate that a call's client proved to hold."""
    return names_in(context.auth_context())


class GrpcioEngine:
    """A grpc.aio server with one generic handler; see `Engine`."""

    def __init__(self, guard: Guard, tls: Tls | None, *, share_port: bool) -> None:
        self._tls = tls
        # Without 0 grpcio lets a second server take the same port silently.
        options = (*OPTIONS, *_CONNECTIONS, ("grpc.so_reuseport", int(share_port)))
        self.beside: Any = grpc.aio.server(options=options)
        self.beside.add_generic_rpc_handlers((_Handlers(guard),))

    def listen(self, listen: str) -> int:
        """Take an address."""
        try:
            if self._tls is None:
                return int(self.beside.add_insecure_port(listen))
            pair = (self._tls.key.read_bytes(), self._tls.certificate.read_bytes())
            clients = self._tls.client_ca
            credentials = grpc.ssl_server_credentials(
                [pair],
                root_certificates=clients.read_bytes() if clients else None,
                require_client_auth=clients is not None,
            )
            return int(self.beside.add_secure_port(listen, credentials))
        except RuntimeError:
            raise AddressInUse(listen) from None

    async def start(self) -> None:
        """Begin to carry calls."""
        await self.beside.start()

    async def stop(self, grace: float) -> None:
        """Let calls under way finish, cancel the others, close."""
        await self.beside.stop(grace)


class _Handlers(grpc.GenericRpcHandler):
    """A guard's methods as stream handlers, unary ones too: the wire is the same.

    So the guard itself awaits the body. A table of ours instead of registered methods:
    grpc.aio's accept loop looks through all registered ones for each call.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._handlers = {path: self._handler(method) for path, method in guard.methods.items()}

    def service(self, handler_call_details: Any) -> Any:
        """Return the handler of a path; None is answered with UNIMPLEMENTED."""
        return self._handlers.get(handler_call_details.method)

    def _handler(self, method: Method) -> Any:
        guard = self._guard
        if method.streams:

            async def stream(_: object, context: Any) -> AsyncIterator[bytes]:
                async for answer in guard.stream(method, context):
                    yield answer

            return grpc.stream_stream_rpc_method_handler(stream)

        async def unary(_: object, context: Any) -> bytes:
            return await guard.unary(method, context)

        return grpc.stream_unary_rpc_method_handler(unary)
