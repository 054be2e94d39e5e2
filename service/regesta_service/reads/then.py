"""The catalog's tables as they were at a moment, for the statements of lists.

Each is a relation with the columns of the present table, so that lists, filters and orders
need no second form. Keys come from the present table, where rows are never deleted, in the
order of its indexes; for each the history has the row that held then, found by one look-up
however long ago that was. Of a version, what was registered never changed and is the present
table's.
"""

from __future__ import annotations

from datetime import UTC, datetime
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
    def form(self) -> AsOf:
        """One moment in place of all whose SQL is the same: their values are no part of it."""
        return _RECORDED_BY if self.effective_at is None else _HAPPENED_BY

    @property
    def parameters(self) -> dict[str, object]:
        """The parameters that the relations need."""
        if self.effective_at is None:
            return {"as_of": self.position}
        return {"as_of": self.position, "effective_at": self.effective_at}

    @property
    def condition(self) -> Composable:
        """SQL that says of a row of the history, called `s`, whether it had come by then."""
        return self.condition_of("s")

    def condition_of(self, row: str) -> Composable:
        """Return SQL that says of a row of the history whether it had come by then."""
        name = Identifier(row)
        by_position = SQL("{}.from_position <= %(as_of)s").format(name)
        if self.effective_at is None:
            return by_position
        return SQL("{} AND {}.effective_at <= %(effective_at)s").format(by_position, name)


_RECORDED_BY: Final = AsOf(0)
_HAPPENED_BY: Final = AsOf(0, datetime.max.replace(tzinfo=UTC))


class Relations(NamedTuple):
    """Where the statements of lists read."""

    models: Composable
    #: Models again, for lists of them: in the order of names without a sort.
    listed_models: Composable
    versions: Composable
    aliases: Composable


NOW: Final = Relations(
    Identifier("regesta", "models"),
    Identifier("regesta", "models"),
    Identifier("regesta", "versions"),
    Identifier("regesta", "aliases"),
)


def relations(as_of: AsOf | None, found: Composable | None = None) -> Relations:
    """Return the tables of now, or relations like them as of a moment.

    Args:
        as_of: The moment; None is now.
        found: Of a moment, the keys of versions if only some matter, from `found_versions`. The
            log's row must be called `h` then.
    """
    if as_of is None:
        return NOW
    then = as_of.condition
    keys = _EVERY_VERSION if found is None else _SOME_VERSIONS.format(found=found)
    return Relations(
        SQL("({})").format(_models(as_of, "models", named_by="s")),
        SQL("({} {})").format(_models(as_of, "model_names", named_by="k"), _NAMED_SO_THEN),
        _VERSIONS.format(then=then, keys=keys),
        _ALIASES.format(then=then),
    )


def last_number(as_of: AsOf, of: str) -> Composed:
    """Return the query of the last number that a model had given out.

    Args:
        as_of: The moment.
        of: What the model's row is called; it has namespace_id, generation and model.
    """
    return _LAST_NUMBER.format(of=Identifier(of), then=as_of.condition)


def found_versions(found: Composable, as_of: AsOf, of_model: Composable) -> Composed:
    """Return the keys of versions at which an event by then began something.

    Args:
        found: What it began, of rows called `c`.
        as_of: The moment.
        of_model: A condition on `c.model`.
    """
    return _FOUND.format(found=found, then=as_of.condition_of("c"), of_model=of_model)


def _models(as_of: AsOf, table: str, *, named_by: str) -> Composed:
    """Return the query of the models that a table has a key of, as they were.

    Args:
        as_of: The moment.
        table: Called `k`; the state of then is called `s`.
        named_by: Which of the two has the key of the name.
    """
    return _MODELS.format(
        table=Identifier("regesta", table),
        named_by=Identifier(named_by),
        last=last_number(as_of, "k"),
        then=as_of.condition,
    )


_EVERY_VERSION: Final = SQL("regesta.versions AS k")

_MODELS: Final = SQL("""
    SELECT k.namespace_id, k.generation, k.model, s.name, {named_by}.name_key, s.kind, s.owner,
        s.tags, s.deleted, s.created_at, s.updated_at, s.created_by, s.revision, s.text_fields,
        s.text_digests, s.resource, s.flagged, COALESCE(({last}), 0) AS last_version
    FROM {table} AS k
    CROSS JOIN LATERAL (
        SELECT s.* FROM regesta.model_history AS s
        WHERE s.namespace_id = k.namespace_id AND s.generation = k.generation
            AND s.model = k.model AND {then}
        ORDER BY s.from_position DESC LIMIT 1
    ) AS s
""")

# Names that a model has or had: each leads to it, and at a moment it had one of them.
_NAMED_SO_THEN: Final = SQL("""
    -- CASE: as an equality it would seem to let through so few that all had better be sorted.
    WHERE CASE WHEN s.name_key = k.name_key THEN true ELSE false END
""")

# Numbers are given out in order, so the last one is that of the last first event.
_LAST_NUMBER: Final = SQL("""
    SELECT s.number FROM regesta.version_history AS s
    WHERE s.namespace_id = {of}.namespace_id AND s.generation = {of}.generation
        AND s.model = {of}.model AND s.revision = 1 AND {then}
    ORDER BY s.from_position DESC LIMIT 1
""")

# `origin` is what was registered, and stands in the first row, which often is the one that held
# then; serialized messages are merged by putting them together.
_VERSIONS: Final = SQL("""(
    SELECT k.namespace_id, k.generation, k.model, k.number, s.semver, s.stage,
        s.stage_position, k.source, k.digest, k.run, s.tags, k.properties, k.params, k.metrics,
        s.deleted, k.created_at, s.updated_at, k.created_by, s.revision, s.text_fields,
        s.text_digests, s.resolvable, s.flagged, s.revoked,
        COALESCE(s.origin, (
            SELECT f.origin FROM regesta.version_history AS f
            WHERE f.namespace_id = k.namespace_id AND f.generation = k.generation
                AND f.model = k.model AND f.number = k.number
            ORDER BY f.from_position LIMIT 1
        )) || s.resource AS resource
    FROM {keys}
    CROSS JOIN LATERAL (
        SELECT s.* FROM regesta.version_history AS s
        WHERE s.namespace_id = k.namespace_id AND s.generation = k.generation
            AND s.model = k.model AND s.number = k.number AND {then}
        ORDER BY s.from_position DESC LIMIT 1
    ) AS s
)""")

# LIMIT and OFFSET: one look-up for each, whatever the planner believes of how many there are.
_SOME_VERSIONS: Final = SQL("""(SELECT DISTINCT c.model, c.number FROM ({found}) AS c OFFSET 0) AS c
    CROSS JOIN LATERAL (
        SELECT k.* FROM regesta.versions AS k
        WHERE k.namespace_id = %(namespace_id)s AND k.generation = h.generation
            AND k.model = c.model AND k.number = c.number
        LIMIT 1
    ) AS k""")

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

_FOUND: Final = SQL("""
    SELECT c.model, c.number FROM regesta.version_history AS c
    WHERE c.namespace_id = %(namespace_id)s AND c.generation = (
            SELECT l.generation FROM regesta.logs AS l WHERE l.namespace_id = %(namespace_id)s
        )
        AND {of_model} AND {found} AND {then}
""")
