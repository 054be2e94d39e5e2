"""Ways through several stages and room for one version, over a real server."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta.errors import InvalidRequest, PreconditionFailed, RegestaError
from regesta.v1 import governance_pb2 as pb
from regesta.v1.flag_pb2 import FLAG_SEVERITY_CRITICAL, Flag
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify
from regesta_service.domain.transitions import MAX_DISPLACED

if TYPE_CHECKING:
    from tests.databases import LiveDatabase
    from tests.support.server_process import ServerProcess


def stages(client: regesta.Client) -> dict[int, str]:
    return {version.version: version.stage for version in client.versions(model="churn")}


def register(client: regesta.Client, *numbers: int, stage: str = "") -> None:
    for number in numbers:
        assert number == client.register("churn", source=f"s3://churn/{number}").version
        if stage:
            client.transition_version(f"churn/{number}", stage=stage, through=True)


def reason_of(caught: pytest.ExceptionInfo[RegestaError]) -> str:
    return caught.value.reason


def gate(client: regesta.Client, stage: str, **more: Any) -> None:
    """Let versions into a stage only if they have a tag."""
    client.define_policy(
        policy_id=f"gate-{stage}",
        policy=pb.Policy(stages=[stage], required_tags=["risk-class"], **more),
    )


def test_a_step_between_is_asked_of_its_policies_as_a_call_of_its_own(client: regesta.Client):
    register(client, 1)
    gate(client, "staging")
    before = client.get_head().position
    with pytest.raises(PreconditionFailed) as caught:
        client.transition_version("churn/1", stage="production", through=True)
    assert "POLICY_NOT_MET" == reason_of(caught)
    assert before == client.get_head().position
    client.set_tags("churn/1", tags={"risk-class": "low"})
    assert (
        "production" == client.transition_version("churn/1", stage="production", through=True).stage
    )


def test_a_flag_stops_a_way_before_its_first_step(client: regesta.Client):
    register(client, 1)
    client.raise_flag(
        "churn/1",
        flag=Flag(id="drift", blocking=True, severity=FLAG_SEVERITY_CRITICAL),
        reason="bad",
    )
    with pytest.raises(PreconditionFailed) as caught:
        client.transition_version("churn/1", stage="production", through=True)
    assert "VERSION_FLAGGED" == reason_of(caught)
    assert {1: "development"} == stages(client)


def test_the_request_is_carried_out_by_the_last_step(client: regesta.Client):
    register(client, 1)
    client.define_policy(
        policy_id="approved",
        policy=pb.Policy(
            stages=["production"],
            approvals=[pb.ApprovalRequirement(count=1)],
            proposer_may_approve=True,
        ),
    )
    request = client.request_transition("churn/1", stage="production").name
    client.approve_transition(request)
    client.transition_version("churn/1", stage="production", through=True)
    assert pb.TransitionRequest.STATE_COMPLETED == client.get_transition_request(request).state
    first, last = list(client.history("churn/1"))[1::-1]
    assert ("staging", True, None) == told(first)
    assert ("production", None, request.rpartition("/")[2]) == told(last)


def told(event: Any) -> tuple[str, bool | None, str | None]:
    data = json.loads(event.record)["data"]
    return data["toStage"], data.get("passing"), data.get("request")


def test_an_approval_that_a_step_between_wants_refuses_the_way(client: regesta.Client):
    register(client, 1)
    client.define_policy(
        policy_id="approved",
        policy=pb.Policy(
            stages=["staging", "production"],
            approvals=[pb.ApprovalRequirement(count=1)],
            proposer_may_approve=True,
        ),
    )
    client.approve_transition(client.request_transition("churn/1", stage="production").name)
    with pytest.raises(PreconditionFailed) as caught:
        client.transition_version("churn/1", stage="production", through=True)
    assert "POLICY_NOT_MET" == reason_of(caught)
    assert {1: "development"} == stages(client)


def test_policies_are_asked_of_who_makes_room_and_nobody_moves_if_one_may_not(
    client: regesta.Client,
):
    register(client, 1, 2, 3, stage="staging")
    gate(client, "archived")
    client.set_tags("churn/1", tags={"risk-class": "low"})
    with pytest.raises(PreconditionFailed) as caught:
        client.transition_version("churn/3", stage="staging", displace_to="archived")
    assert "POLICY_NOT_MET" == reason_of(caught)
    assert {1: "staging", 2: "staging", 3: "staging"} == stages(client)
    said = client.check_transition("churn/3", stage="staging", displace_to="archived")
    assert not said.allowed
    assert [(1, "archived", True), (2, "archived", False)] == [
        (int(one.version.rpartition("/")[2]), one.to_stage, one.met) for one in said.outcomes
    ]
    client.set_tags("churn/2", tags={"risk-class": "low"})
    assert client.check_transition("churn/3", stage="staging", displace_to="archived").allowed
    client.transition_version("churn/3", stage="staging", displace_to="archived")
    assert {1: "archived", 2: "archived", 3: "staging"} == stages(client)


def test_a_check_says_what_every_step_of_a_way_wants(client: regesta.Client):
    register(client, 1)
    gate(client, "staging")
    gate(client, "production", require_digest=True)
    direct = client.check_transition("churn/1", stage="production")
    assert ("MOVE_NOT_ALLOWED", {"production"}) == (
        direct.refusal_reason,
        {one.to_stage for one in direct.outcomes},
    )
    said = client.check_transition("churn/1", stage="production", through=True)
    assert (False, "") == (said.allowed, said.refusal)
    assert [
        ("staging", "tag risk-class"),
        ("production", "tag risk-class"),
        ("production", "digest"),
    ] == [(one.to_stage, one.condition) for one in said.outcomes]
    with pytest.raises(InvalidRequest) as caught:
        client.check_transition("churn/1", alias="champion", through=True, displace_to="archived")
    assert ["through", "displace_to"] == [one.field for one in caught.value.violations]


def test_a_policy_is_tried_on_whoever_somebody_displaced(client: regesta.Client):
    register(client, 1, 2, stage="staging")
    client.transition_version("churn/2", stage="staging", displace_to="archived")
    answer = client.backtest_policy(pb.Policy(stages=["archived"], required_tags=["risk-class"]))
    (refused,) = answer.refusals
    assert ("1", "archived") == (refused.version.rpartition("/")[2], refused.to_stage)


def test_a_stage_is_rolled_back_to_who_made_room_where_the_other_was_already(
    client: regesta.Client, server_database: LiveDatabase, namespace: str
):
    register(client, 1, 2, stage="production")
    shown = client.transition_version("churn/1", stage="production", displace_to="archived")
    assert (1, "production") == (shown.version, shown.stage)
    assert {1: "production", 2: "archived"} == stages(client)
    assert () == verify(server_database.service_dsn, namespace).findings
    client.rollback_stage("churn", stage="production")
    assert {1: "development", 2: "production"} == stages(client)
    client.rollback_stage("churn", stage="production")
    assert {1: "production", 2: "development"} == stages(client)


def test_a_version_that_passed_through_a_stage_never_held_it(client: regesta.Client):
    register(client, 1, stage="production")
    register(client, 2, stage="staging")
    with pytest.raises(PreconditionFailed) as caught:
        client.rollback_stage("churn", stage="staging")
    assert "NOTHING_TO_ROLL_BACK" == reason_of(caught)
    assert {1: "production", 2: "staging"} == stages(client)


def test_a_repeated_move_is_made_once(client: regesta.Client):
    register(client, 1, 2, 3, stage="production")
    for _ in range(2):
        moved = client.transition_version(
            "churn/2", stage="production", displace_to="archived", request_id="once"
        )
        assert (2, "production") == (moved.version, moved.stage)
        client.transition_version("churn/1", stage="staging", through=True, request_id="then")
    assert {1: "staging", 2: "production", 3: "archived"} == stages(client)


def test_a_thousand_make_room_at_once_and_no_more(
    client: regesta.Client, server_database: LiveDatabase, namespace: str
):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.register("churn"), range(MAX_DISPLACED + 2)))
    with pytest.raises(PreconditionFailed) as caught:
        client.transition_version("churn/7", stage="development", displace_to="archived")
    assert "TOO_MANY_IN_STAGE" == reason_of(caught)
    client.transition_version("churn/1", stage="staging")
    before = client.get_head().position
    client.transition_version("churn/7", stage="development", displace_to="archived")
    assert before + MAX_DISPLACED == client.get_head().position
    versions = list(client.versions(model="churn"))
    assert [7] == [one.version for one in versions if one.stage == "development"]
    archived = [one for one in versions if one.stage == "archived"]
    assert 1 == len({one.update_time.ToNanoseconds() for one in archived})
    assert () == verify(server_database.service_dsn, namespace).findings


def test_whoever_wants_a_stage_alone_has_it_alone_right_after_its_append(
    client: regesta.Client,
    second_server: ServerProcess,
    server_database: LiveDatabase,
    namespace: str,
):
    register(client, *range(1, 9))
    with regesta.Client(second_server.address, namespace=namespace) as other:

        def act(at: int) -> None:
            who, number = (client, other)[at % 2], 1 + at * 5 % 8
            name = f"churn/{number}"
            # Others take versions away, delete and restore them, so much is refused.
            with suppress(RegestaError):
                if at % 4 == 0:
                    who.delete_version(name)
                    who.restore_version(name)
                elif at % 4 == 1:
                    who.transition_version(name, stage="production", through=True)
                else:
                    who.transition_version(
                        name,
                        stage="production",
                        through=True,
                        displace_to="archived",
                        request_id=f"alone-{number}-{at}",
                    )

        with ThreadPoolExecutor(12) as pool:
            list(pool.map(act, range(160)))
    alone, shared = 0, 0
    where: dict[int, str] = {}
    deleted: set[int] = set()
    events = [event for event in client.events() if "/versions/" in event.stream]
    for request_id, append in itertools.groupby(events, key=lambda event: event.request_id):
        for event in append:
            number = int(event.stream.rpartition("/")[2])
            match event.type.rpartition(".")[2], json.loads(event.record)["data"]:
                case "StageChanged", data:
                    where[number] = data["toStage"]
                case "VersionDeleted", _:
                    deleted.add(number)
                case "VersionRestored", _:
                    deleted.discard(number)
                case _:
                    pass
        inside = {n for n, stage in where.items() if stage == "production"} - deleted
        shared += len(inside) > 1
        if request_id.startswith("alone-"):
            alone += 1
            assert {int(request_id.split("-")[1])} == inside
    assert alone > 10
    assert shared > 0
    position = rebuild(server_database.service_dsn, namespace, linger=0).position
    assert position == client.get_head().position
    assert () == verify(server_database.service_dsn, namespace).findings
