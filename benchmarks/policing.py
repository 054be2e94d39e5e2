"""What it costs to ask a policy whether a move may be made, without a server and with one.

The version has what versions have: a digest, ten parameters and metrics, eight tags, five
evaluations, and a request that two people approved. The policy asks for tags, a digest, two
evaluations with thresholds, two approvals and ten conditions in CEL, which look at every part.
Beside it stand a policy that asks for nothing and one with a single condition: what the
conditions cost is what is between. CPU is that of the process that decides, which does nothing
else. In a loop it finds its caches warm; after a pause it does not, as in a server that has
other calls.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.figures import Figure, Goal, number
from regesta import Client
from regesta.v1 import governance_pb2 as pb
from regesta.v1 import model_pb2, version_pb2
from regesta_projections.rows import ModelRow, ResourceRow, VersionRow
from regesta_service.domain import policies

if TYPE_CHECKING:
    from benchmarks.effort import Effort
    from benchmarks.ground import Ground, Served

#: Milliseconds of CPU for all that a policy with ten conditions asks.
_GOAL = 1.0

#: Seconds of CPU that decisions are made for, in each of five turns.
_SECONDS = 0.2
_TURNS = 5
#: Decisions between two looks at the clock.
_BATCH = 20

#: Seconds between two decisions of which each finds cold caches.
_PAUSE = 0.004

#: Calls that are counted, and as many before them that are not.
_CALLS = 300

#: Evaluations that a version keeps at most, as conditions see it.
_MOST_EVALUATIONS = 200

_NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_DATASETS = ("holdout", "drift", "fairness", "latency", "safety")
_TAGS = ("risk-class", "team", "region", "framework", "purpose", "tier", "cost", "ticket")

#: Each looks at something else; all hold of the move.
CONDITIONS = (
    "model.owner != ''",
    "version.metrics['metric-1'] >= 0.5",
    "version.tags['risk-class'] in ['low', 'limited', 'high']",
    "version.size_bytes < 10000000000",
    "evaluations.exists(e, e.dataset == 'fairness' && e.metrics['auc'] > 0.8)",
    "evaluations.all(e, !has(e.valid_until) || e.valid_until > now)",
    "approvals.size() >= 2",
    "from_stage == 'staging' && to_stage == 'production'",
    "principal != proposer",
    "now.getDayOfWeek() != 5 || principal == 'release-captain'",
)


def policy_with(conditions: int) -> pb.Policy:
    """Return the policy with so many of its conditions."""
    return pb.Policy(
        name="gate",
        version=1,
        stages=["production"],
        required_tags=["risk-class", "team", "purpose"],
        require_digest=True,
        evaluations=[
            pb.EvaluationRequirement(
                dataset=dataset,
                method="benchmark",
                max_age_seconds=86_400,
                thresholds=[
                    pb.MetricThreshold(metric="auc", operator=">=", value=0.8),
                    pb.MetricThreshold(metric="ece", operator="<=", value=0.1),
                ],
            )
            for dataset in _DATASETS[:2]
        ],
        approvals=[pb.ApprovalRequirement(count=2, roles=["reviewer"])],
        conditions=_conditions(conditions),
    )


def bare_policy(conditions: int) -> pb.Policy:
    """Return a policy that has some of the conditions and nothing else."""
    return pb.Policy(
        name="gate", version=1, stages=["production"], conditions=_conditions(conditions)
    )


def _conditions(count: int) -> list[pb.PolicyCondition]:
    return [
        pb.PolicyCondition(id=f"condition-{at}", expression=text)
        for at, text in enumerate(CONDITIONS[:count])
    ]


def move(evaluated: int = len(_DATASETS)) -> policies.Move:
    """Return a move that meets all that is asked, of a version evaluated so many times."""
    model = ModelRow("churn", model_pb2.Model(name="churn", owner="risk"))
    version = VersionRow("churn", 3, _version(), texts={"card": "ab" * 32})
    evaluations = ResourceRow(
        "models/churn/versions/3/evaluations",
        pb.VersionEvaluations(evaluations=_evaluations(evaluated)),
    )
    digest = policies.evidence_digest(version, evaluations)
    request = pb.TransitionRequest(
        version="models/churn/versions/3",
        to_stage="production",
        proposer="ci",
        proposer_person="ci",
    )
    for person in ("rita", "ralf"):
        approval = request.approvals.add(
            principal=person, person=person, roles=["reviewer"], evidence_digest=digest
        )
        approval.time.FromDatetime(_NOW - timedelta(hours=1))
    return policies.Move(
        model=model,
        version=version,
        evaluations=evaluations,
        request=request,
        alias="",
        to_stage="production",
        principal="max",
        person="max",
        now=_NOW,
    )


def _version() -> version_pb2.Version:
    made = version_pb2.Version(
        version=3,
        source="s3://models/churn/3",
        digest="sha256:" + "ab" * 32,
        size_bytes=200_000_000,
        params={f"param-{at}": str(at) for at in range(10)},
        metrics={f"metric-{at}": 0.9 for at in range(10)},
        tags=dict.fromkeys(_TAGS, "high"),
        stage="staging",
        created_by="ci",
        updated_by="ci",
        etag="7",
    )
    made.create_time.FromDatetime(_NOW - timedelta(days=1))
    made.update_time.FromDatetime(_NOW - timedelta(hours=2))
    return made


def _evaluations(count: int) -> list[pb.Evaluation]:
    made = []
    for at, dataset in zip(range(count), cycle(_DATASETS), strict=False):
        evaluation = pb.Evaluation(
            id=str(at),
            dataset=dataset,
            method="benchmark",
            evaluator="nightly",
            metrics={"auc": 0.93, "f1": 0.81, "ece": 0.02, "recall": 0.7, "p50": 12.0, "p99": 31.0},
            recorded_by="ci",
            position=100 + at,
        )
        evaluation.record_time.FromDatetime(_NOW - timedelta(hours=3))
        made.append(evaluation)
    return made


def measure_policies(ground: Ground, effort: Effort) -> list[Figure]:
    """Decide a move by policies of no, one and ten conditions; then ask a server about one."""
    del effort
    return [*_decided(), *_checked(ground)]


def _decided() -> list[Figure]:
    made, most = move(), move(_MOST_EVALUATIONS)
    nothing = _cpu_of(bare_policy(0), made)
    one = _cpu_of(bare_policy(1), made)
    ten = _cpu_of(bare_policy(len(CONDITIONS)), made)
    whole = _cpu_of(policy_with(len(CONDITIONS)), made)
    what = f"policy of {len(CONDITIONS)} conditions"
    return [
        Figure("policy that asks for nothing: CPU of a decision", nothing, "µs"),
        Figure("policy of 1 condition: CPU of a decision", one, "µs"),
        Figure(
            f"{what}: CPU of a decision", ten, "µs", f"of 1 condition, {number(one)}", ten / one
        ),
        Figure(
            f"{what}, tags, evaluations and approvals: CPU of a decision",
            whole / 1e3,
            "ms",
            f"that asks for nothing, {number(nothing / 1e3)}",
            whole / nothing,
            Goal(_GOAL, of_value=True),
        ),
        Figure(
            "the same, each after a pause: CPU of a decision",
            _cpu_after_pauses(policy_with(len(CONDITIONS)), made) / 1e3,
            "ms",
        ),
        Figure(
            f"the same, {_MOST_EVALUATIONS} evaluations: CPU of a decision",
            _cpu_of(policy_with(len(CONDITIONS)), most) / 1e3,
            "ms",
        ),
    ]


def _cpu_of(policy: pb.Policy, made: policies.Move) -> float:
    """Return the microseconds of a decision: the least of some turns, as others disturb.

    Raises:
        PolicyNotMet: The move would be refused, which costs something else.
    """
    turns = []
    for _ in range(_TURNS):
        policies.decide([policy], made)
        decided, began = 0, time.process_time()
        while (used := time.process_time() - began) < _SECONDS:
            for _ in range(_BATCH):
                policies.decide([policy], made)
            decided += _BATCH
        turns.append(used / decided * 1e6)
    return min(turns)


def _cpu_after_pauses(policy: pb.Policy, made: policies.Move) -> float:
    """Return the microseconds of a decision of which nothing is in the processor's caches."""
    used = 0.0
    for _ in range(_CALLS):
        time.sleep(_PAUSE)
        began = time.process_time()
        policies.decide([policy], made)
        used += time.process_time() - began
    return used / _CALLS * 1e6


