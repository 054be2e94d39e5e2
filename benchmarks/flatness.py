"""Whether a write costs the same however many versions a model has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Goal, number
from benchmarks.load import Load, Plan
from benchmarks.requests import REGISTER, Registrations
from benchmarks.slices import Side, in_turns
from benchmarks.stock import LARGE, NAMESPACE, SMALL_VERSIONS

if TYPE_CHECKING:
    from benchmarks.effort import Effort
    from benchmarks.ground import Ground, Served
    from benchmarks.slices import Aspect, Measured, Sample

_GOAL = Goal(1.2)


def compare_sizes(ground: Ground, served: Served, effort: Effort) -> list[Figure]:
    """Register versions of one model that has few, a fresh one each turn, and of one with many."""
    meters = {"service": served.cpu, "database": ground.database_cpu}
    # Each turn grows the model; so that the small one stays small, it is another each turn.
    small = iter([_into(model, seed) for seed, model in enumerate(effort.stock.small, 100)])
    large = _into(LARGE, 99)
    with (
        Load(Plan(served.address, REGISTER, large)) as into_large,
        Load(Plan(served.address, REGISTER, large)) as into_small,
    ):
        sides = [
            Side("few", lambda: into_small.run(effort.slice_seconds, next(small)), meters),
            Side("many", lambda: into_large.run(effort.slice_seconds), meters),
        ]
        few, many = in_turns(sides, effort.turns, warm_up=len(effort.stock.small) - effort.turns)
    grown = max(sample.operations for sample in few.samples)
    note = f"a model of {SMALL_VERSIONS:,} has {SMALL_VERSIONS + grown:,} at most at a turn's end"
    figure = partial(_figure, effort.stock.large_versions, few, many)
    return [
        figure("time", lambda sample: 1e6 / sample.rate, goal=_GOAL, note=note),
        figure("CPU of the service", lambda sample: sample.cpu_each("service")),
        figure("CPU of PostgreSQL", lambda sample: sample.cpu_each("database")),
        figure("all CPU", _all_cpu, goal=_GOAL),
    ]


def _into(model: str, seed: int) -> Registrations:
    return Registrations(NAMESPACE, (model,), seed)


def _all_cpu(sample: Sample) -> float:
    return sample.cpu_each("service") + sample.cpu_each("database")


def _figure(
    versions: int,
    few: Measured,
    many: Measured,
    what: str,
    aspect: Aspect,
    *,
    goal: Goal | None = None,
    note: str = "",
) -> Figure:
    return Figure(
        f"RegisterVersion into a model of {versions:,}: {what}",
        many.median(aspect),
        "µs/op",
        f"of {SMALL_VERSIONS:,}, {number(few.median(aspect))}",
        many.ratio(few, aspect),
        goal,
        note,
    )
