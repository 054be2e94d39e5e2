"""Policies, requests and approvals over a real server with real principals."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

import regesta
from regesta.errors import (
    AlreadyExists,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    PreconditionFailed,
    RegestaError,
)
from regesta.v1 import governance_pb2 as pb
from regesta.v1 import version_pb2
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify
from tests.support.server_process import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.databases import DatabaseServer, LiveDatabase

ROLES = {
    "root": "admin",
    "ci": "registrar",
    "rita": "reviewer",
    "ralf": "reviewer",
    "max": "maintainer",
}
GATE = pb.Policy(
    models=["churn*"],
    stages=["production"],
    aliases=["champion"],
    required_tags=["risk-class"],
    require_digest=True,
    evaluations=[
        pb.EvaluationRequirement(
            dataset="holdout",
            max_age_seconds=3_600,
            thresholds=[pb.MetricThreshold(metric="auc", operator=">=", value=0.9)],
        )
    ],
    approvals=[pb.ApprovalRequirement(count=2, roles=["reviewer", "maintainer"])],
    conditions=[
        pb.PolicyCondition(
            id="not-on-friday",
            expression="principal != 'friday'",
            message="nobody releases on a Friday",
        )
    ],
)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def governed_database(postgres: DatabaseServer) -> Iterator[LiveDatabase]:
    made = postgres.migrated()
    yield made
    postgres.drop(made)


@pytest.fixture(scope="module")
def address(
    governed_database: LiveDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A server that knows five people."""
    path: Path = tmp_path_factory.mktemp("config") / "regesta.toml"
    path.write_text(
        "\n".join(
            f'[[tokens]]\nprincipal = "{name}"\nrole = "{role}"\ntoken = "{token_of(name)}"\n'
            for name, role in ROLES.items()
        )
    )
    with serving("--config", str(path), "--dsn", governed_database.service_dsn) as server:
        yield server.address


def token_of(name: str) -> str:
    return f"token-of-{name}-{'x' * 32}"


@pytest.fixture
def namespace(address: str) -> str:
    name = f"gov-{next(_numbers)}"
    with regesta.Client(address, token=token_of("root")) as root:
        root.create_namespace(name)
    return name


@pytest.fixture
def as_whom(address: str, namespace: str) -> Iterator[Callable[[str], regesta.Client]]:
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(
            regesta.Client(address, token=token_of(name), namespace=namespace)
        )


@pytest.fixture
def gated(as_whom: Callable[[str], regesta.Client]) -> Callable[[str], regesta.Client]:
    """A policy, and a version in staging that meets all of it but the approvals."""
    as_whom("root").define_policy(policy_id="prod-gate", policy=GATE, reason="SOC 2")
    ci = as_whom("ci")
    ci.register("churn", source="s3://churn/1", digest="sha256:" + "ab" * 32)
    ci.set_tags("churn/1", tags={"risk-class": "high"})
    evaluate(ci, 0.93)
    as_whom("max").transition_version("churn/1", stage="staging")
    return as_whom


def evaluate(client: regesta.Client, auc: float, version: str = "churn/1", **fields: Any):
    evaluation = pb.Evaluation(
        dataset="holdout", method="benchmark", metrics={"auc": auc}, evaluator="ci"
    )
    evaluation.MergeFrom(pb.Evaluation(**fields))
    return client.record_evaluation(version, evaluation=evaluation)


def ask(client: regesta.Client, **fields: Any) -> str:
    return client.request_transition(
        "churn/1", **({"stage": "production"} | fields), reason="it is better"
    ).name


def unmet(caught: pytest.ExceptionInfo[PreconditionFailed]) -> dict[str, str]:
    return {
        violation.field.partition("#")[2]: violation.description
        for violation in caught.value.violations
    }


