"""Checks the rows of the tables against those of a fold."""

from __future__ import annotations

from array import array
from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from regesta_projections.comparing import same, same_values
from regesta_projections.forms import OBJECTS
from regesta_projections.history import HISTORY_TABLES
from regesta_projections.rows import (
    AliasKey,
    LogKey,
    ModelKey,
    NamespaceKey,
    PrivacyKey,
    ResourceKey,
    VersionKey,
)
from regesta_projections.statements import count_rows, fetch_values, stream_keys
from regesta_projections.tables import TABLES, Table, key_values
from regesta_projections.verification.findings import Findings, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import msgspec
    import psycopg

    from regesta_projections.history import Snapshot
    from regesta_projections.row_values import Values
    from regesta_projections.rows import Row, StreamKey

    #: A row's key and its values.
    _Expected = tuple[msgspec.Struct, Values]

_BATCH: Final = 1_000

# Longest text that a finding repeats.
_SHOWN: Final = 80

# Whose row, or history, a table has; keys of the history end in a position.
_STREAM_KEYS: Final[dict[str, type]] = {
    "models": ModelKey,
    "versions": VersionKey,
    "aliases": AliasKey,
    "namespaces": NamespaceKey,
    "log_status": LogKey,
    "privacy_status": PrivacyKey,
    "resources": ResourceKey,
    "model_history": ModelKey,
    "version_history": VersionKey,
    "alias_history": AliasKey,
}
_HISTORY_NAMES: Final = frozenset(table.name for table in HISTORY_TABLES.values())


class TableCheck:
    """Compares folded rows with the generation in use, in any order, and forgets them.

    Of each row that it saw it keeps eight bytes, by which rows that no event made are told
    from the others in the end.

    Attributes:
        compared: Rows compared so far.
        excused: Rows of which nothing is known, as bodies of their streams are not at hand.
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
        self.excused = 0
        self._bodiless = array("q")
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

    def excuse(self, key: StreamKey) -> None:
        """Take the rows of a stream for what they are."""
        self._bodiless.append(_mark(type(key), key_values(key)))

    def finish(self) -> None:
        """Compare what is left, and name the rows that no event made."""
        bodiless = frozenset(self._bodiless)
        for kind, table in self._tables.items():
            self._compare(table, self._waiting[kind])
            if count_rows(self._conn, table, *self._place) > len(self._seen[kind]):
                self._name_extra(table, frozenset(self._seen[kind]), bodiless)

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

    def _name_extra(
        self, table: Table[Any], seen: frozenset[int], bodiless: frozenset[int]
    ) -> None:
        for key in stream_keys(self._conn, table, *self._place):
            if hash(key) in seen:
                continue
            if bodiless and _is_of(table, key, bodiless):
                self.excused += 1
            else:
                self._findings.add(Kind.ROW_EXTRA, _name(table, key), "no event has made it")


def _mark(kind: type, values: Values) -> int:
    """Return what a stream is known by among those without bodies."""
    return hash((kind.__name__, *values))


def _is_of(table: Table[Any], key: Values, bodiless: frozenset[int]) -> bool:
    """Say whether a row may be of a stream of which a body is not at hand."""
    kind = _STREAM_KEYS.get(table.name)
    if kind is None:
        # Names and labels: a label begins with its model, a name does not tell whose it is.
        return table.key_length == 1 or _mark(ModelKey, key[:1]) in bodiless
    values = key[:-1] if table.name in _HISTORY_NAMES else key
    return _mark(kind, values) in bodiless


def _name(table: Table[Any], values: Values) -> str:
    key = "/".join(str(value) for value in values[: table.key_length])
    return f"{table.name} {key}".strip()


def _difference(column: str, expected: object, found: object) -> str:
    if all(_is_short(value) for value in (expected, found)):
        return f"{column} is {found!s}, and {expected!s} by the log"
    return f"{column} is another by the log"


def _is_short(value: object) -> bool:
    return not isinstance(value, bytes | dict | list) and len(str(value)) <= _SHOWN
