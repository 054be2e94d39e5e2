"""Stages of a version and the moves between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from regesta_projections.resources import GOVERNANCE
from regesta_service.domain.selecting import best_for

if TYPE_CHECKING:
    from regesta.v1 import governance_pb2 as governance_pb
    from regesta_projections.rows import Rows


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage and where a version may go from it."""

    name: str
    #: Names of stages, in the order of the lifecycle.
    moves_to: tuple[str, ...]
    #: Whether a version in this stage is resolved by alias, stage, range and `latest`,
    #: and whether an alias may be pointed to it.
    resolvable: bool = True
    #: Whether only one version of a model may be in it.
    exclusive: bool = False
    #: Where the holder goes when another enters; empty when the newcomer is refused.
    displaced_to: str = ""

    @property
    def told(self) -> str:
        """Where the lifecycle itself has whoever is in it go; empty when it says nothing."""
        return self.displaced_to if self.exclusive else ""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A graph of stages."""

    #: In order; a new version begins in the first.
    stages: tuple[Stage, ...]
    #: Its id and how often it was defined; of the default one empty and 0.
    id: str = ""
    version: int = 0

    @property
    def initial(self) -> str:
        """The stage of a new version."""
        return self.stages[0].name

    def find(self, name: str) -> Stage | None:
        """Return the stage of a name, or None when the lifecycle has none such."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def ways_from(self, name: str) -> tuple[str, ...]:
        """Return the stages that a version may move to from one.

        From a stage that the lifecycle does not have, since it was defined anew, these are
        its first and its closed ones, so that nothing is stuck.
        """
        stage = self.find(name)
        if stage is not None:
            return stage.moves_to
        return tuple(
            stage.name
            for stage in self.stages
            if stage.name == self.initial or not stage.resolvable
        )

    def allows(self, from_stage: str, to_stage: str) -> bool:
        """Say whether a version may move from one stage to another."""
        return self.find(to_stage) is not None and to_stage in self.ways_from(from_stage)

    def way(self, from_stage: str, to_stage: str) -> tuple[str, ...]:
        """Return the stages of the shortest way from one stage to another, the last included.

        It leads through no closed and no exclusive stage, and of equally short ways it is the
        one whose stages come first. Nothing is returned where there is no way.
        """
        if self.find(to_stage) is None:
            return ()
        order = [stage.name for stage in self.stages]
        ways: list[tuple[str, ...]] = [(from_stage,)]
        for way in ways:  # grows as it is walked: breadth first
            steps = sorted(filter(self.find, self.ways_from(way[-1])), key=order.index)
            if to_stage in steps:
                return (*way[1:], to_stage)
            seen = {stage for known in ways for stage in known}
            ways += [(*way, step) for step in steps if step not in seen and self._passes(step)]
        return ()

    def _passes(self, name: str) -> bool:
        stage = self.find(name)
        return stage is not None and stage.resolvable and not stage.exclusive

    def resolution(self, name: str) -> str:
        """Return what an event says of a stage: `open` or `closed`, empty by default."""
        if not self.id:
            return ""
        stage = self.find(name)
        return "open" if stage is not None and stage.resolvable else "closed"


#: One step forward or back, from anywhere to archived, and from there to the start.
DEFAULT = Lifecycle(
    (
        Stage("development", ("staging", "archived")),
        Stage("staging", ("development", "production", "archived")),
        Stage("production", ("staging", "archived")),
        Stage("archived", ("development",), resolvable=False),
    )
)


def lifecycle_for(rows: Rows, model: str) -> Lifecycle:
    """Return the lifecycle of a model; `rows` have `GOVERNANCE`.

    Args:
        rows: The state.
        model: The name it was created with; empty for one that no lifecycle names.
    """
    row = rows.get(GOVERNANCE)
    if row is None:
        return DEFAULT
    return chosen(cast("governance_pb.Governance", row.resource), model)


def chosen(governance: governance_pb.Governance, model: str) -> Lifecycle:
    """Return the lifecycle that is for a model: the one that names it most exactly."""
    found = best_for(model, governance.lifecycles)
    return DEFAULT if found is None else from_message(found)


def from_message(message: governance_pb.Lifecycle) -> Lifecycle:
    """Return a lifecycle that was defined."""
    return Lifecycle(
        tuple(
            Stage(
                stage.name,
                tuple(stage.moves_to),
                resolvable=not stage.closed,
                exclusive=stage.exclusive,
                displaced_to=stage.displaced_to,
            )
            for stage in message.stages
        ),
        message.name.rpartition("/")[2],
        message.version,
    )
