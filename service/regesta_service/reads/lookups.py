"""Set queries: many single reads of the catalog as one statement on one connection.

Each answer says at which position and in which generation it was read; both come from
the statement's own snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from regesta_service.domain.lifecycle import DEFAULT
from regesta_service.reads.coalescing import Coalescer
from regesta_service.reads.connection import Connect, OwnConnection

if TYPE_CHECKING:
    import psycopg

    Connection: TypeAlias = psycopg.AsyncConnection[Any]

#: Stages whose versions are found by more than number and digest.
RESOLVABLE_STAGES: Final = [stage.name for stage in DEFAULT.stages if stage.resolvable]

#: Intervals of SemVer sort keys: first admitted, first above.
Bounds: TypeAlias = tuple[tuple[str, str], ...]


class Form(StrEnum):
    """How a version is asked for."""

    NUMBER = "number"
    ALIAS = "alias"
    STAGE = "stage"
    LATEST = "latest"
    RANGE = "range"
    DIGEST = "digest"


class VersionQuestion(NamedTuple):
    """Which version."""

    namespace_id: int
    form: Form
    #: A present or former name of the model in lower case; empty with a digest.
    name_key: str = ""
    number: int = 0
    #: The alias, stage or digest.
    argument: str = ""
    #: Where releases and prereleases of a range lie.
    releases: Bounds = ()
    prereleases: Bounds = ()


class ModelQuestion(NamedTuple):
    """Which model."""

    namespace_id: int
    name_key: str


class AliasQuestion(NamedTuple):
    """Which alias."""

    namespace_id: int
    name_key: str
    alias: str


class FoundVersion(NamedTuple):
    """What was found; fields of a row that there is not are None.

    Several versions can be meant: the best of those that may be resolved, else the best
    of the others, so that one can say why not.
    """

    size: int
    generation: int
    #: The model that has or had the name, by the name it was created with.
    named: str | None
    model: str | None
    number: int | None
    stage: str | None
    deleted: bool | None
    resource: bytes | None
    text_fields: list[str] | None
    #: The aliases that point to it.
    aliases: list[str]
    #: Texts in the order of `text_fields`; None where one was erased.
    texts: list[str | None]
    #: The model's present name.
    name: str | None
    model_deleted: bool | None


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
        ranges = [
            (place, low, high, admits_prereleases)
            for place, question in enumerate(questions, 1)
            for admits_prereleases, bounds in (
                (False, question.releases),
                (True, question.prereleases),
            )
            for low, high in bounds
        ]
        rows = await self._rows(
            _VERSIONS,
            {
                "namespace_ids": [question.namespace_id for question in questions],
                "forms": [question.form.value for question in questions],
                "names": [question.name_key for question in questions],
                "numbers": [question.number for question in questions],
                "arguments": [question.argument for question in questions],
                "range_places": [place for place, _, _, _ in ranges],
                "range_lows": [low for _, low, _, _ in ranges],
                "range_highs": [high for _, _, high, _ in ranges],
                "range_prereleases": [prereleases for _, _, _, prereleases in ranges],
                "resolvable": RESOLVABLE_STAGES,
            },
        )
        return list(map(FoundVersion._make, rows))

    async def _ask_models(self, questions: Sequence[ModelQuestion]) -> list[FoundModel]:
        rows = await self._rows(
            _MODELS,
            {
                "namespace_ids": [question.namespace_id for question in questions],
                "names": [question.name_key for question in questions],
            },
        )
        return list(map(FoundModel._make, rows))

    async def _ask_aliases(self, questions: Sequence[AliasQuestion]) -> list[FoundAlias]:
        rows = await self._rows(
            _ALIASES,
            {
                "namespace_ids": [question.namespace_id for question in questions],
                "names": [question.name_key for question in questions],
                "aliases": [question.alias for question in questions],
            },
        )
        return list(map(FoundAlias._make, rows))

    async def _ask_sizes(self, namespace_ids: Sequence[int]) -> list[int]:
        rows = await self._rows(_SIZES, {"namespace_ids": list(set(namespace_ids))})
        sizes: dict[int, int] = dict(rows)
        return [sizes[namespace_id] for namespace_id in namespace_ids]

    async def _rows(self, query: str, parameters: dict[str, object]) -> list[tuple[Any, ...]]:
        async def read(connection: Connection) -> list[tuple[Any, ...]]:
            async with connection.cursor(binary=True) as cursor:
                await cursor.execute(query.encode(), parameters)
                return await cursor.fetchall()

        return await self._connection.run(read)


# Every part is LATERAL with a LIMIT: one index look-up a question, whatever the planner
# believes about the sizes of tables that grow under a prepared statement.
_VERSIONS = """
SELECT h.size, h.generation, n.model, v.model, v.number, v.stage, v.deleted, v.resource,
    v.text_fields,
    ARRAY(
        SELECT a.alias FROM regesta.aliases AS a
        WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
            AND a.model = v.model AND a.number = v.number
        ORDER BY a.alias
    ),
    ARRAY(
        SELECT d.text
        FROM unnest(v.text_digests) WITH ORDINALITY AS t(digest, place)
        LEFT JOIN regesta.disclosures AS d
            ON d.namespace_id = h.namespace_id AND d.digest = t.digest
        ORDER BY t.place
    ),
    m.name, m.deleted
