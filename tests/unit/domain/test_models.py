from __future__ import annotations

import pytest

from regesta_projections.events import (
    FreeText,
    ModelCreated,
    ModelDeleted,
    ModelRenamed,
    ModelRestored,
    ModelUpdated,
)
from regesta_projections.rows import ModelKey, ModelRow
from regesta_service.domain.models import (
    CreateModel,
    DeleteModel,
    RenameModel,
    RestoreModel,
    UpdateModel,
)
from regesta_service.domain.rejections import (
    ModelDeletedAlready,
    ModelExists,
    ModelNotFound,
    NotDeleted,
    RevisionMismatch,
)
from regesta_service.domain.texts import CLEARED
from tests.unit.domain.specification import CHURN, created, digest, given, sealed

DELETED = (CHURN, ModelDeleted())
RENAMED = (CHURN, ModelRenamed(from_name="churn", to_name="leavers"))


def test_creating_a_model_needs_only_a_free_name():
    given().when(CreateModel("churn")).then(created(), shows=ModelKey("churn"))


def test_creating_a_model_says_all_that_was_given_of_it():
    command = CreateModel(
        "churn",
        kind="ADAPTER",
        owner="team-risk",
        description=sealed("what it is"),
        card=sealed("# Churn"),
        tags={"domain": "risk"},
        long_tags={"notes": sealed("long")},
        reason=sealed("new project"),
    )

    given().when(command).then(
        (
            CHURN,
            ModelCreated(
                name="churn",
                kind="ADAPTER",
                owner="team-risk",
                description=digest("what it is"),
                card=digest("# Churn"),
                tags={"domain": "risk"},
                long_tags={"notes": digest("long")},
                reason=digest("new project"),
            ),
        )
    )


def test_creating_a_model_keeps_its_texts_beside_the_event():
    command = CreateModel(
        "churn",
        description=sealed("what it is"),
        card=sealed("# Churn"),
        long_tags={"notes": sealed("long")},
        reason=sealed("new project"),
    )

    given().when(command).keeps(
        ("description", "what it is"),
        ("card", "# Churn"),
        ("reason", "new project"),
        ("long_tags.notes", "long"),
    )


@pytest.mark.parametrize("name", ["churn", "CHURN", "Churn"])
def test_a_name_is_taken_in_any_case(name):
    message = given(created()).when(CreateModel(name)).refused(ModelExists, model="churn")

    assert message == "models/churn exists; take another name"


def test_the_name_of_a_deleted_model_stays_taken():
    message = (
        given(created(), DELETED).when(CreateModel("churn")).refused(ModelExists, model="churn")
    )

    assert "restore it" in message


def test_a_former_name_stays_taken():
    message = (
        given(created(), RENAMED).when(CreateModel("Churn")).refused(ModelExists, model="leavers")
    )

    assert message == "the name Churn once was that of models/leavers, and stays its own"


def test_an_update_says_only_what_differs():
    command = UpdateModel("churn", owner="ann", description=sealed("new"))

    given(created()).when(command).then(
        (CHURN, ModelUpdated(owner="ann", description=digest("new")))
    )


def test_the_same_owner_changes_nothing():
    given(created(), (CHURN, ModelUpdated(owner="ann"))).when(
        UpdateModel("churn", owner="ann")
    ).then_nothing()


def test_an_owner_that_is_the_same_is_left_out_beside_a_change():
    given(created(), (CHURN, ModelUpdated(owner="ann"))).when(
        UpdateModel("churn", owner="ann", card=sealed("new"))
    ).then((CHURN, ModelUpdated(card=digest("new"))))


def test_an_owner_can_be_taken_away():
    after = (
        given(created(), (CHURN, ModelUpdated(owner="ann")))
        .when(UpdateModel("churn", owner=""))
        .then((CHURN, ModelUpdated(owner="")))
    )

    row = after.row(ModelKey("churn"))
    assert isinstance(row, ModelRow)
    assert row.resource.owner == ""


def test_a_text_is_always_set_anew():
    given(created(), (CHURN, ModelUpdated(card=digest("# Churn")))).when(
        UpdateModel("churn", card=sealed("# Churn"))
    ).then((CHURN, ModelUpdated(card=digest("# Churn"))))


def test_clearing_a_text_leaves_no_digest():
    after = (
        given(created(), (CHURN, ModelUpdated(card=digest("# Churn"))))
        .when(UpdateModel("churn", card=CLEARED))
        .then((CHURN, ModelUpdated(card=FreeText())))
    )

    row = after.row(ModelKey("churn"))
    assert isinstance(row, ModelRow)
    assert row.texts == {}


