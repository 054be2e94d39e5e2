from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from hypothesis import given
from psycopg import sql

from regesta_projections.filtering import (
    MODELS,
    VERSIONS,
    Clause,
    Columns,
    InvalidFilter,
    compile_filter,
    parse_filter,
    version_columns,
)
from regesta_projections.filtering.errors import MAX_ECHO
from regesta_projections.filtering.syntax import ANYTHING, Condition, Node, Not, Operator, Text
from tests.unit.filtering.trees import storable_text, trees


def compiled(text: str, columns: Columns = VERSIONS) -> Clause:
    return compile_filter(parse_filter(text), columns)


def params_of(text: str, columns: Columns = VERSIONS) -> list[object]:
    return list(compiled(text, columns).params.values())


def test_an_empty_filter_is_true() -> None:
    clause = compiled("")
    assert ("TRUE", {}) == (clause.sql.as_string(None), clause.params)


@given(storable_text.filter(lambda text: len(text) > 3), storable_text)
def test_nothing_written_by_the_caller_is_in_the_sql(value: str, key: str) -> None:
    plain = Condition("tags", "key", Operator.UNEQUAL, Text("value"))
    hostile = Condition("tags", key, Operator.UNEQUAL, Text(value))
    expected = compile_filter(plain, VERSIONS).sql.as_string(None)
    assert expected == compile_filter(hostile, VERSIONS).sql.as_string(None)


@given(trees)
def test_every_placeholder_has_a_value_and_every_value_a_placeholder(tree: Node) -> None:
    fields = sorted(VERSIONS.fields)

    def existing(node: Node) -> Node:
        """The same tree over text entries, which take every literal."""
        if isinstance(node, Condition):
            operator = Operator.EQUAL if node.literal == ANYTHING else Operator.UNEQUAL
            return Condition("params", node.key or fields[0], operator, node.literal)
        if isinstance(node, Not):
            return Not(existing(node.operand))
        return type(node)(tuple(existing(operand) for operand in node.operands))

    clause = compile_filter(existing(tree), VERSIONS)
    named = set(re.findall(r"%\((filter_[0-9]+)\)s", clause.sql.as_string(None)))
    assert named == set(clause.params)


def test_equality_of_an_entry_can_use_the_partial_index() -> None:
    clause = compiled('tags."a.b" = "c"')
    assert (
        """("v"."tags" <> '{}'::jsonb AND "v"."tags" @> %(filter_0)s::jsonb)"""
        == clause.sql.as_string(None)
    )
    assert {"filter_0": '{"a.b": "c"}'} == clause.params


def test_aliases_can_be_looked_up_elsewhere() -> None:
    then = version_columns(aliases=sql.Identifier("aliases_then"))
    statement = compiled("alias = champion", then).sql.as_string(None)
    assert statement.startswith('EXISTS (SELECT FROM "aliases_then" AS a WHERE ')


@pytest.mark.parametrize(
    ("text", "columns", "params"),
    [
        ("name = ChuRN", MODELS, ["churn"]),
        ("name = 'ChuRN-1_2*'", MODELS, ["churn-1\\_2%"]),
        ("name = '*ChuRN*%_'", MODELS, ["%churn%\\%\\_"]),
        ("name = \u212aelvin", MODELS, ["\u212aelvin"]),
        ("kind = MODEL_KIND_PROMPT", MODELS, ["PROMPT"]),
        ("latest_version > 3", MODELS, [3]),
        ("owner = 42", MODELS, ["42"]),
        ("owner = true", MODELS, ["true"]),
        ("source = '100%\\*_\\\\*'", VERSIONS, ["100\\%*\\_\\\\%"]),
        ("source = '*100%\\*_\\\\*/x'", VERSIONS, ["%100\\%*\\_\\\\%/x"]),
        ("tags.a = '*x*'", VERSIONS, ["a", "%x%"]),
        ("tags.priority = 007", VERSIONS, ['{"priority": "007"}']),
        ("tags.priority = 7", VERSIONS, ['{"priority": "7"}']),
        ("params.lr = 1e-3", VERSIONS, ['{"lr": "1e-3"}']),
        ("properties.n = 3", VERSIONS, ['{"n": 3}']),
        ("properties.n = '3'", VERSIONS, ['{"n": "3"}']),
        ("properties.n = true", VERSIONS, ['{"n": true}']),
        ("properties.n != true", VERSIONS, ['{"n": false}']),
        ("metrics.auc = 0.10", VERSIONS, ['{"auc": 0.1}']),
        ("metrics.auc >= 0.10", VERSIONS, ["auc", Decimal("0.1")]),
        ("metrics.n > -9223372036854775808", VERSIONS, ["n", Decimal(-(2**63))]),
        ("version = 9223372036854775807", VERSIONS, [2**63 - 1]),
    ],
)
def test_a_literal_means_what_its_field_holds(
    text: str, columns: Columns, params: list[object]
) -> None:
    assert params == params_of(text, columns)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-31T12:00:00Z", dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)),
        ("2026-01-31t12:00:00z", dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)),
        ("2026-01-31T12:00:00+05:30", dt.datetime(2026, 1, 31, 6, 30, tzinfo=dt.UTC)),
        ("2026-01-31T12:00:00-00:00", dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)),
        ("2026-01-31T12:00:00.5Z", dt.datetime(2026, 1, 31, 12, 0, 0, 500_000, dt.UTC)),
        ("2026-01-31T12:00:00.123456000Z", dt.datetime(2026, 1, 31, 12, 0, 0, 123_456, dt.UTC)),
        ("9999-12-31T23:59:59.999999Z", dt.datetime.max.replace(tzinfo=dt.UTC)),
    ],
)
def test_a_time_is_read_with_or_without_quotes(written: str, moment: dt.datetime) -> None:
    assert [moment] == params_of(f"create_time >= {written}")
    assert [moment] == params_of(f"create_time >= '{written}'")


