"""Checkpoints as they are stored, and what is known of their publisher."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from regesta.audit.checkpoints import Checkpoint
from regesta.audit.notes import Note, Signature

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import psycopg
    from psycopg_pool import AsyncConnectionPool

    Connection = psycopg.AsyncConnection[Any]

#: Seconds between two looks while somebody waits for a checkpoint.
POLL: Final = 0.1

#: Checkpoints after an event among which the best cosigned one is its receipt's: about the
#: minute in which a witness that was away may come back.
_CANDIDATES: Final = 64

#: Checkpoints read at once by those who want all.
CHUNK: Final = 500


class Published(NamedTuple):
    """A checkpoint in the database."""

    size: int
    note: str
    published_at: datetime

    @property
    def root(self) -> bytes:
        """The root that it states, 32 bytes."""
        return Checkpoint.parse(Note.parse(self.note).text).root


@dataclass(frozen=True, slots=True)
class Alarm:
    """Why a publisher signs no more."""

    #: `ROLLBACK`, `FORK` or `TAMPER`.
    kind: str
    #: The first and the last position that it may be about.
    position: int
    last_position: int
    detail: str
    #: None only in what is about to be told.
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How a publisher is doing."""

    seen_at: datetime | None = None
    verifier_keys: tuple[str, ...] = ()
    alarm: Alarm | None = None


async def latest(connection: Connection, namespace_id: int) -> Published | None:
    """Return the largest checkpoint."""
    return await _one(connection, _LATEST, [namespace_id])


async def of_size(connection: Connection, namespace_id: int, size: int) -> Published | None:
    """Return the checkpoint of a size."""
    return await _one(connection, _OF_SIZE, [namespace_id, size])


async def covering(connection: Connection, namespace_id: int, size: int) -> Published | None:
    """Return a checkpoint of at least a size, the best for a receipt.

    That is the one with the most signatures among the 64 that came first and the latest;
    of these the smallest, so that the answer stays what it is.
    """
    return await _one(
        connection, _COVERING, {"namespace_id": namespace_id, "size": size, "limit": _CANDIDATES}
    )


async def after(connection: Connection, namespace_id: int, size: int) -> list[Published]:
    """Return checkpoints above a size, in order, at most `CHUNK`."""
    cursor = await connection.execute(_AFTER, [namespace_id, size, CHUNK])
    return [Published(*row) for row in await cursor.fetchall()]


def cosigned(note: Note, signatures: Iterable[Signature]) -> Note:
    """Return a note with more signatures, one for each key that has not signed it yet.

    A witness that is asked again signs the same text at another time; the first is kept, as
    it says that the checkpoint existed earlier.
    """
    have = {(one.name, one.key_id) for one in note.signatures}
    return note.with_signatures(one for one in signatures if (one.name, one.key_id) not in have)


async def publisher_status(connection: Connection, namespace_id: int) -> Status:
    """Return how a namespace's publisher is doing."""
    cursor = await connection.execute(_STATUS, [namespace_id])
    row = await cursor.fetchone()
    if row is None:
        return Status()
    seen_at, keys, kind, *rest = row
    return Status(seen_at, tuple(keys), Alarm(kind, *rest) if kind else None)


class Waiting:
    """Waits for checkpoints; those who wait at the same time share the looks.

    Args:
        pool: Looked with.
    """

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool
        self._looks: dict[int, asyncio.Task[tuple[int, Status]]] = {}

    async def reached(self, namespace_id: int, size: int, seconds: float) -> tuple[int, Status]:
        """Return the size of the latest checkpoint, once it covers a size or time is over.

        Returns at once when the publisher has raised an alarm.

        Args:
            namespace_id: Whose.
            size: What it should cover.
            seconds: Longest wait.

        Returns:
            The size, 0 without a checkpoint, and how the publisher is doing.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while True:
            published, status = await asyncio.shield(self._look(namespace_id))
            left = end - loop.time()
            if published >= size or status.alarm is not None or left <= 0:
                return published, status
            await asyncio.sleep(min(POLL, left))

    def _look(self, namespace_id: int) -> asyncio.Task[tuple[int, Status]]:
        look = self._looks.get(namespace_id)
        if look is None or look.done():
            look = asyncio.get_running_loop().create_task(self._find(namespace_id))
            self._looks[namespace_id] = look
        return look

    async def _find(self, namespace_id: int) -> tuple[int, Status]:
        async with self._pool.connection() as connection:
            found = await latest(connection, namespace_id)
            return found.size if found else 0, await publisher_status(connection, namespace_id)


async def _one(connection: Connection, query: str, parameters: Any) -> Published | None:
    cursor = await connection.execute(query, parameters)
    row = await cursor.fetchone()
    return None if row is None else Published(*row)


_LATEST = """
SELECT size, note, published_at FROM regesta.checkpoints
WHERE namespace_id = %s ORDER BY size DESC LIMIT 1
"""

_OF_SIZE = """
SELECT size, note, published_at FROM regesta.checkpoints WHERE namespace_id = %s AND size = %s
"""

_COVERING = """
SELECT size, note, published_at FROM (
    (SELECT size, note, published_at FROM regesta.checkpoints
    WHERE namespace_id = %(namespace_id)s AND size >= %(size)s ORDER BY size LIMIT %(limit)s)
    UNION
    (SELECT size, note, published_at FROM regesta.checkpoints
    WHERE namespace_id = %(namespace_id)s AND size >= %(size)s ORDER BY size DESC LIMIT 1)
) AS c
ORDER BY array_length(string_to_array(note, E'\\n'), 1) DESC, size
LIMIT 1
"""

_AFTER = """
SELECT size, note, published_at FROM regesta.checkpoints
WHERE namespace_id = %s AND size > %s ORDER BY size LIMIT %s
"""

_STATUS = """
SELECT seen_at, verifier_keys, alarm_kind, alarm_position, alarm_last_position, alarm_detail,
    alarm_at
FROM regesta.publishers WHERE namespace_id = %s
"""
