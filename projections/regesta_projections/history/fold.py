"""A fold that keeps what each event made, over the last snapshots of the rows it changes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from regesta.v1 import model_pb2 as model_pb
from regesta_projections.evolve import evolve
from regesta_projections.evolve.streams import key_of
from regesta_projections.history.snapshots import KINDS, snapshot_of
from regesta_projections.rows import ModelKey, ModelRow, NotLoaded, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from regesta_projections.history.snapshots import Snapshot
    from regesta_projections.records import Recorded
    from regesta_projections.rows import Key, Row

#: Rows kept in memory between two pieces of the log, about 2 kB each.
_RESIDENT = 5_000


class HistoryFold:
    """Folds a log onwards from where its history ends.

    What it must know of a row is the row's last snapshot. Names and labels have no history
    of their own, and of a model a version's registration changes only what has none.
    """

    def __init__(self) -> None:
        self._rows = _Resources()

    def missing(self, events: Iterable[Recorded]) -> set[Key]:
        """Return the rows whose last snapshots have to be loaded before these events."""
        wanted: set[Key] = set()
        seen: set[Key] = set()
        for event in events:
            key = key_of(event.stream)
            if isinstance(key, KINDS) and key not in seen:
                seen.add(key)
                if event.revision > 1 and not self._rows.has(key):
                    wanted.add(key)
        return wanted

    def load(self, snapshots: Iterable[Snapshot]) -> None:
        """Take up the last snapshots of rows."""
        for snapshot in snapshots:
            self._rows.put(snapshot.row)

    def fold(self, event: Recorded, effective_at: datetime) -> Snapshot | None:
        """Apply the next event.

        Args:
            event: The event.
            effective_at: Its effective time.

        Returns:
            What it made of its row, to be read before the next event; None when rows of
            this kind have no history.

        Raises:
            NotLoaded: The row's last snapshot was not loaded.
            UnknownStream: The event cannot happen to its stream.
        """
        key = key_of(event.stream)
        if not isinstance(key, KINDS):
            return None
        if event.revision > 1 and not self._rows.has(key):
            raise NotLoaded(key)
        evolve(self._rows, event)
        return snapshot_of(self._rows.newest(key), event, effective_at)

    def trim(self) -> None:
        """Forget rows that have not changed for long."""
        self._rows.trim(_RESIDENT)


class _Resources(Rows):
    """Rows that have a history, handed out themselves; the others are let go."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        super().__init__()
        self._kept: OrderedDict[Key, Row] = OrderedDict()

    def has(self, key: Key) -> bool:
        return key in self._kept

    def put(self, row: Row) -> None:
        self._kept[row.key] = row

    def newest(self, key: Key) -> Row:
        self._kept.move_to_end(key)
        return self._kept[key]

    def trim(self, size: int) -> None:
        while len(self._kept) > size:
            self._kept.popitem(last=False)

    def get(self, key: Key) -> Any:
        return self._kept.get(key)

    def edit(self, key: Key) -> Any:
        row = self._kept.get(key)
        if row is not None:
            return row
        if isinstance(key, ModelKey):
            # Only a version's registration asks for it here, to note the last number.
            return ModelRow(key.model, model_pb.Model())
        raise NotLoaded(key)

    def add(self, row: Row) -> None:
        if isinstance(row.key, KINDS):
            self._kept[row.key] = row
