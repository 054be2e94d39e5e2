"""Requests about policies, as commands."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from regesta import names
from regesta.names import NamespaceName
from regesta_projections import events as e
from regesta_projections.canonical import decimal_text
from regesta_projections.evolve.governance import policy_of
from regesta_service.access.permissions import ROLES
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translate_governance import patterns_in
from regesta_service.api.writes.translating import Translated, expect_to_fit
from regesta_service.domain import limits
from regesta_service.domain.conditions import InvalidCondition
from regesta_service.domain.governance import DefinePolicy, RemovePolicy
from regesta_service.domain.policies import OPERATORS, VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from regesta.v1 import governance_pb2 as governance_pb
    from regesta.v1 import governance_service_pb2 as pb
    from regesta_service.api.writes.checks import SaltSource

#: The id of a policy that has none yet.
_UNNAMED = "unnamed"

#: Every alias.
_ALL = "*"


def define_policy(
    request: pb.DefinePolicyRequest, now: datetime, new_salt: SaltSource
) -> Translated[DefinePolicy]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
        EventTooLarge: It has too much in it.
    """
    checks = Checks(new_salt)
    namespace = parse_name("parent", NamespaceName.parse, request.parent).namespace
    command = DefinePolicy(
        policy_in(checks, request.policy_id, request.policy),
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    expect_to_fit(request, command.content)
    return Translated(namespace, command, request, checks.texts, claim)


def policy_to_test(request: pb.BacktestPolicyRequest, new_salt: SaltSource) -> governance_pb.Policy:
    """Return the policy of a request as it would stand in the log, without a name.

    Raises:
        InvalidRequest: A field breaks a rule.
        EventTooLarge: It has too much in it.
    """
    checks = Checks(new_salt)
    content = policy_in(checks, _UNNAMED, request.policy)
    for field in ("after_position", "until_position"):
        if getattr(request, field) < 0:
            checks.refuse(field, "is not negative")
    if 0 < request.until_position < request.after_position:
        checks.refuse("until_position", "is not before after_position")
    checks.finish()
    expect_to_fit(request, content)
    return policy_of(content)


def remove_policy(
    request: pb.RemovePolicyRequest, now: datetime, new_salt: SaltSource
) -> Translated[RemovePolicy]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    namespace, policy = parse_name("name", parse_policy_name, request.name)
    command = RemovePolicy(
        policy,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(namespace, command, request, checks.texts, claim)


def parse_policy_name(text: str) -> tuple[str, str]:
    """Return namespace and id of a policy.

    Raises:
        InvalidName: It names something else.
    """
    return names.parse_in_namespace("policies", text)


def policy_in(checks: Checks, policy_id: str, policy: governance_pb.Policy) -> e.PolicyDefined:
    """Check a policy, and return it as its event."""
    checks.named("policy_id", names.check_id, policy_id)
    if not policy.stages and not policy.aliases:
        checks.refuse("policy", "names stages or aliases that it governs")
    if checks.fits("policy.stages", policy.stages, limits.MAX_STAGES):
        for at, stage in enumerate(policy.stages):
            checks.named(("policy.stages", at), names.check_stage, stage)
    if checks.fits("policy.aliases", policy.aliases, limits.MAX_PATTERNS):
        for at, alias in enumerate(policy.aliases):
            if alias != _ALL:
                checks.named(("policy.aliases", at), names.check_alias, alias)
    if checks.fits("policy.required_tags", policy.required_tags, limits.MAX_REQUIRED_TAGS):
        for at, key in enumerate(policy.required_tags):
            checks.named(("policy.required_tags", at), names.check_tag_key, key)
    return e.PolicyDefined(
        policy=policy_id,
        models=patterns_in(checks, "policy.models", policy.models),
        stages=tuple(policy.stages),
        aliases=tuple(policy.aliases),
        required_tags=tuple(policy.required_tags),
        require_signature=policy.require_signature,
        require_card=policy.require_card,
        require_lineage=policy.require_lineage,
        require_digest=policy.require_digest,
        evaluations=_evaluations(checks, policy.evaluations),
        approvals=_approvals(checks, policy.approvals),
        approval_max_age_seconds=_seconds(
            checks, "policy.approval_max_age_seconds", policy.approval_max_age_seconds
        ),
        proposer_may_approve=policy.proposer_may_approve,
        conditions=_conditions(checks, policy.conditions),
    )


def _evaluations(
    checks: Checks, wanted: Sequence[governance_pb.EvaluationRequirement]
) -> tuple[e.EvaluationRequirement, ...]:
    field = "policy.evaluations"
    if not checks.fits(field, wanted, limits.MAX_REQUIREMENTS):
        return ()
    return tuple(
        e.EvaluationRequirement(
            dataset=checks.line((field, at, "dataset"), each.dataset, limits.MAX_SHORT),
            dataset_digest=checks.line(
                (field, at, "dataset_digest"), each.dataset_digest, limits.MAX_SHORT
            ),
            method=checks.named((field, at, "method"), names.check_stage, each.method)
            if each.method
            else "",
            max_age_seconds=_seconds(
                checks, f"{field}[{at}].max_age_seconds", each.max_age_seconds
            ),
            thresholds=_thresholds(checks, f"{field}[{at}].thresholds", each.thresholds),
        )
        for at, each in enumerate(wanted)
    )


def _thresholds(
    checks: Checks, field: str, bounds: Sequence[governance_pb.MetricThreshold]
) -> tuple[e.MetricThreshold, ...]:
    if not checks.fits(field, bounds, limits.MAX_REQUIREMENTS):
        return ()
    for at, bound in enumerate(bounds):
        checks.named((field, at, "metric"), names.check_tag_key, bound.metric)
        if bound.operator not in OPERATORS:
            checks.refuse((field, at, "operator"), f"is one of {', '.join(OPERATORS)}")
        if not isfinite(bound.value):
            checks.refuse((field, at, "value"), "is a finite number")
    return tuple(
        e.MetricThreshold(
            metric=bound.metric, operator=bound.operator, value=decimal_text(bound.value)
        )
        for bound in bounds
        if isfinite(bound.value)
    )


def _approvals(
    checks: Checks, wanted: Sequence[governance_pb.ApprovalRequirement]
) -> tuple[e.ApprovalRequirement, ...]:
    field = "policy.approvals"
    if not checks.fits(field, wanted, limits.MAX_APPROVALS):
        return ()
    for at, each in enumerate(wanted):
        if not 0 < each.count <= limits.MAX_APPROVERS:
            checks.refuse((field, at, "count"), f"is 1 to {limits.MAX_APPROVERS}")
        if not set(each.roles) <= set(ROLES):
            checks.refuse((field, at, "roles"), f"names roles: {', '.join(sorted(ROLES))}")
    return tuple(
        e.ApprovalRequirement(count=each.count, roles=tuple(each.roles)) for each in wanted
    )


def _conditions(
    checks: Checks, conditions: Sequence[governance_pb.PolicyCondition]
) -> tuple[e.PolicyCondition, ...]:
    field = "policy.conditions"
    if not checks.fits(field, conditions, limits.MAX_REQUIREMENTS):
        return ()
    known = [each.id for each in conditions]
    for at, each in enumerate(conditions):
        checks.named((field, at, "id"), names.check_id, each.id)
        if each.id in known[:at]:
            checks.refuse((field, at, "id"), "is another condition's id already")
        checks.line((field, at, "message"), each.message, limits.MAX_SHORT)
        try:
            VOCABULARY.compile(each.expression)
        except InvalidCondition as error:
            checks.refuse((field, at, "expression"), str(error))
    return tuple(
        e.PolicyCondition(id=each.id, expression=each.expression, message=each.message)
        for each in conditions
    )


def _seconds(checks: Checks, field: str, seconds: int) -> str:
    if seconds < 0:
        checks.refuse(field, "is not negative")
    return str(seconds) if seconds else ""
