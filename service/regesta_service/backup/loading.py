"""Records into an empty log: events, tree and head, by COPY, in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, LiteralString

import msgspec

from regesta.merkle import TILE_WIDTH, Frontier, leaf_hash, root_of
from regesta_projections.records import Record, read_envelope
from regesta_projections.verification.records import trace_id_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import psycopg

    Connection = psycopg.Connection[Any]


class NotEmpty(RuntimeError):
    """The database has logs already."""


class NotLoadable(ValueError):
    """Something is no record, or is of another log; the message says where."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A log that was loaded.

    Attributes:
        namespace_id: Its number.
        frontier: Of the tree over all records.
        roots: Of the tree at the sizes that were asked for.
    """

    namespace_id: int
    frontier: Frontier
    roots: dict[int, bytes]


_BEGIN: Final = """
INSERT INTO regesta.logs (name, generation) VALUES (%s, %s) RETURNING namespace_id
"""
_EXTEND: Final = "SELECT regesta.extend_events(%s)"
_EVENTS: Final = """
COPY regesta.events (namespace_id, position, record, stream, revision, type, actor, recorded_at,
    occurred_at, request_id, trace_id) FROM STDIN (FORMAT BINARY)
"""
_EVENT_TYPES: Final = (
    "int4", "int8", "bytea", "text", "int8", "text", "text", "timestamptz", "timestamptz",
    "text", "text",
)  # fmt: skip
_TILES: Final = """
COPY regesta.tiles (namespace_id, level, index, root, hashes) FROM STDIN (FORMAT BINARY)
"""
_TILE_TYPES: Final = ("int4", "int2", "int8", "bytea", "bytea")
_HEAD: Final = """
UPDATE regesta.logs SET size = %s, frontier = %s, recorded_at = %s WHERE namespace_id = %s
"""
_ANY: Final = "SELECT FROM regesta.logs LIMIT 1"


def require_empty(conn: Connection) -> None:
    """Raise `NotEmpty` if the database has any log."""
    if conn.execute(_ANY).fetchone() is not None:
        raise NotEmpty("the database has logs already: restore into a new one")


def load_log(
    conn: Connection,
    namespace: str,
    records: Iterable[bytes],
    *,
    size: int,
    generation: int = 0,
    sizes: Sequence[int] = (),
) -> Loaded:
    """Make a log of records.

    Its rows are not made: a rebuild does that, into the generation after this one.

    Args:
        conn: A connection in a transaction, as the service's role.
        namespace: Name of the log that it makes.
        records: All of them, in order.
        size: How many there will be at least; partitions are made ahead.
        generation: The log's, until the rebuild.
        sizes: Sizes to return the roots of.

    Raises:
        NotLoadable: One is no record of this namespace.
    """
    row = conn.execute(_BEGIN, [namespace, generation]).fetchone()
    namespace_id: int = row[0] if row else 0
    conn.execute(_EXTEND, [size + 1])
    tree = _Tree(sizes)
    latest: datetime | None = None
    source = f"/namespaces/{namespace}"
    with conn.cursor() as cursor, cursor.copy(_EVENTS) as copy:
        copy.set_types(_EVENT_TYPES)
        for position, record in enumerate(records, 1):
            envelope = _read(record, position)
            if envelope.source != source:
                raise NotLoadable(f"the record at {position} belongs to {envelope.source}")
            latest = envelope.recordedtime
            copy.write_row((namespace_id, position, record, *_columns(envelope)))
            tree.add(leaf_hash(record))
    tree.finish()
    copy_rows(conn, _TILES, _TILE_TYPES, ((namespace_id, *tile) for tile in tree.tiles))
    frontier = tree.frontier
    conn.execute(_HEAD, [frontier.size, frontier.encode(), latest, namespace_id])
    return Loaded(namespace_id, frontier, tree.roots)


def copy_rows(
    conn: Connection,
    statement: LiteralString,
    types: Sequence[str],
    rows: Iterable[tuple[object, ...]],
) -> None:
    """Insert rows by COPY."""
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


class _Tree:
    """The tree over leaf hashes, its full tiles, and roots on the way."""

    def __init__(self, sizes: Iterable[int]) -> None:
        self.frontier = Frontier()
        self.roots: dict[int, bytes] = {}
        self.tiles: list[tuple[int, int, bytes, bytes]] = []
        self._sizes = sorted(set(sizes), reverse=True)
        self._waiting: list[bytes] = []
        # Of each level, the hashes that no full tile holds yet, and the next tile's number.
        self._levels: list[list[bytes]] = [[]]
        self._numbers = [0]

    def add(self, leaf: bytes) -> None:
        self._waiting.append(leaf)
        size = self.frontier.size + len(self._waiting)
        if self._sizes and self._sizes[-1] == size:
            self._flush()
            self.roots[self._sizes.pop()] = self.frontier.root()
        elif len(self._waiting) >= TILE_WIDTH:
            self._flush()

    def finish(self) -> None:
        self._flush()

    def _flush(self) -> None:
        self.frontier.extend(self._waiting)
        self._levels[0] += self._waiting
        self._waiting.clear()
        for level, hashes in enumerate(self._levels):
            while len(hashes) >= TILE_WIDTH:
                full = hashes[:TILE_WIDTH]
                del hashes[:TILE_WIDTH]
                root = root_of(full)
                self.tiles.append((level, self._numbers[level], root, b"".join(full)))
                self._numbers[level] += 1
                if level + 1 == len(self._levels):
                    self._levels.append([])
                    self._numbers.append(0)
                self._levels[level + 1].append(root)


def _read(record: bytes, position: int) -> Record:
    try:
        return read_envelope(record)
    except (msgspec.DecodeError, ValueError) as error:
        raise NotLoadable(f"the record at {position} is none: {error}") from error


def _columns(envelope: Record) -> tuple[object, ...]:
    """Return what stands beside a record, as the append writes it."""
    recorded_at = envelope.recordedtime
    try:
        revision = int(envelope.revision)
    except ValueError as error:
        raise NotLoadable(f"{envelope.id} has no revision") from error
    return (
        envelope.subject,
        revision,
        envelope.type,
        envelope.authid,
        recorded_at,
        envelope.time if envelope.time != recorded_at else None,
        envelope.correlationid,
        trace_id_of(envelope.traceparent),
    )
