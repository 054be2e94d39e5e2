"""What one server process is made of, without gRPC: for tests of several at once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvloop

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import reading_pb2 as reading_pb
from regesta_service.api.reads.catalog import CatalogReads
from regesta_service.api.reads.watch import WatchStreams
from regesta_service.api.writes.labels import LabelWrites
from regesta_service.api.writes.moving import MoveReads
from regesta_service.api.writes.versions import VersionWrites
from regesta_service.log.connections import Connections
from regesta_service.log.namespaces import NamespaceRegistry
from regesta_service.reads.holders import HolderReads
from regesta_service.reads.requests import RequestReads
from regesta_service.reads.resources import ResourceReads
from regesta_service.sequencing.sequencer import Sequencer
from regesta_service.watch.subscriptions import Subscriptions
from tests.support.reading import make_call, read_model

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from regesta_service.reads.read_model import ReadModel

PARENT = "namespaces/acme"


@dataclass(frozen=True)
class OneServer:
    """Reads and writes as one process does them."""

    registry: NamespaceRegistry
    reads: ReadModel
    catalog: CatalogReads
    versions: VersionWrites
    labels: LabelWrites
    watch: WatchStreams

    async def register(self, model: str, request_id: str) -> pb.RegisterVersionResponse:
        request = pb.RegisterVersionRequest(
            parent=f"{PARENT}/models/{model}",
            allow_missing_model=True,
            request_id=request_id,
            reason=f"because of {request_id}",
        )
        answer = await self.versions.register_version(request, make_call())
        return pb.RegisterVersionResponse.FromString(answer)

    async def point(self, model: str, alias: str, version: int, request_id: str) -> int:
        request = pb.SetAliasRequest(
            name=f"{PARENT}/models/{model}/aliases/{alias}", version=version, request_id=request_id
        )
        answer = await self.labels.set_alias(request, make_call())
        return pb.SetAliasResponse.FromString(answer).position

    async def resolve(self, address: str, at_least: int) -> pb.ResolveVersionResponse:
        request = pb.ResolveVersionRequest(
            parent=PARENT,
            address=address,
            consistency=reading_pb.Consistency(
                level=reading_pb.CONSISTENCY_LEVEL_AT_LEAST, position=at_least
            ),
        )
        answer = await self.catalog.resolve_version(request, make_call())
        return pb.ResolveVersionResponse.FromString(answer)


@contextlib.asynccontextmanager
async def one_server(dsn: str, **options: Any) -> AsyncIterator[OneServer]:
    """Run what a server process consists of."""
    connections = Connections(dsn)
    registry = NamespaceRegistry(connections)
    async with read_model(dsn, registry, **options) as reads:
        sequencer = Sequencer(connections, registry, on_appended=reads.tails.offer)
        async with sequencer.running():
            resources = ResourceReads(registry, reads.pool)
            requests = RequestReads(registry, reads.pool, resources)
            moves = MoveReads(HolderReads(registry, reads.pool), requests)
            yield OneServer(
                registry,
                reads,
                CatalogReads(reads),
                VersionWrites(sequencer, reads.answers),
                LabelWrites(sequencer, reads.answers, moves),
                WatchStreams(reads, Subscriptions(reads.tails, reads.lookups, reads.pool)),
            )
    await connections.close()


async def write_and_read(own: OneServer, other: OneServer, writer: int, rounds: int) -> None:
    """Write by one server, and after each write read by another what was written.

    Each writer moves an alias of its own, on a model that all of them write to.
    """
    alias = f"w{writer}"
    ids = (f"{alias}-{number}" for number in itertools.count())
    for _ in range(rounds):
        registered = await own.register("shared", next(ids))
        number = registered.version.version
        found = await other.resolve(f"shared/{number}", registered.position)
        assert (number, True) == (found.version.version, found.position >= registered.position)
        position = await own.point("shared", alias, number, next(ids))
        found = await other.resolve(f"shared@{alias}", position)
        assert (number, True) == (found.version.version, found.position >= position)


async def _write_in_another_process(dsn: str, writers: range, rounds: int) -> None:
    async with one_server(dsn) as own, asyncio.TaskGroup() as group:
        for writer in writers:
            group.create_task(write_and_read(own, own, writer, rounds))


def write_in_another_process(dsn: str, writers: range, rounds: int) -> None:
    """Be a server process of its own, for as long as its writers write."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_write_in_another_process(dsn, writers, rounds))