def test_a_move_is_asked_for_approved_by_two_and_carried_out(
    gated: Callable[[str], regesta.Client], governed_database: LiveDatabase, namespace: str
):
    ci, max_ = gated("ci"), gated("max")
    with pytest.raises(PreconditionFailed) as caught:
        max_.transition_version("churn/1", stage="production")
    assert ("POLICY_NOT_MET", "prod-gate@1") == (
        caught.value.reason,
        caught.value.metadata["policies"],
    )
    assert "RequestTransition" in unmet(caught)["approvals[0]"]

    request = ask(ci)
    gated("rita").approve_transition(request, meaning="reviewed", reason="looks good")
    with pytest.raises(PreconditionFailed) as caught:
        max_.transition_version("churn/1", stage="production")
    assert {"approvals[0]": "1 of 2 by reviewer or maintainer"} == unmet(caught)

    approved = gated("ralf").approve_transition(request)
    assert ["rita", "ralf"] == [each.principal for each in approved.approvals]
    moved = max_.transition_version("churn/1", stage="production", reason="released")
    assert "production" == moved.stage

    done = ci.get_transition_request(request)
    assert pb.TransitionRequest.STATE_COMPLETED == done.state
    assert ("it is better", "looks good", "") == (
        done.reason,
        *(each.comment for each in done.approvals),
    )
    (event,) = [
        event
        for event in gated("root").history("churn/1")
        if event.type.endswith("StageChanged") and b"evidenceDigest" in event.record
    ]
    assert b'"approvals":["rita","ralf"]' in event.record
    assert b'"policy":"prod-gate","version":1' in event.record
    assert () == verify(governed_database.service_dsn, namespace).findings
    rebuild(governed_database.owner_dsn, namespace)
    assert done == ci.get_transition_request(request)


def test_a_check_says_every_condition_and_moves_nothing(gated: Callable[[str], regesta.Client]):
    ci = gated("ci")
    said = ci.check_transition("churn/1", stage="production")
    assert not said.allowed
    assert {
        "tag risk-class": True,
        "digest": True,
        "evaluations[0]": True,
        "approvals[0]": False,
        "not-on-friday": True,
    } == {each.condition: each.met for each in said.outcomes}
    assert "" == said.refusal

    request = ask(ci)
    for name in ("rita", "ralf"):
        gated(name).approve_transition(request)
    said = ci.check_transition("churn/1", stage="production")
    assert (True, request) == (said.allowed, said.request)
    assert "staging" == ci.get_version("churn/1").stage

    said = ci.check_transition("churn/1", stage="nowhere")
    assert (False, "MOVE_NOT_ALLOWED", 0) == (
        said.allowed,
        said.refusal_reason,
        len(said.outcomes),
    )


def test_an_alias_is_governed_as_a_stage_is(gated: Callable[[str], regesta.Client]):
    max_ = gated("max")
    with pytest.raises(PreconditionFailed, match="prod-gate"):
        max_.set_alias("churn@champion", version=1)
    max_.set_alias("churn@challenger", version=1)
    request = ask(gated("ci"), stage="", alias="champion")
    for name in ("rita", "ralf"):
        gated(name).approve_transition(request)
    assert 1 == max_.set_alias("churn@champion", version=1, transition_request=request).version
    max_.remove_alias("churn@champion")
    with pytest.raises(PreconditionFailed, match="is completed"):
        max_.set_alias("churn@champion", version=1, transition_request=request)


@pytest.mark.parametrize(
    ("change", "condition", "says"),
    [
        (lambda ci: ci.remove_tags("churn/1", keys=["risk-class"]), "tag risk-class", "set it"),
        (lambda ci: evaluate(ci, 0.8), "evaluations[0]", "auc is 0.8"),
        (
            lambda ci: evaluate(ci, 0.99, valid_until=Timestamp(seconds=1)),
            "evaluations[0]",
            "no longer valid",
        ),
    ],
)
def test_what_a_version_lacks_is_named(
    gated: Callable[[str], regesta.Client],
    change: Callable[[regesta.Client], object],
    condition: str,
    says: str,
):
    change(gated("ci"))
    with pytest.raises(PreconditionFailed) as caught:
        gated("max").transition_version("churn/1", stage="production")
    assert says in unmet(caught)[condition]


def test_what_changed_since_an_approval_must_be_approved_again(
    gated: Callable[[str], regesta.Client],
):
    ci = gated("ci")
    request = ask(ci)
    for name in ("rita", "ralf"):
        gated(name).approve_transition(request)
    evaluate(ci, 0.95)
    with pytest.raises(PreconditionFailed) as caught:
        gated("max").transition_version("churn/1", stage="production")
    assert "what rita approved has changed since" in unmet(caught)["approvals[0]"]
    for name in ("rita", "ralf"):
        gated(name).approve_transition(request)
    assert "production" == gated("max").transition_version("churn/1", stage="production").stage


def test_nobody_approves_what_they_asked_for_or_approves_twice(
    gated: Callable[[str], regesta.Client],
):
    own = ask(gated("rita"))
    with pytest.raises(PermissionDenied) as denied:
        gated("rita").approve_transition(own)
    assert "OWN_REQUEST" == denied.value.reason
    gated("ralf").approve_transition(own)
    with pytest.raises(AlreadyExists, match="approved this already"):
        gated("ralf").approve_transition(own)
    with pytest.raises(PermissionDenied, match=r"requests\.approve"):
        gated("ci").approve_transition(own)


