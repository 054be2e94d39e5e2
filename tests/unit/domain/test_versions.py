from __future__ import annotations

import pytest

from regesta_projections.events import (
    FreeText,
    ModelCreated,
    ModelDeleted,
    ModelRenamed,
    VersionDeleted,
    VersionRegistered,
    VersionRestored,
    VersionSemverLabelled,
    VersionUpdated,
)
from regesta_projections.rows import ModelKey, VersionKey
from regesta_service.domain.models import CreateModel
from regesta_service.domain.rejections import (
    ModelDeletedAlready,
    ModelNotFound,
    NotDeleted,
    RevisionMismatch,
    SemverFixed,
    SemverTaken,
    VersionDeletedAlready,
    VersionNotFound,
)
from regesta_service.domain.texts import CLEARED
from regesta_service.domain.versions import (
    DeleteVersion,
    LabelVersion,
    RegisterVersion,
    RestoreVersion,
    UpdateVersion,
)
from tests.unit.domain.specification import (
    CHURN,
    created,
    digest,
    given,
    registered,
    sealed,
    version,
)

CONTENT = VersionRegistered(source="s3://models/churn", params={"depth": "8"})
DELETED_MODEL = (CHURN, ModelDeleted())


def deleted(number: int) -> tuple[str, VersionDeleted]:
    return version(number), VersionDeleted()


def test_the_first_version_is_1_and_begins_in_development():
    given(created()).when(RegisterVersion("churn", CONTENT)).then(
        (
            version(1),
            VersionRegistered(
                version=1,
                stage="development",
                source="s3://models/churn",
                params={"depth": "8"},
            ),
        ),
        shows=VersionKey("churn", 1),
    )


def test_numbers_go_on_without_holes():
    given(created(), registered(1), registered(2)).when(
        RegisterVersion("churn", VersionRegistered())
    ).then(registered(3))


def test_the_number_of_a_deleted_version_is_not_given_out_again():
    given(created(), registered(1), deleted(1)).when(
        RegisterVersion("churn", VersionRegistered())
    ).then(registered(2))


def test_registering_keeps_its_texts_beside_the_event():
    texts = (("description", sealed("better")), ("reason", sealed("weekly")))

    given(created()).when(RegisterVersion("churn", CONTENT, texts)).keeps(
        ("description", "better"), ("reason", "weekly")
    )


def test_a_version_of_a_renamed_model_keeps_the_stream_of_its_first_name():
    given(created(), (CHURN, ModelRenamed(from_name="churn", to_name="leavers"))).when(
        RegisterVersion("leavers", VersionRegistered())
    ).then(registered(1), shows=VersionKey("churn", 1))


def test_a_missing_model_is_created_in_the_same_decision_if_that_is_allowed():
    texts = (("reason", sealed("weekly")),)
    content = VersionRegistered(reason=digest("weekly"))
    command = RegisterVersion("churn", content, texts, allow_missing_model=True)

    given().when(command).then(
        (CHURN, ModelCreated(name="churn", kind="MODEL")),
        (
            version(1),
            VersionRegistered(version=1, stage="development", reason=digest("weekly")),
        ),
        shows=VersionKey("churn", 1),
    )


def test_a_digest_stands_in_one_event_when_a_model_is_created_too():
    texts = (("reason", sealed("weekly")),)
    command = RegisterVersion("churn", CONTENT, texts, allow_missing_model=True)

    assert [(), texts] == [fact.texts for fact in given().when(command).decide().facts]


def test_a_first_version_with_a_label_needs_no_model_to_look_the_label_up():
    command = RegisterVersion("churn", VersionRegistered(semver="1.0.0"), allow_missing_model=True)

    given().when(command).then(created(), registered(1, "1.0.0"))


def test_a_model_that_is_there_is_not_created_again():
    given(created()).when(
        RegisterVersion("CHURN", VersionRegistered(), allow_missing_model=True)
    ).then(registered(1))


def test_a_missing_model_is_not_found_unless_it_may_be_created():
    given().when(RegisterVersion("churn", CONTENT)).refused(ModelNotFound, model="churn")


@pytest.mark.parametrize("allow_missing_model", [True, False])
def test_a_deleted_model_takes_no_versions(allow_missing_model):
    given(created(), DELETED_MODEL).when(
        RegisterVersion("churn", CONTENT, allow_missing_model=allow_missing_model)
    ).refused(ModelDeletedAlready, model="churn")


def test_a_version_may_come_with_its_label():
    given(created(), registered(1, "1.0.0")).when(
        RegisterVersion("churn", VersionRegistered(semver="1.1.0"))
    ).then(registered(2, "1.1.0"))


@pytest.mark.parametrize("semver", ["1.0.0", "1.0.0+other", "1.0.0+build.7"])
def test_a_label_is_taken_by_its_precedence(semver):
    given(created(), registered(1, "1.0.0+build.7")).when(
        RegisterVersion("churn", VersionRegistered(semver=semver))
    ).refused(SemverTaken, model="churn", version="1", semver="1.0.0+build.7")


def test_models_do_not_take_labels_from_each_other():
    given(created(), registered(1, "1.0.0"), created("fraud")).when(
        RegisterVersion("fraud", VersionRegistered(semver="1.0.0"))
    ).then(
        (
            "models/fraud/versions/1",
            VersionRegistered(version=1, semver="1.0.0", stage="development"),
        )
    )


def test_a_version_can_be_labelled_later():
    given(created(), registered(1)).when(
        LabelVersion("churn", 1, "1.0.0", reason=sealed("release"))
    ).then(
        (version(1), VersionSemverLabelled(semver="1.0.0", reason=digest("release"))),
        shows=VersionKey("churn", 1),
    )


