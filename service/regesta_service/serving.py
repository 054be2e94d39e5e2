"""A server from its address to its stop: the guard on an engine, health and reflection."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from regesta_service.api.guard import Guard
    from regesta_service.engines import Engine

_log = structlog.get_logger("serving")


class Serving:
    """Serves one guard, from `start` to `stop`.

    Args:
        engine: Carries calls to the guard.
        guard: Every method of ours.
        services: Full names of our services, for health and reflection.
    """

    def __init__(self, engine: Engine, guard: Guard, services: Iterable[str]) -> None:
        self._engine = engine
        self._guard = guard
        self._services = tuple(services)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, engine.beside)
        reflection.enable_server_reflection(
            (*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME), engine.beside
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
        port = self._engine.listen(listen)
        await self._engine.start()
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
                await self._engine.stop(grace)
        except TimeoutError:
            _log.error("stop_hangs", grace=grace)
            os._exit(70)
