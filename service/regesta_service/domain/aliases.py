"""Pointing and removing aliases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regesta_projections import events as e
from regesta_projections.evolve.streams import stream_of
from regesta_projections.resolving import stage_closed
from regesta_projections.rows import AliasKey
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision, live_model, live_version
from regesta_service.domain.moving import NOBODY, Mover, evaluations_part, permit
from regesta_service.domain.rejections import AliasNotFound, RevisionMismatch, VersionArchived
from regesta_service.domain.stopping import expect_not_stopped
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta_projections.rows import AliasRow, ModelRow, Rows

#: As an expected revision of an alias: it must not point anywhere.
POINTS_NOWHERE = 0


@dataclass(frozen=True, slots=True)
class SetAlias:
    """Point an alias to a version; where it points already changes nothing.

    The version must be neither deleted, archived nor stopped by a flag or its revocation, even
    if the alias points to it already. A removed alias goes on at the revision it had.
    """

    model: str
    alias: str
    number: int
    #: `POINTS_NOWHERE` holds for an alias that never was or was removed.
    expected_revision: int | None = None
    reason: SealedText | None = None
    mover: Mover = NOBODY

    def wants(self) -> tuple[Wanted, ...]:
        """Return the alias, the version and what governs it."""
        return (
            Wanted(
                self.model,
                versions=(self.number,),
                aliases=(self.alias,),
                below=(evaluations_part(self.number),),
                keys=self.mover.keys,
            ),
        )

    def decide(self, rows: Rows) -> Decision:
        """Point it there, or refuse with VERSION_ARCHIVED or what stops the version.

        A policy that governs it, or the request that it carries out, refuses it too.
        """
        model = live_model(rows, self.model)
        version = live_version(rows, model, self.number)
        key = AliasKey(model.model, self.alias)
        alias = rows.get(key)
        _expect(model, self.alias, alias, self.expected_revision)
        expect_not_stopped(model, version)
        if stage_closed(version.resource):
            raise VersionArchived(
                f"models/{model.name}/versions/{self.number} is {version.resource.stage};"
                " move it to another stage before an alias points to it",
                metadata={"model": model.name, "version": str(self.number)},
            )
        previous = 0 if alias is None else alias.number or 0
        if previous == self.number:
            return Decision((), key)
        permitted = permit(rows, self.mover, model, version, alias=self.alias)
        event = e.AliasSet(
            version=self.number,
            previous_version=previous,
            policies=permitted.policies,
            request=self.mover.request,
            evidence_digest=permitted.evidence_digest,
            reason=free_text(self.reason),
        )
        pointed = Fact(stream_of(key), event, beside(("reason", self.reason)))
        return Decision((pointed, *permitted.facts), key)


@dataclass(frozen=True, slots=True)
class RemoveAlias:
    """Remove an alias."""

    model: str
    alias: str
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the alias."""
        return (Wanted(self.model, aliases=(self.alias,)),)

    def decide(self, rows: Rows) -> Decision:
        """Remove it, or refuse with ALIAS_NOT_FOUND."""
        model = live_model(rows, self.model)
        key = AliasKey(model.model, self.alias)
        alias = rows.get(key)
        if alias is None or alias.number is None:
            raise AliasNotFound(
                f"models/{model.name} has no alias {self.alias}, so there is nothing to remove",
                metadata={"model": model.name, "alias": self.alias},
            )
        _expect(model, self.alias, alias, self.expected_revision)
        event = e.AliasRemoved(previous_version=alias.number, reason=free_text(self.reason))
        return Decision((Fact(stream_of(key), event, beside(("reason", self.reason))),), key)


def _expect(model: ModelRow, name: str, alias: AliasRow | None, expected: int | None) -> None:
    """Refuse an alias that is not at the revision the caller expects, if any."""
    number = None if alias is None else alias.number
    revision = 0 if alias is None else alias.revision
    thing = f"models/{model.name}/aliases/{name}"
    if expected != POINTS_NOWHERE:
        expect_revision(thing, revision, expected)
    elif number is not None:
        raise RevisionMismatch(
            f"{thing} points to version {number} already; read it again and decide anew",
            metadata={"expected": str(expected), "actual": str(revision)},
        )
