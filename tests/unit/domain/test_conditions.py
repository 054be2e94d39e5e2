"""Conditions: what they may say, and what hostile ones come to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.v1 import version_pb2 as version_pb
from regesta_service.domain.conditions import (
    MAX_CONDITION_BYTES,
    InvalidCondition,
    Outcome,
    Vocabulary,
)

VOCABULARY = Vocabulary(
    {
        "version": "regesta.v1.Version",
        "stage": "string",
        "groups": "list(string)",
        "now": "timestamp",
        "number": "int",
    }
)
FACTS = {
    "version": version_pb.Version(semver="1.2.0", tags={"team": "risk"}, metrics={"auc": 0.91}),
    "stage": "production",
    "groups": ["a", "b"],
    "now": datetime(2026, 3, 1, tzinfo=UTC),
    "number": 30,
}


def weigh(text: str) -> Outcome:
    return VOCABULARY.compile(text).weigh(FACTS)


@pytest.mark.parametrize(
    "text",
    [
        "version.tags['team'] == 'risk'",
        "'auc' in version.metrics && version.metrics['auc'] >= 0.9",
        "stage != 'production' || groups.exists(g, g == 'b')",
        "now < timestamp('2026-04-01T00:00:00Z')",
        "version.semver.matches('^1[.]')",
    ],
)
def test_a_condition_that_is_true_holds(text: str):
    assert weigh(text) == Outcome(holds=True)


def test_a_condition_that_is_false_does_not_hold():
    assert weigh("stage == 'staging'") == Outcome(holds=False)


def test_a_condition_that_cannot_be_weighed_does_not_hold_and_says_why():
    outcome = weigh("version.metrics['f1'] > 0.5")

    assert not outcome.holds
    assert outcome.error == 'Key not found in map : "f1"'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version.nosuch == 'x'", "undefined field 'nosuch'"),
        ("secrets == 'x'", "undeclared reference to 'secrets'"),
        ("1 +", "Syntax error"),
        ("", "Syntax error"),
        ("number", "must come to true or false"),
        ("stage == 1", "no matching overload"),
        ("groups.map(g, g + g).size() > 0", "undeclared reference"),
        ("groups.filter(g, g != '').size() > 0", "undeclared reference"),
        ("(" * 500 + "true" + ")" * 500, "recursion"),
        ("true" + " || true" * 1_000, f"at most {MAX_CONDITION_BYTES} bytes"),
        ("true || stage == '" + "x" * 1_048_576 + "'", f"at most {MAX_CONDITION_BYTES} bytes"),
    ],
)
def test_what_is_no_condition_is_refused_where_it_is_written(text: str, says: str):
    with pytest.raises(InvalidCondition) as caught:
        VOCABULARY.compile(text)

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nested_loops_end_at_the_budget():
    ten = "[" + ",".join(["1"] * 10) + "]"
    text = "true"
    for depth in range(7):
        text = f"{ten}.all(x{depth}, {text})"

    outcome = weigh(text)

    assert not outcome.holds
    assert "budget" in outcome.error


def test_a_pathological_regular_expression_is_matched_in_linear_time():
    facts = {**FACTS, "stage": "a" * 30_000 + "!"}

    assert not VOCABULARY.compile("stage.matches('^(a+)+$')").weigh(facts).holds


@given(st.text(max_size=200))
def test_any_text_is_a_condition_or_is_refused(text: str):
    try:
        condition = VOCABULARY.compile(text)
    except InvalidCondition as refusal:
        assert str(refusal).isprintable()  # noqa: PT017 - most texts are refused, some are not
        return
    assert condition.weigh(FACTS).holds in {True, False}
