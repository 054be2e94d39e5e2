"""Finished resources as of a position: answers to writes, and reads of the past.

A write is answered with the resource as of its own position, whatever was appended
since; the same write repeated is answered with the same. So aliases and names are those
of that position too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from regesta_projections.archived import is_archived
from regesta_projections.events import AliasSet, VersionRolledBack
from regesta_projections.finishing import finish_alias, finish_model, finish_version
from regesta_projections.records import read_record
from regesta_projections.rows import AliasKey, ModelKey
from regesta_service.log.packing import array, bigint, integer_array, text_array
from regesta_service.reads import past
from regesta_service.reads.coalescing import Coalescer
from regesta_service.reads.connection import Connect, OwnConnection
from regesta_service.reads.refusals import alias_not_found, model_not_found, version_not_found

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import AsyncConnectionPool

    from regesta.names import AliasName
    from regesta_projections.rows import (
        AliasRow,
        ModelRow,
        VersionKey,
        VersionRow,
    )
    from regesta_service.reads.tails import Namespaces

    Connection: TypeAlias = psycopg.AsyncConnection[Any]

# PostgreSQL's object id of bigint.
_INT8 = 20

_NO_TEXTS: Mapping[str, str] = MappingProxyType({})


class _AliasesQuestion(NamedTuple):
    """Where did the aliases of a model point, right after a position?"""

    namespace_id: int
    model: str
    position: int


class _TextQuestion(NamedTuple):
    """Which text has this digest?"""

    namespace_id: int
    digest: str


class AnswerReader:
    """Finishes resources as of a position.

    Args:
        namespaces: Finds a namespace's number.
        pool: For what has to be folded from the log.
        connect: Opens the connection on which everything else is asked for together.
    """

    def __init__(self, namespaces: Namespaces, pool: AsyncConnectionPool, connect: Connect) -> None:
        self._namespaces = namespaces
        self._pool = pool
        self._connection = OwnConnection(connect)
        self._aliases = Coalescer(self._ask_aliases)
        self._texts = Coalescer(self._ask_texts)

    async def close(self) -> None:
        """End what is under way and close the connection."""
        await self._aliases.close()
        await self._texts.close()
        await self._connection.close()

    async def model_at(
        self,
        namespace: str,
        key: ModelKey,
        position: int,
        *,
        row: ModelRow | None = None,
        known: Mapping[str, str] = _NO_TEXTS,
    ) -> bytes:
        """Return a finished, serialized Model as it was right after a position.

        Args:
            namespace: The namespace's name.
            key: Which model.
            position: The position.
            row: Its row as of that position; without it the row is folded from the log.
            known: Texts by digest that need not be looked up.

        Raises:
            ModelNotFound: It had not been created.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        if row is None:
            async with self._pool.connection() as connection:
                row = await past.model_at(connection, namespace_id, key, position)
            if row is None:
                raise model_not_found(key.model)
        aliases: dict[str, int] = {}
        # An alias points to a version, so without one there is none.
        if row.last_version:
            aliases = await self._aliases.ask(_AliasesQuestion(namespace_id, key.model, position))
        return finish_model(
            row.resource.SerializeToString(deterministic=True),
            name=f"namespaces/{namespace}/models/{row.name}",
            latest_version=row.last_version,
            aliases=aliases,
            texts=await self._texts_of(namespace_id, row.texts, known),
        )

    async def version_at(
        self,
        namespace: str,
        key: VersionKey,
        position: int,
        *,
        row: VersionRow | None = None,
        name: str = "",
        known: Mapping[str, str] = _NO_TEXTS,
    ) -> bytes:
        """Return a finished, serialized Version as it was right after a position.

        Args:
            namespace: The namespace's name.
            key: Which version.
            position: The position.
            row: Its row as of that position; without it the row is folded from the log.
            name: The model's name as of that position; without it, likewise.
            known: Texts by digest that need not be looked up.

        Raises:
            VersionNotFound: It had not been registered.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        if row is None or not name:
            async with self._pool.connection() as connection:
                row = row or await past.version_at(connection, namespace_id, key, position)
                name = name or await past.name_at(connection, namespace_id, key.model, position)
            if row is None:
                raise version_not_found(name, key.number)
        aliases: list[str] = []
        # When it was registered at this very position nothing points to it yet.
        if row.revision > 1 or row.stage_position != position:
            pointers = await self._aliases.ask(_AliasesQuestion(namespace_id, key.model, position))
            aliases = [alias for alias, number in pointers.items() if number == key.number]
        return finish_version(
            row.resource.SerializeToString(deterministic=True),
            name=f"namespaces/{namespace}/models/{name}/versions/{key.number}",
            aliases=aliases,
            texts=await self._texts_of(namespace_id, row.texts, known),
        )

    async def alias_at(
        self,
        namespace: str,
        key: AliasKey,
        position: int,
        *,
        row: AliasRow | None = None,
        name: str = "",
    ) -> bytes:
        """Return a finished, serialized Alias as it was right after a position.

        One that was removed has the version 0.

        Args:
            namespace: The namespace's name.
            key: Which alias.
            position: The position.
            row: Its row as of that position; without it the row is folded from the log.
            name: The model's name as of that position; without it, likewise.

        Raises:
            AliasNotFound: It had not been set.
        """
        if row is None or not name:
            namespace_id = await self._namespaces.namespace_id(namespace)
            async with self._pool.connection() as connection:
                row = row or await past.alias_at(connection, namespace_id, key, position)
                name = name or await past.name_at(connection, namespace_id, key.model, position)
            if row is None:
                raise alias_not_found(name, key.alias)
        return finish_alias(
            row.resource.SerializeToString(deterministic=True),
            name=f"namespaces/{namespace}/models/{name}/aliases/{key.alias}",
        )

    async def aliases_at(
        self, namespace: str, names: Sequence[AliasName], position: int
    ) -> list[bytes]:
        """Return finished, serialized Aliases as they were right after a position.

        Args:
            namespace: The namespace's name.
            names: Which, by a present or former name of their models.
            position: The position.

        Raises:
            AliasNotFound: One had not been set.
        """
        namespace_id = await self._namespaces.namespace_id(namespace)
        found: list[bytes] = []
        shown: dict[str, tuple[str, str]] = {}
        async with self._pool.connection() as connection:
            for name in names:
                if name.model not in shown:
                    model = await past.model_named(connection, namespace_id, name.model)
                    first = model or name.model
                    present = await past.name_at(connection, namespace_id, first, position)
                    shown[name.model] = first, present
                first, present = shown[name.model]
                key = AliasKey(first, name.alias)
                row = await past.alias_at(connection, namespace_id, key, position)
                if row is None:
                    raise alias_not_found(present, name.alias)
                found.append(
                    finish_alias(
                        row.resource.SerializeToString(deterministic=True),
                        name=f"namespaces/{namespace}/models/{present}/aliases/{name.alias}",
                    )
                )
        return found

    async def _texts_of(
        self, namespace_id: int, digests: Mapping[str, str], known: Mapping[str, str]
    ) -> dict[str, str]:
        """Return texts by field, but for erased ones."""
        texts: dict[str, str] = {}
        for field, digest in digests.items():
            text = known.get(digest)
            if text is None:
                text = await self._texts.ask(_TextQuestion(namespace_id, digest))
            if text is not None:
                texts[field] = text
        return texts

    async def _ask_aliases(self, questions: Sequence[_AliasesQuestion]) -> list[dict[str, int]]:
        rows = await self._connection.rows(
            _ALIASES,
            [
                integer_array([question.namespace_id for question in questions]),
                text_array([question.model for question in questions]),
                array(_INT8, [bigint(question.position) for question in questions]),
            ],
        )
        return [_pointers(*(found or () for found in row)) for row in rows]

    async def _ask_texts(self, questions: Sequence[_TextQuestion]) -> list[str | None]:
        rows = await self._connection.rows(
            _TEXTS,
            [
                integer_array([question.namespace_id for question in questions]),
                text_array([question.digest for question in questions]),
            ],
        )
        return [text for (text,) in rows]


def _pointers(
    aliases: Sequence[str], records: Sequence[bytes], numbers: Sequence[int | None]
) -> dict[str, int]:
    """Return where aliases pointed after the last events that moved or removed them.

    The numbers are what the history says of events whose bodies are archived.
    """
    pointers: dict[str, int] = {}
    for alias, record, number in zip(aliases, records, numbers, strict=True):
        if is_archived(record):
            if number is not None:
                pointers[alias] = number
            continue
        event = read_record(record, 0).event
        if isinstance(event, AliasSet | VersionRolledBack):
            pointers[alias] = event.version
    return pointers


# The row of an alias stays when it is removed, so the present table knows all there were.
_ALIASES = b"""
SELECT s.aliases, s.records, s.numbers
FROM unnest($1::integer[], $2::text[], $3::bigint[])
    WITH ORDINALITY AS q(namespace_id, model, position, place)
LEFT JOIN LATERAL (
    SELECT array_agg(a.alias ORDER BY a.alias) AS aliases,
        array_agg(e.record ORDER BY a.alias) AS records,
        array_agg(CASE WHEN get_byte(e.record, 0) = 0 THEN (
            SELECT p.number FROM regesta.alias_history AS p
            WHERE p.namespace_id = h.namespace_id AND p.generation = h.generation
                AND p.model = a.model AND p.alias = a.alias AND p.from_position = e.position
        ) END ORDER BY a.alias) AS numbers
    FROM regesta.logs AS h
    JOIN regesta.aliases AS a
        ON a.namespace_id = h.namespace_id AND a.generation = h.generation AND a.model = q.model
    CROSS JOIN LATERAL (
        SELECT e.position, e.record FROM regesta.events AS e
        WHERE e.namespace_id = h.namespace_id AND e.position <= q.position
            AND e.stream = 'models/' || a.model || '/aliases/' || a.alias
            AND e.type <> 'io.regesta.events.v1.AliasProtected'
        ORDER BY e.revision DESC
        LIMIT 1
    ) AS e
    WHERE h.namespace_id = q.namespace_id
) AS s ON true
ORDER BY q.place
"""

_TEXTS = b"""
SELECT d.text
FROM unnest($1::integer[], $2::text[])
    WITH ORDINALITY AS q(namespace_id, digest, place)
LEFT JOIN regesta.disclosures AS d
    ON d.namespace_id = q.namespace_id AND d.digest = q.digest
ORDER BY q.place
"""
