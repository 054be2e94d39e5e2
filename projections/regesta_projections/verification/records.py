"""Checks each record by itself, and the columns beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from regesta_projections.archived import hash_of, is_archived
from regesta_projections.canonical import NotCanonical, encode
from regesta_projections.records import Record, UnknownEventType, read_envelope, read_event
from regesta_projections.verification.findings import Findings, Kind

if TYPE_CHECKING:
    from datetime import datetime

    from regesta_projections.events import Event

SPEC_VERSION: Final = "1.0"


class StoredLine(NamedTuple):
    """A row of `regesta.events` as it is read: nothing of it is trusted."""

    position: int
    record: bytes
    leaf_hash: bytes
    stream: str
    revision: int
    type: str
    actor: str
    recorded_at: datetime
    occurred_at: datetime | None
    request_id: str
    trace_id: str | None


class ReadLine(NamedTuple):
    """What the record of a row says, and its hash."""

    line: StoredLine
    leaf_hash: bytes
    #: None when the bytes are no record, or only the hash of one.
    envelope: Record | None
    #: None when the record holds no event that this build knows.
    event: Event | None

    @property
    def is_archived(self) -> bool:
        """Whether only the record's hash is at hand."""
        return is_archived(self.line.record)


class RecordCheck:
    """Checks records in the order of their positions.

    Args:
        namespace: Name of the namespace that the log belongs to.
    """

    def __init__(self, namespace: str, findings: Findings) -> None:
        self._source = f"/namespaces/{namespace}"
        self._findings = findings
        self._latest: datetime | None = None

    @property
    def recorded_at(self) -> datetime | None:
        """The latest time in any record so far."""
        return self._latest

    def read(self, line: StoredLine) -> ReadLine:
        """Check one row and return what its record says."""
        computed = hash_of(line.record)
        if computed != line.leaf_hash:
            self._add(
                Kind.LEAF_HASH_DIFFERS,
                line,
                f"the column is {line.leaf_hash.hex()}, the record's hash {computed.hex()}",
            )
        if is_archived(line.record):
            self._check_order(line, line.recorded_at)
            return ReadLine(line, computed, None, None)
        try:
            envelope = read_envelope(line.record)
        except (msgspec.DecodeError, ValueError) as error:
            self._add(Kind.RECORD_UNREADABLE, line, str(error))
            return ReadLine(line, computed, None, None)
        event = self._event(line, envelope)
        if not _is_canonical(line.record):
            self._add(Kind.RECORD_NOT_CANONICAL, line, "written anew it is other bytes")
        self._check_place(line, envelope)
        self._check_columns(line, envelope)
        self._check_order(line, envelope.recordedtime)
        return ReadLine(line, computed, envelope, event)

    def _event(self, line: StoredLine, envelope: Record) -> Event | None:
        try:
            return read_event(envelope, line.position)
        except (msgspec.DecodeError, UnknownEventType) as error:
            self._add(Kind.RECORD_UNREADABLE, line, str(error))
            return None

    def _check_place(self, line: StoredLine, envelope: Record) -> None:
        expected = (SPEC_VERSION, self._source, f"{envelope.subject}#{envelope.revision}")
        found = (envelope.specversion, envelope.source, envelope.id)
        if expected == found:
            return
        for name, right, wrong in zip(
            ("specversion", "source", "id"), expected, found, strict=True
        ):
            if right != wrong:
                self._add(Kind.RECORD_FOREIGN, line, f"{name} is {wrong!r}, not {right!r}")

    def _check_columns(self, line: StoredLine, envelope: Record) -> None:
        # The time is in the record twice when no importer claimed another one.
        occurred_at = line.occurred_at or line.recorded_at
        found = (
            line.stream,
            str(line.revision),
            line.type,
            line.actor,
            line.recorded_at,
            occurred_at,
            line.request_id,
            line.trace_id,
        )
        expected = _columns_of(envelope)
        if expected == found:
            return
        for name, right, wrong in zip(_COLUMNS, expected, found, strict=True):
            if right != wrong:
                self._add(
                    Kind.COLUMN_DIFFERS, line, f"{name} is {_show(wrong)}, not {_show(right)}"
                )

    def _check_order(self, line: StoredLine, time: datetime) -> None:
        if self._latest is not None and time < self._latest:
            self._add(Kind.TIME_BACKWARDS, line, f"recorded at {time}, after {self._latest}")
            return
        self._latest = time

    def _add(self, kind: Kind, line: StoredLine, detail: str) -> None:
        self._findings.add(kind, line.stream, detail, position=line.position)


_COLUMNS: Final = (
    "stream",
    "revision",
    "type",
    "actor",
    "recorded_at",
    "occurred_at",
    "request_id",
    "trace_id",
)


def _columns_of(envelope: Record) -> tuple[Any, ...]:
    """Return what the columns beside a record must be."""
    return (
        envelope.subject,
        envelope.revision,
        envelope.type,
        envelope.authid,
        envelope.recordedtime,
        envelope.time,
        envelope.correlationid,
        trace_id_of(envelope.traceparent),
    )


def trace_id_of(traceparent: str) -> str | None:
    """Return the trace id in a W3C traceparent, or None when there is none."""
    return traceparent.split("-")[1] if traceparent else None


def _refuse_float(_: str) -> None:
    raise NotCanonical("a record holds no floating point number")


_decode_any = msgspec.json.Decoder(float_hook=_refuse_float).decode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def _is_canonical(record: bytes) -> bool:
    """Say whether a record is written as `canonical.encode` would write what it says."""
    try:
        value = _decode_any(record)
        # `encode` orders names beyond ASCII as RFC 8785 does; without those it is the same.
        return (_encode_sorted(value) if record.isascii() else encode(value)) == record
    except (NotCanonical, msgspec.DecodeError, RecursionError):
        return False


def _show(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)
