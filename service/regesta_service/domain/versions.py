"""Registering, labelling, changing, deleting and restoring versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from regesta.semver import sort_key
from regesta_projections import events as e
from regesta_projections.evolve.streams import stream_of
from regesta_projections.resources import GOVERNANCE
from regesta_projections.rows import LabelKey, ModelKey, VersionKey
from regesta_service.domain import lifecycle
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import (
    any_version,
    expect_revision,
    find_named,
    live_model,
    live_version,
)
from regesta_service.domain.rejections import NotDeleted, SemverFixed, SemverTaken
from regesta_service.domain.texts import beside, free_text, needed

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta_projections.rows import LabelRow, ModelRow, Rows, VersionRow
    from regesta_service.domain.texts import TextChange


@dataclass(frozen=True, slots=True)
class RegisterVersion:
    """Register the next version of a model."""

    model: str
    #: The event but for its number and stage, which are decided.
    content: e.VersionRegistered
    #: The free texts whose digests `content` holds, by field.
    texts: tuple[tuple[str, SealedText], ...] = ()
    #: Create the model, of kind MODEL, when there is none. The reason stands with the
    #: version alone: a digest belongs to one event.
    allow_missing_model: bool = False

    def wants(self) -> tuple[Wanted, ...]:
        """Return the model, and who has the label."""
        semver = self.content.semver
        labels = (sort_key(semver),) if semver else ()
        return (Wanted(self.model, labels=labels, keys=(GOVERNANCE,)),)

    def decide(self, rows: Rows) -> Decision:
        """Register it, or refuse with SEMVER_TAKEN."""
        if self.allow_missing_model and find_named(rows, self.model) is None:
            key = ModelKey(self.model)
            created = Fact(stream_of(key), e.ModelCreated(name=self.model, kind="MODEL"))
            return self._register(rows, key, 1, (created,))
        model = live_model(rows, self.model)
        if self.content.semver:
            _expect_free(rows, model, self.content.semver)
        return self._register(rows, model.key, model.last_version + 1, ())

    def _register(
        self, rows: Rows, model: ModelKey, number: int, before: tuple[Fact, ...]
    ) -> Decision:
        key = VersionKey(model.model, number)
        stages = lifecycle.lifecycle_for(rows, model.model)
        event = msgspec.structs.replace(
            self.content,
            version=number,
            stage=stages.initial,
            resolution=stages.resolution(stages.initial),
        )
        return Decision((*before, Fact(stream_of(key), event, self.texts)), key)


@dataclass(frozen=True, slots=True)
class LabelVersion:
    """Give a version its SemVer label; the same again changes nothing."""

    model: str
    number: int
    semver: str
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the version, and who has the label."""
        return (Wanted(self.model, versions=(self.number,), labels=(sort_key(self.semver),)),)

    def decide(self, rows: Rows) -> Decision:
        """Label it, or refuse with SEMVER_FIXED or SEMVER_TAKEN."""
        model = live_model(rows, self.model)
        version = live_version(rows, model, self.number)
        _expect(model, version, self.expected_revision)
        present = version.resource.semver
        if present == self.semver:
            return _unchanged(version)
        if present:
            raise SemverFixed(
                f"{_named(model, version)} is {present} for ever; register another version",
                metadata={**_metadata(model, version), "semver": present},
            )
        _expect_free(rows, model, self.semver)
        event = e.VersionSemverLabelled(semver=self.semver, reason=free_text(self.reason))
        return _decided(version, event, ("reason", self.reason))


@dataclass(frozen=True, slots=True)
class UpdateVersion:
    """Change a version's description or card; None leaves each as it is.

    Clearing a text that is not there changes nothing. A text is always set anew, since
    digests do not tell whether it is the same.
    """

    model: str
    number: int
    description: TextChange | None = None
    card: TextChange | None = None
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the version."""
        return (Wanted(self.model, versions=(self.number,)),)

    def decide(self, rows: Rows) -> Decision:
        """Change what differs."""
        model = live_model(rows, self.model)
        version = live_version(rows, model, self.number)
        _expect(model, version, self.expected_revision)
        description = needed(self.description, "description", version.texts)
        card = needed(self.card, "card", version.texts)
        if description is None and card is None:
            return _unchanged(version)
        event = e.VersionUpdated(
            description=free_text(description),
            card=free_text(card),
            reason=free_text(self.reason),
        )
        return _decided(
            version, event, ("description", description), ("card", card), ("reason", self.reason)
        )


@dataclass(frozen=True, slots=True)
class DeleteVersion:
    """Hide a version; deleting what is deleted changes nothing.

    Aliases that point to it stay, and resolve again once it is restored.
    """

    model: str
    number: int
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the version."""
        return (Wanted(self.model, versions=(self.number,)),)

    def decide(self, rows: Rows) -> Decision:
        """Delete it."""
        model = live_model(rows, self.model)
        version = any_version(rows, model, self.number)
        _expect(model, version, self.expected_revision)
        if version.deleted:
            return _unchanged(version)
        event = e.VersionDeleted(reason=free_text(self.reason))
        return _decided(version, event, ("reason", self.reason))


@dataclass(frozen=True, slots=True)
class RestoreVersion:
    """Bring a deleted version back; a deleted model must be restored before it."""

    model: str
    number: int
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the version."""
        return (Wanted(self.model, versions=(self.number,)),)

    def decide(self, rows: Rows) -> Decision:
        """Restore it, or refuse with NOT_DELETED."""
        model = live_model(rows, self.model)
        version = any_version(rows, model, self.number)
        _expect(model, version, self.expected_revision)
        if not version.deleted:
            raise NotDeleted(
                f"{_named(model, version)} is not deleted, so there is nothing to restore",
                metadata=_metadata(model, version),
            )
        event = e.VersionRestored(reason=free_text(self.reason))
        return _decided(version, event, ("reason", self.reason))


def _named(model: ModelRow, version: VersionRow | LabelRow) -> str:
    return f"models/{model.name}/versions/{version.number}"


def _metadata(model: ModelRow, version: VersionRow | LabelRow) -> dict[str, str]:
    return {"model": model.name, "version": str(version.number)}


def _expect(model: ModelRow, version: VersionRow, expected: int | None) -> None:
    expect_revision(_named(model, version), version.revision, expected)


def _expect_free(rows: Rows, model: ModelRow, semver: str) -> None:
    """Refuse a label whose precedence another version of the model has."""
    holder = rows.get(LabelKey(model.model, sort_key(semver)))
    if holder is not None:
        raise SemverTaken(
            f"{_named(model, holder)} is {holder.semver}; take another label"
            " (what follows a + does not count)",
            metadata={**_metadata(model, holder), "semver": holder.semver},
        )


def _unchanged(version: VersionRow) -> Decision:
    return Decision((), version.key)


def _decided(
    version: VersionRow, event: e.Event, *texts: tuple[str, TextChange | None]
) -> Decision:
    return Decision((Fact(stream_of(version.key), event, beside(*texts)),), version.key)
