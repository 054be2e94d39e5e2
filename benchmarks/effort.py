"""How much a run does."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.stock import Stock


@dataclass(frozen=True, slots=True)
class Effort:
    """Turns, seconds and sizes.

    Attributes:
        turns: Slices of each side that are kept; one more is thrown away.
        slice_seconds: How long a slice is, in whole seconds for pgbench's sake.
        stock: What the registry holds that is resolved and registered into.
        follow_seconds: How long writers write while readers follow.
        appended_events: Appended in process, times the callers, but at most eight times.
        rebuilt_events: Length of the log that is rebuilt, if it is written in time.
        writing_seconds: How long that log is written.
        proof_sizes: Lengths of the logs in which proofs are made, from small to large.
        verified_events: In the pack that is verified offline.
        listed_versions: Of the model whose versions are listed as of moments.
        listed_events: In the log of that model.
    """

    turns: int
    slice_seconds: int
    stock: Stock
    follow_seconds: float
    appended_events: int
    rebuilt_events: int
    writing_seconds: float
    proof_sizes: tuple[int, ...]
    verified_events: int
    listed_versions: int
    listed_events: int


FULL = Effort(
    turns=5,
    slice_seconds=2,
    stock=Stock(large_versions=100_000, small_models=6, aliased_models=16_000),
    follow_seconds=15,
    appended_events=2_000,
    rebuilt_events=1_000_000,
    writing_seconds=90,
    proof_sizes=(10_000, 100_000, 1_000_000),
    verified_events=200_000,
    listed_versions=100_000,
    listed_events=1_000_000,
)
QUICK = Effort(
    turns=3,
    slice_seconds=1,
    stock=Stock(large_versions=20_000, small_models=4, aliased_models=6_000),
    follow_seconds=4,
    appended_events=500,
    rebuilt_events=50_000,
    writing_seconds=10,
    proof_sizes=(1_000, 10_000, 50_000),
    verified_events=30_000,
    listed_versions=10_000,
    listed_events=60_000,
)
