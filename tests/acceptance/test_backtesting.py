"""A policy tried on the past: what it would have refused, as things were then."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import regesta
from regesta.errors import InvalidRequest, PermissionDenied, RegestaError
from regesta.v1 import governance_pb2 as pb
from regesta_service.reads import backtesting
from tests.support.server_process import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from regesta.v1.governance_service_pb2 import BacktestPolicyResponse, RefusedMove
    from tests.databases import DatabaseServer

ROLES = {
    "root": "admin",
    "ci": "registrar",
    "rita": "reviewer",
    "max": "maintainer",
    "aud": "auditor",
}
EVALUATED = pb.EvaluationRequirement(
    dataset="holdout", thresholds=[pb.MetricThreshold(metric="auc", operator=">=", value=0.9)]
)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def address(postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made = postgres.migrated()
    path: Path = tmp_path_factory.mktemp("config") / "regesta.toml"
    path.write_text(
        "\n".join(
            f'[[tokens]]\nprincipal = "{name}"\nrole = "{role}"\ntoken = "{token_of(name)}"\n'
            for name, role in ROLES.items()
        )
    )
    with serving("--config", str(path), "--dsn", made.service_dsn) as server:
        yield server.address
    postgres.drop(made)


def token_of(name: str) -> str:
    return f"token-of-{name}-{'x' * 32}"


@pytest.fixture
def as_whom(address: str) -> Iterator[Callable[[str], regesta.Client]]:
    namespace = f"past-{next(_numbers)}"
    with ExitStack() as stack:

        def client(name: str) -> regesta.Client:
            made = regesta.Client(address, token=token_of(name), namespace=namespace)
            return stack.enter_context(made)

        client("root").create_namespace(namespace)
        yield client


@pytest.fixture
def ci(as_whom: Callable[[str], regesta.Client]) -> regesta.Client:
    """Three versions of churn and one of fraud; the first has a tag and an evaluation."""
    ci = as_whom("ci")
    for model in ("churn", "churn", "churn", "fraud"):
        ci.register(model)
    ci.set_tags("churn/1", tags={"risk-class": "high"})
    evaluate(ci, "churn/1", 0.93)
    return ci


@pytest.fixture
def max_(as_whom: Callable[[str], regesta.Client], ci: regesta.Client) -> regesta.Client:
    del ci
    return as_whom("max")


@pytest.fixture
def auditor(as_whom: Callable[[str], regesta.Client]) -> regesta.Client:
    return as_whom("aud")


def evaluate(client: regesta.Client, version: str, auc: float) -> int:
    evaluation = pb.Evaluation(dataset="holdout", method="benchmark", metrics={"auc": auc})
    return client.record_evaluation(version, evaluation=evaluation).position


def promote(client: regesta.Client, version: str) -> None:
    client.transition_version(version, stage="staging")
    client.transition_version(version, stage="production")


def gist(move: RefusedMove) -> tuple[str, str, list[str]]:
    """Return the version, where it moved, and what it lacked."""
    return (
        move.version.partition("/models/")[2],
        move.to_stage or f"@{move.alias}",
        [each.condition for each in move.unmet],
    )


def gists(answer: BacktestPolicyResponse) -> list[tuple[str, str, list[str]]]:
    return [gist(move) for move in answer.refusals]


def end_of(client: regesta.Client) -> int:
    return client.get_head().position


def test_moves_are_judged_by_what_there_was_when_they_were_made(
    ci: regesta.Client, max_: regesta.Client, auditor: regesta.Client
):
    for version in ("churn/1", "churn/2", "fraud/1"):
        promote(max_, version)
    # All of this came too late, or goes too late.
    ci.set_tags("churn/2", tags={"risk-class": "low"})
    evaluate(ci, "churn/2", 0.99)
    ci.remove_tags("churn/1", keys=["risk-class"])
    evaluate(ci, "churn/1", 0.1)
    ci.set_tags("churn/3", tags={"risk-class": "low"})
    evaluate(ci, "churn/3", 0.89)
    promote(max_, "churn/3")
    policy = pb.Policy(
        models=["churn*"],
        stages=["production"],
        required_tags=["risk-class"],
        evaluations=[EVALUATED],
        conditions=[pb.PolicyCondition(id="from-staging", expression="from_stage == 'staging'")],
    )

    answer = auditor.backtest_policy(policy)

    assert (3, 2, False) == (answer.moves, answer.refused, answer.more)
    assert [
        ("churn/versions/2", "production", ["tag risk-class", "evaluations[0]"]),
        ("churn/versions/3", "production", ["evaluations[0]"]),
    ] == gists(answer)
    assert end_of(auditor) == answer.position
    first = answer.refusals[0]
    (event,) = auditor.events(after=first.position - 1, until=first.position)
    assert ("max", event.record_time) == (first.principal, first.record_time)
    assert "auc is 0.89" in answer.refusals[1].unmet[0].message
    # It was asked, not defined.
    promoted = auditor.get_governance()
    assert not promoted.policies


def test_aliases_are_moves_and_what_nobody_asked_for_is_not(
    max_: regesta.Client, auditor: regesta.Client
):
    exclusive = pb.Lifecycle(
        stages=[
            pb.LifecycleStage(name="development", moves_to=["live"]),
            pb.LifecycleStage(name="live", exclusive=True, displaced_to="development"),
        ]
    )
    max_.define_lifecycle(lifecycle_id="one", lifecycle=exclusive)
    for number in (1, 2):
        max_.set_alias("churn@champion", version=number)
        max_.transition_version(f"churn/{number}", stage="live")
    max_.set_alias("churn@other", version=2)
    max_.rollback_alias("churn@champion", reason="it was worse")
    policy = pb.Policy(
        stages=["live", "development"], aliases=["champion"], required_tags=["risk-class"]
    )

    answer = auditor.backtest_policy(policy)

    # Neither that version 1 made room for 2 in the stage, nor that it came back as champion.
    assert (4, 2) == (answer.moves, answer.refused)
    assert [
        ("churn/versions/2", "@champion", ["tag risk-class"]),
        ("churn/versions/2", "live", ["tag risk-class"]),
    ] == gists(answer)
    policy.aliases[:] = ["*"]
    assert 5 == auditor.backtest_policy(policy).moves


def test_approvals_count_as_far_as_the_request_had_them(
    as_whom: Callable[[str], regesta.Client], max_: regesta.Client, auditor: regesta.Client
):
    ci, rita = as_whom("ci"), as_whom("rita")
    for version, approved in (("churn/1", True), ("churn/2", False)):
        max_.transition_version(version, stage="staging")
        request = ci.request_transition(version, stage="production").name
        if approved:
            rita.approve_transition(request)
        max_.transition_version(version, stage="production", transition_request=request)
    promote(max_, "churn/3")
    policy = pb.Policy(
        stages=["production"], approvals=[pb.ApprovalRequirement(count=1, roles=["reviewer"])]
    )

    answer = auditor.backtest_policy(policy)

    assert (3, 2) == (answer.moves, answer.refused)
    assert ["0 of 1 by reviewer", "ask for the move (RequestTransition); 1 by reviewer must"] == [
        move.unmet[0].message.removesuffix(" approve") for move in answer.refusals
    ]


def test_only_the_part_of_the_log_that_was_asked_for_is_looked_at(
    max_: regesta.Client, auditor: regesta.Client
):
    ends = []
    for version in ("churn/1", "churn/2", "churn/3"):
        promote(max_, version)
        ends.append(end_of(auditor))
    policy = pb.Policy(stages=["production"], required_tags=["risk-class"])

    until = auditor.backtest_policy(policy, until_position=ends[1])
    assert (2, 1, ends[1], False) == (until.moves, until.refused, until.position, until.more)
    between = auditor.backtest_policy(policy, after_position=ends[0], until_position=ends[2] - 1)
    assert [("churn/versions/2", "production", ["tag risk-class"])] == gists(between)
    rest = auditor.backtest_policy(policy, after_position=ends[2])
    assert (0, ends[2], False) == (rest.moves, rest.position, rest.more)


def test_a_model_goes_by_its_first_name_in_policies_and_by_its_present_name_in_answers(
    max_: regesta.Client, auditor: regesta.Client
):
    promote(max_, "churn/2")
    max_.rename_model("churn", new_model_id="retention")
    policy = pb.Policy(models=["churn"], stages=["production"], required_tags=["risk-class"])
    assert ["retention/versions/2"] == [
        gist(move)[0] for move in auditor.backtest_policy(policy).refusals
    ]
    policy.models[:] = ["retention"]
    assert 0 == auditor.backtest_policy(policy).moves


def test_more_moves_than_one_call_looks_at_are_gone_through_in_several(
    max_: regesta.Client, auditor: regesta.Client
):
    most = backtesting.MOST_MOVES
    for number in range(most + 10):
        max_.set_alias("churn@flip", version=2 + number % 2)
    policy = pb.Policy(aliases=["flip"], required_tags=["risk-class"])

    moves, answer = 0, auditor.backtest_policy(policy)
    assert backtesting.MOST_REFUSALS == len(answer.refusals) <= answer.refused
    seen = [each.position for each in answer.refusals]
    while answer.more:
        moves += answer.moves
        answer = auditor.backtest_policy(policy, after_position=answer.position)
        seen += [each.position for each in answer.refusals]
    assert most + 10 == moves + answer.moves
    assert sorted(set(seen)) == seen


@pytest.mark.parametrize(
    ("policy", "fields"),
    [
        (pb.Policy(), ["policy"]),
        (
            pb.Policy(
                stages=["Live"],
                conditions=[pb.PolicyCondition(id="a", expression="nobody.knows")],
            ),
            ["policy.stages[0]", "policy.conditions[0].expression"],
        ),
    ],
)
def test_a_policy_that_could_not_be_defined_is_refused_field_by_field(
    auditor: regesta.Client, policy: pb.Policy, fields: list[str]
):
    with pytest.raises(InvalidRequest) as caught:
        auditor.backtest_policy(policy)
    assert fields == [each.field for each in caught.value.violations]


def test_positions_that_the_log_does_not_have_are_refused(auditor: regesta.Client):
    policy = pb.Policy(stages=["production"])
    with pytest.raises(InvalidRequest) as caught:
        auditor.backtest_policy(policy, after_position=-1, until_position=-1)
    assert ["after_position", "until_position"] == [each.field for each in caught.value.violations]
    with pytest.raises(InvalidRequest):
        auditor.backtest_policy(policy, after_position=2, until_position=1)
    for after, until in ((1_000, 0), (0, 1_000)):
        with pytest.raises(RegestaError) as beyond:
            auditor.backtest_policy(policy, after_position=after, until_position=until)
        assert "MOMENT_OUT_OF_RANGE" == beyond.value.reason


def test_who_may_not_audit_may_not_look_back(max_: regesta.Client):
    with pytest.raises(PermissionDenied):
        max_.backtest_policy(pb.Policy(stages=["production"]))
