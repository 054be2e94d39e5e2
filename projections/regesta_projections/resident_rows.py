"""The working set of a fold over a whole log: rows in memory up to a bound.

Rows that were changed lately are at hand; those that were not are written to their tables
and fetched again when an event changes them. Most rows change soon after they were made
and never again, so most are written once.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from regesta_projections.evolve import UnknownStream, keys_of
from regesta_projections.rows import Key, NameKey, NotLoaded, Row, Rows
from regesta_projections.statements import copy_rows, delete_rows, fetch_rows
from regesta_projections.tables import TABLES, TABLES_BY_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from regesta_projections.records import Recorded


class ResidentRows(Rows):
    """Rows of a generation that is being written, the youngest in memory.

    Rows have two ages. A row that is changed becomes young; `age` makes the young old, and
    writes and forgets what was old already. Unlike its base class it hands out the rows
    themselves rather than copies: a fold that fails is given up with its generation.
    """

    __slots__ = ("_clean", "_conn", "_generation", "_namespace_id", "_old", "_stored", "written")

    def __init__(self, conn: psycopg.Connection[Any], namespace_id: int, generation: int) -> None:
        self._old: dict[Key, Row | None] = {}
        super().__init__(self._old)
        self._conn = conn
        self._namespace_id = namespace_id
        self._generation = generation
        # Resident rows that their tables have too, and those of them that are the same there.
        self._stored: set[Key] = set()
        self._clean: set[Key] = set()
        #: Rows written so far, each as often as it was.
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
        """Fetch what these events look at and is not in memory."""
        missing: dict[type[Key], set[Key]] = defaultdict(set)
        for event in events:
            # A stream's first event makes the row itself.
            for key in _looked_at(event)[event.revision == 1 :]:
                if key not in self._own and key not in self._old:
                    missing[type(key)].add(key)
        for kind, keys in missing.items():
            found = fetch_rows(
                self._conn, TABLES_BY_KEY[kind], self._namespace_id, self._generation, list(keys)
            )
            self._old.update((row.key, row) for row in found)
            self._stored.update(row.key for row in found)
            self._clean.update(row.key for row in found)
            if kind is NameKey:
                # Only of a name may it be asked whether anybody has it.
                self._old.update((key, None) for key in keys if key not in self._old)

    def age(self) -> None:
        """Write and forget the old rows; the young are the old ones from now on."""
        self._write(row for key, row in self._old.items() if row and key not in self._clean)
        self._stored.difference_update(self._old)
        self._clean.clear()
        self._old.clear()
        self._old.update(self._own)
        self._own.clear()

    def flush(self) -> None:
        """Write every row that its table does not have as it is; all stay in memory."""
        dirty = [row for key, row in self._old.items() if row and key not in self._clean]
        dirty += self._own.values()
        self._write(dirty)
        self._old.update(self._own)
        self._own.clear()
        self._stored.update(row.key for row in dirty)
        self._clean.update(row.key for row in dirty)

    def _write(self, rows: Iterable[Row]) -> None:
        """Write rows, replacing those that their tables have."""
        by_kind: dict[type[Row], list[Row]] = defaultdict(list)
        for row in rows:
            by_kind[type(row)].append(row)
        place = self._namespace_id, self._generation
        with self._conn.transaction():
            for kind, group in by_kind.items():
                replaced: Sequence[Key] = [row.key for row in group if row.key in self._stored]
                if replaced:
                    delete_rows(self._conn, TABLES[kind], *place, replaced)
                copy_rows(self._conn, TABLES[kind], *place, group)
                self.written += len(group)


def _looked_at(event: Recorded) -> list[Key]:
    """Return `keys_of` an event; the fold itself will say that it is misplaced."""
    try:
        return keys_of(event)
    except UnknownStream:
        return []
