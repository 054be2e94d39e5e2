"""MLflow's own server in a process of its own, with regesta as its registry."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers import mlflow_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_START_SECONDS = 100.0

#: As for benchmarks, but that a call which fails is made once more.
QUIET = {**mlflow_server.QUIET, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


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
    options = [f"--backend-store-uri=sqlite:///{home}/tracking.db", "--workers=1"]
    options += [f"--registry-store-uri={registry}", *arguments]
    variables = {**QUIET, **(environment or {})}
    with mlflow_server.running(program, home, options, variables, patience=_START_SECONDS) as (
        address,
        _,
    ):
        yield address
