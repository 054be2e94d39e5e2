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


def policy_defined(row: ResourceRow, event: events.PolicyDefined, recorded: Recorded) -> None:
    """Put a policy in its place, or at the end."""
    governance = cast("pb.Governance", row.resource)
    policy = next((each for each in governance.policies if each.name == event.policy), None)
    if policy is None:
        policy = governance.policies.add()
    policy.CopyFrom(policy_of(event))
    policy.version = event.version
    policy.defined_by = recorded.actor
    put_time(policy.define_time, recorded.recorded_at)
    policy.position = recorded.position


def policy_of(event: events.PolicyDefined) -> pb.Policy:
    """Return what a policy asks for, without what the log says of it."""
    policy = pb.Policy(
        name=event.policy,
        models=event.models,
        stages=event.stages,
        aliases=event.aliases,
        required_tags=event.required_tags,
        require_signature=event.require_signature,
        require_card=event.require_card,
        require_lineage=event.require_lineage,
        require_digest=event.require_digest,
        approval_max_age_seconds=int(event.approval_max_age_seconds or 0),
        proposer_may_approve=event.proposer_may_approve,
    )
    for wanted in event.evaluations:
        evaluation = policy.evaluations.add(
            dataset=wanted.dataset,
            dataset_digest=wanted.dataset_digest,
            method=wanted.method,
            max_age_seconds=int(wanted.max_age_seconds or 0),
        )
        for bound in wanted.thresholds:
            evaluation.thresholds.add(
                metric=bound.metric, operator=bound.operator, value=float(bound.value or 0)
            )
    for approval in event.approvals:
        policy.approvals.add(count=approval.count, roles=approval.roles)
    for condition in event.conditions:
        policy.conditions.add(
            id=condition.id, expression=condition.expression, message=condition.message
        )
    return policy


def policy_removed(row: ResourceRow, event: events.PolicyRemoved) -> None:
    """Take a policy away."""
    governance = cast("pb.Governance", row.resource)
    kept = [each for each in governance.policies if each.name != event.policy]
    del governance.policies[:]
    governance.policies.extend(kept)
