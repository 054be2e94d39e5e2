"""A small catalog in Python, and the same in PostgreSQL.

Values come from small pools, so that conditions on them are often true, and the pools hold what
is easily confused: `3` and `"3"`, `9` and `10`, `%` and `*`, nothing and empty.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from dataclasses import dataclass
from typing import Any

import psycopg

from regesta.semver import sort_key

NAMES = ["churn", "Churn-v2", "churn_1", "chuXn", "fraud", "Zeta", "a", "a.b", "10", "9"]
TEXTS = ["", "a", "A", "ab", "a*", "a%b", "a_b", "a\\b", "b'\"", "é", "z", "10", "9", "true", "𝄞"]
ALIASES = ["champion", "Champion", "champ_on", "champ", "lat"]
SEMVERS = ["1.0.0-2", "1.0.0-11", "1.0.0-a", "1.0.0", "1.9.0+b1", "1.10.0", "2.0.0"]
NUMBERS: list[int | float] = [0, 1, -1, 3, 10, 0.1, 0.5, -2.5, 1e300, 5e-324, 2**53 + 1, 2**63 - 1]
KINDS = ["MODEL", "ADAPTER", "PROMPT"]
KEYS = ["k", "a.b", 'q"\n', ""]
LONG_KEY = "long"
# What a property may be beside text, numbers and truth values: no filter compares with these.
_DEEP = [None, ["a", 3], [3], {"k": "a"}, {}]
_SOMETIMES = 0.3
_EPOCH = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
TIMES = [_EPOCH + dt.timedelta(microseconds=step) for step in (-(10**13), -1, 0, 1, 10**12)]


@dataclass(frozen=True)
class Model:
    model: str
    name: str
    kind: str
    owner: str
    tags: dict[str, str]
    long_tags: frozenset[str]
    deleted: bool
    flagged: bool
    created_at: dt.datetime
    updated_at: dt.datetime
    created_by: str
    last_version: int
    aliases: dict[str, int | None]


@dataclass(frozen=True)
class Version:
    model: Model
    number: int
    semver: str | None
    stage: str
    source: str
    digest: str | None
    run: str | None
    tags: dict[str, str]
    long_tags: frozenset[str]
    properties: dict[str, Any]
    params: dict[str, str]
    metrics: dict[str, float]
    deleted: bool
    flagged: bool
    revoked: bool
    created_at: dt.datetime
    updated_at: dt.datetime
    created_by: str


@dataclass(frozen=True)
class Catalog:
    models: tuple[Model, ...]
    versions: tuple[Version, ...]


def made(seed: int) -> Catalog:
    """Return a catalog of several models and some 120 versions, always the same for a seed."""
    draw = random.Random(seed)  # noqa: S311  repeatable on purpose
    models: list[Model] = []
    versions: list[Version] = []
    for name in NAMES:
        count = draw.choice([0, *[len(SEMVERS) * 2] * 5])
        models.append(_model(draw, name, count))
        labels = draw.sample([*SEMVERS, *[None] * len(SEMVERS)], count)
        versions.extend(
            _version(draw, models[-1], number, label) for number, label in enumerate(labels, 1)
        )
    return Catalog(tuple(models), tuple(versions))


def _model(draw: random.Random, name: str, count: int) -> Model:
    numbers = [None, *range(1, count + 1)]
    return Model(
        model=f"stable-{len(name)}-{name}",
        name=name,
        kind=draw.choice(KINDS),
        owner=draw.choice(TEXTS),
        tags=_entries(draw, TEXTS),
        long_tags=_long_tags(draw),
        deleted=draw.random() < _SOMETIMES,
        flagged=draw.random() < _SOMETIMES,
        created_at=draw.choice(TIMES),
        updated_at=draw.choice(TIMES),
        created_by=draw.choice(TEXTS),
        last_version=count,
        aliases={alias: draw.choice(numbers) for alias in draw.sample(ALIASES, 2)},
    )


def _version(draw: random.Random, model: Model, number: int, semver: str | None) -> Version:
    return Version(
        model=model,
        number=number,
        semver=semver,
        stage=draw.choice(TEXTS),
        source=draw.choice(TEXTS),
        digest=draw.choice([None, *TEXTS]),
        run=draw.choice([None, *TEXTS]),
        tags=_entries(draw, TEXTS),
        long_tags=_long_tags(draw),
        properties=_entries(draw, [*TEXTS, *NUMBERS, True, False, *_DEEP]),
        params=_entries(draw, TEXTS),
        metrics=_entries(draw, [float(number) for number in NUMBERS]),
        deleted=draw.random() < _SOMETIMES,
        flagged=draw.random() < _SOMETIMES,
        revoked=draw.random() < _SOMETIMES,
        created_at=draw.choice(TIMES),
        updated_at=draw.choice(TIMES),
        created_by=draw.choice(TEXTS),
    )


def _entries(draw: random.Random, values: list[Any]) -> dict[str, Any]:
    keys = draw.sample(KEYS, draw.randint(0, len(KEYS)))
    return {key: draw.choice(values) for key in keys}


def _long_tags(draw: random.Random) -> frozenset[str]:
    return frozenset({LONG_KEY} if draw.random() < _SOMETIMES else ())


_INSERT_MODEL = """
INSERT INTO regesta.models (namespace_id, generation, model, name, name_key, kind, owner, tags,
    deleted, created_at, updated_at, created_by, last_version, revision, leaf_hash, text_fields,
    text_digests, resource, flagged, blocked)
