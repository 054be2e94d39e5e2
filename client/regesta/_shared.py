"""What both faces of the client share: channel options, conversions, short names."""

from __future__ import annotations

import json
import re
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from regesta.v1 import reading_pb2 as reading_pb

#: Seconds that a unary call may take when the caller says nothing else.
DEFAULT_TIMEOUT = 30.0

#: A retry is safe for all methods: reads change nothing, writes carry a request id.
_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}

_NAMESPACE = re.compile(r"namespaces/([^/]+)")


def channel_options(number: int) -> tuple[tuple[str, Any], ...]:
    """Return the options of one channel.

    The number keeps channels apart: grpc shares a connection between channels of the
    same options, and one connection meets one worker of the server only.
    """
    return (
        ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
        ("grpc.enable_retries", 1),
        # The longest answer is a page of versions with cards.
        ("grpc.max_receive_message_length", 128 * 1024 * 1024),
        ("grpc.max_send_message_length", -1),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("regesta.channel", number),
    )


def tls_credentials(*, roots: str | Path | bool) -> grpc.ChannelCredentials:
    """Return credentials for TLS: the system's roots, or those of a PEM file."""
    if isinstance(roots, bool):
        return grpc.ssl_channel_credentials()
    return grpc.ssl_channel_credentials(Path(roots).read_bytes())


def call_metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    """Return what every call carries."""
    return () if token is None else (("authorization", f"Bearer {token}"),)


class Positions:
    """The highest position this client has seen of each namespace."""

    def __init__(self, *, fresh: bool = False) -> None:
        self._fresh = fresh
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def saw(self, namespace: str, position: int) -> None:
        """Note a position that an answer reflected."""
        with self._lock:
            if position > self._seen.get(namespace, 0):
                self._seen[namespace] = position

    def seen(self, namespace: str) -> int:
        """Return the highest position seen of a namespace; 0 before any."""
        return self._seen.get(namespace, 0)

    def consistency(self, namespace: str) -> reading_pb.Consistency | None:
        """Return the demand under which this client reads its own writes.

        A client that wants everybody's writes (`fresh`) demands those instead.
        """
        if self._fresh:
            return reading_pb.Consistency(level=reading_pb.CONSISTENCY_LEVEL_FULLY_CONSISTENT)
        position = self._seen.get(namespace)
        if position is None:
            return None
        return reading_pb.Consistency(
            level=reading_pb.CONSISTENCY_LEVEL_AT_LEAST, position=position
        )


def namespace_of(resource: str) -> str:
    """Return the namespace of a full resource name; empty when it has none."""
    match = _NAMESPACE.match(resource)
    return match[1] if match else ""


def full_name(text: str, namespace: str, kind: str) -> str:
    """Return a full resource name from a full or a short one.

    Args:
        text: `namespaces/…`, `models/…`, or short: `churn` (model), `churn/3`
            (version), `churn@champion` (alias).
        namespace: Stands in for the namespace that a short name lacks.
        kind: `namespace`, `model`, `version`, `alias`, `hold`, `grant`; `document`, short
            `webhooks/w1` (collection and document); or `model_or_namespace`, where an empty
            text means the namespace.
    """
    if text.startswith("namespaces/"):
        return text
    prefix = f"namespaces/{namespace}"
    if kind == "namespace":
        return f"namespaces/{text}" if text else prefix
    if not text and kind == "model_or_namespace":
        return prefix
    if text.startswith(("models/", "holds/", "grants/", "collections/")):
        return f"{prefix}/{text}"
    if kind in {"hold", "grant"}:
        return f"{prefix}/{kind}s/{text}"
    if kind == "document":
        collection, _, document = text.partition("/")
        return f"{prefix}/collections/{collection}/documents/{document}"
    for mark, collection in (("@", "aliases"), ("/", "versions")):
        model, found, rest = text.partition(mark)
        if found:
            return f"{prefix}/models/{model}/{collection}/{rest}"
    return f"{prefix}/models/{text}"


def request_id_or_new(request_id: str | None) -> str:
    """Return the given id, or a new one."""
    return request_id or str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Occurred:
    """A time by which something had happened, as far as is known now.

    What an importer said of the past counts from the time that it claimed. A plain time asks
    for what had been recorded by then instead: what was known.
    """

    time: datetime


def moment(at: datetime | int | Occurred | None) -> reading_pb.Moment | None:
    """Return a moment from a time or a position; None means now."""
    if at is None:
        return None
    if isinstance(at, Occurred):
        return reading_pb.Moment(time=timestamp(at.time), basis=reading_pb.MOMENT_BASIS_OCCURRED)
    if isinstance(at, int):
        return reading_pb.Moment(position=at)
    return reading_pb.Moment(time=timestamp(at))


def timestamp(time: datetime | None) -> Timestamp | None:
    """Return a protobuf timestamp; a time without zone is refused.

    Raises:
        ValueError: The time has no zone, so nobody can know which moment is meant.
    """
    if time is None:
        return None
    if time.tzinfo is None:
        raise ValueError("give the time a zone, for example datetime.now(UTC)")
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def duration(seconds: float | None) -> Duration | None:
    """Return a protobuf duration of some seconds."""
    if seconds is None:
        return None
    value = Duration()
    value.FromNanoseconds(int(seconds * 1e9))
    return value
