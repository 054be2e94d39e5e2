"""MLflow's own server in a process of its own, as it is shipped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from psycopg.conninfo import conninfo_to_dict

from benchmarks.processes import family_cpu

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

#: Where MLflow and our plugin for it are installed.
ENVIRONMENT: Final = Path(__file__).parents[2] / ".venv-peers"

#: Off: what would go out to the network, or do other work than the registry's.
QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # A call that fails must be seen to fail.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    # A call that MLflow has deprecated is still what its `models:/` addresses do.
    "PYTHONWARNINGS": "ignore",
}

_START_SECONDS = 180.0
_STOP_SECONDS = 30.0


class NotServing(RuntimeError):
    """MLflow's server does not come up; the message has what it said."""


@dataclass(frozen=True, slots=True)
class MlflowServer:
    """A server that serves.

    Attributes:
        address: Where it listens.
        cpu: Returns the CPU seconds that it has used, with its workers.
    """

    address: str
    cpu: Callable[[], float]


@contextlib.contextmanager
def mlflow_serving(dsn: str, home: Path, registry: str = "") -> Iterator[MlflowServer]:
    """Start `mlflow server`, with as many workers as it takes by itself.

    Args:
        dsn: The database of its stores, which it makes.
        home: An existing folder for its files.
        registry: URI of the registry, if that is not in the database.

    Raises:
        NotServing: It ends, or takes too long.
    """
    options = [f"--backend-store-uri={_store(dsn)}"]
    options += [f"--registry-store-uri={registry}"] if registry else []
    program = ENVIRONMENT / "bin" / "mlflow"
    with running(program, home, options, QUIET, patience=_START_SECONDS) as (address, process):
        yield MlflowServer(address, partial(family_cpu, process.pid))


@contextlib.contextmanager
def running(
    program: Path,
    home: Path,
    options: Sequence[str],
    environment: Mapping[str, str],
    *,
    patience: float,
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start `mlflow server` on a free port, and yield its address and its process.

    Args:
        program: The `mlflow` of an environment.
        home: An existing folder for its files; what it says goes to `mlflow.log` there.
        options: More of the command line.
        environment: Variables beside those of this process.
        patience: Seconds until it must serve.

    Raises:
        NotServing: It ends, or takes longer.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(program), "server", "--host=127.0.0.1", f"--port={port}"]
    command += [f"--default-artifact-root={home / 'artifacts'}", "--no-serve-artifacts", *options]
    log = home / "mlflow.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=home,
            env={**os.environ, **environment},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        _await_health(process, address, log, patience)
        yield address, process
    finally:
        _end_group(process)


def _store(dsn: str) -> str:
    place = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    return (
        f"postgresql+psycopg2://{place['user']}@/{place['dbname']}"
        f"?host={place['host']}&port={place['port']}"
    )


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _await_health(
    process: subprocess.Popen[bytes], address: str, log: Path, patience: float
) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/health", timeout=5).close()  # noqa: S310 - ours
            return
        time.sleep(0.1)
    raise NotServing("MLflow does not come up:\n" + log.read_text(errors="replace")[-4_000:])


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a server with the workers that it has started."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + _STOP_SECONDS
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
            while time.monotonic() < until:
                process.poll()  # a child that nobody waits for keeps its group alive
                os.killpg(process.pid, 0)
                time.sleep(0.05)