FROM unnest(
    %(namespace_ids)s::integer[], %(forms)s::text[], %(names)s::text[], %(numbers)s::integer[],
    %(arguments)s::text[]
) WITH ORDINALITY AS q(namespace_id, form, name_key, number, argument, place)
JOIN regesta.logs AS h ON h.namespace_id = q.namespace_id
LEFT JOIN LATERAL (
    SELECT n.model FROM regesta.model_names AS n
    WHERE n.namespace_id = h.namespace_id AND n.generation = h.generation
        AND n.name_key = q.name_key
    LIMIT 1
) AS n ON true
LEFT JOIN LATERAL (
    SELECT c.model, c.number
    FROM (
        SELECT n.model, q.number, 0 AS rank WHERE q.form = 'number'
        UNION ALL
        SELECT a.model, a.number, 0 FROM regesta.aliases AS a
        WHERE q.form = 'alias' AND a.namespace_id = h.namespace_id
            AND a.generation = h.generation AND a.model = n.model AND a.alias = q.argument
        UNION ALL
        (
            SELECT v.model, v.number, 0 FROM regesta.versions AS v
            WHERE q.form = 'stage' AND v.namespace_id = h.namespace_id
                AND v.generation = h.generation AND v.model = n.model AND v.stage = q.argument
                AND NOT v.deleted
            ORDER BY v.stage_position DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT v.model, v.number, 1 FROM regesta.versions AS v
            WHERE q.form = 'stage' AND v.namespace_id = h.namespace_id
                AND v.generation = h.generation AND v.model = n.model AND v.stage = q.argument
            ORDER BY v.stage_position DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT v.model, v.number, 0 FROM regesta.versions AS v
            WHERE q.form = 'latest' AND v.namespace_id = h.namespace_id
                AND v.generation = h.generation AND v.model = n.model
                AND NOT v.deleted AND v.stage = ANY (%(resolvable)s)
            ORDER BY v.number DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT v.model, v.number, 1 FROM regesta.versions AS v
            WHERE q.form = 'latest' AND v.namespace_id = h.namespace_id
                AND v.generation = h.generation AND v.model = n.model
            ORDER BY v.number DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT b.model, b.number, b.rank
            FROM unnest(
                %(range_places)s::bigint[], %(range_lows)s::text[], %(range_highs)s::text[],
                %(range_prereleases)s::boolean[]
            ) AS r(place, low, high, prereleases)
            CROSS JOIN LATERAL (
                (
                    SELECT l.model, l.number, l.semver_key, 0 AS rank
                    FROM regesta.version_labels AS l
                    JOIN regesta.versions AS v
                        ON v.namespace_id = l.namespace_id AND v.generation = l.generation
                        AND v.model = l.model AND v.number = l.number
                    WHERE l.namespace_id = h.namespace_id AND l.generation = h.generation
                        AND l.model = n.model AND l.semver_key >= r.low COLLATE "C"
                        AND l.semver_key < r.high COLLATE "C"
                        AND r.prereleases = (right(l.semver_key, 1) <> '~')
                        AND NOT v.deleted AND v.stage = ANY (%(resolvable)s)
                    ORDER BY l.semver_key DESC
                    LIMIT 1
                )
                UNION ALL
                (
                    SELECT l.model, l.number, l.semver_key, 1
                    FROM regesta.version_labels AS l
                    WHERE l.namespace_id = h.namespace_id AND l.generation = h.generation
                        AND l.model = n.model AND l.semver_key >= r.low COLLATE "C"
                        AND l.semver_key < r.high COLLATE "C"
                        AND r.prereleases = (right(l.semver_key, 1) <> '~')
                    ORDER BY l.semver_key DESC
                    LIMIT 1
                )
            ) AS b
            WHERE q.form = 'range' AND r.place = q.place
            ORDER BY b.rank, b.semver_key DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT v.model, v.number, 0
            FROM regesta.versions AS v
            JOIN regesta.models AS m
                ON m.namespace_id = v.namespace_id AND m.generation = v.generation
                AND m.model = v.model
            WHERE q.form = 'digest' AND v.namespace_id = h.namespace_id
                AND v.generation = h.generation AND v.digest = q.argument
            ORDER BY v.deleted OR m.deleted, v.created_at DESC, v.model DESC, v.number DESC
            LIMIT 1
        )
    ) AS c
    ORDER BY c.rank
    LIMIT 1
) AS c ON true
LEFT JOIN LATERAL (
    SELECT v.* FROM regesta.versions AS v
    WHERE v.namespace_id = h.namespace_id AND v.generation = h.generation
        AND v.model = c.model AND v.number = c.number
    LIMIT 1
) AS v ON true
LEFT JOIN LATERAL (
    SELECT m.name, m.deleted FROM regesta.models AS m
    WHERE m.namespace_id = h.namespace_id AND m.generation = h.generation
        AND m.model = COALESCE(n.model, v.model)
    LIMIT 1
) AS m ON true
ORDER BY q.place
"""

_MODELS = """
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
FROM unnest(%(namespace_ids)s::integer[], %(names)s::text[])
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

_ALIASES = """
SELECT h.size, h.generation, m.model, m.name, m.resource
FROM unnest(%(namespace_ids)s::integer[], %(names)s::text[], %(aliases)s::text[])
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

_SIZES = "SELECT namespace_id, size FROM regesta.logs WHERE namespace_id = ANY (%(namespace_ids)s)"
