"""What a transaction is about to append: built in memory, dropped when it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from regesta.merkle import leaf_hash
from regesta_projections.events import ModelCreated, NamespaceCreated, VersionRegistered
from regesta_projections.evolve import evolve
from regesta_projections.evolve.streams import key_of, stream_of
from regesta_projections.forms import BINARY
from regesta_projections.records import TYPE_PREFIX, Cause, Recorded, write_record
from regesta_projections.rows import (
    AliasKey,
    Key,
    ModelKey,
    ModelRow,
    Row,
    Rows,
    StreamKey,
    VersionKey,
)
from regesta_projections.tables import TABLES
from regesta_service.log.head import Head
from regesta_service.log.packing import Composite, microseconds
from regesta_service.log.stored import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from regesta.merkle import FilledTile
    from regesta_projections.events import Event
    from regesta_service.domain.deciding import Fact
    from regesta_service.log.identity import RequestIdentity

#: Events that are the first of their stream, whatever rows are loaded.
_BEGINNINGS: Final = (VersionRegistered, ModelCreated, NamespaceCreated)

_EVENT: Final = Composite(
    ("bytea", "text", "bigint", "text", "text", "timestamptz", "text", "text")
)
_REQUEST: Final = Composite(("uuid", "bytea", "bigint", "smallint", "text"))
_DISCLOSURE: Final = Composite(("text", "bigint", "text", "text", "bytea", "text"))
_TILE: Final = Composite(("smallint", "bigint", "bytea"))
_ROWS: Final = {
    kind: Composite(("integer", "integer", *(column.type for column in table.columns)))
    for kind, table in TABLES.items()
}
_VALUES: Final = {kind: table.values_in for kind, table in TABLES.items()}


class Committed(msgspec.Struct, frozen=True):
    """The answer to a write that is in the log."""

    #: What the answer reflects: the last event's, or where nothing had to change.
    position: int
    #: The resource it shows.
    shows: StreamKey
    #: That resource as of the position, the caller's own; None when `repeated`.
    row: Row | None
    #: The present name of the model that it is or belongs to, else the namespace's.
    name: str
    #: Whether the request was answered before: the answer is to be read as of `position`.
    repeated: bool = False


class EvolveFailed(Exception):
    """A fold could not apply a fact: the draft is spoiled."""


class PackedRows(msgspec.Struct):
    """Rows of one table as composite values: those to insert, those to update."""

    new: list[bytes]
    changed: list[bytes]


class Draft:
    """Events after a head, and what they do to rows.

    Args:
        namespace: Name of the log's namespace.
        log_id: Its id.
        head: Where the log ends.
        base: Every row that may be looked at; a key with None has no row.
        now: The present time, in UTC.
    """

    def __init__(
        self,
        namespace: str,
        log_id: int,
        head: Head,
        base: Mapping[Key, Row | None],
        now: datetime,
    ) -> None:
        self.namespace = namespace
        self.log_id = log_id
        self.head = head
        self.rows = Rows(base)
        self.events: list[StoredEvent] = []
        self.requests: list[tuple[RequestIdentity, int]] = []
        self.packed_requests: list[bytes] = []
        self.packed_disclosures: list[bytes] = []
        self._source = f"/namespaces/{namespace}"
        # Never back, whatever the clock does.
        self._recorded_at = max(now, head.recorded_at) if head.recorded_at else now

    @property
    def size(self) -> int:
        """Position of the last event, those of the draft included."""
        return self.head.size + len(self.events)

    def add(
        self, facts: Sequence[Fact], shows: StreamKey, cause: Cause, request: RequestIdentity
    ) -> Committed:
        """Take up what a request comes to, and return its answer.

        Nothing is taken up when it fails, but by `EvolveFailed`.

        Raises:
            RecordTooLong: A fact does not fit into a record.
            NotCanonical: A fact holds what a record may not.
            NotLoaded: The row of a fact's stream is not in the base.
            EvolveFailed: A fold has a fault; start over without this request.
        """
        written = self._write(facts, cause)
        answer = self._evolve(written, shows)
        for (stored, _), fact in zip(written, facts, strict=True):
            self.events.append(stored)
            for field, text in fact.texts:
                self.packed_disclosures.append(
                    _DISCLOSURE.pack(
                        (text.digest, stored.position, field, cause.actor, text.salt, text.text)
                    )
                )
        self.requests.append((request, answer.position))
        self.packed_requests.append(
            _REQUEST.pack(
                (request.key, request.fingerprint, answer.position, len(facts), stream_of(shows))
            )
        )
        return answer

    def packed_events(self) -> list[bytes]:
        """Return the events as values of `regesta.new_event`."""
        return [
            _EVENT.pack(
                (
                    event.record,
                    event.stream,
                    event.revision,
                    event.type,
                    event.actor,
                    microseconds(event.occurred_at) if event.occurred_at else None,
                    event.request_id,
                    event.trace_id,
                )
            )
            for event in self.events
        ]

    def packed_rows(self) -> dict[type[Row], PackedRows]:
        """Return every row that was added or changed, by its class.

        But for models of which a registration gave out a number and nothing else happened: the
        append takes that from the versions.
        """
        packed: dict[type[Row], PackedRows] = {}
        place = (self.log_id, self.head.generation)
        for row in self.rows.changed():
            kind = type(row)
            if isinstance(row, ModelRow) and not self.rows.has_own_events(row):
                continue
            rows = packed.get(kind)
            if rows is None:
                rows = packed[kind] = PackedRows([], [])
            target = rows.new if self.rows.is_new(row.key) else rows.changed
            target.append(_ROWS[kind].pack((*place, *_VALUES[kind](row, BINARY))))
        return packed

    def grown(self) -> tuple[Head, list[bytes]]:
        """Return the head after the append, and the tiles that fill as `regesta.new_tile`."""
        if not self.events:
            return self.head, []
        frontier = self.head.frontier.copy()
        tiles = frontier.extend([event.leaf_hash for event in self.events])
        head = Head(self.size, frontier, self._recorded_at, self.head.generation)
        return head, [_pack_tile(tile) for tile in tiles]

    def _write(self, facts: Sequence[Fact], cause: Cause) -> list[tuple[StoredEvent, Recorded]]:
        """Return the events of one request, with their records; changes nothing."""
        written: list[tuple[StoredEvent, Recorded]] = []
        heads: dict[str, tuple[int, bytes]] = {}
        position = self.size
        recorded_at = self._recorded_at
        occurred_at = cause.occurred_at if cause.occurred_at != recorded_at else None
        trace_id = cause.traceparent.split("-")[1] if cause.traceparent else None
        for fact in facts:
            event, stream = fact.event, fact.stream
            revision, previous = heads.get(stream) or self._stream_head(stream, event)
            position += 1
            revision += 1
            record = write_record(
                event,
                source=self._source,
                stream=stream,
                revision=revision,
                previous=previous,
                recorded_at=recorded_at,
                cause=cause,
            )
            leaf = leaf_hash(record)
            heads[stream] = revision, leaf
            stored = StoredEvent(
                position,
                record,
                leaf,
                stream,
                revision,
                TYPE_PREFIX + event.__class__.__name__,
                cause.actor,
                recorded_at,
                occurred_at,
                cause.request_id,
                trace_id,
            )
            recorded = Recorded(
                event,
                position,
                stream,
                revision,
                cause.actor,
                recorded_at,
                leaf,
                occurred_at or recorded_at,
                cause.occurred_by,
            )
            written.append((stored, recorded))
        return written

    def _stream_head(self, stream: str, event: Event) -> tuple[int, bytes]:
        """Return revision and leaf hash of a stream's last event so far."""
        if isinstance(event, _BEGINNINGS):
            return 0, b""
        row = self.rows.get(key_of(stream))
        return (0, b"") if row is None else (row.revision, row.leaf_hash)

    def _evolve(
        self, written: Sequence[tuple[StoredEvent, Recorded]], shows: StreamKey
    ) -> Committed:
        try:
            for _, recorded in written:
                evolve(self.rows, recorded)
            row: Row | None = self.rows.get(shows)
            name = self.namespace
            if isinstance(shows, ModelKey | VersionKey | AliasKey):
                model = self.rows.get(ModelKey(shows.model))
                name = model.name if model else shows.model
        except Exception as fault:
            raise EvolveFailed(f"{shows} after {self.size}") from fault
        # A copy: later requests of the batch may change the row.
        return Committed(
            self.size + len(written), shows, row.copy() if row is not None else None, name
        )


def _pack_tile(tile: FilledTile) -> bytes:
    return _TILE.pack((tile.level, tile.index, tile.root))
