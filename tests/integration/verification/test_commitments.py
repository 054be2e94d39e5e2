"""Commitments that a server makes by itself: when they are due, and once for all servers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import psycopg
import pytest_asyncio

from regesta_service.domain.models import CreateModel
from regesta_service.verification.checks import Checks
from regesta_service.verification.commitments import Commitments, Due, Schedule
from tests.support.writing import NAMESPACE, Submitter, check_log, sequencing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.databases import LiveDatabase


@pytest_asyncio.fixture
async def servers(database: LiveDatabase) -> AsyncIterator[list[Submitter]]:
    """Two servers on one database, as far as they write."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(sequencing(database.service_dsn)) for _ in range(2)]


def schedule(database: LiveDatabase, server: Submitter, interval: float) -> Schedule:
    dsn = database.service_dsn
    return Schedule(Commitments(Checks(dsn), server.sequencer), dsn, interval)


def commitments(database: LiveDatabase) -> list[tuple[str, str]]:
    with psycopg.connect(database.service_dsn) as connection:
        return connection.execute(
            "SELECT actor, request_id FROM regesta.events WHERE stream = 'log' ORDER BY position"
        ).fetchall()


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it does not come to hold")


async def test_servers_commit_once_when_something_was_appended(
    database: LiveDatabase, servers: list[Submitter]
) -> None:
    first, second = servers
    schedules = [schedule(database, server, 0.1) for server in servers]
    await first(CreateModel("churn"))
    await asyncio.sleep(0.3)
    assert [[Due(NAMESPACE, "heads-after-0")]] * 2 == [await one.due() for one in schedules]

    tasks = [asyncio.create_task(one.run()) for one in schedules]
    await until(lambda: len(commitments(database)) == 1)
    await asyncio.sleep(1)
    assert [("system", "heads-after-0")] == commitments(database)
    await second(CreateModel("fraud"))
    await until(lambda: len(commitments(database)) == 2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert ("system", "heads-after-3") == commitments(database)[1]
    check_log(database.service_dsn)


async def test_nothing_is_due_before_its_time(
    database: LiveDatabase, servers: list[Submitter]
) -> None:
    await servers[0](CreateModel("churn"))
    assert [] == await schedule(database, servers[0], 3_600).due()
