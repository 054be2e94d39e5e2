"""The write path alone: a sequencer in this process, and an embedded PostgreSQL with fsync on.

``python -m benchmarks.sequencing`` prints, for each number of callers that wait at the same
time, the rate, the time until the answer, and the CPU that a RegisterVersion costs here and
in PostgreSQL. No gRPC: what the API adds is measured by `benchmarks.appends`.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import itertools
import os
import pstats
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from benchmarks.processes import family_cpu
from regesta.v1 import catalog_service_pb2 as pb
from regesta_projections.events import VersionRegistered
from regesta_projections.records import Cause
from regesta_service.domain.versions import RegisterVersion
from regesta_service.log.connections import Connections
from regesta_service.log.namespaces import NamespaceRegistry
from regesta_service.postgres.embedded import EmbeddedPostgres
from regesta_service.postgres.migrate import apply
from regesta_service.postgres.roles import provision
from regesta_service.sequencing.identity import identify
from regesta_service.sequencing.sequencer import Sequencer

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = "bench"
_METHOD = "/regesta.v1.CatalogService/RegisterVersion"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run came to."""

    waiting: int
    events: int
    seconds: float
    #: Seconds until the answer, of every call, in order.
    latencies: list[float]
    own_cpu: float
    database_cpu: float

    def line(self) -> str:
        """Return it for people."""
        own = self.own_cpu / self.events * 1e6
        database = self.database_cpu / self.events * 1e6
        return (
            f"{self.waiting:4d} waiting: {self.events / self.seconds:7.0f}/s"
            f"  p50 {self.percentile(0.5):6.2f} ms  p99 {self.percentile(0.99):6.2f} ms"
            f"  CPU µs/event: {own:5.0f} Python + {database:5.0f} PostgreSQL"
        )

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which this share of the answers came."""
        return self.latencies[int(share * (len(self.latencies) - 1))] * 1e3


def _command(model: str) -> RegisterVersion:
    content = VersionRegistered(
        source=f"s3://models/{model}/model.onnx",
        digest="sha256:" + "5d2f8ac07be1f39d" * 4,
        size_bytes="48213907",
        params={"learning_rate": "0.05", "depth": "8", "epochs": "30"},
        metrics={"auc": "0.9431", "loss": "0.2218"},
        tags={"framework": "onnx", "dataset": "set-42"},
    )
    return RegisterVersion(model, content, allow_missing_model=True)


class Submitters:
    """Callers that register versions, each one after its last was answered."""

    def __init__(self, sequencer: Sequencer, models: int) -> None:
        self._sequencer = sequencer
        self._commands = itertools.cycle([_command(f"model-{n}") for n in range(models)])
        self._ids = itertools.count(1)
        self._run = f"{time.time_ns():x}"

    async def register(self) -> None:
        """Register one version."""
        command, request_id = next(self._commands), f"{self._run}-{next(self._ids)}"
        request = pb.RegisterVersionRequest(
            parent=f"namespaces/{NAMESPACE}/models/{command.model}", request_id=request_id
        )
        await self._sequencer.submit(
            NAMESPACE,
            command,
            Cause("bench", "user", request_id),
            identify("bench", request_id, _METHOD, request),
        )

    async def run(self, waiting: int, events: int, postmaster: int) -> Measured:
        """Register `events` versions with `waiting` callers at a time."""
        latencies: list[float] = []
        left = itertools.repeat(None, events)
        own, database = time.process_time(), family_cpu(postmaster)
        started = time.perf_counter()

        async def caller(turns: Iterator[None]) -> None:
            for _ in turns:
                begun = time.perf_counter()
                await self.register()
                latencies.append(time.perf_counter() - begun)

        await asyncio.gather(*(caller(left) for _ in range(waiting)))
        seconds = time.perf_counter() - started
        own, database = time.process_time() - own, family_cpu(postmaster) - database
        return Measured(waiting, events, seconds, sorted(latencies), own, database)


async def _measure(dsn: str, postmaster: int, options: argparse.Namespace) -> None:
    connections = Connections(dsn)
    registry = NamespaceRegistry(connections)
    await registry.ensure(NAMESPACE, Cause("system", "system", "create"))
    sequencer = Sequencer(connections, registry)
    async with sequencer.running():
        submitters = Submitters(sequencer, options.models)
        await submitters.run(8, 2_000, postmaster)
        profile = cProfile.Profile() if options.profile else None
        for waiting in options.waiting:
            if profile:
                profile.enable()
            measured = await submitters.run(waiting, options.events * min(waiting, 8), postmaster)
            if profile:
                profile.disable()
            print(measured.line(), flush=True)
        if options.grow:
            await submitters.run(256, options.grow, postmaster)
            print(f"after {options.grow:,} more:")
            for waiting in options.waiting:
                events = options.events * min(waiting, 8)
                print((await submitters.run(waiting, events, postmaster)).line(), flush=True)
        if profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)
    await connections.close()


def main() -> None:
    """Measure, with a server in a directory of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--events", type=int, default=2_000, help="times callers, at most 8")
    parser.add_argument("--models", type=int, default=16)
    parser.add_argument("--grow", type=int, default=0, help="versions to add, to measure again")
    parser.add_argument("--directory", type=Path, help="on the disk to measure")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        home = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="regesta-bench-", dir=options.directory)
        )
        Path(home).chmod(0o755)
        server = stack.enter_context(EmbeddedPostgres(Path(home) / "data"))
        database = provision(server.dsn, "regesta")
        apply(database.owner_dsn)
        postmaster = server.pid
        if postmaster is None:
            raise SystemExit("the server has ended")
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        uvloop.run(_measure(database.service_dsn, postmaster, options))


if __name__ == "__main__":
    main()
