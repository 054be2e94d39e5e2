"""Release sets."""

from __future__ import annotations

import pytest

from regesta_projections.events import (
    AliasProtected,
    AliasSet,
    ModelCreated,
    ModelRenamed,
    VersionRegistered,
)
from regesta_projections.rows import AliasKey
from regesta_service.domain.rejections import MovesRefused
from regesta_service.domain.releases import AliasMove, MoveAliases
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
)

FRAUD = "models/fraud"
PAST = (
    created(),
    registered(1),
    registered(2),
    pointed("champion", 1),
    (FRAUD, ModelCreated(name="fraud", kind="MODEL")),
    (f"{FRAUD}/versions/1", VersionRegistered(version=1, stage="development")),
)


def move(*moves: AliasMove, may: bool = False) -> MoveAliases:
    return MoveAliases(moves, may_move_protected=may)


def test_aliases_of_several_models_move_together():
    given(*PAST).when(
        move(
            AliasMove("churn", "champion", 2, reason=sealed("one")),
            AliasMove("fraud", "champion", 1, reason=sealed("two")),
        )
    ).then(
        (alias("champion"), AliasSet(version=2, previous_version=1, reason=digest("one"))),
        (f"{FRAUD}/aliases/champion", AliasSet(version=1, reason=digest("two"))),
        shows=AliasKey("churn", "champion"),
    )


def test_a_move_that_changes_nothing_is_no_event():
    state = given(*PAST)
    state.when(move(AliasMove("churn", "champion", 1), AliasMove("churn", "blue", 2))).then(
        pointed("blue", 2), shows=AliasKey("churn", "blue")
    )
    state.when(move(AliasMove("churn", "champion", 1))).then_nothing()


def test_every_move_that_stands_in_the_way_is_told():
    with pytest.raises(MovesRefused) as caught:
        given(
            *PAST,
            (alias("champion"), AliasProtected(pinned=True)),
            moved(2, "development", "archived"),
        ).when(
            move(
                AliasMove("churn", "champion", 2),
                AliasMove("fraud", "champion", 1),
                AliasMove("fraud", "champion", 7),
                AliasMove("missing", "champion", 1),
                AliasMove("churn", "champion", 1, expected_number=2),
                AliasMove("fraud", "blue", 1, expected_number=1),
                AliasMove("churn", "blue", 2),
            )
        ).decide()

    refusal = caught.value
    assert refusal.metadata == {
        "refused": "VERSION_ARCHIVED: 0, 6; VERSION_NOT_FOUND: 2; MODEL_NOT_FOUND: 3;"
        " HOLDER_MISMATCH: 4, 5"
    }
    assert [each.field for each in refusal.violations] == [
        f"moves[{at}]" for at in (0, 2, 3, 4, 5, 6)
    ]
    assert refusal.violations[4].description == (
        "HOLDER_MISMATCH: models/fraud/aliases/blue has no version, not 1; read it again and"
        " decide anew"
    )
    assert refusal.message.startswith("6 of 7 moves are refused, so none was made; moves[0]: ")


def test_pinned_and_protected_aliases_stay():
    pinned = (alias("champion"), AliasProtected(pinned=True))
    protected = (alias("champion"), AliasProtected(protected=True))
    set_ = AliasMove("churn", "champion", 2)

    assert "ALIAS_PINNED: 0" in refused(given(*PAST, pinned).when(move(set_, may=True)))
    assert "ALIAS_PROTECTED: 0" in refused(given(*PAST, protected).when(move(set_)))
    given(*PAST, protected).when(move(set_, may=True)).then(pointed("champion", 2, previous=1))


def test_one_alias_under_two_names_is_moved_once():
    renamed = (CHURN, ModelRenamed(from_name="churn", to_name="leavers"))
    when = given(*PAST, renamed).when(
        move(AliasMove("churn", "champion", 2), AliasMove("LEAVERS", "champion", 2))
    )
    assert "INVALID_FIELD: 1" in refused(when)


def test_a_hundred_refusals_are_short():
    moves = [AliasMove("m" * 255, f"a{at}", 1) for at in range(100)]
    with pytest.raises(MovesRefused) as caught:
        given().when(MoveAliases(tuple(moves))).decide()

    told = caught.value.violations
    assert len(told) == 100
    assert max(len(each.description) for each in told) <= 160
    assert len(caught.value.metadata["refused"]) < 500


def refused(when: object) -> str:
    with pytest.raises(MovesRefused) as caught:
        when.decide()  # type: ignore[attr-defined]
    return caught.value.metadata["refused"]
