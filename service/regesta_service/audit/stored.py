"""A log's rows and tiles as the publisher reads them: over a connection that blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from regesta.merkle import TILE_WIDTH, Frontier

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    Connection = psycopg.Connection[Any]

#: Events read at once.
_CHUNK: Final = 2_000


class Line(NamedTuple):
    """A row of the log; nothing of it is trusted."""

    position: int
    record: bytes
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """Where a log says that it ends."""

    namespace_id: int
    namespace: str
    size: int
    frontier: Frontier


def heads(conn: Connection) -> dict[str, Head]:
    """Return the heads of all logs, by namespace.

    Raises:
        InvalidFrontier: One is not even in form, which the table's own check excludes.
    """
    rows = conn.execute(_HEADS).fetchall()
    return {
        name: Head(namespace_id, name, size, Frontier.decode(size, bytes(frontier)))
        for namespace_id, name, size, frontier in rows
    }


def head(conn: Connection, namespace_id: int) -> Head:
    """Return the head of a log in the snapshot of a transaction."""
    ((name, size, frontier),) = conn.execute(_HEAD, [namespace_id]).fetchall()
    return Head(namespace_id, name, size, Frontier.decode(size, bytes(frontier)))


def lines(conn: Connection, namespace_id: int, first: int, last: int) -> Iterator[list[Line]]:
    """Yield the rows of some positions in order, some thousand at a time."""
    after = first - 1
    while after < last:
        with conn.cursor(binary=True) as cursor:
            cursor.execute(_LINES, [namespace_id, after, last, _CHUNK])
            found = [Line(*row) for row in cursor.fetchall()]
        if found:
            yield found
        if len(found) < _CHUNK:
            return
        after = found[-1].position


def first_beyond(conn: Connection, namespace_id: int, size: int) -> int | None:
    """Return the position of the first row beyond the end of a log; None when there is none."""
    row = conn.execute(_BEYOND, [namespace_id, size]).fetchone()
    return None if row is None else int(row[0])


class StoredTiles:
    """Reads tiles of one log, full and partial, for `regesta.audit.tiles`."""

    def __init__(self, conn: Connection, namespace_id: int) -> None:
        self._conn = conn
        self._namespace_id = namespace_id

    def read(self, level: int, index: int, width: int) -> bytes:
        """Return the first hashes of a tile; fewer than asked for where rows are missing."""
        if width == TILE_WIDTH:
            row = self._conn.execute(_TILE, [self._namespace_id, level, index]).fetchone()
            return b"" if row is None else bytes(row[0])
        first = index * TILE_WIDTH
        if level == 0:
            query, bounds = _LEAVES, [self._namespace_id, first + 1, first + width]
        else:
            query, bounds = _ROOTS, [self._namespace_id, level - 1, first, first + width - 1]
        return b"".join(bytes(found) for (found,) in self._conn.execute(query, bounds).fetchall())


_HEADS: Final = "SELECT namespace_id, name, size, frontier FROM regesta.logs"
_HEAD: Final = "SELECT name, size, frontier FROM regesta.logs WHERE namespace_id = %s"
_LINES: Final = """
SELECT position, record, leaf_hash FROM regesta.events
WHERE namespace_id = %s AND position > %s AND position <= %s ORDER BY position LIMIT %s
"""
_BEYOND: Final = """
SELECT position FROM regesta.events WHERE namespace_id = %s AND position > %s
ORDER BY position LIMIT 1
"""
_TILE: Final = """
SELECT hashes FROM regesta.tiles WHERE namespace_id = %s AND level = %s AND index = %s
"""
_LEAVES: Final = """
SELECT leaf_hash FROM regesta.events
WHERE namespace_id = %s AND position BETWEEN %s AND %s ORDER BY position
"""
_ROOTS: Final = """
SELECT root FROM regesta.tiles
WHERE namespace_id = %s AND level = %s AND index BETWEEN %s AND %s ORDER BY index
"""
