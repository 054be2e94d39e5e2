"""The catalog's tables as they were at a moment, for the statements of lists.

Each is a relation with the columns of the present table, so that lists, filters and orders
need no second form. Keys come from the present table, where rows are never deleted, in the
order of its indexes; for each the history has the row that held then, found by one look-up
however long ago that was. Of a version, what was registered never changed and is the present
table's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from psycopg.sql import SQL, Composable, Composed, Identifier


class AsOf(NamedTuple):
    """A moment of a log, in both of its meanings.

    Attributes:
        position: What was recorded up to here counts.
        effective_at: And of that only what had happened by this time as far as is known;
            None for all of it.
    """

    position: int
    effective_at: datetime | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters that the relations need."""
        if self.effective_at is None:
            return {"as_of": self.position}
        return {"as_of": self.position, "effective_at": self.effective_at}

    @property
    def condition(self) -> Composable:
        """SQL that says of a row of the history, called `s`, whether it held by then."""
        by_position = SQL("s.from_position <= %(as_of)s")
        if self.effective_at is None:
            return by_position
        return SQL("{} AND s.effective_at <= %(effective_at)s").format(by_position)


class Relations(NamedTuple):
    """Where the statements of lists read."""

    models: Composable
    versions: Composable
    aliases: Composable


NOW: Final = Relations(
    Identifier("regesta", "models"),
    Identifier("regesta", "versions"),
    Identifier("regesta", "aliases"),
)


def relations(as_of: AsOf | None) -> Relations:
    """Return the tables of now, or relations like them as of a moment."""
    if as_of is None:
        return NOW
    then = as_of.condition
    return Relations(_at(_MODELS, then), _at(_VERSIONS, then), _at(_ALIASES, then))


def _at(relation: SQL, then: Composable) -> Composed:
    return relation.format(then=then)


_MODELS: Final = SQL("""(
    SELECT k.namespace_id, k.generation, k.model, s.name, s.name_key, s.kind, s.owner, s.tags,
        s.deleted, s.created_at, s.updated_at, s.created_by, s.revision, s.text_fields,
        s.text_digests, s.resource,
        COALESCE((
            SELECT s.number FROM regesta.version_history AS s
            WHERE s.namespace_id = k.namespace_id AND s.generation = k.generation
                AND s.model = k.model AND s.revision = 1 AND {then}
            ORDER BY s.from_position DESC LIMIT 1
        ), 0) AS last_version
    FROM regesta.models AS k
    CROSS JOIN LATERAL (
        SELECT s.* FROM regesta.model_history AS s
        WHERE s.namespace_id = k.namespace_id AND s.generation = k.generation
            AND s.model = k.model AND {then}
        ORDER BY s.from_position DESC LIMIT 1
    ) AS s
)""")

# `origin` is what was registered; serialized messages are merged by putting them together.
_VERSIONS: Final = SQL("""(
    SELECT k.namespace_id, k.generation, k.model, k.number, s.semver, s.stage,
        s.stage_position, k.source, k.digest, k.run, s.tags, k.properties, k.params, k.metrics,
        s.deleted, k.created_at, s.updated_at, k.created_by, s.revision, s.text_fields,
        s.text_digests,
        (
            SELECT f.origin FROM regesta.version_history AS f
            WHERE f.namespace_id = k.namespace_id AND f.generation = k.generation
                AND f.model = k.model AND f.number = k.number
            ORDER BY f.from_position LIMIT 1
        ) || s.resource AS resource
    FROM regesta.versions AS k
    CROSS JOIN LATERAL (
        SELECT s.* FROM regesta.version_history AS s
        WHERE s.namespace_id = k.namespace_id AND s.generation = k.generation
            AND s.model = k.model AND s.number = k.number AND {then}
        ORDER BY s.from_position DESC LIMIT 1
    ) AS s
)""")

_ALIASES: Final = SQL("""(
    SELECT k.namespace_id, k.generation, k.model, k.alias, s.number, s.updated_at, s.revision,
        s.resource
    FROM regesta.aliases AS k
    CROSS JOIN LATERAL (
        SELECT s.* FROM regesta.alias_history AS s
        WHERE s.namespace_id = k.namespace_id AND s.generation = k.generation
            AND s.model = k.model AND s.alias = k.alias AND {then}
        ORDER BY s.from_position DESC LIMIT 1
    ) AS s
)""")

#: What resolving by stage, range or latest looks at: the states of a model's versions.
STATES: Final = SQL("""
SELECT k.number, s.stage, s.stage_position, s.deleted, COALESCE(s.semver, '')
FROM regesta.logs AS h
JOIN regesta.versions AS k
    ON k.namespace_id = h.namespace_id AND k.generation = h.generation
CROSS JOIN LATERAL (
    SELECT s.* FROM regesta.version_history AS s
    WHERE s.namespace_id = k.namespace_id AND s.generation = k.generation
        AND s.model = k.model AND s.number = k.number AND {then}
    ORDER BY s.from_position DESC LIMIT 1
) AS s
WHERE h.namespace_id = %(namespace_id)s AND k.model = %(model)s
""")
