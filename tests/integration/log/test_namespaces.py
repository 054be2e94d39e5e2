from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
import pytest
import pytest_asyncio

from regesta.sealed import seal
from regesta_projections.events import NamespaceCreated
from regesta_projections.records import Cause, read_record
from regesta_service.domain.rejections import (
    DatabaseUnavailable,
    NamespaceExists,
    NamespaceNotFound,
    RequestIdReused,
)
from regesta_service.log.connections import Connections
from regesta_service.log.namespaces import NamespaceRegistry
from tests.support.writing import check_log, identity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.databases import LiveDatabase

CAUSE = Cause("alice", "user", "request")


@pytest_asyncio.fixture
async def connections(database: LiveDatabase) -> AsyncIterator[Connections]:
    made = Connections(database.service_dsn)
    yield made
    await made.close()


async def test_a_namespace_begins_with_the_event_of_its_creation(
    connections: Connections, database: LiveDatabase
) -> None:
    registry = NamespaceRegistry(connections)
    reason = seal("for the risk team", bytes(16))

    position = await registry.create("risk", CAUSE, identity("request"), reason)

    [record] = check_log(database.service_dsn, "risk")
    event = read_record(record, 1).event
    assert isinstance(event, NamespaceCreated)
    assert (1, "risk") == (position, event.name)
    with psycopg.connect(database.service_dsn) as conn:
        texts = conn.execute("SELECT digest, field, text FROM regesta.disclosures").fetchall()
        ids = conn.execute("SELECT namespace_id FROM regesta.logs").fetchall()
    assert [(reason.digest, "reason", "for the risk team")] == texts
    assert [(await registry.namespace_id("risk"),)] == ids


async def test_creating_again_is_answered_the_same_or_refused(connections: Connections) -> None:
    registry = NamespaceRegistry(connections)
    await registry.create("risk", CAUSE, identity("request"))

    assert 1 == await registry.create("risk", CAUSE, identity("request"))
    with pytest.raises(RequestIdReused):
        await registry.create("risk", CAUSE, identity("request", content="other"))
    with pytest.raises(NamespaceExists):
        await registry.create("risk", Cause("alice", "user", "next"), identity("next"))


async def test_one_of_many_that_create_a_namespace_at_once_succeeds(
    database: LiveDatabase,
) -> None:
    made = [Connections(database.service_dsn) for _ in range(3)]
    registries = [NamespaceRegistry(connections) for connections in made]

    results = await asyncio.gather(
        *(
            registry.create("risk", Cause("alice", "user", f"r{n}"), identity(f"r{n}"))
            for n, registry in enumerate(registries)
        ),
        return_exceptions=True,
    )
    await asyncio.gather(*(registry.ensure("risk", CAUSE) for registry in registries))

    assert 1 == results.count(1)
    assert 2 == sum(isinstance(result, NamespaceExists) for result in results)
    assert 1 == len({await registry.namespace_id("risk") for registry in registries})
    for connections in made:
        await connections.close()
    assert 1 == len(check_log(database.service_dsn, "risk"))


async def test_what_others_create_is_found(connections: Connections) -> None:
    registry, other = NamespaceRegistry(connections), NamespaceRegistry(connections)
    with pytest.raises(NamespaceNotFound):
        await registry.namespace_id("risk")

    await other.ensure("risk", CAUSE)

    assert await other.namespace_id("risk") == await registry.namespace_id("risk")


async def test_without_a_database_nothing_is_said_to_be_missing() -> None:
    nowhere = Connections("host=/nonexistent dbname=none connect_timeout=1")
    registry = NamespaceRegistry(nowhere, patience=0.2)

    with pytest.raises(DatabaseUnavailable):
        await registry.namespace_id("risk")
    with pytest.raises(DatabaseUnavailable):
        await registry.create("risk", CAUSE, identity("request"))
