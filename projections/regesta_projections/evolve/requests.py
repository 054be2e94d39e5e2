"""How events change a request for a move, and a version's evaluations."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from regesta.v1 import governance_pb2 as pb
from regesta_projections.evolve.stamps import put_text, put_time

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from regesta_projections import events
    from regesta_projections.records import Recorded
    from regesta_projections.rows import ResourceRow

#: Evaluations that a version's row keeps; those before stay in the log.
MAX_EVALUATIONS: Final = 200


def evaluation_recorded(
    row: ResourceRow, event: events.EvaluationRecorded, recorded: Recorded
) -> None:
    """Add an evaluation; the oldest goes when there are too many."""
    known = cast("pb.VersionEvaluations", row.resource)
    evaluation = known.evaluations.add(
        id=event.evaluation,
        dataset=event.dataset,
        dataset_digest=event.dataset_digest,
        method=event.method,
        evaluator=event.evaluator,
        metrics={name: float(text) for name, text in event.metrics.items()},
        source=event.source,
        recorded_by=recorded.actor,
        position=recorded.position,
    )
    for part in event.slices:
        metrics = {name: float(text) for name, text in part.metrics.items()}
        evaluation.slices.add(name=part.name, metrics=metrics)
    _put(evaluation.valid_until, event.valid_until)
    put_time(evaluation.record_time, recorded.recorded_at)
    known.total += 1
    if len(known.evaluations) > MAX_EVALUATIONS:
        del known.evaluations[0]


def transition_requested(
    row: ResourceRow, event: events.TransitionRequested, recorded: Recorded
) -> None:
    """Open a request."""
    request = cast("pb.TransitionRequest", row.resource)
    request.version = f"models/{event.model}/versions/{event.version}"
    request.to_stage = event.to_stage
    request.alias = event.alias
    request.state = pb.TransitionRequest.STATE_OPEN
    request.proposer = recorded.actor
    request.proposer_person = event.person or recorded.actor
    request.evidence_digest = event.evidence_digest
    _put(request.expire_time, event.expire_time)
    request.position = recorded.position
    put_text(row.texts, "reason", event.reason)


def transition_approved(
    row: ResourceRow, event: events.TransitionApproved, recorded: Recorded
) -> None:
    """Add an approval."""
    request = cast("pb.TransitionRequest", row.resource)
    approval = request.approvals.add(meaning=event.meaning, evidence_digest=event.evidence_digest)
    _sign(approval, event, recorded)
    put_text(row.texts, f"approvals.{len(request.approvals) - 1}", event.reason)


def transition_rejected(
    row: ResourceRow, event: events.TransitionRejected, recorded: Recorded
) -> None:
    """End a request by its rejection."""
    request = cast("pb.TransitionRequest", row.resource)
    _sign(request.rejection, event, recorded)
    put_text(row.texts, "rejection", event.reason)
    request.state = pb.TransitionRequest.STATE_REJECTED


def ended(row: ResourceRow, state: pb.TransitionRequest.State.ValueType) -> None:
    """End a request."""
    cast("pb.TransitionRequest", row.resource).state = state


def _sign(
    approval: pb.Approval,
    event: events.TransitionApproved | events.TransitionRejected,
    recorded: Recorded,
) -> None:
    approval.principal = recorded.actor
    approval.person = event.person or recorded.actor
    approval.roles.extend(event.roles)
    put_time(approval.time, recorded.recorded_at)
    approval.position = recorded.position


def _put(timestamp: Timestamp, text: str) -> None:
    if text:
        put_time(timestamp, datetime.fromisoformat(text))
