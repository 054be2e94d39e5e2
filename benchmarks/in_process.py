"""Appends without gRPC: what the write path alone can do (see `benchmarks.sequencing`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvloop

from benchmarks.figures import Figure
from benchmarks.sequencing import NAMESPACE, Measured, Submitters
from benchmarks.workers import Worker, orders
from regesta_projections.records import Cause
from regesta_service.log.connections import Connections
from regesta_service.log.namespaces import NamespaceRegistry
from regesta_service.sequencing.sequencer import Sequencer

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from benchmarks.effort import Effort
    from benchmarks.ground import Ground

_MODELS = 16
_WAITING = (1, 8, 64, 256)


class InProcess(Worker):
    """A process that appends to a namespace of its own.

    Args:
        dsn: A database of ours, as the service's role.
        postmaster: Of that database.
    """

    def __init__(self, dsn: str, postmaster: int) -> None:
        super().__init__(append_in_process, dsn, postmaster)

    def append(self, waiting: int, events: int) -> Measured:
        """Register so many versions with so many callers at a time."""
        measured: Measured = self.ask((waiting, events))
        return measured


def measure_in_process(ground: Ground, effort: Effort) -> list[Figure]:
    """Register versions in one process, with different numbers of callers at a time."""
    figures = []
    with InProcess(ground.migrated(), ground.postmaster) as worker:
        for waiting in _WAITING:
            figures += _figures(worker.append(waiting, effort.appended_events * min(waiting, 8)))
    return figures


def _figures(measured: Measured) -> list[Figure]:
    what = f"append in process, {measured.waiting} waiting"
    events = measured.events
    return [
        Figure(f"{what}: rate", events / measured.seconds, "events/s"),
        Figure(f"{what}: 99th percentile", measured.percentile(0.99), "ms"),
        Figure(f"{what}: CPU of Python", measured.own_cpu / events * 1e6, "µs/event"),
        Figure(f"{what}: CPU of PostgreSQL", measured.database_cpu / events * 1e6, "µs/event"),
    ]


def append_in_process(
    pipe: Connection, dsn: str, postmaster: int, warm_up: tuple[int, int] = (8, 1_000)
) -> None:
    """Register versions as ordered through a pipe, in a process of its own.

    Args:
        pipe: Gives orders, how many callers and how many versions, and takes what was measured.
        dsn: A database of ours, as the service's role.
        postmaster: Of that database.
        warm_up: An order that is carried out first, and not measured.
    """
    uvloop.run(_append(pipe, dsn, postmaster, warm_up))


async def _append(pipe: Connection, dsn: str, postmaster: int, warm_up: tuple[int, int]) -> None:
    connections = Connections(dsn)
    registry = NamespaceRegistry(connections)
    await registry.ensure(NAMESPACE, Cause("system", "system", "create"))
    async with Sequencer(connections, registry).running() as sequencer:
        submitters = Submitters(sequencer, _MODELS)
        await submitters.run(*warm_up, postmaster)
        for waiting, events in orders(pipe):
            pipe.send(await submitters.run(waiting, events, postmaster))
    await connections.close()
