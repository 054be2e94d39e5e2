"""PostgreSQL answers what the reference says, for every operator of every field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from regesta_projections.filtering import (
    MODELS,
    VERSIONS,
    Columns,
    Node,
    compile_filter,
    parse_filter,
    print_filter,
)
from tests.databases import DatabaseServer
from tests.integration.filtering.catalog import Catalog, insert, made
from tests.integration.filtering.oracle import finds
from tests.integration.filtering.questions import questions, questions_on
from tests.unit.filtering.trees import trees_of

# The condition is selected, so that a NULL shows.
_MODELS = """
SELECT m.model, 0, {} FROM regesta.models AS m
WHERE m.namespace_id = 1 AND m.generation = 1
"""
_VERSIONS = """
SELECT v.model, v.number, {} FROM regesta.versions AS v
JOIN regesta.models AS m USING (namespace_id, generation, model)
WHERE v.namespace_id = 1 AND v.generation = 1
"""

Answer = dict[tuple[str, int], bool | None]


class Registry:
    """The same catalog in Python and in PostgreSQL."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.catalog: Catalog = made(seed=1)
        self._connection = connection
        insert(connection, self.catalog)
        # Rows of another generation and another namespace must not be seen through any join.
        insert(connection, made(seed=2), generation=2)
        insert(connection, made(seed=3), namespace=2)

    def by_database(self, node: Node | None, columns: Columns) -> Answer:
        # By way of its text, as a caller's filter comes.
        clause = compile_filter(parse_filter(print_filter(node)), columns)
        query = sql.SQL(_MODELS if columns is MODELS else _VERSIONS).format(clause.sql)
        rows = self._connection.execute(query, clause.params)
        return {(model, number): answer for model, number, answer in rows}

    def by_oracle(self, node: Node | None, columns: Columns) -> Answer:
        if columns is MODELS:
            return {(m.model, 0): finds(node, m) for m in self.catalog.models}
        return {(v.model.model, v.number): finds(node, v) for v in self.catalog.versions}


@pytest.fixture(scope="module")
def registry(postgres: DatabaseServer) -> Iterator[Registry]:
    database = postgres.migrated()
    with psycopg.connect(database.service_dsn) as connection:
        yield Registry(connection)
    postgres.drop(database)


@pytest.mark.parametrize(
    ("name", "columns"),
    [(name, columns) for columns in (MODELS, VERSIONS) for name in columns.fields],
    ids=lambda value: value if isinstance(value, str) else value.noun,
)
def test_every_question_to_a_field_is_answered_as_the_reference_says(
    registry: Registry, name: str, columns: Columns
) -> None:
    answers: set[bool | None] = set()
    for node in questions_on(name, columns):
        expected = registry.by_oracle(node, columns)
        assert expected == registry.by_database(node, columns), print_filter(node)
        answers.update(expected.values())
    assert {True, False} == answers


def test_and_or_and_not_combine_as_the_reference_says(registry: Registry) -> None:
    @given(trees_of(st.sampled_from(questions(MODELS))))
    @settings(deadline=None)
    def agree_on_models(tree: Node) -> None:
        assert registry.by_oracle(tree, MODELS) == registry.by_database(tree, MODELS)

    @given(trees_of(st.sampled_from(questions(VERSIONS))))
    @settings(deadline=None, max_examples=200)
    def agree_on_versions(tree: Node) -> None:
        assert registry.by_oracle(tree, VERSIONS) == registry.by_database(tree, VERSIONS)

    agree_on_models()
    agree_on_versions()


def test_an_empty_filter_finds_everything(registry: Registry) -> None:
    for columns in (MODELS, VERSIONS):
        answer = registry.by_database(None, columns)
        assert registry.by_oracle(None, columns) == answer
        assert {True} == set(answer.values())
