"""Writing batches to one namespace's log, whatever the database does meanwhile.

The fast way decides on rows it has, before any lock, and sends one call that checks the
head and writes. When the head moved, the locked way has it to itself from deciding to
committing, so a batch is never overtaken twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
import structlog

from regesta_projections.evolve.streams import key_of
from regesta_projections.rows import AliasKey, ModelKey, ModelRow, StreamKey, VersionKey
from regesta_service.domain.deciding import Wanted
from regesta_service.domain.rejections import DatabaseUnavailable
from regesta_service.log.append import Outcome, append, append_locked
from regesta_service.log.draft import Committed, Draft
from regesta_service.log.head import lock_head
from regesta_service.log.rows import find_rows
from regesta_service.sequencing.batch import Decided, Waiting, decide, refused_reuse
from regesta_service.sequencing.cache import RowCache

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from regesta_projections.rows import Key, Row
    from regesta_service.log.connections import Connections, Link
    from regesta_service.log.head import Answered, Head
    from regesta_service.log.notices import Notices
    from regesta_service.log.partitions import Partitions
    from regesta_service.log.stored import StoredEvent

_log = structlog.get_logger("sequencing")

#: How often a batch is tried while the database fails, from the first time on.
_ATTEMPTS: Final = 3

#: What passes by itself: the connection, the server or its resources are at fault. Anything
#: else that PostgreSQL refuses is a fault of what was sent.
_PASSING: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
)

_LEAF: Final = "SELECT leaf_hash FROM regesta.events WHERE namespace_id = %s AND position = %s"


@dataclass(frozen=True, slots=True)
class Means:
    """What every writer of a process uses."""

    connections: Connections
    partitions: Partitions
    notices: Notices
    #: Returns the present time, in UTC.
    clock: Callable[[], datetime]
    #: Hears of events after their commit, in order, once.
    listeners: list[Callable[[str, list[StoredEvent]], None]]
    #: Seconds within which a batch is settled, or given up.
    patience: float
    #: Rows a writer keeps between batches.
    cached_rows: int


class Writer:
    """Writes to one log. One batch at a time."""

    def __init__(self, namespace: str, log_id: int, means: Means) -> None:
        self._namespace = namespace
        self._log_id = log_id
        self._means = means
        self._cache = RowCache(means.cached_rows)
        # Where this process left the log; the cache holds the state there.
        self._head: Head | None = None
        # Whether others write to it as well, so that the fast way would only lose time.
        self._contended = False
        # What was sent and not heard of again.
        self._sent: Decided | None = None

    async def write(self, batch: Sequence[Waiting]) -> None:
        """Answer every command of a batch.

        Raises:
            DatabaseUnavailable: Whether those that are not answered yet are in the log is
                unknown.
        """
        clock = asyncio.get_running_loop().time
        give_up = clock() + self._means.patience
        left = list(batch)
        failures = 0
        while left:
            try:
                await self._expect_room()
                async with self._means.connections.borrow(give_up - clock()) as link:
                    left = await self._write_some(link, left)
            except psycopg.Error as problem:
                failures += 1
                self._forget(problem)
                passing = isinstance(problem, _PASSING)
                if failures < _ATTEMPTS and not (passing and clock() >= give_up):
                    continue
                if passing:
                    raise DatabaseUnavailable("the database does not answer") from problem
                await self._write_each(left, problem)
                left = []

    async def _write_each(self, batch: list[Waiting], problem: psycopg.Error) -> None:
        """Find those whose facts the database cannot take, so that only they fail."""
        # Not the message: it can hold what a caller wrote.
        _log.error(
            "append_refused",
            namespace=self._namespace,
            sqlstate=problem.sqlstate,
            constraint=problem.diag.constraint_name,
        )
        if len(batch) == 1:
            batch[0].answer(problem)
        else:
            for waiting in batch:
                await self.write([waiting])

    async def _expect_room(self) -> None:
        if self._head is None:
            await self._means.partitions.prepare(self._log_id)
        else:
            await self._means.partitions.expect(self._head.size)

    def _forget(self, problem: psycopg.Error) -> None:
        """Take nothing for known after a failure; the locked way finds out what is so."""
        self._head = None
        self._cache.forget(None)
        _log.warning(
            "append_failed",
            namespace=self._namespace,
            sqlstate=problem.sqlstate,
            sent=self._sent is not None,
        )

    async def _write_some(self, link: Link, batch: list[Waiting]) -> list[Waiting]:
        """Write as much of a batch as one step can; return the rest."""
        if self._head is not None and self._sent is None and not self._contended:
            rest = await self._write_fast(link, batch, self._head)
        else:
            rest = await self._write_locked(link, batch)
        return [waiting for waiting in rest if not waiting.future.done()]

    async def _write_fast(self, link: Link, batch: list[Waiting], head: Head) -> list[Waiting]:
        decided = await self._decide(link, batch, head)
        keys = {waiting.request.key for waiting, _ in decided.results}
        self._sent = decided
        outcome, grown = await append(link, decided.draft, keys)
        self._sent = None
        if outcome is Outcome.APPENDED:
            self._finish(decided, grown)
            return decided.deferred
        self._contended = True
        return batch

    async def _write_locked(self, link: Link, batch: list[Waiting]) -> list[Waiting]:
        known = self._head
        keys = {waiting.request.key for waiting in batch}
        locked = await lock_head(link, self._log_id, known.size if known else None, keys)
        head = self._head = locked.head
        self._cache.forget(locked.streams if known and _follows(head, known) else None)
        self._contended = known is not None and known.size != head.size
        await self._settle_sent(link)
        if locked.answered:
            await self._repeat(link, head, batch, locked.answered)
        left = [waiting for waiting in batch if not waiting.future.done()]
        decided = await self._decide(link, left, head)
        if decided.draft.requests:
            self._sent = decided
            head = await append_locked(link, decided.draft)
            self._sent = None
        else:
            await link.conn.execute("COMMIT")
        self._finish(decided, head)
        return decided.deferred

    async def _settle_sent(self, link: Link) -> None:
        """Find out what became of an append whose answer was lost, with the head locked."""
        sent, self._sent = self._sent, None
        if sent is None or not sent.draft.events:
            return
        last = sent.draft.events[-1]
        cursor = await link.conn.execute(_LEAF, [self._log_id, last.position], binary=True)
        row = await cursor.fetchone()
        if row is not None and bytes(row[0]) == last.leaf_hash:
            self._tell(sent)

    async def _decide(self, link: Link, batch: list[Waiting], head: Head) -> Decided:
        """Decide a batch on the state at a head, with rows read that are missing."""
        base: dict[Key, Row | None] = {}
        gather = self._cache.gather
        missing = [want for waiting in batch for want in waiting.wanted if not gather(want, base)]
        if missing:
            rows = await find_rows(link, self._log_id, head.generation, missing)
            self._cache.found(missing, rows)
            for want in missing:
                gather(want, base)
            for row in rows:
                # Those who entered a stage last are known by nothing else.
                base.setdefault(row.key, row)

        def new_draft() -> Draft:
            return Draft(self._namespace, self._log_id, head, base, self._means.clock())

        return decide(batch, new_draft)

    async def _repeat(
        self,
        link: Link,
        head: Head,
        batch: list[Waiting],
        answered: Mapping[UUID, Answered],
    ) -> None:
        """Answer the requests that were answered before."""
        shown = {key: key_of(before.stream) for key, before in answered.items()}
        wanted = [Wanted(model) for model in map(_model_of, shown.values()) if model]
        rows = await find_rows(link, self._log_id, head.generation, wanted)
        names = {row.model: row.name for row in rows if isinstance(row, ModelRow)}
        for waiting in batch:
            request = waiting.request
            before = answered.get(request.key)
            if before is None:
                continue
            if before.fingerprint != request.fingerprint:
                waiting.answer(refused_reuse())
                continue
            key = shown[request.key]
            model = _model_of(key)
            name = names.get(model, model) or self._namespace
            waiting.answer(Committed(before.position, key, None, name, repeated=True))

    def _finish(self, decided: Decided, head: Head) -> None:
        """Take over what is in the log now, and tell everybody."""
        self._head = head
        self._cache.put(decided.draft.rows.changed())
        self._tell(decided)

    def _tell(self, decided: Decided) -> None:
        events = decided.draft.events
        if events:
            # First, so that a caller's next read here finds its write.
            for listener in self._means.listeners:
                try:
                    listener(self._namespace, events)
                except Exception:  # noqa: BLE001  the write is done, whoever stumbles over it
                    _log.exception("listener_failed", namespace=self._namespace)
            self._means.notices.tell(self._log_id, decided.draft.size)
        decided.answer()


def _follows(head: Head, known: Head) -> bool:
    """Say whether a head is of the same rows and, as far as it shows, of the same log."""
    if head.size == known.size and head.frontier != known.frontier:
        return False
    return head.generation == known.generation and head.size >= known.size


def _model_of(key: StreamKey) -> str:
    """Return the model that something is or belongs to; empty when to none."""
    return key.model if isinstance(key, ModelKey | VersionKey | AliasKey) else ""
