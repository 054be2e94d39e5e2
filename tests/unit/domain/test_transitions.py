from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from regesta_projections.events import (
    ModelDeleted,
    StageChanged,
    VersionDeleted,
    VersionRestored,
)
from regesta_projections.rows import VersionKey
from regesta_service.domain import lifecycle
from regesta_service.domain.moving import Mover
from regesta_service.domain.rejections import (
    HoldersChanged,
    ModelDeletedAlready,
    ModelNotFound,
    MoveNotAllowed,
    RevisionMismatch,
    StageMismatch,
    TooManyInStage,
    VersionDeletedAlready,
    VersionNotFound,
)
from regesta_service.domain.transitions import MAX_DISPLACED, InStage, TransitionVersion
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


def shift(number, *stages):
    """Return the events of a version that goes through some stages, the first being its own."""
    *passed, last = itertools.pairwise(stages)
    return [*(moved(number, *step, passing=True) for step in passed), moved(number, *last)]


@pytest.mark.parametrize(
    "way",
    [
        ("development", "staging", "production"),
        ("production", "staging", "development"),
        ("archived", "development", "staging", "production"),
        ("staging", "production"),
    ],
)
def test_through_takes_every_step_on_the_way(way):
    when = in_stage(way[0]).when(TransitionVersion("churn", 1, way[-1], through=True))
    when.then(*shift(1, *way), shows=VersionKey("churn", 1))


def test_through_is_no_way_into_a_stage_that_there_is_not():
    given(*PAST).when(TransitionVersion("churn", 1, "canary", through=True)).refused(
        MoveNotAllowed, from_stage="development", to_stage="canary", moves_to="staging, archived"
    )


def test_the_reason_belongs_to_the_last_step():
    command = TransitionVersion("churn", 1, "production", through=True, reason=sealed("passed"))
    given(*PAST).when(command).then(
        moved(1, "development", "staging", passing=True),
        moved(1, "staging", "production", reason=digest("passed")),
    )


def test_a_way_leads_through_no_closed_and_no_exclusive_stage():
    open_ways = lifecycle.Lifecycle(
        (
            lifecycle.Stage("a", ("shut", "single", "c")),
            lifecycle.Stage("shut", ("z",), resolvable=False),
            lifecycle.Stage("single", ("z",), exclusive=True),
            lifecycle.Stage("c", ("d", "b")),
            lifecycle.Stage("b", ("z",)),
            lifecycle.Stage("d", ("z",)),
            lifecycle.Stage("z", ()),
        )
    )
    assert open_ways.way("a", "z") == ("c", "b", "z")
    assert open_ways.way("a", "shut") == ("shut",)
    assert open_ways.way("shut", "z") == ("z",)
    assert open_ways.way("z", "a") == ()
    assert open_ways.way("a", "nowhere") == ()


CROWD = (
    created(),
    *(registered(n) for n in (1, 2, 3)),
    *(moved(n, "development", "staging") for n in (1, 2)),
)

SIZE = given(*CROWD).log.size


def test_others_make_room_in_the_same_append():
    inside = InStage(0, (1, 2), last=SIZE)
    command = TransitionVersion("churn", 3, "staging", holders=inside, displace_to="archived")
    given(*CROWD).when(command).then(
        moved(1, "staging", "archived", displaced_by=3),
        moved(2, "staging", "archived", displaced_by=3),
        moved(3, "development", "staging"),
        shows=VersionKey("churn", 3),
    )


def test_one_that_is_there_already_has_the_stage_for_itself():
    inside = InStage(0, (1, 2), last=SIZE)
    command = TransitionVersion("churn", 2, "staging", holders=inside, displace_to="archived")
    given(*CROWD).when(command).then(moved(1, "staging", "archived", displaced_by=2))


def test_who_is_in_the_stage_must_have_been_looked_up():
    command = TransitionVersion("churn", 3, "staging", displace_to="archived")
    given(*CROWD).when(command).refused(HoldersChanged)
    before = InStage(0, (1,), last=SIZE - 1)
    given(*CROWD).when(replace(command, holders=before)).refused(HoldersChanged)


def test_who_left_meanwhile_is_let_alone():
    inside = InStage(0, (1, 2), last=SIZE)
    command = TransitionVersion("churn", 3, "staging", holders=inside, displace_to="archived")
    given(*CROWD, moved(2, "staging", "development")).when(command).then(
        moved(1, "staging", "archived", displaced_by=3), moved(3, "development", "staging")
    )


def test_nobody_is_displaced_to_where_versions_are_resolved():
    inside = InStage(0, (1, 2), last=SIZE)
    for stage in ("production", "canary"):
        command = TransitionVersion("churn", 3, "staging", holders=inside, displace_to=stage)
        with pytest.raises(MoveNotAllowed):
            given(*CROWD).when(command).decide()


def test_where_others_would_go_is_checked_though_there_is_nobody():
    for stage in ("staging", "nowhere", "development"):
        command = TransitionVersion(
            "churn", 1, "production", through=True, holders=InStage(0, ()), displace_to=stage
        )
        with pytest.raises(MoveNotAllowed):
            given(*PAST).when(command).decide()


def test_one_that_was_restored_meanwhile_makes_room_too():
    deleted = version(1), VersionDeleted()
    inside = InStage(0, (2,), last=SIZE, deleted=(1,))
    command = TransitionVersion("churn", 3, "staging", holders=inside, displace_to="archived")
    gone = given(*CROWD, deleted).when(command)
    gone.then(moved(2, "staging", "archived", displaced_by=3), moved(3, "development", "staging"))
    given(*CROWD, deleted, (version(1), VersionRestored())).when(command).then(
        moved(2, "staging", "archived", displaced_by=3),
        moved(1, "staging", "archived", displaced_by=3),
        moved(3, "development", "staging"),
    )


def test_the_moves_that_policies_are_asked_of_are_every_step_and_whoever_makes_room():
    inside = InStage(0, (1, 2), last=SIZE)
    command = TransitionVersion(
        "churn", 3, "staging", holders=inside, displace_to="archived", mover=Mover(request="r")
    )
    when = given(*CROWD).when(command)
    assert [
        (3, "development", "staging", "r"),
        (1, "staging", "archived", ""),
        (2, "staging", "archived", ""),
    ] == moves_of(when)
    through = replace(command, stage="production", through=True, displace_to="")
    assert [
        (3, "development", "staging", ""),
        (3, "staging", "production", "r"),
    ] == moves_of(given(*CROWD).when(through))
    alone = replace(command, number=1)
    assert [(2, "staging", "archived", "")] == moves_of(given(*CROWD).when(alone))
    # Also one that is not allowed: what policies would say of it is said all the same.
    direct = replace(through, through=False)
    assert [(3, "development", "production", "r")] == moves_of(given(*CROWD).when(direct))


def moves_of(when):
    return [
        (asked.version.number, asked.version.resource.stage, asked.to_stage, asked.mover.request)
        for asked in when.command.asked(when.rows())
    ]


def test_too_many_make_no_room():
    crowd = InStage(0, tuple(range(1, MAX_DISPLACED + 3)), last=SIZE)
    command = TransitionVersion("churn", 3, "staging", holders=crowd, displace_to="archived")
    given(*CROWD).when(command).refused(TooManyInStage, model="churn", stage="staging")
