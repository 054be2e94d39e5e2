"""The same registry's content in both: models of a hundred versions, tags and an alias each."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import psycopg

from benchmarks.generated_log import registered, write_log
from benchmarks.peers.calling import ALIAS, DATASETS, VERSIONS_A_MODEL, model_named
from benchmarks.peers.regesta_calls import NAMESPACE
from regesta_projections import events as e
from regesta_projections.rebuild import rebuild

if TYPE_CHECKING:
    from collections.abc import Iterator

# What MLflow's own store writes for the same calls, row for row.
_MODELS = """
INSERT INTO registered_models (name, creation_time, last_updated_time)
SELECT 'model-' || m, 1767225600000, 1767225600000 FROM generate_series(0, %(models)s - 1) AS m
"""
_VERSIONS = """
INSERT INTO model_versions (name, version, creation_time, last_updated_time, current_stage,
    source, storage_location, run_id, run_link, status)
SELECT 'model-' || m, v, 1767225600000 + v, 1767225600000 + v, 'None',
    's3://models/' || m || '/' || v || '/model.onnx', 's3://models/' || m || '/' || v || '/model.onnx',
    '', '', 'READY'
FROM generate_series(0, %(models)s - 1) AS m, generate_series(1, %(versions)s) AS v
"""
_TAGS = """
INSERT INTO model_version_tags (name, version, key, value)
SELECT 'model-' || m, v, tag.key, tag.value
FROM generate_series(0, %(models)s - 1) AS m, generate_series(1, %(versions)s) AS v,
    LATERAL (VALUES ('framework', 'onnx'),
        ('dataset', 'set-' || (m * 31 + v * 17) %% %(datasets)s)) AS tag (key, value)
"""
_ALIASES = """
INSERT INTO registered_model_aliases (name, alias, version)
SELECT 'model-' || m, %(alias)s, 1 FROM generate_series(0, %(models)s - 1) AS m
"""


def fill_mlflow(dsn: str, models: int) -> None:
    """Fill MLflow's tables, which MLflow has made."""
    parameters = {
        "models": models,
        "versions": VERSIONS_A_MODEL,
        "datasets": DATASETS,
        "alias": ALIAS,
    }
    with psycopg.connect(dsn, autocommit=True) as conn:
        with conn.transaction():
            for statement in (_MODELS, _VERSIONS, _TAGS, _ALIASES):
                conn.execute(statement, parameters)
        conn.execute("VACUUM ANALYZE")


def fill_regesta(service_dsn: str, models: int) -> None:
    """Write a log and fold it."""
    write_log(service_dsn, NAMESPACE, _facts(models))
    rebuild(service_dsn, NAMESPACE, linger=0)


def _facts(models: int) -> Iterator[tuple[str, e.Event]]:
    chance = random.Random(11)
    yield "namespace", e.NamespaceCreated(name=NAMESPACE)
    for model in map(model_named, range(models)):
        yield f"models/{model}", e.ModelCreated(name=model, kind="MODEL")
        for number in range(1, VERSIONS_A_MODEL + 1):
            yield f"models/{model}/versions/{number}", registered(chance, model, number)
        yield f"models/{model}/aliases/{ALIAS}", e.AliasSet(version=1)
