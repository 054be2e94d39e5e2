"""Checks commitments to all heads against the fold of the log.

For each commitment the line of every stream is made anew, of the row as its events up to the
commitment's position make it, and the root over the lines compared. One pass over the streams
serves all commitments: where a stream had no event between two of them, its line is the same.

The fold takes streams in the order of their names, which is that of the lines. Only a model's
line is known late, since its latest version is told by streams that come after its own; a
place is kept for it meanwhile.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from regesta.audit.heads import HeadLine
from regesta.merkle import Frontier
from regesta_projections import events as e
from regesta_projections.heads.states import State, state_digest, state_of
from regesta_projections.rows import ModelKey, ModelRow, StreamRow
from regesta_projections.verification.findings import Findings, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from regesta_projections.records import Recorded
    from regesta_projections.verification.records import ReadLine

#: How many of the last commitments are checked.
MAX_COMMITMENTS: Final = 16

# Lines compared at once with those that are kept.
_BATCH: Final = 1_000

# Lines by which a tree grows at once.
_FLUSHED: Final = 256

#: Streams that a finding names.
_MOST_NAMED: Final = 100


class _Waiting:
    """The place of a line that is not known yet."""

    __slots__ = ("hash",)

    def __init__(self, line_hash: bytes = b"") -> None:
        self.hash = line_hash


@dataclass(slots=True)
class _Commitment:
    """A commitment, and the tree that the fold makes for it."""

    #: Of the event.
    at: int
    position: int
    streams: int
    root: str
    frontier: Frontier = field(default_factory=Frontier)
    waiting: deque[_Waiting] = field(default_factory=deque)

    def put(self, place: _Waiting) -> None:
        """Take up the next line's place."""
        self.waiting.append(place)
        # Many at once take a third of the time.
        if not len(self.waiting) % _FLUSHED:
            self.flush()

    def flush(self) -> None:
        """Let the tree grow by all lines that are known and have none unknown before them."""
        ready = []
        while self.waiting and self.waiting[0].hash:
            ready.append(self.waiting.popleft().hash)
        if ready:
            self.frontier.extend(ready)


class _OpenModel(NamedTuple):
    """A model's line at one commitment, but for its latest version."""

    commitment: int
    place: _Waiting
    revision: int
    leaf: bytes
    state: State


class HeadsCheck:
    """Takes up commitments in a first pass, and streams in a second.

    Attributes:
        checked: Commitments whose root was compared.
    """

    def __init__(
        self, conn: psycopg.Connection[Any], namespace_id: int, findings: Findings
    ) -> None:
        self.checked = 0
        self._findings = findings
        self._kept = _KeptLines(conn, namespace_id)
        self._commitments: list[_Commitment] = []
        self._stream = ""
        # Of this stream: the first commitment that has no line of it yet, its last line's hash.
        self._next = 0
        self._hash = b""
        self._row: Callable[[], StreamRow | None] = lambda: None
        self._models: dict[str, list[_OpenModel]] = {}
        # Of each open model, and at each commitment, its latest version.
        self._latest: dict[str, list[int]] = {}

    def see(self, read: ReadLine) -> None:
        """Take up an event of the first pass."""
        event = read.event
        if not isinstance(event, e.HeadsCommitted):
            return
        at, position = read.line.position, int(event.position or 0)
        if position >= at:
            self._findings.add(
                Kind.HEADS_DIFFER,
                read.line.stream,
                f"it commits to the heads as of position {position}, which lies after it",
                position=at,
            )
            return
        self._commitments.append(_Commitment(at, position, int(event.streams or 0), event.root))
        self._commitments.sort(key=lambda commitment: commitment.position)
        del self._commitments[:-MAX_COMMITMENTS]

    def give_up(self) -> None:
        """Check no commitment: bodies are missing, so the lines cannot be made anew."""
        self._commitments.clear()

    def begin(self, stream: str, row: Callable[[], StreamRow | None]) -> None:
        """Begin a stream.

        Args:
            stream: Its name.
            row: Returns its row as the fold has it, None before its first event.
        """
        self._stream, self._row = stream, row
        self._next, self._hash = 0, b""

    def before(self, position: int) -> None:
        """Note the stream's line at every commitment that an event lies behind."""
        while (
            self._next < len(self._commitments)
            and self._commitments[self._next].position < position
        ):
            self._note()

    def after(self, recorded: Recorded) -> None:
        """Take up an event that was folded."""
        self._hash = b""
        if isinstance(recorded.event, e.VersionRegistered):
            model = recorded.stream.split("/")[1]
            latest = self._latest.setdefault(model, [0] * len(self._commitments))
            for number, commitment in enumerate(self._commitments):
                if commitment.position >= recorded.position:
                    latest[number] = max(latest[number], recorded.event.version)

    def end(self) -> None:
        """End the stream: its line is the same at every commitment that is left."""
        while self._next < len(self._commitments):
            self._note()

    def close(self, key: ModelKey) -> None:
        """Finish a model's lines: all its versions have passed."""
        latest = self._latest.pop(key.model, [0] * len(self._commitments))
        for open_model in self._models.pop(key.model, ()):
            state = dict(open_model.state)
            state.pop("latestVersion", None)
            if number := latest[open_model.commitment]:
                state["latestVersion"] = number
            line = HeadLine(
                f"models/{key.model}", open_model.revision, open_model.leaf, state_digest(state)
            )
            open_model.place.hash = line.hash()
            self._compare(open_model.commitment, line)

    def finish(self) -> None:
        """Compare the roots, and name what differs."""
        for commitment in self._commitments:
            self.checked += 1
            commitment.flush()
            root = commitment.frontier.root().hex()
            is_same = (commitment.root, commitment.streams) == (root, commitment.frontier.size)
            if not is_same:
                self._findings.add(
                    Kind.HEADS_DIFFER,
                    "log",
                    f"as of position {commitment.position} it commits to {commitment.streams}"
                    f" streams with root {commitment.root}; by the log there were"
                    f" {commitment.frontier.size} with root {root}",
                    position=commitment.at,
                )
        if self._commitments:
            self._kept.finish(self._commitments[-1], self._findings)

    def _note(self) -> None:
        """Note the stream's line at the next commitment."""
        number = self._next
        self._next += 1
        row = self._row()
        if row is None:
            return
        place = _Waiting(self._hash)
        self._commitments[number].put(place)
        if isinstance(row, ModelRow):
            opened = _OpenModel(number, place, row.revision, row.leaf_hash, state_of(row))
            self._models.setdefault(row.model, []).append(opened)
            return
        if self._hash and number < len(self._commitments) - 1:
            return
        line = HeadLine(self._stream, row.revision, row.leaf_hash, state_digest(state_of(row)))
        self._hash = place.hash = line.hash()
        self._compare(number, line)

    def _compare(self, number: int, line: HeadLine) -> None:
        if number == len(self._commitments) - 1:
            self._kept.compare(self._commitments[number].position, line)


