"""RegisterVersion end to end beside another library's appends and PostgreSQL's own limit."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

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

_NAMESPACE = "appends"
_MODELS = tuple(f"model-{number}" for number in range(16))
_WHAT = "RegisterVersion"
_ES = "eventsourcing's recorder"
_ALONE = "append in process"
_PGBENCH = "pgbench, single-row inserts"
_RECORD_SIZE = "SELECT round(avg(octet_length(record)))::int FROM regesta.events"


def compare_appends(ground: Ground, effort: Effort) -> list[Figure]:
    """Register versions, append events with the library, insert rows with pgbench."""
    seconds = effort.slice_seconds
    with ExitStack() as stack:
        dsn = ground.migrated()
        served = stack.enter_context(ground.serving(dsn))
        with regesta.Client(served.address) as client:
            client.create_namespace(_NAMESPACE)
        requests = Registrations(_NAMESPACE, _MODELS, seed=1)
        load = stack.enter_context(Load(Plan(served.address, REGISTER, requests)))
        load.send(640)
        size = _record_size(dsn)
        library = stack.enter_context(EventsourcingAppends(ground.empty(), size))
        alone = stack.enter_context(InProcess(ground.migrated(), ground.postmaster))
        database = {"database": ground.database_cpu}
        sides = [
            Side(_WHAT, lambda: load.run(seconds), {"service": served.cpu, **database}),
            Side(_ES, lambda: library.run(seconds), {"service": library.cpu, **database}),
            Side(_ALONE, lambda: _appended(alone, effort), {"service": alone.cpu, **database}),
        ]
        missing = ""
        try:
            pgbench = Pgbench(ground.programs, ground.empty(), ground.home, size)
            sides.append(Side(_PGBENCH, lambda: pgbench.run(seconds), database))
        except NoPgbench as error:
            missing = str(error)
        measured = in_turns(sides, effort.turns)
    figures = _own(measured[0], size) + _beside_library(measured[0], measured[1])
    if missing:
        return [*figures, Figure(_PGBENCH, None, "op/s", note=f"skipped: {missing}")]
    limit = measured[3]
    return [
        *figures,
        _beside_pgbench(_WHAT, measured[0], limit, Goal(0.3, at_most=False)),
        _beside_pgbench(_ALONE, measured[2], limit),
    ]


def _appended(alone: InProcess, effort: Effort) -> Sample:
    done = alone.append(IN_FLIGHT, 2 * effort.appended_events)
    return Sample(done.events, done.seconds)


def _record_size(dsn: str) -> int:
    with psycopg.connect(dsn) as conn:
        [(size,)] = conn.execute(_RECORD_SIZE).fetchall()
    return int(size)


def _own(ours: Measured, size: int) -> list[Figure]:
    return [
        Figure(f"{_WHAT}: CPU of the service", ours.cpu_each("service"), "µs/op"),
        Figure(f"{_WHAT}: CPU of PostgreSQL", ours.cpu_each("database"), "µs/op"),
        Figure(f"{_WHAT}: median", ours.percentile(50), "ms"),
        Figure(f"{_WHAT}: 99th percentile", ours.percentile(99), "ms"),
        Figure(f"{_WHAT}: size of a record", size, "bytes"),
    ]


def _beside_library(ours: Measured, library: Measured) -> list[Figure]:
    return [
        Figure(
            f"{_WHAT} beside another library: rate at 64 in flight",
            ours.rate,
            "op/s",
            f"{_ES}, 64 threads, {number(library.rate)}",
            ours.ratio(library, lambda sample: sample.rate),
            Goal(2, at_most=False),
        ),
        Figure(
            f"{_WHAT} beside another library: all CPU",
            ours.median(_all_cpu),
            "µs/op",
            f"{_ES}, {number(library.median(_all_cpu))}",
            ours.ratio(library, _all_cpu),
        ),
    ]


def _beside_pgbench(what: str, ours: Measured, limit: Measured, goal: Goal | None = None) -> Figure:
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
