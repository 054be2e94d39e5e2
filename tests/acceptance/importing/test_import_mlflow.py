"""An MLflow registry is here after its import, with all that it holds, and once."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import pytest

import regesta
import regesta.v1.governance_pb2
from regesta.mlflow import naming
from tests.acceptance.importing.conftest import BrokenOff, Mortal

if TYPE_CHECKING:
    from regesta.importing.reports import Report
    from tests.acceptance.importing.conftest import Importing
    from tests.support.mlflow_registry import MlflowRegistry

# MLflow and what it stands on warn of themselves.
pytestmark = pytest.mark.filterwarnings("ignore")

LONG = "x" * 100_000
PROMPT = {"mlflow.prompt.is_prompt": "true"}


def filled(registry: MlflowRegistry) -> MlflowRegistry:
    """Return a registry with a little of everything."""
    registry.model("churn", description="Who leaves.", team="risk")
    registry.model("Churn")
    registry.model("fraud model (v2)", **{"cost center": "7"})
    registry.model("greet", **PROMPT)
    for number in range(1, 5):
        registry.version(
            "churn",
            f"s3://churn/{number}",
            run_id=f"{number:032d}",
            run_link="http://mlflow/run",
            description=f"The {number}th.",
            tags={"number": str(number)},
        )
    registry.tag("churn", 1, "notes", LONG)
    registry.version("Churn", "s3://twin")
    registry.version("fraud model (v2)", "s3://fraud")
    registry.version("greet", "prompt", tags={**PROMPT, "mlflow.prompt.text": "Hello {{ name }}"})
    registry.stage("churn", 3, "Production")
    registry.alias("churn", "Champion", 3)
    registry.alias("churn", "-best", 4)
    registry.alias("churn", "first", 1)
    registry.stage("churn", 1, "Archived")
    registry.store.delete_model_version("churn", "2")
    registry.sql(
        "insert into registered_model_aliases (name, alias, version) values ('churn', 'ghost', 99)",
        "update model_versions set user_id = 'ann' where name = 'churn' and version = 1",
        "update model_versions set creation_time = creation_time + version * 1000,"
        " last_updated_time = last_updated_time + version * 1000 - 100000",
        "update model_versions set creation_time = creation_time - 100000",
        "update registered_models set creation_time = creation_time - 100000",
    )
    return registry


def losses(report: Report) -> list[tuple[str, str, str]]:
    return [
        (str(one.outcome), one.resource, one.what) for one in report.findings if one.outcome.is_loss
    ]


def state(client: regesta.Client) -> list[object]:
    """Return all that is in a namespace, but for who and when."""
    bookkeeping: tuple[Any, ...] = (
        "create_time",
        "update_time",
        "etag",
        "delete_time",
        "occurred_create_time",
        "occurred_update_time",
    )
    found: list[object] = []
    resources: list[regesta.Model | regesta.Version] = [*client.models(show_deleted=True)]
    resources += client.versions(show_deleted=True)
    for resource in resources:
        is_deleted = resource.HasField("delete_time")
        for field in bookkeeping:
            resource.ClearField(field)
        resource.name = resource.name.partition("/models/")[2]
        found.append((resource.name, is_deleted, resource.SerializeToString(deterministic=True)))
    return found


def test_everything_is_here_that_the_source_has(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    report = importing(filled(registry))
    assert [("not carried", "churn@ghost", "alias")] == losses(report)
    model = client.get_model("churn")
    assert "Who leaves." == model.description
    assert {"team": "risk"} == dict(model.tags)
    assert 4 == model.latest_version
    assert {"Champion": 3, naming.alias_id("-best"): 4, "first": 1} == dict(model.aliases)
    first, second, third, fourth = (client.get_version(f"churn/{n}") for n in range(1, 5))
    assert ["archived", "production", "development"] == [v.stage for v in (first, third, fourth)]
    assert second.HasField("delete_time")
    assert "REDACTED-SOURCE-PATH" == second.source
    assert {"number": "1", "notes": LONG} == dict(first.tags)
    assert ("s3://churn/1", "The 1th.") == (first.source, first.description)
    assert f"{1:032d}" == first.lineage.run
    properties = {name: value.string_value for name, value in first.properties.items()}
    assert {
        naming.USER_ID: "ann",
        naming.RUN_LINK: "http://mlflow/run",
        naming.STORAGE_LOCATION: "s3://churn/1",
    } == properties


def test_names_that_cannot_be_ids_are_kept_in_a_tag(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    importing(filled(registry))
    named = {
        naming.name_of(model.name.rpartition("/")[2], dict(model.tags)): model
        for model in client.models()
    }
    assert {"churn", "Churn", "fraud model (v2)", "greet"} == set(named)
    assert {"cost center": "7", naming.NAME_TAG: "fraud model (v2)"} == dict(
        named["fraud model (v2)"].tags
    )
    assert regesta.ModelKind.MODEL_KIND_PROMPT == named["greet"].kind
    assert regesta.ModelKind.MODEL_KIND_MODEL == named["churn"].kind
    prompt = client.get_version("greet/1")
    assert "Hello {{ name }}" == prompt.tags["mlflow.prompt.text"]
    (twin,) = client.versions(named["Churn"].name)
    assert "s3://twin" == twin.source


def test_the_log_tells_it_in_the_order_and_at_the_times_of_the_source(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    importing(filled(registry))
    claimed = [
        event.occurred_time.ToDatetime(UTC)
        for event in client.events()
        if event.HasField("occurred_time")
    ]
    assert len(claimed) >= 4 + 7 + 3
    assert sorted(claimed) == claimed
    (first,) = [event for event in client.history("churn/1") if event.revision == 1]
    assert "ann" == first.occurred_by
    there = registry.store.get_model_version("churn", "1")
    assert there.creation_timestamp == first.occurred_time.ToMilliseconds()


def test_a_second_run_does_nothing(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    filled(registry)
    importing(registry)
    before = client.get_head().position
    report = importing(registry)
    assert {} == dict(report.counts)
    assert [("not carried", "churn@ghost", "alias")] == losses(report)
    assert before == client.get_head().position


def test_a_dry_run_says_what_a_run_does_and_writes_nothing(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    filled(registry)
    before = client.get_head().position
    thought = importing(registry, dry_run=True)
    assert before == client.get_head().position
    done = importing(registry)
    assert done.counts == thought.counts
    assert done.findings == thought.findings


def test_a_run_that_is_killed_after_each_write_ends_where_one_run_does(
    registry: MlflowRegistry,
    importing: Importing,
    client: regesta.Client,
    elsewhere: regesta.Client,
):
    filled(registry)
    registry.sql("delete from model_versions where name = 'churn' and version = 2")
    runs = 1
    while runs < 50:
        try:
            report = importing(registry, client=Mortal(client, 1))
        except BrokenOff:
            runs += 1
        else:
            break
    assert runs > 15
    assert {} == dict(report.counts)
    importing(registry, client=elsewhere)
    assert state(elsewhere) == state(client)
    # But for its name, the log tells the same.
    assert [(event.type, event.stream) for event in elsewhere.events()] == [
        (event.type, event.stream) for event in client.events()
    ]


def test_what_changed_in_the_source_is_brought_and_nothing_else(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    filled(registry)
    importing(registry)
    before = client.get_head().position
    registry.version("churn", "s3://churn/5", tags={"number": "5"})
    registry.tag("churn", 4, "number", "four")
    registry.tag("churn", 4, "reviewed", "yes")
    registry.store.delete_model_version_tag("churn", "1", "number")
    registry.store.update_model_version("churn", "4", "The last but one.")
    registry.store.update_registered_model("churn", "")
    registry.alias("churn", "Champion", 4)
    registry.store.delete_registered_model_alias("churn", "first")
    registry.stage("churn", 4, "Staging")
    registry.stage("churn", 3, "None")
    report = importing(registry)
    assert {
        "versions registered": 1,
        "tags set": 1,
        "tags removed": 1,
        "descriptions changed": 2,
        "aliases set": 1,
        "aliases removed": 1,
        "versions moved to their stage": 2,
    } == dict(report.counts)
    assert [("not carried", "churn@ghost", "alias")] == losses(report)
    fourth = client.get_version("churn/4")
    assert {"number": "four", "reviewed": "yes"} == dict(fourth.tags)
    assert ("The last but one.", "staging") == (fourth.description, fourth.stage)
    assert {"notes": LONG} == dict(client.get_version("churn/1").tags)
    assert "development" == client.get_version("churn/3").stage
    model = client.get_model("churn")
    assert ("", 5) == (model.description, model.latest_version)
    assert {"Champion": 4, naming.alias_id("-best"): 4} == dict(model.aliases)
    assert client.get_head().position > before
    assert {} == dict(importing(registry).counts)


def test_a_value_that_comes_back_is_brought_again(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    registry.model("churn")
    for _ in range(2):
        registry.version("churn")
    for value, number in (("a", 1), ("b", 2), ("a", 1), ("b", 2)):
        registry.tag("churn", 1, "key", value)
        registry.alias("churn", "champion", number)
        registry.stage("churn", 1, "Staging" if number == 1 else "Production")
        importing(registry)
        version = client.get_version("churn/1")
        assert value == version.tags["key"]
        assert {"champion": number} == dict(client.get_model("churn").aliases)
        assert ("staging" if number == 1 else "production") == version.stage


def test_what_people_changed_here_is_theirs(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    filled(registry)
    importing(registry)
    client.set_tags("churn/4", tags={"number": "mine", "own": "1"})
    client.set_tags("churn", tags={"team": "fraud"})
    client.set_alias("churn@Champion", version=4)
    client.remove_alias("churn@first")
    client.transition_version("churn/3", stage="staging")
    report = importing(registry)
    kept = {(one.resource, one.what) for one in report.findings if not one.outcome.is_loss}
    assert {
        ("churn", "tag team"),
        ("churn/4", "tag number"),
        ("churn/3", "stage"),
        ("churn@Champion", "alias"),
        ("churn@first", "alias"),
    } == kept
    assert {} == dict(report.counts)

    registry.tag("churn", 4, "number", "theirs")
    registry.store.update_model_version("churn", "4", "Theirs too.")
    report = importing(registry)
    assert {("conflict", "churn/4", "tag number"), ("not carried", "churn@ghost", "alias")} == set(
        losses(report)
    )
    version = client.get_version("churn/4")
    assert ("mine", "Theirs too.") == (version.tags["number"], version.description)

    report = importing(registry, overwrite=True)
    version = client.get_version("churn/4")
    assert {"number": "theirs", "own": "1"} == dict(version.tags)
    assert {"team": "risk"} == dict(client.get_model("churn").tags)
    assert 3 == client.get_alias("churn@Champion").version
    assert "production" == client.get_version("churn/3").stage
    assert [("not carried", "churn@ghost", "alias")] == losses(importing(registry))


def test_what_was_deleted_in_the_source_is_told_and_deleted_when_asked_for(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    filled(registry)
    importing(registry)
    client.create_model("ours", model=regesta.Model())
    registry.store.delete_model_version("churn", "4")
    registry.store.delete_registered_model("greet")
    registry.store.delete_registered_model("Churn")
    registry.model("Churn")
    registry.version("Churn", "s3://another")
    told = importing(registry)
    assert {
        ("deleted in the source", "churn/4", "version"),
        ("deleted in the source", "greet", "model"),
        ("deleted in the source", "Churn", "model"),
        ("not carried", "churn@ghost", "alias"),
    } == set(losses(told))
    assert {"aliases removed": 1} == dict(told.counts)
    done = importing(registry, delete=True)
    assert [("not carried", "churn@ghost", "alias")] == losses(done)
    assert client.get_version("churn/4").HasField("delete_time")
    assert client.get_model("greet").HasField("delete_time")
    assert not client.get_model("ours").HasField("delete_time")
    twins = [m for m in client.models(show_deleted=True) if m.tags.get(naming.NAME_TAG) == "Churn"]
    assert [True, False] == sorted((m.HasField("delete_time") for m in twins), reverse=True)
    (live,) = [model for model in twins if not model.HasField("delete_time")]
    (version,) = client.versions(live.name)
    assert "s3://another" == version.source
    assert {} == dict(importing(registry).counts)


def test_numbers_that_the_source_lost_are_used_up(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    registry.model("churn")
    for number in range(1, 6):
        registry.version("churn", f"s3://churn/{number}")
    registry.sql("delete from model_versions where version in (1, 3, 4)")
    report = importing(registry)
    assert {"models created": 1, "versions registered": 2, "numbers used up": 3} == dict(
        report.counts
    )
    assert {2: "s3://churn/2", 5: "s3://churn/5"} == {
        version.version: version.source for version in client.versions("churn")
    }
    assert {} == dict(importing(registry).counts)


def test_another_model_of_the_same_name_is_left_alone(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    client.register("churn", source="s3://ours")
    registry.model("churn")
    registry.version("churn", "s3://theirs")
    report = importing(registry, overwrite=True, delete=True)
    assert [("not carried", "churn", "model")] == losses(report)
    (version,) = client.versions("churn")
    assert "s3://ours" == version.source


def test_a_move_that_is_refused_here_is_told_and_the_rest_goes_on(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    policy = regesta.v1.governance_pb2.Policy(stages=["production"], required_tags=["approved"])
    client.define_policy("gate", policy=policy)
    filled(registry)
    report = importing(registry)
    assert ("not carried", "churn/3", "transition version") in losses(report)
    assert 3 == client.get_alias("churn@Champion").version
    registry.tag("churn", 3, "approved", "yes")
    importing(registry)
    assert "production" == client.get_version("churn/3").stage


def test_a_model_that_was_renamed_here_is_still_the_same(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    filled(registry)
    importing(registry)
    client.rename_model("churn", new_model_id="attrition")
    registry.version("churn", "s3://churn/5")
    report = importing(registry)
    assert {"versions registered": 1} == dict(report.counts)
    assert "s3://churn/5" == client.get_version("attrition/5").source
