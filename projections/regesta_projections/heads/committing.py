"""Computing what a commitment to all heads says, and keeping the lines that it is made of.

One snapshot of the database holds the log's size and the rows as of it, so the heads are those
of exactly that position, while writers go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from regesta.merkle import TILE_WIDTH, Frontier, root_of
from regesta_projections.heads.reading import read_heads
from regesta_projections.rebuild import NamespaceUnknown
from regesta_projections.snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from regesta.audit.heads import HeadLine

    Connection = psycopg.Connection[Any]

# Lines written at once.
_CHUNK: Final = 4_096

# First half of the advisory lock's key: "head"; the second is the namespace's id.
_LOCK_CLASS: Final = 0x6865_6164


class HeadsUnderWay(RuntimeError):
    """Somebody else reads the heads of this namespace already."""


@dataclass(frozen=True, slots=True)
class Heads:
    """What a commitment says, and what was noticed on the way."""

    #: The log's size in the snapshot.
    position: int
    streams: int
    #: 32 bytes.
    root: bytes
    #: Streams whose row does not agree with itself: somebody has edited it. The first 20.
    disagreeing: tuple[str, ...] = ()


def compute_heads(dsn: str, namespace: str, progress: Callable[[int], None]) -> Heads:
    """Read the heads of a namespace's streams, keep their lines, and return their root.

    The lines of the last commitment stay, older ones are deleted.

    Args:
        dsn: The service's role.
        namespace: Its name.
        progress: Called after every few thousand lines with their number; what it raises ends
            the reading.

    Raises:
        NamespaceUnknown: There is no such namespace.
        HeadsUnderWay: Somebody else reads them already.
    """
    # Nothing is prepared: behind PgBouncer the next statement may meet another connection.
    with (
        psycopg.connect(dsn, prepare_threshold=None) as writing,
        snapshot(dsn) as reading,
    ):
        _exclude(writing, namespace)
        reading.execute(_SETTINGS)
        log = _log(reading, namespace)
        _forget(writing, log)
        keeper = Keeper(writing, log.namespace_id, log.size)
        disagreeing: list[str] = []
        for number, head in enumerate(read_heads(reading, log.namespace_id, log.generation), 1):
            keeper.add(head.line)
            if not head.agrees and len(disagreeing) < _MOST_NAMED:
                disagreeing.append(head.line.stream)
            if not number % _CHUNK:
                progress(number)
        root = keeper.finish()
        return Heads(log.size, keeper.lines, root, tuple(disagreeing))


_MOST_NAMED: Final = 20

# One long read: sorted on disk rather than in memory, when there is much.
_SETTINGS: Final = """
SELECT set_config('cursor_tuple_fraction', '1', true), set_config('work_mem', '32MB', true),
    set_config('jit', 'off', true), set_config('TimeZone', 'UTC', true)
"""
_EXCLUDE: Final = """
SELECT pg_try_advisory_xact_lock(%s, namespace_id),
    set_config('idle_in_transaction_session_timeout', '0', true)
FROM regesta.logs WHERE name = %s
"""


def _exclude(conn: Connection, namespace: str) -> None:
    """Keep others away until the transaction ends."""
    row = conn.execute(_EXCLUDE, [_LOCK_CLASS, namespace]).fetchone()
    if row is None:
        raise NamespaceUnknown(f"there is no namespace {namespace}")
    if not row[0]:
        raise HeadsUnderWay(f"the heads of namespace {namespace} are being read already")


@dataclass(frozen=True, slots=True)
class _Log:
    namespace_id: int
    size: int
    generation: int
    #: Position that the last commitment is of; 0 before the first.
    committed: int


_LOG: Final = """
SELECT l.namespace_id, l.size, l.generation, coalesce(s.heads_position, 0) AS committed
FROM regesta.logs AS l
LEFT JOIN regesta.log_status AS s
    ON s.namespace_id = l.namespace_id AND s.generation = l.generation
