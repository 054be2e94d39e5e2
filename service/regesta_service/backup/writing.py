"""A backup, from the database itself: it verifies what it copies, and what it is later."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.rows import class_row

from regesta.audit.checkpoints import Checkpoint, log_origin
from regesta.audit.notes import Note
from regesta.audit.tiles import tile_path, tile_width
from regesta.disk import write_atomically
from regesta.exporting.tiling import HEAD_PATH, TAIL_PATH, Description, TileFolder, describe
from regesta.merkle import HASH_BYTES, TILE_WIDTH, Frontier, leaf_hash
from regesta.sealed import disclosure_of
from regesta_projections.archived import hash_of, is_archived
from regesta_projections.bodies import Archive
from regesta_projections.snapshot import snapshot
from regesta_service.backup import folder as folders
from regesta_service.backup.folder import Head, Index, InvalidBackup, write_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    Connection = psycopg.Connection[Any]

#: Rows read at once.
_CHUNK: Final = 2_000
#: Leaf hashes that go into the tree at once.
_BATCH: Final = 4_096


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What was done for one log."""

    namespace: str
    size: int
    #: Events since the backup before.
    added: int
    #: How far the latest checkpoint reaches; 0 without one.
    signed: int
    files_written: int


@dataclass(frozen=True, slots=True)
class _Stored:
    """A log's row in `regesta.logs`."""

    namespace_id: int
    name: str
    size: int
    frontier: bytes
    generation: int


_SETTINGS: Final = "SELECT set_config('TimeZone', 'UTC', true), set_config('jit', 'off', true)"
_ORIGIN: Final = "SELECT origin FROM regesta.deployment"
_LOGS: Final = """
SELECT namespace_id, name, size, frontier, generation FROM regesta.logs ORDER BY namespace_id
"""


