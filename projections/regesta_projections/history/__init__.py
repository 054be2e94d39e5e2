"""The history: what each event made of its model, version or alias.

The same `evolve` makes it as makes the catalog; here a row is kept for every revision,
with the position from which it holds and the time at which it became so as far as is known
now. Lists and searches as of a moment are answered from it.
"""

from __future__ import annotations

from regesta_projections.history.effective import (
    BEFORE,
    EffectiveTimes,
    clamped,
    effective_at,
    unknown_before,
)
from regesta_projections.history.fold import HistoryFold
from regesta_projections.history.snapshots import (
    KINDS,
    AliasSnapshot,
    ModelSnapshot,
    Snapshot,
    VersionSnapshot,
    snapshot_of,
)
from regesta_projections.history.tables import HISTORY_TABLES, lines_of

__all__ = [
    "BEFORE",
    "HISTORY_TABLES",
    "KINDS",
    "AliasSnapshot",
    "EffectiveTimes",
    "HistoryFold",
    "ModelSnapshot",
    "Snapshot",
    "VersionSnapshot",
    "clamped",
    "effective_at",
    "lines_of",
    "snapshot_of",
    "unknown_before",
]
