"""Folds the histories of all namespaces on, behind the appends.

One task a process; of several processes the one that holds a namespace's cursor folds it
on, for as long as a transaction lasts. What is written and how far it reaches are committed
together, so a crash loses nothing and repeats nothing.

A read as of a position that the history has not reached waits for it here. While nobody
waits, appends are taken some at a time: several times cheaper than one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psycopg
import structlog

from regesta_projections.archived import BodyArchived
from regesta_projections.forms import BINARY
from regesta_projections.history import (
    BEFORE,
    HISTORY_TABLES,
    EffectiveTimes,
    HistoryFold,
    unknown_before,
)
from regesta_projections.history.statements import TABLES_BY_KEY, last_snapshots
from regesta_projections.rebuild import UNFOLDABLE
from regesta_projections.records import read_record
from regesta_projections.statements import copy_statement, copy_types
from regesta_projections.tables import key_values
from regesta_service.reads.connection import Connect, OwnConnection
from regesta_service.reads.refusals import history_behind
from regesta_service.reads.tails import MAX_BACKOFF, MIN_BACKOFF

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from psycopg_pool import AsyncConnectionPool

    from regesta_projections.records import Recorded
    from regesta_projections.row_values import Values
    from regesta_projections.rows import Key
    from regesta_projections.tables import Table

    Connection = psycopg.AsyncConnection[Any]

#: Events folded in one transaction.
CHUNK: Final = 500

#: Events folded before other tasks get their turn: about a millisecond.
_SLICE: Final = 20

#: Seconds between two rounds while appends go on and nobody waits for the history.
_PACE: Final = 0.2

#: Longest time between two looks at the logs, in seconds.
_IDLE: Final = 2.0

#: Seconds between two looks of a waiting read at a cursor that another process may move.
_LOOK: Final = 0.05

#: Seconds for which a log that cannot be folded is left alone.
_LEFT_ALONE: Final = 60.0

log = structlog.get_logger("history")


class _Behind(NamedTuple):
    """A namespace whose history is behind its log."""

    namespace_id: int
    generation: int
    size: int


class _Memory(NamedTuple):
    """The rows that this process has folded last, and where."""

    generation: int
    position: int
    fold: HistoryFold


class HistoryRunner:
    """Folds histories on, and lets reads wait for them.

    Args:
        pool: For looks at cursors.
        connect: Opens the connection that it folds with.
        pace: Seconds between two rounds while nobody waits.
    """

    def __init__(self, pool: AsyncConnectionPool, connect: Connect, *, pace: float = _PACE) -> None:
        self._pool = pool
        self._own = OwnConnection(connect)
        self._pace = pace
        self._hint = asyncio.Event()
        self._demand = asyncio.Event()
        self._advanced = asyncio.Condition()
        self._memories: dict[int, _Memory] = {}
        self._left_alone: dict[int, float] = {}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[HistoryRunner]:
        """Fold until the block ends."""
        task = asyncio.create_task(self._run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])
            await self._own.close()

    def hint(self) -> None:
        """Hear that a log has grown: the next round need not wait for the clock."""
        self._hint.set()

    async def reach(self, namespace_id: int, position: int, remaining: Callable[[], float]) -> None:
        """Wait until a namespace's history has been folded up to a position.

        Raises:
            NotFreshYet: It was not, within the call's time.
        """
        while (reached := await self._cursor(namespace_id)) < position:
            if remaining() <= 0:
                raise history_behind(reached, position)
            self._demand.set()
            self._hint.set()
            with contextlib.suppress(TimeoutError):
                # Another process may fold it, so the clock is watched as well.
                async with asyncio.timeout(min(_LOOK, max(remaining(), 0.001))):
                    async with self._advanced:
                        await self._advanced.wait()

    async def _cursor(self, namespace_id: int) -> int:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(_CURSOR, [namespace_id])).fetchone()
        return 0 if row is None else int(row[0])

    async def _run(self) -> None:
        backoff = MIN_BACKOFF
        while True:
            try:
                await self._round()
            except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
                log.warning("history_lost_database", error=type(error).__name__, retry_in=backoff)
            except Exception:
                # It must not end: reads as of a moment would wait in vain.
                log.exception("history_failed", retry_in=backoff)
            else:
                backoff = MIN_BACKOFF
                await self._rest()
                continue
            self._memories.clear()
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, MAX_BACKOFF)

    async def _rest(self) -> None:
        """Wait for what there is to do, but not for every single append."""
        for event, seconds in ((self._demand, self._pace), (self._hint, _IDLE)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await event.wait()
        self._demand.clear()
        self._hint.clear()

    async def _round(self) -> None:
        """Fold every namespace on until none is behind."""
        now = asyncio.get_running_loop().time()
        self._left_alone = {key: end for key, end in self._left_alone.items() if end > now}
        todo = [behind for behind in await self._own.run(_behind) if not self._is_left(behind)]
        while todo:
            # In turn: a long log must not keep the others waiting.
            todo = [behind for behind in todo if await self._fold_piece(behind)]
            async with self._advanced:
                self._advanced.notify_all()

    def _is_left(self, behind: _Behind) -> bool:
        return behind.namespace_id in self._left_alone

    async def _fold_piece(self, behind: _Behind) -> bool:
        """Fold one piece of a log on; say whether there is more to do."""

        async def work(connection: Connection) -> bool:
            return await self._fold_in(connection, behind)

        try:
            return await self._own.run(work)
        except (*UNFOLDABLE, BodyArchived):
            self._memories.pop(behind.namespace_id, None)
            self._left_alone[behind.namespace_id] = asyncio.get_running_loop().time() + _LEFT_ALONE
            log.exception("log_not_foldable", namespace_id=behind.namespace_id)
            return False

    async def _fold_in(self, connection: Connection, behind: _Behind) -> bool:
        place = behind.namespace_id, behind.generation
        async with connection.transaction():
            # A commit that a crash undoes is folded again, so nobody waits for the disk.
            await connection.execute(_RELAXED)
            position = await _hold(connection, behind)
            if position is None:
                # Another process folds it on, or a rebuild has replaced it.
                self._memories.pop(behind.namespace_id, None)
                return False
            events = await _read(connection, behind.namespace_id, position)
            if not events:
                return False
            fold = await self._prepared(connection, behind, position, events)
            times = await _effective_times(connection, behind.namespace_id, events)
            lines = await _snapshots(fold, times, events)
            await _write(connection, place, lines)
            position = events[-1].position
            await connection.execute(_ADVANCE, [position, *place])
        fold.trim()
        self._memories[behind.namespace_id] = _Memory(behind.generation, position, fold)
        return position < behind.size

    async def _prepared(
        self,
        connection: Connection,
        behind: _Behind,
        position: int,
        events: Sequence[Recorded],
    ) -> HistoryFold:
        """Return a fold that has every row which some events change."""
        # Given up until it is committed: a fold that failed half-way is worth nothing.
        memory = self._memories.pop(behind.namespace_id, None)
        known = memory is not None and memory[:2] == (behind.generation, position)
        fold = memory.fold if memory is not None and known else HistoryFold()
        wanted: dict[type[Key], list[Key]] = {}
        for key in fold.missing(events):
            wanted.setdefault(type(key), []).append(key)
        for kind, keys in wanted.items():
            table = TABLES_BY_KEY[kind]
            arrays = [list(array) for array in zip(*map(key_values, keys), strict=True)]
            async with connection.cursor(binary=True) as cursor:
                await cursor.execute(
                    last_snapshots(table), [*arrays, behind.namespace_id, behind.generation]
                )
                fold.load(map(table.row, await cursor.fetchall()))
        return fold


async def _behind(connection: Connection) -> list[_Behind]:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_BEHIND)
        return [_Behind(*row) for row in await cursor.fetchall()]


async def _hold(connection: Connection, behind: _Behind) -> int | None:
    """Return where a history ends, and keep others from folding it on; None when they do."""
    place = [behind.namespace_id, behind.generation]
    await connection.execute(_BEGIN, place)
    row = await (await connection.execute(_HOLD, place)).fetchone()
    return None if row is None else int(row[0])


async def _read(connection: Connection, namespace_id: int, after: int) -> list[Recorded]:
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_READ, [namespace_id, after, CHUNK])
        lines = await cursor.fetchall()
    for expected, line in enumerate(lines, after + 1):
        if line[0] != expected:
            raise LookupError(f"there is no event at position {expected}")
    return [read_record(record, position, leaf_hash) for position, record, leaf_hash in lines]


async def _effective_times(
    connection: Connection, namespace_id: int, events: Sequence[Recorded]
) -> EffectiveTimes:
    unknown = unknown_before(events)
    if not unknown:
        return EffectiveTimes({})
    cursor = await connection.execute(
        BEFORE,
        {
            "namespace_id": namespace_id,
            "streams": list(unknown),
            "revisions": list(unknown.values()),
        },
    )
    return EffectiveTimes(dict(await cursor.fetchall()))


async def _snapshots(
    fold: HistoryFold, times: EffectiveTimes, events: Sequence[Recorded]
) -> dict[type, list[Values]]:
    """Return the values of what events made, by kind of snapshot."""
    lines: dict[type, list[Values]] = {}
    for place, event in enumerate(events, 1):
        snapshot = fold.fold(event, times.of(event))
        if snapshot is not None:
            kind = type(snapshot)
            lines.setdefault(kind, []).append(HISTORY_TABLES[kind].values_in(snapshot, BINARY))
        if place % _SLICE == 0:
            await asyncio.sleep(0)
    return lines


async def _write(
    connection: Connection, place: tuple[int, int], lines: dict[type, list[Values]]
) -> None:
    for kind, values in lines.items():
        table: Table[Any] = HISTORY_TABLES[kind]
        async with connection.cursor() as cursor, cursor.copy(copy_statement(table)) as copy:
            copy.set_types(copy_types(table))
            for line in values:
                await copy.write_row((*place, *line))


_CURSOR: Final = """
SELECT c.position FROM regesta.logs AS l
JOIN regesta.history_cursors AS c
    ON c.namespace_id = l.namespace_id AND c.generation = l.generation
