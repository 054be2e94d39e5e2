"""All tails of this process, and the one task that keeps them up with their logs.

The database says by NOTIFY that something was appended; that is a hint only, since it
can be lost and does not pass a PgBouncer. What counts is polling: every 50 ms while
somebody waits, slower up to a second while nobody does and nothing happens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
import structlog
from psycopg import sql

from regesta_service.log.notices import CHANNEL
from regesta_service.log.stored import StoredEvent
from regesta_service.reads.connection import Connect, OwnConnection
from regesta_service.reads.events import read_chunk
from regesta_service.reads.tail import Tail

if TYPE_CHECKING:
    from regesta_service.reads.tail import TailListener

#: Most events taken in one step: other namespaces and other tasks get their turn.
CHUNK = 500

#: Longest wait between two attempts to reach the database, in seconds.
MAX_BACKOFF = 5.0
MIN_BACKOFF = 0.1

log = structlog.get_logger()


class Namespaces(Protocol):
    """Knows namespaces by name."""

    async def namespace_id(self, name: str) -> int:
        """Return a namespace's number.

        Raises:
            NamespaceNotFound: There is none of that name.
        """


class Tails:
    """Makes a tail when it is first asked for and stops it when nobody uses it.

    Args:
        namespaces: Finds a namespace's number.
        connect: Opens the two connections it keeps: to read, and to listen.
        poll: Seconds between two looks at the logs while somebody waits.
        idle_poll: Longest time between two looks, in seconds.
        linger: Seconds after which a tail that nobody uses is stopped.
    """

    def __init__(
        self,
        namespaces: Namespaces,
        connect: Connect,
        *,
        poll: float = 0.05,
        idle_poll: float = 1.0,
        linger: float = 300.0,
    ) -> None:
        self._namespaces = namespaces
        self._connect = connect
        self._poll = poll
        self._idle_poll = idle_poll
        self._linger = linger
        self._tails: dict[str, Tail] = {}
        self._starting: dict[str, asyncio.Lock] = {}
        self._listeners: list[Callable[[Tail], TailListener]] = []
        self._on_grown: list[Callable[[], None]] = []
        self._reader = OwnConnection(connect)
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Tails]:
        """Follow the logs until the block ends; what tails know is forgotten then."""
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._listen())]
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
            for tail in list(self._tails.values()):
                self._stop(tail)
            await self._reader.close()

    def listen_to_all(self, listener: Callable[[Tail], TailListener]) -> None:
        """Give every tail made from now on a listener, before any other."""
        self._listeners.append(listener)

    def on_grown(self, hear: Callable[[], None]) -> None:
        """Have a function called whenever some log may have grown, with a tail or without."""
        self._on_grown.append(hear)

    def _tell_grown(self) -> None:
        for hear in self._on_grown:
            hear()

    def offer(self, namespace: str, events: Sequence[StoredEvent]) -> None:
        """Take what this process has just appended, without reading it again."""
        tail = self._tails.get(namespace)
        if events:
            self._tell_grown()
            if tail is not None:
                tail.offer(events)

    def get(self, namespace: str) -> Tail | None:
        """Return a namespace's tail if there is one."""
        return self._tails.get(namespace)

    async def tail(self, namespace: str) -> Tail:
        """Return a namespace's tail, started at the end of its log if there was none.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        tail = self._tails.get(namespace)
        if tail is None:
            async with self._starting.setdefault(namespace, asyncio.Lock()):
                tail = self._tails.get(namespace) or await self._start(namespace)
            self._starting.pop(namespace, None)
        tail.touched = True
        return tail

    async def _start(self, namespace: str) -> Tail:
        namespace_id = await self._namespaces.namespace_id(namespace)
        ((_, size, generation),) = await self._heads([namespace_id])
        tail = Tail(
            namespace, namespace_id, position=size, generation=generation, wake=self._wake.set
        )
        for listener in self._listeners:
            tail.add(listener(tail))
        self._tails[namespace] = tail
        # It may have grown since, and what was offered meanwhile went nowhere.
        self._wake.set()
        return tail

    def _stop(self, tail: Tail) -> None:
        del self._tails[tail.namespace]
        tail.end()

    async def _heads(self, namespace_ids: list[int]) -> list[tuple[int, int, int]]:
        async def read(connection: psycopg.AsyncConnection[Any]) -> list[tuple[int, int, int]]:
            async with connection.cursor(binary=True) as cursor:
                await cursor.execute(_HEADS, [namespace_ids])
                return await cursor.fetchall()

        return await self._reader.run(read)

    async def _follow(self) -> None:
        """Keep all tails up with their logs, whatever happens to the database."""
        loop = asyncio.get_running_loop()
        backoff = MIN_BACKOFF
        pause = self._poll
        sweep = loop.time() + self._linger
        while True:
            watched = any(tail.watched for tail in self._tails.values())
            await self._sleep(self._poll if watched else pause)
            try:
                moved = await self._catch_up()
            except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
                log.warning("tail_lost_database", error=type(error).__name__, retry_in=backoff)
            except Exception:
                # It must not end: caches would be served for ever.
                log.exception("tail_failed", retry_in=backoff)
            else:
                backoff = MIN_BACKOFF
                pause = self._poll if moved else min(pause * 2, self._idle_poll)
                if loop.time() >= sweep:
                    sweep = loop.time() + self._linger
                    self._sweep()
                continue
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, MAX_BACKOFF)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _catch_up(self) -> bool:
        """Look at all logs and take what is new; say whether there was anything."""
        before = {tail.namespace_id: (tail, tail.position) for tail in self._tails.values()}
        if not before:
            return False
        moved = False
        for namespace_id, size, generation in await self._heads(list(before)):
            tail, position = before[namespace_id]
            if size < position:
                # Restored from a backup, or a standby without the last appends took over.
                log.error("log_set_back", namespace=tail.namespace, size=size, was=position)
                self._stop(tail)
                continue
            if generation != tail.generation:
                tail.rebuilt(generation)
            if size > tail.position:
                await self._advance(tail, size)
                moved = True
        return moved

    async def _advance(self, tail: Tail, size: int) -> None:
        """Take one chunk; if that is not all, come back at once."""
        after = tail.position

        async def read(connection: psycopg.AsyncConnection[Any]) -> list[StoredEvent]:
            chunk = await read_chunk(connection, tail.namespace_id, after=after, limit=CHUNK)
            return chunk.events

        events = await self._reader.run(read)
        if events and tail.offer(events) and tail.position < size:
            self._wake.set()

    def _sweep(self) -> None:
        """Stop tails that nobody has used since the last time."""
        for tail in list(self._tails.values()):
            if not tail.touched and not tail.watched:
                self._stop(tail)
            tail.touched = False

    async def _listen(self) -> None:
        """Wake the follower whenever the database says that something was appended."""
        backoff = MIN_BACKOFF
        while True:
            try:
                async with self._listening() as connection:
                    backoff = MIN_BACKOFF
                    async for _ in connection.notifies():
                        self._wake.set()
                        self._tell_grown()
            except psycopg.Error as error:
                # Polling goes on meanwhile.
                log.info("listening_lost", error=type(error).__name__, retry_in=backoff)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, MAX_BACKOFF)

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        connection = await self._connect()
        try:
            await connection.set_autocommit(True)
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            yield connection
        finally:
            await connection.close()


_HEADS = "SELECT namespace_id, size, generation FROM regesta.logs WHERE namespace_id = ANY (%s)"
