"""Protected and pinned aliases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regesta_projections.events import AliasProtected, AliasRemoved, ModelDeleted
from regesta_projections.rows import AliasKey, AliasRow
from regesta_service.domain.aliases import ProtectAlias, RemoveAlias, SetAlias
from regesta_service.domain.rejections import (
    AliasIsProtected,
    AliasNotFound,
    AliasPinned,
    ModelDeletedAlready,
    RevisionMismatch,
)
from tests.unit.domain.specification import (
    CHURN,
    Given,
    alias,
    created,
    digest,
    given,
    pointed,
    registered,
    sealed,
)

PAST = (created(), registered(1), registered(2), pointed("champion", 1))
REMOVED = (alias("champion"), AliasRemoved(previous_version=1))
PROTECTED = (alias("champion"), AliasProtected(protected=True))
PINNED = (alias("champion"), AliasProtected(pinned=True))


def row_of(state: Given) -> AliasRow:
    row = state.row(AliasKey("churn", "champion"))
    assert isinstance(row, AliasRow)
    return row


def test_an_alias_is_protected_and_pinned():
    after = (
        given(*PAST)
        .when(ProtectAlias("churn", "champion", protected=True, reason=sealed("ours")))
        .then((alias("champion"), AliasProtected(protected=True, reason=digest("ours"))))
        .when(ProtectAlias("churn", "champion", pinned=True))
        .then((alias("champion"), AliasProtected(protected=True, pinned=True)))
    )

    shown = row_of(after).resource
    assert (shown.version, shown.protected, shown.pinned) == (1, True, True)
    assert (shown.pinned_by, shown.etag) == ("alice", "3")
    assert shown.HasField("pin_time")


def test_who_pinned_it_stays_until_it_is_unpinned():
    log = given(*PAST, PINNED)
    before = row_of(log).resource.pin_time.ToJsonString()
    log.log.actor = "bob"
    log.log.extend([(alias("champion"), AliasProtected(protected=True, pinned=True))])
    shown = row_of(log).resource
    assert (shown.pinned_by, shown.pin_time.ToJsonString()) == ("alice", before)

    log.log.extend([(alias("champion"), AliasProtected(protected=True))])
    shown = row_of(log).resource
    assert (shown.pinned, shown.pinned_by, shown.HasField("pin_time")) == (False, "", False)


@pytest.mark.parametrize(
    "command",
    [
        ProtectAlias("churn", "champion", protected=True),
        ProtectAlias("churn", "champion", pinned=False),
        ProtectAlias("churn", "champion", protected=True, pinned=False),
    ],
)
def test_what_it_is_already_changes_nothing(command):
    given(*PAST, PROTECTED).when(command).then_nothing()


def test_only_an_alias_that_was_set_is_protected():
    message = (
        given(*PAST)
        .when(ProtectAlias("churn", "blue", pinned=True))
        .refused(AliasNotFound, model="churn", alias="blue")
    )

    assert message == "models/churn never had an alias blue; set it first"
    given(*PAST, REMOVED).when(ProtectAlias("churn", "champion", protected=True)).then(PROTECTED)


def test_protecting_expects_a_revision_and_a_model_that_is_there():
    command = ProtectAlias("churn", "champion", pinned=True, expected_revision=2)
    given(*PAST).when(command).refused(RevisionMismatch, expected="2", actual="1")
    given(*PAST, (CHURN, ModelDeleted())).when(command).refused(ModelDeletedAlready, model="churn")


@pytest.mark.parametrize("may", [False, True])
@pytest.mark.parametrize(
    "command", [SetAlias("churn", "champion", 2), RemoveAlias("churn", "champion")]
)
def test_nobody_moves_or_removes_a_pinned_alias(command, may):
    state = given(*PAST, PINNED)
    when = row_of(state).resource.pin_time.ToJsonString()
    message = state.when(replace(command, may_move_protected=may)).refused(
        AliasPinned, model="churn", alias="champion", pinned_by="alice", pin_time=when
    )

    assert message == (
        f"models/churn/aliases/champion was pinned by alice at {when}; unpin it first"
    )


@pytest.mark.parametrize(
    "command", [SetAlias("churn", "champion", 2), RemoveAlias("churn", "champion")]
)
def test_a_protected_alias_is_moved_only_with_the_permission(command):
    state = given(*PAST, PROTECTED)

    message = state.when(command).refused(
        AliasIsProtected, model="churn", alias="champion", permission="catalog.protect"
    )
    assert "needs the permission catalog.protect" in message
    assert len(state.when(replace(command, may_move_protected=True)).decide().facts) == 1


def test_pointing_a_pinned_alias_where_it_points_is_no_move():
    given(*PAST, PINNED).when(SetAlias("churn", "champion", 1)).then_nothing()


def test_protection_outlasts_removal():
    state = given(*PAST, PROTECTED, REMOVED)
    assert row_of(state).resource.protected

    state.when(SetAlias("churn", "champion", 2)).refused(
        AliasIsProtected, model="churn", alias="champion", permission="catalog.protect"
    )
    after = state.when(SetAlias("churn", "champion", 2, may_move_protected=True)).then(
        pointed("champion", 2)
    )
    assert row_of(after).resource.protected
