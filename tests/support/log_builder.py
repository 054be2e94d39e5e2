"""Builds a valid log without a server, and writes it with everything that belongs to it.

>>> log = LogBuilder("acme")
>>> log.append("models/churn", ModelCreated(name="churn", kind="MODEL"))
>>> log.append("models/churn/versions/1", VersionRegistered(version=1, stage="development"))
>>> namespace_id = log.write(conn)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from psycopg import sql

from regesta.audit.heads import HeadLine
from regesta.merkle import Frontier, root_of
from regesta.sealed import SealedText, seal
from regesta_projections.events import (
    Event,
    FreeText,
    HeadsCommitted,
    NamespaceCreated,
    PersonalDataErased,
)
from regesta_projections.evolve import evolve, keys_of
from regesta_projections.evolve.streams import key_of, stream_of
from regesta_projections.heads.states import state_digest, state_of
from regesta_projections.history import HISTORY_TABLES, EffectiveTimes, HistoryFold
from regesta_projections.records import Cause, Recorded, read_envelope, read_record, write_record
from regesta_projections.request_keys import request_key
from regesta_projections.rows import (
    AliasKey,
    Key,
    ModelKey,
    Row,
    Rows,
    StreamRow,
    VersionKey,
)
from regesta_projections.tables import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

START = datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
STEP = timedelta(seconds=1)
GENERATION = 1


@dataclass(frozen=True, slots=True)
class Answered:
    """A row of `regesta.requests`."""

    actor: str
    request_id: str
    position: int
    events: int
    stream: str


@dataclass(slots=True)
class LogBuilder:
    """A namespace's log in memory. Its first event is there from the start."""

    namespace: str
    actor: str = "alice"
    time: datetime = START
    records: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    rows: dict[Key, Row | None] = field(default_factory=dict)
    requests: list[Answered] = field(default_factory=list)
    disclosures: list[tuple[int, str, str, SealedText]] = field(default_factory=list)
    heads: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.append("namespace", NamespaceCreated(name=self.namespace))

    @property
    def size(self) -> int:
        """Position of the last event."""
        return len(self.records)

    @property
    def catalog_events(self) -> int:
        """How many events happened to models, versions and aliases."""
        return sum(
            revision
            for stream, (revision, _) in self.heads.items()
            if isinstance(key_of(stream), ModelKey | VersionKey | AliasKey)
        )

    @property
    def frontier(self) -> Frontier:
        """The tree's frontier over all records."""
        frontier = Frontier()
        frontier.extend(self.hashes)
        return frontier

    def append(
        self,
        stream: str,
        event: Event,
        *texts: tuple[str, SealedText],
        cause: Cause | None = None,
    ) -> Recorded:
        """Append one event, by a request of its own unless `cause` repeats the last one's."""
        position = self.size + 1
        cause = cause or Cause(self.actor, "user", f"request-{position}")
        revision, previous = self.heads.get(stream, (0, b""))
        record = write_record(
            event,
            source=f"/namespaces/{self.namespace}",
            stream=stream,
            revision=revision + 1,
            previous=previous,
            recorded_at=self.time,
            cause=cause,
        )
        self.time += STEP
        recorded = read_record(record, position)
        self.records.append(record)
        self.hashes.append(recorded.leaf_hash)
        self.heads[stream] = revision + 1, recorded.leaf_hash
        self.disclosures += [(position, cause.actor, *text) for text in texts]
        if isinstance(event, PersonalDataErased):
            gone = set(event.digests)
            self.disclosures = [one for one in self.disclosures if one[3].digest not in gone]
        self._answer(cause, stream)
        self._fold(recorded)
        return recorded

    def extend(self, entries: Iterable[tuple[str, Event]]) -> None:
        """Append events, each by a request of its own."""
        for stream, event in entries:
            self.append(stream, event)

    def seal(self, text: str) -> tuple[FreeText, SealedText]:
        """Return what an event holds of a free text, and the text for `append`."""
        salt = sha256(f"{len(self.disclosures)} {self.size} {text}".encode()).digest()[:16]
        sealed = seal(text, salt)
        return FreeText(digests=(sealed.digest,)), sealed

    def head_lines(self) -> list[HeadLine]:
        """Return the line of every stream, made of the folded rows."""
        lines = [
            HeadLine(stream_of(row.key), row.revision, row.leaf_hash, state_digest(state_of(row)))
            for row in self.rows.values()
            if isinstance(row, StreamRow)
        ]
        return sorted(lines, key=lambda line: line.stream)

    def commit_heads(self) -> Recorded:
        """Append a commitment to all heads as they are now."""
        lines = self.head_lines()
        root = root_of([line.hash() for line in lines])
        event = HeadsCommitted(position=str(self.size), streams=str(len(lines)), root=root.hex())
        return self.append("log", event)

    def write(self, conn: psycopg.Connection[Any], *, projected: bool = True) -> int:
        """Write the whole log and return its namespace_id.

        Args:
            conn: Where.
            projected: Whether its projections are written too; a database of before has
                other columns for them.
        """
        with conn.transaction():
            row = conn.execute(_LOG, [self.namespace, *self._head()]).fetchone()
            assert row is not None
            namespace_id: int = row[0]
            with conn.cursor() as cursor:
                for table, columns, lines in self._contents():
                    if not projected and table not in _OF_THE_LOG:
                        continue
                    cursor.executemany(
                        _insert(table, columns), [(namespace_id, *line) for line in lines]
                    )
        return namespace_id

    def _answer(self, cause: Cause, stream: str) -> None:
        last = self.requests[-1] if self.requests else None
        events = 1
        if last is not None and (last.actor, last.request_id) == (cause.actor, cause.request_id):
            events += self.requests.pop().events
        self.requests.append(Answered(cause.actor, cause.request_id, self.size, events, stream))

    def _fold(self, recorded: Recorded) -> None:
        for key in keys_of(recorded):
            self.rows.setdefault(key, None)
        working_set = Rows(self.rows)
        evolve(working_set, recorded)
        self.rows.update({row.key: row for row in working_set.changed()})

    def _head(self) -> tuple[int, bytes, datetime]:
        return self.size, self.frontier.encode(), self.time - STEP

    def _contents(self) -> Iterable[tuple[str, Sequence[str], Sequence[Sequence[Any]]]]:
        yield (
            "events",
            _EVENT_COLUMNS,
            [event_values(position, record) for position, record in enumerate(self.records, 1)],
        )
        yield "tiles", _TILE_COLUMNS, list(tiles_of(self.hashes))
        yield (
            "requests",
            _REQUEST_COLUMNS,
            [
                (
                    request_key(answered.actor, answered.request_id),
                    sha256(answered.request_id.encode()).digest()[:16],
                    answered.position,
                    answered.events,
                    answered.stream,
                )
                for answered in self.requests
            ],
        )
        yield (
            "disclosures",
            _DISCLOSURE_COLUMNS,
            [
                (sealed.digest, position, field, person, sealed.salt, sealed.text)
                for position, person, field, sealed in self.disclosures
            ],
        )
        for kind, table in TABLES.items():
            lines = [table.values(row) for row in self.rows.values() if isinstance(row, kind)]
            yield (
                table.name,
                ("generation", *table.column_names),
                [(GENERATION, *line) for line in lines],
            )
        yield from self._history()

    def _history(self) -> Iterable[tuple[str, Sequence[str], Sequence[Sequence[Any]]]]:
        fold, times = HistoryFold(), EffectiveTimes({})
        lines: dict[str, list[Sequence[Any]]] = {}
        for position, record in enumerate(self.records, 1):
            recorded = read_record(record, position)
            snapshot = fold.fold(recorded, times.of(recorded))
            if snapshot is not None:
                table = HISTORY_TABLES[type(snapshot)]
                lines.setdefault(table.name, []).append((GENERATION, *table.values(snapshot)))
        for table in HISTORY_TABLES.values():
            yield table.name, ("generation", *table.column_names), lines.get(table.name, [])
        yield "history_cursors", ("generation", "position"), [(GENERATION, self.size)]


