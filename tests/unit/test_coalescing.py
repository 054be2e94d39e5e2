from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from regesta_service.reads.coalescing import MAX_BATCH, Coalescer


class Database:
    """Answers questions a batch at a time, when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def ask(self, questions: Sequence[int]) -> list[int]:
        self.batches.append(list(questions))
        await self.open.wait()
        if 13 in questions:
            raise psycopg.DataError("no such number")
        if 99 in questions:
            raise psycopg.OperationalError("gone")
        return [question * 10 for question in questions]


async def test_questions_that_wait_together_are_asked_together():
    database = Database()
    coalescer = Coalescer(database.ask)

    assert [10, 20, 30] == await asyncio.gather(*map(coalescer.ask, (1, 2, 3)))
    assert [[1, 2, 3]] == database.batches


async def test_a_question_is_never_answered_by_a_look_that_began_before_it():
    database = Database()
    coalescer = Coalescer(database.ask)
    database.open.clear()
    first = asyncio.create_task(coalescer.ask(1))
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(coalescer.ask(question)) for question in (1, 2)]
    await asyncio.sleep(0.01)
    assert [[1]] == database.batches

    database.open.set()
    assert [10, 10, 20] == await asyncio.gather(first, *later)
    assert [[1], [1, 2]] == database.batches


async def test_a_batch_has_a_size():
    database = Database()
    coalescer = Coalescer(database.ask)

    await asyncio.gather(*map(coalescer.ask, range(100, 101 + MAX_BATCH)))

    assert [MAX_BATCH, 1] == [len(batch) for batch in database.batches]


async def test_a_question_that_cannot_be_read_does_not_spoil_the_others():
    coalescer = Coalescer(Database().ask)

    answers = await asyncio.gather(*map(coalescer.ask, (1, 13, 2)), return_exceptions=True)

    assert [10, 20] == [answers[0], answers[2]]
    assert isinstance(answers[1], psycopg.DataError)


async def test_a_failure_reaches_all_who_asked_and_nobody_after_them():
    coalescer = Coalescer(Database().ask)

    answers = await asyncio.gather(*map(coalescer.ask, (1, 99)), return_exceptions=True)

    assert all(isinstance(answer, psycopg.OperationalError) for answer in answers)
    assert 20 == await coalescer.ask(2)


async def test_a_caller_that_left_is_not_asked_for():
    database = Database()
    coalescer = Coalescer(database.ask)
    database.open.clear()
    first = asyncio.create_task(coalescer.ask(1))
    await asyncio.sleep(0.01)
    gone = asyncio.create_task(coalescer.ask(2))
    stays = asyncio.create_task(coalescer.ask(3))
    await asyncio.sleep(0.01)
    gone.cancel()
    await asyncio.wait([gone])
    database.open.set()

    assert [10, 30] == list(await asyncio.gather(first, stays))
    assert [[1], [3]] == database.batches


async def test_closing_ends_those_who_wait():
    database = Database()
    coalescer = Coalescer(database.ask)
    database.open.clear()
    waiting = asyncio.create_task(coalescer.ask(1))
    await asyncio.sleep(0.01)

    await coalescer.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting
