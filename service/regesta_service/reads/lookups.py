"""Set queries: many single reads of the catalog as one statement on one connection.

Each answer says at which position and in which generation it was read; both come from
the statement's own snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from regesta_service.log.packing import integer_array, text_array
from regesta_service.reads import version_lookup
from regesta_service.reads.coalescing import Coalescer
from regesta_service.reads.connection import Connect, OwnConnection

if TYPE_CHECKING:
    from regesta_service.reads.version_lookup import FoundVersion, VersionQuestion


class ModelQuestion(NamedTuple):
    """Which model."""

    namespace_id: int
    name_key: str


class AliasQuestion(NamedTuple):
    """Which alias."""

    namespace_id: int
    name_key: str
    alias: str


class FoundModel(NamedTuple):
    """What was found; fields of a row that there is not are None."""

    size: int
    generation: int
    model: str | None
    name: str | None
    last_version: int | None
    resource: bytes | None
    text_fields: list[str] | None
    aliases: list[str]
    #: The versions they point to, in the same order.
    numbers: list[int]
    texts: list[str | None]


class FoundAlias(NamedTuple):
    """What was found; fields of a row that there is not are None."""

    size: int
    generation: int
    model: str | None
    name: str | None
    #: None when there is no such alias or it was removed.
    resource: bytes | None


class Lookups:
    """Single reads of the catalog, coalesced on one connection."""

    def __init__(self, connect: Connect) -> None:
        self._connection = OwnConnection(connect)
        self._versions = Coalescer(self._ask_versions)
        self._models = Coalescer(self._ask_models)
        self._aliases = Coalescer(self._ask_aliases)
        self._sizes = Coalescer(self._ask_sizes)
        #: Find a version by any form of address.
        self.version = self._versions.ask
        #: Find a model by name.
        self.model = self._models.ask
        #: Find an alias.
        self.alias = self._aliases.ask
        #: Return the size of a namespace's log.
        self.size = self._sizes.ask

    async def close(self) -> None:
        """End what is under way and close the connection."""
        for coalescer in (self._versions, self._models, self._aliases, self._sizes):
            await coalescer.close()
        await self._connection.close()

    async def _ask_versions(self, questions: Sequence[VersionQuestion]) -> list[FoundVersion]:
        rows = await self._connection.rows(
            version_lookup.QUERY, version_lookup.parameters(questions)
        )
        return [version_lookup.found(row) for row in rows]

    async def _ask_models(self, questions: Sequence[ModelQuestion]) -> list[FoundModel]:
        rows = await self._connection.rows(
            _MODELS,
            [
                integer_array([question.namespace_id for question in questions]),
                text_array([question.name_key for question in questions]),
            ],
        )
        return [FoundModel._make(row) for row in rows]

    async def _ask_aliases(self, questions: Sequence[AliasQuestion]) -> list[FoundAlias]:
        rows = await self._connection.rows(
            _ALIASES,
            [
                integer_array([question.namespace_id for question in questions]),
                text_array([question.name_key for question in questions]),
                text_array([question.alias for question in questions]),
            ],
        )
        return [FoundAlias._make(row) for row in rows]

    async def _ask_sizes(self, namespace_ids: Sequence[int]) -> list[int]:
        rows: list[Any] = await self._connection.rows(_SIZES, [integer_array(namespace_ids)])
        sizes: dict[int, int] = dict(rows)
        return [sizes[namespace_id] for namespace_id in namespace_ids]


_MODELS = b"""
SELECT h.size, h.generation, m.model, m.name, m.last_version, m.resource, m.text_fields,
    ARRAY(
        SELECT a.alias FROM regesta.aliases AS a
        WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
            AND a.model = m.model AND a.number IS NOT NULL
        ORDER BY a.alias
    ),
    ARRAY(
        SELECT a.number FROM regesta.aliases AS a
        WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
            AND a.model = m.model AND a.number IS NOT NULL
        ORDER BY a.alias
    ),
    ARRAY(
        SELECT d.text
        FROM unnest(m.text_digests) WITH ORDINALITY AS t(digest, place)
        LEFT JOIN regesta.disclosures AS d
            ON d.namespace_id = h.namespace_id AND d.digest = t.digest
        ORDER BY t.place
    )
FROM unnest($1::integer[], $2::text[])
    WITH ORDINALITY AS q(namespace_id, name_key, place)
JOIN regesta.logs AS h ON h.namespace_id = q.namespace_id
LEFT JOIN LATERAL (
    SELECT m.*
    FROM regesta.model_names AS n
    JOIN regesta.models AS m
        ON m.namespace_id = n.namespace_id AND m.generation = n.generation AND m.model = n.model
    WHERE n.namespace_id = h.namespace_id AND n.generation = h.generation
        AND n.name_key = q.name_key
    LIMIT 1
) AS m ON true
ORDER BY q.place
"""

_ALIASES = b"""
SELECT h.size, h.generation, m.model, m.name, m.resource
FROM unnest($1::integer[], $2::text[], $3::text[])
    WITH ORDINALITY AS q(namespace_id, name_key, alias, place)
JOIN regesta.logs AS h ON h.namespace_id = q.namespace_id
LEFT JOIN LATERAL (
    SELECT m.model, m.name, a.resource
    FROM regesta.model_names AS n
    JOIN regesta.models AS m
        ON m.namespace_id = n.namespace_id AND m.generation = n.generation AND m.model = n.model
    LEFT JOIN regesta.aliases AS a
        ON a.namespace_id = n.namespace_id AND a.generation = n.generation
        AND a.model = n.model AND a.alias = q.alias AND a.number IS NOT NULL
    WHERE n.namespace_id = h.namespace_id AND n.generation = h.generation
        AND n.name_key = q.name_key
    LIMIT 1
) AS m ON true
ORDER BY q.place
"""

_SIZES = b"SELECT namespace_id, size FROM regesta.logs WHERE namespace_id = ANY ($1::integer[])"
