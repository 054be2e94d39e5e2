"""Checks everything that is stored of a namespace, in one snapshot of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from regesta_projections.archived import hash_of, is_archived
from regesta_projections.bodies import Archive, NotInArchive, released_through
from regesta_projections.history import HISTORY_TABLES
from regesta_projections.rebuild import ALL_TABLES, NamespaceUnknown
from regesta_projections.snapshot import snapshot
from regesta_projections.verification.checkpoints import CheckpointCheck
from regesta_projections.verification.findings import Finding, Findings, Kind
from regesta_projections.verification.heads import HeadsCheck
from regesta_projections.verification.records import RecordCheck, StoredLine
from regesta_projections.verification.requests import RequestCheck
from regesta_projections.verification.streams import StreamCheck, StreamLine
from regesta_projections.verification.tables import TableCheck
from regesta_projections.verification.texts import TextCheck
from regesta_projections.verification.tree import TreeCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from regesta_projections.verification.records import ReadLine

    Connection = psycopg.Connection[Any]

# Events read and checked at once.
_CHUNK: Final = 2_000

# A text may have a million characters, so few of them are in memory at once.
_TEXTS_CHUNK: Final = 20


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """How far a check has come."""

    #: Events whose records have been checked; the first of two ways through the log.
    events_checked: int
    #: Events that have been folded; the second.
    events_folded: int
    rows_compared: int
    texts_compared: int
    #: Findings since the progress before, as far as they are kept.
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a check came to."""

    namespace: str
    #: Position of the last event that was read.
    position: int
    #: Merkle root over the records as they were read.
    root_hash: bytes
    events_folded: int
    rows_compared: int
    #: Rows of the history, which is checked up to where it has been folded.
    history_rows_compared: int
    texts_compared: int
    #: Texts that are not there: erased, as far as the log can tell.
    texts_erased: int
    #: Rows of other generations: left by a rebuild that is under way or was ended.
    rows_left_over: int
    #: Commitments to all heads that were made anew; the last 16 are.
    heads_checked: int
    #: Bodies that are in an archive only, as they may be, and were not at hand: their columns,
    #: texts and rows were not compared, and no commitment to heads was made anew.
    bodies_archived: int
    #: Rows that were not compared because of that.
    rows_not_compared: int
    findings_total: int
    #: The first of the findings, at most 1,000.
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Head:
    """A log's row in `regesta.logs`."""

    namespace_id: int
    size: int
    frontier: bytes
    recorded_at: datetime | None
    generation: int


def verify(
    dsn: str,
    namespace: str,
    progress: Callable[[VerifyProgress], None] = lambda _: None,
    *,
    archive: Path | None = None,
) -> Report:
    """Check a namespace's log, what is kept beside it and its projections.

    It writes nothing, locks nobody out and runs on a read replica. Memory does not grow with
    the log, but for eight bytes a projected row.

    Args:
        dsn: A role that may read.
        namespace: Its name.
        progress: Called after every few thousand events; what it raises ends the check.
        archive: A backup with the bodies that were archived; each is compared with its hash.

    Raises:
        NamespaceUnknown: There is no such namespace.
        NotInArchive: The folder is no archive of it.
    """
    bodies = Archive(archive, namespace) if archive is not None else None
    with snapshot(dsn) as conn:
        conn.execute(_SETTINGS)
        return _Verification(conn, namespace, _head(conn, namespace), progress, bodies).run()


# One long read of everything: plan for all rows, sort on disk rather than in memory.
_SETTINGS: Final = """
SELECT set_config('cursor_tuple_fraction', '1', true), set_config('work_mem', '32MB', true),
    set_config('jit', 'off', true), set_config('TimeZone', 'UTC', true)
"""
_HEAD: Final = """
SELECT namespace_id, size, frontier, recorded_at, generation FROM regesta.logs WHERE name = %s
"""


def _head(conn: Connection, namespace: str) -> _Head:
    with conn.cursor(row_factory=class_row(_Head)) as cursor:
        head = cursor.execute(_HEAD, [namespace]).fetchone()
    if head is None:
        raise NamespaceUnknown(f"there is no namespace {namespace}")
    return head


