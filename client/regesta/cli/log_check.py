"""The client's own check of a log: nothing is believed that can be computed.

Every record is hashed into a Merkle tree of the client's own, whose root must be the
server's. Beside that, each stream's revisions and chain of hashes must be gap-free, what
the API says of an event must stand in its record, times must not go back, and free texts
must be those that the record holds digests of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from regesta.merkle import Frontier, leaf_hash
from regesta.sealed import digest_at, opens
from regesta.v1 import event_pb2

#: Findings that are named; all are counted.
MAX_NAMED = 1000


@dataclass(frozen=True, slots=True)
class Discovery:
    """Something that is not as it must be."""

    kind: str
    position: int
    subject: str
    detail: str


@dataclass(slots=True)
class LogCheck:
    """A check under way; events come in by `see`, in the order of the log."""

    namespace: str
    frontier: Frontier = field(default_factory=Frontier)
    texts: int = 0
    findings: list[Discovery] = field(default_factory=list)
    findings_total: int = 0
    _recorded_at: datetime | None = None
    #: Revision and leaf hash of each stream's last event.
    _ends: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """How many events were hashed."""
        return self.frontier.size

    @property
    def streams(self) -> int:
        """How many streams they belong to."""
        return len(self._ends)

    def see(self, event: event_pb2.Event) -> None:
        """Check the next event of the log."""
        position = self.events + 1
        if event.position != position:
            self._found("POSITION", event, f"position {position} was to come, not {event.position}")
        leaf = leaf_hash(event.record)
        self.frontier.append(leaf)
        record = _decoded(event.record)
        if record is None:
            self._found("RECORD", event, "the record is not a JSON object")
            return
        for kind, detail in self._problems(event, record, leaf):
            self._found(kind, event, detail)

    def compare_root(self, position: int, root: bytes, said_by: str) -> None:
        """Compare the root over what was seen with one that the server claims for it."""
        own = self.frontier.root()
        if self.events != position:
            detail = f"{said_by} says that the log has {position} events; {self.events} were read"
            self._note(Discovery("SIZE", position, self.namespace, detail))
        elif own != root:
            detail = f"{said_by} says {root.hex()}; the records give {own.hex()}"
            self._note(Discovery("ROOT", position, self.namespace, detail))

    def _problems(
        self, event: event_pb2.Event, record: dict[str, Any], leaf: bytes
    ) -> Iterator[tuple[str, str]]:
        yield from self._chain_problems(event, record, leaf)
        recorded_at = event.record_time.ToDatetime(UTC)
        if self._recorded_at is not None and recorded_at < self._recorded_at:
            yield "TIME", "it was recorded before the event in front of it"
        self._recorded_at = recorded_at
        for name, said in _said(event, self.namespace, recorded_at).items():
            if record.get(name, "") != said:
                yield "ENVELOPE", f"the API says {name} {said!r}, the record {record.get(name)!r}"
        data = record.get("data")
        for disclosure in event.disclosures:
            self.texts += 1
            digest = digest_at(data if isinstance(data, dict) else {}, disclosure.field)
            if digest != disclosure.digest:
                yield "DISCLOSURE", f"the record does not hold the digest of {disclosure.field}"
            elif not opens(digest, disclosure.salt, disclosure.text):
                yield "DISCLOSURE", f"the text of {disclosure.field} is not the original"

    def _chain_problems(
        self, event: event_pb2.Event, record: dict[str, Any], leaf: bytes
    ) -> Iterator[tuple[str, str]]:
        """Check an event's place in its stream, as its record says it."""
        stream = str(record.get("subject"))
        revision, previous = self._ends.get(stream, (0, b""))
        if record.get("revision") != str(revision + 1):
            said = record.get("revision")
            yield "REVISION", f"revision {revision + 1} was to come, not {said}"
        if record.get("prev", "") != previous.hex():
            yield "CHAIN", "prev is not the hash of the stream's event before"
        self._ends[stream] = (event.revision, leaf)

    def _found(self, kind: str, event: event_pb2.Event, detail: str) -> None:
        self._note(Discovery(kind, event.position, event.stream, detail))

    def _note(self, finding: Discovery) -> None:
        self.findings_total += 1
        if len(self.findings) < MAX_NAMED:
            self.findings.append(finding)


def _decoded(record: bytes) -> dict[str, Any] | None:
    try:
        decoded = json.loads(record)
    except (ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def _said(event: event_pb2.Event, namespace: str, recorded_at: datetime) -> dict[str, str]:
    """Return what the API says of an event, under the names that the record has for it."""
    claims_time = event.HasField("occurred_time")
    return {
        "type": event.type,
        "subject": event.stream,
        "revision": str(event.revision),
        "authid": event.actor,
        "correlationid": event.request_id,
        "source": f"/namespaces/{namespace}",
        "id": f"{event.stream}#{event.revision}",
        "recordedtime": _text(recorded_at),
        "time": _text(event.occurred_time.ToDatetime(UTC)) if claims_time else _text(recorded_at),
        "occurredby": event.occurred_by,
    }


def _text(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