def test_clearing_a_text_that_is_not_there_changes_nothing():
    given(created()).when(
        UpdateModel("churn", description=CLEARED, card=CLEARED, reason=sealed("tidy"))
    ).then_nothing()


def test_renaming_keeps_the_stream_of_the_first_name():
    given(created()).when(RenameModel("churn", "leavers", reason=sealed("clearer"))).then(
        (
            CHURN,
            ModelRenamed(from_name="churn", to_name="leavers", reason=digest("clearer")),
        ),
        shows=ModelKey("churn"),
    )


def test_a_renamed_model_is_found_by_either_name():
    for name in ("churn", "leavers", "LEAVERS"):
        given(created(), RENAMED).when(UpdateModel(name, owner="ann")).then(
            (CHURN, ModelUpdated(owner="ann"))
        )


def test_a_model_may_take_a_former_name_of_its_own():
    after = (
        given(created(), RENAMED)
        .when(RenameModel("leavers", "churn"))
        .then((CHURN, ModelRenamed(from_name="leavers", to_name="churn")))
    )

    row = after.row(ModelKey("churn"))
    assert isinstance(row, ModelRow)
    assert (row.name, list(row.resource.former_names)) == ("churn", ["leavers"])


def test_a_change_of_case_is_a_rename():
    given(created()).when(RenameModel("churn", "Churn")).then(
        (CHURN, ModelRenamed(from_name="churn", to_name="Churn"))
    )


def test_the_present_name_changes_nothing():
    given(created()).when(RenameModel("churn", "churn")).then_nothing()
    given(created(), RENAMED).when(RenameModel("churn", "leavers")).then_nothing()


def test_a_model_cannot_take_another_model_s_name():
    given(created(), created("fraud")).when(RenameModel("churn", "FRAUD")).refused(
        ModelExists, model="fraud"
    )


def test_a_model_cannot_take_another_model_s_former_name():
    given(created(), RENAMED, created("fraud")).when(RenameModel("fraud", "churn")).refused(
        ModelExists, model="leavers"
    )


def test_deleting_and_restoring_leave_one_event_each():
    given(created()).when(DeleteModel("churn", reason=sealed("gone"))).then(
        (CHURN, ModelDeleted(reason=digest("gone")))
    ).when(RestoreModel("churn", reason=sealed("back"))).then(
        (CHURN, ModelRestored(reason=digest("back")))
    ).when(UpdateModel("churn", owner="ann")).then((CHURN, ModelUpdated(owner="ann")))


def test_deleting_what_is_deleted_changes_nothing():
    given(created(), DELETED).when(DeleteModel("churn")).then_nothing()


def test_what_is_not_deleted_cannot_be_restored():
    given(created()).when(RestoreModel("churn")).refused(NotDeleted, model="churn")


@pytest.mark.parametrize(
    "command", [UpdateModel("churn", owner="ann"), RenameModel("churn", "leavers")]
)
def test_a_deleted_model_is_not_changed(command):
    message = given(created(), DELETED).when(command).refused(ModelDeletedAlready, model="churn")

    assert message == "models/churn is deleted; restore it first"


@pytest.mark.parametrize(
    "command",
    [
        UpdateModel("fraud"),
        RenameModel("fraud", "leavers"),
        DeleteModel("fraud"),
        RestoreModel("fraud"),
    ],
)
def test_what_was_never_created_is_not_found(command):
    message = given(created()).when(command).refused(ModelNotFound, model="fraud")

    assert message == "there is no models/fraud; check the name, or create it first"


@pytest.mark.parametrize(
    "command",
    [
        UpdateModel("churn", owner="ann", expected_revision=1),
        RenameModel("churn", "leavers", expected_revision=1),
        DeleteModel("churn", expected_revision=1),
    ],
)
def test_an_expected_revision_that_holds_is_no_obstacle(command):
    (fact,) = given(created()).when(command).decide().facts

    assert fact.stream == CHURN


@pytest.mark.parametrize(
    "command",
    [
        UpdateModel("churn", owner="ann", expected_revision=1),
        UpdateModel("churn", expected_revision=1),
        RenameModel("churn", "leavers", expected_revision=1),
        RenameModel("churn", "churn", expected_revision=1),
        DeleteModel("churn", expected_revision=1),
        RestoreModel("churn", expected_revision=1),
    ],
)
def test_another_revision_than_expected_is_refused(command):
    message = (
        given(created(), (CHURN, ModelUpdated(owner="bob")))
        .when(command)
        .refused(RevisionMismatch, expected="1", actual="2")
    )

    assert message == "models/churn is at revision 2, not 1; read it again and decide anew"
