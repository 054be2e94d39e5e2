"""What a move would come to, or would have come to, condition by condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.names import VersionName, in_namespace
from regesta.v1 import governance_pb2 as governance_pb
from regesta.v1 import governance_service_pb2 as pb
from regesta_projections.evolve.stamps import put_time
from regesta_service.domain import policies
from regesta_service.domain.finding import live_model, live_version
from regesta_service.domain.governance import governance_of
from regesta_service.domain.moving import move_of
from regesta_service.domain.rejections import PolicyNotMet, Rejection
from regesta_service.domain.transitions import Asked, TransitionVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regesta_projections.rows import ModelRow, Rows
    from regesta_service.domain.aliases import SetAlias
    from regesta_service.reads.backtesting import Backtest
    from regesta_service.sequencing.dry_run import Seen


def checked(
    namespace: str, command: TransitionVersion | SetAlias, seen: Seen
) -> pb.CheckTransitionResponse:
    """Return whether a move would be allowed, with the outcome of every condition.

    Raises:
        Rejection: There is no such version, or it is deleted.
    """
    rows = seen.rows
    model = live_model(rows, command.model)
    version = live_version(rows, model, command.number)
    answer = pb.CheckTransitionResponse(position=seen.position)
    if command.mover.request:
        answer.request = in_namespace(namespace, "requests", command.mover.request)
    try:
        if isinstance(command, TransitionVersion):
            for asked in command.asked(rows):
                outcomes = _outcomes(namespace, rows, model, asked)
                answer.outcomes.extend(outcomes)
                if asked.version.number != command.number and not all(o.met for o in outcomes):
                    break
        else:
            move = Asked(version, "", command.mover)
            answer.outcomes.extend(_outcomes(namespace, rows, model, move, alias=command.alias))
        command.decide(rows)
    except PolicyNotMet:
        return answer
    except Rejection as refusal:
        answer.refusal, answer.refusal_reason = refusal.message, refusal.reason
        return answer
    answer.allowed = True
    return answer


def _outcomes(
    namespace: str, rows: Rows, model: ModelRow, asked: Asked, *, alias: str = ""
) -> list[governance_pb.ConditionOutcome]:
    """Return what policies say of a move, as callers see it."""
    version, stage, mover = asked
    governance = governance_of(rows)
    found = policies.governing(governance, model.model, stage=stage, alias=alias)
    move = move_of(rows, mover, model, version, stage=stage, alias=alias)
    return [
        governance_pb.ConditionOutcome(
            policy=in_namespace(namespace, "policies", each.policy),
            policy_version=each.version,
            condition=each.condition,
            met=each.met,
            message=each.message,
            to_stage=stage,
            version=str(VersionName(namespace, model.name, version.number)),
        )
        for each in policies.outcomes_of(found, move)
    ]


def backtested(
    namespace: str, done: Backtest, names: Mapping[str, str]
) -> pb.BacktestPolicyResponse:
    """Return what a policy would have refused.

    Args:
        namespace: Its name.
        done: The moves that were judged.
        names: The present names of models, by the names they were created with.
    """
    answer = pb.BacktestPolicyResponse(
        moves=done.moves, refused=done.refused, position=done.position, more=done.more
    )
    for each in done.refusals:
        model = each.version.model
        refusal = answer.refusals.add(
            position=each.position,
            version=str(VersionName(namespace, names.get(model, model), each.version.number)),
            to_stage=each.to_stage,
            alias=each.alias,
            principal=each.principal,
        )
        put_time(refusal.record_time, each.recorded_at)
        for outcome in each.unmet:
            refusal.unmet.add(condition=outcome.condition, message=outcome.message)
    return answer
