"""Effective times: when something became so as far as is known now.

An event has the time at which it was recorded, and perhaps an earlier one at which it is
claimed to have happened. Along a stream the effective time never goes back: it is the
highest so far. What a resource was at a time is then the fold of a prefix of its stream,
whichever of the two times one goes by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from regesta_projections.records import Recorded


def clamped(recorded: Recorded) -> datetime:
    """Return when an event happened: as claimed, but never after it was recorded."""
    return min(recorded.time, recorded.recorded_at)


def effective_at(recorded: Recorded, before: datetime | None) -> datetime:
    """Return an event's effective time.

    Args:
        recorded: The event.
        before: The effective time of its stream's event before. It may be None at revision
            1, and also when nothing is claimed: times of recording never go back, so the
            event's own is the highest then.
    """
    time = clamped(recorded)
    return time if before is None or before < time else before


class EffectiveTimes:
    """Effective times of the events of one piece of a log.

    Args:
        before: The highest effective time of each stream of `unknown_before(piece)` before
            its first event in the piece.
    """

    def __init__(self, before: Mapping[str, datetime]) -> None:
        self._last = dict(before)

    def of(self, event: Recorded) -> datetime:
        """Return the effective time of the next event."""
        time = effective_at(event, self._last.get(event.stream))
        self._last[event.stream] = time
        return time


def unknown_before(piece: Iterable[Recorded]) -> dict[str, int]:
    """Return the streams whose earlier effective time has to be looked up.

    Args:
        piece: Some events in the order of the log.

    Returns:
        The first revision in the piece of each stream of which an event that is not the
        stream's first is claimed to have happened before it was recorded.
    """
    first: dict[str, int] = {}
    claimed: set[str] = set()
    for event in piece:
        first.setdefault(event.stream, event.revision)
        if event.time < event.recorded_at and event.revision > 1:
            claimed.add(event.stream)
    return {stream: first[stream] for stream in claimed if first[stream] > 1}


#: For streams and revisions, the highest effective time before each revision.
BEFORE: Final = """
SELECT s.stream, (
    SELECT max(LEAST(COALESCE(e.occurred_at, e.recorded_at), e.recorded_at))
    FROM regesta.events AS e
    WHERE e.namespace_id = %(namespace_id)s AND e.stream = s.stream AND e.revision < s.revision
)
FROM unnest(%(streams)s::text[], %(revisions)s::bigint[]) AS s(stream, revision)
"""