def test_a_request_ends_once(gated: Callable[[str], regesta.Client]):
    ci, rita = gated("ci"), gated("rita")
    rejected = rita.reject_transition(ask(ci), reason="too early")
    assert ("rita", "too early") == (rejected.rejection.principal, rejected.rejection.comment)
    for act in (rita.approve_transition, rita.reject_transition, ci.cancel_transition):
        with pytest.raises(PreconditionFailed, match="is rejected"):
            act(rejected.name)
    mine = ask(ci)
    with pytest.raises(PermissionDenied, match="reject it instead"):
        rita.cancel_transition(mine)
    assert pb.TransitionRequest.STATE_CANCELLED == ci.cancel_transition(mine).state
    open_ = ask(ci)
    assert [open_] == [each.name for each in ci.list_transition_requests().requests]
    newest_first = ci.list_transition_requests(include_ended=True, page_size=2)
    assert [open_, mine] == [each.name for each in newest_first.requests]
    rest = ci.list_transition_requests(
        include_ended=True, page_size=2, page_token=newest_first.next_page_token
    )
    assert [rejected.name] == [each.name for each in rest.requests]


def test_an_expired_request_is_refused_by_its_time(gated: Callable[[str], regesta.Client]):
    ci = gated("ci")
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    request = ask(ci, expire_time=soon)
    while datetime.now(UTC) <= soon:
        time.sleep(0.05)
    with pytest.raises(PreconditionFailed, match="is expired"):
        gated("rita").approve_transition(request)
    with pytest.raises(InvalidRequest, match="expire_time"):
        ask(ci, expire_time=soon)


def test_two_approvals_and_a_cancel_at_once_leave_one_story(
    gated: Callable[[str], regesta.Client],
):
    ci, rita, ralf = gated("ci"), gated("rita"), gated("ralf")
    for _ in range(5):
        request = ask(ci)
        acts = (rita.approve_transition, ralf.approve_transition, ci.cancel_transition)
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda act, request=request: outcome(act, request), acts))
        told = ci.get_transition_request(request)
        assert "" == answers[2]
        assert pb.TransitionRequest.STATE_CANCELLED == told.state
        assert set(answers[:2]) <= {"", "REQUEST_ENDED"}
        assert answers[:2].count("") == len(told.approvals)


def outcome(act: Callable[[str], object], request: str) -> str:
    try:
        act(request)
    except RegestaError as error:
        return error.reason
    return ""


def test_a_request_is_for_one_move_of_one_version(gated: Callable[[str], regesta.Client]):
    request = ask(gated("ci"))
    for name in ("rita", "ralf"):
        gated(name).approve_transition(request)
    gated("ci").register("churn", source="s3://churn/2", digest="sha256:" + "cd" * 32)
    with pytest.raises(PreconditionFailed, match="for another move"):
        gated("max").transition_version("churn/2", stage="staging", transition_request=request)
    with pytest.raises(NotFound, match="no requests/"):
        gated("rita").approve_transition(request.rpartition("/")[0] + "/none")


def test_policies_are_versioned_compared_and_removed(as_whom: Callable[[str], regesta.Client]):
    root = as_whom("root")
    first = root.define_policy(policy_id="prod-gate", policy=GATE)
    assert (1, "root") == (first.version, first.defined_by)
    assert 1 == root.define_policy(policy_id="prod-gate", policy=GATE).version
    changed = pb.Policy()
    changed.CopyFrom(GATE)
    changed.proposer_may_approve = True
    position = root.get_head().position
    assert 2 == root.define_policy(policy_id="prod-gate", policy=changed).version
    (then,) = root.get_governance(at_position=position).policies
    assert first == then
    assert [] == list(root.remove_policy(first.name).policies)
    with pytest.raises(NotFound, match="no policy prod-gate"):
        root.remove_policy(first.name)
    with pytest.raises(PermissionDenied):
        as_whom("rita").define_policy(policy_id="prod-gate", policy=GATE)


