"""An event as a row of a table: what CSV and Parquet have as columns.

Everything is read from the record itself, so that nothing stands in a table that is not in
the log; only the free texts come from beside it, as far as the caller may read them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from regesta.merkle import leaf_hash
from regesta.v1 import event_pb2


@dataclass(frozen=True, slots=True)
class Row:
    """One event; an attribute is a column, in this order.

    Attributes:
        position: Its place in the log, from 1.
        type: The event type, for example `io.regesta.events.v1.AliasSet`.
        resource: The stream, for example `models/churn/versions/3`.
        revision: Its number within the stream, from 1.
        actor: The principal that caused it.
        actor_type: `user`, `service_account`, `system` or `unauthenticated`.
        record_time: When it was recorded.
        occurred_time: When it really happened; `record_time` where nobody claimed another.
        occurred_by: Who really did it, by an importer's word; empty where nobody claimed it.
        request_id: The request that caused it.
        traceparent: W3C trace context of that request; empty without one.
        reason: Why; empty where nobody said, or where the text may not be read or is erased.
        data: The event itself, a JSON object.
        texts: Free texts by field, a JSON object; those that may not be read are left out.
        prev: Leaf hash of the stream's event before, in hexadecimal; empty for the first.
        leaf_hash: SHA-256 of a zero byte and the record, in hexadecimal.
    """

    position: int
    type: str
    resource: str
    revision: int
    actor: str
    actor_type: str
    record_time: datetime
    occurred_time: datetime
    occurred_by: str
    request_id: str
    traceparent: str
    reason: str
    data: str
    texts: str
    prev: str
    leaf_hash: str


#: Names of the columns, in order.
COLUMNS = tuple(column.name for column in fields(Row))


class UnreadableRecord(ValueError):
    """A record is not one: it has no place in a table."""


def row_of(event: event_pb2.Event) -> Row:
    """Return an event of the API as a row.

    Raises:
        UnreadableRecord: Its record is not JSON, or lacks an attribute.
    """
    try:
        record: dict[str, Any] = json.loads(event.record)
        texts = {disclosure.field: disclosure.text for disclosure in event.disclosures}
        return Row(
            position=event.position,
            type=record["type"],
            resource=record["subject"],
            revision=int(record["revision"]),
            actor=record["authid"],
            actor_type=record["authtype"],
            record_time=datetime.fromisoformat(record["recordedtime"]),
            occurred_time=datetime.fromisoformat(record["time"]),
            occurred_by=record.get("occurredby", ""),
            request_id=record["correlationid"],
            traceparent=record.get("traceparent", ""),
            reason=texts.get("reason", ""),
            data=_json(record["data"]),
            texts=_json(texts),
            prev=record.get("prev", ""),
            leaf_hash=leaf_hash(event.record).hex(),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableRecord(
            f"the record at position {event.position} is not one: {error!r}"
        ) from error


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
