"""Sixteen writers in three server processes' worth of sequencers, with readers and subscribers."""

from __future__ import annotations

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import pytest

from regesta.v1 import audit_service_pb2 as audit_pb
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import watch_service_pb2 as watch_pb
from regesta_projections.records import Cause
from regesta_service.api.reads.audit import AuditReads
from regesta_service.postgres.migrate import apply
from regesta_service.postgres.roles import provision
from tests.support.one_server import (
    PARENT,
    OneServer,
    one_server,
    write_and_read,
    write_in_another_process,
)
from tests.support.reading import make_call

if TYPE_CHECKING:
    from tests.conftest import OwnServer
    from tests.databases import LiveDatabase

ROUNDS = 12
#: The namespace's own event, the model, and two events for each round of each writer.
EVENTS = 2 + 2 * ROUNDS * 16


async def follow(
    server: OneServer, after: int, until: int, begun: asyncio.Event | None = None
) -> list[tuple[int, bytes, int]]:
    """Return position, record and number of texts of what a subscriber gets."""
    got: list[tuple[int, bytes, int]] = []
    request = watch_pb.SubscribeRequest(parent=PARENT, after_position=after)
    async for message in server.watch.subscribe(request, make_call(seconds=100)):
        if begun is not None:
            begun.set()
        answer = watch_pb.SubscribeResponse.FromString(message)
        if answer.HasField("event"):
            event = answer.event
            got.append((event.position, event.record, len(event.disclosures)))
            if event.position >= until:
                break
    return got


@pytest.mark.slow
async def test_nobody_misses_or_repeats_an_event_and_everybody_reads_what_was_written(
    database: LiveDatabase,
):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        async with one_server(database.service_dsn) as a, one_server(database.service_dsn) as b:
            await a.registry.ensure("acme", Cause("system", "system", "first"))
            followers = [asyncio.create_task(follow(s, 0, EVENTS)) for s in (a, b)]
            third = asyncio.get_running_loop().run_in_executor(
                executor, write_in_another_process, database.service_dsn, range(12, 16), ROUNDS
            )
            async with asyncio.timeout(100), asyncio.TaskGroup() as group:
                for writer in range(12):
                    own, other = (a, b) if writer % 2 else (b, a)
                    group.create_task(write_and_read(own, other, writer, ROUNDS))
                for late in range(6):
                    await asyncio.sleep(0.1)
                    server = (a, b)[late % 2]
                    followers.append(asyncio.create_task(follow(server, late, EVENTS)))
            await third
            async with asyncio.timeout(30):
                followed = await asyncio.gather(*followers)
            log = await AuditReads(a.reads).read_events(
                audit_pb.ReadEventsRequest(parent=PARENT, page_size=1_000), make_call()
            )

    events = audit_pb.ReadEventsResponse.FromString(log).events
    whole = [(event.position, event.record, len(event.disclosures)) for event in events]
    assert list(range(1, EVENTS + 1)) == [position for position, _, _ in whole]
    assert [whole, whole, *(whole[late:] for late in range(6))] == followed
    assert 16 * ROUNDS <= sum(texts for _, _, texts in whole)


async def test_a_hint_wakes_another_process_long_before_it_polls(database: LiveDatabase):
    async with (
        one_server(database.service_dsn) as a,
        one_server(database.service_dsn, poll=30.0) as b,
    ):
        await a.registry.ensure("acme", Cause("system", "system", "first"))
        b.reads.tails._idle_poll = 30.0
        first = (await a.register("churn", "r-1")).position
        tail = await b.reads.tails.tail("acme")
        assert await tail.wait_for(first, 5)
        # Nobody waits now, so nobody has the log looked at.
        await asyncio.sleep(0.2)

        position = (await a.register("churn", "r-2")).position

        async with asyncio.timeout(5):
            while tail.position < position:  # noqa: ASYNC110 - waiting for it would make it poll
                await asyncio.sleep(0.01)


async def test_readers_and_subscribers_survive_a_restart_of_the_database(own_server: OwnServer):
    postgres = own_server()
    database = provision(postgres.dsn, "regesta")
    apply(database.owner_dsn)
    async with one_server(database.service_dsn) as server:
        await server.registry.ensure("acme", Cause("system", "system", "first"))
        await server.register("churn", "r-1")
        begun = asyncio.Event()
        follower = asyncio.create_task(follow(server, 3, 5, begun))
        await begun.wait()
        await server.resolve("churn@latest", 3)

        await asyncio.to_thread(postgres.stop)
        # What was read before is still answered.
        request = pb.ResolveVersionRequest(parent=PARENT, address="churn@latest")
        kept = await server.catalog.resolve_version(request, make_call())
        assert 1 == pb.ResolveVersionResponse.FromString(kept).version.version
        postgres.start()  # on this thread, as Linux stops it when its thread ends

        assert 4 == (await server.register("churn", "r-2")).position
        await server.register("churn", "r-3")
        async with asyncio.timeout(20):
            assert [4, 5] == [position for position, _, _ in await follower]
        assert 3 == (await server.resolve("churn@latest", 5)).version.version
