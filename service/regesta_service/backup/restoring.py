"""A backup into an empty database: verified while it is loaded, then folded into rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import psycopg

from regesta.audit.checkpoints import Checkpoint
from regesta.audit.notes import InvalidNote, Note
from regesta.exporting.tiling import describe, read_checkpoint, read_records
from regesta.sealed import InvalidDisclosure, read_disclosure
from regesta_projections import rebuild, verification
from regesta_service.backup import folder as folders
from regesta_service.backup.folder import Head, Index, InvalidBackup, read_lines, read_tail
from regesta_service.backup.loading import copy_rows, load_log, require_empty

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from regesta.audit.policies import Policy
    from regesta_projections.verification import Report
    from regesta_service.backup.loading import Loaded

    Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done for one log."""

    namespace: str
    size: int
    #: How far its latest checkpoint reaches; 0 without one.
    signed: int
    #: What the check of everything came to after all of it was loaded and folded.
    report: Report


_ADOPT: Final = "UPDATE regesta.deployment SET origin = %s"


def restore(dsn: str, folder: Path, policy: Policy | None = None) -> list[Restored]:
    """Load a backup into an empty database, make its rows, and check everything.

    All logs are loaded in one transaction, so that a backup which does not hold together
    leaves the database empty. Rows are folded after it, generation by generation.

    Args:
        dsn: The service's role, on a database with this build's schema and no log.
        folder: The backup.
        policy: Whose signatures the checkpoint of each log must have.

    Raises:
        NotEmpty: The database has logs.
        InvalidBackup: A record, root, checkpoint or text is not as it must be; nothing was
            loaded.
        InvalidTiles: A bundle is missing or damaged; nothing was loaded.
        NotLoadable: A record is none; nothing was loaded.
    """
    index = Index.read(folder)
    signed: dict[str, int] = {}
    with psycopg.connect(dsn, prepare_threshold=None) as conn:
        require_empty(conn)
        conn.execute(_ADOPT, [index.origin])
        for name in index.namespaces:
            signed[name] = _Log(conn, folder / name, name, policy).load()
    done = []
    for name in index.namespaces:
        rebuild.rebuild(dsn, name, linger=0)
        report = verification.verify(dsn, name)
        done.append(Restored(name, report.position, signed[name], report))
    return done


_REQUESTS: Final = """
COPY regesta.requests (namespace_id, key, fingerprint, position, events, stream)
FROM STDIN (FORMAT BINARY)
"""
_REQUEST_TYPES: Final = ("int4", "uuid", "bytea", "int8", "int2", "text")
_TEXTS: Final = """
COPY regesta.disclosures (namespace_id, digest, position, field, person, salt, text)
FROM STDIN (FORMAT BINARY)
"""
_TEXT_TYPES: Final = ("int4", "text", "int8", "text", "text", "bytea", "text")
_NOTES: Final = """
COPY regesta.checkpoints (namespace_id, size, note, published_at) FROM STDIN (FORMAT BINARY)
"""
_NOTE_TYPES: Final = ("int4", "int8", "text", "timestamptz")
_ACTORS: Final = """
SELECT position, actor FROM regesta.events
WHERE namespace_id = %s AND position = ANY (%s) ORDER BY position
"""

#: Texts whose writers are looked up at once.
_CHUNK: Final = 200


