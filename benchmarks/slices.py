"""Comparing sides fairly on a noisy machine: short slices in turn, medians over the turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    #: Something of one slice that is compared, for example its rate.
    Aspect = Callable[["Sample"], float]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one slice came to."""

    operations: int
    seconds: float
    #: CPU seconds by who used them.
    cpu: Mapping[str, float] = field(default_factory=dict)
    #: Milliseconds of each operation, in no order; empty when not measured.
    latencies: Sequence[float] = ()

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds

    def cpu_each(self, who: str) -> float:
        """Return CPU microseconds an operation."""
        return self.cpu[who] / self.operations * 1e6

    def percentile(self, percent: float) -> float:
        """Return a percentile of the latencies in milliseconds."""
        return percentile(self.latencies, percent)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the things compared.

    Attributes:
        slice: Works for a slice; its sample has no CPU yet.
        meters: CPU seconds used so far, by who uses them.
    """

    name: str
    slice: Callable[[], Sample]
    meters: Mapping[str, Callable[[], float]] = field(default_factory=dict)

    def measure(self) -> Sample:
        """Work for a slice and read the meters around it."""
        before = {who: meter() for who, meter in self.meters.items()}
        sample = self.slice()
        cpu = {who: meter() - before[who] for who, meter in self.meters.items()}
        return Sample(sample.operations, sample.seconds, cpu, sample.latencies)


class Measured:
    """The samples of one side, a slice each turn."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples

    def median(self, aspect: Aspect) -> float:
        """Return the median over the turns."""
        return median(map(aspect, self.samples))

    @property
    def rate(self) -> float:
        """Operations a second, the median."""
        return self.median(lambda sample: sample.rate)

    def cpu_each(self, who: str) -> float:
        """Return CPU microseconds an operation, the median."""
        return self.median(lambda sample: sample.cpu_each(who))

    def percentile(self, percent: float) -> float:
        """Return a percentile of the latencies in milliseconds: the median over the turns."""
        return self.median(lambda sample: sample.percentile(percent))

    def ratio(self, other: Measured, aspect: Aspect) -> float | None:
        """Return the median of the ratios turn by turn.

        Slices of one turn are neighbours in time, so what disturbs the machine for longer
        than a slice disturbs both.

        Returns:
            None when the other side's aspect is 0 in every turn; such turns do not count.
        """
        pairs = zip(map(aspect, self.samples), map(aspect, other.samples), strict=True)
        ratios = [ours / theirs for ours, theirs in pairs if theirs]
        return median(ratios) if ratios else None


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def in_turns(sides: Sequence[Side], turns: int, *, warm_up: int = 1) -> list[Measured]:
    """Let each side work for a slice, in turn, again and again.

    Args:
        sides: What is compared.
        turns: How many slices of each are kept.
        warm_up: How many of each come before and are thrown away.

    Returns:
        The samples in the order of `sides`.
    """
    kept: list[list[Sample]] = [[] for _ in sides]
    for turn in range(warm_up + turns):
        for samples, side in zip(kept, sides, strict=True):
            sample = side.measure()
            if turn >= warm_up:
                samples.append(sample)
    return [Measured(samples) for samples in kept]
