from __future__ import annotations

import pytest

from regesta_projections.events import (
    AliasRemoved,
    AliasSet,
    ModelDeleted,
    ModelRenamed,
    VersionDeleted,
)
from regesta_projections.rows import AliasKey
from regesta_service.domain.aliases import RemoveAlias, SetAlias
from regesta_service.domain.rejections import (
    AliasNotFound,
    ModelDeletedAlready,
    ModelNotFound,
    RevisionMismatch,
    VersionArchived,
    VersionDeletedAlready,
    VersionNotFound,
)
from tests.unit.domain.specification import (
    CHURN,
    alias,
    created,
    digest,
    given,
    moved,
    pointed,
    registered,
    sealed,
    version,
)

PAST = (created(), registered(1), registered(2))
REMOVED = (alias("champion"), AliasRemoved(previous_version=1))


def test_an_alias_is_pointed_to_a_version():
    given(*PAST).when(SetAlias("churn", "champion", 1, reason=sealed("won"))).then(
        (alias("champion"), AliasSet(version=1, reason=digest("won"))),
        shows=AliasKey("churn", "champion"),
    )


def test_moving_an_alias_says_where_it_pointed():
    given(*PAST, pointed("champion", 1)).when(SetAlias("churn", "champion", 2)).then(
        pointed("champion", 2, previous=1)
    )


def test_pointing_where_it_points_already_changes_nothing():
    given(*PAST, pointed("champion", 1)).when(
        SetAlias("churn", "champion", 1, reason=sealed("again"))
    ).then_nothing()


def test_an_alias_goes_on_after_it_was_removed():
    after = (
        given(*PAST, pointed("champion", 1), REMOVED)
        .when(SetAlias("churn", "champion", 1))
        .then(pointed("champion", 1))
    )

    assert getattr(after.row(AliasKey("churn", "champion")), "revision", None) == 3


def test_an_alias_of_a_renamed_model_keeps_the_stream_of_its_first_name():
    given(*PAST, (CHURN, ModelRenamed(from_name="churn", to_name="leavers"))).when(
        SetAlias("leavers", "champion", 1)
    ).then(pointed("champion", 1))


def test_no_alias_points_to_a_version_that_is_not_there():
    given(*PAST).when(SetAlias("churn", "champion", 3)).refused(
        VersionNotFound, model="churn", version="3", latest="2"
    )


def test_no_alias_is_pointed_to_a_deleted_version():
    given(*PAST, (version(1), VersionDeleted())).when(SetAlias("churn", "champion", 1)).refused(
        VersionDeletedAlready, model="churn", version="1"
    )


@pytest.mark.parametrize("past", [(), (pointed("champion", 1),)])
def test_no_alias_is_pointed_to_an_archived_version_not_even_again(past):
    message = (
        given(*PAST, *past, moved(1, "development", "archived"))
        .when(SetAlias("churn", "champion", 1))
        .refused(VersionArchived, model="churn", version="1")
    )

    assert message.startswith("models/churn/versions/1 is archived; move it")


def test_removing_an_alias_says_where_it_pointed():
    given(*PAST, pointed("champion", 1)).when(
        RemoveAlias("churn", "champion", reason=sealed("over"))
    ).then(
        (alias("champion"), AliasRemoved(previous_version=1, reason=digest("over"))),
        shows=AliasKey("churn", "champion"),
    )


@pytest.mark.parametrize("past", [(), (pointed("champion", 1), REMOVED)])
def test_an_alias_that_does_not_point_anywhere_is_not_found(past):
    message = (
        given(*PAST, *past)
        .when(RemoveAlias("churn", "champion"))
        .refused(AliasNotFound, model="churn", alias="champion")
    )

    assert message == "models/churn has no alias champion, so there is nothing to remove"


@pytest.mark.parametrize("command", [SetAlias("churn", "a", 1), RemoveAlias("churn", "a")])
def test_a_model_that_is_missing_or_deleted_has_no_aliases_to_change(command):
    given().when(command).refused(ModelNotFound, model="churn")
    given(*PAST, pointed("a", 1), (CHURN, ModelDeleted())).when(command).refused(
        ModelDeletedAlready, model="churn"
    )


@pytest.mark.parametrize("past", [(), (pointed("champion", 1), REMOVED)])
def test_revision_0_expects_that_it_points_nowhere(past):
    given(*PAST, *past).when(SetAlias("churn", "champion", 2, expected_revision=0)).then(
        pointed("champion", 2)
    )


@pytest.mark.parametrize("number", [1, 2])
def test_revision_0_refuses_an_alias_that_points_anywhere_even_there(number):
    message = (
        given(*PAST, pointed("champion", 1))
        .when(SetAlias("churn", "champion", number, expected_revision=0))
        .refused(RevisionMismatch, expected="0", actual="1")
    )

    assert "models/churn/aliases/champion points to version 1 already" in message


def test_an_alias_that_never_was_is_at_no_revision():
    given(*PAST).when(SetAlias("churn", "champion", 1, expected_revision=1)).refused(
        RevisionMismatch, expected="1", actual="0"
    )


def test_a_removed_alias_is_at_the_revision_of_its_removal():
    state = given(*PAST, pointed("champion", 1), REMOVED)

    state.when(SetAlias("churn", "champion", 1, expected_revision=2)).then(pointed("champion", 1))
    state.when(SetAlias("churn", "champion", 1, expected_revision=2)).refused(
        RevisionMismatch, expected="2", actual="3"
    )


@pytest.mark.parametrize("expected", [0, 2])
def test_removing_expects_a_revision_too(expected):
    state = given(*PAST, pointed("champion", 1))

    state.when(RemoveAlias("churn", "champion", expected_revision=expected)).refused(
        RevisionMismatch, expected=str(expected), actual="1"
    )
    state.when(RemoveAlias("churn", "champion", expected_revision=1)).then(REMOVED)
