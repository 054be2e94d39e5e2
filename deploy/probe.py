"""Ask a server for its health (grpc.health.v1), for a container's HEALTHCHECK.

Exits with 0 when it is SERVING, with 1 when it says anything else or nothing.
"""  # noqa: INP001 - one file, copied into the image

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_TIMEOUT = 3.0


def main() -> int:
    """Ask once and return the exit code."""
    parser = argparse.ArgumentParser(description="Ask a server for its health.")
    parser.add_argument("target", help="host:port, or unix: and a path")
    parser.add_argument("--roots", type=Path, help="over TLS: a PEM file of roots")
    parser.add_argument("--name", help="over TLS: the name in the server's certificate")
    given = parser.parse_args()
    answer = ask(given.target, given.roots, given.name)
    print(answer)  # noqa: T201 - `docker inspect` shows it
    return int(answer != "SERVING")


def ask(target: str, roots: Path | None, name: str | None) -> str:
    """Return the status that a server reports, or the code of the failure to ask."""
    try:
        with _channel(target, roots, name) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=_TIMEOUT)
    except grpc.RpcError as error:
        return str(error.code().name)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def _channel(target: str, roots: Path | None, name: str | None) -> grpc.Channel:
    if roots is None:
        return grpc.insecure_channel(target)
    credentials = grpc.ssl_channel_credentials(roots.read_bytes())
    options = [("grpc.ssl_target_name_override", name)] if name else []
    return grpc.secure_channel(target, credentials, options)


if __name__ == "__main__":
    sys.exit(main())