WHERE l.name = %s
"""


def _log(conn: Connection, namespace: str) -> _Log:
    with conn.cursor(row_factory=class_row(_Log)) as cursor:
        log = cursor.execute(_LOG, [namespace]).fetchone()
    if log is None:
        raise NamespaceUnknown(f"there is no namespace {namespace}")
    return log


_FORGET: Final = sql.SQL(
    "DELETE FROM regesta.{} WHERE namespace_id = %s AND (position < %s OR position = %s)"
)
_TABLES: Final = ("heads", "head_lines", "head_tiles")


def _forget(conn: Connection, log: _Log) -> None:
    """Delete lines older than those of the last commitment, and what a failure left."""
    for table in _TABLES:
        statement = _FORGET.format(sql.Identifier(table))
        conn.execute(statement, [log.namespace_id, log.committed, log.size])


_COPY: Final = """
COPY regesta.head_lines (namespace_id, position, index, stream, revision, leaf_hash, state)
FROM STDIN (FORMAT BINARY)
"""
_LINE_TYPES: Final = ("integer", "bigint", "bigint", "text", "bigint", "bytea", "bytea")
_TILE: Final = """
INSERT INTO regesta.head_tiles (namespace_id, position, level, index, hashes)
VALUES (%s, %s, %s, %s, %s)
"""
_HEADS: Final = """
INSERT INTO regesta.heads (namespace_id, position, streams, root) VALUES (%s, %s, %s, %s)
"""


class Keeper:
    """Writes lines, and the tree over them, in the transaction of a connection.

    Args:
        conn: Where to write.
        namespace_id: Whose lines.
        position: The position that they are of.

    Attributes:
        lines: How many there are so far.
    """

    def __init__(self, conn: Connection, namespace_id: int, position: int) -> None:
        self.lines = 0
        self._conn = conn
        self._place = namespace_id, position
        self._waiting: list[HeadLine] = []
        self._tree = TileBuilder()

    def add(self, line: HeadLine) -> None:
        """Take up the next line."""
        self._waiting.append(line)
        self._tree.add(line.hash())
        if len(self._waiting) == _CHUNK:
            self._write()

    def finish(self) -> bytes:
        """Write what is left, and return the root over all lines."""
        self._write()
        for tile in self._tree.partial():
            self._conn.execute(_TILE, [*self._place, *tile])
        root = self._tree.root()
        self._conn.execute(_HEADS, [*self._place, self.lines, root])
        return root

    def _write(self) -> None:
        with self._conn.cursor() as cursor:
            with cursor.copy(_COPY) as copy:
                copy.set_types(_LINE_TYPES)
                for index, line in enumerate(self._waiting, self.lines):
                    copy.write_row(
                        (*self._place, index, line.stream, line.revision, line.leaf, line.state)
                    )
            cursor.executemany(_TILE, [(*self._place, *tile) for tile in self._tree.filled()])
        self.lines += len(self._waiting)
        self._waiting.clear()


class TileBuilder:
    """The tiles of a tree (C2SP tlog-tiles) that grows leaf by leaf."""

    def __init__(self) -> None:
        self._frontier = Frontier()
        # Of each level, the number of full tiles, and the hashes that no full tile holds yet.
        self._levels: list[tuple[int, list[bytes]]] = []
        self._filled: list[tuple[int, int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        self._frontier.append(leaf)
        self._put(0, leaf)

    def filled(self) -> list[tuple[int, int, bytes]]:
        """Return level, index and hashes of the tiles that became full since the last call."""
        filled, self._filled = self._filled, []
        return filled

    def partial(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield level, index and hashes of the tiles at the right edge that are not full."""
        for level, (index, hashes) in enumerate(self._levels):
            if hashes:
                yield level, index, b"".join(hashes)

    def root(self) -> bytes:
        """Return the root over all leaves."""
        return self._frontier.root()

    def _put(self, level: int, value: bytes) -> None:
        if level == len(self._levels):
            self._levels.append((0, []))
        index, hashes = self._levels[level]
        hashes.append(value)
        if len(hashes) == TILE_WIDTH:
            self._filled.append((level, index, b"".join(hashes)))
            self._levels[level] = index + 1, []
            self._put(level + 1, root_of(hashes))
