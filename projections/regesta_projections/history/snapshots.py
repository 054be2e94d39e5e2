"""Snapshots: a row as one event left it, and from when on."""

from __future__ import annotations

from datetime import datetime
from typing import Final, TypeAlias

import msgspec

from regesta_projections import events as e
from regesta_projections.records import Recorded
from regesta_projections.rows import (
    AliasKey,
    AliasRow,
    Key,
    ModelKey,
    ModelRow,
    Row,
    VersionKey,
    VersionRow,
)

_RETAGGING: Final = (e.TagsSet, e.TagsRemoved, e.ModelCreated, e.VersionRegistered)


class ModelSnapshotKey(msgspec.Struct, frozen=True):
    """Identifies a model's snapshot."""

    model: str
    from_position: int


class VersionSnapshotKey(msgspec.Struct, frozen=True):
    """Identifies a version's snapshot."""

    model: str
    number: int
    from_position: int


class AliasSnapshotKey(msgspec.Struct, frozen=True):
    """Identifies an alias's snapshot."""

    model: str
    alias: str
    from_position: int


class ModelSnapshot(msgspec.Struct, frozen=True, gc=False):
    """A model after one of its events."""

    row: ModelRow
    from_position: int
    effective_at: datetime
    #: Whether the event set or removed tags.
    retagged: bool

    @property
    def key(self) -> ModelSnapshotKey:
        """What identifies it."""
        return ModelSnapshotKey(self.row.model, self.from_position)


class VersionSnapshot(msgspec.Struct, frozen=True, gc=False):
    """A version after one of its events.

    The first is taken of a row that has all that was registered; of later ones the row may
    lack that.
    """

    row: VersionRow
    from_position: int
    effective_at: datetime
    #: Whether the event set or removed tags.
    retagged: bool

    @property
    def key(self) -> VersionSnapshotKey:
        """What identifies it."""
        return VersionSnapshotKey(self.row.model, self.row.number, self.from_position)


class AliasSnapshot(msgspec.Struct, frozen=True, gc=False):
    """An alias after one of its events."""

    row: AliasRow
    from_position: int
    effective_at: datetime

    @property
    def key(self) -> AliasSnapshotKey:
        """What identifies it."""
        return AliasSnapshotKey(self.row.model, self.row.alias, self.from_position)


Snapshot: TypeAlias = ModelSnapshot | VersionSnapshot | AliasSnapshot

#: The keys of rows that have a history.
KINDS: Final[tuple[type[Key], ...]] = (ModelKey, VersionKey, AliasKey)


def snapshot_of(row: Row, recorded: Recorded, effective_at: datetime) -> Snapshot:
    """Return the snapshot of a row right after an event.

    It holds the row itself: read it before the next event changes it.

    Raises:
        TypeError: Rows of this kind have no history.
    """
    position = recorded.position
    match row:
        case VersionRow():
            retagged = isinstance(recorded.event, _RETAGGING)
            return VersionSnapshot(row, position, effective_at, retagged)
        case AliasRow():
            return AliasSnapshot(row, position, effective_at)
        case ModelRow():
            retagged = isinstance(recorded.event, _RETAGGING)
            return ModelSnapshot(row, position, effective_at, retagged)
        case _:
            raise TypeError(f"a {type(row).__name__} has no history")
