"""Decision traces: which version something meant at a moment, and who decided that.

A trace holds the events that decided: the one that moved the alias or the stage, the version's
registration with its run, data and code, and every move of its stage; each as the exact bytes
of its record, with a proof that it is in the log. docs/audit/traces.md says what it shows and
what it does not.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from regesta.merkle import leaf_hash, verify_inclusion

FORMAT: Final = "regesta-trace/1"

_TYPE_PREFIX: Final = "io.regesta.events.v1."

#: What of a registration says where a version comes from.
_ORIGINS: Final = ("digest", "source", "lineage", "params", "metrics", "manifest", "semver")

#: Events that say where an alias points, and those that say which stage a version is in.
_MOVE_ALIASES: Final = frozenset({"AliasSet", "AliasRemoved", "VersionRolledBack"})
_MOVE_STAGES: Final = frozenset({"StageChanged", "VersionRolledBack"})


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That a record is in a log of some size, by its path in the tree."""

    size: int
    root: bytes
    path: tuple[bytes, ...]
    #: The text of a `.tlog-proof` file, when a signed checkpoint covers the event.
    receipt: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        if self.receipt:
            return {"size": self.size, "receipt": self.receipt}
        path = [base64.b64encode(one).decode() for one in self.path]
        return {"size": self.size, "root": self.root.hex(), "path": path}


@dataclass(frozen=True, slots=True)
class TracedEvent:
    """An event of a trace."""

    position: int
    #: The exact bytes.
    record: bytes
    #: Free texts by field, as far as they may be read.
    texts: Mapping[str, str] = field(default_factory=dict)
    inclusion: Inclusion | None = None

    @property
    def envelope(self) -> dict[str, Any]:
        """The record as JSON."""
        found = json.loads(self.record)
        return found if isinstance(found, dict) else {}

    @property
    def type(self) -> str:
        """The short name of its type."""
        return str(self.envelope.get("type", "")).removeprefix(_TYPE_PREFIX)

    @property
    def data(self) -> dict[str, Any]:
        """What happened."""
        data = self.envelope.get("data")
        return data if isinstance(data, dict) else {}

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        envelope = self.envelope
        traceparent = envelope.get("traceparent", "")
        return {
            "position": self.position,
            "type": self.type,
            "stream": envelope.get("subject", ""),
            "revision": envelope.get("revision", ""),
            "actor": envelope.get("authid", ""),
            "actor_type": envelope.get("authtype", ""),
            "record_time": envelope.get("recordedtime", ""),
            "occurred_time": envelope.get("time", ""),
            "occurred_by": envelope.get("occurredby", ""),
            "request_id": envelope.get("correlationid", ""),
            "trace_id": traceparent.split("-")[1] if traceparent else "",
            "reason": self.texts.get("reason", ""),
            "data": self.data,
            "record": self.record.decode("utf-8", "replace"),
            "leaf": leaf_hash(self.record).hex(),
            "inclusion": None if self.inclusion is None else self.inclusion.document(),
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """Which version an address meant at a moment, and what decided that."""

    address: str
    #: Everything is as of this position.
    position: int
    #: Resource name of the version; empty when the address meant none.
    version: str
    #: What decided it: an alias was set or removed, a version moved into a stage. None when a
    #: rule did: a number, a range, `latest` or a digest.
    decision: TracedEvent | None
    #: The version's registration; None when the address meant none.
    registration: TracedEvent | None = None
    #: Every move of the version's stage, oldest first.
    moves: tuple[TracedEvent, ...] = ()

    def events(self) -> list[TracedEvent]:
        """Return each event of it once, by position."""
        every = [self.decision, self.registration, *self.moves]
        by_position = {one.position: one for one in every if one is not None}
        return [by_position[position] for position in sorted(by_position)]

    def document(self) -> dict[str, Any]:
        """Return it as plain values, for a file or a program."""
        registered = self.registration.data if self.registration else {}
        return {
            "format": FORMAT,
            "address": self.address,
            "as_of_position": self.position,
            "version": self.version,
            "stage": self.stage,
            "origin": {name: registered[name] for name in _ORIGINS if name in registered},
            "decision": self.decision.position if self.decision else None,
            "registration": self.registration.position if self.registration else None,
            "moves": [move.position for move in self.moves],
            "events": [event.document() for event in self.events()],
        }

    @property
    def stage(self) -> str:
        """The version's stage then; empty when the address meant none."""
        if self.moves:
            return str(self.moves[-1].data.get("toStage", ""))
        return str(self.registration.data.get("stage", "")) if self.registration else ""


def check_inclusion(position: int, record: bytes, inclusion: Inclusion) -> None:
    """Check that a record is in the tree that its proof names, at its position.

    Raises:
        InvalidProof: It is not shown to be.
    """
    verify_inclusion(
        leaf_hash(record), position - 1, inclusion.size, inclusion.path, inclusion.root
    )


def moved_alias(history: Sequence[TracedEvent]) -> TracedEvent | None:
    """Return the event that an alias is so by, None when it was never set.

    Args:
        history: The alias's events, oldest first.
    """
    deciding = [event for event in history if event.type in _MOVE_ALIASES]
    return deciding[-1] if deciding else None


def stage_moves(history: Sequence[TracedEvent]) -> tuple[TracedEvent, ...]:
    """Return the events of a version's history that moved its stage, oldest first."""
    return tuple(event for event in history if event.type in _MOVE_STAGES)


def registered(history: Sequence[TracedEvent]) -> TracedEvent | None:
    """Return the event that registered a version."""
    return next((event for event in history if event.type == "VersionRegistered"), None)
