"""Translating writes of models and of versions that are there already."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from regesta.v1.model_pb2 import Model, ModelKind
from regesta.v1.version_pb2 import Version
from regesta_projections.records import MAX_RECORD_BYTES
from regesta_service.domain import limits
from regesta_service.domain.models import RenameModel
from regesta_service.domain.rejections import EventTooLarge, InvalidRequest
from regesta_service.domain.texts import CLEARED
from regesta_service.domain.transitions import TransitionVersion
from regesta_service.domain.versions import LabelVersion
from tests.unit.writes.requests import MODEL, VERSION, refused, translate

TEXTS = {"description": limits.MAX_DESCRIPTION, "card": limits.MAX_CARD}


@pytest.mark.parametrize("kind", [kind for kind, number in ModelKind.items() if number])
def test_a_kind_stands_in_the_event_without_its_prefix(kind):
    command = translate("CreateModel", model=Model(kind=ModelKind.Value(kind))).command

    assert command.kind == kind.removeprefix("MODEL_KIND_")


def test_a_model_without_a_kind_is_a_model():
    assert translate("CreateModel").command.kind == "MODEL"


def test_an_unknown_kind_is_refused():
    refused("CreateModel", "model.kind", model=Model.FromString(b"\x10\x63"))


def test_all_that_is_given_of_a_model_is_in_the_command():
    model = Model(
        name="ignored",
        owner="team-risk",
        description="what",
        card="# Card",
        tags={"a": "b", "notes": "x" * 1_025},
        latest_version=7,
    )

    translated = translate("CreateModel", model_id="Churn.v2_x-1", model=model, reason="why")

    command = translated.command
    assert (command.name, command.owner, command.tags) == ("Churn.v2_x-1", "team-risk", {"a": "b"})
    assert list(command.long_tags) == ["notes"]
    assert command.long_tags["notes"].text == "x" * 1_025
    assert command.description.text == "what"
    assert command.card.text == "# Card"
    assert command.reason.text == "why"
    assert set(translated.texts.values()) == {"what", "# Card", "x" * 1_025, "why"}


def test_texts_that_are_the_same_are_sealed_apart():
    command = translate("CreateModel", model=Model(description="x", card="x")).command

    assert command.description.digest != command.card.digest


@pytest.mark.parametrize("model_id", ["a", "A" * 255, "9-._"])
def test_a_model_s_name_has_1_to_255_characters_of_its_alphabet(model_id):
    assert translate("CreateModel", model_id=model_id).command.name == model_id
    assert translate("RenameModel", new_model_id=model_id).command == RenameModel("churn", model_id)


@pytest.mark.parametrize("model_id", ["", "a" * 256, "-a", ".a", "a/b", "a@b", "a#b", "a:b", "é"])
def test_another_name_is_refused(model_id):
    refused("CreateModel", "model_id", model_id=model_id)
    refused("RenameModel", "new_model_id", new_model_id=model_id)


def test_an_owner_has_at_most_250_characters_on_one_line():
    owner = "é" * limits.MAX_OWNER

    assert translate("CreateModel", model=Model(owner=owner)).command.owner == owner
    for wrong in (owner + "x", "a\nb", "a\tb", "a\0b"):
        model = Model(name=MODEL, owner=wrong)
        refused("CreateModel", "model.owner", model=model)
        refused("UpdateModel", "model.owner", model=model)


@pytest.mark.parametrize(("field", "limit"), TEXTS.items())
def test_free_texts_are_bounded_in_characters(field, limit):
    mask = FieldMask(paths=[field])
    most = {field: "é" * limit}
    for wrong in ("x" * (limit + 1), "a\0b", "a\x1bb"):
        model, version = Model(name=MODEL), Version(name=VERSION)
        setattr(model, field, wrong)
        setattr(version, field, wrong)
        refused("CreateModel", f"model.{field}", model=model)
        refused("UpdateModel", f"model.{field}", model=model, update_mask=mask)
        refused("UpdateVersion", f"version.{field}", version=version, update_mask=mask)

    model = Model(name=MODEL, **most)
    version = Version(name=VERSION, **most)
    command = translate("CreateModel", model=model).command
    assert getattr(command, field).text == "é" * limit
    command = translate("UpdateModel", model=model, update_mask=mask).command
    assert getattr(command, field).text == "é" * limit
    command = translate("UpdateVersion", version=version, update_mask=mask).command
    assert getattr(command, field).text == "é" * limit


def test_an_update_takes_only_what_the_mask_names():
    model = Model(name=MODEL, owner="ann", description="new", card="# New")

    command = translate(
        "UpdateModel", model=model, update_mask=FieldMask(paths=["description"])
    ).command

    assert (command.model, command.owner, command.card) == ("churn", None, None)
    assert command.description.text == "new"


def test_a_masked_text_that_is_empty_is_cleared():
    mask = FieldMask(paths=["description", "card", "card"])

    command = translate("UpdateModel", update_mask=mask, model=Model(name=MODEL)).command
    assert (command.description, command.card) == (CLEARED, CLEARED)
    command = translate("UpdateVersion", update_mask=mask, version=Version(name=VERSION)).command
    assert (command.description, command.card) == (CLEARED, CLEARED)


@pytest.mark.parametrize("paths", [[], ["*"], ["tags"], ["card", "source"], ["Card"], [""]])
def test_another_mask_is_refused(paths):
    refused("UpdateModel", "update_mask", update_mask=FieldMask(paths=paths))
    refused("UpdateVersion", "update_mask", update_mask=FieldMask(paths=paths))


def test_a_version_has_no_owner_to_change():
    refused("UpdateVersion", "update_mask", update_mask=FieldMask(paths=["owner"]))


@pytest.mark.parametrize("name", ["", "churn", MODEL + "/versions"])
def test_an_update_names_its_resource(name):
    refused("UpdateModel", "model.name", model=Model(name=name))
    refused("UpdateVersion", "version.name", version=Version(name=name))


@pytest.mark.parametrize("semver", ["0.0.0", "1.2.3-rc.1+build.7", "1.0.0-" + "a" * 244])
def test_a_label_is_a_semantic_version(semver):
    assert translate("LabelVersion", semver=semver).command == LabelVersion("churn", 3, semver)


@pytest.mark.parametrize(
    "semver", ["", "1", "1.2", "v1.2.3", "01.2.3", "1.2.3-", "1.2.3 ", "1.0.0-" + "a" * 245]
)
def test_another_label_is_refused(semver):
    refused("LabelVersion", "semver", semver=semver)


def test_a_transition_may_expect_a_stage():
    command = translate("TransitionVersion", stage="staging", from_stage="development").command

    assert command == TransitionVersion("churn", 3, "staging", "development")
    assert translate("TransitionVersion").command.from_stage is None


@pytest.mark.parametrize("stage", ["Staging", "a b", "-a", "a" * 64, "9"])
def test_a_stage_has_a_stage_s_name(stage):
    refused("TransitionVersion", "stage", stage=stage)
    refused("TransitionVersion", "from_stage", from_stage=stage)


def test_a_transition_goes_somewhere():
    refused("TransitionVersion", "stage", stage="")


def test_all_faults_are_told_at_once():
    with pytest.raises(InvalidRequest) as caught:
        translate("CreateModel", model_id="-", model=Model(owner="a\0"), request_id="")

    assert {"model_id", "model.owner", "request_id"} == {
        violation.field for violation in caught.value.violations
    }
    assert caught.value.message.endswith(" (and 2 more)")


def test_at_most_ten_faults_are_told():
    with pytest.raises(InvalidRequest) as caught:
        translate("CreateModel", model=Model(tags={f"key-{n}": "\0" for n in range(500)}))

    assert len(caught.value.violations) == 10
    assert caught.value.message.endswith(" (and 499 more)")


def test_tags_that_cannot_fit_into_a_record_are_refused_at_once():
    tags = {f"key-{n}": "x" * limits.MAX_INLINE_TAG_VALUE for n in range(64)}

    with pytest.raises(EventTooLarge) as caught:
        translate("CreateModel", model=Model(tags=tags))

    assert caught.value.metadata["limit"] == str(MAX_RECORD_BYTES)
    assert int(caught.value.metadata["size"]) > MAX_RECORD_BYTES


def test_long_texts_do_not_count_against_a_record():
    tags = {f"key-{n}": "x" * 100_000 for n in range(20)}

    command = translate("CreateModel", model=Model(tags=tags, card="x" * 1_000_000)).command

    assert len(command.long_tags) == 20
