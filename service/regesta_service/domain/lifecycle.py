"""Stages of a version and the moves between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage and where a version may go from it."""

    name: str
    #: Names of stages, in the order of the lifecycle.
    moves_to: tuple[str, ...]
    #: Whether a version in this stage is resolved by alias, stage, range and `latest`,
    #: and whether an alias may be pointed to it.
    resolvable: bool = True


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A graph of stages."""

    #: In order; a new version begins in the first.
    stages: tuple[Stage, ...]

    @property
    def initial(self) -> str:
        """The stage of a new version."""
        return self.stages[0].name

    def find(self, name: str) -> Stage | None:
        """Return the stage of a name, or None when the lifecycle has none such."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def allows(self, from_stage: str, to_stage: str) -> bool:
        """Say whether a version may move from one stage to another."""
        stage = self.find(from_stage)
        return stage is not None and to_stage in stage.moves_to

    def resolves(self, name: str) -> bool:
        """Say whether a version in a stage is resolved; not in a stage that is unknown."""
        stage = self.find(name)
        return stage is not None and stage.resolvable


#: One step forward or back, from anywhere to archived, and from there to the start.
DEFAULT = Lifecycle(
    (
        Stage("development", ("staging", "archived")),
        Stage("staging", ("development", "production", "archived")),
        Stage("production", ("staging", "archived")),
        Stage("archived", ("development",), resolvable=False),
    )
)