_LINES: Final = """
SELECT position, record, leaf_hash, stream, revision, type, actor, recorded_at, occurred_at,
    request_id, trace_id
FROM regesta.events WHERE namespace_id = %s ORDER BY position
"""
_REQUESTS: Final = """
SELECT key, position, events, stream FROM regesta.requests
WHERE namespace_id = %s ORDER BY position, key
"""
_CHECKPOINTS: Final = """
SELECT size, note FROM regesta.checkpoints WHERE namespace_id = %s ORDER BY size
"""
_TEXTS: Final = """
SELECT position, field, digest, person, salt, text FROM regesta.disclosures
WHERE namespace_id = %s ORDER BY position, field
"""
_THERE: Final = """
SELECT digest FROM regesta.disclosures WHERE namespace_id = %s AND digest = ANY (%s)
"""
_STREAMS: Final = """
SELECT stream, revision, position, leaf_hash, record FROM regesta.events
WHERE namespace_id = %s ORDER BY stream, revision, position
"""


class _Verification:
    def __init__(
        self,
        conn: Connection,
        namespace: str,
        head: _Head,
        progress: Callable[[VerifyProgress], None],
        archive: Archive | None,
    ) -> None:
        self._archive = archive
        self._released = released_through(conn, head.namespace_id)
        self._archived = 0
        self._conn = conn
        self._namespace = namespace
        self._head = head
        self._progress = progress
        self._last = 0
        self._checked = 0
        findings = self._findings = Findings()
        place = head.namespace_id
        self._records = RecordCheck(namespace, findings)
        self._tree = TreeCheck(conn, place, findings)
        published = self._stream("checkpoints", _CHECKPOINTS, _CHUNK)
        self._checkpoints = CheckpointCheck(published, self._tree, findings)
        texts = self._stream("texts", _TEXTS, _TEXTS_CHUNK)
        self._texts = TextCheck(texts, self._texts_there, findings)
        answered = self._stream("requests", _REQUESTS, _CHUNK)
        self._requests = RequestCheck(answered, head.size, findings)
        self._tables = TableCheck(conn, place, head.generation, findings)
        self._heads = HeadsCheck(conn, place, findings)
        self._history = TableCheck(conn, place, head.generation, findings, HISTORY_TABLES)
        self._streams = StreamCheck(
            self._tables, self._history, self._cursor(), self._heads, findings
        )

    def run(self) -> Report:
        self._check_positions()
        self._check_streams()
        return Report(
            namespace=self._namespace,
            position=self._last,
            root_hash=self._tree.frontier.root(),
            events_folded=self._streams.folded,
            rows_compared=self._tables.compared,
            history_rows_compared=self._history.compared,
            texts_compared=self._texts.compared,
            texts_erased=self._texts.erased,
            rows_left_over=self._count_left_over(),
            heads_checked=self._heads.checked,
            bodies_archived=self._archived,
            rows_not_compared=self._tables.excused + self._history.excused,
            findings_total=self._findings.total,
            findings=tuple(self._findings.kept),
        )

    def _check_positions(self) -> None:
        """Go through the log by position: records, tree, requests, texts."""
        for lines in self._chunks("lines", _LINES):
            reads = [self._records.read(self._with_body(StoredLine(*line))) for line in lines]
            self._extend_tree(reads)
            for read in reads:
                self._requests.add(read)
                self._texts.add(read)
                self._heads.see(read)
            self._checked += len(reads)
            self._report_progress()
        self._check_gap(self._head.size + 1)
        self._checkpoints.finish(self._head.size)
        self._tree.finish(self._head.size, self._head.frontier)
        self._requests.finish()
        self._texts.finish()
        self._check_head()
        self._check_released()

    def _texts_there(self, digests: Sequence[str]) -> list[str]:
        """Return those of some digests whose texts are there."""
        parameters = [self._head.namespace_id, list(digests)]
        return [digest for (digest,) in self._conn.execute(_THERE, parameters)]

    def _check_streams(self) -> None:
        """Go through the log by stream: chains and the fold."""
        if self._archived:
            self._heads.give_up()
        for lines in self._chunks("streams", _STREAMS):
            for line in lines:
                self._streams.add(self._stream_line(StreamLine(*line)))
            self._report_progress()
        self._streams.finish()
        self._tables.finish()
        self._heads.finish()
        self._history.finish()
        self._report_progress()

    def _with_body(self, line: StoredLine) -> StoredLine:
        """Return a line with its body, if that is to be had; name what must not be so."""
        if not is_archived(line.record):
            return line
        if line.position > self._released:
            self._findings.add(
                Kind.BODY_WITHHELD,
                line.stream,
                f"only a hash is there, and bodies were released up to {self._released}",
                position=line.position,
            )
        if self._archive is not None:
            try:
                body = self._archive.body(line.position, hash_of(line.record))
                return line._replace(record=body)
            except NotInArchive as error:
                self._findings.add(
                    Kind.BODY_NOT_IN_ARCHIVE, line.stream, str(error), position=line.position
                )
        self._archived += 1
        return line

    def _stream_line(self, line: StreamLine) -> StreamLine:
        if self._archive is None or not is_archived(line.record):
            return line
        try:
            return line._replace(record=self._archive.body(line.position, hash_of(line.record)))
        except NotInArchive:
            return line  # named on the way through the positions

    def _check_released(self) -> None:
        row = self._conn.execute(_RELEASED, [self._head.namespace_id]).fetchone()
        through = row[0] if row else 0
        if through != self._released:
            self._findings.add(
                Kind.ROW_DIFFERS,
                "released",
                f"through is {through}, and {self._released} by the log",
            )

    def _extend_tree(self, reads: Sequence[ReadLine]) -> None:
        hashes: list[bytes] = []
        for read in reads:
            line = read.line
            if line.position != self._last + 1:
                self._checkpoints.extend(hashes)
                hashes = []
                self._check_gap(line.position)
            if line.position > self._head.size:
                self._findings.add(
                    Kind.EVENT_BEYOND_HEAD,
                    line.stream,
                    f"the log ends at {self._head.size}",
                    position=line.position,
                )
                self._checkpoints.extend(hashes)
                hashes = []
                self._tree.stop()
            self._last = line.position
            hashes.append(read.leaf_hash)
        self._checkpoints.extend(hashes)

    def _check_gap(self, following: int) -> None:
        """Name the events that are missing before a position."""
        first, last = self._last + 1, following - 1
        if first <= last:
            self._tree.stop()
            self._findings.add(
                Kind.EVENT_MISSING,
                "events",
                f"there is none at {first}" if first == last else f"{first} to {last} are empty",
                position=first,
            )

    def _check_head(self) -> None:
        latest = self._records.recorded_at
        if latest != self._head.recorded_at:
            self._findings.add(
                Kind.HEAD_DIFFERS,
                "logs",
                f"recorded_at is {self._head.recorded_at}, the last event's {latest}",
            )

    def _report_progress(self) -> None:
        self._progress(
            VerifyProgress(
                self._checked,
                self._streams.folded,
                self._tables.compared,
                self._texts.compared,
                self._findings.fresh(),
            )
        )

    def _stream(self, name: str, query: str, chunk: int) -> Iterator[tuple[Any, ...]]:
        for lines in self._chunks(name, query, chunk):
            yield from lines

    def _chunks(
        self, name: str, query: str, chunk: int = _CHUNK
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield what a query finds, some rows at a time, by a cursor of the server."""
        with self._conn.cursor(name, binary=True) as cursor:
            cursor.execute(query, [self._head.namespace_id])
            while lines := cursor.fetchmany(chunk):
                yield lines

    def _cursor(self) -> int:
        """Return the position up to which the history has been folded."""
        row = self._conn.execute(
            _CURSOR, [self._head.namespace_id, self._head.generation]
        ).fetchone()
        return 0 if row is None else row[0]

    def _count_left_over(self) -> int:
        total = 0
        for table in ALL_TABLES:
            query = _LEFT_OVER.format(table=sql.Identifier(table.name))
            row = self._conn.execute(
                query, [self._head.namespace_id, self._head.generation]
            ).fetchone()
            total += 0 if row is None else row[0]
        return total


_RELEASED: Final = "SELECT through FROM regesta.released WHERE namespace_id = %s"
_CURSOR: Final = """
SELECT position FROM regesta.history_cursors WHERE namespace_id = %s AND generation = %s
"""
_LEFT_OVER: Final = sql.SQL(
    "SELECT count(*) FROM regesta.{table} WHERE namespace_id = %s AND generation <> %s"
)
