"""What grants give: to whom, for which models, on which condition, until when."""

from __future__ import annotations

from typing import Any

import pytest

from regesta.v1 import access_pb2 as pb
from regesta_service.access.grants import NOBODY, VOCABULARY, Case, Policy, allows, covered_by
from regesta_service.access.permissions import ROLES, Permission
from regesta_service.access.principals import Principal

NOW = 1_800_000_000.0
ROSA = Principal("rosa", "user", groups=frozenset({"ml"}))
FACTS: dict[str, Any] = {
    "method": "SetAlias",
    "permission": "catalog.alias",
    "model": "churn",
    "version": 3,
    "alias": "champion",
    "stage": "",
    "from_stage": "",
    "tags": (),
    "role": "",
    "grantee": "",
}


def grant(role: str = "maintainer", *, ends: float | None = None, **fields: Any) -> pb.Grant:
    made = pb.Grant(name="0" * 16, role=role, **({"principal": "rosa"} | fields))
    if ends is not None:
        made.expire_time.FromNanoseconds(int(ends * 1e9))
    return made


def case(model: str = "", **facts: Any) -> Case:
    known = FACTS | facts
    return Case(model, known, tuple(known.values()))


def why(
    *grants: pb.Grant,
    permission: Permission = Permission.CATALOG_ALIAS,
    model: str = "churn",
    now: float = NOW,
    **facts: Any,
) -> str:
    rights = Policy(grants).rights(ROSA)
    return allows(rights, permission, case(model, **facts), now)


def test_without_a_grant_nothing_is_allowed():
    assert all(allows(NOBODY.rights(ROSA), one, case(), NOW) for one in Permission)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_gives_its_permissions_and_no_other(role):
    given = {one for one in Permission if not why(grant(role), permission=one, model="")}
    assert given == ROLES[role]


def test_a_grant_to_a_group_is_for_whoever_proves_to_be_in_it():
    to_group = grant(principal="", group="ml")
    assert not why(to_group)
    stranger = Principal("rosa", "user", groups=frozenset({"other"}))
    assert allows(Policy([to_group]).rights(stranger), Permission.CATALOG_ALIAS, case(), NOW)


def test_a_principal_is_not_a_group_of_the_same_name():
    assert why(grant(principal="ml"))
    assert why(grant(principal="", group="rosa"))


def test_a_grant_for_another_changes_nothing():
    assert why(grant(principal="bob"))


@pytest.mark.parametrize(
    ("patterns", "model", "allowed"),
    [
        (["churn"], "churn", True),
        (["Churn"], "churn", True),
        (["churn"], "churn2", False),
        (["churn*"], "churn2", True),
        (["a", "chu*"], "churn", True),
        (["fraud*"], "churn", False),
        (["*"], "churn", True),
        # About the namespace as a whole: no pattern gives that, not even all models.
        (["*"], "", False),
        (["churn"], "", False),
    ],
)
def test_a_grant_for_models_is_for_calls_to_one_of_them(patterns, model, allowed):
    assert allowed == (not why(grant(models=patterns), model=model))


def test_a_condition_is_weighed_on_the_call():
    conditional = grant(condition='alias != "champion"')
    assert "the condition does not hold" == why(conditional)
    assert not why(conditional, alias="old")


def test_a_condition_can_mean_an_alias_in_any_case():
    exact = grant(condition='alias != "champion"')
    any_case = grant(condition='!alias.matches("(?i)^champion$")')
    assert not why(exact, alias="Champion")
    assert "the condition does not hold" == why(any_case, alias="Champion")
    assert not why(any_case, alias="champion_1")


def test_one_of_several_grants_is_enough():
    assert not why(grant(condition='alias == "old"'), grant(models=["churn"]))


@pytest.mark.parametrize(
    "condition",
    [
        '"approved" in tags',
        'stage == "staging"',
        "version > 3",
        'method == "SetAlias" && permission == "catalog.register"',
    ],
)
def test_what_a_request_does_not_name_is_empty(condition):
    assert why(grant(condition=condition))


def test_a_list_of_tags_can_be_asked():
    assert not why(grant(condition='"approved" in tags'), tags=("approved",))


@pytest.mark.parametrize("condition", ["no such thing", 'secret == "x"', "1 + 1", "tags"])
def test_a_condition_that_this_build_cannot_read_gives_nothing(condition):
    assert "the grant's condition cannot be read" == why(grant(condition=condition))


def test_a_condition_that_fails_gives_nothing():
    assert "the condition cannot be weighed" == why(grant(condition="1 / version > 0"), version=0)


def test_a_role_that_this_build_does_not_know_gives_nothing():
    assert all(why(grant("emperor"), permission=one) for one in Permission)


def test_a_grant_ends_at_its_time():
    ending = grant(ends=NOW)
    assert not why(ending, now=NOW - 0.001)
    assert "the grant has ended" == why(ending, now=NOW)


def test_the_same_facts_are_weighed_once():
    (one,) = Policy([grant(condition='alias != "champion"')]).grants
    first = one.refusal(case("churn"), NOW)
    assert first == one.refusal(case("churn"), NOW)
    assert 1 == len(one.known)


def test_conditions_have_no_other_words():
    assert set(FACTS) == set(VOCABULARY.variables)


@pytest.mark.parametrize(
    ("wanted", "given", "covered"),
    [
        ((), (), True),
        (("churn",), (), True),
        ((), ("churn*",), False),
        ((), ("*",), False),
        (("churn",), ("churn",), True),
        (("churn",), ("chu*",), True),
        (("churn*",), ("chu*",), True),
        (("chu*",), ("churn*",), False),
        (("churn*",), ("churn",), False),
        (("churn", "fraud"), ("churn",), False),
        (("churn", "fraud"), ("fraud", "c*"), True),
    ],
)
def test_models_are_covered_by_no_fewer(wanted, given, covered):
    assert covered == covered_by(wanted, given)