def event_values(position: int, record: bytes) -> tuple[object, ...]:
    """Return the columns of an event as the append writes them."""
    envelope = read_envelope(record)
    return (
        position,
        record,
        envelope.subject,
        int(envelope.revision),
        envelope.type,
        envelope.authid,
        envelope.recordedtime,
        envelope.time if envelope.time != envelope.recordedtime else None,
        envelope.correlationid,
        envelope.traceparent.split("-")[1] if envelope.traceparent else None,
    )


def tiles_of(hashes: Sequence[bytes]) -> Iterable[tuple[int, int, bytes, bytes]]:
    """Yield level, index, root and hashes of every full tile over leaf hashes."""
    level, nodes = 0, list(hashes)
    while len(nodes) >= 256:
        roots = []
        for index in range(len(nodes) // 256):
            part = nodes[index * 256 : index * 256 + 256]
            frontier = Frontier()
            frontier.extend(part)
            roots.append(frontier.root())
            yield level, index, roots[-1], b"".join(part)
        level, nodes = level + 1, roots


def _insert(table: str, columns: Sequence[str]) -> sql.Composed:
    names = ["namespace_id", *columns]
    return sql.SQL("INSERT INTO regesta.{} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join([sql.Placeholder()] * len(names)),
    )


_LOG = """
INSERT INTO regesta.logs (name, size, frontier, recorded_at)
VALUES (%s, %s, %s, %s) RETURNING namespace_id
"""
#: Tables that hold the log itself.
_OF_THE_LOG = ("events", "tiles", "requests", "disclosures")
_EVENT_COLUMNS = (
    "position",
    "record",
    "stream",
    "revision",
    "type",
    "actor",
    "recorded_at",
    "occurred_at",
    "request_id",
    "trace_id",
)
_TILE_COLUMNS = ("level", "index", "root", "hashes")
_REQUEST_COLUMNS = ("key", "fingerprint", "position", "events", "stream")
_DISCLOSURE_COLUMNS = ("digest", "position", "field", "person", "salt", "text")
