"""How events change what governs moves, and who holds an exclusive stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from regesta.v1 import governance_pb2 as pb
from regesta_projections.evolve.stamps import put_time

if TYPE_CHECKING:
    from regesta_projections import events
    from regesta_projections.records import Recorded
    from regesta_projections.rows import ResourceRow


def lifecycle_defined(row: ResourceRow, event: events.LifecycleDefined, recorded: Recorded) -> None:
    """Put a lifecycle in its place, or at the end."""
    governance = cast("pb.Governance", row.resource)
    lifecycle = next((each for each in governance.lifecycles if each.name == event.lifecycle), None)
    if lifecycle is None:
        lifecycle = governance.lifecycles.add()
    lifecycle.Clear()
    lifecycle.name = event.lifecycle
    lifecycle.models.extend(event.models)
    for stage in event.stages:
        lifecycle.stages.add(
            name=stage.name,
            moves_to=stage.moves_to,
            closed=stage.closed,
            exclusive=stage.exclusive,
            displaced_to=stage.displaced_to,
        )
    lifecycle.version = event.version
    lifecycle.defined_by = recorded.actor
    put_time(lifecycle.define_time, recorded.recorded_at)
    lifecycle.position = recorded.position


def lifecycle_removed(row: ResourceRow, event: events.LifecycleRemoved) -> None:
    """Take a lifecycle away."""
    governance = cast("pb.Governance", row.resource)
    kept = [each for each in governance.lifecycles if each.name != event.lifecycle]
    del governance.lifecycles[:]
    governance.lifecycles.extend(kept)


def stage_taken(row: ResourceRow, event: events.StageTaken) -> None:
    """Note who entered a stage."""
    cast("pb.StageHolder", row.resource).version = event.version
