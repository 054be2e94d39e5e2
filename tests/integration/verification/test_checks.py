"""Verifying and rebuilding for callers, with progress as it goes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from regesta_projections.rebuild import RebuildProgress, rebuild
from regesta_projections.tables import TABLES
from regesta_service.domain.rejections import (
    DatabaseUnavailable,
    LogDamaged,
    NamespaceNotFound,
    RebuildUnderWay,
)
from regesta_service.verification import checks as checking
from regesta_service.verification.checks import Checks, WorkerDied
from tests.support.rich_log import padded_log, rich_log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.databases import LiveDatabase
    from tests.support.log_builder import LogBuilder


def write(database: LiveDatabase, log: LogBuilder) -> None:
    with psycopg.connect(database.service_dsn) as conn:
        log.write(conn)


def damage(database: LiveDatabase, statement: bytes) -> None:
    with psycopg.connect(database.superuser_dsn) as conn:
        for table in (b"events", b"events_000000"):
            conn.execute(b"ALTER TABLE regesta." + table + b" DISABLE TRIGGER ALL")
        conn.execute(statement)


async def answers(stream: AsyncIterator[Any]) -> list[Any]:
    return [answer async for answer in stream]


def children() -> set[str]:
    """Return the processes that this one has started."""
    tasks = Path("/proc/self/task").iterdir()
    return {pid for task in tasks for pid in (task / "children").read_text().split()}


async def test_a_check_tells_how_far_it_is_and_what_it_came_to(database: LiveDatabase):
    log = padded_log(2_500)
    write(database, log)

    *steps, last = await answers(Checks(database.service_dsn).verify("acme"))

    assert steps
    assert not any(step.done for step in steps)
    assert last.done
    assert (2_500, 2_500) == (last.events_folded, last.position)
    assert (0, log.frontier.root()) == (last.findings_total, last.root_hash)
    assert len(log.disclosures) == last.texts_compared


async def test_findings_are_told_once_by_kind_and_place(database: LiveDatabase):
    write(database, padded_log(300))
    damage(database, b"UPDATE regesta.events SET actor = 'mallory' WHERE position = 100")

    *steps, last = await answers(Checks(database.service_dsn).verify("acme"))

    (finding,) = [finding for step in steps for finding in step.findings]
    assert ("COLUMN_DIFFERS", 100, "models/Churn/versions/1") == (
        finding.kind,
        finding.position,
        finding.subject,
    )
    assert "actor is 'mallory', not 'alice'" == finding.detail
    assert 1 == last.findings_total


async def test_a_rebuild_tells_how_far_it_is_and_that_it_is_done(database: LiveDatabase):
    log = rich_log()
    write(database, log)

    *steps, last = await answers(Checks(database.service_dsn).rebuild("acme"))

    assert steps
    assert not any(step.done for step in steps)
    assert (True, log.size) == (last.done, last.events_folded)
    assert len([row for row in log.rows.values() if row]) == last.rows_written


async def test_the_status_counts_rows_and_says_when_they_were_rebuilt(database: LiveDatabase):
    log = rich_log()
    write(database, log)
    checks = Checks(database.service_dsn)

    before = await checks.status("acme")
    await answers(checks.rebuild("acme"))
    after = await checks.status("acme")

    catalog, history = before.projections
    assert (log.size, log.size, "catalog") == (before.position, catalog.cursor, catalog.name)
    assert {
        table.name: sum(isinstance(row, kind) for row in log.rows.values())
        for kind, table in TABLES.items()
    } == dict(catalog.rows)
    assert not catalog.HasField("rebuild_time")
    assert after.projections[0].HasField("rebuild_time")
    assert catalog.rows == after.projections[0].rows
    assert ("history", log.size) == (history.name, history.cursor)
    assert log.catalog_events == sum(history.rows.values())
    assert history.rows == after.projections[1].rows


async def test_an_unknown_namespace_is_not_found(database: LiveDatabase):
    checks = Checks(database.service_dsn)

    with pytest.raises(NamespaceNotFound):
        await answers(checks.verify("nobody"))
    with pytest.raises(NamespaceNotFound):
        await answers(checks.rebuild("nobody"))
    with pytest.raises(NamespaceNotFound):
        await checks.status("nobody")


async def test_a_damaged_log_is_not_rebuilt(database: LiveDatabase):
    write(database, padded_log(300))
    damage(database, b"UPDATE regesta.events SET record = 'x' WHERE position = 100")

    with pytest.raises(LogDamaged):
        await answers(Checks(database.service_dsn).rebuild("acme"))


async def test_a_rebuild_that_another_process_runs_is_under_way(database: LiveDatabase):
    write(database, rich_log())
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: RebuildProgress) -> None:
        begun.set()
        assert go_on.wait(60)

    other = asyncio.create_task(
        asyncio.to_thread(rebuild, database.service_dsn, "acme", hold, linger=0)
    )
    await asyncio.to_thread(begun.wait)
    try:
        with pytest.raises(RebuildUnderWay):
            await answers(Checks(database.service_dsn).rebuild("acme"))
    finally:
        go_on.set()
        await other


async def test_a_database_that_does_not_answer_is_unavailable(database: LiveDatabase):
    nowhere = make_conninfo(database.service_dsn, dbname="nowhere")

    with pytest.raises(DatabaseUnavailable):
        await answers(Checks(nowhere).verify("acme"))


async def test_the_work_ends_with_the_wish_to_know(database: LiveDatabase):
    write(database, padded_log(2_500))
    before = children()

    async with contextlib.aclosing(Checks(database.service_dsn).verify("acme")) as stream:
        first = await anext(aiter(stream))
        while_it_runs = children()

    assert not first.done
    assert 1 == len(while_it_runs - before)
    assert set() == children() - before


async def test_one_check_runs_at_a_time(database: LiveDatabase):
    write(database, rich_log())
    checks = Checks(database.service_dsn)
    before = children()
    most = 0

    async def count() -> None:
        nonlocal most
        async for _ in checks.verify("acme"):
            most = max(most, len(children() - before))

    await asyncio.gather(count(), count(), count())

    assert 1 == most


async def test_a_worker_that_dies_is_no_answer(
    database: LiveDatabase, monkeypatch: pytest.MonkeyPatch
):
    write(database, rich_log())
    monkeypatch.setattr(checking, "_WORKER", ("-c", "raise SystemExit(3)"))

    with pytest.raises(WorkerDied, match="status 3"):
        await answers(Checks(database.service_dsn).verify("acme"))
