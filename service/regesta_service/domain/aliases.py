"""Pointing, removing and protecting aliases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from regesta_projections import events as e
from regesta_projections.evolve.streams import stream_of
from regesta_projections.resolving import stage_closed
from regesta_projections.rows import AliasKey
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision, live_model, live_version
from regesta_service.domain.moving import NOBODY, Mover, evaluations_part, permit
from regesta_service.domain.rejections import (
    AliasIsProtected,
    AliasNotFound,
    AliasPinned,
    RevisionMismatch,
    VersionArchived,
)
from regesta_service.domain.stopping import expect_not_stopped
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from regesta.sealed import SealedText
    from regesta_projections.rows import AliasRow, ModelRow, Rows, VersionRow

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
    #: Whether the caller has the permission that protected aliases want.
    may_move_protected: bool = False

    def wants(self) -> tuple[Wanted, ...]:
        """Return the alias, the version and what governs it."""
        return (wanted(self.model, self.alias, self.number, self.mover),)

    def decide(self, rows: Rows) -> Decision:
        """Point it there, or refuse with VERSION_ARCHIVED, ALIAS_PINNED or ALIAS_PROTECTED.

        What stops the version, a policy that governs the move, or the request that it carries
        out refuses it too.
        """
        model = live_model(rows, self.model)
        version = live_version(rows, model, self.number)
        key = AliasKey(model.model, self.alias)
        alias = rows.get(key)
        _expect(model, self.alias, alias, self.expected_revision)
        expect_resolvable(model, version)
        expect = partial(expect_movable, model, alias, may=self.may_move_protected)
        facts = pointed(
            rows, model, version, key, reason=self.reason, mover=self.mover, expect=expect
        )
        return Decision(facts, key)


def wanted(model: str, alias: str, number: int, mover: Mover) -> Wanted:
    """Return what has to be looked at to point an alias to a version."""
    return Wanted(
        model,
        versions=(number,),
        aliases=(alias,),
        below=(evaluations_part(number),),
        keys=mover.keys,
    )


def pointed(
    rows: Rows,
    model: ModelRow,
    version: VersionRow,
    key: AliasKey,
    *,
    reason: SealedText | None,
    mover: Mover,
    expect: Callable[[], None],
) -> tuple[Fact, ...]:
    """Return what pointing an alias to a version comes to; nothing when it points there already.

    Args:
        rows: The state.
        model: The alias's model.
        version: The version.
        key: The alias.
        reason: Why.
        mover: Who does it.
        expect: Refuses an alias that may not be moved.

    Raises:
        Rejection: As `expect` raises it, or a policy that governs the move.
    """
    alias = rows.get(key)
    previous = 0 if alias is None else alias.number or 0
    if previous == version.number:
        return ()
    expect()
    permitted = permit(rows, mover, model, version, alias=key.alias)
    event = e.AliasSet(
        version=version.number,
        previous_version=previous,
        policies=permitted.policies,
        request=mover.request,
        evidence_digest=permitted.evidence_digest,
        reason=free_text(reason),
    )
    return (Fact(stream_of(key), event, beside(("reason", reason))), *permitted.facts)


def expect_resolvable(model: ModelRow, version: VersionRow) -> None:
    """Refuse a version that no alias may point to.

    Raises:
        VersionArchived: It is in a closed stage.
        VersionFlagged: A flag stops it, as VersionRevoked and ModelFlagged.
    """
    expect_not_stopped(model, version)
    if stage_closed(version.resource):
        raise VersionArchived(
            f"models/{model.name}/versions/{version.number} is {version.resource.stage};"
            " move it to another stage before an alias points to it",
            metadata={"model": model.name, "version": str(version.number)},
        )


def expect_movable(model: ModelRow, alias: AliasRow | None, *, may: bool) -> None:
    """Refuse to move or remove an alias that is pinned, or protected from the caller.

    Raises:
        AliasPinned: It is pinned.
        AliasIsProtected: It is protected, and the caller may not move such.
    """
    if alias is None:
        return
    resource = alias.resource
    thing = f"models/{model.name}/aliases/{alias.alias}"
    metadata = {"model": model.name, "alias": alias.alias}
    if resource.pinned:
        when = resource.pin_time.ToJsonString()
        raise AliasPinned(
            f"{thing} was pinned by {resource.pinned_by} at {when}; unpin it first",
            metadata={**metadata, "pinned_by": resource.pinned_by, "pin_time": when},
        )
    if resource.protected and not may:
        raise AliasIsProtected(
            f"{thing} is protected; moving or removing it needs the permission catalog.protect",
            metadata={**metadata, "permission": "catalog.protect"},
        )


@dataclass(frozen=True, slots=True)
class RemoveAlias:
    """Remove an alias."""

    model: str
    alias: str
    expected_revision: int | None = None
    reason: SealedText | None = None
    #: Whether the caller has the permission that protected aliases want.
    may_move_protected: bool = False

    def wants(self) -> tuple[Wanted, ...]:
        """Return the alias."""
        return (Wanted(self.model, aliases=(self.alias,)),)

    def decide(self, rows: Rows) -> Decision:
        """Remove it, or refuse with ALIAS_NOT_FOUND, ALIAS_PINNED or ALIAS_PROTECTED."""
        model = live_model(rows, self.model)
        key = AliasKey(model.model, self.alias)
        alias = rows.get(key)
        if alias is None or alias.number is None:
            raise AliasNotFound(
                f"models/{model.name} has no alias {self.alias}, so there is nothing to remove",
                metadata={"model": model.name, "alias": self.alias},
            )
        _expect(model, self.alias, alias, self.expected_revision)
        expect_movable(model, alias, may=self.may_move_protected)
        event = e.AliasRemoved(previous_version=alias.number, reason=free_text(self.reason))
        return Decision((Fact(stream_of(key), event, beside(("reason", self.reason))),), key)


@dataclass(frozen=True, slots=True)
class ProtectAlias:
    """Protect or pin an alias, or take that back; what it is already changes nothing.

    An alias that was removed is still there for this: it is protected when it is set again.
    """

    model: str
    alias: str
    #: None leaves it as it is.
    protected: bool | None = None
    #: None leaves it as it is.
    pinned: bool | None = None
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the alias."""
        return (Wanted(self.model, aliases=(self.alias,)),)

    def decide(self, rows: Rows) -> Decision:
        """Protect it, or refuse with ALIAS_NOT_FOUND."""
        model = live_model(rows, self.model)
        key = AliasKey(model.model, self.alias)
        alias = rows.get(key)
        if alias is None:
            raise AliasNotFound(
                f"models/{model.name} never had an alias {self.alias}; set it first",
                metadata={"model": model.name, "alias": self.alias},
            )
        thing = f"models/{model.name}/aliases/{self.alias}"
        expect_revision(thing, alias.revision, self.expected_revision)
        resource = alias.resource
        protected = resource.protected if self.protected is None else self.protected
        pinned = resource.pinned if self.pinned is None else self.pinned
        if (protected, pinned) == (resource.protected, resource.pinned):
            return Decision((), key)
        event = e.AliasProtected(protected=protected, pinned=pinned, reason=free_text(self.reason))
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