class _Check(NamedTuple):
    """Microseconds of CPU that a call takes."""

    service: float
    database: float


def _checked(ground: Ground) -> list[Figure]:
    """Ask about a move that the policy governs, and about one that none does.

    There is one principal, who approved what they asked for, so some conditions do not hold;
    each is weighed all the same.
    """
    with ground.serving(ground.migrated()) as served, Client(served.address) as client:
        _prepare(client)
        free = _cpu_of_checks(ground, served, client, "archived")
        governed = _cpu_of_checks(ground, served, client, "production")
    what = f"CheckTransition, policy of {len(CONDITIONS)} conditions"
    return [
        Figure(
            f"{what}: CPU of the service",
            governed.service,
            "µs",
            f"without a policy, {number(free.service)}",
            governed.service / free.service,
        ),
        Figure(f"{what}: CPU of PostgreSQL", governed.database, "µs"),
    ]


def _prepare(client: Client) -> None:
    """Make the version and the policy, and ask for the move."""
    wanted = _version()
    client.register(
        "churn",
        source=wanted.source,
        digest=wanted.digest,
        params=dict(wanted.params),
        metrics=dict(wanted.metrics),
        tags=dict(wanted.tags),
    )
    for evaluation in _evaluations(len(_DATASETS)):
        client.record_evaluation("churn/1", evaluation=evaluation)
    policy = policy_with(len(CONDITIONS))
    policy.proposer_may_approve = True
    del policy.approvals[:]
    policy.approvals.add(count=1)
    client.define_policy(policy_id="gate", policy=policy)
    client.transition_version("churn/1", stage="staging")
    client.approve_transition(client.request_transition("churn/1", stage="production").name)


def _cpu_of_checks(ground: Ground, served: Served, client: Client, stage: str) -> _Check:
    for _ in range(_CALLS):
        client.check_transition("churn/1", stage=stage)
    service, database = served.cpu(), ground.database_cpu()
    for _ in range(_CALLS):
        client.check_transition("churn/1", stage=stage)
    return _Check(
        (served.cpu() - service) / _CALLS * 1e6, (ground.database_cpu() - database) / _CALLS * 1e6
    )
