from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from regesta.mlflow import naming
from regesta.names import InvalidName, check_alias, check_model

# MLflow's own rules: a name is not empty and has neither / nor :, an alias has letters of any
# script, digits, _ and -.
_NAMES = st.text(
    st.characters(exclude_characters="/:", exclude_categories=["Cs"]), min_size=1, max_size=256
).filter(str.strip)
_ALIASES = st.from_regex(r"[\w\-]{1,40}", fullmatch=True)


@given(_NAMES)
@example("My Model")
@example("...")
@example("x" * 256)
@example("churn.m0123456789ab")
def test_every_name_has_ids_that_are_names_here(name: str) -> None:
    ids = list(islice(naming.model_ids(name), 4))
    assert [check_model(model_id) for model_id in ids] == ids
    assert len({model_id.lower() for model_id in ids}) == len(ids)


@given(_NAMES, _NAMES)
@example("churn", "Churn")
@example("a b", "a-b")
@example("churn", "churn.m" + "0" * 12)
def test_two_names_share_no_id_but_by_case(one: str, other: str) -> None:
    assume(one != other)
    shared = set(islice(naming.model_ids(one), 4)) & set(islice(naming.model_ids(other), 4))
    assert not shared


def test_a_plain_name_is_its_own_first_id() -> None:
    assert next(naming.model_ids("fraud-detector_2.0")) == "fraud-detector_2.0"
    assert next(naming.model_ids("Fraud Detector")).startswith("Fraud-Detector.m")


def test_what_looks_like_a_derived_id_is_none_of_its_own() -> None:
    derived = next(naming.model_ids("two words"))
    assert next(naming.model_ids(derived)) != derived


def test_the_name_of_a_model_stands_in_its_tag() -> None:
    assert naming.name_of("Fraud-Detector.m1", {naming.NAME_TAG: "Fraud Detector"}) == (
        "Fraud Detector"
    )
    assert naming.name_of("churn", {}) == "churn"


@given(_ALIASES)
@example("champion")
@example("-first")
@example("42")
@example("latest")
@example("x--41")
@example("größe")
def test_an_alias_comes_back_as_it_was(alias: str) -> None:
    assert naming.alias_of(naming.alias_id(alias)) == alias


@given(_ALIASES, _ALIASES)
def test_two_aliases_are_two(one: str, other: str) -> None:
    assume(one != other)
    assert naming.alias_id(one) != naming.alias_id(other)


def test_a_plain_alias_is_spelled_alike() -> None:
    for alias in ("champion", "Champion", "test_alias", "_a", "a--b"):
        assert naming.alias_id(alias) == alias


def test_an_alias_of_a_foreign_script_can_be_too_long() -> None:
    with pytest.raises(InvalidName):
        naming.alias_id("ü" * 255)


def test_an_alias_that_only_looks_escaped_is_shown_as_it_is() -> None:
    assert naming.alias_of(check_alias("x---ff")) == "x---ff"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("None", "development"),
        ("Staging", "staging"),
        ("Production", "production"),
        ("Archived", "archived"),
    ],
)
def test_stages_have_a_name_in_both(theirs: str, ours: str) -> None:
    assert naming.stage_id(theirs) == ours
    assert naming.stage_id(theirs.upper()) == ours
    assert naming.stage_of(ours) == theirs


def test_another_stage_keeps_its_name() -> None:
    assert naming.stage_of("canary") == "canary"
    assert naming.stage_id("canary") == "canary"