_LINES: Final = """
SELECT stream, revision, leaf_hash, state FROM regesta.head_lines
WHERE namespace_id = %s AND position = %s AND stream = ANY (%s)
"""
_ALL_LINES: Final = """
SELECT stream, revision, leaf_hash, state FROM regesta.head_lines
WHERE namespace_id = %s AND position = %s ORDER BY index
"""
_IS_KEPT: Final = """
SELECT count(*) > 0 FROM regesta.heads WHERE namespace_id = %s AND position = %s
"""


class _KeptLines:
    """Compares the lines of the last commitment with those that are kept of it.

    They tell which streams differ, as far as they have the root that was committed to.
    """

    def __init__(self, conn: psycopg.Connection[Any], namespace_id: int) -> None:
        self._conn = conn
        self._namespace_id = namespace_id
        self._position = 0
        self._waiting: list[HeadLine] = []
        self._matched = 0
        self._different: list[tuple[str, str]] = []
        self._is_kept: bool | None = None

    def compare(self, position: int, line: HeadLine) -> None:
        """Take up a line as the fold makes it."""
        if self._is_kept is None:
            self._position = position
            row = self._conn.execute(_IS_KEPT, [self._namespace_id, position]).fetchone()
            self._is_kept = row is not None and row[0]
        if self._is_kept:
            self._waiting.append(line)
            if len(self._waiting) == _BATCH:
                self._flush()

    def finish(self, commitment: _Commitment, findings: Findings) -> None:
        """Name the streams that differ."""
        self._flush()
        if not self._is_kept:
            return
        kept = Frontier()
        with self._conn.cursor("kept_heads", binary=True) as cursor:
            cursor.execute(_ALL_LINES, [self._namespace_id, self._position])
            kept.extend(_line(values).hash() for values in cursor)
        if (kept.root().hex(), kept.size) != (commitment.root, commitment.streams):
            findings.add(
                Kind.HEADS_LINES_DIFFER,
                "head_lines",
                f"those kept as of position {self._position} have another root than was"
                " committed to, so they cannot tell which streams differ",
                position=commitment.at,
            )
            return
        for stream, detail in self._different:
            findings.add(Kind.HEADS_DIFFER, stream, detail, position=commitment.at)
        extra = kept.size - self._matched
        if extra:
            findings.add(
                Kind.HEADS_DIFFER,
                "log",
                f"it commits to {extra} streams that there were not by the log",
                position=commitment.at,
            )

    def _flush(self) -> None:
        if not self._waiting:
            return
        names = [line.stream for line in self._waiting]
        with self._conn.cursor(binary=True) as cursor:
            cursor.execute(_LINES, [self._namespace_id, self._position, names])
            found = {line.stream: line for line in map(_line, cursor)}
        for line in self._waiting:
            kept = found.get(line.stream)
            self._matched += kept is not None
            if kept != line and len(self._different) < _MOST_NAMED:
                self._different.append((line.stream, _difference(line, kept)))
        self._waiting.clear()


def _line(values: tuple[Any, ...]) -> HeadLine:
    stream, revision, leaf, state = values
    return HeadLine(stream, revision, bytes(leaf), bytes(state))


def _difference(line: HeadLine, kept: HeadLine | None) -> str:
    if kept is None:
        return "it was left out of what was committed to"
    if (kept.revision, kept.leaf) != (line.revision, line.leaf):
        return (
            f"its head was committed to as revision {kept.revision} with hash {kept.leaf.hex()};"
            f" by the log it was {line.revision} with {line.leaf.hex()}"
        )
    return (
        "the row that people read was another than the log makes:"
        f" its state was {kept.state.hex()}, by the log {line.state.hex()}"
    )
