"""Lifecycles: given, when, then."""

from __future__ import annotations

from typing import cast

from regesta.v1 import governance_pb2 as pb
from regesta_projections.events import (
    LifecycleDefined,
    LifecycleRemoved,
    StageChanged,
    StageDefinition,
    StageTaken,
    VersionDeleted,
    VersionRegistered,
)
from regesta_projections.resources import GOVERNANCE
from regesta_projections.rows import ResourceRow, VersionKey
from regesta_service.domain import limits
from regesta_service.domain.aliases import SetAlias
from regesta_service.domain.governance import DefineLifecycle, RemoveLifecycle
from regesta_service.domain.lifecycle import DEFAULT, chosen
from regesta_service.domain.rejections import (
    GovernanceFull,
    HoldersChanged,
    LifecycleNotFound,
    LifecycleOverlaps,
    MoveNotAllowed,
    RevisionMismatch,
    StageTakenAlready,
    VersionArchived,
)
from regesta_service.domain.transitions import InStage, TransitionVersion
from regesta_service.domain.versions import RegisterVersion
from tests.unit.domain.specification import Given, created, digest, given, sealed, version

DRAFT = StageDefinition(name="draft", moves_to=("live", "gone"))
LIVE = StageDefinition(name="live", moves_to=("gone",), exclusive=True, displaced_to="gone")
GONE = StageDefinition(name="gone", moves_to=("draft",), closed=True)
STAGES = (DRAFT, LIVE, GONE)
TAKEN = "models/churn/stages/live"


def defined(lifecycle="strict", version=1, models=(), stages=STAGES):
    return "governance", LifecycleDefined(
        lifecycle=lifecycle, version=version, models=models, stages=stages
    )


def drafted(number: int):
    return version(number), VersionRegistered(version=number, stage="draft", resolution="open")


def went_live(number: int, previous: int = 0):
    return (
        (TAKEN, StageTaken(version=number, previous_version=previous)),
        (version(number), moved_to("live", "draft")),
    )


def moved_to(stage: str, before: str, by: int = 0) -> StageChanged:
    return StageChanged(
        from_stage=before,
        to_stage=stage,
        resolution="closed" if stage == "gone" else "open",
        displaced_by=by,
    )


def governance(state: Given) -> pb.Governance:
    row = state.row(GOVERNANCE)
    assert isinstance(row, ResourceRow)
    return cast("pb.Governance", row.resource)


def test_a_lifecycle_is_defined_with_its_reason():
    command = DefineLifecycle("strict", ("churn*",), STAGES, reason=sealed("SOC 2"))
    when = given().when(command)
    when.keeps(("reason", "SOC 2"))
    event = LifecycleDefined(
        lifecycle="strict",
        version=1,
        models=("churn*",),
        stages=STAGES,
        reason=digest("SOC 2"),
    )
    state = when.then(("governance", event), shows=GOVERNANCE)

    (lifecycle,) = governance(state).lifecycles
    assert ("strict", 1, ["churn*"]) == (lifecycle.name, lifecycle.version, list(lifecycle.models))
    assert [stage.name for stage in lifecycle.stages] == ["draft", "live", "gone"]
    assert ("alice", "1") == (lifecycle.defined_by, governance(state).etag)


def test_the_same_definition_changes_nothing_and_another_is_its_next_version():
    past = given(defined())
    past.when(DefineLifecycle("strict", (), STAGES)).then_nothing()
    past.when(DefineLifecycle("strict", (), (DRAFT, GONE))).then(
        defined(version=2, stages=(DRAFT, GONE))
    )


def test_another_lifecycle_for_the_same_models_is_refused_but_a_more_exact_one_is_not():
    past = given(defined(models=("a*", "B")))
    past.when(DefineLifecycle("other", ("A*",), STAGES)).refused(
        LifecycleOverlaps, lifecycle="strict"
    )
    past.when(DefineLifecycle("other", ("b",), STAGES)).refused(
        LifecycleOverlaps, lifecycle="strict"
    )
    past.when(DefineLifecycle("other", ("ab*",), STAGES)).then(defined("other", models=("ab*",)))
    past.when(DefineLifecycle("third", (), STAGES)).then(defined("third"))


def test_there_are_so_many_lifecycles_and_no_more():
    full = given(
        *(defined(f"l{number}", models=(f"m{number}",)) for number in range(limits.MAX_LIFECYCLES))
    )
    full.when(DefineLifecycle("one-more", (), STAGES)).refused(GovernanceFull, limit="50")
    full.when(DefineLifecycle("l3", (), STAGES)).then(defined("l3", version=2))


