from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta_projections.events import AliasSet, TagsSet, VersionRegistered
from regesta_projections.rebuild import rebuild
from regesta_projections.records import Cause
from regesta_projections.verification import verify
from regesta_service.domain.rejections import NotFreshYet
from regesta_service.reads import history_runner
from tests.support.log_builder import START
from tests.support.reading import make_call, reading

if TYPE_CHECKING:
    from datetime import datetime

    from regesta_service.reads.read_model import ReadModel
    from tests.databases import LiveDatabase
    from tests.support.live_log import LiveLog

FIRST = "models/churn/versions/1"


async def reach(reads: ReadModel, log: LiveLog, seconds: float = 10.0) -> None:
    """Wait until the history is where the log is."""
    call = make_call(seconds=seconds)
    await reads.history.reach(log.namespace_id, log.size, call.remaining)


def add_tags(log: LiveLog, count: int) -> None:
    for number in range(count):
        log.later(FIRST, TagsSet(tags={"n": str(number)}))
    log.commit()


def findings(database: LiveDatabase) -> list[str]:
    """Return what is wrong with the history; a live log has no idempotency records."""
    found = verify(database.service_dsn, "acme").findings
    return [str(finding) for finding in found if "_history" in finding.subject]


def rows(database: LiveDatabase) -> int:
    with psycopg.connect(database.service_dsn) as conn:
        row = conn.execute("SELECT count(*) FROM regesta.version_history").fetchone()
    return 0 if row is None else row[0]


async def test_the_history_is_folded_on_piece_by_piece_as_the_log_grows(
    database: LiveDatabase, reads: ReadModel, churn: LiveLog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(history_runner, "CHUNK", 7)
    for count in (1, 20, 3):
        add_tags(churn, count)
        churn.append("models/churn/aliases/blue", AliasSet(version=1))
        await reach(reads, churn)

    assert [] == findings(database)
    # Three registrations, two moves, and the tags.
    assert 5 + 24 == rows(database)


async def test_a_history_that_nobody_waits_for_is_folded_on_all_the_same(
    database: LiveDatabase, reads: ReadModel, churn: LiveLog
):
    add_tags(churn, 3)

    async with asyncio.timeout(10):
        while rows(database) < 8:  # noqa: ASYNC110  nobody tells a database's clients
            await asyncio.sleep(0.05)


async def test_of_several_processes_one_folds_at_a_time(
    database: LiveDatabase, reads: ReadModel, churn: LiveLog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(history_runner, "CHUNK", 5)
    async with reading(database) as others:
        for _ in range(4):
            add_tags(churn, 25)
            await asyncio.gather(reach(reads, churn), reach(others, churn))

    assert [] == findings(database)


async def test_it_goes_on_after_a_rebuild_and_after_a_lost_connection(
    database: LiveDatabase, reads: ReadModel, churn: LiveLog
):
    await reach(reads, churn)
    await asyncio.to_thread(rebuild, database.service_dsn, "acme", linger=0)
    add_tags(churn, 2)
    await reach(reads, churn)
    with psycopg.connect(database.superuser_dsn, autocommit=True) as conn:
        ended = conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND (query LIKE '%LEFT JOIN regesta.history_cursors%' OR query = 'COMMIT')"
        )
        assert ended.rowcount
    add_tags(churn, 2)
    await reach(reads, churn)

    assert [] == findings(database)
    assert 9 == rows(database)


async def test_waiting_for_what_cannot_come_in_time_is_told(reads: ReadModel, churn: LiveLog):
    with pytest.raises(NotFreshYet):
        await reads.history.reach(
            churn.namespace_id, churn.size + 1, make_call(seconds=0.2).remaining
        )


async def test_effective_times_never_go_back_along_a_stream(
    database: LiveDatabase, reads: ReadModel, churn: LiveLog
):
    """Claimed: ten days ago; thirty (too early to count); nothing; twenty, of another piece."""
    imported = "models/churn/versions/4"

    def claim(days: int) -> Cause:
        return Cause("importer", "user", f"import-{churn.size}", "", START - timedelta(days=days))

    churn.later(imported, VersionRegistered(version=4, stage="development"), cause=claim(10))
    churn.later(imported, TagsSet(tags={"a": "1"}), cause=claim(30))
    churn.append(imported, TagsSet(tags={"a": "2"}), cause=claim(5))
    await reach(reads, churn)
    churn.later(imported, TagsSet(tags={"a": "3"}), cause=claim(20))
    churn.later(imported, TagsSet(tags={"a": "4"}))
    churn.append(imported, TagsSet(tags={"a": "5"}), cause=claim(1))
    await reach(reads, churn)
    last = START + timedelta(seconds=churn.size - 2)

    assert [
        START - timedelta(days=10),
        START - timedelta(days=10),
        START - timedelta(days=5),
        START - timedelta(days=5),
        last,
        last,
    ] == effective_times(database, 4)
    assert [] == findings(database)
    await asyncio.to_thread(rebuild, database.service_dsn, "acme", linger=0)
    assert [] == findings(database)


def effective_times(database: LiveDatabase, number: int) -> list[datetime]:
    with psycopg.connect(database.service_dsn) as conn:
        found = conn.execute(
            "SELECT effective_at FROM regesta.version_history"
            " WHERE number = %s ORDER BY from_position",
            [number],
        ).fetchall()
    return [time for (time,) in found]
