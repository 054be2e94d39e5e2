"""Grants given and taken: given, when, then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from regesta_projections import events as e
from regesta_service.access.granting import ACCESS, BreakGlass, GrantRole, RevokeRole
from regesta_service.access.permissions import ROLES
from regesta_service.access.principals import Ceiling, Principal
from regesta_service.domain import limits
from regesta_service.domain.rejections import GrantExceedsOwn, GrantNotFound, TooManyGrants
from tests.unit.domain.specification import digest, given, sealed

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
OWN, NEW = "0" * 16, "1" * 16
ROOT = Principal("root", "user", {"*": ROLES["admin"]})
LEO = Principal("leo", "user", groups=frozenset({"leads"}))


def granted(role: str, principal: str = "leo", *, ends: datetime | None = None, **fields: Any):
    """A role was granted."""
    event = e.RoleGranted(
        grant=fields.pop("grant", OWN),
        principal=principal,
        role=role,
        expire_time=ends.isoformat() if ends else "",
        **fields,
    )
    return "access", event


def grant(role: str = "reader", by: Principal = LEO, **fields: Any) -> GrantRole:
    return GrantRole("acme", NEW, by, NOW, role, **({"principal": "rosa"} | fields))


def test_a_role_is_granted_with_its_bounds_and_its_reason():
    command = grant(
        "maintainer",
        by=ROOT,
        models=("churn*",),
        condition='alias != "champion"',
        ends=LATER,
        reason=sealed("she joins"),
    )
    when = given().when(command)
    when.keeps(("reason", "she joins"))
    state = when.then(
        (
            "access",
            e.RoleGranted(
                grant=NEW,
                principal="rosa",
                role="maintainer",
                models=("churn*",),
                condition='alias != "champion"',
                expire_time="2026-06-02T12:00:00+00:00",
                reason=digest("she joins"),
            ),
        ),
        shows=ACCESS,
    )
    (made,) = state.row(ACCESS).resource.grants  # type: ignore[union-attr]
    assert ("rosa", "alice", ["churn*"]) == (made.principal, made.created_by, list(made.models))
    assert LATER == made.expire_time.ToDatetime(UTC)


def test_the_same_grant_again_changes_nothing():
    past = granted("reader", "rosa", models=("churn",))
    given(past).when(grant(by=ROOT, models=("churn",))).then_nothing()


def test_another_grant_beside_it_is_one():
    state = given(granted("reader", "rosa")).when(grant(by=ROOT, ends=LATER)).decide()
    assert 1 == len(state.facts)


def test_an_administrator_of_the_namespace_grants_any_role():
    for role in sorted(ROLES):
        assert given(granted("admin")).when(grant(role)).decide().facts


@pytest.mark.parametrize("role", ["maintainer", "auditor", "admin", "breakglass"])
def test_nobody_grants_what_he_has_not(role):
    given(granted("reader")).when(grant(role)).refused(
        GrantExceedsOwn,
        role=role,
        permission=min(ROLES[role] - ROLES["reader"] - {"access.self"}),
    )


def test_rights_of_several_grants_add_up():
    past = (granted("reader"), granted("registrar", grant="2" * 16))
    assert given(*past).when(grant("registrar")).decide().facts


def test_rights_by_a_group_count():
    past = "access", e.RoleGranted(grant=OWN, group="leads", role="admin")
    assert given(past).when(grant("admin")).decide().facts


@pytest.mark.parametrize(
    ("own", "new"),
    [
        ({"models": ("churn*",)}, {}),
        ({"models": ("churn*",)}, {"models": ("c*",)}),
        ({"condition": 'alias != "champion"'}, {}),
        ({"condition": 'alias != "champion"'}, {"condition": "true"}),
        ({"ends": LATER}, {}),
        ({"ends": LATER}, {"ends": LATER + timedelta(microseconds=1)}),
        ({"ends": NOW}, {"ends": LATER}),
        ({"break_glass": True, "ends": LATER}, {"ends": LATER}),
    ],
    ids=["models", "wider", "condition", "looser", "for ever", "longer", "ended", "broken glass"],
)
def test_nobody_grants_in_more_cases_or_for_longer_than_he_has(own, new):
    with pytest.raises(GrantExceedsOwn):
        given(granted("admin", **own)).when(grant(**new)).decide()


@pytest.mark.parametrize(
    ("own", "new"),
    [
        ({"models": ("churn*",)}, {"models": ("churn", "churn-eu*")}),
        ({"condition": "version < 5"}, {"condition": "version < 5"}),
        ({"ends": LATER}, {"ends": LATER}),
        ({"ends": LATER}, {"ends": LATER - timedelta(hours=1)}),
    ],
    ids=["models", "condition", "as long", "shorter"],
)
def test_what_he_has_he_grants_in_no_more_cases(own, new):
    assert given(granted("admin", **own)).when(grant("maintainer", **new)).decide().facts


def test_a_token_for_less_grants_no_more_than_it_may():
    bound = Principal("root", "user", ROOT.grants, ceiling=Ceiling(ROLES["reader"]))
    assert given().when(grant("reader", by=bound)).decide().facts
    with pytest.raises(GrantExceedsOwn):
        given().when(grant("registrar", by=bound)).decide()
    elsewhere = Principal("leo", "user", ceiling=Ceiling(None, frozenset({"other"})))
    with pytest.raises(GrantExceedsOwn):
        given(granted("admin")).when(grant("reader", by=elsewhere)).decide()


def test_a_grant_for_oneself_gives_nothing_new():
    with pytest.raises(GrantExceedsOwn):
        given(granted("reader")).when(grant("admin", principal="leo")).decide()


def test_a_grant_is_revoked_once():
    state = given(granted("reader")).when(RevokeRole(OWN))
    after = state.then(("access", e.RoleRevoked(grant=OWN)), shows=ACCESS)
    assert not list(after.row(ACCESS).resource.grants)  # type: ignore[union-attr]
    after.when(RevokeRole(OWN)).refused(GrantNotFound, grant=OWN)


def test_glass_is_broken_for_a_time():
    command = BreakGlass(NEW, "leo", NOW, "admin", LATER, sealed("it burns"))
    event = e.RoleGranted(
        grant=NEW,
        principal="leo",
        role="admin",
        expire_time=LATER.isoformat(),
        break_glass=True,
        reason=digest("it burns"),
    )
    state = given().when(command).then(("access", event), shows=ACCESS)
    (made,) = state.row(ACCESS).resource.grants  # type: ignore[union-attr]
    assert made.break_glass


def test_grants_that_ended_by_time_make_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "MAX_GRANTS", 1)
    # The log of these tests is of January 2026.
    old = granted("reader", "bob", ends=datetime(2026, 1, 1, 12, 0, 1, tzinfo=UTC))
    state = (
        given(old)
        .when(grant(by=ROOT))
        .then(("access", e.RoleGranted(grant=NEW, principal="rosa", role="reader")))
    )
    assert [NEW] == [made.name for made in state.row(ACCESS).resource.grants]  # type: ignore[union-attr]
    state.when(grant("auditor", by=ROOT)).refused(TooManyGrants, grants="1", limit="1")
