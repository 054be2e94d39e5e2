"""Records: an event and its circumstances as the exact bytes of the log.

A record is a CloudEvents 1.0 JSON object on one line in the form of RFC 8785,
written once and never again. Attributes beside CloudEvents' own: `authid` and
`authtype` (its authcontext extension), `recordedtime` (recordedtime extension),
`correlationid` (the request), `traceparent` (distributed tracing), and three of ours:
`revision`, gap-free within the stream; `prev`, the leaf hash of the stream's
event before, which chains one resource's history without the rest of the log; and
`occurredby`, who really did it as an importer claims, as `time` is when by its word.
Optional attributes are left out when there is nothing to say. `datacontenttype` is
left out: CloudEvents' JSON format takes it as application/json.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from regesta.merkle import leaf_hash as hash_of_leaf
from regesta_projections.archived import BodyArchived, is_archived
from regesta_projections.canonical import encode
from regesta_projections.events import EVENTS, Event

TYPE_PREFIX = "io.regesta.events.v1."

#: Longest record in bytes. C2SP tlog-tiles frames entries with 16-bit lengths.
MAX_RECORD_BYTES = 65_535


class RecordTooLong(ValueError):
    """An event does not fit into a record."""


class UnknownEventType(ValueError):
    """A record holds a type of event that this build does not know.

    It is never skipped: a state folded without it would be wrong.
    """


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The envelope; members in the order in which RFC 8785 writes them."""

    authid: str
    authtype: str
    correlationid: str
    data: msgspec.Raw
    id: str
    occurredby: str = ""
    prev: str = ""
    recordedtime: datetime
    revision: str
    source: str
    specversion: str
    subject: str
    time: datetime
    traceparent: str = ""
    type: str


class Cause(msgspec.Struct, frozen=True, gc=False):
    """Who caused events, when and by which request."""

    #: The principal, always from the credential.
    actor: str
    #: `user`, `service_account`, `system` or `unauthenticated` (authcontext).
    actor_type: str
    request_id: str
    #: W3C traceparent, or empty.
    traceparent: str = ""
    #: When it really happened, as an importer claims; None is the time of recording.
    occurred_at: datetime | None = None
    #: Who really did it, as an importer claims; empty is nobody but the actor.
    occurred_by: str = ""


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event in its place in the log.

    A msgspec struct, as folds make one of every event: a frozen dataclass takes five
    times as long to make.
    """

    event: Event
    position: int
    #: The resource, for example `models/churn/versions/3`.
    stream: str
    revision: int
    actor: str
    recorded_at: datetime
    leaf_hash: bytes
    #: When it happened, as an importer claims; without a claim when it was recorded.
    time: datetime
    #: Who did it, as an importer claims; empty without a claim.
    occurred_by: str = ""

    @property
    def type(self) -> str:
        """The short name of the event's type."""
        return self.event.__class__.__name__


class _Folded(msgspec.Struct, frozen=True, gc=False):
    """What a fold needs of the envelope; leaving the rest unread saves half the time."""

    authid: str
    data: msgspec.Raw
    recordedtime: datetime
    revision: str
    subject: str
    time: datetime
    type: str
    occurredby: str = ""


class _Claimed(msgspec.Struct, frozen=True, gc=False):
    """What is looked for in a record of which only the claim is wanted."""

    occurredby: str = ""


#: Stands in every record with a claim of who did it, and in few others: in a text the first
#: quotation mark is escaped, but a map may have such a key.
_CLAIM_MARK: Final = b'"occurredby":"'

_decode_folded = msgspec.json.Decoder(_Folded).decode
_decode_claimed = msgspec.json.Decoder(_Claimed).decode
_decode_record = msgspec.json.Decoder(Record).decode
_decode_data = {
    TYPE_PREFIX + name: msgspec.json.Decoder(kind).decode for name, kind in EVENTS.items()
}


def write_record(
    event: Event,
    *,
    source: str,
    stream: str,
    revision: int,
    previous: bytes,
    recorded_at: datetime,
    cause: Cause,
) -> bytes:
    """Return an event's record.

    Args:
        event: The fact.
        source: The log it belongs to, `/namespaces/{namespace}`.
        stream: The resource it happened to.
        revision: Its number within the stream, from 1.
        previous: Leaf hash of the stream's event before; empty for the first.
        recorded_at: Time of the append, in UTC.
        cause: Who caused it.

    Raises:
        RecordTooLong: It would be longer than `MAX_RECORD_BYTES`.
    """
    record = encode(
        Record(
            authid=cause.actor,
            authtype=cause.actor_type,
            correlationid=cause.request_id,
            data=msgspec.Raw(encode(event)),
            # Unique within the source as CloudEvents demands, and it names the place.
            id=f"{stream}#{revision}",
            occurredby=cause.occurred_by,
            prev=previous.hex(),
            recordedtime=recorded_at,
            revision=str(revision),
            source=source,
            specversion="1.0",
            subject=stream,
            time=cause.occurred_at or recorded_at,
            traceparent=cause.traceparent,
            type=TYPE_PREFIX + event.__class__.__name__,
        )
    )
    if len(record) > MAX_RECORD_BYTES:
        raise RecordTooLong(f"the record would have {len(record)} bytes")
    return record


def read_envelope(record: bytes) -> Record:
    """Return a record's envelope, its data still as bytes.

    Raises:
        BodyArchived: Only its hash is there; the position is not known here.
        msgspec.DecodeError: The bytes are no record.
    """
    try:
        return _decode_record(record)
    except msgspec.DecodeError:
        if is_archived(record):
            raise BodyArchived(0) from None
        raise


def read_record(record: bytes, position: int, leaf_hash: bytes | None = None) -> Recorded:
    """Return the event in a record and its place.

    Args:
        record: The exact bytes.
        position: Where the log has them.
        leaf_hash: Their hash when the caller has it already.

    Raises:
        BodyArchived: Only its hash is there.
        UnknownEventType: A newer build wrote it.
        msgspec.DecodeError: The bytes are no record.
    """
    try:
        envelope = _decode_folded(record)
    except msgspec.DecodeError:
        if is_archived(record):
            raise BodyArchived(position) from None
        raise
    return Recorded(
        _read_event(envelope.type, envelope.data, position),
        position,
        envelope.subject,
        int(envelope.revision),
        envelope.authid,
        envelope.recordedtime,
        leaf_hash or hash_of_leaf(record),
        envelope.time,
        envelope.occurredby,
    )


def occurred_by_in(record: bytes) -> str:
    """Return who did it as an importer claims.

    Returns:
        Empty without a claim, of an archived body, and of bytes that are no record.
    """
    if _CLAIM_MARK not in record:
        return ""
    try:
        return _decode_claimed(record).occurredby
    except msgspec.DecodeError:
        return ""


def read_event(envelope: Record, position: int) -> Event:
    """Return the event in an envelope.

    Raises:
        UnknownEventType: A newer build wrote it.
        msgspec.DecodeError: The data is not that of its type.
    """
    return _read_event(envelope.type, envelope.data, position)


def _read_event(kind: str, data: msgspec.Raw, position: int) -> Event:
    decode: Any = _decode_data.get(kind)
    if decode is None:
        raise UnknownEventType(f"position {position} holds an unknown type of event")
    event: Event = decode(data)
    return event
