"""Folds a namespace's whole log into fresh rows and puts them in the place of the old.

The fresh rows are a generation of their own beside the one in use, so readers never wait.
Writers wait for the switch alone: one transaction that holds the log's head, folds the last
few events and names the new generation. A rebuild that dies leaves rows that nobody reads;
the next one deletes them.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import class_row

from regesta_projections.bodies import Archive, require_bodies, with_body
from regesta_projections.evolve import evolve
from regesta_projections.evolve.streams import key_of
from regesta_projections.history import (
    BEFORE,
    HISTORY_TABLES,
    KINDS,
    EffectiveTimes,
    snapshot_of,
    unknown_before,
)
from regesta_projections.records import Recorded, read_record
from regesta_projections.resident_rows import ResidentRows, RowWriter
from regesta_projections.rows import NotLoaded
from regesta_projections.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Connection = psycopg.Connection[Any]

#: Seconds for which the old rows stay after the switch, for reads that began before it.
LINGER: Final = 5.0

#: Every table of which a rebuild writes a generation.
ALL_TABLES: Final = (*TABLES.values(), *HISTORY_TABLES.values())
HISTORY_CURSORS: Final = "history_cursors"

# Events read and folded at once.
_CHUNK = 5_000

# Rows in memory, and how many leave at once when there are more. About 2.5 kB each, and up to
# as many again as leave are being written.
_RESIDENT = 40_000
_LEAVING = 10_000

# Snapshots in memory, about 1 kB each, and as many again are being written.
_SNAPSHOTS = 20_000

# While writers wait for the switch, at most about this many events are folded.
_REMAINDER = 1_000

_DELETE_BATCH = 20_000

#: What reading or folding an event raises when the log is not as a server wrote it.
UNFOLDABLE: Final = (ValueError, LookupError, msgspec.DecodeError)

# First half of the advisory lock's key: "rebu"; the second is the namespace's id.
_LOCK_CLASS: Final = 0x7265_6275


class NamespaceUnknown(LookupError):
    """There is no namespace of this name."""


class RebuildRunning(RuntimeError):
    """Another rebuild of this namespace is under way."""


class LogNotFoldable(RuntimeError):
    """The log holds something that cannot be folded; `verify` says what is wrong."""


@dataclass(frozen=True, slots=True)
class RebuildProgress:
    """How far a rebuild has come."""

    events_folded: int
    rows_written: int
    #: Whether the new rows are in use.
    switched: bool = False


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to."""

    generation: int
    #: Position of the last event that the new rows reflect.
    position: int
    rows_written: int


@dataclass(frozen=True, slots=True)
class _Head:
    """A log's row in `regesta.logs`."""

    namespace_id: int
    size: int
    generation: int


def rebuild(
    dsn: str,
    namespace: str,
    progress: Callable[[RebuildProgress], None] = lambda _: None,
    *,
    linger: float = LINGER,
    archive: Path | None = None,
) -> Rebuilt:
    """Fold a namespace's log anew and put the result in use.

    Args:
        dsn: The service's role.
        namespace: Its name.
        progress: Called after every few thousand events; what it raises ends the rebuild.
        linger: Seconds to wait after the switch before the old rows are deleted.
        archive: A backup with the bodies that were archived; each is compared with its hash.

    Raises:
        NamespaceUnknown: There is no such namespace.
        BodyArchived: Bodies were archived, and no archive is given; nothing was touched.
        NotInArchive: The archive lacks one; the rows in use stay in use.
        RebuildRunning: Another rebuild of it is under way.
        LogNotFoldable: An event cannot be folded; the rows in use stay in use.
    """
    bodies = Archive(archive, namespace) if archive is not None else None
    # Nothing is prepared: behind PgBouncer the next statement may meet another connection.
    with (
        psycopg.connect(dsn, prepare_threshold=None) as guard,
        psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as conn,
        psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as writing,
    ):
        lock = _Lock(guard, _head(conn, namespace).namespace_id, namespace)
        # Only now does nobody else switch.
        head = _head(conn, namespace)
        if bodies is None:
            require_bodies(conn, head.namespace_id)
        place = head.namespace_id, head.generation + 1
        _delete_generations(conn, _ALL_BUT, *place, lock)
        with RowWriter(writing, *place) as writer:
            rows = ResidentRows(conn, *place, writer)
            fold = _Fold(conn, place, rows, lock, progress, archive=bodies)
            try:
                with _without_collections():
                    _catch_up(conn, namespace, fold)
                    _switch(conn, fold)
            except psycopg.errors.UniqueViolation as error:
                raise LogNotFoldable(f"two events made the same row: {error}") from error
        progress(RebuildProgress(fold.position, fold.rows.written, switched=True))
        time.sleep(linger)
        _delete_generations(conn, _OLDER, *place, lock)
    return Rebuilt(fold.generation, fold.position, fold.rows.written)