def test_a_policy_that_makes_no_sense_is_refused_field_by_field(
    as_whom: Callable[[str], regesta.Client],
):
    broken = pb.Policy(
        stages=["Production"],
        required_tags=[""],
        evaluations=[
            pb.EvaluationRequirement(
                method="Bench Mark",
                thresholds=[pb.MetricThreshold(metric="auc", operator="=>", value=float("nan"))],
            )
        ],
        approvals=[pb.ApprovalRequirement(count=0, roles=["boss"])],
        conditions=[pb.PolicyCondition(id="x", expression="version.nosuch == 'x'")],
        approval_max_age_seconds=-1,
    )
    with pytest.raises(InvalidRequest) as caught:
        as_whom("root").define_policy(policy_id="p", policy=broken)
    assert {
        "policy.stages[0]",
        "policy.required_tags[0]",
        "policy.evaluations[0].method",
        "policy.evaluations[0].thresholds[0].operator",
        "policy.evaluations[0].thresholds[0].value",
        "policy.approvals[0].count",
        "policy.approvals[0].roles",
        "policy.conditions[0].expression",
        "policy.approval_max_age_seconds",
    } == {violation.field for violation in caught.value.violations}


@pytest.mark.parametrize(
    "expression",
    ["x" * 1_048_576, "(" * 2_000 + "true" + ")" * 2_000, "version.semver.map(x, x) == []"],
)
def test_a_hostile_condition_is_refused_at_once(
    as_whom: Callable[[str], regesta.Client], expression: str
):
    policy = pb.Policy(
        stages=["production"], conditions=[pb.PolicyCondition(id="x", expression=expression)]
    )
    with pytest.raises(InvalidRequest):
        as_whom("root").define_policy(policy_id="p", policy=policy)


def test_a_condition_that_loops_too_long_refuses_the_move(
    as_whom: Callable[[str], regesta.Client],
):
    ten = "[1,1,1,1,1,1,1,1,1,1]"
    loop = "true"
    for depth in range(7):
        loop = f"{ten}.all(x{depth}, {loop})"
    policy = pb.Policy(
        stages=["staging"],
        conditions=[
            pb.PolicyCondition(id=name, expression=loop) for name in ("loop", "again", "more")
        ],
    )
    as_whom("root").define_policy(policy_id="slow", policy=policy)
    as_whom("ci").register("churn", source="s3://churn/1")
    with pytest.raises(PreconditionFailed, match="budget") as caught:
        as_whom("max").transition_version("churn/1", stage="staging")
    # One such condition is enough.
    assert {"it was not weighed: slow#loop took too long"} == {
        why for name, why in unmet(caught).items() if name != "loop"
    }


def test_evaluations_are_kept_as_facts(gated: Callable[[str], regesta.Client]):
    ci = gated("ci")
    position = evaluate(ci, 0.91).position
    evaluate(ci, 0.5, slices=[pb.EvaluationSlice(name="age 60+", metrics={"auc": 0.4})])
    known = ci.get_evaluations("churn/1")
    assert [0.93, 0.91, 0.5] == [each.metrics["auc"] for each in known.evaluations]
    assert {"auc": 0.4} == dict(known.evaluations[-1].slices[0].metrics)
    assert 2 == len(ci.get_evaluations("churn/1", at_position=position).evaluations)
    with pytest.raises(InvalidRequest, match="metrics"):
        ci.record_evaluation("churn/1", evaluation=pb.Evaluation(dataset="x", method="y"))
    with pytest.raises(NotFound):
        evaluate(ci, 1, "churn/9")


def test_a_version_needs_what_a_policy_requires_of_its_content(
    as_whom: Callable[[str], regesta.Client],
):
    policy = pb.Policy(
        stages=["staging"], require_signature=True, require_card=True, require_lineage=True
    )
    as_whom("root").define_policy(policy_id="complete", policy=policy)
    ci, max_ = as_whom("ci"), as_whom("max")
    ci.register("bare", source="s3://bare/1")
    with pytest.raises(PreconditionFailed) as caught:
        max_.transition_version("bare/1", stage="staging")
    assert {"signature", "card", "lineage"} == set(unmet(caught))
    version = version_pb2.Version(
        source="s3://full/1",
        card="# Full",
        signature=version_pb2.Signature(inputs=[version_pb2.TensorSpec(name="x")]),
        lineage=version_pb2.Lineage(run="run-1"),
    )
    ci.register_version("full", version=version, allow_missing_model=True)
    assert "staging" == max_.transition_version("full/1", stage="staging").stage


def test_who_watches_hears_each_step(gated: Callable[[str], regesta.Client]):
    begun = gated("root").get_head().position
    request = ask(gated("ci"))
    for name in ("rita", "ralf"):
        gated(name).approve_transition(request)
    gated("max").transition_version("churn/1", stage="production")
    steps = [
        event.type.rpartition(".")[2]
        for event in itertools.islice(gated("root").watch(after=begun), 5)
    ]
    assert [
        "TransitionRequested",
        "TransitionApproved",
        "TransitionApproved",
        "StageChanged",
        "TransitionCompleted",
    ] == steps
