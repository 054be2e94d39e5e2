"""Rolling back aliases and stages."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from regesta_projections import events as e
from regesta_projections.records import read_record
from regesta_projections.rows import AliasKey, VersionKey, VersionRow
from regesta_service.domain.holding import Holders, holders_of_alias, holders_of_stage, step_of
from regesta_service.domain.rejections import (
    AliasIsProtected,
    AliasNotFound,
    AliasPinned,
    CannotComeBack,
    HolderMismatch,
    HoldersChanged,
    ModelDeletedAlready,
    MoveNotAllowed,
    NeverHeld,
    NothingToRollBack,
    StageTakenAlready,
)
from regesta_service.domain.rollbacks import RollbackAlias, RollbackStage
from tests.unit.domain.specification import (
    CHURN,
    Given,
    When,
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

VERSIONS = (created(), registered(1), registered(2), registered(3))
#: At 6, 7 and 8.
POINTED = (*VERSIONS, pointed("champion", 1), pointed("champion", 2, 1), pointed("champion", 3, 2))
REMOVED = (alias("champion"), e.AliasRemoved(previous_version=3))
ALIAS = RollbackAlias("churn", "champion")
STAGE = RollbackStage("churn", "production")


def promoted(number: int) -> tuple[tuple[str, e.Event], ...]:
    """A version went all the way up, in two events."""
    return moved(number, "development", "staging"), moved(number, "staging", "production")


#: 1 entered production at 7, 2 at 9, 3 at 11; nobody left it.
PROMOTED = (*VERSIONS, *promoted(1), *promoted(2), *promoted(3))


def looked_up(state: Given, command: RollbackAlias | RollbackStage) -> Holders:
    """Return what the server would look up."""
    records = [read_record(record, at) for at, record in enumerate(state.log.records, 1)]
    if isinstance(command, RollbackAlias):
        stream = alias(command.alias)
        return holders_of_alias(each for each in records if each.stream == stream)
    return holders_of_stage(command.stage, [step for each in records if (step := step_of(each))])


def back(state: Given, command: RollbackAlias | RollbackStage) -> When:
    return state.when(replace(command, holders=looked_up(state, command)))


def alias_back(
    number: int, previous: int, undone: int, reason: e.FreeText | None = None
) -> tuple[str, e.Event]:
    return alias("champion"), e.VersionRolledBack(
        version=number, previous_version=previous, undone_position=str(undone), reason=reason
    )


def stage_back(
    number: int, previous: int, undone: int, *, came_from: str = "production"
) -> tuple[tuple[str, e.Event], ...]:
    both = e.VersionRolledBack(
        version=number, previous_version=previous, undone_position=str(undone)
    )
    return (
        (version(previous), replaced(both, "production", "staging")),
        (version(number), replaced(both, came_from, "production")),
    )


def replaced(event: e.VersionRolledBack, from_stage: str, to_stage: str) -> e.VersionRolledBack:
    return msgspec.structs.replace(event, from_stage=from_stage, to_stage=to_stage)


def test_an_alias_goes_back_one_at_a_time():
    once = back(given(*POINTED), replace(ALIAS, reason=sealed("slow"))).then(
        alias_back(2, 3, 8, reason=digest("slow")), shows=AliasKey("churn", "champion")
    )
    twice = back(once, ALIAS).then(alias_back(1, 2, 7))
    back(twice, ALIAS).refused(NothingToRollBack, version="1")


def test_a_rolled_back_alias_can_be_moved_on():
    state = back(given(*POINTED), ALIAS).then(alias_back(2, 3, 8))
    state.log.extend([pointed("champion", 3, 2)])
    back(state, ALIAS).then(alias_back(2, 3, 10))


def test_an_alias_goes_further_back_when_asked():
    state = back(given(*POINTED), replace(ALIAS, to_number=1)).then(alias_back(1, 3, 8))
    back(state, ALIAS).refused(NothingToRollBack, version="1")


def test_an_alias_goes_back_only_to_what_it_had():
    state = given(*POINTED, registered(4))
    message = back(state, replace(ALIAS, to_number=4)).refused(
        NeverHeld, version="4", earlier="2, 1"
    )
    assert message == ("models/churn/aliases/champion did not have version 4 before 3, but 2, 1")
    back(state, replace(ALIAS, to_number=3)).refused(NothingToRollBack, version="3")


def test_an_alias_that_only_ever_had_one_version_has_nothing_to_go_back_to():
    state = given(*VERSIONS, pointed("champion", 1))
    back(state, ALIAS).refused(NothingToRollBack, version="1")
    back(state, replace(ALIAS, to_number=2)).refused(NothingToRollBack, version="1")


def test_an_alias_that_is_not_there_is_not_rolled_back():
    back(given(*VERSIONS), ALIAS).refused(AliasNotFound, model="churn", alias="champion")
    back(given(*POINTED, REMOVED), ALIAS).refused(AliasNotFound, model="churn", alias="champion")
    back(given(*POINTED, (CHURN, e.ModelDeleted())), ALIAS).refused(
        ModelDeletedAlready, model="churn"
    )


@pytest.mark.parametrize(
    ("since", "state"),
    [
        ((version(2), e.VersionDeleted()), "deleted"),
        (moved(2, "development", "archived"), "archived"),
    ],
)
def test_what_is_not_resolved_any_more_does_not_come_back_and_another_is_offered(since, state):
    message = back(given(*POINTED, since), ALIAS).refused(
        CannotComeBack, model="churn", version="2", state=state, earlier="1"
    )
    assert message.endswith(f"is {state} since; name an earlier one in to_version: 1")
    back(given(*POINTED, since), replace(ALIAS, to_number=1)).then(alias_back(1, 3, 8))


def test_the_expected_version_is_checked():
    state = given(*POINTED)
    back(state, replace(ALIAS, expected_number=2)).refused(HolderMismatch, expected="2", actual="3")
    back(state, replace(ALIAS, expected_number=3)).then(alias_back(2, 3, 8))


def test_pinned_and_protected_aliases_are_not_rolled_back():
    protected = given(*POINTED, (alias("champion"), e.AliasProtected(protected=True)))
    back(protected, ALIAS).refused(
        AliasIsProtected, model="churn", alias="champion", permission="catalog.protect"
    )
    back(protected, replace(ALIAS, may_move_protected=True)).then(alias_back(2, 3, 8))
    pinned = given(*POINTED, (alias("champion"), e.AliasProtected(pinned=True)))
    with pytest.raises(AliasPinned):
        back(pinned, replace(ALIAS, may_move_protected=True)).decide()


def test_an_alias_that_moved_since_it_was_looked_up_is_looked_up_again():
    command = back(given(*POINTED), ALIAS).command
    state = given(*POINTED, pointed("champion", 1, 3))
    state.when(command).refused(HoldersChanged)


def test_a_stage_goes_back_one_at_a_time():
    command = replace(STAGE, reasons=(sealed("slow"), sealed("again")))
    once = given(*PROMOTED)
    facts = back(once, command).decide().facts
    assert [fact.texts for fact in facts] == [
        (("reason", sealed("slow")),),
        (("reason", sealed("again")),),
    ]

    once = back(once, STAGE).then(*stage_back(2, 3, 11), shows=VersionKey("churn", 2))
    row = once.row(VersionKey("churn", 2))
    assert isinstance(row, VersionRow)
    assert (row.resource.stage, row.stage_position) == ("production", 13)
    twice = back(once, STAGE).then(*stage_back(1, 2, 9))
    back(twice, STAGE).refused(NothingToRollBack, version="1")


def test_a_version_that_left_the_stage_comes_back_into_it():
    down = moved(1, "production", "staging"), moved(2, "production", "staging")
    state = given(*PROMOTED[:-1], *down, PROMOTED[-1])
    back(state, STAGE).then(*stage_back(2, 3, 13, came_from="staging"))


def test_a_stage_goes_further_back_when_asked():
    state = back(given(*PROMOTED), replace(STAGE, to_number=1)).then(*stage_back(1, 3, 11))
    back(state, STAGE).refused(NothingToRollBack, version="1")
    back(given(*PROMOTED), replace(STAGE, to_number=9)).refused(
        NeverHeld, version="9", earlier="2, 1"
    )


def test_a_stage_that_nobody_holds_has_nothing_to_undo():
    back(given(*VERSIONS), STAGE).refused(NothingToRollBack)
    back(given(*VERSIONS), replace(STAGE, expected_number=1)).refused(
        HolderMismatch, expected="1", actual="0"
    )


def test_the_expected_holder_is_checked():
    back(given(*PROMOTED), replace(STAGE, expected_number=2)).refused(
        HolderMismatch, expected="2", actual="3"
    )


@pytest.mark.parametrize("stage", ["archived", "nowhere"])
def test_a_stage_in_which_nothing_is_resolved_is_not_rolled_back(stage):
    back(given(*PROMOTED), replace(STAGE, stage=stage)).refused(MoveNotAllowed, to_stage=stage)


def test_a_version_that_began_in_the_stage_does_not_leave_it():
    back(given(*VERSIONS), replace(STAGE, stage="development")).refused(
        NothingToRollBack, model="churn", version="3"
    )


def test_a_rollback_never_promotes_the_version_that_leaves():
    # Whoever may move versions down could else move them up again without what that asks for.
    state = given(
        *VERSIONS,
        moved(1, "development", "staging"),
        *promoted(2),
        moved(2, "production", "staging"),
    )
    message = back(state, replace(STAGE, stage="staging")).refused(
        MoveNotAllowed, from_stage="staging", to_stage="production"
    )
    assert message.endswith("from production, which would promote it; move it yourself")


def test_a_version_goes_back_to_where_it_came_from_though_no_arrow_leads_there():
    archived = moved(3, "development", "archived"), moved(3, "archived", "development")
    back(given(*VERSIONS, *archived), replace(STAGE, stage="development")).then(
        (
            version(3),
            e.VersionRolledBack(
                version=2,
                previous_version=3,
                undone_position="7",
                from_stage="development",
                to_stage="archived",
            ),
        ),
        (
            version(2),
            e.VersionRolledBack(
                version=2,
                previous_version=3,
                undone_position="7",
                from_stage="development",
                to_stage="development",
            ),
        ),
    )


@pytest.mark.parametrize(
    ("since", "state"),
    [
        ((version(2), e.VersionDeleted()), "deleted"),
        (moved(2, "production", "archived"), "archived"),
    ],
)
def test_a_version_that_is_not_resolved_any_more_does_not_come_back_into_a_stage(since, state):
    back(given(*PROMOTED, since), STAGE).refused(
        CannotComeBack, model="churn", version="2", state=state, earlier="1"
    )


@pytest.mark.parametrize(
    "since",
    [
        # The holder left, was deleted, or entered again.
        (moved(3, "production", "staging"),),
        ((version(3), e.VersionDeleted()),),
        (moved(3, "production", "staging"), moved(3, "staging", "production")),
        # Another entered, and may even have left again.
        (registered(4), *promoted(4)),
    ],
)
def test_a_stage_that_changed_since_it_was_looked_up_is_looked_up_again(since):
    command = back(given(*PROMOTED), STAGE).command
    given(*PROMOTED, *since).when(command).refused(HoldersChanged)


def test_a_version_that_entered_in_the_same_batch_is_seen():
    command = back(given(*PROMOTED), STAGE).command
    state = given(*PROMOTED, registered(4), moved(4, "development", "staging"))
    when = state.when(command)
    assert len(when.decide().facts) == 2
    state.log.extend([moved(4, "staging", "production")])
    when.refused(HoldersChanged)


def test_an_empty_stage_that_was_entered_since_is_looked_up_again():
    command = back(given(*VERSIONS), STAGE).command
    given(*PROMOTED).when(command).refused(HoldersChanged)


#: Only one version is live; the one that was gives way, and is not resolved then.
LIVE = (
    "governance",
    e.LifecycleDefined(
        lifecycle="strict",
        version=1,
        stages=(
            e.StageDefinition(name="draft", moves_to=("live",), exclusive=True),
            e.StageDefinition(name="live", moves_to=("gone",), exclusive=True, displaced_to="gone"),
            e.StageDefinition(name="gone", closed=True),
        ),
    ),
)
TAKEN = f"{CHURN}/stages/live"
LIVE_STAGE = replace(STAGE, stage="live")


def drafted(number: int) -> tuple[str, e.Event]:
    return version(number), e.VersionRegistered(version=number, stage="draft", resolution="open")


def live(number: int, *, instead_of: int = 0) -> tuple[tuple[str, e.Event], ...]:
    """A version became live, and perhaps another gave way."""
    gone = e.StageChanged(
        from_stage="live", to_stage="gone", resolution="closed", displaced_by=number
    )
    return (
        *([(version(instead_of), gone)] if instead_of else []),
        (TAKEN, e.StageTaken(version=number, previous_version=instead_of)),
        (version(number), e.StageChanged(from_stage="draft", to_stage="live", resolution="open")),
    )


#: 1 went live at 6; 2 did at 10 and displaced it.
STRICT = (LIVE, created(), drafted(1), *live(1), drafted(2), *live(2, instead_of=1))


def test_a_version_that_gave_way_in_an_exclusive_stage_comes_back_though_it_is_closed_away():
    both = e.VersionRolledBack(
        version=1, previous_version=2, undone_position="10", resolution="open"
    )
    after = back(given(*STRICT), LIVE_STAGE).then(
        (version(2), replaced(both, "live", "draft")),
        (f"{CHURN}/stages/draft", e.StageTaken(version=2)),
        (TAKEN, e.StageTaken(version=1, previous_version=2)),
        (version(1), replaced(both, "gone", "live")),
        shows=VersionKey("churn", 1),
    )
    back(after, LIVE_STAGE).refused(NothingToRollBack, version="1")


def test_a_version_that_somebody_closed_away_since_does_not():
    again = (
        (version(1), e.StageChanged(from_stage="gone", to_stage="draft", resolution="open")),
        (version(1), e.StageChanged(from_stage="draft", to_stage="gone", resolution="closed")),
    )
    back(given(*STRICT, *again), LIVE_STAGE).refused(
        CannotComeBack, model="churn", version="1", state="gone", earlier=""
    )


def test_a_version_does_not_go_back_to_an_exclusive_stage_that_another_has():
    back(given(*STRICT, drafted(3)), LIVE_STAGE).refused(
        StageTakenAlready, stage="draft", version="3"
    )


def test_stages_are_those_of_the_model_s_lifecycle():
    back(given(*STRICT), STAGE).refused(MoveNotAllowed, to_stage="production")
    back(given(*STRICT), replace(STAGE, stage="gone")).refused(MoveNotAllowed, to_stage="gone")


def test_a_stage_that_the_lifecycle_has_no_more_is_no_way_back():
    renamed = (
        "governance",
        e.LifecycleDefined(
            lifecycle="strict",
            version=2,
            stages=(e.StageDefinition(name="new"), e.StageDefinition(name="live")),
        ),
    )
    message = back(given(*STRICT, renamed), LIVE_STAGE).refused(
        MoveNotAllowed, from_stage="live", to_stage="draft"
    )
    assert "from draft, which is no stage any more" in message