def back_up(
    dsn: str, folder: Path, origin: str | None = None, *, archive: Path | None = None
) -> list[BackedUp]:
    """Bring a backup of all logs up to date, in one snapshot of the database.

    Reads only, and runs on a replica. Of records it reads what the backup lacks; free texts
    and checkpoints are compared whole, so that what was erased goes from the backup too.

    Args:
        dsn: A role that may read.
        folder: Where it is, or shall be.
        origin: The deployment's, if the configuration names one.
        archive: Another backup with the bodies that were archived, to begin a new one. One that
            has them goes on without.

    Raises:
        NotInArchive: That backup lacks one of them.
        InvalidBackup: The folder is of another deployment.
        InvalidTiles: What is stored does not give the root that was signed or that the log's
            head has, or does not extend the backup. What was damaged is for `verify` to say.
        FolderBusy: Another process writes it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with snapshot(dsn) as conn:
        conn.execute(_SETTINGS)
        found = conn.execute(_ORIGIN).fetchone()
        of = origin or (found[0] if found else "")
        with conn.cursor(row_factory=class_row(_Stored)) as cursor:
            logs = cursor.execute(_LOGS).fetchall()
        index = Index(of, tuple(log.name for log in logs))
        if (folder / folders.INDEX_PATH).exists():
            had = Index.read(folder)
            if had.origin != of or had.namespaces != index.namespaces[: len(had.namespaces)]:
                raise InvalidBackup(f"{folder} is a backup of {had.origin}, not of {of}")
        done = [_Log(conn, of, log, archive).back_up(folder / log.name) for log in logs]
    index.write(folder)
    return done


_RECORDS: Final = """
SELECT record FROM regesta.events
WHERE namespace_id = %s AND position > %s AND position <= %s ORDER BY position
"""
_TEXTS: Final = """
SELECT position, field, salt, text FROM regesta.disclosures
WHERE namespace_id = %s ORDER BY position, field
"""
_REQUESTS: Final = """
SELECT position, key, fingerprint, events, stream FROM regesta.requests
WHERE namespace_id = %s AND position > %s ORDER BY position, key
"""
_NOTES: Final = """
SELECT size, note, published_at FROM regesta.checkpoints WHERE namespace_id = %s ORDER BY size
"""
_LATEST: Final = """
SELECT note FROM regesta.checkpoints
WHERE namespace_id = %s AND size <= %s ORDER BY size DESC LIMIT 1
"""


class _Log:
    """One log in the snapshot."""

    def __init__(
        self, conn: Connection, origin: str, stored: _Stored, archive: Path | None
    ) -> None:
        self._conn = conn
        self._archive = archive
        self._bodies: Archive | None = None
        self._id = stored.namespace_id
        self._name = stored.name
        self._origin = log_origin(origin, stored.name)
        self._size = stored.size
        self._root = Frontier.decode(stored.size, stored.frontier).root()
        self._generation = stored.generation

    def back_up(self, folder: Path) -> BackedUp:
        with TileFolder(folder) as tiles:
            had = describe(folder)
            old = had.size if had else 0
            before = Head.read(folder).size if (folder / HEAD_PATH).exists() else 0
            note = self._latest_note()
            wanted = self._wanted(old, note)
            signed = Checkpoint.parse(Note.parse(note).text).size if note else 0
            covering = note.encode() if note and wanted.size == signed else None
            written = tiles.extend(wanted, self._records(old, wanted.size), covering)
            self._write_tail(folder, wanted.size)
            # A request that changed nothing stands at the position it was decided at, which
            # may be the last one that the backup before had.
            first = max(before - 1, 0) // TILE_WIDTH
            written += write_lines(folder, folders.DISCLOSURES, self._texts())
            written += write_lines(folder, folders.REQUESTS, self._requests(first), first)
            written += write_lines(folder, folders.CHECKPOINTS, self._notes())
            Head(self._size, self._root.hex(), self._generation).write(folder)
        return BackedUp(self._name, self._size, self._size - before, signed, written)

    def _wanted(self, old: int, note: str | None) -> Description:
        """Return the log as it was signed last; without a checkpoint, as it is."""
        if note is None and not old:
            return Description(self._name, self._origin, self._size, self._root.hex())
        checkpoint = Checkpoint.parse(Note.parse(note).text) if note else None
        if checkpoint is not None and checkpoint.size >= old:
            root = checkpoint.root.hex()
            return Description(self._name, checkpoint.origin, checkpoint.size, root)
        # The tiles reach beyond what is signed, as nobody had signed when they were written.
        return Description(self._name, self._origin, old, self._root_at(old).hex())

    def _root_at(self, size: int) -> bytes:
        hashes = (hash_of(row[0]) for row in self._rows(_RECORDS, self._id, 0, size))
        return _grown(hashes, Frontier()).root()

    def _write_tail(self, folder: Path, after: int) -> None:
        """Write the records after the tiles, having compared the root over everything."""
        tail = list(self._records(after, self._size))
        frontier = _grown(self._hashes_of_tiles(folder, after), Frontier())
        root = _root_over(tail, frontier)
        if frontier.size != self._size or root != self._root:
            raise InvalidBackup(
                f"the records of {self._name} do not give the root in the log's head:"
                " `regesta-server verify` says what is wrong"
            )
        data = b"".join(record + b"\n" for record in tail)
        path = folder / TAIL_PATH
        if tail:
            write_atomically(path, data)
        else:
            path.unlink(missing_ok=True)

    def _hashes_of_tiles(self, folder: Path, size: int) -> Iterator[bytes]:
        """Yield the leaf hashes in the tiles just written."""
        for index in range(-(-size // TILE_WIDTH)):
            data = (folder / tile_path(0, index, tile_width(0, index, size))).read_bytes()
            yield from (data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))

    def _latest_note(self) -> str | None:
        row = self._conn.execute(_LATEST, [self._id, self._size]).fetchone()
        return row[0] if row else None

    def _records(self, after: int, until: int) -> Iterator[bytes]:
        rows = self._rows(_RECORDS, self._id, after, until)
        for position, (record,) in enumerate(rows, after + 1):
            yield self._with_body(record, position) if is_archived(record) else record

    def _with_body(self, record: bytes, position: int) -> bytes:
        if self._archive is None:
            raise InvalidBackup(
                f"the body of the event at {position} of {self._name} is archived: go on with the"
                " backup that has it, or begin this one with --from-archive FOLDER"
            )
        if self._bodies is None:
            self._bodies = Archive(self._archive, self._name)
        return self._bodies.body(position, hash_of(record))

    def _texts(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for position, field, salt, text in self._rows(_TEXTS, self._id):
            disclosure = disclosure_of(salt, text)
            yield position, {"position": position, "field": field, "disclosure": disclosure}

    def _requests(self, first: int) -> Iterator[tuple[int, dict[str, Any]]]:
        rows = self._rows(_REQUESTS, self._id, first * TILE_WIDTH)
        for position, key, fingerprint, events, stream in rows:
            yield (
                position,
                {
                    "position": position,
                    "key": str(key),
                    "fingerprint": fingerprint.hex(),
                    "events": events,
                    "stream": stream,
                },
            )

    def _notes(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for size, note, at in self._rows(_NOTES, self._id):
            yield size, {"size": size, "note": note, "published_at": at.isoformat()}

    def _rows(self, query: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
        """Yield what a query finds, by a cursor of the server."""
        with self._conn.cursor("backup", binary=True) as cursor:
            cursor.execute(query.encode(), list(parameters))
            while rows := cursor.fetchmany(_CHUNK):
                yield from rows


def _root_over(records: Iterable[bytes], frontier: Frontier) -> bytes:
    return _grown(map(leaf_hash, records), frontier).root()


def _grown(hashes: Iterable[bytes], frontier: Frontier) -> Frontier:
    """Add hashes to a frontier, many at once, and return it."""
    batch: list[bytes] = []
    for one in chain(hashes, (None,)):
        if one is not None:
            batch.append(one)
        if one is None or len(batch) == _BATCH:
            frontier.extend(batch)
            batch.clear()
    return frontier
