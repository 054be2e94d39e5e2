"""Moving versions between stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from regesta_projections import events as e
from regesta_projections.evolve.streams import below, stream_of
from regesta_projections.rows import VersionKey
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision, live_model, live_version
from regesta_service.domain.lifecycle import lifecycle_for
from regesta_service.domain.moving import NOBODY, Mover, evaluations_part, permit
from regesta_service.domain.rejections import (
    HoldersChanged,
    MoveNotAllowed,
    StageMismatch,
    StageTakenAlready,
)
from regesta_service.domain.stopping import expect_not_stopped
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta.v1 import governance_pb2 as governance_pb
    from regesta_projections.rows import ModelRow, Rows, VersionRow
    from regesta_service.domain.lifecycle import Lifecycle, Stage


@dataclass(frozen=True, slots=True)
class InStage:
    """Who is in an exclusive stage, as it was looked up before deciding."""

    #: The version that entered it last by the log's own count; 0 when none did.
    entered: int
    #: The versions that are in it.
    versions: tuple[int, ...]


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
    #: Who is in the stage. Only needed when that is exclusive, which is for `decide` to find
    #: out: most stages are not, and are not looked up for.
    holders: InStage | None = None
    mover: Mover = NOBODY

    def wants(self) -> tuple[Wanted, ...]:
        """Return the version, what governs it, and who is in the stage."""
        others = self.holders.versions if self.holders else ()
        return (
            Wanted(
                self.model,
                versions=(self.number, *others),
                below=(f"stages/{self.stage}", evaluations_part(self.number)),
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
        if self.stage == present:
            return Decision((), version.key)
        stages = lifecycle_for(rows, model.model)
        stage = stages.find(self.stage)
        if stage is None or not stages.allows(present, self.stage):
            raise _not_allowed(stages, thing, present, self.stage)
        if stage.resolvable:
            expect_not_stopped(model, version)
        permitted = permit(rows, self.mover, model, version, stage=self.stage)
        event = e.StageChanged(
            from_stage=present,
            to_stage=self.stage,
            resolution=stages.resolution(self.stage),
            policies=permitted.policies,
            request=self.mover.request,
            evidence_digest=permitted.evidence_digest,
            reason=free_text(self.reason),
        )
        moved = Fact(stream_of(version.key), event, beside(("reason", self.reason)))
        room = self._taken(rows, model, stages, stage) if stage.exclusive else ()
        return Decision((*room, moved, *permitted.facts), version.key)

    def _taken(
        self, rows: Rows, model: ModelRow, stages: Lifecycle, stage: Stage
    ) -> tuple[Fact, ...]:
        """Return what makes room in an exclusive stage, and says who takes it."""
        key = below(model.model, f"stages/{stage.name}")
        row = rows.get(key)
        entered = cast("governance_pb.StageHolder", row.resource).version if row else 0
        if self.holders is None or self.holders.entered != entered:
            raise HoldersChanged("others moved meanwhile; try again", retry_after=0)
        facts: list[Fact] = []
        for number in self.holders.versions:
            holder = rows.get(VersionKey(model.model, number))
            if holder is not None and _holds(holder, stage.name) and number != self.number:
                facts.append(self._displaced(model, holder, stages, stage))
        taken = e.StageTaken(version=self.number, previous_version=entered)
        return (*facts, Fact(key.stream, taken))

    def _displaced(
        self, model: ModelRow, holder: VersionRow, stages: Lifecycle, stage: Stage
    ) -> Fact:
        if not stage.displaced_to:
            raise StageTakenAlready(
                f"models/{model.name}/versions/{holder.number} is in {stage.name}, which takes"
                " one version only; move it away first",
                metadata={"stage": stage.name, "version": str(holder.number)},
            )
        event = e.StageChanged(
            from_stage=stage.name,
            to_stage=stage.displaced_to,
            resolution=stages.resolution(stage.displaced_to),
            displaced_by=self.number,
        )
        return Fact(stream_of(holder.key), event)


def _holds(version: VersionRow, stage: str) -> bool:
    return version.resource.stage == stage and not version.deleted


def _not_allowed(stages: Lifecycle, thing: str, from_stage: str, to_stage: str) -> MoveNotAllowed:
    ways = ", ".join(stages.ways_from(from_stage)) or "nowhere"
    if stages.find(to_stage) is None:
        message = f"the lifecycle has no stage {to_stage}; {thing} may move to: {ways}"
    else:
        message = f"{thing} may not move from {from_stage} to {to_stage}, but to: {ways}"
    return MoveNotAllowed(
        message, metadata={"from_stage": from_stage, "to_stage": to_stage, "moves_to": ways}
    )
