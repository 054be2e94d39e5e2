"""Measures MLflow's registry and ours side by side, each through its own client.

    python -m benchmarks.peers           in 10,000 versions, some five minutes
    python -m benchmarks.peers --full    in 100,000

Both servers work on the same PostgreSQL. Prints a table and writes it to
`build/bench-peers.json`. `make bench-peers` installs MLflow in an environment of its own first.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from psycopg.conninfo import conninfo_to_dict

from benchmarks import ground
from benchmarks.figures import Figure, number, table, write_json
from benchmarks.peers.calling import OPERATIONS, THREADS, VERSIONS_A_MODEL
from benchmarks.peers.filling import fill_mlflow, fill_regesta
from benchmarks.processes import family_cpu
from benchmarks.slices import Measured, Sample, Side, in_turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.ground import Ground

ENVIRONMENT = Path(__file__).parents[2] / ".venv-peers"
_ROOT = ENVIRONMENT.parent

_TURNS = 5
_SECONDS = 2.0
_START_SECONDS = 180.0
_STOP_SECONDS = 30.0

# Off: what would go out to the network, or do other work than the registry's.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    # A call that fails must be seen to fail.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}


class PeerFailed(RuntimeError):
    """A server does not come up, or a call failed."""


class Calls:
    """A client's process, told what to call on standard input.

    Args:
        python: The interpreter of the client's environment.
        module: What to run.
        arguments: Address and number of models.
        log: Where its errors go.
    """

    def __init__(self, python: Path, module: str, arguments: list[str], log: IO[bytes]) -> None:
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments],
            cwd=_ROOT,
            env={**ground.without_settings(), **_QUIET},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self._hear()

    def run(self, operation: str) -> Sample:
        """Do one operation over and over for a slice.

        Raises:
            PeerFailed: It failed once.
        """
        if self._process.stdin is not None:
            order = {"operation": operation, "seconds": _SECONDS}
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        done = self._hear()
        if "failed" in done:
            raise PeerFailed(f"{operation}: {done['failed']}")
        latencies = done["latencies"]
        return Sample(len(latencies), done["seconds"], latencies=latencies)

    def end(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(_STOP_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _hear(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise PeerFailed("a client has ended")
        return json.loads(line)


@contextlib.contextmanager
def mlflow_serving(dsn: str, home: Path) -> Iterator[tuple[str, int]]:
    """Start `mlflow server` as it is shipped on a database; yield its address and its pid."""
    place = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    store = (
        f"postgresql+psycopg2://{place['user']}@/{place['dbname']}"
        f"?host={place['host']}&port={place['port']}"
    )
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    program = str(ENVIRONMENT / "bin" / "mlflow")
    command = [program, "server", "--host=127.0.0.1", f"--port={port}"]
    command += [f"--backend-store-uri={store}", "--no-serve-artifacts"]
    command += [f"--default-artifact-root={home / 'artifacts'}"]
    with (home / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=home,
            env={**os.environ, **_QUIET},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _await_health(process, address, home / "mlflow.log")
        yield address, process.pid
    finally:
        _end_group(process)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _await_health(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/health", timeout=5).close()  # noqa: S310 - ours
            return
        time.sleep(0.2)
    raise PeerFailed("MLflow does not come up:\n" + log.read_text(errors="replace")[-4_000:])


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


def compare(run: Ground, models: int) -> list[Figure]:
    """Fill both registries, and do every operation on both in turn."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((run.home / "clients.log").open("wb"))
        theirs_dsn, ours_dsn = run.empty(), run.migrated()
        address, pid = stack.enter_context(mlflow_serving(theirs_dsn, run.home))
        fill_mlflow(theirs_dsn, models)
        fill_regesta(ours_dsn, models)
        served = stack.enter_context(run.serving(ours_dsn))
        python = ENVIRONMENT / "bin" / "python"
        theirs = Calls(python, "benchmarks.peers.mlflow_calls", [address, str(models)], log)
        stack.callback(theirs.end)
        arguments = [served.address, str(models)]
        ours = Calls(Path(sys.executable), "benchmarks.peers.regesta_calls", arguments, log)
        stack.callback(ours.end)
        figures = []
        for operation in OPERATIONS:
            database = {"database": run.database_cpu}
            sides = [
                Side("ours", partial(ours.run, operation), {"server": served.cpu, **database}),
                Side(
                    "theirs",
                    partial(theirs.run, operation),
                    {"server": partial(family_cpu, pid), **database},
                ),
            ]
            figures += _figures(operation, *in_turns(sides, _TURNS))
            print(f"{operation}: done", file=sys.stderr, flush=True)
        return figures


def _figures(what: str, ours: Measured, theirs: Measured) -> list[Figure]:
    aspects = {
        "rate": ("op/s", lambda sample: sample.rate),
        "99th percentile": ("ms", lambda sample: sample.percentile(99)),
        "CPU of the server": ("µs/op", lambda sample: sample.cpu_each("server")),
        "CPU of PostgreSQL": ("µs/op", lambda sample: sample.cpu_each("database")),
    }
    return [
        Figure(
            f"{what}: {name}",
            ours.median(aspect),
            unit,
            f"MLflow, {number(theirs.median(aspect))}",
            ours.ratio(theirs, aspect),
        )
        for name, (unit, aspect) in aspects.items()
    ]


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--full", action="store_true", help="in 100,000 versions, not 10,000")
    parser.add_argument("--output", type=Path, default=ground.BUILD / "bench-peers.json")
    arguments = parser.parse_args()
    if not (ENVIRONMENT / "bin" / "mlflow").exists():
        sys.exit("MLflow is not installed here; run make bench-peers")
    models = 100_000 // VERSIONS_A_MODEL if arguments.full else 10_000 // VERSIONS_A_MODEL
    with ground.prepared() as prepared:
        figures = compare(prepared, models)
    print(table(figures))
    print(f"\n{models * VERSIONS_A_MODEL:,} versions; {THREADS} threads a client")
    write_json(arguments.output, figures)


if __name__ == "__main__":
    main()
