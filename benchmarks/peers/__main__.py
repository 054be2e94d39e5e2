"""Measures MLflow's registry and ours side by side, each through its own client and MLflow's.

    python -m benchmarks.peers                   in 10,000 versions, some ten minutes
    python -m benchmarks.peers --full            in 100,000
    python -m benchmarks.peers --engine native   our server on this engine alone

All servers work on the same PostgreSQL. Prints a table and writes it to
`build/bench-peers.json`. `make bench-peers` installs MLflow in an environment of its own first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from benchmarks import ground
from benchmarks.peers.calling import OPERATIONS, THREADS, VERSIONS_A_MODEL
from benchmarks.peers.mlflow_server import ENVIRONMENT
from benchmarks.peers.report import FULL, Row, rows, shown, write_json
from benchmarks.peers.sides import MLFLOW, opened
from benchmarks.slices import in_turns
from regesta_service.config import EngineName

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUICK = 10_000
_TURNS = 5
_SECONDS = 2.0


def compare(
    run: ground.Ground, engines: Sequence[EngineName], operations: Sequence[str], versions: int
) -> list[Row]:
    """Fill the registries, and do every operation on each way in turn."""
    found: list[Row] = []
    with opened(run, engines, versions // VERSIONS_A_MODEL) as ways:
        for operation in operations:
            doing = [way for way in ways if way.way.does(operation)]
            samples = in_turns([way.side(operation, _SECONDS) for way in doing], _TURNS)
            measured = {way.way: sample for way, sample in zip(doing, samples, strict=True)}
            found += rows(operation, measured, measured[MLFLOW], versions)
            print(f"{operation}: done", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--full", action="store_true", help="in 100,000 versions, not 10,000")
    parser.add_argument(
        "--engine",
        choices=get_args(EngineName),
        nargs="+",
        default=["native", "grpcio"],
        help="what carries the calls of our server; with several, each",
    )
    parser.add_argument(
        "--only", choices=OPERATIONS, nargs="+", default=list(OPERATIONS), metavar="OPERATION"
    )
    parser.add_argument("--output", type=Path, default=ground.BUILD / "bench-peers.json")
    arguments = parser.parse_args()
    if not (ENVIRONMENT / "bin" / "mlflow").exists():
        sys.exit("MLflow is not installed here; run make bench-peers")
    versions = FULL if arguments.full else _QUICK
    with ground.prepared() as prepared:
        found = compare(prepared, arguments.engine, arguments.only, versions)
    print(shown(found))
    print(f"\n{versions:,} versions; {THREADS} threads a client")
    write_json(arguments.output, found)


if __name__ == "__main__":
    main()
