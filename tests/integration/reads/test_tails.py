from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta_projections.events import ModelCreated, TagsSet
from regesta_service.domain import rejections as r
from regesta_service.log.stored import StoredEvent
from regesta_service.reads.consistency import Freshness, reach
from regesta_service.reads.tail import Tail
from tests.support.live_log import LiveLog, stored
from tests.support.reading import reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regesta_service.reads.read_model import ReadModel
    from tests.databases import LiveDatabase


class Seen:
    """Writes down what a tail tells."""

    def __init__(self) -> None:
        self.positions: list[int] = []
        self.records: list[bytes] = []
        self.rebuilds = 0
        self.is_over = False

    def appended(self, tail: Tail, events: Sequence[StoredEvent]) -> None:
        assert tail.position == events[0].position - 1
        self.positions += [event.position for event in events]
        self.records += [event.record for event in events]

    def rebuilt(self, tail: Tail) -> None:  # noqa: ARG002
        self.rebuilds += 1

    def ended(self, tail: Tail) -> None:  # noqa: ARG002
        self.is_over = True


def tag(log: LiveLog, number: int) -> None:
    log.later("models/churn", TagsSet(tags={"n": str(number)}))


async def test_a_tail_begins_at_the_end_and_sees_each_later_event_once(
    reads: ReadModel, churn: LiveLog
):
    tail = await reads.tails.tail("acme")
    seen = Seen()
    tail.add(seen)
    start = churn.size
    assert start == tail.position

    for number in range(1_200):
        tag(churn, number)
    churn.commit()
    churn.append("models/fraud", ModelCreated(name="fraud", kind="MODEL"))

    assert await tail.wait_for(churn.size, 10)
    assert list(range(start + 1, churn.size + 1)) == seen.positions
    assert churn.builder.records[start:] == seen.records


async def test_polling_alone_is_enough(reads: ReadModel, churn: LiveLog):
    tail = await reads.tails.tail("acme")
    tag(churn, 1)
    churn.commit(notify=False)

    assert await tail.wait_for(churn.size, 5)


async def test_what_this_process_appended_is_not_read_again(reads: ReadModel, churn: LiveLog):
    tail = await reads.tails.tail("acme")
    seen = Seen()
    tail.add(seen)
    first = churn.size + 1
    tag(churn, 1)
    tag(churn, 2)

    # Nothing is in the database yet, so it cannot come from there.
    reads.tails.offer("acme", stored(churn, first))

    assert [first, first + 1] == seen.positions
    assert first + 1 == tail.position
    churn.commit()
    tag(churn, 3)
    churn.commit()
    assert await tail.wait_for(churn.size, 5)
    assert [first, first + 1, first + 2] == seen.positions


async def test_what_is_offered_behind_a_gap_waits_for_what_comes_before(
    reads: ReadModel, churn: LiveLog
):
    tail = await reads.tails.tail("acme")
    seen = Seen()
    tail.add(seen)
    first = churn.size + 1
    tag(churn, 1)
    churn.commit(notify=False)
    tag(churn, 2)
    churn.commit(notify=False)

    reads.tails.offer("acme", stored(churn, first + 1))
    assert [] == seen.positions

    assert await tail.wait_for(first + 1, 5)
    reads.tails.offer("acme", stored(churn, first))
    assert [first, first + 1] == seen.positions


async def test_waiting_for_what_does_not_come_ends_in_time(reads: ReadModel, churn: LiveLog):
    tail = await reads.tails.tail("acme")

    assert not await tail.wait_for(churn.size + 1, 0.05)
    assert not tail.watched


async def test_a_lost_connection_loses_and_repeats_nothing(
    reads: ReadModel, churn: LiveLog, database: LiveDatabase
):
    tail = await reads.tails.tail("acme")
    seen = Seen()
    tail.add(seen)
    start = churn.size
    with psycopg.connect(database.superuser_dsn, autocommit=True) as admin:
        for number in range(5):
            tag(churn, number)
            churn.commit()
            await asyncio.sleep(0.02)
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> %s AND pid <> pg_backend_pid()",
                [database.name, churn._connection.info.backend_pid],
            )

    assert await tail.wait_for(churn.size, 10)
    assert list(range(start + 1, churn.size + 1)) == seen.positions


async def test_a_rebuild_is_told_and_nothing_else(
    reads: ReadModel, churn: LiveLog, database: LiveDatabase
):
    tail = await reads.tails.tail("acme")
    seen = Seen()
    tail.add(seen)
    with psycopg.connect(database.service_dsn, autocommit=True) as connection:
        connection.execute("UPDATE regesta.logs SET generation = 2")
    tag(churn, 1)
    churn.commit()

    assert await tail.wait_for(churn.size, 5)

    assert (1, [churn.size], 2) == (seen.rebuilds, seen.positions, tail.generation)


async def test_a_log_that_was_set_back_ends_its_tail(
    reads: ReadModel, churn: LiveLog, database: LiveDatabase
):
    tail = await reads.tails.tail("acme")
    seen = Seen()
    tail.add(seen)
    with psycopg.connect(database.service_dsn, autocommit=True) as connection:
        # One bit less, so that the frontier still fits.
        connection.execute("UPDATE regesta.logs SET size = 1, frontier = substr(frontier, 1, 32)")

    assert not await tail.wait_for(churn.size + 1, 5)

    assert seen.is_over
    assert 1 == (await reads.tails.tail("acme")).position


async def test_a_tail_that_nobody_uses_is_stopped_and_made_again(
    database: LiveDatabase, churn: LiveLog
):
    async with reading(database) as reads:
        reads.tails._linger = 0.1
        tail = await reads.tails.tail("acme")
        seen = Seen()
        tail.add(seen)
        async with asyncio.timeout(10):
            while not seen.is_over:
                await asyncio.sleep(0.05)
                reads.tails._wake.set()

        assert reads.tails.get("acme") is None
        tag(churn, 1)
        churn.commit()
        assert churn.size == (await reads.tails.tail("acme")).position


async def test_a_namespace_that_does_not_exist_has_no_tail(reads: ReadModel, churn: LiveLog):
    with pytest.raises(r.NamespaceNotFound):
        await reads.tails.tail("other")


async def test_a_read_can_wait_for_a_position_and_no_further_than_the_log(
    reads: ReadModel, churn: LiveLog
):
    tail = await reads.tails.tail("acme")
    tag(churn, 1)
    churn.commit(notify=False)

    await reach(tail, reads.lookups, Freshness(churn.size), lambda: 5)
    assert churn.size == tail.position

    with pytest.raises(r.MomentOutOfRange):
        await reach(tail, reads.lookups, Freshness(churn.size + 1), lambda: 5)


async def test_fully_consistent_waits_for_what_was_committed_before(
    reads: ReadModel, churn: LiveLog
):
    tail = await reads.tails.tail("acme")
    tag(churn, 1)
    churn.commit(notify=False)

    await reach(tail, reads.lookups, Freshness(full=True), lambda: 5)

    assert churn.size == tail.position


async def test_a_read_that_cannot_wait_long_enough_is_told_so(reads: ReadModel, churn: LiveLog):
    tail = await reads.tails.tail("acme")
    for task in reads.tails._tasks:
        task.cancel()
    tag(churn, 1)
    churn.commit(notify=False)

    with pytest.raises(r.NotFreshYet):
        await reach(tail, reads.lookups, Freshness(churn.size), lambda: 0)
