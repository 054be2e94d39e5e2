"""The working set of a fold over a whole log: rows in memory up to a bound.

Rows that were changed lately are at hand; those that were not are written to their tables
and fetched again when an event changes them. Most rows change soon after they were made
and never again, so most are written once.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from regesta_projections.evolve import UnknownStream, keys_of
from regesta_projections.forms import BINARY
from regesta_projections.history import HISTORY_TABLES
from regesta_projections.rows import Key, NameKey, NotLoaded, Row, Rows
from regesta_projections.statements import copy_lines, copy_rows, delete_rows, fetch_rows
from regesta_projections.tables import TABLES, TABLES_BY_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

    import psycopg

    from regesta_projections.history import Snapshot
    from regesta_projections.records import Recorded
    from regesta_projections.row_values import Values
    from regesta_projections.tables import Table

    Lines = Sequence[tuple[Table[Any], Sequence[Values]]]


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

    def write(self, rows: Mapping[Key, Row], replaced: set[Key], lines: Lines) -> None:
        """Wait until the rows before are committed, and begin to write these.

        Args:
            rows: What to write; nobody may change them until the next call has returned.
            replaced: Which of them take the place of rows that were written before.
            lines: Values of the history in the binary form, by their tables.
        """
        self.wait()
        self._writing = self._thread.submit(self._write, rows, replaced, lines)

    def wait(self) -> None:
        """Return when everything is committed; raise what went wrong."""
        if self._writing is not None:
            self._writing.result()

    def _write(self, rows: Mapping[Key, Row], replaced: set[Key], lines: Lines) -> None:
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
            for table, values in lines:
                copy_lines(self._conn, table, *self._place, values)


class ResidentRows(Rows):
    """Rows of a generation that is being written, those in memory that changed last.

    Unlike its base class it hands out the rows themselves rather than copies: a fold that
    fails is given up with its generation.

    Args:
        conn: A connection to fetch rows by that have left.
        namespace_id: Whose rows.
        generation: Which rows.
        writer: Where rows leave to.

    Attributes:
        written: Rows handed to the writer so far, each as often as it was.
        waiting: Snapshots that have not been handed to it yet.
    """

    __slots__ = (
        "_conn",
        "_free",
        "_leaving",
        "_lines",
        "_place",
        "_stored",
        "_writer",
        "waiting",
        "written",
    )

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        namespace_id: int,
        generation: int,
        writer: RowWriter,
    ) -> None:
        # Names that nobody has. The rows themselves are the base class's own, in the order
        # of their last change.
        self._free: dict[Key, Row | None] = {}
        super().__init__(self._free)
        self._leaving: dict[Key, Row] = {}
        # Which rows in memory have left before, so that their tables have them too.
        self._stored: set[Key] = set()
        self._conn = conn
        self._place = namespace_id, generation
        self._writer = writer
        self._lines: dict[type[Snapshot], list[Values]] = defaultdict(list)
        self.waiting = 0
        self.written = 0

    def __len__(self) -> int:
        """Return how many rows are in memory, but for those that are leaving."""
        return len(self._own)

    def edit(self, key: Key) -> Any:
        """Return a row to change; it is the youngest from now on.

        Raises:
            NotLoaded: It is not in memory.
        """
        row = self._own.pop(key, None)
        if row is None:
            raise NotLoaded(key)
        self._own[key] = row
        return row

    def fetch_for(self, events: Iterable[Recorded]) -> None:
        """Fetch what these events look at and is not in memory."""
        missing: dict[type[Key], set[Key]] = defaultdict(set)
        for event in events:
            # A stream's first event makes the row itself.
            for key in _looked_at(event)[event.revision == 1 :]:
                if key in self._own:
                    continue
                if (row := self._leaving.get(key)) is not None:
                    self._arrive([row.copy()])
                else:
                    missing[type(key)].add(key)
        for kind, keys in missing.items():
            self._arrive(fetch_rows(self._conn, TABLES_BY_KEY[kind], *self._place, list(keys)))
            if kind is NameKey:
                # Only of a name may it be asked whether anybody has it.
                self._free.update(dict.fromkeys(keys - self._own.keys()))

    def _arrive(self, rows: Iterable[Row]) -> None:
        """Take up rows that have left before."""
        for row in rows:
            self._own[row.key] = row
            self._stored.add(row.key)

    def keep(self, snapshot: Snapshot) -> None:
        """Have a snapshot written to the history."""
        self._lines[type(snapshot)].append(
            HISTORY_TABLES[type(snapshot)].values_in(snapshot, BINARY)
        )
        self.waiting += 1

    def leave(self, count: int) -> None:
        """Let the rows leave that have not changed for longest, and return meanwhile.

        All snapshots that wait leave with them.
        """
        own = self._own
        leaving = dict(islice(own.items(), count))
        for key in leaving:
            del own[key]
        # Few have left before: looking for those in `leaving` is cheaper than the reverse.
        replaced = {key for key in self._stored if key in leaving}
        lines = [(HISTORY_TABLES[kind], values) for kind, values in self._lines.items()]
        self._writer.write(leaving, replaced, lines)
        self._lines = defaultdict(list)
        self.waiting = 0
        self._stored -= replaced
        self._leaving = leaving
        self._free.clear()
        self.written += len(leaving)

    def flush(self) -> None:
        """Let all rows leave, and return when they have arrived."""
        self.leave(len(self))
        self._writer.wait()


def _looked_at(event: Recorded) -> list[Key]:
    """Return `keys_of` an event; the fold itself will say that it is misplaced."""
    try:
        return keys_of(event)
    except UnknownStream:
        return []
