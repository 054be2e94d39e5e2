"""Raising and resolving flags, and revoking versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regesta_projections import events as e
from regesta_projections.evolve.streams import stream_of
from regesta_service.domain import limits
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import (
    any_model,
    any_version,
    expect_revision,
    live_model,
    live_version,
)
from regesta_service.domain.rejections import FlagExists, FlagNotFound, TooManyFlags
from regesta_service.domain.stopping import revoked, severity_of
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta_projections.rows import ModelRow, Rows, VersionRow


@dataclass(frozen=True, slots=True)
class _OnModelOrVersion:
    """What commands about flags have in common."""

    model: str
    #: None for the model itself.
    number: int | None
    flag: str

    def wants(self) -> tuple[Wanted, ...]:
        """Return the model and perhaps the version."""
        return (Wanted(self.model, versions=() if self.number is None else (self.number,)),)

    def _found(self, rows: Rows, expected: int | None) -> ModelRow | VersionRow:
        model = live_model(rows, self.model)
        if self.number is None:
            expect_revision(f"models/{model.name}", model.revision, expected)
            return model
        version = live_version(rows, model, self.number)
        thing = f"models/{model.name}/versions/{self.number}"
        expect_revision(thing, version.revision, expected)
        return version


@dataclass(frozen=True, slots=True)
class RaiseFlag(_OnModelOrVersion):
    """Raise a flag; one that is open with the same severity and effect changes nothing.

    Its reason is not compared: salted digests do not tell whether two texts are the same.
    """

    #: `INFO`, `WARNING` or `CRITICAL`.
    severity: str
    blocking: bool
    expected_revision: int | None = None
    reason: SealedText | None = None

    def decide(self, rows: Rows) -> Decision:
        """Raise it, or refuse with FLAG_EXISTS or TOO_MANY_FLAGS."""
        row = self._found(rows, self.expected_revision)
        flags = row.resource.flags
        for flag in flags:
            if flag.id == self.flag:
                if (severity_of(flag), flag.blocking) == (self.severity, self.blocking):
                    return Decision((), row.key)
                raise FlagExists(
                    f"the flag {self.flag} is open with another severity or effect; resolve it"
                    " first, or name another",
                    metadata={"flag": self.flag, "severity": severity_of(flag)},
                )
        if len(flags) >= limits.MAX_FLAGS:
            raise TooManyFlags(
                f"{len(flags)} flags are open, as many as there may be; resolve one first",
                metadata={"limit": str(limits.MAX_FLAGS)},
            )
        event = e.FlagRaised(
            flag=self.flag,
            severity=self.severity,
            blocking=self.blocking,
            reason=free_text(self.reason),
        )
        return _said(row, event, self.reason)


@dataclass(frozen=True, slots=True)
class ResolveFlag(_OnModelOrVersion):
    """Resolve an open flag."""

    expected_revision: int | None = None
    reason: SealedText | None = None

    def decide(self, rows: Rows) -> Decision:
        """Resolve it, or refuse with FLAG_NOT_FOUND."""
        row = self._found(rows, self.expected_revision)
        if not any(flag.id == self.flag for flag in row.resource.flags):
            raise FlagNotFound(
                f"there is no open flag {self.flag} on it; a model's flags are not its versions'",
                metadata={"flag": self.flag},
            )
        event = e.FlagResolved(flag=self.flag, reason=free_text(self.reason))
        return _said(row, event, self.reason)


@dataclass(frozen=True, slots=True)
class RevokeVersion:
    """Revoke a version for good; the same again changes nothing.

    What is deleted can be revoked as well: restoring it first would let it be used meanwhile.
    """

    model: str
    number: int
    category: str
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the version."""
        return (Wanted(self.model, versions=(self.number,)),)

    def decide(self, rows: Rows) -> Decision:
        """Revoke it, or refuse with VERSION_REVOKED what was revoked for another cause."""
        model = any_model(rows, self.model)
        version = any_version(rows, model, self.number)
        thing = f"models/{model.name}/versions/{self.number}"
        expect_revision(thing, version.revision, self.expected_revision)
        if version.resource.HasField("revoked"):
            if version.resource.revoked.category == self.category:
                return Decision((), version.key)
            raise revoked(model.name, version.resource)
        event = e.VersionRevoked(category=self.category, reason=free_text(self.reason))
        return _said(version, event, self.reason)


def _said(
    row: ModelRow | VersionRow,
    event: e.FlagRaised | e.FlagResolved | e.VersionRevoked,
    reason: SealedText | None,
) -> Decision:
    return Decision((Fact(stream_of(row.key), event, beside(("reason", reason))),), row.key)
