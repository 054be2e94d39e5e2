"""Plans of an import from MLflow: what they do, that they end, and whose word counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.importing.mlflow_aliases import plan_alias, plan_alias_gone
from regesta.importing.mlflow_contents import is_placeholder
from regesta.importing.mlflow_places import Found, Place, Rules, place_of
from regesta.importing.mlflow_plans import MAX_GAP, Planner
from regesta.importing.records import AliasRecord, ModelRecord, Target, VersionRecord
from regesta.importing.steps import Outcome, Plan, Scribe, is_imported
from regesta.importing.touched import Erased, Touch, Touched
from regesta.mlflow import naming
from regesta.names import check_request_id
from regesta.v1 import model_pb2, version_pb2
from tests.unit.importing.small_registry import SmallRegistry

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SCRIBE = Scribe("sqlite:/mlflow.db", NOW)
KEYS = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.text(max_size=5)
TAGS = st.dictionaries(KEYS, VALUES, max_size=4)
STAGES = st.sampled_from(["None", "Staging", "Production", "Archived"])


def nobody() -> Touched:
    return Touched()


def looked(registry: SmallRegistry, record: ModelRecord) -> Place:
    def look(candidate: str) -> Found | None:
        kept = registry.kept.get(f"models/{candidate}")
        if kept is None:
            return None
        assert isinstance(kept.resource, model_pb2.Model)
        return Found(kept.resource, kept.touched)

    return place_of(record, look, SCRIBE, Rules())


def brought(
    registry: SmallRegistry, model: ModelRecord, version: VersionRecord, rules: Rules | None = None
) -> Plan:
    """Bring a model and one version of it, and return everything that was planned."""
    planner = Planner(SCRIBE, rules or Rules())
    place = looked(registry, model)
    whole = planner.model(model, place)
    registry.carry_out(whole)
    name = f"models/{place.id}/versions/{version.number}"

    def history() -> Touched:
        return registry.kept[name].touched

    kept = registry.kept.get(name)
    here = kept.resource if kept else None
    assert here is None or isinstance(here, version_pb2.Version)
    latest = sum("/versions/" in one for one in registry.kept)
    plan = planner.version(version, place.id, latest, here, history)
    registry.carry_out(plan)
    resource = registry.kept[name].resource
    assert isinstance(resource, version_pb2.Version)
    whole += plan
    if version.stage != "None":
        plan = planner.settled(version, place.id, resource, history)
        registry.carry_out(plan)
        whole += plan
    return whole


MODELS = st.builds(ModelRecord, st.just("churn"), st.just(NOW - timedelta(days=1)), VALUES, TAGS)
VERSIONS = st.builds(
    lambda text, tags, stage: VersionRecord(
        "churn", 1, NOW, NOW, text, "ann", stage, "s3://churn/1", tags=tags
    ),
    VALUES,
    TAGS,
    STAGES,
)


@given(MODELS, VERSIONS)
def test_what_was_brought_is_not_brought_again(model: ModelRecord, version: VersionRecord):
    registry = SmallRegistry()
    assert brought(registry, model, version).steps
    assert Plan((), brought(registry, model, version).findings) == brought(registry, model, version)
    assert not brought(registry, model, version).steps


@given(st.lists(st.tuples(MODELS, VERSIONS), min_size=1, max_size=5))
def test_whatever_the_source_becomes_it_is_here_after_one_run(
    sources: list[tuple[ModelRecord, VersionRecord]],
):
    registry = SmallRegistry()
    for model, version in sources:
        brought(registry, model, version)
        here = registry.kept["models/churn/versions/1"].resource
        assert isinstance(here, version_pb2.Version)
        told = brought(SmallRegistry(), model, version).findings
        if not told:
            assert dict(version.tags) == dict(here.tags)
            assert version.description == here.description
        assert naming.stage_id(version.stage) == here.stage


@given(VERSIONS, TAGS, st.lists(KEYS, max_size=2), VERSIONS)
def test_what_people_set_here_stays_and_only_a_change_of_both_is_a_conflict(
    before: VersionRecord, theirs: dict[str, str], removed: list[str], after: VersionRecord
):
    registry, model = SmallRegistry(), ModelRecord("churn", NOW)
    name = "models/churn/versions/1"
    brought(registry, model, before)
    registry.tag(name, theirs, imported=False)
    registry.untag(name, removed, imported=False)
    mine = {**theirs, **{key: None for key in removed if key in {*before.tags, *theirs}}}
    plan = brought(registry, model, after)
    here = registry.kept[name].resource.tags
    conflicts = {one.what for one in plan.findings if one.outcome is Outcome.CONFLICT}
    fitting = {**before.tags, **after.tags}
    if any(not value.isprintable() for value in fitting.values()):
        return  # such values are written otherwise, and told
    for key in "abcd":
        if key in mine:
            assert mine[key] == here.get(key)
            both = before.tags.get(key) != after.tags.get(key) != mine[key]
            assert both == (f"tag {key}" in conflicts)
        else:
            assert after.tags.get(key) == here.get(key)
    brought(registry, model, after, Rules(overwrite=True))
    assert after.tags.items() <= here.items()


def test_request_ids_are_known_by_their_beginning_and_fit():
    step = SCRIBE.step("set_tags", "", "churn", {"tags": {"a": "b"}})
    assert is_imported(check_request_id(step.request_id))
    assert SCRIBE.wrote(step.request_id)
    assert not Scribe("another", NOW).wrote(step.request_id)
    again = SCRIBE.step("set_tags", "", "churn", {"tags": {"a": "b"}}, revision="2")
    assert again.request_id != step.request_id


def test_what_is_claimed_is_neither_of_the_future_nor_longer_than_a_name():
    later = SCRIBE.step("x", "", "", {}, at=NOW + timedelta(seconds=1), by="n" * 251)
    assert (None, "") == (later.occurred_time, later.occurred_by)
    then = SCRIBE.step("x", "", "", {}, at=NOW, by="ann")
    assert (NOW, "ann") == (then.occurred_time, then.occurred_by)


def test_gaps_are_filled_but_not_without_end():
    planner = Planner(SCRIBE, Rules())
    version = VersionRecord("churn", 4, source="s3://churn/4")
    plan = planner.version(version, "churn", 1, None, nobody)
    assert ["register_version", "delete_version"] * 2 + ["register_version"] == [
        step.call for step in plan.steps
    ]
    assert is_placeholder(plan.steps[0].arguments["version"])
    (instead, deleted) = plan.steps[-1].instead
    assert is_placeholder(instead.arguments["version"])
    assert "models/churn/versions/4" == deleted.arguments["name"]
    far = planner.version(replace(version, number=MAX_GAP + 3), "churn", 1, None, nobody)
    assert ((), Outcome.NOT_CARRIED) == (far.steps, far.findings[0].outcome)


def test_what_does_not_fit_is_told_and_the_rest_is_brought():
    record = VersionRecord(
        "churn",
        1,
        description="x" * 100_001,
        source="s3://\x1b[31m",
        tags={"": "no key", "bell": "\x07", "long": "x" * 100_001, "good": "yes"},
    )
    plan = Planner(SCRIBE, Rules()).version(record, "churn", 0, None, nobody)
    (step,) = plan.steps
    version = step.arguments["version"]
    assert {"good": "yes", "bell": "\\x07"} == dict(version.tags)
    assert ("s3://\\x1b[31m", "") == (version.source, version.description)
    assert {
        ("not carried", "tag ''"),
        ("not carried", "tag long"),
        ("not carried", "description"),
        ("carried otherwise", "tag bell"),
        ("carried otherwise", "source"),
    } == {(str(one.outcome), one.what) for one in plan.findings}


def test_many_tags_are_set_in_as_many_events_as_they_need():
    record = VersionRecord("churn", 1, tags={f"key {n}": "x" * 1_000 for n in range(1_001)})
    plan = Planner(SCRIBE, Rules()).version(record, "churn", 0, None, nobody)
    parts = [step.arguments.get("tags") or step.arguments["version"].tags for step in plan.steps]
    assert 1_000 == len({key for part in parts for key in part})
    assert all(len(part) < 41 for part in parts)
    (told,) = plan.findings
    assert "room for 1000" in told.why


def test_an_erased_text_does_not_come_back():
    here = version_pb2.Version(
        name="models/churn/versions/1", source="s3://x", stage="development", etag="3"
    )
    touched = Touched(fields={"description": Touch(by_import=True, base=Erased.ERASED)})
    record = VersionRecord("churn", 1, description="Ann's", source="s3://x")
    for rules in (Rules(), Rules(overwrite=True)):
        plan = Planner(SCRIBE, rules).version(record, "churn", 1, here, lambda: touched)
        assert ((), [Outcome.KEPT]) == (plan.steps, [one.outcome for one in plan.findings])


@pytest.mark.parametrize(
    ("touch", "number", "rules", "steps", "outcomes"),
    [
        (Touch(by_import=True, base=1), 1, Rules(), 1, []),
        (Touch(by_import=False, base=1), 1, Rules(), 0, [Outcome.CONFLICT]),
        (Touch(by_import=False, base=2), 1, Rules(), 0, [Outcome.KEPT]),
        (Touch(by_import=False, base=2), 1, Rules(overwrite=True), 1, []),
        (Touch(by_import=True, base=None), 0, Rules(), 1, []),
        (Touch(by_import=True, base=1), 2, Rules(), 0, []),
    ],
)
def test_an_alias_moves_unless_people_moved_it(
    touch: Touch, number: int, rules: Rules, steps: int, outcomes: list[Outcome]
):
    touched = Touched(fields={"version": touch})
    record = AliasRecord("churn", "champion", 2)
    plan = plan_alias(record, "churn", number, lambda: touched, scribe=SCRIBE, rules=rules)
    assert (steps, outcomes) == (len(plan.steps), [one.outcome for one in plan.findings])


def test_an_alias_to_nowhere_is_left_out_and_one_that_is_gone_removed():
    for target in (Target.MISSING, Target.DELETED):
        record = AliasRecord("churn", "champion", 2, target)
        plan = plan_alias(record, "churn", 1, nobody, scribe=SCRIBE, rules=Rules())
        assert not plan.steps
        assert str(target) in plan.findings[0].why
    for touch, steps in ((Touch(by_import=True, base=1), 1), (Touch(by_import=False, base=1), 0)):
        touched = Touched(fields={"version": touch})
        gone = plan_alias_gone("churn", "churn", "old", lambda t=touched: t, scribe=SCRIBE)  # type: ignore[misc]
        assert steps == len(gone.steps)
