"""Steps of a plan, what a plan finds, and the ids of its requests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from google.protobuf.message import Message

from regesta.names import NOT_IN_LINE

#: How the request id of everything that an import writes begins.
PREFIX: Final = "import-"

_SOURCE_DIGITS: Final = 8
_DIGEST_DIGITS: Final = 40

#: Characters of whom a write may be claimed to be by; a longer text is no claim.
_MOST_OF_A_NAME: Final = 250


class Outcome(StrEnum):
    """What became of something that the source has and this registry has not."""

    #: There is no place for it here, or it was refused.
    NOT_CARRIED = "not carried"
    #: It was changed in the source and here; here was left as it is.
    CONFLICT = "conflict"
    #: It was deleted in the source, and is left here.
    DELETED = "deleted in the source"
    #: It was changed here and not in the source: nothing is to be done.
    KEPT = "kept"
    #: It was carried in another form.
    CHANGED = "carried otherwise"

    @property
    def is_loss(self) -> bool:
        """Whether the two registries do not agree because of it."""
        return self not in {Outcome.KEPT, Outcome.CHANGED}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not here as it is in the source, and why."""

    outcome: Outcome
    #: In the words of the source: a model's name, a name and a number, a name and an alias.
    resource: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """One write.

    Attributes:
        call: The method of the client.
        what: What it does, for the report: `versions registered`.
        resource: To what, for people.
        arguments: Of the method.
        request_id: Of the write.
        occurred_time: When it happened in the source; None when nobody knows.
        occurred_by: Who did it there; empty when nobody knows.
        instead: What to do when it is refused, so that numbers go on as in the source.
    """

    call: str
    what: str
    resource: str
    arguments: Mapping[str, Any]
    request_id: str
    occurred_time: datetime | None = None
    occurred_by: str = ""
    instead: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, and what cannot be done."""

    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()

    @classmethod
    def finding(cls, outcome: Outcome, resource: str, what: str, why: str) -> Plan:
        """Return a plan that only tells something."""
        return cls((), (Finding(outcome, resource, what, why),))

    def __add__(self, other: Plan) -> Plan:
        """Return both, one after the other."""
        return Plan(self.steps + other.steps, self.findings + other.findings)


@dataclass(frozen=True, slots=True)
class Scribe:
    """Makes the steps of one source.

    Attributes:
        source: What the source is called; the same in every run.
        now: The time of the run: what the source claims to be later is claimed without a time.
    """

    source: str
    now: datetime
    _key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_key", source_key(self.source))

    def step(
        self,
        call: str,
        what: str,
        resource: str,
        arguments: Mapping[str, Any],
        *,
        revision: str = "",
        identity: str = "",
        at: datetime | None = None,
        by: str = "",
        instead: Sequence[Step] = (),
    ) -> Step:
        """Return a step with its request id.

        Args:
            call: The method of the client.
            what: What it does, for the report.
            resource: To what, for people.
            arguments: Of the method.
            revision: That of the resource it was planned for; it is part of the id.
            identity: What the id is made of instead of all that, where the source has something
                that stands for this write alone.
            at: When it happened in the source.
            by: Who did it there.
            instead: What to do when it is refused.
        """
        content = identity or json.dumps(
            [call, resource, plain(arguments), revision], sort_keys=True, ensure_ascii=False
        )
        digest = sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_DIGITS]
        return Step(
            call,
            what,
            resource,
            arguments,
            f"{PREFIX}{self._key}-{digest}",
            None if at is None or at > self.now else at,
            by if len(by) <= _MOST_OF_A_NAME and not NOT_IN_LINE.search(by) else "",
            tuple(instead),
        )

    def wrote(self, request_id: str) -> bool:
        """Say whether a request is one of an import from this source."""
        return request_id.startswith(f"{PREFIX}{self._key}-")


def model_name(model: str) -> str:
    """Return a model's name below its namespace: a short one would not do for one called `models`."""
    return f"models/{model}"


def version_name(model: str, number: int) -> str:
    """Return a version's name below its namespace."""
    return f"models/{model}/versions/{number}"


def alias_name(model: str, alias: str) -> str:
    """Return an alias's name below its namespace."""
    return f"models/{model}/aliases/{alias}"


def source_key(source: str) -> str:
    """Return what stands for a source in request ids."""
    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:_SOURCE_DIGITS]


def is_imported(request_id: str) -> bool:
    """Say whether a request is an import's, from whatever source."""
    return request_id.startswith(PREFIX)


def plain(value: Any) -> Any:
    """Return a value of arguments as JSON has it, the same for the same content."""
    match value:
        case Message():
            return value.SerializeToString(deterministic=True).hex()
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case str() | int() | float() | bool() | None:
            return value
        case datetime():
            return value.isoformat()
        case _:
            return [plain(item) for item in value]


def under(step: Step, **arguments: Any) -> Step:
    """Return a step with more arguments, under the id that it has."""
    return replace(step, arguments={**step.arguments, **arguments})
