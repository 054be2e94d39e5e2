"""Lifecycles that teams define, over a real server."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import regesta
from regesta.errors import InvalidRequest, NotFound, PreconditionFailed, RegestaError
from regesta.v1 import governance_pb2 as pb
from regesta_projections.verification import verify

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

STRICT = pb.Lifecycle(
    models=["churn*"],
    stages=[
        pb.LifecycleStage(name="draft", moves_to=["live", "gone"]),
        pb.LifecycleStage(name="live", moves_to=["gone"], exclusive=True, displaced_to="gone"),
        pb.LifecycleStage(name="gone", moves_to=["draft"], closed=True),
    ],
)


@pytest.fixture
def strict(client: regesta.Client) -> regesta.Client:
    """A registry with a lifecycle for models whose names begin with churn."""
    client.define_lifecycle(lifecycle_id="strict", lifecycle=STRICT, reason="one version serves")
    client.register("churn", source="s3://churn/1")
    return client


def stages(client: regesta.Client, model: str = "churn") -> dict[int, str]:
    return {version.version: version.stage for version in client.list_versions(model).versions}


def test_a_lifecycle_is_defined_read_and_removed(client: regesta.Client, namespace: str):
    defined = client.define_lifecycle(lifecycle_id="strict", lifecycle=STRICT)
    assert (f"namespaces/{namespace}/lifecycles/strict", 1) == (defined.name, defined.version)
    client.register("churn", source="s3://churn/1")
    lifecycle = client.get_lifecycle(model=client.get_model("churn").name)
    assert (defined.name, ["draft", "live", "gone"]) == (
        lifecycle.lifecycle,
        [stage.name for stage in lifecycle.stages],
    )
    default = client.get_lifecycle()
    assert ("", "development") == (default.lifecycle, default.stages[0].name)

    position = client.get_head().position
    removed = client.remove_lifecycle(defined.name)
    assert [] == list(removed.lifecycles)
    then = client.get_governance(at_position=position)
    assert [defined] == list(then.lifecycles)


def test_versions_of_its_models_begin_and_move_in_its_stages(strict: regesta.Client):
    assert {1: "draft"} == stages(strict)
    with pytest.raises(
        PreconditionFailed, match=r"no stage production; .* may move to: live, gone"
    ):
        strict.transition_version("churn/1", stage="production")
    strict.register("other", source="s3://other/1")
    assert {1: "development"} == stages(strict, "other")


def test_one_version_holds_an_exclusive_stage_and_the_log_verifies(
    strict: regesta.Client, server_database: LiveDatabase, namespace: str
):
    for _ in range(3):
        strict.register("churn", source="s3://churn/n")
    for number in (1, 3, 2):
        strict.transition_version(f"churn/{number}", stage="live")
    assert {1: "gone", 2: "live", 3: "gone", 4: "draft"} == stages(strict)
    (displaced,) = [
        event
        for event in strict.history("churn/3")
        if event.type.endswith("StageChanged") and b'"displacedBy":2' in event.record
    ]
    assert displaced.actor == "anonymous"
    assert () == verify(server_database.service_dsn, namespace).findings


def test_of_many_that_enter_at_once_one_stays(strict: regesta.Client):
    for _ in range(7):
        strict.register("churn", source="s3://churn/n")
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda number: strict.transition_version(f"churn/{number}", stage="live"),
                range(1, 9),
            )
        )
    held = stages(strict)
    assert ["gone"] * 7 + ["live"] == sorted(held.values())


def test_a_lifecycle_that_makes_no_sense_is_refused_field_by_field(
    client: regesta.Client, namespace: str
):
    broken = pb.Lifecycle(
        models=["no/name"],
        stages=[
            pb.LifecycleStage(name="Draft", moves_to=["nowhere"]),
            pb.LifecycleStage(name="live", exclusive=True, displaced_to="live"),
            pb.LifecycleStage(name="live", displaced_to="gone"),
        ],
    )
    with pytest.raises(InvalidRequest) as caught:
        client.define_lifecycle(lifecycle_id="Strict", lifecycle=broken)
    assert {
        "lifecycle_id",
        "lifecycle.models[0]",
        "lifecycle.stages[0].name",
        "lifecycle.stages[0].moves_to",
        "lifecycle.stages[1].displaced_to",
        "lifecycle.stages[2].name",
        "lifecycle.stages[2].displaced_to",
    } == {violation.field for violation in caught.value.violations}
    with pytest.raises(InvalidRequest):
        client.define_lifecycle(lifecycle_id="strict", lifecycle=pb.Lifecycle())
    with pytest.raises(NotFound, match="no lifecycle other"):
        client.remove_lifecycle(f"namespaces/{namespace}/lifecycles/other")


def test_what_is_in_a_stage_of_ones_own_is_resolved_by_it(strict: regesta.Client):
    strict.register("churn", source="s3://churn/2")
    strict.transition_version("churn/1", stage="live")
    assert 1 == strict.resolve("churn#live").version
    strict.transition_version("churn/2", stage="live")
    assert 2 == strict.resolve("churn#live").version
    before = strict.get_head().position - 3
    assert 1 == strict.resolve("churn#live", as_of=before).version
    strict.transition_version("churn/2", stage="gone")
    with pytest.raises(PreconditionFailed):
        strict.resolve("churn#gone")
    with pytest.raises(RegestaError):
        strict.resolve("churn")


def test_a_version_goes_through_to_a_stage_in_one_append(client: regesta.Client):
    client.register("churn", source="s3://churn/1")
    before = client.get_head().position
    moved = client.transition_version(
        "churn/1", stage="production", through=True, reason="passed everything"
    )
    assert "production" == moved.stage
    steps = [event for event in client.events() if event.position > before]
    assert ["development", "staging"] == [
        json.loads(event.record)["data"]["fromStage"] for event in steps
    ]
    assert 1 == len({event.record_time.ToNanoseconds() for event in steps})
    assert 1 == len({event.request_id for event in steps})
    with pytest.raises(PreconditionFailed, match="may not move"):
        client.transition_version("churn/1", stage="development")


def test_whoever_comes_has_the_stage_and_goes_back_as_well(client: regesta.Client):
    for number in (1, 2, 3):
        client.register("churn", source=f"s3://churn/{number}")
        client.transition_version(f"churn/{number}", stage="staging")
    client.transition_version("churn/1", stage="production")
    moved = client.transition_version("churn/2", stage="production", displace_to="archived")
    assert {1: "archived", 2: "production", 3: "staging"} == stages(client)
    assert client.get_version("churn/1").update_time == moved.update_time

    client.rollback_stage("churn", stage="production")
    assert {1: "production", 2: "staging", 3: "staging"} == stages(client)

    with pytest.raises(PreconditionFailed, match="not a closed stage"):
        client.transition_version("churn/1", stage="staging", displace_to="production")
    with pytest.raises(InvalidRequest, match="another stage"):
        client.transition_version("churn/1", stage="staging", displace_to="staging")


def test_of_many_that_come_at_once_one_is_left(
    client: regesta.Client, server_database: LiveDatabase, namespace: str
):
    for number in range(1, 9):
        client.register("churn", source=f"s3://churn/{number}")

    def enter(number: int) -> None:
        client.transition_version(
            f"churn/{number}", stage="production", through=True, displace_to="archived"
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enter, range(1, 9)))
    assert ["archived"] * 7 + ["production"] == sorted(stages(client).values())
    assert () == verify(server_database.service_dsn, namespace).findings
