"""What each event does to rows."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from regesta_projections import events as e
from regesta_projections.evolve import UnknownStream, evolve, keys_of
from regesta_projections.evolve.streams import key_of, stream_of
from regesta_projections.resolving import blocking_flag, resolvable
from regesta_projections.rows import (
    NAMESPACE,
    AliasKey,
    Key,
    LabelKey,
    ModelKey,
    NameKey,
    NotLoaded,
    Row,
    Rows,
    VersionKey,
)
from tests.support.rich_log import FIRST, MODEL, REGISTERED
from tests.unit.evolve.facts import START, Story, fold

CHURN = ModelKey("Churn")
V1 = VersionKey("Churn", 1)
ALIAS = "models/Churn/aliases/champion"
CHAMPION = AliasKey("Churn", "champion")


@pytest.fixture
def story():
    """A model with a version."""
    story = Story()
    story.tell(MODEL, e.ModelCreated(name="Churn", kind="ADAPTER", owner="risk"))
    story.tell(FIRST, e.VersionRegistered(version=1, stage="development"))
    return story


def told(text: str) -> e.FreeText:
    return e.FreeText(digests=(text,))


def labels_in(rows: dict[Key, Any]) -> list[Any]:
    return [rows[key] for key in rows if isinstance(key, LabelKey)]


def test_a_namespace_is_created():
    story = Story()
    event = story.tell("namespace", e.NamespaceCreated(name="acme"))

    (row,) = fold(story.told).values()

    assert (NAMESPACE, 1, event.leaf_hash) == (row.key, row.revision, row.leaf_hash)
    assert {
        "name": "acme",
        "createTime": "2026-01-01T12:00:01.123456Z",
        "createdBy": "user-1",
    } == MessageToDict(row.resource)


def test_a_model_is_created_with_its_name():
    story = Story()
    story.tell(
        MODEL,
        e.ModelCreated(
            name="Churn",
            kind="ADAPTER",
            owner="risk",
            tags={"team": "risk"},
            long_tags={"notes": told("n")},
            description=told("d"),
            card=told("c"),
            reason=told("r"),
        ),
    )

    rows = fold(story.told)

    assert {
        "name": "Churn",
        "kind": "MODEL_KIND_ADAPTER",
        "owner": "risk",
        "tags": {"team": "risk"},
        "createTime": "2026-01-01T12:00:01.123456Z",
        "updateTime": "2026-01-01T12:00:01.123456Z",
        "createdBy": "user-1",
        "updatedBy": "user-1",
        "etag": "1",
    } == MessageToDict(rows[CHURN].resource)
    assert {"description": "d", "card": "c", "tags.notes": "n"} == rows[CHURN].texts
    assert "Churn" == rows[NameKey("churn")].model


def test_every_event_leaves_its_stamp_on_its_stream_s_row(story: Story):
    event = story.tell(MODEL, e.TagsSet(tags={"a": "1"}))

    row = fold(story.told)[CHURN]

    assert (2, event.leaf_hash) == (row.revision, row.leaf_hash)
    assert ("2", "user-3") == (row.resource.etag, row.resource.updated_by)
    assert "user-1" == row.resource.created_by
    assert "2026-01-01T12:00:03.123456Z" == row.resource.update_time.ToJsonString()


@pytest.mark.parametrize(
    ("stream", "made", "key"),
    [
        ("models/Imported", e.ModelCreated(name="Imported", kind="MODEL"), ModelKey("Imported")),
        (
            f"{MODEL}/versions/1",
            e.VersionRegistered(version=1, stage="development"),
            VersionKey("Churn", 1),
        ),
    ],
    ids=["model", "version"],
)
def test_what_an_importer_claimed_stands_beside_what_was_recorded(stream, made, key):
    story = Story()
    story.tell(MODEL, e.ModelCreated(name="Churn", kind="MODEL"))
    created, moved = START - timedelta(days=400), START - timedelta(days=300)
    story.tell(stream, made, occurred=created, by="Ana")
    first = fold(story.told)[key].resource
    story.tell(stream, e.TagsSet(tags={"a": "1"}), occurred=moved, by="Ben")
    second = fold(story.told)[key].resource
    story.tell(stream, e.TagsSet(tags={"a": "2"}), by="Ben")
    last = fold(story.told)[key].resource

    assert created == first.occurred_create_time.ToDatetime(UTC)
    assert created == first.occurred_update_time.ToDatetime(UTC)
    assert ("Ana", "user-2", "user-2") == (
        first.occurred_created_by,
        first.created_by,
        first.updated_by,
    )
    assert START + timedelta(seconds=2) == first.create_time.ToDatetime(UTC)
    assert (created, moved) == (
        second.occurred_create_time.ToDatetime(UTC),
        second.occurred_update_time.ToDatetime(UTC),
    )
    assert START + timedelta(seconds=3) == second.update_time.ToDatetime(UTC)
    assert created == last.occurred_create_time.ToDatetime(UTC)
    assert not last.HasField("occurred_update_time")
    assert ("Ana", "user-4") == (last.occurred_created_by, last.updated_by)


def test_without_a_claim_nothing_is_said_of_it(story: Story):
    resource = fold(story.told)[CHURN].resource

    assert not resource.HasField("occurred_create_time")
    assert not resource.HasField("occurred_update_time")
    assert "" == resource.occurred_created_by


def test_an_update_changes_what_it_names(story: Story):
    story.tell(MODEL, e.ModelUpdated(description=told("d"), card=told("c")))
    story.tell(MODEL, e.ModelUpdated(owner="", card=told("c2")))
    story.tell(MODEL, e.ModelUpdated(description=e.FreeText()))

    row = fold(story.told)[CHURN]

    assert "" == row.resource.owner
    assert {"card": "c2"} == row.texts


def test_a_rename_keeps_the_old_name(story: Story):
    story.tell(MODEL, e.ModelRenamed(from_name="Churn", to_name="Attrition"))

    rows = fold(story.told)

    assert ("Attrition", ["Churn"]) == (rows[CHURN].name, rows[CHURN].resource.former_names)
    assert "Churn" == rows[NameKey("attrition")].model == rows[NameKey("churn")].model


def test_a_model_that_gets_its_old_name_back_has_it_no_more_among_the_former(story: Story):
    story.tell(MODEL, e.ModelRenamed(from_name="Churn", to_name="Attrition"))
    story.tell(MODEL, e.ModelRenamed(from_name="Attrition", to_name="churn"))
    story.tell(MODEL, e.ModelRenamed(from_name="churn", to_name="Attrition"))

    row = fold(story.told)[CHURN]

    assert ("Attrition", ["Churn", "churn"]) == (row.name, row.resource.former_names)


@pytest.mark.parametrize(
    ("stream", "key", "deleted", "restored"),
    [
        (MODEL, CHURN, e.ModelDeleted(), e.ModelRestored()),
        (FIRST, V1, e.VersionDeleted(), e.VersionRestored()),
    ],
)
def test_what_is_deleted_can_be_restored(story: Story, stream, key, deleted, restored):
    story.tell(stream, deleted)
    gone = fold(story.told)[key]
    story.tell(stream, restored)

    back = fold(story.told)[key]

    assert gone.deleted
    assert "2026-01-01T12:00:03.123456Z" == gone.resource.delete_time.ToJsonString()
    assert not back.deleted


def test_a_version_is_registered_with_all_that_it_has():
    story = Story()
    story.tell(MODEL, e.ModelCreated(name="Churn", kind="MODEL"))
    story.tell(FIRST, REGISTERED)

    rows = fold(story.told)

    shown = MessageToDict(rows[V1].resource)
    assert 1 == rows[CHURN].last_version
    assert 1 == rows[CHURN].revision
    assert 2 == rows[V1].stage_position
    assert ["1.0.0-rc.1+build.5"] == [row.semver for row in labels_in(rows)]
    assert {"auc": 0.875, "count": 12.0, "loss": -0.25} == shown["metrics"]
    assert {"depth": "6", "learning_rate": "0.1"} == shown["params"]
    assert "9007199254740993" == shown["sizeBytes"]
    assert {
        "bool": {"boolValue": True},
        "double": {"doubleValue": 1e300},
        "int": {"intValue": "-9223372036854775808"},
        "list": {"listValue": [1.0, "two", None, [True]]},
        "string": {"stringValue": 'é \u2028 😀 \\ "'},
        "struct": {"structValue": {"a": {"b": 0.5}, "c": []}},
    } == shown["properties"]
    assert {"name": "x", "dataType": "float32", "shape": ["-1", "4"]} == shown["signature"][
        "inputs"
    ][0]
    assert "run-1" == shown["lineage"]["run"]
    assert "512" == shown["manifest"]["sizeBytes"]


def test_a_signature_without_inputs_is_a_statement_and_none_is_not(story: Story):
    story.tell(
        "models/Churn/versions/2",
        e.VersionRegistered(version=2, signature=e.Signature(), lineage=e.Lineage()),
    )

    rows = fold(story.told)

    assert not rows[V1].resource.HasField("signature")
    assert not rows[V1].resource.HasField("lineage")
    assert rows[VersionKey("Churn", 2)].resource.HasField("signature")
    assert rows[VersionKey("Churn", 2)].resource.HasField("lineage")


def test_a_version_gets_a_label_by_which_it_is_found(story: Story):
    story.tell(FIRST, e.VersionSemverLabelled(semver="1.2.3"))

    rows = fold(story.told)

    (label,) = labels_in(rows)
    assert ("1.2.3", 1) == (label.semver, label.number)
    assert "1.2.3" == rows[V1].resource.semver


def test_a_version_moves_to_a_stage_at_a_position(story: Story):
    story.tell(FIRST, e.TagsSet(tags={"a": "1"}))
    story.tell(FIRST, e.StageChanged(from_stage="development", to_stage="staging"))
    story.tell(FIRST, e.TagsSet(tags={"a": "2"}))

    row = fold(story.told)[V1]

    assert ("staging", 4) == (row.resource.stage, row.stage_position)


def test_a_version_s_texts_change_and_are_cleared(story: Story):
    story.tell(FIRST, e.VersionUpdated(description=told("d"), card=told("c")))
    story.tell(FIRST, e.VersionUpdated(description=e.FreeText()))

    assert {"card": "c"} == fold(story.told)[V1].texts


@pytest.mark.parametrize(("stream", "key"), [(MODEL, CHURN), (FIRST, V1)])
def test_tags_are_set_replaced_and_removed_short_or_long(story: Story, stream, key):
    story.tell(stream, e.TagsSet(tags={"a": "1", "b": "2"}, long_tags={"c": told("c")}))
    story.tell(stream, e.TagsSet(tags={"c": "3"}, long_tags={"a": told("a")}))
    both = fold(story.told)[key]
    story.tell(stream, e.TagsRemoved(keys=("a", "b", "unknown")))

    rest = fold(story.told)[key]

    assert {"b": "2", "c": "3"} == dict(both.resource.tags)
    assert {"tags.a": "a"} == both.texts
    assert {"c": "3"} == dict(rest.resource.tags)
    assert {} == rest.texts


def test_an_alias_moves_is_removed_and_goes_on_when_it_is_set_again(story: Story):
    story.tell(ALIAS, e.AliasSet(version=1))
    story.tell(ALIAS, e.AliasRemoved(previous_version=1))
    removed = fold(story.told)[CHAMPION]
    story.tell(ALIAS, e.AliasSet(version=2))

    again = fold(story.told)[CHAMPION]

    assert (None, 1, 2) == (removed.number, removed.resource.previous_version, removed.revision)
    assert (2, 0, "3") == (again.number, again.resource.previous_version, again.resource.etag)


def test_a_rollback_moves_an_alias_and_a_version(story: Story):
    story.tell(ALIAS, e.AliasSet(version=1))
    story.tell(ALIAS, e.AliasSet(version=2, previous_version=1))
    story.tell(ALIAS, e.VersionRolledBack(version=1, previous_version=2, undone_position="4"))
    story.tell(
        FIRST,
        e.VersionRolledBack(version=1, previous_version=2, from_stage="x", to_stage="production"),
    )

    rows = fold(story.told)

    alias, version = rows[CHAMPION], rows[V1]
    assert (1, 2, "3") == (alias.number, alias.resource.previous_version, alias.resource.etag)
    assert ("production", 6, "2") == (
        version.resource.stage,
        version.stage_position,
        version.resource.etag,
    )


def test_a_fold_leaves_the_rows_that_it_began_with_as_they_were(story: Story):
    base = dict(fold(story.told))
    before = {key: row.copy() for key, row in base.items()}
    rows = Rows(base)

    evolve(rows, story.tell(FIRST, e.TagsSet(tags={"a": "1"}, long_tags={"b": told("b")})))
    evolve(rows, story.tell(MODEL, e.ModelRenamed(from_name="Churn", to_name="CHURN")))

    assert before == base
    assert {V1, CHURN} == {row.key for row in rows.changed()}


@pytest.mark.parametrize(
    ("stream", "event"),
    [
        (MODEL, e.VersionDeleted()),
        (MODEL, REGISTERED),
        (MODEL, e.AliasSet(version=1)),
        (FIRST, e.ModelDeleted()),
        (FIRST, e.AliasRemoved()),
        (FIRST, e.AliasProtected(pinned=True)),
        (MODEL, e.VersionRolledBack(version=1)),
        (ALIAS, e.TagsSet(tags={"a": "1"})),
        ("namespace", e.TagsRemoved(keys=("a",))),
        ("models", e.ModelDeleted()),
        ("models/Churn/versions/one", e.VersionDeleted()),
        ("models/Churn/rivers/1", e.VersionDeleted()),
        ("", e.ModelDeleted()),
    ],
)
def test_an_event_that_cannot_happen_to_its_stream_is_refused(story: Story, stream, event):
    rows = Rows(fold(story.told))
    misplaced = story.tell(stream, event)

    with pytest.raises(UnknownStream):
        evolve(rows, misplaced)


@pytest.mark.parametrize(
    ("stream", "event"),
    [
        ("models/Other", e.ModelDeleted()),
        ("models/Other/versions/1", e.VersionRegistered(version=1)),
        ("models/Churn/versions/9", e.TagsSet(tags={"a": "1"})),
        ("models/Churn/aliases/none", e.AliasRemoved()),
    ],
)
def test_an_event_whose_row_is_not_there_is_refused_and_changes_nothing(
    story: Story, stream, event
):
    rows = Rows(fold(story.told))
    early = story.tell(stream, event)

    with pytest.raises(NotLoaded):
        evolve(rows, early)

    assert [] == list(rows.changed())


@pytest.mark.parametrize(
    "stream", [MODEL, FIRST, ALIAS, "models/a.b_c-d/aliases/v-1", "models/x/versions/2147483647"]
)
def test_a_stream_names_its_row_and_back(stream: str):
    key = key_of(stream)

    assert isinstance(key, ModelKey | VersionKey | AliasKey)
    assert stream == stream_of(key)


def test_the_rows_that_an_event_looks_at_are_announced(story: Story):
    """A fold that finds only what `keys_of` names must get on with it."""
    story.tell(FIRST, e.VersionSemverLabelled(semver="1.0.0"))
    story.tell(ALIAS, e.AliasSet(version=1))
    story.tell(MODEL, e.ModelRenamed(from_name="Churn", to_name="Attrition"))

    rows: dict[Key, Row] = {}
    for recorded in story.told:
        announced = {key: rows.get(key) for key in keys_of(recorded)}
        own = Rows(announced)
        evolve(own, recorded)
        rows.update((row.key, row) for row in own.changed())

    assert fold(story.told) == rows


def test_flags_come_and_go_in_the_order_in_which_they_were_raised(story: Story):
    for flag in ("a", "b", "a-2"):
        story.tell(
            FIRST,
            e.FlagRaised(flag=flag, severity="INFO", blocking=flag == "b", reason=told(flag)),
        )
    story.tell(FIRST, e.FlagResolved(flag="a", reason=told("why")))
    last = story.tell(FIRST, e.FlagRaised(flag="a", severity="WARNING"))

    row = fold(story.told)[V1]

    assert [("b", 4, "user-4"), ("a-2", 5, "user-5"), ("a", 7, "user-7")] == [
        (flag.id, flag.position, flag.raised_by) for flag in row.resource.flags
    ]
    assert last.recorded_at == row.resource.flags[2].raise_time.ToDatetime(UTC)
    assert {"flags.b": "b", "flags.a-2": "a-2"} == row.texts


def test_a_model_has_flags_of_its_own(story: Story):
    story.tell(MODEL, e.FlagRaised(flag="eol", severity="CRITICAL", blocking=True))

    rows = fold(story.told)

    assert ["eol"] == [flag.id for flag in rows[CHURN].resource.flags]
    assert not rows[V1].resource.flags


def test_a_revocation_stays(story: Story):
    story.tell(FIRST, e.VersionRevoked(category="licence", reason=told("why")))
    story.tell(FIRST, e.TagsSet(tags={"a": "1"}))

    row = fold(story.told)[V1]

    assert ("licence", 3, "user-3") == (
        row.resource.revoked.category,
        row.resource.revoked.position,
        row.resource.revoked.revoked_by,
    )
    assert {"revocation": "why"} == row.texts


def test_an_alias_has_no_flags(story: Story):
    story.tell(ALIAS, e.AliasSet(version=1))
    story.tell(ALIAS, e.FlagRaised(flag="a", severity="INFO"))
    with pytest.raises(UnknownStream):
        fold(story.told)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([], True),
        ([e.FlagRaised(flag="a", severity="CRITICAL")], True),
        ([e.FlagRaised(flag="a", severity="INFO", blocking=True)], False),
        (
            [
                e.FlagRaised(flag="a", severity="INFO", blocking=True),
                e.FlagResolved(flag="a"),
            ],
            True,
        ),
        ([e.VersionRevoked(category="licence")], False),
        ([e.StageChanged(from_stage="development", to_stage="archived")], False),
        ([e.VersionDeleted()], True),
    ],
)
def test_what_may_be_resolved_is_said_by_the_version_alone(
    story: Story, facts: list[e.Event], expected: bool
):
    for fact in facts:
        story.tell(FIRST, fact)
    story.tell(MODEL, e.FlagRaised(flag="model", severity="CRITICAL", blocking=True))

    rows = fold(story.told)

    assert expected == resolvable(rows[V1].resource)
    flag = blocking_flag(rows[CHURN].resource)
    assert flag is not None
    assert "model" == flag.id
