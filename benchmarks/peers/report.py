"""What a run shows: for each operation and side what it cost, and how much less than MLflow."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.figures import columns, number
from benchmarks.peers.calling import SEARCHES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.peers.sides import Way
    from benchmarks.slices import Aspect, Measured

#: In how many versions the goals of searches are meant.
FULL: Final = 100_000

#: How many times less CPU our own client's calls are to cost.
_GOALS: Final = {"get by alias": 50.0, "create a version": 30.0}
_SEARCH_GOAL: Final = 100.0
#: Through MLflow's own client nothing is to cost more than on its own store.
_NO_MORE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """What one operation cost on one way. CPU is in microseconds an operation.

    Attributes:
        rate: Operations a second.
        p99: 99th percentile of the latencies in milliseconds.
        server: CPU of every server between the client and the database.
        client: CPU of the client's process.
        less_server: How many times less `server` is than MLflow's, turn by turn; None for
            MLflow itself, and where the clock saw nothing.
        less_both: The same of server and database together.
        goal: What both are to be at least, if anything.
    """

    operation: str
    way: str
    rate: float
    p99: float
    server: float
    database: float
    client: float
    less_server: float | None = None
    less_both: float | None = None
    goal: float | None = None

    @property
    def holds(self) -> str:
        """Say whether the goal holds, by both readings of it; empty without a goal."""
        if self.goal is None:
            return ""
        readings = {"server alone": self.less_server, "with PostgreSQL": self.less_both}
        kept = [name for name, less in readings.items() if less is not None and less >= self.goal]
        return {0: "NO", len(readings): "yes"}.get(len(kept), "".join(kept))


def rows(
    operation: str, measured: Mapping[Way, Measured], limit: Measured, versions: int
) -> list[Row]:
    """Return a row for each way.

    Args:
        operation: What was done.
        measured: The samples of each way.
        limit: Those of MLflow as it is shipped, one of `measured`.
        versions: How many there were at the beginning.
    """
    return [
        Row(
            operation,
            str(way),
            samples.rate,
            samples.percentile(99),
            samples.median(server),
            samples.cpu_each("database"),
            samples.cpu_each("client"),
            None if samples is limit else limit.ratio(samples, server),
            None if samples is limit else limit.ratio(samples, both),
            None if samples is limit else _goal(operation, way, versions),
        )
        for way, samples in measured.items()
    ]


def _server(sample_cpu: Mapping[str, float]) -> float:
    return sum(used for who, used in sample_cpu.items() if who not in {"database", "client"})


server: Aspect = lambda sample: _server(sample.cpu) / sample.operations * 1e6  # noqa: E731
both: Aspect = lambda sample: server(sample) + sample.cpu_each("database")  # noqa: E731


def _goal(operation: str, way: Way, versions: int) -> float | None:
    if way.through_mlflow:
        return _NO_MORE
    if operation in SEARCHES:
        return _SEARCH_GOAL if versions >= FULL and way.keeps else None
    return _GOALS.get(operation)


_HEADINGS = (
    "what", "through", "op/s", "p99 ms", "server µs", "PostgreSQL µs", "client µs",
    "server: less", "with PostgreSQL: less", "goal", "holds",
)  # fmt: skip
_RIGHT = frozenset(range(2, 10))


def shown(found: Sequence[Row]) -> str:
    """Return rows as lines in columns."""
    return columns([_HEADINGS, *map(_cells, found)], _RIGHT)


def _cells(row: Row) -> tuple[str, ...]:
    figures = (row.rate, row.p99, row.server, row.database, row.client)
    return (
        row.operation,
        row.way,
        *map(number, figures),
        *("" if less is None else f"{number(less)} x" for less in (row.less_server, row.less_both)),
        "" if row.goal is None else f">= {number(row.goal)} x",
        row.holds,
    )


def write_json(path: Path, found: Sequence[Row]) -> None:
    """Write rows as a list of objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = [{**asdict(row), "holds": row.holds} for row in found]
    path.write_text(json.dumps(listed, indent=1, ensure_ascii=False) + "\n")
