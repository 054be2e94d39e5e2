"""Any export of a log, folded into a scratch database, and its rows beside the original's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

from regesta.audit import packs
from regesta.audit.packs import InvalidPack, open_pack
from regesta.exporting.tiling import describe, read_records
from regesta.merkle import leaf_hash
from regesta_projections import rebuild
from regesta_projections.archived import is_archived
from regesta_projections.comparing import same, same_values
from regesta_projections.snapshot import snapshot
from regesta_projections.statements import JsonObject
from regesta_projections.tables import TABLES
from regesta_service.backup import folder as folders
from regesta_service.backup.folder import Index, InvalidBackup, read_tail
from regesta_service.backup.loading import load_log, require_empty

if TYPE_CHECKING:
    from regesta_projections.row_values import Values
    from regesta_projections.tables import Table

    Connection = psycopg.Connection[Any]

#: Rows read at once.
_CHUNK: Final = 1_000
#: Differences that are named; all are counted.
MAX_NAMED: Final = 1_000


@dataclass(slots=True)
class Replayed:
    """What a replay came to.

    Attributes:
        exported: Records in the export.
        followed: Events that the original had after those, which were folded as well.
        rows: Rows compared; 0 if there was no original.
        differences: What differs, in words, the first 1,000.
        differences_total: How much differs.
    """

    exported: int = 0
    followed: int = 0
    rows: int = 0
    differences: list[str] = field(default_factory=list)
    differences_total: int = 0

    def differs(self, said: str) -> None:
        """Take up a difference."""
        self.differences_total += 1
        if len(self.differences) < MAX_NAMED:
            self.differences.append(said)


@contextmanager
def records_in(path: Path, namespace: str) -> Iterator[Iterator[bytes]]:
    """Give the records of an export, whatever it is.

    Args:
        path: JSON lines as `regesta replay` writes them, a pack of a whole log, a folder of
            tiles, or a backup.
        namespace: Which log of a backup.

    Raises:
        InvalidBackup: It is none of these, or has only a part of a log.
    """
    if (path / folders.INDEX_PATH).is_file():
        if namespace not in Index.read(path).namespaces:
            raise InvalidBackup(f"{path} has no log of {namespace}")
        path = path / namespace
    if path.is_dir() and (said := describe(path)) is not None:
        yield chain(read_records(path, said.size), read_tail(path))
        return
    if path.is_dir() or path.suffix == ".zip":
        try:
            with open_pack(path) as pack:
                if pack.manifest.kind != "log":
                    raise InvalidBackup(f"{path} has only some events of a log")
                yield pack.lines(packs.EVENTS)
        except InvalidPack as error:
            raise InvalidBackup(str(error)) from error
        return
    with path.open("rb") as file:
        yield (line.removesuffix(b"\n") for line in file)


def replay(
    records: Iterator[bytes], namespace: str, scratch_dsn: str, original_dsn: str | None = None
) -> Replayed:
    """Fold records into the rows of an empty database, and compare them with the original's.

    What the original has beyond the export is taken from it, so that an export of yesterday
    can be compared with the rows of today. It is read in one snapshot, and not written to.

    Args:
        records: All records of the log, from the first.
        namespace: Name of the log.
        scratch_dsn: The service's role on a database with this build's schema and no log.
        original_dsn: The database that the export is from; None compares nothing.

    Raises:
        NotEmpty: The scratch database has logs.
        InvalidBackup: The export lacks bodies that are archived.
        NotLoadable: A record is none.
        NamespaceUnknown: The original has no such namespace.
        LogNotFoldable: The export cannot be folded.
    """
    result = Replayed()
    if original_dsn is None:
        _fold(scratch_dsn, namespace, _counted(records, result))
        return result
    with snapshot(original_dsn) as conn:
        original = _Original(conn, namespace)
        _fold(scratch_dsn, namespace, original.followed(_counted(records, result), result))
        with psycopg.connect(scratch_dsn, prepare_threshold=None) as scratch:
            for table in TABLES.values():
                _compare(table, scratch, original, result)
    return result


def _counted(records: Iterator[bytes], result: Replayed) -> Iterator[bytes]:
    for record in records:
        result.exported += 1
        yield record


def _fold(dsn: str, namespace: str, records: Iterator[bytes]) -> None:
    with psycopg.connect(dsn, prepare_threshold=None) as conn:
        require_empty(conn)
        load_log(conn, namespace, records, size=1)
    rebuild.rebuild(dsn, namespace, linger=0)


_LOG: Final = "SELECT namespace_id, generation, size FROM regesta.logs WHERE name = %s"
_HASHES: Final = b"""
SELECT position, leaf_hash FROM regesta.events WHERE namespace_id = %s ORDER BY position
"""
_REST: Final = b"""
SELECT record FROM regesta.events WHERE namespace_id = %s AND position > %s ORDER BY position
"""


class _Original:
    """The log that an export is from, in one snapshot."""

    def __init__(self, conn: Connection, namespace: str) -> None:
        self.conn = conn
        row = conn.execute(_LOG, [namespace]).fetchone()
        if row is None:
            raise rebuild.NamespaceUnknown(f"there is no namespace {namespace}")
        self.namespace_id, self.generation, self.size = row

    def followed(self, exported: Iterator[bytes], result: Replayed) -> Iterator[bytes]:
        """Yield exported records, having compared their hashes, and then those after them."""
        hashes = self._rows("hashes", _HASHES, self.namespace_id)
        position = 0
        for position, record in enumerate(exported, 1):
            _, stored = next(hashes, (0, None))
            if stored is None:
                result.differs(f"position {position} is in the export only")
            elif stored != leaf_hash(record):
                result.differs(f"position {position} holds another record than the export")
            yield record
        for (record,) in self._rows("rest", _REST, self.namespace_id, position):
            if is_archived(record):
                raise InvalidBackup(
                    f"the export ends at {position}, and bodies after it are archived: replay the"
                    " backup that has them"
                )
            result.followed += 1
            yield record

    def _rows(self, name: str, query: bytes, *parameters: int) -> Iterator[tuple[Any, ...]]:
        with self.conn.cursor(name, binary=True) as cursor:
            cursor.execute(query, parameters)
            while rows := cursor.fetchmany(_CHUNK):
                yield from rows


def _compare(table: Table[Any], scratch: Connection, original: _Original, result: Replayed) -> None:
    """Go through a table of both databases side by side, in the order of its key."""
    row = scratch.execute("SELECT namespace_id, generation FROM regesta.logs").fetchone()
    if row is None:
        raise AssertionError("the scratch database has the log that was loaded")
    ours = _values(scratch, table, *row)
    theirs = _values(original.conn, table, original.namespace_id, original.generation)
    length = table.key_length
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        result.rows += 1
        if other is None or (one is not None and one[:length] < other[:length]):
            assert one is not None  # noqa: S101 - one of both is there
            result.differs(f"{_name(table, one)} is missing in the original")
            one = next(ours, None)
        elif one is None or other[:length] < one[:length]:
            result.differs(f"{_name(table, other)} is in the original, and no event made it")
            other = next(theirs, None)
        else:
            if not same_values(one, other):
                columns = zip(table.columns, one, other, strict=True)
                names = [column.name for column, left, right in columns if not same(left, right)]
                result.differs(f"{_name(table, one)} differs in {', '.join(names)}")
            one, other = next(ours, None), next(theirs, None)


_ROWS: Final = sql.SQL("""
SELECT {columns} FROM regesta.{table}
WHERE namespace_id = %s AND generation = %s {order}
""")


def _values(
    conn: Connection, table: Table[Any], namespace_id: int, generation: int
) -> Iterator[Values]:
    """Yield the rows of a table by key; texts are sorted by code point there and here."""
    keys = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.key_columns)
    query = _ROWS.format(
        columns=sql.SQL(", ").join(map(sql.Identifier, table.column_names)),
        table=sql.Identifier(table.name),
        order=sql.SQL("ORDER BY {}").format(keys) if table.key_length else sql.SQL(""),
    )
    with conn.cursor(f"rows_{table.name}", binary=True) as cursor:
        cursor.adapters.register_loader("jsonb", JsonObject)
        cursor.execute(query, [namespace_id, generation])
        while rows := cursor.fetchmany(_CHUNK):
            yield from rows


def _name(table: Table[Any], values: Values) -> str:
    key = "/".join(str(value) for value in values[: table.key_length])
    return f"{table.name} {key}".strip()
