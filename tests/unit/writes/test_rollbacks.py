"""Requests to protect, move and roll back."""

from __future__ import annotations

import pytest

from regesta.v1 import catalog_service_pb2 as pb
from regesta_service.domain.aliases import ProtectAlias
from regesta_service.domain.rejections import InvalidRequest
from regesta_service.domain.rollbacks import RollbackAlias, RollbackStage
from tests.unit.writes.requests import ALIAS, MODEL, refused, translate


def move(name: str = ALIAS, version: int = 3, expected: int | None = None) -> pb.AliasMove:
    return pb.AliasMove(name=name, version=version, expected_version=expected)


def test_what_an_alias_is_to_be_is_said_or_left_out():
    command = translate("ProtectAlias").command
    assert ProtectAlias("churn", "champion", None, pinned=True) == command
    off = translate("ProtectAlias", pinned=False, protected=False).command
    assert (False, False) == (off.protected, off.pinned)


def test_a_protection_that_says_nothing_is_refused():
    with pytest.raises(InvalidRequest) as caught:
        translate("ProtectAlias", pinned=None)
    assert ["protected"] == [violation.field for violation in caught.value.violations]


def test_moves_say_what_they_expect():
    moves = [move(), move(f"{MODEL}/aliases/blue", 2, 0), move(f"{MODEL}/aliases/red", 2, 1)]
    command = translate("MoveAliases", moves=moves).command
    assert [("champion", 3, None), ("blue", 2, 0), ("red", 2, 1)] == [
        (each.alias, each.number, each.expected_number) for each in command.moves
    ]


def test_each_move_has_a_reason_of_its_own():
    moves = [move(), move(f"{MODEL}/aliases/blue", 2)]
    translated = translate("MoveAliases", moves=moves, reason="release 7")
    digests = [each.reason.digest for each in translated.command.moves]
    assert 2 == len(set(digests))
    assert {"release 7"} == {translated.texts[digest] for digest in digests}


@pytest.mark.parametrize(
    ("moves", "fields"),
    [
        ([], ["moves"]),
        ([move()] * 101, ["moves"]),
        ([move(), move(version=0)], ["moves[1].version"]),
        ([move(expected=-1)], ["moves[0].expected_version"]),
        ([move(MODEL), move("")], ["moves[0].name", "moves[1].name"]),
        ([move("namespaces/other/models/churn/aliases/blue")], ["moves[0].name"]),
    ],
)
def test_moves_that_cannot_be_are_refused(moves, fields):
    with pytest.raises(InvalidRequest) as caught:
        translate("MoveAliases", moves=moves)
    assert fields == [violation.field for violation in caught.value.violations]


def test_a_rollback_says_what_it_expects_and_where_it_goes():
    assert RollbackAlias("churn", "champion") == translate("RollbackAlias").command
    command = translate("RollbackAlias", expected_version=3, to_version=1).command
    assert RollbackAlias("churn", "champion", 3, 1) == command
    staged = translate("RollbackStage", expected_version=3, to_version=1).command
    assert RollbackStage("churn", "production", 3, 1) == staged


def test_both_events_of_a_stage_s_rollback_have_a_reason():
    translated = translate("RollbackStage", reason="slow")
    assert 2 == len({reason.digest for reason in translated.command.reasons})
    assert ["slow", "slow"] == [
        translated.texts[reason.digest] for reason in translated.command.reasons
    ]


@pytest.mark.parametrize("method", ["RollbackAlias", "RollbackStage"])
@pytest.mark.parametrize("field", ["expected_version", "to_version"])
@pytest.mark.parametrize("number", [0, -1])
def test_a_version_s_number_is_1_or_more(method, field, number):
    refused(method, field, **{field: number})


@pytest.mark.parametrize("stage", ["", "Production", "a/b"])
def test_a_rollback_names_a_stage(stage):
    refused("RollbackStage", "stage", stage=stage)
