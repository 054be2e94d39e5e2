"""An event as the log stores it: its exact bytes and the columns beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of `regesta.events`."""

    position: int
    #: The exact bytes of the record.
    record: bytes
    leaf_hash: bytes
    #: The resource, for example `models/churn/versions/3`.
    stream: str
    revision: int
    #: The whole type, for example `io.regesta.events.v1.AliasSet`.
    type: str
    actor: str
    recorded_at: datetime
    #: When it really happened, if an importer claimed another time.
    occurred_at: datetime | None
    request_id: str
    #: The W3C trace id, 32 hex digits, if the caller sent one.
    trace_id: str | None
