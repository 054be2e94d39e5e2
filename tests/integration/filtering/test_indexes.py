"""What the tables have an index for is found by it."""

from __future__ import annotations

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
    SortFields,
    compile_filter,
    parse_filter,
    parse_order,
)
from tests.databases import DatabaseServer

NOW = "2026-11-21T10:00:00+00:00"

_FILL_MODELS = """
INSERT INTO regesta.models (namespace_id, generation, model, name, name_key, kind, owner, tags,
    deleted, created_at, updated_at, created_by, last_version, revision, leaf_hash, text_fields,
    text_digests, resource, flagged, blocked)
SELECT 1, 1, 'model-' || n, 'Model-' || n, 'model-' || n, 'MODEL', 'owner',
    jsonb_build_object('team', 'team-' || n), false, now(), now(), 'someone', 10, 1, '', '{}',
    '{}', '', n % 500 = 0, false
FROM generate_series(1, 2000) AS n
"""
_FILL_VERSIONS = """
INSERT INTO regesta.versions (namespace_id, generation, model, number, stage, stage_position,
    source, digest, run, tags, properties, params, metrics, deleted, created_at, updated_at,
    created_by, revision, leaf_hash, text_fields, text_digests, resource, resolvable,
    flagged, blocked, revoked)
SELECT 1, 1, 'model-' || n % 2000 + 1, n / 2000 + 1, 'development', 1, 'source',
    'sha256:' || n, 'run-' || n, jsonb_build_object('run', n::text), '{}', '{}', '{}', false, now(),
    now() + n * interval '1 ms', 'someone', 1, '', '{}', '{}', '', true, n % 5000 = 0, false, n % 5000 = 1
FROM generate_series(0, 19999) AS n
"""
_FILL_ALIASES = """
INSERT INTO regesta.aliases (namespace_id, generation, model, alias, number, updated_at, revision,
    leaf_hash, resource)
SELECT 1, 1, 'model-' || n, 'champion', 1, now(), 1, '', '' FROM generate_series(1, 2000) AS n
"""
_MODELS = """
SELECT m.resource FROM regesta.models AS m
WHERE m.namespace_id = 1 AND m.generation = 1 AND {condition} {order} LIMIT 10
"""
_VERSIONS = """
SELECT v.resource FROM regesta.versions AS v
JOIN regesta.models AS m USING (namespace_id, generation, model)
WHERE v.namespace_id = 1 AND v.generation = 1 AND {condition} {order} LIMIT 10
"""


@pytest.fixture(scope="module")
def cursor(postgres: DatabaseServer) -> Iterator[psycopg.ClientCursor[Any]]:
    database = postgres.migrated()
    with psycopg.connect(database.superuser_dsn, autocommit=True) as connection:
        for statement in (_FILL_MODELS, _FILL_VERSIONS, _FILL_ALIASES):
            connection.execute(statement)
        connection.execute("VACUUM ANALYZE regesta.models, regesta.versions, regesta.aliases")
        # Whether it can use an index, not whether these few rows are worth it.
        connection.execute("SET enable_seqscan = off")
        yield psycopg.ClientCursor(connection)
    postgres.drop(database)


def plan(cursor: psycopg.ClientCursor[Any], query: sql.Composed, params: dict[str, object]) -> str:
    cursor.execute(sql.SQL("EXPLAIN (COSTS OFF) ") + query, params)
    return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.parametrize(
    ("text", "index", "condition"),
    [
        ('tags.team = "team-7"', "models_tags", "Index Cond: (tags @> "),
        ('tags.team = "team-7" AND owner = owner', "models_tags", "Index Cond: (tags @> "),
        ("name = MODEL-7", "models_name", "(name_key = 'model-7'::text)"),
        ('name = "Model-7*"', "models_name", "(name_key >= 'model-7'::text)"),
        ('name = "Model-7*9*"', "models_name", "(name_key >= 'model-7'::text)"),
        ("name > model-1999", "models_name", "(name_key > 'model-1999'::text)"),
        ("flagged = true", "models_flagged", "(namespace_id = 1)"),
    ],
)
def test_models_are_found_by_index(
    cursor: psycopg.ClientCursor[Any], text: str, index: str, condition: str
) -> None:
    clause = compile_filter(parse_filter(text), MODELS)
    query = sql.SQL(_MODELS).format(condition=clause.sql, order=sql.SQL(""))
    found = plan(cursor, query, clause.params)
    assert index in found
    assert condition in found
    assert "Seq Scan" not in found


@pytest.mark.parametrize(
    ("text", "index", "condition"),
    [
        ("tags.run = 77", "versions_tags", "Index Cond: (tags @> "),
        ("tags.run = 77 OR tags.run = 78", "BitmapOr", "Index Cond: (tags @> "),
        ("digest = sha256:77", "versions_digest", "(digest = 'sha256:77'::text)"),
        ("run = run-77", "versions_run", "(run = 'run-77'::text)"),
        ('run = "run-77*"', "versions_run", "(run >= 'run-77'::text)"),
        ("model = model-7", "models_name", "(name_key = 'model-7'::text)"),
        ("model = model-7 AND version = 3", "versions_pkey", "(number = '3'::bigint)"),
        ("model = model-7 AND alias = champion", "using aliases_", "(model = m.model)"),
        ("flagged = true", "versions_flagged", "(namespace_id = 1)"),
        ("revoked = true", "versions_revoked", "(namespace_id = 1)"),
    ],
)
def test_versions_are_found_by_index(
    cursor: psycopg.ClientCursor[Any], text: str, index: str, condition: str
) -> None:
    clause = compile_filter(parse_filter(text), VERSIONS)
    query = sql.SQL(_VERSIONS).format(condition=clause.sql, order=sql.SQL(""))
    found = plan(cursor, query, clause.params)
    assert index in found
    assert condition in found
    assert "Seq Scan" not in found


@pytest.mark.parametrize(
    ("sortable", "order_by", "after", "index", "condition"),
    [
        (MODEL_ORDER, "", ["model-5"], "models_pkey", "(model > 'model-5'::text)"),
        (MODEL_ORDER, "name", ["model-5", "x"], "models_name", "(name_key >= 'model-5'::text)"),
        (VERSION_ORDER, "", ["model-5", 3], "versions_pkey", "ROW(model, number) > ROW("),
        (VERSION_ORDER, "update_time desc", [NOW, "m", 3], "versions_updated", "(updated_at <= "),
        (
            VERSION_ORDER,
            "update_time desc, model, version desc",
            [NOW, "model-5", 3, "model-5"],
            "versions_updated",
            "(updated_at <= ",
        ),
    ],
)
def test_a_page_begins_at_its_place_in_the_index(
    cursor: psycopg.ClientCursor[Any],
    *,
    sortable: SortFields,
    order_by: str,
    after: list[object],
    index: str,
    condition: str,
) -> None:
    order = parse_order(order_by, sortable)
    clause = order.keyset(after)
    statement = _MODELS if sortable is MODEL_ORDER else _VERSIONS
    query = sql.SQL(statement).format(condition=clause.sql, order=order.sql())
    found = plan(cursor, query, clause.params)
    assert index in found
    assert condition in found
    assert "Seq Scan" not in found
