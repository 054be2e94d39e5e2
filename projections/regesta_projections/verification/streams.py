"""Folds a log stream by stream, and checks that each stream is a chain.

Every row but a model's last version, its names and its labels is folded from one stream,
and those are folded from streams of one model. So a fold need not go by positions: taken in
the order of stream names, a model's row is at hand while its versions pass, everything else
is finished with its stream, and a log of any length takes the memory of a few models. That
any order which keeps each stream's own gives the same rows is a property that tests hold.

A stream of which a body is not at hand is checked as a chain of hashes and not folded; what it
made is excused from the comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from regesta.v1 import model_pb2 as model_pb
from regesta_projections.archived import is_archived
from regesta_projections.evolve import UnknownStream, evolve
from regesta_projections.evolve.streams import key_of
from regesta_projections.history import KINDS, effective_at, snapshot_of
from regesta_projections.records import Recorded, read_envelope, read_event
from regesta_projections.rows import (
    Key,
    ModelKey,
    ModelRow,
    NameKey,
    Row,
    Rows,
    StreamKey,
    StreamRow,
    VersionKey,
)
from regesta_projections.verification.findings import Findings, Kind

if TYPE_CHECKING:
    from datetime import datetime

    from regesta_projections.verification.heads import HeadsCheck
    from regesta_projections.verification.tables import TableCheck


class StreamLine(NamedTuple):
    """A row of `regesta.events`, as far as streams go."""

    stream: str
    revision: int
    position: int
    leaf_hash: bytes
    record: bytes


class StreamCheck:
    """Takes events in the order of stream, revision.

    Args:
        tables: Where finished rows go.
        history: Where snapshots go.
        cursor: The position up to which there is a history.
        heads: Hears of every stream.

    Attributes:
        folded: Events folded so far.
    """

    def __init__(
        self,
        tables: TableCheck,
        history: TableCheck,
        cursor: int,
        heads: HeadsCheck,
        findings: Findings,
    ) -> None:
        self.folded = 0
        self._tables = tables
        self._history = history
        self._cursor = cursor
        self._effective_at: datetime | None = None
        self._heads = heads
        self._findings = findings
        self._rows = _OpenRows()
        # Models whose row may change yet, each name beginning with the one before.
        self._open: list[str] = []
        self._stream = ""
        self._revision = 0
        self._leaf_hash = b""
        # Whether a body of this stream is not at hand, and open models of which one is not.
        self._is_bodiless = False
        self._bodiless: set[str] = set()

    def add(self, line: StreamLine) -> None:
        """Take up the next event."""
        if line.stream != self._stream:
            self._heads.end()
            self._tables.add(self._rows.finished())
            self._begin(line.stream)
        self._heads.before(line.position)
        if is_archived(line.record):
            self._check_revision(line)
            self._excuse(line.stream)
            return
        try:
            envelope = read_envelope(line.record)
            event = read_event(envelope, line.position)
            revision = int(envelope.revision)
        except (ValueError, msgspec.DecodeError):
            # The check of records has named it.
            self._revision, self._leaf_hash = line.revision, line.leaf_hash
            return
        self._check_chain(line, envelope.prev)
        if self._is_bodiless:
            return
        recorded = Recorded(
            event,
            line.position,
            envelope.subject,
            revision,
            envelope.authid,
            envelope.recordedtime,
            line.leaf_hash,
            envelope.time,
            envelope.occurredby,
        )
        try:
            evolve(self._rows, recorded)
            self._keep(recorded)
        except (ValueError, LookupError, msgspec.DecodeError) as error:
            self._add(Kind.FOLD_FAILED, line, f"{recorded.type}: {error!r}")
        self._heads.after(recorded)
        self.folded += 1

    def finish(self) -> None:
        """Hand over the rows that are left."""
        self._heads.end()
        self._tables.add(self._rows.finished())
        while self._open:
            self._close(self._open.pop())
        self._tables.add(self._rows.all())

    def _keep(self, recorded: Recorded) -> None:
        """Hand over what the event made of its row."""
        self._effective_at = effective_at(recorded, self._effective_at)
        key = key_of(recorded.stream)
        if recorded.position <= self._cursor and isinstance(key, KINDS):
            row = self._rows.get(key)
            if row is not None:
                self._history.add([snapshot_of(row, recorded, self._effective_at)])

    def _begin(self, stream: str) -> None:
        """Start a stream, and hand over the models of which no more will come."""
        self._stream, self._revision, self._leaf_hash = stream, 0, b""
        self._effective_at = None
        self._is_bodiless = False
        # "0" is next to "/": all that lies below models/a comes before models/a0, and of
        # other models only those whose names begin with "a".
        while self._open and stream >= f"models/{self._open[-1]}0":
            self._close(self._open.pop())
        kind, _, model = stream.partition("/")
        if kind == "models" and "/" not in model:
            self._open.append(model)
        self._heads.begin(stream, lambda: self._rows.of_stream(stream))

    def _close(self, model: str) -> None:
        key = ModelKey(model)
        self._heads.close(key)
        rows = self._rows.close(key)
        if model in self._bodiless:
            self._bodiless.discard(model)
            return
        self._tables.add(rows)

    def _excuse(self, stream: str) -> None:
        """Take no row of a stream for known: one of its bodies is not at hand."""
        if self._is_bodiless:
            return
        self._is_bodiless = True
        try:
            key = key_of(stream)
        except UnknownStream:
            return
        self._rows.forget(key)
        self._leave_out(key)
        if isinstance(key, ModelKey):
            self._bodiless.add(key.model)
            # For its versions, which note their number in it.
            self._rows.add(ModelRow(key.model, model_pb.Model()))
        elif isinstance(key, VersionKey) and key.model not in self._bodiless:
            self._bodiless.add(key.model)
            self._leave_out(ModelKey(key.model))

    def _leave_out(self, key: StreamKey) -> None:
        self._tables.excuse(key)
        self._history.excuse(key)

    def _check_revision(self, line: StreamLine) -> bool:
        is_next = line.revision == self._revision + 1
        if not is_next:
            self._add(
                Kind.REVISION_GAP,
                line,
                f"revision {line.revision} comes where {self._revision + 1} is due",
            )
        self._revision, self._leaf_hash = line.revision, line.leaf_hash
        return is_next

    def _check_chain(self, line: StreamLine, previous: str) -> None:
        due = self._leaf_hash.hex()
        if self._check_revision(line) and previous != due:
            self._add(
                Kind.PREVIOUS_DIFFERS,
                line,
                f"it follows {previous or 'nothing'}, not {due or 'nothing'}",
            )

    def _add(self, kind: Kind, line: StreamLine, detail: str) -> None:
        self._findings.add(kind, line.stream, detail, position=line.position)


class _NamesAreFree(dict[Key, Row | None]):
    """A base without rows, in which nobody has a name."""

    def __missing__(self, key: Key) -> None:
        if not isinstance(key, NameKey):
            raise KeyError(key)


class _OpenRows(Rows):
    """Rows that events to come may change."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_NamesAreFree())

    def finished(self) -> list[Row]:
        """Give up every row but those of models."""
        keys = [key for key in self._own if type(key) is not ModelKey]
        return [self._own.pop(key) for key in keys]

    def of_stream(self, stream: str) -> StreamRow | None:
        """Return a stream's own row, None when there is none."""
        try:
            row = self._own.get(key_of(stream))
        except UnknownStream:
            return None
        return row if isinstance(row, StreamRow) else None

    def forget(self, key: Key) -> None:
        """Give up a row, if there is one."""
        self._own.pop(key, None)

    def close(self, key: ModelKey) -> list[Row]:
        """Give up a model's row, if there is one."""
        row = self._own.pop(key, None)
        return [] if row is None else [row]

    def all(self) -> list[Row]:
        """Give up every row."""
        rows = list(self._own.values())
        self._own.clear()
        return rows
