"""What proofs cost, and that the cost grows with the height of the tree and not with its size.

Logs of three sizes are written without a server. A proof is *warm* when the tiles that it is
made of are in memory: 300 random events are asked for again and again, as an auditor does who
follows some models. It is *cold* when nothing is in memory, so that each tile is read from the
database and its inner nodes are hashed. CPU is that of the process that makes the proofs, which
does nothing else; for cold ones that of PostgreSQL is shown beside it. Every proof that is
counted was verified once before.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from benchmarks.figures import Figure, Goal
from benchmarks.generated_log import NAMESPACE, facts, write_log
from regesta.merkle import Frontier, verify_consistency, verify_inclusion
from regesta_service.audit import stored
from regesta_service.audit.checking import check
from regesta_service.audit.tree import Trees

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.effort import Effort
    from benchmarks.ground import Ground

    _Prove = Callable[[Trees, int], Awaitable[object]]

_LEAVES = 300
_COLD = 100

#: Seconds of CPU that warm proofs are made for, in each of five turns.
_SECONDS = 0.2
_TURNS = 5

#: Milliseconds of CPU for a warm inclusion proof in the largest log.
_GOAL = 0.3

#: How much more a proof may cost by the height of the tree in the largest log than in the
#: smallest: 1 is growth with the logarithm and nothing else, what is above is the machine.
_GROWTH = 1.3


class _Costs(NamedTuple):
    """Milliseconds of CPU a proof, and microseconds for each event that is hashed again."""

    size: int
    warm: float
    consistency: float
    cold: float
    cold_database: float
    rehash: float

    @property
    def by_height(self) -> float:
        return self.warm / math.log2(self.size)


def measure_proofs(ground: Ground, effort: Effort) -> list[Figure]:
    """Make proofs in logs of three sizes."""
    costs = []
    for size in effort.proof_sizes:
        dsn = ground.migrated()
        written = write_log(dsn, NAMESPACE, facts(size))
        costs.append(asyncio.run(_costs(ground, dsn, written)))
    figures = []
    for each in costs:
        what = f"proof at {each.size:,} events"
        largest = each is costs[-1]
        figures += [
            Figure(
                f"{what}: inclusion, warm: CPU",
                each.warm,
                "ms",
                goal=Goal(_GOAL, of_value=True) if largest else None,
            ),
            Figure(f"{what}: consistency, warm: CPU", each.consistency, "ms"),
            Figure(f"{what}: inclusion, cold: CPU of Python", each.cold, "ms"),
            Figure(f"{what}: inclusion, cold: CPU of PostgreSQL", each.cold_database, "ms"),
        ]
    figures.append(
        Figure(
            f"publisher re-hashes {costs[-1].size:,} events: CPU of Python",
            costs[-1].rehash,
            "µs/event",
        )
    )
    small, large = costs[0], costs[-1]
    figures.append(
        Figure(
            "warm inclusion proof: CPU by the height of the tree",
            large.by_height * 1e3,
            "µs/level",
            f"{small.size:,} events, {small.by_height * 1e3:.1f}",
            large.by_height / small.by_height,
            Goal(_GROWTH),
        )
    )
    return figures


async def _costs(ground: Ground, dsn: str, size: int) -> _Costs:
    chance = random.Random(size)
    leaves = [chance.randrange(size) for _ in range(_LEAVES)]
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT namespace_id FROM regesta.logs WHERE name = %s", [NAMESPACE]
        )
        ((namespace_id,),) = await cursor.fetchall()

        async def include(trees: Trees, leaf: int) -> None:
            await trees.inclusion(connection, namespace_id, leaf, size)

        async def extend(trees: Trees, leaf: int) -> None:
            await trees.consistency(connection, namespace_id, leaf + 1, size)

        trees = Trees()
        for leaf in leaves:
            proof = await trees.inclusion(connection, namespace_id, leaf, size)
            verify_inclusion(proof.leaf_hash, leaf, size, proof.hashes, proof.root)
            extended = await trees.consistency(connection, namespace_id, leaf + 1, size)
            verify_consistency(leaf + 1, size, extended.old_root, extended.root, extended.hashes)
        warm, consistency = await _warm(trees, leaves, include), await _warm(trees, leaves, extend)
        before, began = ground.database_cpu(), time.process_time()
        for leaf in leaves[:_COLD]:
            await include(Trees(), leaf)
        cold, database = time.process_time() - began, ground.database_cpu() - before
    rehash = _rehash(dsn, namespace_id) / size * 1e6
    return _Costs(size, warm, consistency, cold / _COLD * 1e3, database / _COLD * 1e3, rehash)


def _rehash(dsn: str, namespace_id: int) -> float:
    """Return the seconds of CPU that a publisher without memory needs for its first look."""
    with psycopg.connect(dsn) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        head, began = stored.head(conn, namespace_id), time.process_time()
        check(conn, head, Frontier(), None)
        return time.process_time() - began


async def _warm(trees: Trees, leaves: list[int], prove: _Prove) -> float:
    """Return the milliseconds of a proof: the least of some turns, as others disturb."""
    turns = []
    for _ in range(_TURNS):
        made, began = 0, time.process_time()
        while (used := time.process_time() - began) < _SECONDS:
            for leaf in leaves:
                await prove(trees, leaf)
            made += len(leaves)
        turns.append(used / made * 1e3)
    return min(turns)
