"""Makes facts for folds: events in their places, with as little else as can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from regesta_projections.evolve import evolve, keys_of
from regesta_projections.records import Recorded
from regesta_projections.rows import Key, Row, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from regesta_projections.events import Event

START = datetime(2026, 1, 1, 12, 0, 0, 123_456, tzinfo=UTC)


class Story:
    """Events one after the other, each told by somebody else a second later."""

    def __init__(self) -> None:
        self.told: list[Recorded] = []
        self._revisions: dict[str, int] = {}

    def tell(
        self, stream: str, event: Event, *, occurred: datetime | None = None, by: str = ""
    ) -> Recorded:
        """Add an event, perhaps with what an importer claims of it."""
        position = len(self.told) + 1
        revision = self._revisions[stream] = self._revisions.get(stream, 0) + 1
        time = START + timedelta(seconds=position)
        recorded = Recorded(
            event,
            position,
            stream,
            revision,
            f"user-{position}",
            time,
            sha256(str(position).encode()).digest(),
            occurred or time,
            by,
        )
        self.told.append(recorded)
        return recorded


def fold(events: Iterable[Recorded]) -> dict[Key, Any]:
    """Return the rows that events make, each folded as an append would.

    Any: a key's class tells its row's, but not to a type checker.
    """
    base: dict[Key, Row | None] = {}
    for recorded in events:
        for key in keys_of(recorded):
            base.setdefault(key, None)
        rows = Rows(base)
        evolve(rows, recorded)
        base.update((row.key, row) for row in rows.changed())
    return {key: row for key, row in base.items() if row is not None}
