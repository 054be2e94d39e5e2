"""The working set of a fold over a whole log: rows in memory up to a bound.

Rows that were changed lately are at hand; those that were not are written to their tables
and fetched again when an event changes them. Most rows change soon after they were made
and never again, so most are written once.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

from regesta_projections.evolve import UnknownStream, keys_of
from regesta_projections.rows import Key, NameKey, NotLoaded, Row, Rows
from regesta_projections.statements import copy_rows, delete_rows, fetch_rows
from regesta_projections.tables import TABLES, TABLES_BY_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    import psycopg

    from regesta_projections.records import Recorded


class RowWriter:
    """Writes rows of one generation in a thread of its own, while the fold goes on.

    Args:
        conn: A connection in autocommit that nobody else uses meanwhile.
    """

    def __init__(self, conn: psycopg.Connection[Any], namespace_id: int, generation: int) -> None:
        self._conn = conn
        self._place = namespace_id, generation
        self._thread = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown()

    def write(self, rows: Mapping[Key, Row], replaced: set[Key]) -> None:
        """Wait until the rows before are committed, and begin to write these.

        Args:
            rows: What to write; nobody may change them until the next call has returned.
            replaced: Which of them take the place of rows that were written before.
        """
        self.wait()
        self._writing = self._thread.submit(self._write, rows, replaced)

    def wait(self) -> None:
        """Return when everything is committed; raise what went wrong."""
        if self._writing is not None:
            self._writing.result()

    def _write(self, rows: Mapping[Key, Row], replaced: set[Key]) -> None:
        new: dict[type[Row], list[Row]] = defaultdict(list)
        for row in rows.values():
            new[type(row)].append(row)
        old: dict[type[Key], list[Key]] = defaultdict(list)
        for key in replaced:
            old[type(key)].append(key)
        with self._conn.transaction():
            for key_kind, keys in old.items():
                delete_rows(self._conn, TABLES_BY_KEY[key_kind], *self._place, keys)
            for kind, group in new.items():
                copy_rows(self._conn, TABLES[kind], *self._place, group)


class ResidentRows(Rows):
    """Rows of a generation that is being written, the youngest in memory.

    A row that is changed becomes young; `age` makes the young old and lets the old leave
    for their tables. Unlike its base class it hands out the rows themselves rather than
    copies: a fold that fails is given up with its generation.

    Args:
        conn: A connection to fetch rows by that have left.
        namespace_id: Whose rows.
        generation: Which rows.
        writer: Where rows leave to.

    Attributes:
        written: Rows handed to the writer so far, each as often as it was.
    """

    __slots__ = ("_clean", "_conn", "_leaving", "_old", "_place", "_stored", "_writer", "written")

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        namespace_id: int,
        generation: int,
        writer: RowWriter,
    ) -> None:
        self._old: dict[Key, Row | None] = {}
        super().__init__(self._old)
        self._leaving: dict[Key, Row] = {}
        # Of the young and old: those that their tables have too, and those that they have
        # as they are.
        self._stored: set[Key] = set()
        self._clean: set[Key] = set()
        self._conn = conn
        self._place = namespace_id, generation
        self._writer = writer
        self.written = 0

    @property
    def young(self) -> int:
        """How many rows are young."""
        return len(self._own)

    def _take(self, key: Key) -> Row:
        row = self._old.pop(key, None)
        if row is None:
            raise NotLoaded(key)
        self._clean.discard(key)
        return row

    def fetch_for(self, events: Iterable[Recorded]) -> None:
        """Fetch what these events look at and is neither young nor old."""
        missing: dict[type[Key], set[Key]] = defaultdict(set)
        for event in events:
            # A stream's first event makes the row itself.
            for key in _looked_at(event)[event.revision == 1 :]:
                if key in self._own or key in self._old:
                    continue
                if (row := self._leaving.get(key)) is not None:
                    self._arrive([row.copy()])
                else:
                    missing[type(key)].add(key)
        for kind, keys in missing.items():
            self._arrive(fetch_rows(self._conn, TABLES_BY_KEY[kind], *self._place, list(keys)))
            if kind is NameKey:
                # Only of a name may it be asked whether anybody has it.
                self._old.update(dict.fromkeys(keys - self._old.keys()))

    def _arrive(self, rows: Iterable[Row]) -> None:
        """Take up rows that have left before."""
        found = {row.key: row for row in rows}
        self._old.update(found)
        self._stored.update(found)
        self._clean.update(found)

    def age(self) -> None:
        """Let the old rows leave; the young are the old ones from now on."""
        leaving = {key: row for key, row in self._old.items() if row and key not in self._clean}
        self._writer.write(leaving, self._stored.intersection(leaving))
        self.written += len(leaving)
        self._leaving = leaving
        self._stored.difference_update(self._old)
        self._clean.clear()
        self._old.clear()
        self._old.update(self._own)
        self._own.clear()

    def flush(self) -> None:
        """Let all rows leave, and return when they have arrived."""
        self.age()
        self.age()
        self._writer.wait()


def _looked_at(event: Recorded) -> list[Key]:
    """Return `keys_of` an event; the fold itself will say that it is misplaced."""
    try:
        return keys_of(event)
    except UnknownStream:
        return []
