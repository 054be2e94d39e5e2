"""What the Merkle tree costs in an append: the same append with and without it.

Two processes register versions in turn, each in a database of its own. One is as it is
shipped. In the other everything that the tree needs is replaced by constant work: hashing the
record and growing the frontier here, the generated column `leaf_hash` and the tiles in
PostgreSQL. Sizes stay the same: 32 bytes stand where a hash would. Both sides do the same
number of registrations a turn; CPU is that of the process and of PostgreSQL together, while
the other side rests. The share is what is saved without the tree, of an append with it: the
median over the turns.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import psycopg

from benchmarks.figures import Figure, Goal
from benchmarks.in_process import append_in_process
from benchmarks.workers import Worker
from regesta.merkle import HASH_BYTES, FilledTile, Frontier
from regesta_service.log import draft

if TYPE_CHECKING:
    from collections.abc import Iterable
    from multiprocessing.connection import Connection

    from benchmarks.effort import Effort
    from benchmarks.ground import Ground
    from benchmarks.sequencing import Measured

_WAITING = (64, 256)
_WARM_UP = (64, 2_000)

#: Of the CPU of an append, in percent.
_GOAL = 25.0

_NO_HASH = bytes(HASH_BYTES)

_WITHOUT = (
    "ALTER TABLE regesta.events ALTER leaf_hash DROP EXPRESSION",
    "ALTER TABLE regesta.events ALTER leaf_hash SET DEFAULT decode(repeat('00', 32), 'hex')",
)


def measure_tree_upkeep(ground: Ground, effort: Effort) -> list[Figure]:
    """Register versions with and without the tree, in turn."""
    figures = []
    with_tree, without = ground.migrated(), ground.migrated()
    with psycopg.connect(ground.superuser_of(without), autocommit=True) as conn:
        for statement in _WITHOUT:
            conn.execute(statement)
    with (
        Worker(append_in_process, with_tree, ground.postmaster, _WARM_UP) as shipped,
        Worker(_run_without, without, ground.postmaster) as bare,
    ):
        for waiting in _WAITING:
            order = (waiting, effort.appended_events * 2)
            turns = [_turn(shipped, bare, order, number) for number in range(effort.turns * 4 + 1)]
            # The first one warms both sides up.
            figures += _figures(waiting, turns[1:])
    return figures


def _turn(
    shipped: Worker, bare: Worker, order: tuple[int, int], number: int
) -> tuple[Measured, Measured]:
    """Let each side append; who begins changes, so that what drifts hits both alike."""
    if number % 2:
        return shipped.ask(order), bare.ask(order)
    without = bare.ask(order)
    return shipped.ask(order), without


def _figures(waiting: int, turns: list[tuple[Measured, Measured]]) -> list[Figure]:
    shares = [(1 - _cpu(bare) / _cpu(shipped)) * 100 for shipped, bare in turns]
    cost = median(_cpu(shipped) for shipped, _ in turns)
    return [
        Figure(
            f"tree upkeep, {waiting} waiting: share of an append's CPU",
            median(shares),
            "%",
            f"append, {cost:.0f} µs",
            goal=Goal(_GOAL, of_value=True),
        )
    ]


def _cpu(measured: Measured) -> float:
    """Return microseconds an append, both processes together."""
    return (measured.own_cpu + measured.database_cpu) / measured.events * 1e6


def _run_without(pipe: Connection, dsn: str, postmaster: int) -> None:
    # In this process only, which does nothing else.
    vars(draft)["leaf_hash"] = lambda _: _NO_HASH
    setattr(Frontier, "extend", _grow)  # noqa: B010 - a type checker would not have it
    append_in_process(pipe, dsn, postmaster, _WARM_UP)


def _grow(frontier: Frontier, hashes: Iterable[bytes]) -> list[FilledTile]:
    """Stand in for `Frontier.extend`: the same size, and nothing hashed."""
    size = frontier.size + len(list(hashes))
    grown = Frontier.decode(size, _NO_HASH * size.bit_count())
    frontier._size, frontier._roots = grown._size, grown._roots  # noqa: SLF001 - stands in for it
    return []
