"""MLflow's own server in a process of its own, with regesta as its registry."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_START_SECONDS = 100.0
_STOP_SECONDS = 20.0

#: Off: what would go out to the network, or do other work than the registry's.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}


@contextlib.contextmanager
def mlflow_serving(
    registry: str,
    home: Path,
    *arguments: str,
    program: Path = Path(sys.executable).parent / "mlflow",
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Start `mlflow server` on a registry, and yield its address.

    Args:
        registry: Its URI.
        home: Where runs and artifacts are kept.
        arguments: More of the command line.
        program: The `mlflow` of another environment.
        environment: Variables beside those of this process.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [
        str(program), "server", "--host=127.0.0.1", f"--port={port}", "--workers=1",
        f"--backend-store-uri=sqlite:///{home}/tracking.db",
        f"--default-artifact-root={home}/artifacts", "--no-serve-artifacts",
        f"--registry-store-uri={registry}", *arguments,
    ]  # fmt: skip
    log = home / "mlflow.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=home,
            env={**os.environ, **QUIET, **(environment or {})},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _await(process, address, log)
        yield address
    finally:
        _end(process)


def _await(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/health", timeout=5).close()  # noqa: S310 - ours
            return
        time.sleep(0.1)
    raise AssertionError("MLflow does not serve:\n" + log.read_text(errors="replace")[-4_000:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server and the workers that it has started."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + _STOP_SECONDS
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
            while time.monotonic() < until:
                process.poll()  # a child that nobody waits for keeps its group alive
                os.killpg(process.pid, 0)
                time.sleep(0.05)
