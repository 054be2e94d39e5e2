"""The read model: everything that reads, put together for one process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

from regesta_service.reads.answers import AnswerReader
from regesta_service.reads.as_of import PastReads
from regesta_service.reads.cache import AnswerCache
from regesta_service.reads.history_runner import HistoryRunner
from regesta_service.reads.kept import KeptAnswers
from regesta_service.reads.lists import Lists
from regesta_service.reads.lookups import Lookups
from regesta_service.reads.occurred import OccurredReads
from regesta_service.reads.pages import PageTokens
from regesta_service.reads.singles import SingleReads
from regesta_service.reads.tails import Tails
from regesta_service.reads.wire import page_at

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.connection import Connect
    from regesta_service.reads.tails import Namespaces


class ReadModel:
    """Reads of all namespaces.

    Give `tails.offer` to the sequencer, so that what this process appends is seen at
    once; everything else works without it.

    Args:
        namespaces: Finds a namespace's number.
        pool: For lists, the past and the log.
        connect: Opens a connection of its own; called five times.
        page_token_secret: Shared by all processes that serve the same callers.
        cache_bytes: Most bytes of finished single answers kept in memory.
        page_bytes: Most bytes of finished pages kept in memory, so that reading through a list
            does not drive out what is resolved all the time.
        poll: Seconds between two looks at the logs while somebody waits.
    """

    def __init__(
        self,
        namespaces: Namespaces,
        pool: AsyncConnectionPool,
        connect: Connect,
        *,
        page_token_secret: bytes,
        cache_bytes: int = 64 << 20,
        page_bytes: int = 128 << 20,
        poll: float = 0.05,
    ) -> None:
        self.namespaces = namespaces
        self.pool = pool
        self.tails = Tails(namespaces, connect, poll=poll)
        self.lookups = Lookups(connect)
        self.cache = AnswerCache(cache_bytes)
        self.singles = SingleReads(self.tails, self.lookups, self.cache)
        self.answers = AnswerReader(namespaces, pool, connect)
        self.history = HistoryRunner(pool, connect)
        self.tails.on_grown(self.history.hint)
        self.past = PastReads(namespaces, pool, self.answers)
        self.lists = Lists(pool)
        self.page_cache = AnswerCache(page_bytes)
        self.pages = KeptAnswers(self.tails, self.lookups, self.page_cache, page_at)
        self.occurred = OccurredReads(namespaces, pool, self.lists, self.history)
        self.page_tokens = PageTokens(page_token_secret)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Follow the logs and answer until the block ends."""
        async with self.tails.running(), self.history.running():
            try:
                yield self
            finally:
                await self.lookups.close()
                await self.answers.close()