class _Log:
    """One log of a backup."""

    def __init__(self, conn: Connection, folder: Path, name: str, policy: Policy | None) -> None:
        self._conn = conn
        self._folder = folder
        self._name = name
        self._policy = policy

    def load(self) -> int:
        """Load it, and return how far its latest checkpoint reaches."""
        said, head = describe(self._folder), Head.read(self._folder)
        if said is None or said.namespace != self._name:
            raise InvalidBackup(f"{self._folder} is no backup of {self._name}")
        notes = list(self._notes())
        loaded = load_log(
            self._conn,
            self._name,
            chain(read_records(self._folder, said.size), read_tail(self._folder)),
            size=head.size,
            # The rebuild makes the rows of the generation that was in use.
            generation=head.generation - 1,
            sizes=[said.size, *(checkpoint.size for checkpoint, _ in notes)],
        )
        self._check_roots(loaded, said.size, said.root, head)
        for checkpoint, _ in notes:
            self._check_note(checkpoint, loaded)
        signed = self._check_latest(loaded)
        place = loaded.namespace_id
        copy_rows(self._conn, _REQUESTS, _REQUEST_TYPES, self._requests(place))
        texts = list(self._texts(place))
        copy_rows(self._conn, _TEXTS, _TEXT_TYPES, iter(texts))
        rows = ((place, one.size, *note) for one, note in notes)
        copy_rows(self._conn, _NOTES, _NOTE_TYPES, rows)
        return signed

    def _check_roots(self, loaded: Loaded, size: int, root: str, head: Head) -> None:
        frontier = loaded.frontier
        if size and loaded.roots.get(size, b"").hex() != root:
            raise InvalidBackup(f"{self._name}: the first {size} records give another root")
        if frontier.size != head.size or frontier.root().hex() != head.root:
            raise InvalidBackup(
                f"{self._name}: {frontier.size} records do not give the root of the"
                f" {head.size} that were backed up"
            )

    def _check_note(self, checkpoint: Checkpoint, loaded: Loaded) -> None:
        if loaded.roots.get(checkpoint.size) != checkpoint.root:
            raise InvalidBackup(
                f"{self._name}: the records are not those of the checkpoint of"
                f" size {checkpoint.size}"
            )

    def _check_latest(self, loaded: Loaded) -> int:
        data = read_checkpoint(self._folder)
        if data is None:
            if self._policy is not None:
                raise InvalidBackup(f"{self._name}: nobody has signed this backup")
            return 0
        try:
            note = Note.parse(data)
            checkpoint = Checkpoint.parse(note.text)
        except InvalidNote as error:
            raise InvalidBackup(f"{self._name}: its checkpoint is none: {error}") from error
        self._check_note(checkpoint, loaded)
        if self._policy is not None:
            verdict = self._policy.judge(note)
            if verdict.problems:
                raise InvalidBackup(f"{self._name}: {'; '.join(verdict.problems)}")
        return checkpoint.size

    def _notes(self) -> Iterator[tuple[Checkpoint, tuple[str, datetime]]]:
        for line in self._lines(folders.CHECKPOINTS):
            try:
                checkpoint = Checkpoint.parse(Note.parse(line["note"]).text)
                yield checkpoint, (line["note"], datetime.fromisoformat(line["published_at"]))
            except (InvalidNote, KeyError, TypeError, ValueError) as error:
                raise InvalidBackup(f"{self._name}: a stored checkpoint is none") from error

    def _requests(self, place: int) -> Iterator[tuple[object, ...]]:
        for line in self._lines(folders.REQUESTS):
            try:
                yield (
                    place,
                    UUID(line["key"]),
                    bytes.fromhex(line["fingerprint"]),
                    line["position"],
                    line["events"],
                    line["stream"],
                )
            except (KeyError, TypeError, ValueError) as error:
                raise InvalidBackup(f"{self._name}: an answered request is none") from error

    def _texts(self, place: int) -> Iterator[tuple[object, ...]]:
        """Yield free texts; whose they are stands in the records."""
        waiting: list[tuple[int, str, str]] = []
        for line in chain(self._lines(folders.DISCLOSURES), (None,)):
            if line is not None:
                try:
                    waiting.append((line["position"], line["field"], line["disclosure"]))
                except KeyError as error:
                    raise InvalidBackup(f"{self._name}: a free text is none") from error
            if waiting and (line is None or len(waiting) == _CHUNK):
                yield from self._text_rows(place, waiting)
                waiting = []

    def _text_rows(
        self, place: int, texts: list[tuple[int, str, str]]
    ) -> Iterator[tuple[object, ...]]:
        positions = sorted({position for position, _, _ in texts})
        actors = dict(self._conn.execute(_ACTORS, [place, positions]).fetchall())
        for position, field, disclosure in texts:
            try:
                sealed = read_disclosure(disclosure)
            except InvalidDisclosure as error:
                raise InvalidBackup(f"{self._name}: the text at {position}: {error}") from error
            if position not in actors:
                raise InvalidBackup(f"{self._name}: a text is of position {position}")
            yield (
                place, sealed.digest, position, field, actors[position], sealed.salt, sealed.text,
            )  # fmt: skip

    def _lines(self, kind: str) -> Iterator[dict[str, Any]]:
        return read_lines(self._folder, kind)
