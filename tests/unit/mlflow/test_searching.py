from __future__ import annotations

from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.utils.search_utils import SearchModelUtils, SearchModelVersionUtils

from regesta.mlflow.searching import (
    Clause,
    Search,
    order_of_models,
    order_of_versions,
    search_for_models,
    search_for_versions,
)

_NO_PROMPTS = 'NOT tags."mlflow.prompt.is_prompt" = "true"'


def _models(text: str) -> Search:
    parsed: list[Any] = SearchModelUtils.parse_search_filter(text)
    return search_for_models([Clause.of(clause) for clause in parsed], "")


def _versions(text: str) -> Search:
    parsed: list[Any] = SearchModelVersionUtils.parse_search_filter(text)
    return search_for_versions([Clause.of(clause) for clause in parsed], "")


def test_without_a_word_of_prompts_there_are_none() -> None:
    assert _models("").filter == _NO_PROMPTS
    assert _models("").exact
    asked = _models("tags.`mlflow.prompt.is_prompt` = 'true'")
    assert asked.filter == " AND ".join(['tags."mlflow.prompt.is_prompt" = "true"'] * 2)
    assert _models("tags.`mlflow.prompt.is_prompt` = 'false'").filter == _NO_PROMPTS


@pytest.mark.parametrize(
    ("theirs", "ours", "exact"),
    [
        ("run_id = 'r1'", 'run = "r1"', True),
        ("run_id IN ('r1', 'r2')", '(run = "r1" OR run = "r2")', True),
        ("run_id LIKE 'r%'", 'run = "r*"', False),
        ("run_id LIKE '%a_c%'", 'run = "*a*c*"', False),
        ("run_id ILIKE 'R%'", "", False),
        ("run_id != 'r1'", "", False),
        ("source_path = 's3://b/m'", 'source = "s3://b/m"', True),
        ("source_path = ''", "", False),
        ("version_number >= 3", "version >= 3", True),
        ("version_number != 3", "version != 3", True),
        ("tags.stage = 'a*b'", r'tags."stage" = "a\*b"', True),
        ("tags.`a b` != 'x'", 'tags:"a b"', False),
        ("tags.stage LIKE 'x%'", 'tags:"stage"', False),
        ("tags.stage = '" + "x" * 1_025 + "'", 'tags:"stage"', False),
    ],
)
def test_a_filter_of_versions_asks_for_no_less(theirs: str, ours: str, exact: bool) -> None:
    search = _versions(theirs)
    assert search.filter == " AND ".join([_NO_PROMPTS, *([ours] if ours else [])])
    assert search.exact is exact


def test_a_name_alone_is_what_is_searched() -> None:
    search = _versions("name = 'churn' AND version_number > 1")
    assert (search.name, search.exact) == ("churn", True)
    assert _versions("name = 'a' AND name = 'b'").name == ""
    assert _versions("name != 'a'").name is None


def test_names_of_models_are_found_with_those_that_ours_only_stand_for() -> None:
    search = _models("name = 'churn'")
    assert search.filter.startswith(_NO_PROMPTS + ' AND (name = "churn" OR name = "churn.m')
    assert _models("name = 'two words'").filter.startswith(
        _NO_PROMPTS + ' AND (name = "two-words.m'
    )
    assert _models("name LIKE 'ch%'").filter == (
        _NO_PROMPTS + ' AND (name = "ch*" OR tags:"regesta.mlflow.name")'
    )
    assert not _models("name LIKE 'ch%'").exact


def test_a_filter_that_would_be_too_long_is_asked_in_part() -> None:
    search = _versions(" AND ".join(f"tags.k{n} = '{'x' * 900}'" for n in range(12)))
    assert len(search.filter) < 10_000
    assert not search.exact


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (None, "name asc"),
        (["name DESC"], "name desc"),
        (["timestamp  deSc"], "update_time desc, name asc"),
        (["last_updated_timestamp", "name desc"], "update_time asc, name desc"),
    ],
)
def test_orders_of_models_end_with_the_name(theirs: list[str] | None, ours: str) -> None:
    assert order_of_models(theirs) == ours


def test_orders_of_versions_end_with_name_and_falling_number() -> None:
    assert order_of_versions([("creation_timestamp", False)], []) == (
        "create_time desc, model asc, version desc"
    )
    assert order_of_versions([("version_number", True), ("name", False)], []) == (
        "version asc, model desc"
    )


@pytest.mark.parametrize(
    "orders", [["timestamp", "timestamp"], ["timestamp asc", "last_updated_timestamp desc"]]
)
def test_a_field_stands_in_an_order_once(orders: list[str]) -> None:
    with pytest.raises(MlflowException, match="`order_by` contains duplicate fields"):
        order_of_models(orders)