@pytest.mark.parametrize(
    "written",
    [
        "2026",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00Z",
        "'2026-01-31 12:00:00Z'",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00+24:00",
        "0000-01-31T12:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2026-01-31T12:00:00.1234567Z",
        "2026-01-31T12:00:00.1234567890Z",
        "٢٠٢٦-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z*",
        "true",
    ],
)
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(InvalidFilter, match=r"wants a time|no such date|microsecond") as refused:
        compiled(f"create_time < {written}")
    assert 14 == refused.value.position


@pytest.mark.parametrize(
    ("text", "columns", "position", "part"),
    [
        ("colour = red", MODELS, 0, "models have no field `colour`; there are alias, create_time"),
        ("name = x AND stage = y", MODELS, 13, "models have no field `stage`"),
        ("name = churn", VERSIONS, 0, "versions have no field `name`; there are alias"),
        ("3 < version", VERSIONS, 0, "versions have no field `3`"),
        ("owner.x = 1", MODELS, 0, "owner has no entries"),
        ("kind = model", MODELS, 7, "one of MODEL, ADAPTER, PROMPT, CONFIGURATION, DATASET"),
        ("kind = MO*", MODELS, 7, "no wildcard"),
        ("kind > MODEL", MODELS, 7, "no order"),
        ("owner = ''", MODELS, 8, "NOT owner:*"),
        ("owner:x", MODELS, 6, "compare it with ="),
        ("deleted:*", MODELS, 8, "compare it with ="),
        ("deleted > true", MODELS, 10, "no order"),
        ("deleted = 1", MODELS, 10, "true or false without quotes"),
        ("deleted = 'true'", MODELS, 10, "true or false without quotes"),
        ("latest_version = '3'", MODELS, 17, "whole number without quotes"),
        ("latest_version = 3.5", MODELS, 17, "whole number without quotes"),
        ("version = 3*", VERSIONS, 10, "whole number without quotes"),
        ("version = 9223372036854775808", VERSIONS, 10, "64 bits"),
        (f"version = {'9' * 5_000}", VERSIONS, 10, "64 bits"),
        ("metrics.auc > high", VERSIONS, 14, "is a number without quotes"),
        ("metrics.auc > '0.9'", VERSIONS, 14, "is a number without quotes"),
        ("metrics.auc > 1e999", VERSIONS, 14, "too large for a double"),
        ("metrics > 1", VERSIONS, 10, "write metrics.key = value"),
        ("tags = x", VERSIONS, 7, "write tags.key = value"),
        ("tags:x*", VERSIONS, 5, "a key has no wildcard"),
        ("tags.x > y", VERSIONS, 9, "no order"),
        ("params.lr < 0.1", VERSIONS, 12, "no order"),
        ("properties.n < true", VERSIONS, 15, "no order"),
        ("properties.n < 'x*'", VERSIONS, 15, "with a wildcard * has no order"),
        ("stage < 'x*'", VERSIONS, 8, "with a wildcard * has no order"),
        ("semver >= 1.2", VERSIONS, 10, "a whole version such as 1.4.0"),
        ("semver >= 1.*", VERSIONS, 10, "no wildcard"),
        ("semver = ''", VERSIONS, 9, "NOT semver:*"),
        ("alias != champion", VERSIONS, 9, "NOT alias = champion"),
        ("alias > a", VERSIONS, 8, "NOT alias = champion"),
        ("alias = latest", VERSIONS, 8, "latest is computed"),
        ("alias = Latest", VERSIONS, 8, "latest is computed"),
    ],
)
def test_what_a_field_cannot_answer_is_refused(
    text: str, columns: Columns, position: int, part: str
) -> None:
    with pytest.raises(InvalidFilter) as refused:
        compiled(text, columns)
    assert position == refused.value.position
    assert part in refused.value.message


@pytest.mark.parametrize(
    "template", ["{} = 1", "create_time > '{}'", "version = {}", "kind = {}", "metrics.x = {}"]
)
def test_a_refusal_repeats_little_of_the_text(template: str) -> None:
    # No message of ours has this letter.
    for columns in (MODELS, VERSIONS):
        with pytest.raises(InvalidFilter) as refused:
            compiled(template.format("ж" * 200), columns)
        assert str(refused.value).count("ж") <= MAX_ECHO
