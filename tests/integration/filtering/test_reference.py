"""Every example of docs/reference/filters.md does what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from regesta_projections.filtering import (
    MODEL_ORDER,
    MODELS,
    VERSION_ORDER,
    VERSIONS,
    Columns,
    InvalidFilter,
    compile_filter,
    parse_filter,
    parse_order,
)
from regesta_projections.filtering.syntax import MAX_DEPTH, MAX_TERMS
from regesta_projections.filtering.tokens import MAX_CHARACTERS, MAX_PATTERN, MAX_WILDCARDS
from tests.databases import DatabaseServer
from tests.integration.filtering.catalog import insert
from tests.integration.filtering.reference import TEXT, example_catalog, names, tables

_MODELS = "SELECT m.name FROM regesta.models AS m WHERE {}"
_VERSIONS = """
SELECT m.name || '/' || v.number FROM regesta.versions AS v
JOIN regesta.models AS m USING (namespace_id, generation, model) {join}
WHERE {condition} {order}
"""


@pytest.fixture(scope="module")
def connection(postgres: DatabaseServer) -> Iterator[psycopg.Connection[Any]]:
    database = postgres.migrated()
    with psycopg.connect(database.service_dsn) as connection:
        insert(connection, example_catalog())
        yield connection
    postgres.drop(database)


@pytest.mark.parametrize(("text", "finds"), tables("filter for models | finds"))
def test_a_filter_for_models_finds_what_the_page_says(
    connection: psycopg.Connection[Any], text: str, finds: str
) -> None:
    clause = compile_filter(parse_filter(text), MODELS)
    rows = connection.execute(sql.SQL(_MODELS).format(clause.sql), clause.params)
    assert sorted(names(finds)) == sorted(name for (name,) in rows)


(FIRST,) = re.findall(r"^```\n(.*?)\n```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "finds"), [(FIRST, "churn/2"), *tables("filter for versions | finds")]
)
def test_a_filter_for_versions_finds_what_the_page_says(
    connection: psycopg.Connection[Any], text: str, finds: str
) -> None:
    clause = compile_filter(parse_filter(text), VERSIONS)
    nothing = sql.SQL("")
    query = sql.SQL(_VERSIONS).format(join=nothing, condition=clause.sql, order=nothing)
    rows = connection.execute(query, clause.params)
    assert sorted(names(finds)) == sorted(name for (name,) in rows)


@pytest.mark.parametrize(("order_by", "expected"), tables("order_by for versions | first to last"))
def test_an_order_is_what_the_page_says(
    connection: psycopg.Connection[Any], order_by: str, expected: str
) -> None:
    order = parse_order(order_by, VERSION_ORDER)
    query = sql.SQL(_VERSIONS).format(join=order.join, condition=sql.SQL("TRUE"), order=order.sql())
    assert names(expected) == [name for (name,) in connection.execute(query)]


@pytest.mark.parametrize(
    ("text", "position", "message"), tables("refused filter for versions | at | with the words")
)
def test_what_the_page_calls_refused_is_refused_in_these_words(
    text: str, position: str, message: str
) -> None:
    with pytest.raises(InvalidFilter) as refused:
        compile_filter(parse_filter(text), VERSIONS)
    assert (int(position), message) == (refused.value.position, refused.value.message)


@pytest.mark.parametrize("columns", [MODELS, VERSIONS], ids=lambda columns: columns.noun)
def test_every_field_is_on_the_page_and_has_an_example(columns: Columns) -> None:
    section = TEXT.split(f"## Fields of {columns.noun}")[1].split("\n## ")[0]
    described = section.split("| filter for")[0]
    examples = " ".join(text for text, _ in tables(f"filter for {columns.noun} | finds"))
    for field in columns.fields:
        assert f"`{field}" in described
        assert field in examples


def test_the_page_names_the_orders_and_limits_there_are() -> None:
    orders = TEXT.split("## Orders")[1]
    for field in (*MODEL_ORDER.fields, *VERSION_ORDER.fields):
        assert f"`{field}`" in orders
    limits = (
        f"{MAX_CHARACTERS:,} characters, {MAX_TERMS} conditions and parentheses {MAX_DEPTH} deep"
    )
    assert limits in TEXT
    assert f"at most {MAX_WILDCARDS} of them" in TEXT
    assert f"at most {MAX_PATTERN:,} characters" in TEXT