VALUES (%(namespace)s, %(generation)s, %(model)s, %(name)s, lower(%(name)s), %(kind)s, %(owner)s,
    %(tags)s, %(deleted)s, %(created_at)s, %(updated_at)s, %(created_by)s, %(last_version)s, 1,
    '', %(texts)s, %(texts)s, '', %(flagged)s, false)
"""
_INSERT_VERSION = """
INSERT INTO regesta.versions (namespace_id, generation, model, number, semver, stage,
    stage_position, source, digest, run, tags, properties, params, metrics, deleted, created_at,
    updated_at, created_by, revision, leaf_hash, text_fields, text_digests, resource, resolvable,
    flagged, blocked, revoked)
VALUES (%(namespace)s, %(generation)s, %(model)s, %(number)s, %(semver)s, %(stage)s, 1,
    %(source)s, %(digest)s, %(run)s, %(tags)s, %(properties)s, %(params)s, %(metrics)s,
    %(deleted)s, %(created_at)s, %(updated_at)s, %(created_by)s, 1, '', %(texts)s, %(texts)s, '',
    true, %(flagged)s, false, %(revoked)s)
"""
_INSERT_LABEL = """
INSERT INTO regesta.version_labels (namespace_id, generation, model, semver_key, semver, number)
VALUES (%(namespace)s, %(generation)s, %(model)s, %(key)s, %(semver)s, %(number)s)
"""
_INSERT_ALIAS = """
INSERT INTO regesta.aliases (namespace_id, generation, model, alias, number, updated_at, revision,
    leaf_hash, resource)
VALUES (%(namespace)s, %(generation)s, %(model)s, %(alias)s, %(number)s, now(), 1, '', '')
"""
_JSON = ("tags", "properties", "params", "metrics")


def insert(
    connection: psycopg.Connection[Any], catalog: Catalog, namespace: int = 1, generation: int = 1
) -> None:
    """Write a catalog into the projections' tables."""
    place = {"namespace": namespace, "generation": generation}
    with connection.cursor() as cursor:
        for model in catalog.models:
            cursor.execute(_INSERT_MODEL, _row(model) | place)
            for alias, number in model.aliases.items():
                row = {"model": model.model, "alias": alias, "number": number}
                cursor.execute(_INSERT_ALIAS, row | place)
        for version in catalog.versions:
            row = _row(version) | place | {"model": version.model.model}
            cursor.execute(_INSERT_VERSION, row)
            if version.semver is not None:
                cursor.execute(_INSERT_LABEL, row | {"key": sort_key(version.semver)})


def _row(record: Model | Version) -> dict[str, Any]:
    row = dict(vars(record))
    for column in _JSON:
        if column in row:
            row[column] = json.dumps(row[column])
    row["texts"] = ["description", *(f"tags.{key}" for key in sorted(record.long_tags))]
    return row
