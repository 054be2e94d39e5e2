"""How fast a log is folded into fresh tables, and checked.

    python -m benchmarks.rebuild --events 1000000

A log is written without a server (benchmarks/generated_log.py), rebuilt and verified, on a
PostgreSQL of its own with fsync on.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.generated_log import NAMESPACE
from benchmarks.processes import family_cpu
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify
from regesta_service.postgres.embedded import EmbeddedPostgres
from regesta_service.postgres.migrate import apply
from regesta_service.postgres.roles import provision

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def measured(what: str, events: int, postmaster: int) -> Iterator[None]:
    """Print wall time, CPU of this process and of PostgreSQL, and peak memory."""
    wall, own, server = time.perf_counter(), time.process_time(), family_cpu(postmaster)
    yield
    wall = time.perf_counter() - wall
    own = time.process_time() - own
    server = family_cpu(postmaster) - server
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{what:10} {wall:7.1f} s wall, {events / wall:8,.0f} events/s;"
        f" this process {own:6.1f} s CPU, {events / own:8,.0f} events/s a core;"
        f" PostgreSQL {server:6.1f} s CPU; peak RSS {peak:4.0f} MiB",
        flush=True,
    )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--directory", type=Path, help="where to keep the data; else temporary")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regesta-bench-") as temporary:
        Path(temporary).chmod(0o755)  # the server may run as another user
        directory = arguments.directory or Path(temporary) / "data"
        with EmbeddedPostgres(directory) as server:
            run(server, arguments.events)


def run(server: EmbeddedPostgres, events: int) -> None:
    """Write, rebuild and verify."""
    database = provision(server.dsn, "bench")
    apply(database.owner_dsn)
    postmaster = server.pid
    if postmaster is None:
        raise SystemExit("the server's pid is not known")
    dsn = database.service_dsn
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "benchmarks.generated_log", dsn, str(events)], check=True)
    print(f"{'written':10} {time.perf_counter() - started:7.1f} s wall", flush=True)
    with measured("rebuild", events, postmaster):
        done = rebuild(dsn, NAMESPACE, linger=0)
    print(f"{'':10} {done.rows_written:,} rows written", flush=True)
    with measured("verify", events, postmaster):
        report = verify(dsn, NAMESPACE)
    print(f"{'':10} {report.rows_compared:,} rows compared, {report.findings_total} findings")
    for finding in report.findings[:10]:
        print(f"{'':10} {finding}")


if __name__ == "__main__":
    main()
