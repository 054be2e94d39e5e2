"""What a check of a log can find, and how findings are kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

#: Findings that a report names one by one; all are counted.
MAX_FINDINGS: Final = 1_000


class Kind(Enum):
    """What is not as it must be; the table for people is docs/reference/verify.md."""

    EVENT_MISSING = "positions below the log's size hold no event"
    EVENT_BEYOND_HEAD = "an event lies beyond the log's size"
    RECORD_UNREADABLE = "bytes are not the record of an event that this build knows"
    RECORD_NOT_CANONICAL = "a record is not written in the one form of RFC 8785"
    RECORD_FOREIGN = "a record says that it belongs to another place"
    RECORD_CHANGED = "a record is not the one whose hash a full tile holds"
    BODY_WITHHELD = "only the hash of a record is there, and no release goes as far"
    BODY_NOT_IN_ARCHIVE = "the archive lacks the body of a record, or has another one"
    LEAF_HASH_DIFFERS = "the stored hash of a record is not the record's"
    COLUMN_DIFFERS = "a column beside a record differs from it"
    TIME_BACKWARDS = "an event was recorded before the one that precedes it"
    HEAD_DIFFERS = "the log's row does not say what its last event says"
    FRONTIER_DIFFERS = "the tree over the records has other roots than the log's row"
    TILE_MISSING = "a full tile of the tree is not stored"
    TILE_DIFFERS = "a stored tile is not the tree's"
    TILE_EXTRA = "a tile is stored that the tree does not have"
    CHECKPOINT_DIFFERS = "a published checkpoint is not of the tree over the records"
    REVISION_GAP = "a stream's revisions are not 1, 2, 3 and so on"
    PREVIOUS_DIFFERS = "a record does not name the hash of the event before it in its stream"
    REQUEST_MISSING = "events have no row that says their request was answered"
    REQUEST_DIFFERS = "the row of an answered request does not fit its events"
    REQUEST_EXTRA = "a request is said to have appended events that are not there"
    TEXT_DIFFERS = "a free text is not the one whose digest a record holds"
    TEXT_EXTRA = "a free text belongs to no record"
    TEXT_MISSING = "a free text is gone, and no erasure says so"
    TEXT_KEPT = "a free text is there that an erasure says is gone"
    FOLD_FAILED = "an event cannot happen in the state that the events before it made"
    HEADS_DIFFER = "a commitment to all heads is not to those that the log makes"
    HEADS_LINES_DIFFER = "the lines kept of a commitment are not those committed to"
    ROW_MISSING = "a fold of the log has a row that the tables have not"
    ROW_DIFFERS = "a row of the tables differs from the fold of the log"
    ROW_EXTRA = "the tables have a row that a fold of the log has not"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be."""

    kind: Kind
    #: The event's position, or 0 when it is not about one event.
    position: int
    #: The resource, or the table and the row, it is about.
    subject: str
    #: What was expected and found.
    detail: str


class Findings:
    """Findings of one check: all are counted, the first of them kept.

    Attributes:
        total: How many there were.
        kept: The first `MAX_FINDINGS`.
    """

    def __init__(self) -> None:
        self.total = 0
        self.kept: list[Finding] = []
        self._reported = 0

    def add(self, kind: Kind, subject: str, detail: str, *, position: int = 0) -> None:
        """Take up a finding."""
        self.total += 1
        if len(self.kept) < MAX_FINDINGS:
            self.kept.append(Finding(kind, position, subject, detail))

    def fresh(self) -> tuple[Finding, ...]:
        """Return what was kept since the last call."""
        fresh = tuple(self.kept[self._reported :])
        self._reported = len(self.kept)
        return fresh
