"""The gRPC server: channel options, health, reflection, and how it stops.

The options are those under which the attacks of our security tests leave the
service whole. The bare port is for trusted networks: floods of CONTINUATION frames
and header bombs need a proxy in front (deploy/).
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from regesta_service.api.guard import Guard
    from regesta_service.config import Tls

#: Largest request. The longest field is a card of a million characters.
MAX_REQUEST_BYTES = 8 * 1024 * 1024

_MINUTE_MS = 60_000

_OPTIONS: tuple[tuple[str, int], ...] = (
    # 64: unlimited streams let a rapid reset cancel half of the polite calls.
    ("grpc.max_concurrent_streams", 64),
    ("grpc.max_metadata_size", 8_192),
    ("grpc.absolute_max_metadata_size", 16_384),
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_connection_idle_ms", 5 * _MINUTE_MS),
    # An age brings clients back to a load balancer, so that new servers get work.
    ("grpc.max_connection_age_ms", 30 * _MINUTE_MS),
    ("grpc.max_connection_age_grace_ms", _MINUTE_MS // 2),
    ("grpc.server_handshake_timeout_ms", 5_000),
    ("grpc.max_allowed_incoming_connections", 1_000),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
)

_log = structlog.get_logger("serving")


class AddressInUse(RuntimeError):
    """The address to listen on cannot be had."""


class Serving:
    """A gRPC server that serves one guard, from `start` to `stop`.

    Args:
        guard: Every method of ours.
        services: Full names of our services, for health and reflection.
        tls: Certificate and key; None serves in the clear.
        share_port: Let other processes listen on the same port (SO_REUSEPORT).
    """

    def __init__(
        self, guard: Guard, services: Iterable[str], tls: Tls | None, *, share_port: bool
    ) -> None:
        self._guard = guard
        self._services = tuple(services)
        self._tls = tls
        # Without 0 grpcio lets a second server take the same port silently.
        options = (*_OPTIONS, ("grpc.so_reuseport", int(share_port)))
        self._server: Any = grpc.aio.server(options=options)
        self._health = health.aio.HealthServicer()
        self._server.add_generic_rpc_handlers((guard,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )

    async def start(self, listen: str) -> str:
        """Listen and serve.

        Args:
            listen: `host:port` or `unix:` and a path.

        Returns:
            The address that was taken, with the port that port 0 became.

        Raises:
            AddressInUse: The address cannot be had.
        """
        try:
            if self._tls is None:
                port = self._server.add_insecure_port(listen)
            else:
                pair = (self._tls.key.read_bytes(), self._tls.certificate.read_bytes())
                port = self._server.add_secure_port(listen, grpc.ssl_server_credentials([pair]))
        except RuntimeError:
            raise AddressInUse(f"cannot listen on {listen}; is another server there?") from None
        await self._server.start()
        for service in ("", *self._services):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        if listen.startswith("unix:"):
            return listen
        return f"{listen.rpartition(':')[0]}:{port}"

    async def stop(self, *, notice: float, grace: float) -> None:
        """Drain and stop: say NOT_SERVING, wait, tell streams, finish calls, close.

        Args:
            notice: Seconds for load balancers to look elsewhere.
            grace: Seconds for calls under way.
        """
        await self._health.enter_graceful_shutdown()
        _log.info("draining", notice=notice, grace=grace)
        await asyncio.sleep(notice)
        self._guard.draining.set()
        try:
            # grpcio has hung here before; a stop that is not bounded is no stop.
            async with asyncio.timeout(grace + 5):
                await self._server.stop(grace)
        except TimeoutError:
            _log.error("stop_hangs", grace=grace)
            os._exit(70)
