"""Event filters of requests, as selections of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from regesta import names
from regesta.names import AliasName, InvalidName, ModelName, VersionName
from regesta_projections.events import EVENTS
from regesta_projections.evolve.streams import UnknownStream, key_of
from regesta_projections.records import TYPE_PREFIX
from regesta_projections.rows import AliasKey, ModelKey, VersionKey
from regesta_service.domain.rejections import InvalidRequest
from regesta_service.reads.events import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg_pool import AsyncConnectionPool

    from regesta.v1 import event_pb2 as event_pb

_MAX_CONDITIONS: Final = 100
_MAX_ACTOR: Final = 256


async def selection_of(
    event_filter: event_pb.EventFilter,
    namespace: str,
    namespace_id: int,
    pool: AsyncConnectionPool,
) -> Selection:
    """Return the events that a filter wants.

    A name that no model has or had yet is taken as the name of one to come.

    Raises:
        InvalidRequest: It names a type that does not exist, or no resource.
    """
    types = frozenset(
        _type(f"filter.types[{place}]", name)
        for place, name in enumerate(_few("filter.types", event_filter.types))
    )
    actors = _few("filter.actors", event_filter.actors)
    for place, actor in enumerate(actors):
        if not 1 <= len(actor) <= _MAX_ACTOR or "\0" in actor:
            raise InvalidRequest.of(f"filter.actors[{place}]", f"has 1 to {_MAX_ACTOR} characters")
    given = list(enumerate(_few("filter.resources", event_filter.resources)))
    others = {text for _, text in given if _is_of_no_model(text)}
    resources = [
        _resource(f"filter.resources[{place}]", text, namespace)
        for place, text in given
        if text not in others
    ]
    models = await _models(resources, namespace_id, pool)
    return Selection(
        types=types,
        actors=frozenset(actors),
        models=frozenset(models[name.model] for name in resources if isinstance(name, ModelName)),
        streams=frozenset(others).union(
            _stream(name, models[name.model])
            for name in resources
            if not isinstance(name, ModelName)
        ),
    )


def _few(field: str, conditions: Sequence[str]) -> Sequence[str]:
    if len(conditions) > _MAX_CONDITIONS:
        raise InvalidRequest.of(field, f"has at most {_MAX_CONDITIONS} entries")
    return conditions


def _type(field: str, name: str) -> str:
    short = name.removeprefix(TYPE_PREFIX)
    if short not in EVENTS:
        raise InvalidRequest.of(field, "is no type of event; see docs/reference/events.md")
    return TYPE_PREFIX + short


def _is_of_no_model(text: str) -> bool:
    """Say whether a condition names a stream beside those of models: `namespace`, `log`."""
    try:
        return not isinstance(key_of(text), ModelKey | VersionKey | AliasKey)
    except UnknownStream:
        return False


def _resource(field: str, text: str, namespace: str) -> ModelName | VersionName | AliasName:
    """Return the resource of a condition."""
    prefix = f"namespaces/{namespace}/"
    try:
        name = names.parse(text if text.startswith(prefix) else prefix + text)
    except InvalidName as error:
        raise InvalidRequest.of(field, error.message) from None
    if not isinstance(name, ModelName | VersionName | AliasName):
        raise InvalidRequest.of(field, "names a model, a version or an alias")
    return name


def _stream(name: VersionName | AliasName, model: str) -> str:
    if isinstance(name, VersionName):
        return f"models/{model}/versions/{name.version}"
    return f"models/{model}/aliases/{name.alias}"


async def _models(
    resources: Sequence[ModelName | VersionName | AliasName],
    namespace_id: int,
    pool: AsyncConnectionPool,
) -> dict[str, str]:
    """Return the models that names mean, by the names as they were given."""
    given = {name.model for name in resources}
    if not given:
        return {}
    async with pool.connection() as connection:
        cursor = await connection.execute(_NAMED, [[name.lower() for name in given], namespace_id])
        found: dict[str, Any] = dict(await cursor.fetchall())
    return {name: found.get(name.lower(), name) for name in given}


_NAMED = """
SELECT n.name_key, n.model FROM regesta.logs AS h
JOIN regesta.model_names AS n
    ON n.namespace_id = h.namespace_id AND n.generation = h.generation
    AND n.name_key = ANY (%s)
WHERE h.namespace_id = %s
"""
