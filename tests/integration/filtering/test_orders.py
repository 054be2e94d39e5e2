"""Lists come in the order that was asked for, and their pages neither repeat nor skip a row."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from semantic_version import Version as SemVer

from regesta_projections.filtering import MODEL_ORDER, VERSION_ORDER, Order, parse_order
from tests.databases import DatabaseServer
from tests.integration.filtering.catalog import Catalog, Model, Version, insert, made

CATALOG: Catalog = made(seed=1)

_MODELS = """
SELECT m.model, 0, {columns} FROM regesta.models AS m {join}
WHERE m.namespace_id = 1 AND m.generation = 1 AND {after} {order} LIMIT {limit}
"""
_VERSIONS = """
SELECT v.model, v.number, {columns} FROM regesta.versions AS v
JOIN regesta.models AS m USING (namespace_id, generation, model) {join}
WHERE v.namespace_id = 1 AND v.generation = 1 AND {after} {order} LIMIT {limit}
"""

_MODEL_KEYS: dict[str, Callable[[Model], Any]] = {
    "name": lambda model: model.name.lower(),
    "create_time": lambda model: model.created_at,
    "update_time": lambda model: model.updated_at,
    "": lambda model: model.model,
}
_VERSION_KEYS: dict[str, Callable[[Version], Any]] = {
    "model": lambda version: version.model.name.lower(),
    "version": lambda version: version.number,
    "semver": lambda version: (
        (1, SemVer(version.semver).precedence_key) if version.semver else (0,)
    ),
    "create_time": lambda version: version.created_at,
    "update_time": lambda version: version.updated_at,
    "": lambda version: (version.model.model, version.number),
}


@pytest.fixture(scope="module")
def connection(postgres: DatabaseServer) -> Iterator[psycopg.Connection[Any]]:
    database = postgres.migrated()
    with psycopg.connect(database.service_dsn) as connection:
        insert(connection, CATALOG)
        insert(connection, made(seed=2), generation=2)
        insert(connection, made(seed=3), namespace=2)
        yield connection
    postgres.drop(database)


def orders_by(names: list[str]) -> list[str]:
    """Return every order by no, one and two of some fields, in both directions."""
    singles = [f"{name}{direction}" for name in names for direction in ("", " desc")]
    pairs = [
        f"{one}, {other}"
        for one, other in itertools.permutations(singles, 2)
        if one.split()[0] != other.split()[0]
    ]
    return ["", *singles, *pairs]


def sorted_by(rows: list[Any], order_by: str, keys: dict[str, Callable[[Any], Any]]) -> list[Any]:
    parts = [part.split() for part in order_by.split(",")] if order_by else []
    parts.append(["", *(parts[-1][1:] if parts else [])])
    for name, *direction in reversed(parts):
        rows = sorted(rows, key=keys[name], reverse=direction == ["desc"])
    return rows


def pages(
    connection: psycopg.Connection[Any], statement: str, order: Order, size: int
) -> Iterator[list[tuple[str, int]]]:
    after: sql.Composable = sql.SQL("TRUE")
    params: dict[str, object] = {}
    while True:
        query = sql.SQL(statement).format(
            columns=order.columns,
            join=order.join,
            after=after,
            order=order.sql(),
            limit=sql.Literal(size),
        )
        rows = connection.execute(query, params).fetchall()
        if not rows:
            return
        yield [row[:2] for row in rows]
        token = json.dumps(order.key_of(rows[-1][2:]))
        after, params = order.keyset(json.loads(token))


@pytest.mark.parametrize("order_by", orders_by(["name", "create_time", "update_time"]))
def test_models_come_in_order_whatever_the_page(
    connection: psycopg.Connection[Any], order_by: str
) -> None:
    expected = [(m.model, 0) for m in sorted_by(list(CATALOG.models), order_by, _MODEL_KEYS)]
    order = parse_order(order_by, MODEL_ORDER)
    for size in (1, 3, 100):
        found = itertools.chain.from_iterable(pages(connection, _MODELS, order, size))
        assert expected == list(found)


@pytest.mark.parametrize("order_by", orders_by(list(VERSION_ORDER.fields)))
def test_versions_come_in_order_whatever_the_page(
    connection: psycopg.Connection[Any], order_by: str
) -> None:
    rows = sorted_by(list(CATALOG.versions), order_by, _VERSION_KEYS)
    expected = [(v.model.model, v.number) for v in rows]
    order = parse_order(order_by, VERSION_ORDER)
    for size in (9, 1000):
        found = itertools.chain.from_iterable(pages(connection, _VERSIONS, order, size))
        assert expected == list(found)
