"""Whether anybody who follows the log misses an event or is given one twice."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import regesta
from benchmarks.figures import Figure, Goal, number
from benchmarks.following import Followers, Following
from benchmarks.load import Load, Plan
from benchmarks.naive_log import count_missed
from benchmarks.requests import REGISTER, Registrations

if TYPE_CHECKING:
    from benchmarks.effort import Effort
    from benchmarks.following import Sight
    from benchmarks.ground import Ground

_NAMESPACE = "followed"
_MODELS = tuple(f"model-{number}" for number in range(8))
_PROCESSES = 4
_WRITERS = 4
_NONE = Goal(0, of_value=True)


def compare_readers(ground: Ground, effort: Effort) -> list[Figure]:
    """Sixteen writers, two servers, subscribers and pollers of both; then a naive log."""
    head, sights, seconds = _follow(ground, effort.follow_seconds)
    missed = sum(sight.missed(head) for sight in sights)
    repeated = sum(sight.repeated for sight in sights)
    kinds = sorted({sight.who for sight in sights})
    told = ", ".join(f"{sum(s.who == kind for s in sights)} {kind}s" for kind in kinds)
    naive_missed, naive_written = count_missed(
        ground.empty(), effort.follow_seconds / 3, processes=_PROCESSES, writers=_WRITERS
    )
    return [
        Figure(
            "following the log: events missed",
            missed,
            f"of {head:,}",
            f"naive reader of a sequence, {naive_missed:,} of {naive_written:,}",
            goal=_NONE,
            note=f"{told}; {_PROCESSES * _WRITERS} writers on 2 servers",
        ),
        Figure("following the log: events given twice", repeated, f"of {head:,}", goal=_NONE),
        Figure(
            "following the log: delivered, all readers together",
            head * len(sights) / seconds,
            "events/s",
            f"written, {number(head / seconds)}",
        ),
    ]


def _follow(ground: Ground, seconds: float) -> tuple[int, list[Sight], float]:
    """Return the head of the log, what every reader saw, and how long was written."""
    dsn = ground.migrated()
    with ExitStack() as stack:
        servers = [stack.enter_context(ground.serving(dsn)) for _ in range(2)]
        client = stack.enter_context(regesta.Client(servers[0].address))
        client.create_namespace(_NAMESPACE)
        following = [
            stack.enter_context(Following(Followers(server.address, _NAMESPACE)))
            for server in servers
        ]
        plans = [
            Plan(
                servers[process % 2].address,
                REGISTER,
                Registrations(_NAMESPACE, _MODELS, seed=200 + process),
                connections=1,
                in_flight=_WRITERS,
            )
            for process in range(_PROCESSES)
        ]
        loads = [stack.enter_context(Load(plan)) for plan in plans]
        for load in loads:
            load.begin(seconds)
        took = max(load.hear().seconds for load in loads)
        head = client.get_head(parent=f"namespaces/{_NAMESPACE}").position
        for each in following:
            each.tell(head)
        return head, [sight for each in following for sight in each.hear()], took
