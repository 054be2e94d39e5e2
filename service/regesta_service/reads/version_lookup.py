"""The set query for versions: every form of address, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from regesta_service.log.packing import array, integer_array, text_array

if TYPE_CHECKING:
    from regesta_service.log.packing import Packed

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


class FoundVersion(NamedTuple):
    """What was found; fields of a row that there is not are None.

    Several versions can be meant by a range or `latest`: the best of those that may be
    resolved, else the best of the others, so that one can say why not. In a stage it is the
    last that came and was not deleted, whether it may be resolved or not.
    """

    size: int
    generation: int
    #: The model that has or had the name, by the name it was created with.
    named: str | None
    model: str | None
    number: int | None
    #: Whether it is resolved by more than number and digest, as far as its own row says.
    resolvable: bool | None
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
    #: The model's serialized resource when it has a blocking flag, else None.
    blocked_model: bytes | None


def parameters(questions: Sequence[VersionQuestion]) -> list[Packed]:
    """Return the parameters of `QUERY` for some questions."""
    places: list[int] = []
    lows: list[str] = []
    highs: list[str] = []
    prereleases: list[bytes] = []
    for place, question in enumerate(questions, 1):
        for admits, bounds in ((_FALSE, question.releases), (_TRUE, question.prereleases)):
            for low, high in bounds:
                places.append(place)
                lows.append(low)
                highs.append(high)
                prereleases.append(admits)
    return [
        integer_array([question.namespace_id for question in questions]),
        text_array([question.form for question in questions]),
        text_array([question.name_key for question in questions]),
        integer_array([question.number for question in questions]),
        text_array([question.argument for question in questions]),
        integer_array(places),
        text_array(lows),
        text_array(highs),
        array(_BOOL, prereleases),
    ]


def found(row: Sequence[Any]) -> FoundVersion:
    """Return what a row of `QUERY`'s answer says."""
    return FoundVersion._make(row)


# PostgreSQL's object id of boolean, and its two values.
_BOOL: Final = 16
_FALSE: Final = b"\0"
_TRUE: Final = b"\1"

# Every part is LATERAL with a LIMIT: one index look-up a question, whatever the planner
# believes about the sizes of tables that grow under a prepared statement.
#: Answers with one row a question, in their order.
QUERY: Final = b"""
SELECT h.size, h.generation, n.model, v.model, v.number, v.resolvable, v.deleted, v.resource,
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
    m.name, m.deleted, CASE WHEN m.blocked THEN m.resource END
FROM unnest(
    $1::integer[], $2::text[], $3::text[], $4::integer[],
    $5::text[]
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
                AND NOT v.deleted AND v.resolvable
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
                $6::integer[], $7::text[], $8::text[],
                $9::boolean[]
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
                        AND NOT v.deleted AND v.resolvable
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
    SELECT m.name, m.deleted, m.blocked, m.resource FROM regesta.models AS m
    WHERE m.namespace_id = h.namespace_id AND m.generation = h.generation
        AND m.model = COALESCE(n.model, v.model)
    LIMIT 1
) AS m ON true
ORDER BY q.place
"""
