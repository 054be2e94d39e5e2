"""Checks the rows of the tables against those of a fold."""

from __future__ import annotations

from array import array
from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from regesta_projections.comparing import same, same_values
from regesta_projections.forms import OBJECTS
from regesta_projections.statements import count_rows, fetch_values, stream_keys
from regesta_projections.tables import TABLES, Table
from regesta_projections.verification.findings import Findings, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import msgspec
    import psycopg

    from regesta_projections.history import Snapshot
    from regesta_projections.row_values import Values
    from regesta_projections.rows import Row

    #: A row's key and its values.
    _Expected = tuple[msgspec.Struct, Values]

_BATCH: Final = 1_000

# Longest text that a finding repeats.
_SHOWN: Final = 80


class TableCheck:
    """Compares folded rows with the generation in use, in any order, and forgets them.

    Of each row that it saw it keeps eight bytes, by which rows that no event made are told
    from the others in the end.

    Attributes:
        compared: Rows compared so far.
    """

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        namespace_id: int,
        generation: int,
        findings: Findings,
        tables: Mapping[Any, Table[Any]] = MappingProxyType(TABLES),
    ) -> None:
        self.compared = 0
        self._conn = conn
        self._place = namespace_id, generation
        self._findings = findings
        self._tables = tables
        self._waiting: dict[type, list[_Expected]] = defaultdict(list)
        self._seen: dict[type, array[int]] = {kind: array("q") for kind in tables}

    def add(self, rows: Iterable[Row | Snapshot]) -> None:
        """Take up rows in their last state, or snapshots in their only one.

        Their values are read now; what becomes of them afterwards does not matter.
        """
        for row in rows:
            kind = type(row)
            waiting = self._waiting[kind]
            waiting.append((row.key, self._tables[kind].values_in(row, OBJECTS)))
            if len(waiting) >= _BATCH:
                self._compare(self._tables[kind], waiting)
                waiting.clear()

    def finish(self) -> None:
        """Compare what is left, and name the rows that no event made."""
        for kind, table in self._tables.items():
            self._compare(table, self._waiting[kind])
            if count_rows(self._conn, table, *self._place) > len(self._seen[kind]):
                self._name_extra(table, frozenset(self._seen[kind]))

    def _compare(self, table: Table[Any], rows: Sequence[_Expected]) -> None:
        if not rows:
            return
        length = table.key_length
        stored = {
            values[:length]: values
            for values in fetch_values(self._conn, table, *self._place, [key for key, _ in rows])
        }
        seen = self._seen[table.kind]
        for _, expected in rows:
            found = stored.get(expected[:length])
            self.compared += 1
            if found is None:
                self._findings.add(Kind.ROW_MISSING, _name(table, expected), "the log has made it")
                continue
            seen.append(hash(found[:length]))
            if not same_values(expected, found):
                self._name_differences(table, expected, found)

    def _name_differences(self, table: Table[Any], expected: Values, found: Values) -> None:
        different = [
            _difference(column.name, right, wrong)
            for column, right, wrong in zip(table.columns, expected, found, strict=True)
            if not same(right, wrong)
        ]
        if different:
            self._findings.add(Kind.ROW_DIFFERS, _name(table, expected), "; ".join(different))

    def _name_extra(self, table: Table[Any], seen: frozenset[int]) -> None:
        for key in stream_keys(self._conn, table, *self._place):
            if hash(key) not in seen:
                self._findings.add(Kind.ROW_EXTRA, _name(table, key), "no event has made it")


def _name(table: Table[Any], values: Values) -> str:
    key = "/".join(str(value) for value in values[: table.key_length])
    return f"{table.name} {key}".strip()


def _difference(column: str, expected: object, found: object) -> str:
    if all(_is_short(value) for value in (expected, found)):
        return f"{column} is {found!s}, and {expected!s} by the log"
    return f"{column} is another by the log"


def _is_short(value: object) -> bool:
    return not isinstance(value, bytes | dict | list) and len(str(value)) <= _SHOWN
