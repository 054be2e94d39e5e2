"""What the log says of itself: given, when, then."""

from __future__ import annotations

import pytest

from regesta_projections import events as e
from regesta_projections.rows import LOG, LogRow
from regesta_service.domain.log import (
    CommitHeads,
    RecordFork,
    RecordKeyCompromise,
    RecordKeyRotation,
    RecordWitness,
)
from regesta_service.domain.rejections import (
    LastGoodSizeGrew,
    LostRangeInvalid,
    RevisionMismatch,
    SameKey,
)
from tests.unit.domain.specification import Given, created, digest, given, sealed

ROOT = bytes(range(32))


def committed(position: int, streams: int = 2):
    """The heads as of a position were committed to."""
    event = e.HeadsCommitted(position=str(position), streams=str(streams), root=ROOT.hex())
    return "log", event


def rotated(new: str, old: str = ""):
    """Another key was taken."""
    return "log", e.KeyRotated(new_vkey=new, old_vkey=old)


def compromised(vkey: str, size: int):
    """A key was said to be good up to a size only."""
    return "log", e.KeyCompromised(vkey=vkey, last_good_size=str(size) if size else "")


def status(state: Given):
    row = state.row(LOG)
    assert isinstance(row, LogRow)
    return row.resource


def test_heads_are_committed_to_with_their_position_and_root():
    command = CommitHeads(position=2, streams=2, root=ROOT, reason=sealed("the audit"))
    event = e.HeadsCommitted(position="2", streams="2", root=ROOT.hex(), reason=digest("the audit"))
    when = given(created()).when(command)
    when.keeps(("reason", "the audit"))
    state = when.then(("log", event), shows=LOG)
    heads = status(state).heads
    assert (2, 2, ROOT, 3) == (
        heads.heads_position,
        heads.streams,
        heads.root_hash,
        heads.event_position,
    )
    assert "1" == status(state).etag


@pytest.mark.parametrize("position", [1, 2])
def test_heads_are_not_committed_to_again_for_a_position_that_is_no_later(position):
    past = (created(), committed(2))
    given(*past).when(CommitHeads(position=position, streams=2, root=ROOT)).then_nothing()


def test_later_heads_take_the_place_of_earlier_ones():
    command = CommitHeads(position=3, streams=3, root=ROOT)
    state = given(created(), committed(2)).when(command).then(committed(3, 3))
    assert 3 == status(state).heads.heads_position


def test_a_rotation_takes_one_key_in_the_place_of_another():
    first = given().when(RecordKeyRotation(new_vkey="b", old_vkey="a")).then(rotated("b", "a"))
    assert ["b"] == status(first).vkeys
    past = (rotated("b", "a"),)
    second = given(*past).when(RecordKeyRotation(new_vkey="c", old_vkey="b"))
    assert ["c"] == status(second.then(rotated("c", "b"))).vkeys


def test_a_second_key_may_sign_beside_the_first():
    state = given(rotated("a")).when(RecordKeyRotation(new_vkey="b")).then(rotated("b"))
    assert ["a", "b"] == status(state).vkeys


def test_the_same_rotation_again_changes_nothing():
    given(rotated("b", "a")).when(RecordKeyRotation(new_vkey="b", old_vkey="a")).then_nothing()


def test_a_key_is_not_rotated_to_itself():
    given().when(RecordKeyRotation(new_vkey="a", old_vkey="a")).refused(SameKey)


def test_a_compromised_key_signs_no_more_and_is_good_up_to_a_size():
    command = RecordKeyCompromise(vkey="a", last_good_size=7)
    state = given(rotated("a"), rotated("b")).when(command).then(compromised("a", 7))
    assert ["b"] == status(state).vkeys
    assert [("a", 7)] == [(k.vkey, k.last_good_size) for k in status(state).compromised_keys]


def test_trust_in_a_compromised_key_only_shrinks():
    past = (compromised("a", 7), compromised("b", 1))
    given(*past).when(RecordKeyCompromise(vkey="a", last_good_size=7)).then_nothing()
    given(*past).when(RecordKeyCompromise(vkey="a", last_good_size=8)).refused(
        LastGoodSizeGrew, expected="7", actual="8"
    )
    less = given(*past).when(RecordKeyCompromise(vkey="a", last_good_size=0))
    state = less.then(compromised("a", 0))
    assert [("b", 1), ("a", 0)] == [
        (k.vkey, k.last_good_size) for k in status(state).compromised_keys
    ]


def test_a_loss_is_recorded_with_what_was_recovered():
    command = RecordFork(
        old_checkpoint="note", recovered_size=5, recovered_root=ROOT, first_lost=6, last_lost=9
    )
    event = e.LogForked(
        old_checkpoint="note",
        recovered_size="5",
        recovered_root=ROOT.hex(),
        first_lost="6",
        last_lost="9",
    )
    state = given().when(command).then(("log", event))
    (fork,) = status(state).forks
    assert (5, ROOT, 6, 9) == (
        fork.recovered_size,
        fork.recovered_root,
        fork.first_lost,
        fork.last_lost,
    )


@pytest.mark.parametrize(("first", "last"), [(5, 9), (8, 7), (0, 0)])
def test_what_was_lost_follows_what_was_recovered(first, last):
    command = RecordFork(
        old_checkpoint="note",
        recovered_size=5,
        recovered_root=ROOT,
        first_lost=first,
        last_lost=last,
    )
    given().when(command).refused(LostRangeInvalid, size="5", first=str(first), last=str(last))


def test_a_cosigned_checkpoint_is_written_once():
    event = ("log", e.LogWitnessed(checkpoint="note"))
    state = given().when(RecordWitness(checkpoint="note")).then(event)
    assert "note" == status(state).witnessed_checkpoint
    given(event).when(RecordWitness(checkpoint="note")).then_nothing()


@pytest.mark.parametrize(
    "command",
    [
        CommitHeads(position=9, streams=1, root=ROOT, expected_revision=2),
        RecordWitness(checkpoint="note", expected_revision=2),
        RecordKeyRotation(new_vkey="x", expected_revision=2),
    ],
)
def test_another_revision_than_expected_is_refused(command):
    given(committed(1)).when(command).refused(RevisionMismatch, expected="2", actual="1")
