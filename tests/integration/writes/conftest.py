from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from regesta_projections.records import Cause
from regesta_service.api.writes.labels import LabelWrites
from regesta_service.api.writes.lifecycle import LifecycleWrites
from regesta_service.api.writes.models import ModelWrites
from regesta_service.api.writes.moving import MoveReads
from regesta_service.api.writes.versions import VersionWrites
from regesta_service.log.connections import Connections
from regesta_service.log.namespaces import NamespaceRegistry
from regesta_service.reads.holders import HolderReads
from regesta_service.reads.read_model import ReadModel
from regesta_service.reads.requests import RequestReads
from regesta_service.reads.resources import ResourceReads
from regesta_service.sequencing.sequencer import Sequencer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.databases import LiveDatabase


@dataclass(frozen=True, slots=True)
class Writers:
    """The servicers of writes of one process, on a database with the namespace `acme`."""

    models: ModelWrites
    versions: VersionWrites
    labels: LabelWrites
    lifecycle: LifecycleWrites
    reads: ReadModel


@pytest.fixture
async def writers(database: LiveDatabase) -> AsyncIterator[Writers]:
    dsn = database.service_dsn

    async def connect() -> psycopg.AsyncConnection[Any]:
        return await psycopg.AsyncConnection.connect(dsn, autocommit=True)

    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            AsyncConnectionPool(dsn, min_size=1, max_size=4, kwargs={"autocommit": True})
        )
        connections = Connections(dsn)
        stack.push_async_callback(connections.close)
        registry = NamespaceRegistry(connections)
        reads = ReadModel(registry, pool, connect, page_token_secret=b"0123456789abcdef")
        await stack.enter_async_context(reads.running())
        sequencer = Sequencer(connections, registry, on_appended=reads.tails.offer)
        await stack.enter_async_context(sequencer.running())
        await registry.ensure("acme", Cause("system", "system", "create-acme"))
        resources = ResourceReads(registry, pool)
        moves = MoveReads(HolderReads(registry, pool), RequestReads(registry, pool, resources))
        yield Writers(
            ModelWrites(sequencer, reads.answers),
            VersionWrites(sequencer, reads.answers),
            LabelWrites(sequencer, reads.answers, moves),
            LifecycleWrites(sequencer, reads.answers, moves),
            reads,
        )
