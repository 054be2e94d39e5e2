"""A list as of a moment beside the same list of now, and how much the distance in time costs.

One model with very many versions, registered all along the log and changed several times since:
pages of its versions, newest first, as the service gives them over gRPC.
"""

from __future__ import annotations

import itertools
import random
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import psycopg

from benchmarks.figures import Figure, Goal, number
from benchmarks.generated_log import registered, write_log
from benchmarks.load import Load, Plan
from benchmarks.slices import Side, in_turns
from regesta.v1 import catalog_service_pb2 as pb
from regesta_projections import events as e
from regesta_projections.history import HISTORY_TABLES
from regesta_projections.rebuild import rebuild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.effort import Effort
    from benchmarks.ground import Ground
    from benchmarks.slices import Measured, Sample

NAMESPACE: Final = "history"
_MODEL: Final = "large"
_LIST: Final = "/regesta.v1.CatalogService/ListVersions"
_PAGE: Final = 50
_IN_FLIGHT: Final = 8


def measure_history(ground: Ground, effort: Effort) -> list[Figure]:
    """List a page of now, of just before the last event, of the middle and of the beginning."""
    dsn = ground.migrated()
    versions = effort.listed_versions
    size = write_log(dsn, NAMESPACE, _facts(versions, effort.listed_events))
    rebuild(dsn, NAMESPACE, linger=0)
    moments = {"now": 0, "near": size - 1, "middle": size // 2, "far": size // 50}
    stored = _bytes_an_event(dsn)
    # Pages are to be found, not remembered.
    with ground.serving(dsn, keep_pages=False) as served, ExitStack() as stack:
        meters = {"service": served.cpu, "database": ground.database_cpu}
        sides = []
        for name, position in moments.items():
            plan = Plan(served.address, _LIST, _Pages(position), in_flight=_IN_FLIGHT)
            load = stack.enter_context(Load(plan))
            run = lambda load=load: load.run(effort.slice_seconds)  # noqa: E731 - one of each
            sides.append(Side(name, run, meters))
        now, near, middle, far = in_turns(sides, effort.turns)
    what = f"a page of {versions:,} versions, {size:,} events"
    return [
        Figure(f"{what}: now", _cpu(now), "µs/op"),
        _beside(f"{what}: as of just now", near, now, Goal(2)),
        _beside(f"{what}: as of {size - moments['middle']:,} events ago", middle, now, Goal(2)),
        _beside(f"{what}: as of {size - moments['far']:,} events ago", far, now, Goal(2)),
        _beside(f"{what}: long ago beside just now", far, near, Goal(1.2), of="just now"),
        Figure("the history: storage, indexes included", stored, "bytes/event"),
    ]


def _bytes_an_event(dsn: str) -> float:
    with psycopg.connect(dsn) as conn:
        row = conn.execute(_STORED, [[table.name for table in HISTORY_TABLES.values()]]).fetchone()
    return float(row[0]) if row else 0.0


_STORED: Final = """
SELECT sum(pg_total_relation_size(('regesta.' || name)::regclass))
    / (SELECT sum(size) FROM regesta.logs)
FROM unnest(%s::text[]) AS name
"""


class _Pages:
    """The same request, over and over."""

    def __init__(self, position: int) -> None:
        request = pb.ListVersionsRequest(
            parent=f"namespaces/{NAMESPACE}/models/{_MODEL}", page_size=_PAGE
        )
        if position:
            request.as_of.position = position
        self._request = request.SerializeToString()

    def __iter__(self) -> Iterator[bytes]:
        """Yield it without end."""
        return itertools.repeat(self._request)


def _facts(versions: int, events: int) -> Iterator[tuple[str, e.Event]]:
    chance = random.Random(11)
    yield "namespace", e.NamespaceCreated(name=NAMESPACE)
    yield f"models/{_MODEL}", e.ModelCreated(name=_MODEL, kind="MODEL")
    changes = max(0, events // versions - 1)
    for last in range(1, versions + 1):
        yield f"models/{_MODEL}/versions/{last}", registered(chance, _MODEL, last)
        for at in range(changes):
            # One of the last fifty, so that the pages compared are alike at every time.
            stream = f"models/{_MODEL}/versions/{max(1, last - chance.randrange(50))}"
            yield stream, e.TagsSet(tags={"checked": str(at), "by": f"user-{last % 50}"})


def _cpu(side: Measured) -> float:
    return side.median(_all_cpu)


def _all_cpu(sample: Sample) -> float:
    return sample.cpu_each("service") + sample.cpu_each("database")


def _beside(what: str, ours: Measured, other: Measured, goal: Goal, of: str = "now") -> Figure:
    return Figure(
        f"{what}: all CPU",
        _cpu(ours),
        "µs/op",
        f"{of}, {number(_cpu(other))}",
        ours.ratio(other, _all_cpu),
        goal,
    )