def test_a_lifecycle_is_removed_and_its_models_have_the_default_one_again():
    state = (
        given(defined())
        .when(RemoveLifecycle("strict"))
        .then(("governance", LifecycleRemoved(lifecycle="strict")))
    )
    assert chosen(governance(state), "churn") == DEFAULT
    state.when(RemoveLifecycle("strict")).refused(LifecycleNotFound, lifecycle="strict")


def test_what_governs_is_changed_at_the_revision_that_was_read():
    given(defined()).when(RemoveLifecycle("strict", expected_revision=7)).refused(
        RevisionMismatch, expected="7", actual="1"
    )


def test_the_lifecycle_that_names_a_model_most_exactly_is_its():
    state = given(
        defined("all"), defined("some", models=("ch*",)), defined("one", models=("Churn",))
    )
    for model, lifecycle in {"churn": "one", "churn-2": "some", "fraud": "all"}.items():
        assert lifecycle == chosen(governance(state), model).id


def test_a_version_begins_in_the_first_stage_of_its_model_s_lifecycle():
    given(defined(), created()).when(RegisterVersion("churn", VersionRegistered(version=0))).then(
        drafted(1)
    )


def test_a_version_moves_as_its_lifecycle_allows():
    past = given(defined(), created(), drafted(1))
    past.when(TransitionVersion("churn", 1, "production")).refused(
        MoveNotAllowed, from_stage="draft", to_stage="production", moves_to="live, gone"
    )
    past.when(TransitionVersion("churn", 1, "gone")).then((version(1), moved_to("gone", "draft")))


def test_a_version_in_a_stage_that_is_no_more_may_go_to_the_first_or_a_closed_one():
    past = given(created(), (version(1), VersionRegistered(version=1, stage="staging")), defined())
    past.when(TransitionVersion("churn", 1, "live")).refused(
        MoveNotAllowed, from_stage="staging", to_stage="live", moves_to="draft, gone"
    )
    past.when(TransitionVersion("churn", 1, "draft")).then(
        (version(1), moved_to("draft", "staging"))
    )


def test_an_alias_is_not_pointed_to_what_is_in_a_closed_stage():
    given(defined(), created(), drafted(1), (version(1), moved_to("gone", "draft"))).when(
        SetAlias("churn", "champion", 1)
    ).refused(VersionArchived, model="churn", version="1")


def test_who_is_in_an_exclusive_stage_must_have_been_looked_up():
    past = given(defined(), created(), drafted(1), drafted(2), *went_live(1))
    past.when(TransitionVersion("churn", 2, "live")).refused(HoldersChanged)
    # Looked up before the first went live.
    past.when(TransitionVersion("churn", 2, "live", holders=InStage(0, ()))).refused(HoldersChanged)


def test_the_holder_of_an_exclusive_stage_goes_where_the_lifecycle_says():
    past = given(defined(), created(), drafted(1), drafted(2), *went_live(1))
    state = past.when(TransitionVersion("churn", 2, "live", holders=InStage(1, (1,)))).then(
        (version(1), moved_to("gone", "live", by=2)),
        (TAKEN, StageTaken(version=2, previous_version=1)),
        (version(2), moved_to("live", "draft")),
        shows=VersionKey("churn", 2),
    )
    # It came back, though nothing was said to the stage: it left by itself.
    state.when(TransitionVersion("churn", 1, "draft")).then((version(1), moved_to("draft", "gone")))


def test_a_holder_that_left_or_was_deleted_is_not_moved():
    past = given(
        defined(), created(), drafted(1), drafted(2), *went_live(1), (version(1), VersionDeleted())
    )
    past.when(TransitionVersion("churn", 2, "live", holders=InStage(1, (1,)))).then(
        (TAKEN, StageTaken(version=2, previous_version=1)), (version(2), moved_to("live", "draft"))
    )


def test_several_that_were_in_a_stage_before_it_became_exclusive_all_go():
    past = given(
        created(),
        *((version(n), VersionRegistered(version=n, stage="live")) for n in (1, 2)),
        drafted(3),
        defined(),
    )
    past.when(TransitionVersion("churn", 3, "live", holders=InStage(0, (1, 2)))).then(
        (version(1), moved_to("gone", "live", by=3)),
        (version(2), moved_to("gone", "live", by=3)),
        (TAKEN, StageTaken(version=3)),
        (version(3), moved_to("live", "draft")),
    )


def test_a_holder_without_a_place_to_go_keeps_the_newcomer_out():
    kept = StageDefinition(name="live", moves_to=("gone",), exclusive=True)
    past = given(
        defined(stages=(DRAFT, kept, GONE)), created(), drafted(1), drafted(2), *went_live(1)
    )
    past.when(TransitionVersion("churn", 2, "live", holders=InStage(1, (1,)))).refused(
        StageTakenAlready, stage="live", version="1"
    )
