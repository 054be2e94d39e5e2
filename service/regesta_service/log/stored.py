"""An event as the log has it, shared by everybody who reads or appends."""

from __future__ import annotations

from datetime import datetime

import msgspec


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """A committed event: the exact bytes of its record, and the columns beside them.

    A msgspec struct, as every append makes one for each event: a frozen dataclass takes
    ten times as long to make.
    """

    #: Its place in the namespace's log, from 1.
    position: int
    record: bytes
    #: 32 bytes.
    leaf_hash: bytes
    #: The resource, for example `models/churn/versions/3`.
    stream: str
    #: Its number within the stream, from 1.
    revision: int
    #: In full, for example `io.regesta.events.v1.VersionRegistered`.
    type: str
    actor: str
    recorded_at: datetime
    #: What an importer claims; None when that is the time of recording.
    occurred_at: datetime | None
    request_id: str
    #: 32 hex digits, or None.
    trace_id: str | None
