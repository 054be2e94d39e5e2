"""Rows that a writer keeps between batches, valid while the log is where it left it."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from regesta_projections.evolve.streams import below, key_of
from regesta_projections.rows import (
    AliasKey,
    Key,
    LabelKey,
    ModelKey,
    ModelRow,
    NameKey,
    NameRow,
    Row,
    VersionKey,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from regesta_service.domain.deciding import Wanted

_UNKNOWN: Final = object()


class RowCache:
    """Rows by their keys, and keys known to have none; the longest unused go first.

    It holds the state at one position of the log. Whoever finds the log elsewhere calls
    `forget` with the streams that have changed since.

    Args:
        limit: Most keys to keep.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rows: OrderedDict[Key, Row | None] = OrderedDict()
        # Names and labels that nobody has: any stream can take them.
        self._free: set[Key] = set()

    def __len__(self) -> int:
        return len(self._rows)

    def gather(self, wanted: Wanted, base: dict[Key, Row | None]) -> bool:
        """Put the wanted rows into a batch's base; say whether all of them are known."""
        # Who entered a stage last does not show in rows that happen to be known.
        known = not wanted.stages
        for key in wanted.keys:
            known &= self._take(key, base) is not _UNKNOWN
        if not wanted.name:
            return known
        named = self._take(NameKey(wanted.name.lower()), base)
        if named is None:
            return known
        if not isinstance(named, NameRow):
            return False
        return self._gather_model(named.model, wanted, base) and known

    def _gather_model(self, model: str, wanted: Wanted, base: dict[Key, Row | None]) -> bool:
        row = self._take(ModelKey(model), base)
        if not isinstance(row, ModelRow):
            return False
        known = True
        for number in wanted.versions:
            key = VersionKey(model, number)
            if number > row.last_version:
                # Numbers are given out without gaps, so this one is free.
                base.setdefault(key, None)
            elif self._take(key, base) is _UNKNOWN:
                known = False
        for alias in wanted.aliases:
            known &= self._take(AliasKey(model, alias), base) is not _UNKNOWN
        for label in wanted.labels:
            known &= self._take(LabelKey(model, label), base) is not _UNKNOWN
        for stream in wanted.below:
            known &= self._take(below(model, stream), base) is not _UNKNOWN
        return known

    def found(self, wanted: Iterable[Wanted], rows: Iterable[Row]) -> None:
        """Take in what the database has of the wanted rows; the rest does not exist.

        None of them goes before the next `put`, however many they are.
        """
        self._add(rows)
        for want in wanted:
            for key in want.keys:
                self._put_absent(key)
            if not want.name:
                continue
            name_key = NameKey(want.name.lower())
            named = self._rows.get(name_key)
            if not isinstance(named, NameRow):
                self._put_absent(name_key)
                continue
            for alias in want.aliases:
                self._put_absent(AliasKey(named.model, alias))
            for label in want.labels:
                self._put_absent(LabelKey(named.model, label))
            for stream in want.below:
                self._put_absent(below(named.model, stream))

    def put(self, rows: Iterable[Row]) -> None:
        """Take in rows as they are now; nobody may change them afterwards."""
        self._add(rows)
        while len(self._rows) > self._limit:
            key, _ = self._rows.popitem(last=False)
            self._free.discard(key)

    def forget(self, streams: Iterable[str] | None) -> None:
        """Drop what events of these streams can have changed; None drops everything."""
        if streams is None:
            self._rows.clear()
            self._free.clear()
            return
        changed = False
        for stream in streams:
            changed = True
            key = key_of(stream)
            self._rows.pop(key, None)
            if isinstance(key, VersionKey):
                # Registering it gave out a number.
                self._rows.pop(ModelKey(key.model), None)
        if changed:
            # A name or label that somebody has stays theirs; one that was free may be taken.
            for free in self._free:
                self._rows.pop(free, None)
            self._free.clear()

    def _take(self, key: Key, base: dict[Key, Row | None]) -> object:
        """Return a row, None or `_UNKNOWN`, and put what is known into the base."""
        row = base.get(key, _UNKNOWN)
        if row is _UNKNOWN:
            known = self._rows.get(key, _UNKNOWN)
            if known is _UNKNOWN:
                return _UNKNOWN
            self._rows.move_to_end(key)
            row = base[key] = self._rows[key]
        return row

    def _add(self, rows: Iterable[Row]) -> None:
        own = self._rows
        for row in rows:
            key = row.key
            own[key] = row
            own.move_to_end(key)
            self._free.discard(key)

    def _put_absent(self, key: Key) -> None:
        if key not in self._rows:
            self._rows[key] = None
            if isinstance(key, NameKey | LabelKey):
                self._free.add(key)
