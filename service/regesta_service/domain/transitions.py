"""Moving versions between stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from regesta_projections import events as e
from regesta_projections.evolve.streams import stream_of
from regesta_service.domain import lifecycle
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision, live_model, live_version
from regesta_service.domain.rejections import MoveNotAllowed, StageMismatch
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta_projections.rows import Rows


@dataclass(frozen=True, slots=True)
class TransitionVersion:
    """Move a version to another stage; the stage it is in changes nothing.

    Aliases that point to a version that is archived stay, but are not resolved.
    """

    model: str
    number: int
    stage: str
    #: The stage it must be in now; None for any.
    from_stage: str | None = None
    expected_revision: int | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the version."""
        return (Wanted(self.model, versions=(self.number,)),)

    def decide(self, rows: Rows) -> Decision:
        """Move it, or refuse with STAGE_MISMATCH or MOVE_NOT_ALLOWED."""
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
        if not lifecycle.DEFAULT.allows(present, self.stage):
            raise _not_allowed(thing, present, self.stage)
        event = e.StageChanged(
            from_stage=present, to_stage=self.stage, reason=free_text(self.reason)
        )
        fact = Fact(stream_of(version.key), event, beside(("reason", self.reason)))
        return Decision((fact,), version.key)


def _not_allowed(thing: str, from_stage: str, to_stage: str) -> MoveNotAllowed:
    stage = lifecycle.DEFAULT.find(from_stage)
    ways = ", ".join(stage.moves_to) if stage is not None else "nowhere"
    if lifecycle.DEFAULT.find(to_stage) is None:
        message = f"the lifecycle has no stage {to_stage}; {thing} may move to: {ways}"
    else:
        message = f"{thing} may not move from {from_stage} to {to_stage}, but to: {ways}"
    return MoveNotAllowed(
        message, metadata={"from_stage": from_stage, "to_stage": to_stage, "moves_to": ways}
    )
