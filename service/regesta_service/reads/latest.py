"""The latest versions of models: of each stage the version with the highest number.

One statement finds them, so they are of one snapshot. It goes from stage to stage of a model by
an index, a look-up each, however many versions are in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from regesta_projections.finishing import finish_version
from regesta_service.reads.pages import MAX_PAGE_BYTES
from regesta_service.reads.texts import by_field, texts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg_pool import AsyncConnectionPool

#: Models that are asked for at once.
MAX_MODELS: Final = 1_000


class Latest(NamedTuple):
    """The latest versions of some models."""

    #: Finished, serialized versions: by model as asked for, then by number.
    resources: list[bytes]
    #: How many of the models, from the first, this is about.
    answered: int
    #: The log's size in the answer's snapshot.
    size: int


class _Row(NamedTuple):
    """A row of the statement's answer; None but for the size where no model has a version."""

    size: int
    #: Place of the model among those asked for, from 1.
    place: int | None
    #: The model's present name.
    name: str
    number: int
    #: None where the answer is full.
    resource: bytes | None
    text_fields: list[str]
    text_digests: list[str]
    aliases: list[str]


async def latest_versions(
    pool: AsyncConnectionPool, namespace: str, namespace_id: int, models: Sequence[str]
) -> Latest:
    """Return, of each model that is there, the highest version in each stage.

    Args:
        pool: Where to read.
        namespace: The namespace's name.
        namespace_id: Its number.
        models: Present or former names; those of no model, or of a deleted one, give nothing.

    Returns:
        All of it, or that of the first models: at least of one, and else no more than
        `MAX_PAGE_BYTES`.
    """
    async with pool.connection() as connection, connection.cursor(binary=True) as cursor:
        await cursor.execute(
            LATEST,
            {
                "namespace_id": namespace_id,
                "names": [model.lower() for model in models],
                "room": MAX_PAGE_BYTES,
            },
        )
        rows = [_Row(*row) for row in await cursor.fetchall()]
        found = [row for row in rows if row.resource is not None]
        digests = [digest for row in found for digest in row.text_digests]
        texts = await texts_of(cursor, namespace_id, digests)
    left = [row.place for row in rows if row.place is not None and row.resource is None]
    return Latest(
        [_finished(namespace, row, texts) for row in found],
        min(left) - 1 if left else len(models),
        rows[0].size,
    )


def _finished(namespace: str, row: _Row, texts: dict[str, str]) -> bytes:
    return finish_version(
        row.resource or b"",
        name=f"namespaces/{namespace}/models/{row.name}/versions/{row.number}",
        aliases=row.aliases,
        texts=by_field(row.text_fields, row.text_digests, texts),
    )


# LIMIT 1: one look-up by index each, whatever the planner believes about the tables. The
# versions are found and measured first, and only those read that fit into the answer: by where
# they lie in the table, which within one statement stays so.
LATEST: Any = """
SELECT h.size, p.place, p.name, p.number, v.resource, v.text_fields, v.text_digests,
    ARRAY(
        SELECT a.alias FROM regesta.aliases AS a
        WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
            AND a.model = v.model AND a.number = v.number
        ORDER BY a.alias
    )
FROM regesta.logs AS h
LEFT JOIN LATERAL (
    SELECT q.*, min(q.place) OVER () AS first,
        -- To the end of each model.
        sum(q.bytes) OVER (ORDER BY q.place) AS bytes_so_far
    FROM (
        SELECT n.place, m.name, s.number, s.place_in_table, s.bytes
        FROM (
            SELECT n.model, min(q.place) AS place
            FROM unnest(%(names)s::text[]) WITH ORDINALITY AS q(name_key, place)
            CROSS JOIN LATERAL (
                SELECT n.model FROM regesta.model_names AS n
                WHERE n.namespace_id = h.namespace_id AND n.generation = h.generation
                    AND n.name_key = q.name_key
                LIMIT 1
            ) AS n
            GROUP BY n.model
        ) AS n
        CROSS JOIN LATERAL (
            SELECT m.name, m.deleted FROM regesta.models AS m
            WHERE m.namespace_id = h.namespace_id AND m.generation = h.generation
                AND m.model = n.model
            LIMIT 1
        ) AS m
        CROSS JOIN LATERAL (
            WITH RECURSIVE stages AS (
                (
                    SELECT v.stage, v.number, v.text_digests, v.ctid AS place_in_table,
                        octet_length(v.resource) AS bytes
                    FROM regesta.versions AS v
                    WHERE v.namespace_id = h.namespace_id AND v.generation = h.generation
                        AND v.model = n.model AND NOT v.deleted
                    ORDER BY v.stage DESC, v.number DESC
                    LIMIT 1
                )
                UNION ALL
                SELECT below.* FROM stages AS s
                CROSS JOIN LATERAL (
                    SELECT v.stage, v.number, v.text_digests, v.ctid AS place_in_table,
                        octet_length(v.resource) AS bytes
                    FROM regesta.versions AS v
                    WHERE v.namespace_id = h.namespace_id AND v.generation = h.generation
                        AND v.model = n.model AND NOT v.deleted AND v.stage < s.stage
                    ORDER BY v.stage DESC, v.number DESC
                    LIMIT 1
                ) AS below
            )
            SELECT s.number, s.place_in_table, s.bytes + COALESCE((
                SELECT sum(octet_length(d.text)) FROM regesta.disclosures AS d
                WHERE d.namespace_id = h.namespace_id AND d.digest = ANY (s.text_digests)
            ), 0) AS bytes
            FROM stages AS s
        ) AS s
        WHERE NOT m.deleted
    ) AS q
) AS p ON true
LEFT JOIN LATERAL (
    SELECT v.* FROM regesta.versions AS v
    WHERE v.ctid = p.place_in_table AND (p.place = p.first OR p.bytes_so_far <= %(room)s)
    LIMIT 1
) AS v ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY p.place, p.number
"""