@contextmanager
def _without_collections() -> Iterator[None]:
    """Keep the garbage collector from looking at each row again and again.

    A fold makes no cycles, and collections are a tenth of its CPU. What others make meanwhile
    is collected afterwards.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# Held by a transaction rather than the session, so that it works through PgBouncer.
_EXCLUDE = """
SELECT set_config('idle_in_transaction_session_timeout', '0', true),
    pg_try_advisory_xact_lock(%s, %s)
"""


class _Lock:
    """Keeps other rebuilds of a namespace away for as long as a connection's transaction."""

    def __init__(self, conn: Connection, namespace_id: int, namespace: str) -> None:
        self._conn = conn
        row = conn.execute(_EXCLUDE, [_LOCK_CLASS, namespace_id]).fetchone()
        if row is None or not row[1]:
            raise RebuildRunning(f"a rebuild of namespace {namespace} is under way")

    def check(self) -> None:
        """Raise unless the connection lives; else somebody else could write the same rows."""
        self._conn.execute("SELECT")


_HEAD = """
SELECT namespace_id, size, generation FROM regesta.logs WHERE name = %s
"""


def _head(conn: Connection, namespace: str) -> _Head:
    with conn.cursor(row_factory=class_row(_Head)) as cursor:
        head = cursor.execute(_HEAD, [namespace]).fetchone()
    if head is None:
        raise NamespaceUnknown(f"there is no namespace {namespace}")
    return head


def _catch_up(conn: Connection, namespace: str, fold: _Fold) -> None:
    """Fold until little is left, and write all rows, while appends go on.

    Appends and reads find statistics of the new rows when they begin to use them.
    """
    fold.fold_streams_to(_head(conn, namespace).size)
    fold.rows.flush()
    conn.execute("SELECT regesta.analyze_rows()")
    while _head(conn, namespace).size - fold.position > _REMAINDER:
        fold.fold_to(_head(conn, namespace).size)
        fold.rows.flush()


_LOCK_HEAD = """
SELECT size FROM regesta.logs WHERE namespace_id = %s FOR UPDATE
"""
# Whoever folds the history on begins here.
_HISTORY = """
INSERT INTO regesta.history_cursors (namespace_id, generation, position) VALUES (%s, %s, %s)
"""
_SWITCH = """
UPDATE regesta.logs SET generation = %s, rebuilt_at = clock_timestamp() WHERE namespace_id = %s
"""


def _switch(conn: Connection, fold: _Fold) -> None:
    """Fold what is left with the log held still, and name the new generation."""
    with conn.transaction():
        (size,) = conn.execute(_LOCK_HEAD, [fold.namespace_id]).fetchone() or (0,)
        fold.fold_to(size)
        fold.rows.flush()
        fold.lock.check()
        conn.execute(_HISTORY, [fold.namespace_id, fold.generation, size])
        conn.execute(_SWITCH, [fold.generation, fold.namespace_id])


_DELETE = sql.SQL("""
DELETE FROM regesta.{table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM regesta.{table}
    WHERE namespace_id = %(namespace_id)s AND {condition} LIMIT %(batch)s
))
""")
# Generations before the one in use, and what rebuilds that died left.
_ALL_BUT = sql.SQL("(generation < %(new)s - 1 OR generation >= %(new)s)")
_OLDER = sql.SQL("generation < %(new)s")


def _delete_generations(
    conn: Connection, condition: sql.SQL, namespace_id: int, new: int, lock: _Lock
) -> None:
    """Delete rows that nobody reads, in batches that are committed one by one."""
    parameters = {"namespace_id": namespace_id, "new": new, "batch": _DELETE_BATCH}
    # The cursor first: it waits for who is folding the history on, and nobody begins anew.
    for name in (HISTORY_CURSORS, *(table.name for table in ALL_TABLES)):
        statement = _DELETE.format(table=sql.Identifier(name), condition=condition)
        lock.check()
        while conn.execute(statement, parameters).rowcount == _DELETE_BATCH:
            lock.check()


_READ = """
SELECT position, record, leaf_hash FROM regesta.events
WHERE namespace_id = %s AND position > %s AND position <= %s ORDER BY position
"""


# By the index of streams, so no sort and no transaction that lasts. The planner knows nothing of
# a young table yet, and would read and sort all of it for each page.
_BY_INDEX = """
SELECT set_config(name, 'off', true)
FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_sort']) AS name
"""
_READ_STREAMS = """
SELECT position, record, leaf_hash, stream, revision FROM regesta.events
WHERE namespace_id = %s AND (stream, revision) > (%s, %s) AND position <= %s
ORDER BY stream, revision LIMIT %s
"""


