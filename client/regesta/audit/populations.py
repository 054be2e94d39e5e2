"""Populations: all events of a log that match conditions, shown to be all.

An auditor's first question about a list is whether it is complete. Whoever makes a population
reads every record of the log up to its size, hashes each, and compares the root with that of a
checkpoint; so nobody between the log and the auditor can leave an event out. Anybody who holds
the log, or a pack of all of it, makes the same population again.

Nothing here talks to a server: records come as bytes. docs/audit/populations.md is the
description for others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from regesta.merkle import Frontier, leaf_hash

FORMAT: Final = "regesta-population/1"

TYPE_PREFIX: Final = "io.regesta.events.v1."

_CHUNK: Final = 4_096
_WORD_END = re.compile(r"_([a-z0-9])")


class InvalidCondition(ValueError):
    """A condition on an event's data is not written as `member=value`."""


class UnreadableRecord(ValueError):
    """A line is no record, so nobody can say whether it belongs to a population."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A member of an event's data that has a value."""

    #: As in the record, from the outermost on: `("toStage",)` or `("lineage", "run")`.
    path: tuple[str, ...]
    value: str

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Return the condition in `to_stage=production` or `toStage=production`.

        Members within members are parted by dots.

        Raises:
            InvalidCondition: It is none.
        """
        path, equals, value = text.partition("=")
        names = tuple(_camel(name) for name in path.strip().split("."))
        if not equals or not all(names):
            raise InvalidCondition("a condition is member=value, such as to_stage=production")
        return cls(names, value)

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Say whether an event's data has it; numbers and booleans as JSON writes them."""
        value: Any = data
        for name in self.path:
            if not isinstance(value, dict) or name not in value:
                # Records leave out what has its default.
                return self.value == ""
            value = value[name]
        if isinstance(value, str):
            return value == self.value
        return not isinstance(value, dict | list) and json.dumps(value) == self.value

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}={self.value}"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events belong to a population; an empty condition holds for all."""

    #: Short names, for example `StageChanged`.
    types: tuple[str, ...] = ()
    #: Streams; that of a model includes its versions and aliases. A model is named as it was
    #: when it was created.
    resources: tuple[str, ...] = ()
    #: Principals.
    actors: tuple[str, ...] = ()
    #: All of them must hold.
    where: tuple[Condition, ...] = ()
    #: Recorded at or after this time.
    begin: datetime | None = None
    #: Recorded before this time.
    end: datetime | None = None

    def matches(self, envelope: Mapping[str, Any]) -> bool:
        """Say whether an event belongs to it, given its record as JSON."""
        kind, subject = envelope["type"], envelope["subject"]
        if self.types and kind.removeprefix(TYPE_PREFIX) not in self.types:
            return False
        if self.resources and not any(
            subject == one or subject.startswith(f"{one}/") for one in self.resources
        ):
            return False
        if self.actors and envelope["authid"] not in self.actors:
            return False
        if self.begin is not None or self.end is not None:
            time = datetime.fromisoformat(envelope["recordedtime"])
            if (self.begin and time < self.begin) or (self.end and time >= self.end):
                return False
        data = envelope.get("data")
        return all(one.holds(data if isinstance(data, dict) else {}) for one in self.where)

    def document(self) -> dict[str, Any]:
        """Return the filter as it stands in a statement."""
        members: dict[str, Any] = {
            "types": list(self.types),
            "resources": list(self.resources),
            "actors": list(self.actors),
            "where": [str(one) for one in self.where],
            "begin": _iso(self.begin),
            "end": _iso(self.end),
        }
        return {name: value for name, value in members.items() if value}


@dataclass(frozen=True, slots=True)
class Member:
    """An event of a population."""

    position: int
    #: Short name.
    type: str
    stream: str
    actor: str
    #: As in the record.
    time: str
    #: Leaf hash of the record, 32 bytes.
    leaf: bytes

    def document(self) -> dict[str, Any]:
        """Return it as it stands in a statement."""
        return {
            "position": self.position,
            "type": self.type,
            "stream": self.stream,
            "actor": self.actor,
            "time": self.time,
            "leaf": self.leaf.hex(),
        }


@dataclass(frozen=True, slots=True)
class Population:
    """All events of a log of some size that match a filter."""

    filter: Filter
    #: How many events the log had.
    size: int
    #: Merkle root over all of them, 32 bytes.
    root: bytes
    #: By position.
    members: tuple[Member, ...] = field(default=())

    def positions_digest(self) -> bytes:
        """Return SHA-256 over the positions, ascending, each as 8 bytes, most significant first."""
        return digest_of_positions(member.position for member in self.members)

    def document(self) -> dict[str, Any]:
        """Return the statement: what was asked, of which log, and what came of it."""
        return {
            "format": FORMAT,
            "size": self.size,
            "root": self.root.hex(),
            "filter": self.filter.document(),
            "count": len(self.members),
            "positions_sha256": self.positions_digest().hex(),
        }


def take_population(records: Iterable[bytes], wanted: Filter) -> Population:
    """Return the population in a log.

    Args:
        records: The exact bytes of every record, from position 1 on. That they are all there,
            and what they were, is known once the population's root is compared with that of a
            checkpoint of its size.
        wanted: Which events belong to it.

    Raises:
        UnreadableRecord: A line is no record.
    """
    frontier = Frontier()
    members: list[Member] = []
    waiting: list[bytes] = []
    for position, record in enumerate(records, 1):
        leaf = leaf_hash(record)
        waiting.append(leaf)
        if len(waiting) == _CHUNK:
            frontier.extend(waiting)
            waiting.clear()
        members += _members(position, record, leaf, wanted)
    frontier.extend(waiting)
    return Population(wanted, frontier.size, frontier.root(), tuple(members))


def digest_of_positions(positions: Iterable[int]) -> bytes:
    """Return SHA-256 over positions, ascending, each as 8 bytes, most significant first."""
    digest = sha256()
    for position in sorted(positions):
        digest.update(position.to_bytes(8, "big"))
    return digest.digest()


def _members(position: int, record: bytes, leaf: bytes, wanted: Filter) -> Iterator[Member]:
    try:
        envelope = json.loads(record)
        if not wanted.matches(envelope):
            return
        yield Member(
            position,
            envelope["type"].removeprefix(TYPE_PREFIX),
            envelope["subject"],
            envelope["authid"],
            envelope["recordedtime"],
            leaf,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableRecord(f"the line at position {position} is no record") from error


def _camel(name: str) -> str:
    return _WORD_END.sub(lambda found: found[1].upper(), name.strip())


def _iso(time: datetime | None) -> str:
    return "" if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")
