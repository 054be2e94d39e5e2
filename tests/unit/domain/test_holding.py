"""Who had an alias or a stage, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from regesta_projections import events as e
from regesta_projections.records import read_record
from regesta_service.domain.holding import (
    Holders,
    Step,
    holders_of_alias,
    holders_of_stage,
    step_of,
)
from tests.support.log_builder import LogBuilder

if TYPE_CHECKING:
    from regesta_projections.records import Recorded

ALIAS = "models/churn/aliases/champion"


def alias_events(*events: e.Event) -> list[Recorded]:
    log = LogBuilder("acme")
    log.extend((ALIAS, event) for event in (*events,))
    return [read_record(record, at) for at, record in enumerate(log.records, 1)][1:]


def test_an_alias_had_these_versions():
    found = holders_of_alias(
        alias_events(e.AliasSet(version=1), e.AliasSet(version=3), e.AliasProtected(pinned=True))
    )
    assert [(held.number, held.position) for held in found.history] == [(1, 2), (3, 3)]
    assert (found.holds, found.revision) == (True, 3)


def test_an_alias_that_never_was_had_none():
    assert holders_of_alias([]) == Holders()


@pytest.mark.parametrize(
    ("events", "numbers"),
    [
        # A rollback takes the last holder away, so the next one goes one further back.
        ((1, 2, 3, -2), [1, 2]),
        ((1, 2, 3, -2, -1), [1]),
        # What is set afterwards follows what is left.
        ((1, 2, 3, -2, 4), [1, 2, 4]),
        ((1, 2, 3, -2, 3, -2), [1, 2]),
        # The same version may have it more than once; the nearest time counts.
        ((1, 2, 1, 3, -1), [1, 2, 1]),
        ((1, 2, 1, 3, -1, -2, -1), [1]),
        # Further back than one.
        ((1, 2, 3, 4, -1), [1]),
        # Removed and set again: no version twice in a row.
        ((1, 0, 1), [1]),
        ((1, 2, 0, 3), [1, 2, 3]),
    ],
)
def test_the_history_of_an_alias_is_one_of_holders(events, numbers):
    told: list[e.Event] = []
    for number in events:
        if number > 0:
            told.append(e.AliasSet(version=number))
        elif number < 0:
            told.append(e.VersionRolledBack(version=-number))
        else:
            told.append(e.AliasRemoved())
    assert [held.number for held in holders_of_alias(alias_events(*told)).history] == numbers


def enters(position: int, number: int, from_stage: str = "staging") -> Step:
    return Step(position, number, "production", from_stage)


def leaves(position: int, number: int, to_stage: str = "staging") -> Step:
    return Step(position, number, to_stage, "production")


def gives_way(position: int, number: int) -> Step:
    return Step(position, number, "staging", "production", gives_way=True)


def back(position: int, number: int) -> Step:
    return Step(position, number, "production", "staging", back=True)


def history(*steps: Step) -> list[int]:
    return [held.number for held in holders_of_stage("production", steps).history]


def test_the_version_that_entered_last_holds_a_stage():
    found = holders_of_stage("production", [enters(5, 2), enters(3, 1, ""), leaves(4, 3)])
    assert [(held.number, held.position, held.from_stage) for held in found.history] == [
        (1, 3, ""),
        (2, 5, "staging"),
    ]
    assert found.holds
    assert 5 == found.history[-1].entered


def test_nobody_holds_an_empty_stage():
    assert holders_of_stage("production", [leaves(2, 1)]) == Holders()
    found = holders_of_stage("production", [enters(2, 1), leaves(3, 1)])
    assert ([held.number for held in found.history], found.holds) == ([1], False)


def test_who_left_before_the_next_entered_held_it_before():
    assert history(enters(2, 1), leaves(3, 1), enters(4, 2)) == [1, 2]


def test_who_was_taken_out_by_hand_while_another_was_in_it_is_not_gone_back_to():
    assert history(enters(2, 1), enters(3, 2), leaves(4, 2), enters(5, 3)) == [1, 3]


def test_who_left_from_behind_the_holder_still_held_it():
    assert history(enters(2, 1), enters(3, 2), leaves(4, 1)) == [1, 2]


def test_entering_again_after_another_is_another_time():
    steps = enters(2, 1), enters(3, 2), leaves(4, 1), enters(5, 1)
    assert history(*steps) == [1, 2, 1]
    assert history(enters(2, 1), leaves(3, 1), enters(4, 1)) == [1]


def test_a_deleted_version_does_not_hold_a_stage_and_a_restored_one_does_again():
    steps = enters(2, 1), enters(3, 2), Step(4, 2, deleted=True)
    assert history(*steps) == [1]
    assert history(*steps, Step(5, 2, deleted=False)) == [1, 2]
    assert history(*steps, Step(5, 1, deleted=True)) == [1]
    assert not holders_of_stage("production", [*steps, Step(5, 1, deleted=True)]).holds


def test_a_rollback_of_a_stage_takes_the_last_holder_away():
    entered = enters(2, 1), leaves(3, 1), enters(4, 2), leaves(5, 2), enters(6, 3)
    once = *entered, gives_way(7, 3), back(8, 2)
    found = holders_of_stage("production", once)
    assert [held.number for held in found.history] == [1, 2]
    # What brought it there first is what the next rollback undoes.
    assert (found.history[-1].position, found.history[-1].entered) == (4, 8)
    assert history(*once, gives_way(9, 2), back(10, 1)) == [1]
    assert history(*once, enters(9, 4)) == [1, 2, 4]


def test_a_rollback_where_nobody_ever_left_does_the_same():
    entered = enters(2, 1), enters(3, 2), enters(4, 3)
    once = *entered, gives_way(5, 3), back(6, 2)
    assert history(*once) == [1, 2]
    assert history(*once, gives_way(7, 2), back(8, 1)) == [1]
    assert history(*entered, gives_way(5, 3), back(6, 1)) == [1]


def test_who_left_from_behind_the_holder_is_gone_back_to_though_another_never_left():
    steps = enters(2, 1), enters(3, 2), enters(4, 3), leaves(5, 2), gives_way(6, 3), back(7, 2)
    found = holders_of_stage("production", steps)
    assert [(held.number, held.position) for held in found.history] == [(1, 2), (2, 3)]


def test_a_rollback_by_a_server_that_knew_another_history_is_taken_as_it_is():
    assert history(back(5, 7)) == [7]


def displaced(position: int, number: int, by: int) -> Step:
    return Step(position, number, "archived", "production", displaced_by=by)


def test_a_version_that_others_make_room_for_takes_the_stage_from_the_last_of_them():
    entered = enters(2, 1), enters(3, 2), enters(4, 3)
    found = holders_of_stage("production", [*entered, displaced(5, 2, 1), displaced(6, 3, 1)])
    assert [(held.number, held.position) for held in found.history] == [
        (1, 2),
        (2, 3),
        (3, 4),
        (1, 6),
    ]
    assert found.holds
    assert (2, [0, 5, 6, 0]) == (
        found.history[-1].entered,
        [held.displaced for held in found.history],
    )
    # One that held it anyway only holds it on.
    assert history(*entered, displaced(5, 1, 3), displaced(6, 2, 3)) == [1, 2, 3]
    # One that enters last has nothing before.
    assert history(*entered[:2], displaced(5, 1, 3), displaced(6, 2, 3), enters(7, 3)) == [1, 2, 3]


def test_what_others_made_room_for_goes_back_like_anything_else():
    room = enters(2, 1), enters(3, 2), displaced(4, 2, 1)
    once = *room, gives_way(5, 1), back(6, 2)
    assert history(*room) == [1, 2, 1]
    assert history(*once) == [1, 2]
    assert history(*once, gives_way(7, 2), back(8, 1)) == [1]


def test_who_only_passes_through_a_stage_never_held_it():
    way = (
        Step(3, 2, "production", "staging", passing=True),
        Step(4, 2, "live", "production"),
    )
    assert history(enters(2, 1), *way) == [1]
    assert history(*way, enters(5, 1)) == [1]


def test_who_came_by_a_way_came_from_where_it_began():
    way = (
        Step(2, 1, "development", "archived", passing=True),
        Step(3, 1, "staging", "development", passing=True),
        enters(4, 1),
    )
    (held,) = holders_of_stage("production", way).history
    assert ("archived", 4) == (held.from_stage, held.position)
    # A later move begins anew.
    (held,) = holders_of_stage("production", [*way, leaves(5, 1), enters(6, 1)]).history
    assert "staging" == held.from_stage


def test_steps_are_read_from_events():
    log = LogBuilder("acme")
    version = "models/churn/versions/3"
    log.extend(
        [
            ("models/churn", e.ModelCreated(name="churn", kind="MODEL")),
            (version, e.VersionRegistered(version=3, stage="development")),
            (version, e.StageChanged(from_stage="development", to_stage="staging", passing=True)),
            (version, e.StageChanged(from_stage="staging", to_stage="archived", displaced_by=4)),
            (version, e.VersionRolledBack(version=3, from_stage="staging", to_stage="production")),
            (version, e.VersionRolledBack(version=2, from_stage="production", to_stage="staging")),
            (version, e.VersionDeleted()),
            (version, e.VersionRestored()),
            (version, e.VersionSemverLabelled(semver="1.0.0")),
        ]
    )
    records = [read_record(record, at) for at, record in enumerate(log.records, 1)]
    assert [step_of(recorded) for recorded in records] == [
        None,
        None,
        Step(3, 3, "development"),
        Step(4, 3, "staging", "development", passing=True),
        Step(5, 3, "archived", "staging", displaced_by=4),
        Step(6, 3, "production", "staging", back=True),
        Step(7, 3, "staging", "production", gives_way=True),
        Step(8, 3, deleted=True),
        Step(9, 3, deleted=False),
        None,
    ]


def test_many_versions_take_little_time():
    steps = [Step(at, at, "development") for at in range(1, 20_001)]
    steps += [Step(20_000 + at, 20_001 - at, "staging", "development") for at in range(1, 19_001)]
    found = holders_of_stage("development", steps)
    assert 1_000 == found.history[-1].number
