"""Who set each field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regesta.cli.blame import UnknownEvent, blame
from regesta.cli.documents import document
from regesta.cli.fields import flat
from regesta_projections.rows import ModelKey, ModelRow, VersionKey, VersionRow
from tests.unit.cli.story import churn, history


def positions(stream: str) -> dict[str, int]:
    return {line.field: line.event.position for line in blame(history(churn(), stream))}


def test_each_field_of_a_model_names_the_event_that_set_it_last():
    assert {
        "name": 14,
        "kind": 2,
        "owner": 13,
        "description": 2,
        "tags.team": 15,
        'tags["cost.center"]': 2,
        "tags.notes": 2,
        "flags.drift": 46,
    } == positions("models/churn")


def test_what_was_removed_or_cleared_has_no_line():
    found = positions("models/churn/versions/1")
    assert not {"tags.c", "card", "deleted"} & set(found)
    assert {"semver": 4, "stage": 5, "tags.a": 6, "tags.b": 6, "source": 3} == {
        field: position
        for field, position in found.items()
        if position in {4, 5, 6} or field == "source"
    }


def test_a_deleted_resource_says_who_deleted_it():
    lines = blame(history(churn(), "models/churn")[:-2])
    assert [("deleted", True, 18)] == [
        (line.field, line.value, line.event.position) for line in lines[-1:]
    ]


def test_a_removed_alias_has_no_line_and_one_that_is_there_its_version():
    assert {} == positions("models/churn/aliases/old")
    assert {"version": 10} == positions("models/churn/aliases/champion")


def test_a_rollback_says_where_an_alias_points_and_which_stage_a_version_is_in():
    # What a later event says again was set by the earlier one.
    assert {"version": 56, "protected": 55} == positions("models/churn/aliases/blue")
    assert {"version": 51, "stage": 53} == positions("models/churn/versions/2")


def test_values_are_those_of_the_servers_own_fold():
    row = churn().rows[VersionKey("churn", 1)]
    assert isinstance(row, VersionRow)
    folded = {
        path: value
        for path, value in flat(document(row.resource)).items()
        # Who and when is what blame adds; empty manifests, signatures and fields are no lines.
        if not path.endswith(("_by", "_time", "etag"))
        and (value or path.startswith(("tags.", "properties.")))
    }
    said = {line.field: line.value for line in blame(history(churn(), "models/churn/versions/1"))}
    assert {"inputs": [{"name": "x", "data_type": "float32", "shape": [-1, 3]}]} == said.pop(
        "signature"
    )
    for path in [path for path in folded if path.startswith("signature")]:
        del folded[path]
    # A flag has a line of its own; where an event stands is what blame adds.
    (flag,) = folded.pop("flags")
    assert (
        f"{flag['severity']}, blocking" == said.pop(f"flags.{flag['id']}") == "CRITICAL, blocking"
    )
    del folded["revoked.position"]
    assert folded == said


def test_a_models_values_are_those_of_the_servers_own_fold():
    row = churn().rows[ModelKey("churn")]
    assert isinstance(row, ModelRow)
    said = {line.field: line.value for line in blame(history(churn(), "models/churn"))}
    assert (row.resource.name, row.resource.owner) == (said["name"], said["owner"])
    assert dict(row.resource.tags) == {
        "team": said["tags.team"],
        "cost.center": said['tags["cost.center"]'],
    }


def test_an_event_that_is_not_known_is_not_passed_over():
    first, *rest = history(churn(), "models/churn")
    with pytest.raises(UnknownEvent, match="position 2 holds ModelStarred"):
        blame([replace(first, type="ModelStarred"), *rest])
