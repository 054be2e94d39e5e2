"""RegisterVersion end to end beside another library's appends and PostgreSQL's own limit."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

import psycopg

import regesta
from benchmarks.eventsourcing_appends import EventsourcingAppends
from benchmarks.figures import Figure, Goal, number
from benchmarks.in_process import InProcess
from benchmarks.load import IN_FLIGHT, Load, Plan
from benchmarks.pgbench import NoPgbench, Pgbench
from benchmarks.requests import REGISTER, Registrations
from benchmarks.slices import Sample, Side, in_turns

if TYPE_CHECKING:
    from benchmarks.effort import Effort
    from benchmarks.ground import Ground
    from benchmarks.slices import Measured
    from regesta_service.config import EngineName

_NAMESPACE = "appends"
_MODELS = tuple(f"model-{number}" for number in range(16))
_WHAT = "RegisterVersion"
_ES = "eventsourcing's recorder"
_ALONE = "append in process"
_PGBENCH = "pgbench, single-row inserts"
_LIBRARY_GOAL = Goal(2, at_most=False)
_PGBENCH_GOAL = Goal(0.3, at_most=False)
_RECORD_SIZE = "SELECT round(avg(octet_length(record)))::int FROM regesta.events"


def compare_appends(ground: Ground, effort: Effort) -> list[Figure]:
    """Register versions on each engine, append events with the library, insert with pgbench."""
    with ExitStack() as stack:
        ours = [stack.enter_context(_Registering(ground, engine, effort)) for engine in engines()]
        size = ours[0].record_size()
        library = stack.enter_context(EventsourcingAppends(ground.empty(), size))
        alone = stack.enter_context(InProcess(ground.migrated(), ground.postmaster))
        database = {"database": ground.database_cpu}
        sides = [
            *(registering.side() for registering in ours),
            Side(
                _ES,
                lambda: library.run(effort.slice_seconds),
                {"service": library.cpu, **database},
            ),
            Side(_ALONE, lambda: _appended(alone, effort), {"service": alone.cpu, **database}),
        ]
        missing = ""
        try:
            pgbench = Pgbench(ground.programs, ground.empty(), ground.home, size)
            sides.append(Side(_PGBENCH, lambda: pgbench.run(effort.slice_seconds), database))
        except NoPgbench as error:
            missing = str(error)
        taken = in_turns(sides, effort.turns)
        measured = {side.name: each for side, each in zip(sides, taken, strict=True)}
    judged = ours[0].name
    figures = [Figure(f"{_WHAT}: size of a record", size, "bytes")]
    for registering in ours:
        name = registering.name
        goal = _LIBRARY_GOAL if name == judged else None
        figures += [
            *_own(name, measured[name]),
            *_beside_library(name, measured[name], measured[_ES], goal),
        ]
    if missing:
        return [*figures, Figure(_PGBENCH, None, "op/s", note=f"skipped: {missing}")]
    goals = {judged: _PGBENCH_GOAL}
    return figures + [
        _beside_pgbench(name, measured[name], measured[_PGBENCH], goals.get(name))
        for name in (*(registering.name for registering in ours), _ALONE)
    ]


def engines() -> tuple[EngineName, ...]:
    """Return what is there to carry calls, the one that the goals are about first.

    It is the native one where it is installed: with grpcio, gRPC's own work for a call takes
    longer than all that is done for a registration.
    """
    return ("native", "grpcio") if find_spec("pygrpc_native") else ("grpcio",)


class _Registering:
    """A server on an engine, and a client that registers versions; a context manager."""

    def __init__(self, ground: Ground, engine: EngineName, effort: Effort) -> None:
        self._ground = ground
        self._engine = engine
        self._effort = effort
        self.name = f"{_WHAT} ({engine})"

    def __enter__(self) -> Self:
        """Start both and register a little."""
        with ExitStack() as stack:
            self._dsn = self._ground.migrated()
            self._served = stack.enter_context(self._ground.serving(self._dsn, self._engine))
            with regesta.Client(self._served.address) as client:
                client.create_namespace(_NAMESPACE)
            requests = Registrations(_NAMESPACE, _MODELS, seed=1)
            plan = Plan(self._served.address, REGISTER, requests)
            self._load = stack.enter_context(Load(plan))
            self._load.send(640)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop both."""
        self._stack.close()

    def record_size(self) -> int:
        """Return the bytes that a record has on average."""
        with psycopg.connect(self._dsn) as conn:
            [(size,)] = conn.execute(_RECORD_SIZE).fetchall()
        return int(size)

    def side(self) -> Side:
        """Return what is compared."""
        meters = {
            "service": self._served.cpu,
            "database": self._ground.database_cpu,
            "client": self._load.cpu,
        }
        return Side(self.name, lambda: self._load.run(self._effort.slice_seconds), meters)


def _appended(alone: InProcess, effort: Effort) -> Sample:
    done = alone.append(IN_FLIGHT, 2 * effort.appended_events)
    return Sample(done.events, done.seconds)


def _own(name: str, ours: Measured) -> list[Figure]:
    return [
        Figure(f"{name}: CPU of the service", ours.cpu_each("service"), "µs/op"),
        Figure(f"{name}: CPU of PostgreSQL", ours.cpu_each("database"), "µs/op"),
        Figure(f"{name}: CPU of the client", ours.cpu_each("client"), "µs/op"),
        Figure(f"{name}: median", ours.percentile(50), "ms"),
        Figure(f"{name}: 99th percentile", ours.percentile(99), "ms"),
    ]


def _beside_library(
    name: str, ours: Measured, library: Measured, goal: Goal | None
) -> list[Figure]:
    return [
        Figure(
            f"{name} beside another library: rate at 64 in flight",
            ours.rate,
            "op/s",
            f"{_ES}, 64 threads, {number(library.rate)}",
            ours.ratio(library, lambda sample: sample.rate),
            goal,
        ),
        Figure(
            f"{name} beside another library: all CPU",
            ours.median(_all_cpu),
            "µs/op",
            f"{_ES}, {number(library.median(_all_cpu))}",
            ours.ratio(library, _all_cpu),
        ),
    ]


def _beside_pgbench(what: str, ours: Measured, limit: Measured, goal: Goal | None) -> Figure:
    return Figure(
        f"{what} beside PostgreSQL's limit: rate at 64 in flight",
        ours.rate,
        "op/s",
        f"{_PGBENCH}, 64 clients, {number(limit.rate)}",
        ours.ratio(limit, lambda sample: sample.rate),
        goal,
    )


def _all_cpu(sample: Sample) -> float:
    return sample.cpu_each("service") + sample.cpu_each("database")
