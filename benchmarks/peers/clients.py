"""Clients in processes of their own, told what to call."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from benchmarks import ground
from benchmarks.peers.mlflow_server import ENVIRONMENT, QUIET
from benchmarks.processes import family_cpu
from benchmarks.slices import Sample

if TYPE_CHECKING:
    from pathlib import Path

_STOP_SECONDS = 30.0


class PeerFailed(RuntimeError):
    """A client has ended, or a call failed."""


class Calls:
    """A client's process, told what to call on standard input.

    Args:
        python: The interpreter of the client's environment.
        module: What to run.
        arguments: Addresses and number of models.
        log: Where its errors go.
    """

    def __init__(self, python: Path, module: str, arguments: list[str], log: IO[bytes]) -> None:
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments],
            cwd=ENVIRONMENT.parent,
            env={**ground.without_settings(), **QUIET},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self.cpu = partial(family_cpu, self._process.pid)
        self._hear()

    def run(self, operation: str, seconds: float) -> Sample:
        """Do one operation over and over for a slice.

        Raises:
            PeerFailed: It failed once.
        """
        if self._process.stdin is not None:
            order = {"operation": operation, "seconds": seconds}
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