class _Fold:
    """A fold of one log into the rows of one generation.

    Attributes:
        position: Of the last event folded.
        rows: The rows.
        lock: What keeps other rebuilds away.
    """

    def __init__(
        self,
        conn: Connection,
        place: tuple[int, int],
        rows: ResidentRows,
        lock: _Lock,
        progress: Callable[[RebuildProgress], None],
        *,
        archive: Archive | None,
    ) -> None:
        self._archive = archive
        self.namespace_id, self.generation = place
        self.position = 0
        self.rows = rows
        self.lock = lock
        self._conn = conn
        self._progress = progress

    def fold_streams_to(self, position: int) -> None:
        """Fold a log from its beginning up to a position, stream by stream.

        A row is folded from its own stream (but for a model's last version, which takes any
        order), so it is made, changed and written while it is at hand: two thirds of the CPU
        that a fold by position takes, where rows come back after thousands of others.
        """
        stream, revision, folded = "", 0, 0
        while True:
            with self._conn.transaction(), self._conn.cursor(binary=True) as cursor:
                cursor.execute(_BY_INDEX)
                cursor.execute(
                    _READ_STREAMS, [self.namespace_id, stream, revision, position, _CHUNK]
                )
                lines = cursor.fetchall()
            events = self._events(lines)
            for event, line in zip(events, lines, strict=True):
                # The order is that of the columns, and must be that of the records.
                if (event.stream, event.revision) != line[3:]:
                    raise LogNotFoldable(f"the columns at position {event.position}")
            self._apply(events)
            folded += len(lines)
            while len(self.rows) > 2 * _CHUNK:
                self.rows.leave(_CHUNK)
            if self.rows.waiting > _SNAPSHOTS:
                self.rows.leave(0)
            self.lock.check()
            self._progress(RebuildProgress(folded, self.rows.written))
            if len(lines) < _CHUNK or folded == position:
                break
            stream, revision = lines[-1][3:]
        if folded != position:
            raise LogNotFoldable(f"events between 1 and {position} are missing")
        self.position = position

    def fold_to(self, position: int) -> None:
        """Fold the events behind those folded up to a position, in their order."""
        while self.position < position:
            last = min(position, self.position + _CHUNK)
            self._apply(self._read(last))
            self.position = last
            while len(self.rows) > _RESIDENT:
                self.rows.leave(_LEAVING)
            if self.rows.waiting > _SNAPSHOTS:
                self.rows.leave(0)
            self.lock.check()
            self._progress(RebuildProgress(self.position, self.rows.written))

    def _read(self, last: int) -> list[Recorded]:
        """Return the events after `position` up to `last`."""
        with self._conn.cursor(binary=True) as cursor:
            cursor.execute(_READ, [self.namespace_id, self.position, last])
            lines = cursor.fetchall()
        if len(lines) != last - self.position:
            raise LogNotFoldable(f"events between {self.position + 1} and {last} are missing")
        return self._events(lines)

    def _events(self, lines: Sequence[Sequence[Any]]) -> list[Recorded]:
        """Return the events in rows that begin with position, record and leaf hash."""
        events = []
        for position, stored, leaf_hash, *_ in lines:
            record = with_body(stored, position, self._archive)
            try:
                events.append(read_record(record, position, leaf_hash))
            except UNFOLDABLE as error:
                raise LogNotFoldable(f"the record at position {position}: {error}") from error
        return events

    def _effective_times(self, events: Sequence[Recorded]) -> EffectiveTimes:
        unknown = unknown_before(events)
        if not unknown:
            return EffectiveTimes({})
        found = self._conn.execute(
            BEFORE,
            {
                "namespace_id": self.namespace_id,
                "streams": list(unknown),
                "revisions": list(unknown.values()),
            },
        )
        return EffectiveTimes(dict(found.fetchall()))

    def _apply(self, events: Sequence[Recorded]) -> None:
        rows = self.rows
        times = self._effective_times(events)
        for at, event in enumerate(events):
            try:
                try:
                    evolve(rows, event)
                except NotLoaded:
                    # Nothing was changed yet. What the rest will miss is fetched with it.
                    rows.fetch_for(events[at:])
                    evolve(rows, event)
                key = key_of(event.stream)
                if isinstance(key, KINDS) and (row := rows.get(key)) is not None:
                    rows.keep(snapshot_of(row, event, times.of(event)))
            except UNFOLDABLE as error:
                raise LogNotFoldable(
                    f"{event.type} at position {event.position}: {error!r}"
                ) from error
