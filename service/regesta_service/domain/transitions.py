"""Moving versions between stages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from regesta_projections import events as e
from regesta_projections.evolve.streams import below, stream_of
from regesta_projections.rows import VersionKey
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision, live_model, live_version
from regesta_service.domain.lifecycle import lifecycle_for
from regesta_service.domain.moving import NOBODY, Mover, Permit, evaluations_part, permit
from regesta_service.domain.rejections import (
    HoldersChanged,
    MoveNotAllowed,
    StageMismatch,
    StageTakenAlready,
    TooManyInStage,
)
from regesta_service.domain.stopping import expect_not_stopped
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta.v1 import governance_pb2 as governance_pb
    from regesta_projections.rows import ModelRow, Rows, VersionRow
    from regesta_service.domain.lifecycle import Lifecycle, Stage


#: Most versions that move away at once.
MAX_DISPLACED: Final = 1_000


@dataclass(frozen=True, slots=True)
class InStage:
    """Who is in a stage, as it was looked up before deciding."""

    #: The version that entered it last by the log's own count, which only exclusive stages
    #: keep; 0 when none did.
    entered: int
    #: The versions that are in it; one more than `MAX_DISPLACED` stands for all the rest.
    versions: tuple[int, ...]
    #: Position at which the last of them entered; 0 when nobody is in it.
    last: int = 0
    #: Those that are in it and deleted, as many at most, the last to enter: somebody may restore
    #: one before it is decided, which is no entering.
    deleted: tuple[int, ...] = ()


class Asked(NamedTuple):
    """A move of which policies are asked."""

    #: The version as it is before that move.
    version: VersionRow
    to_stage: str
    mover: Mover


@dataclass(frozen=True, slots=True)
class TransitionVersion:
    """Move a version to another stage; the stage it is in changes nothing.

    One that a blocking flag stops, on it or its model, or that was revoked, may only move to a
    closed stage. Aliases that point to a version that is archived stay, but are not resolved.
    The holder of an exclusive stage moves where the lifecycle says, in the same append, whatever
    stops it: else a flag on the holder would keep its successor out.
    """

    model: str
    number: int
    stage: str
    #: The stage it must be in now; None for any.
    from_stage: str | None = None
    expected_revision: int | None = None
    reason: SealedText | None = None
    #: Who is in the stage. Only needed when that is exclusive or others are to leave it, which
    #: is for `decide` to find out: most stages are not, and are not looked up for.
    holders: InStage | None = None
    mover: Mover = NOBODY
    #: Whether the way may lead through other stages.
    through: bool = False
    #: Where every other version in the stage goes; empty lets them stay.
    displace_to: str = ""

    def wants(self) -> tuple[Wanted, ...]:
        """Return the version, what governs it, and who is in the stage."""
        others = (*self.holders.versions, *self.holders.deleted) if self.holders else ()
        evaluated = (self.number, *others) if self.displace_to else (self.number,)
        return (
            Wanted(
                self.model,
                versions=(self.number, *others),
                stages=(self.stage,) if self.displace_to else (),
                below=(f"stages/{self.stage}", *map(evaluations_part, evaluated)),
                keys=self.mover.keys,
            ),
        )

    def decide(self, rows: Rows) -> Decision:
        """Move it, or refuse with STAGE_MISMATCH, MOVE_NOT_ALLOWED, STAGE_TAKEN or what stops it.

        A policy that governs the move, or the request that it carries out, refuses it too.
        """
        model = live_model(rows, self.model)
        version = live_version(rows, model, self.number)
        thing = f"models/{model.name}/versions/{self.number}"
        present = version.resource.stage
        expect_revision(thing, version.revision, self.expected_revision)
        if self.from_stage is not None and self.from_stage != present:
            raise StageMismatch(
                f"{thing} is in {present}, not in {self.from_stage}; read it again and decide anew",
                metadata={"expected": self.from_stage, "actual": present},
            )
        if self.stage == present and not self.displace_to:
            return Decision((), version.key)
        stages = lifecycle_for(rows, model.model)
        stage = stages.find(self.stage)
        way = self._way(stages, present)
        if stage is None or (not way and self.stage != present):
            raise _not_allowed(stages, thing, present, self.stage)
        steps = [
            fact
            for number, step in enumerate(way)
            for fact in self._step(rows, model, _standing(version, way[:number]), stages, step)
        ]
        room = self._room(rows, model, stages, stage, enters=bool(way))
        # Who stays long makes room for who comes, so that the stage is never held by too many.
        before = max(0, len(way) - 1)
        return Decision((*steps[:before], *room, *steps[before:]), version.key)

    def asked(self, rows: Rows) -> tuple[Asked, ...]:
        """Return the moves of which policies are asked, whatever else keeps it from being made.

        Raises:
            Rejection: There is no such version, it is deleted, or too many would make room.
        """
        model = live_model(rows, self.model)
        version = live_version(rows, model, self.number)
        stages = lifecycle_for(rows, model.model)
        present, stage = version.resource.stage, stages.find(self.stage)
        way = self._way(stages, present)
        if not way and not (self.displace_to and self.stage == present):
            way = (self.stage,)
        own = tuple(
            Asked(_standing(version, way[:number]), step, self._mover(step))
            for number, step in enumerate(way)
        )
        if stage is None or not self.displace_to or stage.told:
            return own
        others = self._inside(rows, model, stage)
        return (*own, *(Asked(other, self.displace_to, self._mover()) for other in others))

    def _mover(self, to_stage: str = "") -> Mover:
        """Return who makes a step; the request is carried out by the last one alone."""
        return self.mover if to_stage == self.stage else replace(self.mover, request="")

    def _way(self, stages: Lifecycle, present: str) -> tuple[str, ...]:
        """Return the stages that it enters; nothing if it need not or must not move."""
        if self.stage == present:
            return ()
        if self.through:
            return stages.way(present, self.stage)
        return (self.stage,) if stages.allows(present, self.stage) else ()

    def _step(
        self, rows: Rows, model: ModelRow, version: VersionRow, stages: Lifecycle, to_stage: str
    ) -> tuple[Fact, ...]:
        """Return what one step comes to; the last one completes the request."""
        mover, passing = self._mover(to_stage), to_stage != self.stage
        reason = None if passing else self.reason
        stage = stages.find(to_stage)
        if stage is not None and stage.resolvable:
            expect_not_stopped(model, version)
        permitted = permit(rows, mover, model, version, stage=to_stage)
        event = e.StageChanged(
            from_stage=version.resource.stage,
            to_stage=to_stage,
            resolution=stages.resolution(to_stage),
            policies=permitted.policies,
            request=mover.request,
            evidence_digest=permitted.evidence_digest,
            reason=free_text(reason),
            passing=passing,
        )
        moved = Fact(stream_of(version.key), event, beside(("reason", reason)))
        return (moved, *permitted.facts)

    def _room(
        self, rows: Rows, model: ModelRow, stages: Lifecycle, stage: Stage, *, enters: bool
    ) -> tuple[Fact, ...]:
        """Return what makes room in a stage, and says who takes it if it is exclusive."""
        key = below(model.model, f"stages/{stage.name}")
        row = rows.get(key)
        entered = cast("governance_pb.StageHolder", row.resource).version if row else 0
        if not (stage.exclusive and enters) and not self.displace_to:
            return ()
        if self.displace_to and not stage.told:
            _expect_room(stages, model, stage.name, self.displace_to)
        if self.holders is None or self._changed(rows, model, self.holders, stage, entered):
            raise HoldersChanged("others moved meanwhile; try again", retry_after=0)
        facts = [
            self._displaced(rows, model, other, stages, stage)
            for other in self._inside(rows, model, stage)
        ]
        if stage.exclusive and enters:
            facts.append(
                Fact(key.stream, e.StageTaken(version=self.number, previous_version=entered))
            )
        return tuple(facts)

    def _changed(
        self, rows: Rows, model: ModelRow, holders: InStage, stage: Stage, entered: int
    ) -> bool:
        """Say whether anybody entered the stage since it was looked up.

        Who left or was deleted or restored since is seen by the rows of all who were in it.
        """
        if stage.exclusive and holders.entered != entered:
            return True
        # Whoever entered last is loaded only then.
        inside = rows.versions_in(model.model, stage.name) if self.displace_to else ()
        return any(version.stage_position > holders.last for version in inside)

    def _inside(self, rows: Rows, model: ModelRow, stage: Stage) -> list[VersionRow]:
        """Return the other versions in the stage, as far as they were looked up."""
        holders = self.holders or InStage(0, ())
        others = [number for number in holders.versions if number != self.number]
        if len(others) > MAX_DISPLACED:
            raise TooManyInStage(
                f"models/{model.name}#{stage.name} has more than {MAX_DISPLACED} other versions;"
                " move some away first",
                metadata={"model": model.name, "stage": stage.name},
            )
        restored = [number for number in holders.deleted if number != self.number]
        found = (rows.get(VersionKey(model.model, number)) for number in (*others, *restored))
        return [row for row in found if row is not None and _holds(row, stage.name)]

    def _displaced(
        self, rows: Rows, model: ModelRow, holder: VersionRow, stages: Lifecycle, stage: Stage
    ) -> Fact:
        """Return what moves a version away, by the lifecycle's word or else the caller's."""
        thing = f"models/{model.name}/versions/{holder.number}"
        to_stage = stage.told or self.displace_to
        if not to_stage:
            raise StageTakenAlready(
                f"{thing} is in {stage.name}, which takes one version only; move it away first",
                metadata={"stage": stage.name, "version": str(holder.number)},
            )
        permitted = Permit()
        if not stage.told:
            permitted = permit(rows, self._mover(), model, holder, stage=to_stage)
        event = e.StageChanged(
            from_stage=stage.name,
            to_stage=to_stage,
            resolution=stages.resolution(to_stage),
            policies=permitted.policies,
            evidence_digest=permitted.evidence_digest,
            displaced_by=self.number,
        )
        return Fact(stream_of(holder.key), event)


def _standing(version: VersionRow, way: tuple[str, ...]) -> VersionRow:
    """Return a version as it is after some steps of its way."""
    if not way:
        return version
    moved = version.copy()
    moved.resource.stage = way[-1]
    return moved


def _holds(version: VersionRow, stage: str) -> bool:
    return version.resource.stage == stage and not version.deleted


def _expect_room(stages: Lifecycle, model: ModelRow, from_stage: str, to_stage: str) -> None:
    """Refuse a stage that others cannot be displaced to, whether there are any or not."""
    thing, found = f"a version of models/{model.name}", stages.find(to_stage)
    if found is None or not stages.allows(from_stage, to_stage):
        raise _not_allowed(stages, thing, from_stage, to_stage)
    if found.resolvable or found.exclusive:
        what = "takes one version only" if found.exclusive else "is not a closed stage"
        raise MoveNotAllowed(
            f"{thing} cannot be displaced to {to_stage}, which {what}",
            metadata={"from_stage": from_stage, "to_stage": to_stage},
        )


def _not_allowed(stages: Lifecycle, thing: str, from_stage: str, to_stage: str) -> MoveNotAllowed:
    ways = ", ".join(stages.ways_from(from_stage)) or "nowhere"
    if stages.find(to_stage) is None:
        message = f"the lifecycle has no stage {to_stage}; {thing} may move to: {ways}"
    else:
        message = f"{thing} may not move from {from_stage} to {to_stage}, but to: {ways}"
    return MoveNotAllowed(
        message, metadata={"from_stage": from_stage, "to_stage": to_stage, "moves_to": ways}
    )
