"""How fast a long log is folded into fresh tables while the old ones are in use."""

from __future__ import annotations

import itertools
import resource
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Goal
from benchmarks.generated_log import NAMESPACE, facts, write_log
from benchmarks.workers import Worker, orders
from regesta_projections.rebuild import rebuild

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from benchmarks.effort import Effort
    from benchmarks.ground import Ground
    from regesta_projections.events import Event

    _Entry = tuple[str, Event]


@dataclass(frozen=True, slots=True)
class _Folded:
    seconds: float
    own_cpu: float
    #: MiB at most at any time.
    peak: float


def measure_rebuild(ground: Ground, effort: Effort) -> list[Figure]:
    """Write a log without a server, and rebuild from it in a process of its own."""
    dsn = ground.migrated()
    events = write_log(
        dsn, NAMESPACE, _within(effort.writing_seconds, facts(effort.rebuilt_events))
    )
    with Worker(_run, dsn) as worker:
        before = ground.database_cpu()
        folded: _Folded = worker.ask("rebuild")
        database = ground.database_cpu() - before
    what = f"rebuild from {events:,} events"
    return [
        Figure(
            f"{what}: by the CPU of the folding process",
            events / folded.own_cpu,
            "events/s",
            goal=Goal(40_000, at_most=False, of_value=True),
        ),
        Figure(f"{what}: by the clock", events / folded.seconds, "events/s"),
        Figure(f"{what}: CPU of PostgreSQL", database / events * 1e6, "µs/event"),
        Figure(f"{what}: peak memory of the folding process", folded.peak, "MiB"),
    ]


def _within(seconds: float, entries: Iterator[_Entry]) -> Iterator[_Entry]:
    until = time.monotonic() + seconds
    return itertools.takewhile(lambda _: time.monotonic() < until, entries)


def _run(pipe: Connection, dsn: str) -> None:
    for _ in orders(pipe):
        began, cpu = time.perf_counter(), time.process_time()
        rebuild(dsn, NAMESPACE, linger=0)
        pipe.send(
            _Folded(
                time.perf_counter() - began,
                time.process_time() - cpu,
                resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            )
        )
