"""Answers from memory, and what is read from the database and kept there."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from regesta_service.reads.consistency import ANY, check_reached, reach

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from regesta_service.reads.cache import AnswerCache, CacheKey
    from regesta_service.reads.consistency import Freshness
    from regesta_service.reads.lookups import Lookups
    from regesta_service.reads.tails import Tails


class Fresh(NamedTuple):
    """An answer from the database, before its position is put on."""

    body: bytes
    #: The log's size in the snapshot it was read in.
    size: int
    generation: int
    #: What it depends on, as the cache wants it.
    groups: tuple[str, ...]


class KeptAnswers:
    """Answers of one shape: a body, which is kept, and the position, which goes on.

    Args:
        tails: Tell what happens to the logs.
        lookups: Look at the head of a log.
        cache: Where they are kept; hears from every tail from here on.
        finish: Puts the position to an answer's body.
    """

    def __init__(
        self,
        tails: Tails,
        lookups: Lookups,
        cache: AnswerCache,
        finish: Callable[[bytes, int], bytes],
    ) -> None:
        self._tails = tails
        self._lookups = lookups
        self._cache = cache
        self._finish = finish
        #: What is being read, by its key: many ask the same right after a write has dropped it.
        self._reading: dict[CacheKey, asyncio.Future[Fresh | None]] = {}
        tails.listen_to_all(lambda _: cache)

    def cached(self, key: CacheKey, position: int = 0) -> bytes | None:
        """Return a finished answer from memory.

        Args:
            key: What is asked.
            position: How far the answer must reach at least.

        Returns:
            None when it is not there or not fresh enough.
        """
        answer = self._cache.get(key)
        if answer is None:
            return None
        tail = answer.tail
        tail.touched = True
        reached = max(tail.position, answer.position)
        return self._finish(answer.body, reached) if reached >= position else None

    async def reached(
        self, key: CacheKey, freshness: Freshness, remaining: Callable[[], float]
    ) -> bytes | None:
        """Return a finished answer from memory once that is as fresh as demanded.

        Returns:
            None when it is not there, or is no longer.

        Raises:
            MomentOutOfRange: The position demanded is beyond the end of the log.
            NotFreshYet: Memory did not get there within the call's time.
        """
        answer = self._cache.get(key)
        if answer is None:
            return None
        if freshness != ANY:
            await reach(answer.tail, self._lookups, freshness, remaining)
        return self.cached(key, freshness.position)

    async def answer(
        self,
        key: CacheKey,
        namespace: str,
        freshness: Freshness,
        remaining: Callable[[], float],
        read: Callable[[int], Awaitable[Fresh]],
    ) -> bytes:
        """Return a finished answer, from memory if it can be.

        Args:
            key: What is asked.
            namespace: Whose log it depends on.
            freshness: How fresh it must be.
            remaining: Returns the seconds that the call has left.
            read: Reads it from the database, where it is fresh by itself, by the number of the
                namespace.

        Raises:
            NamespaceNotFound: There is none of that name.
            Rejection: What `reached` and `read` raise.
        """
        tail = await self._tails.tail(namespace)
        kept = await self.reached(key, freshness, remaining)
        if kept is not None:
            return kept
        if not freshness.full:
            known = max(tail.position, freshness.position)
            fresh = await self._read_by_another(key, remaining)
            if fresh is not None and fresh.size >= known:
                return self._finish(fresh.body, fresh.size)
        with self._cache.watching(tail) as watch, self._shown(key) as shown:
            fresh = await read(tail.namespace_id)
            shown.set_result(fresh)
            check_reached(freshness, fresh.size)
            self._cache.put(
                key,
                fresh.body,
                position=fresh.size,
                generation=fresh.generation,
                groups=fresh.groups,
                watch=watch,
            )
        return self._finish(fresh.body, fresh.size)

    async def _read_by_another(self, key: CacheKey, remaining: Callable[[], float]) -> Fresh | None:
        """Return what another call is just reading, once it has; None when it fails."""
        reading = self._reading.get(key)
        if reading is None:
            return None
        done, _ = await asyncio.wait([reading], timeout=remaining())
        return reading.result() if done else None

    @contextmanager
    def _shown(self, key: CacheKey) -> Iterator[asyncio.Future[Fresh | None]]:
        """Show others that an answer is being read, and what was read."""
        reading = self._reading[key] = asyncio.get_running_loop().create_future()
        try:
            yield reading
        finally:
            if self._reading.get(key) is reading:
                del self._reading[key]
            if not reading.done():
                reading.set_result(None)