WHERE l.namespace_id = %s
"""

_BEHIND: Final = """
SELECT l.namespace_id, l.generation, l.size FROM regesta.logs AS l
LEFT JOIN regesta.history_cursors AS c
    ON c.namespace_id = l.namespace_id AND c.generation = l.generation
WHERE l.size > COALESCE(c.position, 0)
"""

_RELAXED: Final = "SET LOCAL synchronous_commit = off"

_BEGIN: Final = """
INSERT INTO regesta.history_cursors (namespace_id, generation, position)
SELECT l.namespace_id, l.generation, 0 FROM regesta.logs AS l
WHERE l.namespace_id = %s AND l.generation = %s
ON CONFLICT DO NOTHING
"""

_HOLD: Final = """
SELECT c.position FROM regesta.history_cursors AS c
JOIN regesta.logs AS l ON l.namespace_id = c.namespace_id AND l.generation = c.generation
WHERE c.namespace_id = %s AND c.generation = %s
FOR UPDATE OF c SKIP LOCKED
"""

_READ: Final = """
SELECT position, record, leaf_hash FROM regesta.events
WHERE namespace_id = %s AND position > %s ORDER BY position LIMIT %s
"""

_ADVANCE: Final = """
UPDATE regesta.history_cursors SET position = %s WHERE namespace_id = %s AND generation = %s
"""
