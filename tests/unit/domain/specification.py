"""Says what a command comes to: `given(*events).when(command).then(*events)`.

The state is folded from the given events by the real fold, the command sees only the rows
it said it would look at, and what it decides is written as records and folded too.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from regesta.sealed import SealedText, seal
from regesta_projections.events import (
    AliasSet,
    Event,
    FreeText,
    ModelCreated,
    StageChanged,
    VersionRegistered,
)
from regesta_projections.evolve.streams import below
from regesta_projections.records import Cause
from regesta_projections.rows import AliasKey, LabelKey, ModelKey, NameKey, Row, Rows, VersionKey
from tests.support.log_builder import LogBuilder

if TYPE_CHECKING:
    from regesta_projections.rows import Key
    from regesta_service.domain.deciding import Command, Decision, Wanted
    from regesta_service.domain.rejections import Rejection

#: An event and the stream it happens to.
Happening: TypeAlias = tuple[str, Event]

CHURN = "models/churn"


def version(number: int) -> str:
    """Return the stream of a version of `churn`."""
    return f"{CHURN}/versions/{number}"


def alias(name: str) -> str:
    """Return the stream of an alias of `churn`."""
    return f"{CHURN}/aliases/{name}"


def created(name: str = "churn") -> Happening:
    """The model was created."""
    return f"models/{name}", ModelCreated(name=name, kind="MODEL")


def registered(number: int, semver: str = "") -> Happening:
    """A version of `churn` was registered."""
    return version(number), VersionRegistered(version=number, semver=semver, stage="development")


def moved(number: int, from_stage: str, to_stage: str, **more: Any) -> Happening:
    """A version of `churn` moved."""
    return version(number), StageChanged(from_stage=from_stage, to_stage=to_stage, **more)


def pointed(name: str, number: int, previous: int = 0) -> Happening:
    """An alias of `churn` was pointed to a version."""
    return alias(name), AliasSet(version=number, previous_version=previous)


def sealed(text: str) -> SealedText:
    """Return a text under a salt made from it, so that it is the same each time."""
    return seal(text, sha256(text.encode()).digest()[:16])


def digest(text: str) -> FreeText:
    """Return what an event holds of `sealed(text)`."""
    return FreeText(digests=(sealed(text).digest,))


def given(*past: Happening) -> Given:
    """Return the state after some events."""
    log = LogBuilder("acme")
    log.extend(past)
    return Given(log)


@dataclass(frozen=True, slots=True)
class Given:
    """A state."""

    log: LogBuilder

    def when(self, command: Command) -> When:
        """Return what to expect of a command."""
        return When(self.log, command)

    def row(self, key: Key) -> Row:
        """Return a row that must be there."""
        row = self.log.rows[key]
        assert row is not None
        return row


@dataclass(frozen=True, slots=True)
class When:
    """A command in a state."""

    log: LogBuilder
    command: Command

    def decide(self) -> Decision:
        """Let it decide on the rows it wants, and on no others."""
        return self.command.decide(self.rows())

    def rows(self) -> Rows:
        """Return the rows it wants, and no others."""
        return Rows(self._base())

    def then(self, *facts: Happening, shows: Key | None = None) -> Given:
        """Expect exactly these events, and return the state after them."""
        decision = self.decide()

        assert list(facts) == [(fact.stream, fact.event) for fact in decision.facts]
        if shows is not None:
            assert shows == decision.shows

        cause = Cause("alice", "user", f"request-{self.log.size}")
        for fact in decision.facts:
            self.log.append(fact.stream, fact.event, *fact.texts, cause=cause)
        assert self.log.rows[decision.shows] is not None
        return Given(self.log)

    def then_nothing(self) -> Given:
        """Expect that all is so already."""
        return self.then()

    def keeps(self, *texts: tuple[str, str]) -> None:
        """Expect these free texts, by field, to be kept beside the one event."""
        (fact,) = self.decide().facts

        assert list(texts) == [(field, text.text) for field, text in fact.texts]

    def refused(self, kind: type[Rejection], **metadata: str) -> str:
        """Expect a refusal, and return its message."""
        with pytest.raises(kind) as caught:
            self.decide()

        assert kind is caught.type
        assert metadata == caught.value.metadata
        return caught.value.message

    def _base(self) -> dict[Key, Row | None]:
        base: dict[Key, Row | None] = {}
        for wanted in self.command.wants():
            for key in self._keys(wanted):
                base[key] = self.log.rows.get(key)
        return base

    def _keys(self, wanted: Wanted) -> list[Key]:
        if not wanted.name:
            return list(wanted.keys)
        name = NameKey(wanted.name.lower())
        named = Rows({name: self.log.rows.get(name)}).get(name)
        if named is None:
            return [name, *wanted.keys]
        return [
            name,
            *wanted.keys,
            ModelKey(named.model),
            *(VersionKey(named.model, number) for number in wanted.versions),
            *(AliasKey(named.model, alias) for alias in wanted.aliases),
            *(LabelKey(named.model, label) for label in wanted.labels),
            *(below(named.model, part) for part in wanted.below),
            *(
                max(inside, key=lambda row: row.stage_position).key
                for stage in wanted.stages
                if (inside := list(Rows(self.log.rows).versions_in(named.model, stage)))
            ),
        ]
