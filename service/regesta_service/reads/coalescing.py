"""Coalescing: questions that wait at the same time are asked as one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

import psycopg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Q = TypeVar("Q")
A = TypeVar("A")

#: Most questions asked at once; more wait for the next turn.
MAX_BATCH = 256


class Coalescer(Generic[Q, A]):
    """Collects questions while one batch is being answered, then asks all of them at once.

    A question is always asked after it was put, never answered from a look at the
    database that had begun before.

    Args:
        ask: Answers a batch: as many answers as questions, in their order.
    """

    def __init__(self, ask: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        self._ask = ask
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._turn: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """Return the answer to a question.

        Raises:
            Exception: What `ask` of the whole batch raised.
        """
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._turn is None:
            self._turn = asyncio.create_task(self._take_turns())
        return await future

    async def close(self) -> None:
        """End the batch under way; those who wait are cancelled."""
        if self._turn is not None:
            self._turn.cancel()
            await asyncio.wait([self._turn])

    async def _take_turns(self) -> None:
        batch: list[tuple[Q, asyncio.Future[A]]] = []
        try:
            # Whoever is ready to ask in this turn of the event loop comes along.
            await asyncio.sleep(0)
            while self._waiting:
                batch = [entry for entry in self._waiting[:MAX_BATCH] if not entry[1].done()]
                del self._waiting[:MAX_BATCH]
                if batch:
                    await self._answer(batch)
        finally:
            self._turn = None
            for _, future in (*batch, *self._waiting):
                future.cancel()
            self._waiting.clear()

    async def _answer(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._ask([question for question, _ in batch])
        except psycopg.DataError as error:
            if len(batch) == 1:
                _fail(batch[0][1], error)
                return
            # One question that the database cannot read must not spoil the others.
            for entry in batch:
                await self._answer([entry])
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            for _, future in batch:
                _fail(future, error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)


def _fail(future: asyncio.Future[A], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
