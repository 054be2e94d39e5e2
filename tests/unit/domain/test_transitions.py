from __future__ import annotations

import itertools

import pytest

from regesta_projections.events import ModelDeleted, StageChanged, VersionDeleted
from regesta_projections.rows import VersionKey
from regesta_service.domain import lifecycle
from regesta_service.domain.rejections import (
    ModelDeletedAlready,
    ModelNotFound,
    MoveNotAllowed,
    RevisionMismatch,
    StageMismatch,
    VersionDeletedAlready,
    VersionNotFound,
)
from regesta_service.domain.transitions import TransitionVersion
from tests.unit.domain.specification import (
    CHURN,
    created,
    digest,
    given,
    moved,
    registered,
    sealed,
    version,
)

STAGES = ["development", "staging", "production", "archived"]
ALLOWED = {
    ("development", "staging"),
    ("staging", "development"),
    ("staging", "production"),
    ("production", "staging"),
    ("development", "archived"),
    ("staging", "archived"),
    ("production", "archived"),
    ("archived", "development"),
}
PAST = (created(), registered(1))


def in_stage(stage):
    """Return a state in which version 1 is in a stage."""
    return given(*PAST, *([moved(1, "development", stage)] if stage != "development" else []))


@pytest.mark.parametrize(("from_stage", "to_stage"), list(itertools.permutations(STAGES, 2)))
def test_a_version_moves_one_step_or_to_archived_or_back_to_development(from_stage, to_stage):
    when = in_stage(from_stage).when(TransitionVersion("churn", 1, to_stage))

    if (from_stage, to_stage) in ALLOWED:
        when.then(moved(1, from_stage, to_stage), shows=VersionKey("churn", 1))
    else:
        ways = ", ".join(stage for stage in STAGES if (from_stage, stage) in ALLOWED)
        message = when.refused(
            MoveNotAllowed, from_stage=from_stage, to_stage=to_stage, moves_to=ways
        )
        assert message == (
            f"models/churn/versions/1 may not move from {from_stage} to {to_stage}, but to: {ways}"
        )


@pytest.mark.parametrize("stage", STAGES)
def test_the_same_stage_again_changes_nothing(stage):
    in_stage(stage).when(TransitionVersion("churn", 1, stage)).then_nothing()


def test_a_move_says_why():
    given(*PAST).when(TransitionVersion("churn", 1, "staging", reason=sealed("passed"))).then(
        (
            version(1),
            StageChanged(from_stage="development", to_stage="staging", reason=digest("passed")),
        )
    )


def test_a_stage_that_the_lifecycle_does_not_have_is_no_move():
    message = (
        given(*PAST)
        .when(TransitionVersion("churn", 1, "canary"))
        .refused(
            MoveNotAllowed,
            from_stage="development",
            to_stage="canary",
            moves_to="staging, archived",
        )
    )

    assert message.startswith("the lifecycle has no stage canary")


@pytest.mark.parametrize("to_stage", ["staging", "development", "production"])
def test_a_version_must_be_in_the_stage_the_caller_expects(to_stage):
    given(*PAST).when(TransitionVersion("churn", 1, to_stage, from_stage="staging")).refused(
        StageMismatch, expected="staging", actual="development"
    )


def test_an_expected_stage_that_holds_is_no_obstacle():
    given(*PAST).when(
        TransitionVersion("churn", 1, "staging", from_stage="development", expected_revision=1)
    ).then(moved(1, "development", "staging"))


def test_another_revision_than_expected_is_refused():
    given(*PAST).when(TransitionVersion("churn", 1, "staging", expected_revision=7)).refused(
        RevisionMismatch, expected="7", actual="1"
    )


def test_what_is_missing_or_deleted_does_not_move():
    command = TransitionVersion("churn", 1, "staging")

    given().when(command).refused(ModelNotFound, model="churn")
    given(created()).when(command).refused(VersionNotFound, model="churn", version="1", latest="0")
    given(*PAST, (version(1), VersionDeleted())).when(command).refused(
        VersionDeletedAlready, model="churn", version="1"
    )
    given(*PAST, (CHURN, ModelDeleted())).when(command).refused(ModelDeletedAlready, model="churn")


def test_the_default_lifecycle_resolves_all_but_archived():
    assert {stage: stage != "archived" for stage in STAGES} == {
        stage.name: stage.resolvable for stage in lifecycle.DEFAULT.stages
    }


def test_every_move_of_the_default_lifecycle_goes_to_a_stage_of_it_in_its_order():
    for stage in lifecycle.DEFAULT.stages:
        places = [STAGES.index(name) for name in stage.moves_to]
        assert places == sorted(places)


def test_what_is_in_an_unknown_stage_moves_to_where_it_can_go_on():
    assert lifecycle.DEFAULT.ways_from("canary") == ("development", "archived")
    assert not lifecycle.DEFAULT.allows("canary", "production")
    assert not lifecycle.DEFAULT.allows("development", "canary")
