"""Callers who ask the same while it is being read get what is read, if it is new enough."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from regesta.v1 import catalog_service_pb2 as pb
from regesta_projections.events import TagsSet
from regesta_service.reads.consistency import ANY, Freshness
from regesta_service.reads.kept import Fresh

if TYPE_CHECKING:
    from regesta_service.reads.read_model import ReadModel
    from tests.support.live_log import LiveLog

KEY = ("test", "namespaces/acme")


class Reading:
    """Reads the head of the log, and keeps the answer until it is let go."""

    def __init__(self, reads: ReadModel) -> None:
        self._reads = reads
        self.times = 0
        self.go = asyncio.Event()
        self.fails = 0

    async def __call__(self, namespace_id: int) -> Fresh:
        self.times += 1
        size = await self._reads.lookups.size(namespace_id)
        await self.go.wait()
        if self.fails:
            self.fails -= 1
            raise OSError("it fails")
        return Fresh(b"", size, 1, ("churn",))

    async def ask(self, freshness: Freshness = ANY) -> int:
        """Return the position of an answer."""
        answer = await self._reads.pages.answer(KEY, "acme", freshness, lambda: 20.0, self)
        return pb.ListModelsResponse.FromString(answer).position

    async def asked(self, times: int, freshness: Freshness = ANY) -> list[asyncio.Task[int]]:
        """Return so many calls that have got as far as they can."""
        tasks = [asyncio.create_task(self.ask(freshness)) for _ in range(times)]
        await asyncio.sleep(0.2)
        return tasks


@pytest.fixture
async def reading(reads: ReadModel, churn: LiveLog) -> Reading:
    await reads.lookups.size((await reads.tails.tail("acme")).namespace_id)
    return Reading(reads)


async def test_what_many_ask_at_once_is_read_once(reading: Reading, churn: LiveLog):
    tasks = await reading.asked(10)
    reading.go.set()
    assert {churn.size} == set(await asyncio.gather(*tasks))
    assert 1 == reading.times


async def test_who_demands_what_was_written_meanwhile_reads_anew(reading: Reading, churn: LiveLog):
    first = await reading.asked(1)
    churn.later("models/churn", TagsSet(tags={"new": "tag"}))
    churn.commit()
    second = await reading.asked(2, Freshness(position=churn.size))
    third = await reading.asked(2, Freshness(full=True))
    reading.go.set()
    assert [churn.size - 1] == await asyncio.gather(*first)
    assert {churn.size} == set(await asyncio.gather(*second, *third))


async def test_a_reading_that_fails_fails_its_own_call_only(reading: Reading, churn: LiveLog):
    reading.fails = 1
    first = await reading.asked(1)
    others = await reading.asked(3)
    reading.go.set()
    assert {churn.size} == set(await asyncio.gather(*others))
    with pytest.raises(OSError, match="it fails"):
        await asyncio.gather(*first)


async def test_a_caller_who_leaves_takes_nothing_from_the_others(reading: Reading, churn: LiveLog):
    first = await reading.asked(1)
    others = await reading.asked(3)
    first[0].cancel()
    others[0].cancel()
    reading.go.set()
    assert {churn.size} == set(await asyncio.gather(*others[1:]))
    await asyncio.wait([first[0], others[0]])
    assert first[0].cancelled()
    assert others[0].cancelled()
