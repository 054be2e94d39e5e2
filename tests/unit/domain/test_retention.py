"""How long bodies stay, and letting old ones go: given, when, then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from regesta_projections import events as e
from regesta_projections.rows import PRIVACY, PrivacyRow
from regesta_service.domain.rejections import (
    BodiesTooYoung,
    HoldInPlace,
    NotSignedYet,
    NotWholeTiles,
    ReleasedAlready,
    RetentionNotDefined,
    SamePerson,
)
from regesta_service.domain.retention import DefineRetention, ReleaseBodies
from tests.unit.domain.specification import Given, created, digest, given, sealed

NOW = datetime(2026, 11, 28, tzinfo=UTC)
ROOT = bytes.fromhex("ef" * 32)
DEFINED = "privacy", e.RetentionDefined(keep_days=100)
RELEASED = "privacy", e.BodiesReleased(through="256", checkpoint_size="600", root=ROOT.hex())


def release(**changes: Any) -> ReleaseBodies:
    fields: dict[str, Any] = {
        "through": 512,
        "actor": "ben",
        "now": NOW,
        "recorded_at": NOW - timedelta(days=100),
        "checkpoint_size": 600,
        "checkpoint_root": ROOT,
    }
    return ReleaseBodies(**(fields | changes))


def status(state: Given):
    row = state.row(PRIVACY)
    assert isinstance(row, PrivacyRow)
    return row.resource


def test_a_retention_is_defined_and_takes_the_place_of_the_one_before():
    event = e.RetentionDefined(keep_days=730, reason=digest("the policy"))
    when = given(created(), DEFINED).when(DefineRetention(730, sealed("the policy")))
    when.keeps(("reason", "the policy"))
    state = when.then(("privacy", event), shows=PRIVACY)
    assert 730 == status(state).retention.keep_days


def test_a_retention_is_ended():
    state = given(DEFINED).when(DefineRetention(0)).then(("privacy", e.RetentionDefined()))
    assert 0 == status(state).retention.keep_days
    given(DEFINED, ("privacy", e.RetentionDefined())).when(release()).refused(RetentionNotDefined)


def test_bodies_are_released_under_a_checkpoint():
    event = e.BodiesReleased(through="512", checkpoint_size="600", root=ROOT.hex())
    state = given(created(), DEFINED, RELEASED).when(release()).then(("privacy", event))
    said = status(state).release
    assert (512, 600, ROOT) == (said.through, said.checkpoint_size, said.root_hash)


def test_nothing_is_released_without_a_retention():
    given(created()).when(release()).refused(RetentionNotDefined)


@pytest.mark.parametrize("through", [1, 255, 257, 513])
def test_bodies_are_released_in_whole_tiles(through: int):
    given(DEFINED).when(release(through=through)).refused(NotWholeTiles, through=str(through))


def test_it_takes_two_persons():
    # What is given was caused by alice.
    given(DEFINED).when(release(actor="alice")).refused(SamePerson, position="2")


@pytest.mark.parametrize("through", [0, 256])
def test_what_was_released_is_not_released_again(through: int):
    given(DEFINED, RELEASED).when(release(through=through)).refused(ReleasedAlready, through="256")


def test_a_checkpoint_covers_what_is_released():
    given(DEFINED).when(release(checkpoint_size=511)).refused(NotSignedYet, size="511")
    given(DEFINED).when(release(checkpoint_size=0, recorded_at=None)).refused(
        NotSignedYet, size="0"
    )


@pytest.mark.parametrize("age", [timedelta(days=100, microseconds=-1), timedelta(0)])
def test_young_bodies_stay(age: timedelta):
    given(DEFINED).when(release(recorded_at=NOW - age)).refused(
        BodiesTooYoung, through="512", keep_days="100"
    )


def test_a_hold_on_everything_keeps_them():
    held = "privacy", e.HoldPlaced(hold="audit", matter="2026")
    given(DEFINED, held).when(release()).refused(HoldInPlace, hold="audit", position="3")


@pytest.mark.parametrize("scope", [("rosa", ""), ("", "churn")])
def test_a_hold_keeps_them_unless_it_is_known_to_spare_them(scope: tuple[str, str]):
    person, model = scope
    held = (
        "privacy",
        e.HoldPlaced(hold="case-7", person=person, model=model, matter="7 O 114/26"),
    )
    state = given(DEFINED, held)
    # One that was placed after the look-up is not among those that it found.
    message = state.when(release()).refused(HoldInPlace, hold="case-7", position="3")
    assert "7 O 114/26" in message
    state.when(release(spared={scope})).then(
        ("privacy", e.BodiesReleased(through="512", checkpoint_size="600", root=ROOT.hex()))
    )