def test_the_same_label_again_changes_nothing():
    given(created(), registered(1, "1.0.0")).when(
        LabelVersion("churn", 1, "1.0.0", reason=sealed("again"))
    ).then_nothing()


@pytest.mark.parametrize("semver", ["1.0.1", "1.0.0+build"])
def test_a_label_once_given_stays(semver):
    given(created(), registered(1, "1.0.0")).when(LabelVersion("churn", 1, semver)).refused(
        SemverFixed, model="churn", version="1", semver="1.0.0"
    )


def test_a_label_of_another_version_is_taken_even_if_that_is_deleted():
    message = (
        given(created(), registered(1, "1.0.0"), registered(2), deleted(1))
        .when(LabelVersion("churn", 2, "1.0.0"))
        .refused(SemverTaken, model="churn", version="1", semver="1.0.0")
    )

    assert message.startswith("models/churn/versions/1 is 1.0.0; take another label")


def test_a_label_given_later_is_taken_too():
    given(
        created(), registered(1), registered(2), (version(1), VersionSemverLabelled(semver="2.0.0"))
    ).when(LabelVersion("churn", 2, "2.0.0")).refused(
        SemverTaken, model="churn", version="1", semver="2.0.0"
    )


def test_an_update_says_only_what_was_given():
    given(created(), registered(1)).when(
        UpdateVersion("churn", 1, card=sealed("# Card"), reason=sealed("audit"))
    ).then((version(1), VersionUpdated(card=digest("# Card"), reason=digest("audit"))))


def test_an_update_keeps_its_texts_beside_the_event():
    given(created(), registered(1)).when(
        UpdateVersion("churn", 1, sealed("better"), sealed("# Card"), reason=sealed("audit"))
    ).keeps(("description", "better"), ("card", "# Card"), ("reason", "audit"))


def test_clearing_is_a_change_only_where_a_text_is():
    given(created(), registered(1), (version(1), VersionUpdated(description=digest("old")))).when(
        UpdateVersion("churn", 1, description=CLEARED, card=CLEARED)
    ).then((version(1), VersionUpdated(description=FreeText()))).when(
        UpdateVersion("churn", 1, description=CLEARED, card=CLEARED)
    ).then_nothing()


def test_deleting_and_restoring_leave_one_event_each():
    given(created(), registered(1)).when(DeleteVersion("churn", 1, reason=sealed("bad"))).then(
        (version(1), VersionDeleted(reason=digest("bad")))
    ).when(RestoreVersion("churn", 1, reason=sealed("good"))).then(
        (version(1), VersionRestored(reason=digest("good")))
    )


def test_deleting_what_is_deleted_changes_nothing():
    given(created(), registered(1), deleted(1)).when(DeleteVersion("churn", 1)).then_nothing()


def test_what_is_not_deleted_cannot_be_restored():
    given(created(), registered(1)).when(RestoreVersion("churn", 1)).refused(
        NotDeleted, model="churn", version="1"
    )


@pytest.mark.parametrize(
    "command", [LabelVersion("churn", 1, "1.0.0"), UpdateVersion("churn", 1, sealed("x"))]
)
def test_a_deleted_version_is_not_changed(command):
    message = (
        given(created(), registered(1), deleted(1))
        .when(command)
        .refused(VersionDeletedAlready, model="churn", version="1")
    )

    assert message == "models/churn/versions/1 is deleted; restore it first"


@pytest.mark.parametrize(
    "command",
    [
        LabelVersion("churn", 7, "1.0.0"),
        UpdateVersion("churn", 7),
        DeleteVersion("churn", 7),
        RestoreVersion("churn", 7),
    ],
)
def test_a_number_that_was_not_given_out_is_not_found(command):
    message = (
        given(created(), registered(1), registered(2))
        .when(command)
        .refused(VersionNotFound, model="churn", version="7", latest="2")
    )

    assert message == "models/churn has no version 7; the latest is 2"


def test_a_model_without_versions_says_so():
    message = (
        given(created())
        .when(DeleteVersion("churn", 1))
        .refused(VersionNotFound, model="churn", version="1", latest="0")
    )

    assert message == "models/churn has no version 1; none has been registered yet"


@pytest.mark.parametrize(
    "command",
    [
        LabelVersion("churn", 1, "1.0.0"),
        UpdateVersion("churn", 1),
        DeleteVersion("churn", 1),
        RestoreVersion("churn", 1),
    ],
)
def test_versions_of_a_deleted_model_wait_for_its_restoration(command):
    given(created(), registered(1), deleted(1), DELETED_MODEL).when(command).refused(
        ModelDeletedAlready, model="churn"
    )


@pytest.mark.parametrize(
    "command",
    [
        LabelVersion("churn", 1, "1.0.0", expected_revision=2),
        UpdateVersion("churn", 1, expected_revision=2),
        DeleteVersion("churn", 1, expected_revision=2),
        RestoreVersion("churn", 1, expected_revision=2),
    ],
)
def test_another_revision_than_expected_is_refused(command):
    given(created(), registered(1)).when(command).refused(
        RevisionMismatch, expected="2", actual="1"
    )


def test_what_registers_a_version_leaves_the_model_s_revision_alone():
    after = given().when(CreateModel("churn")).then(created())
    after = after.when(RegisterVersion("churn", VersionRegistered())).then(registered(1))

    row = after.row(ModelKey("churn"))
    assert getattr(row, "revision", None) == 1
    assert getattr(row, "last_version", None) == 1
