"""Putting the version back that an alias or a stage had before.

Who had it is looked up before, in no transaction with this: a rollback that finds it
changed since is refused with HOLDERS_CHANGED, and whoever asked looks again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import msgspec

from regesta_projections import events as e
from regesta_projections.evolve.streams import below, stream_of
from regesta_projections.resolving import stage_closed
from regesta_projections.resources import GOVERNANCE
from regesta_projections.rows import AliasKey, VersionKey
from regesta_service.domain.aliases import expect_movable
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import any_version, live_model
from regesta_service.domain.holding import Holders
from regesta_service.domain.lifecycle import lifecycle_for
from regesta_service.domain.rejections import (
    AliasNotFound,
    CannotComeBack,
    HoldersChanged,
    MoveNotAllowed,
    NeverHeld,
    NothingToRollBack,
    StageTakenAlready,
)
from regesta_service.domain.releases import expect_holder
from regesta_service.domain.stopping import expect_not_stopped
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta.v1 import governance_pb2 as governance_pb
    from regesta_projections.rows import ModelRow, Rows, VersionRow
    from regesta_service.domain.holding import Held
    from regesta_service.domain.lifecycle import Lifecycle, Stage

#: How many earlier versions a refusal names.
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class RollbackAlias:
    """Point an alias back to the version that it pointed to before.

    After versions 1, 2, 3 a first rollback gives 2 and a second one 1: it goes back along the
    history of holders (`regesta_service.domain.holding`), and is no toggle.
    """

    model: str
    alias: str
    #: The version it must point to now; None for any.
    expected_number: int | None = None
    #: The earlier version to go back to; None for the last of them.
    to_number: int | None = None
    reason: SealedText | None = None
    #: Whether the caller has the permission that protected aliases want.
    may_move_protected: bool = False
    holders: Holders = field(default=Holders())

    def wants(self) -> tuple[Wanted, ...]:
        """Return the alias and the version to go back to."""
        target = _earlier(self.holders, self.to_number)
        versions = () if target is None else (target.number,)
        return (Wanted(self.model, versions=versions, aliases=(self.alias,)),)

    def decide(self, rows: Rows) -> Decision:
        """Point it back, or refuse; NOTHING_TO_ROLL_BACK when it never pointed elsewhere."""
        model = live_model(rows, self.model)
        key = AliasKey(model.model, self.alias)
        alias = rows.get(key)
        thing = f"models/{model.name}/aliases/{self.alias}"
        if alias is None or alias.number is None:
            raise AliasNotFound(
                f"models/{model.name} has no alias {self.alias}; set it instead",
                metadata={"model": model.name, "alias": self.alias},
            )
        expect_holder(thing, alias.number, self.expected_number)
        expect_movable(model, alias, may=self.may_move_protected)
        if alias.revision != self.holders.revision:
            raise _changed(thing)
        target = _target(thing, self.holders, self.to_number)
        _expect_usable(rows, model, thing, self.holders, target)
        event = e.VersionRolledBack(
            version=target.number,
            previous_version=alias.number,
            undone_position=str(self.holders.history[-1].position),
            reason=free_text(self.reason),
        )
        return Decision((Fact(stream_of(key), event, beside(("reason", self.reason))),), key)


@dataclass(frozen=True, slots=True)
class RollbackStage:
    """Put the version that held a stage before back into it.

    The version that holds it goes to the stage that it came from. Neither move has to be one
    that the lifecycle allows. The version that comes back enters the stage anew, even where it
    never left it, so that it is the one that the stage means.
    """

    model: str
    stage: str
    #: The version that must hold it now; None for any.
    expected_number: int | None = None
    #: The earlier version to go back to; None for the last of them.
    to_number: int | None = None
    #: Why, once for the version that leaves and once for the one that comes back.
    reasons: tuple[SealedText | None, SealedText | None] = (None, None)
    holders: Holders = field(default=Holders())

    def wants(self) -> tuple[Wanted, ...]:
        """Return both versions, and whoever entered the stages last that they come into."""
        target = _earlier(self.holders, self.to_number)
        found = [held for held in (*self.holders.history[-1:], target) if held]
        stages = dict.fromkeys((self.stage, *(held.from_stage for held in found[:1])))
        return (
            Wanted(
                self.model,
                versions=tuple(held.number for held in found),
                stages=tuple(filter(None, stages)),
                below=tuple(f"stages/{stage}" for stage in stages if stage),
                keys=(GOVERNANCE,),
            ),
        )

    def decide(self, rows: Rows) -> Decision:
        """Move both, or refuse; NOTHING_TO_ROLL_BACK when nobody held it before."""
        model = live_model(rows, self.model)
        thing = f"models/{model.name}#{self.stage}"
        stages = lifecycle_for(rows, model.model)
        entered = self._stage(stages, thing)
        present = self._present(rows, model, thing)
        target = _target(thing, self.holders, self.to_number)
        origin = self._way_back(rows, stages, model, present)
        comes_back = _expect_usable(rows, model, thing, self.holders, target)
        leaves, comes = self.reasons
        away = e.VersionRolledBack(
            version=target.number,
            previous_version=present.number,
            undone_position=str(present.position),
            from_stage=self.stage,
            to_stage=origin.name,
            resolution=stages.resolution(origin.name),
            reason=free_text(leaves),
        )
        back = msgspec.structs.replace(
            away,
            from_stage=comes_back.resource.stage,
            to_stage=self.stage,
            resolution=stages.resolution(self.stage),
            reason=free_text(comes),
        )
        left = VersionKey(model.model, present.number)
        facts = (
            Fact(stream_of(left), away, beside(("reason", leaves))),
            *_taken(rows, model, origin, present.number),
            *_taken(rows, model, entered, target.number),
            Fact(stream_of(comes_back.key), back, beside(("reason", comes))),
        )
        return Decision(facts, comes_back.key)

    def _stage(self, stages: Lifecycle, thing: str) -> Stage:
        """Return the stage, or refuse one that there is not or in which nothing is resolved."""
        stage = stages.find(self.stage)
        if stage is None or not stage.resolvable:
            why = "there is no such stage" if stage is None else "nothing in it is resolved"
            raise MoveNotAllowed(
                f"{thing} cannot be rolled back: {why}", metadata={"to_stage": self.stage}
            )
        return stage

    def _present(self, rows: Rows, model: ModelRow, thing: str) -> Held:
        """Return the version that holds the stage, if it is the one that was looked up."""
        inside = max(
            rows.versions_in(model.model, self.stage),
            key=lambda row: row.stage_position,
            default=None,
        )
        held = self.holders.history[-1] if self.holders.holds else None
        found = (inside.number, inside.stage_position) if inside else None
        if found != (held and (held.number, held.entered)):
            raise _changed(thing)
        expect_holder(thing, held.number if held else 0, self.expected_number)
        if held is None:
            raise NothingToRollBack(f"no version holds {thing}, so there is nothing to undo")
        return held

    def _way_back(self, rows: Rows, stages: Lifecycle, model: ModelRow, present: Held) -> Stage:
        """Return the stage that the holder goes to, or refuse one that it may not enter so."""
        version = f"models/{model.name}/versions/{present.number}"
        name = present.from_stage
        if not name:
            raise NothingToRollBack(
                f"{version} began in {self.stage} and came from no other stage; move it yourself",
                metadata={"model": model.name, "version": str(present.number)},
            )
        order = [stage.name for stage in stages.stages]
        origin = stages.find(name)
        promotes = (
            origin is not None and origin.resolvable and order.index(name) > order.index(self.stage)
        )
        if origin is None or promotes:
            why = "which would promote it" if promotes else "which is no stage any more"
            raise MoveNotAllowed(
                f"{version} came into {self.stage} from {name}, {why}; move it yourself",
                metadata={"from_stage": self.stage, "to_stage": name},
            )
        if origin.exclusive:
            for row in rows.versions_in(model.model, name):
                raise StageTakenAlready(
                    f"{version} came from {name}, which takes one version only and has version"
                    f" {row.number} now; move that away first",
                    metadata={"stage": name, "version": str(row.number)},
                )
        return origin


def _taken(rows: Rows, model: ModelRow, stage: Stage, number: int) -> tuple[Fact, ...]:
    """Return what says that a version enters an exclusive stage; nothing of others."""
    if not stage.exclusive:
        return ()
    key = below(model.model, f"stages/{stage.name}")
    row = rows.get(key)
    entered = cast("governance_pb.StageHolder", row.resource).version if row else 0
    return (Fact(key.stream, e.StageTaken(version=number, previous_version=entered)),)


def _earlier(holders: Holders, number: int | None) -> Held | None:
    """Return the last earlier holder, or the last time that a version was one."""
    earlier = reversed(holders.history[:-1])
    return next((held for held in earlier if number in (None, held.number)), None)


def _target(thing: str, holders: Holders, number: int | None) -> Held:
    """Return the holder to go back to.

    Raises:
        NothingToRollBack: There is none before the present one.
        NeverHeld: The one that is asked for is not among those before.
    """
    present = holders.history[-1].number
    if number == present:
        raise NothingToRollBack(
            f"{thing} has version {number} already", metadata={"version": str(number)}
        )
    target = _earlier(holders, number)
    if target is not None:
        return target
    earlier = _numbers(holders.history[:-1])
    if number is None or not earlier:
        raise NothingToRollBack(
            f"{thing} had no other version before version {present}",
            metadata={"version": str(present)},
        )
    raise NeverHeld(
        f"{thing} did not have version {number} before {present}, but {earlier}",
        metadata={"version": str(number), "earlier": earlier},
    )


def _expect_usable(
    rows: Rows, model: ModelRow, thing: str, holders: Holders, target: Held
) -> VersionRow:
    """Return the version to go back to.

    Raises:
        CannotComeBack: It is deleted, or somebody moved it to a stage in which nothing is
            resolved.
        VersionFlagged: A flag stops it, as VersionRevoked and ModelFlagged.
    """
    version = any_version(rows, model, target.number)
    stage = version.resource.stage
    # What only had to make room was put away by nobody's decision.
    displaced = 0 < target.displaced == version.stage_position
    if not version.deleted and (displaced or not stage_closed(version.resource)):
        expect_not_stopped(model, version)
        return version
    why = "deleted" if version.deleted else stage
    at = holders.history.index(target)
    earlier = _numbers(holders.history[:at], but=(target.number, holders.history[-1].number))
    offer = f"name an earlier one in to_version: {earlier}" if earlier else "there is none earlier"
    raise CannotComeBack(
        f"{thing} had version {target.number} before, but that is {why} since; {offer}",
        metadata={
            "model": model.name,
            "version": str(target.number),
            "state": why,
            "earlier": earlier,
        },
    )


def _numbers(history: tuple[Held, ...], but: tuple[int, ...] = ()) -> str:
    """Return the last few different versions of a history, the last one first."""
    numbers = dict.fromkeys(held.number for held in reversed(history) if held.number not in but)
    return ", ".join(str(number) for number in list(numbers)[:_NAMED])


def _changed(thing: str) -> HoldersChanged:
    return HoldersChanged(
        f"{thing} changed again and again while its history was read; try again", retry_after=0.1
    )
