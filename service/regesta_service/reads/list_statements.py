"""The statements of lists: of now, and of a moment.

Of now they read the catalog's tables, of a moment relations like them (see `then`). A page of
the past must not cost more the longer ago it was, though most of what there is now was not
there yet. So versions of a model are listed from the last number that it had given out, those
of all models model by model, and what a filter can find by an index of the history it does.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from psycopg.sql import SQL, Composable, Composed, Identifier

from regesta_projections.filtering import MODEL_ORDER, VERSION_ORDER, Clause, Order
from regesta_service.reads.then import found_versions, last_number, relations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from regesta_service.reads.then import AsOf

    Statement = tuple[Composed, dict[str, object]]

#: So many versions are looked at one by one rather than all in their order.
FEW: Final = 1_000

NO_FILTER: Final = Clause(SQL("TRUE"), {})


class Listing(NamedTuple):
    """What a list is asked for."""

    namespace: str
    namespace_id: int
    order: Order
    #: At most this many resources.
    limit: int
    where: Clause = NO_FILTER
    #: Begin behind this place, from `Page.end`.
    after: Sequence[str | int] | None = None
    show_deleted: bool = False
    #: What was so at this moment; None means now. The history must have reached it.
    as_of: AsOf | None = None
    #: Of a moment, what of `where` an index of the history finds, from `compile_found`.
    found: Clause | None = None

    @property
    def by_name(self) -> bool:
        """Whether models are listed in the order of their names."""
        return self.order.keys[0].field is MODEL_ORDER.fields["name"]

    @property
    def by_key(self) -> bool:
        """Whether versions are listed in the order of their primary key."""
        fields = tuple(key.field for key in self.order.keys)
        return fields == VERSION_ORDER.primary_key and not self.order.keys[0].descending


def models_statement(listing: Listing) -> Statement:
    """Return the statement of a page of models, and its parameters."""
    return _statement(_MODELS, listing, {})


def versions_statement(listing: Listing, model: str | None) -> Statement:
    """Return the statement of a page of versions, and its parameters.

    Args:
        listing: What to list.
        model: A name of the model whose versions they are; None for all models.
    """
    as_of = listing.as_of
    scope: dict[str, Composable] = {"found": SQL("''"), "names": SQL("")}
    limits: dict[str, Composable] = {"of_model": SQL("TRUE")}
    page = _VERSIONS_PAGE
    if model is not None:
        scope = {"found": SQL("n.model"), "names": _NAMES}
        limits = {"of_model": SQL("v.model = n.model")}
        if as_of is not None:
            scope["names"] = _NAMES + _LAST_NUMBER.format(last_number(as_of, "n"))
            limits = {"of_model": SQL("v.model = n.model AND v.number <= t.number")}
    elif as_of is not None and listing.found is None and listing.by_key:
        page = _MODEL_BY_MODEL
        begun = SQL("TRUE") if listing.after is None else SQL("m.model >= %(after_model)s")
        limits = {"last_number": last_number(as_of, "m"), "begun": begun}
    pointing = (
        _POINTING
        if as_of is None
        else _POINTED.format(then=as_of.condition_of("a"), later=as_of.condition_of("s"))
    )
    query, parameters = _statement(
        _VERSIONS,
        listing,
        scope | {"pointing": pointing},
        page=page,
        found=_found(listing, model),
        limits=limits,
    )
    if model is not None:
        parameters["name_key"] = model.lower()
    if page is _MODEL_BY_MODEL and listing.after is not None:
        parameters["after_model"] = listing.after[0]
    return query, parameters


def count_statement(listing: Listing, model: str | None) -> Statement:
    """Return the statement that counts what the history finds, up to one more than a few."""
    parameters: dict[str, object] = {"namespace_id": listing.namespace_id, "limit": FEW + 1}
    if model is not None:
        parameters["name_key"] = model.lower()
    if listing.found is not None and listing.as_of is not None:
        parameters |= listing.found.params | listing.as_of.parameters
    return _COUNT.format(found=_found(listing, model) or SQL("SELECT")), parameters


def _found(listing: Listing, model: str | None) -> Composable | None:
    if listing.found is None or listing.as_of is None:
        return None
    of_model = SQL("TRUE") if model is None else _NAMED
    return found_versions(listing.found, listing.as_of, of_model)


def _statement(
    statement: SQL,
    listing: Listing,
    scope: Mapping[str, Composable],
    *,
    page: SQL | None = None,
    found: Composable | None = None,
    limits: Mapping[str, Composable] = MappingProxyType({}),
) -> Statement:
    """Return a list's statement and its parameters."""
    order = listing.order
    behind = NO_FILTER if listing.after is None else order.keyset(listing.after)
    names = [Identifier(f"sort_{place}") for place in range(len(order.keys))]
    pairs = list(zip(names, order.keys, strict=True))
    where = relations(listing.as_of, found)
    conditions = [listing.where, behind]
    hidden = _HIDDEN_MODELS if page is None else _HIDDEN_VERSIONS
    inner = (page or _MODELS_PAGE).format(
        models=where.listed_models if page is None and listing.by_name else where.models,
        versions=where.versions,
        sort_columns=_commas(SQL("{} AS {}").format(k.field.expression, n) for n, k in pairs),
        join=order.join,
        where=SQL(" AND ").join(
            [*(clause.sql for clause in conditions), *([] if listing.show_deleted else [hidden])]
        ),
        order=order.sql(),
        **limits,
    )
    query = statement.format(
        aliases=where.aliases,
        sorts=_commas(SQL("p.{}").format(name) for name in names),
        page=inner,
        outer_order=_commas(
            SQL("p.{} DESC" if key.descending else "p.{}").format(name) for name, key in pairs
        ),
        **scope,
    )
    parameters: dict[str, object] = {
        "namespace_id": listing.namespace_id,
        # One more, to know whether another page follows.
        "limit": listing.limit + 1,
    }
    for clause in conditions:
        parameters |= clause.params
    if listing.found is not None:
        parameters |= listing.found.params
    if listing.as_of is not None:
        parameters |= listing.as_of.parameters
    return query, parameters


def _commas(parts: Iterable[Composable]) -> Composable:
    return SQL(", ").join(parts)


_COUNT: Final = SQL("SELECT count(*) FROM (SELECT FROM ({found}) AS c LIMIT %(limit)s) AS c")

_NAMED: Final = SQL("""
    c.model = (
        SELECT n.model FROM regesta.model_names AS n
        JOIN regesta.logs AS l
            ON l.namespace_id = n.namespace_id AND l.generation = n.generation
        WHERE n.namespace_id = %(namespace_id)s AND n.name_key = %(name_key)s
    )
""")

_HIDDEN_MODELS: Final = SQL("NOT m.deleted")
_HIDDEN_VERSIONS: Final = SQL("NOT v.deleted AND NOT m.deleted")

# The inner query, the page, finds the rows; the outer one looks up what belongs to them.
_MODELS: Final = SQL("""
SELECT h.size, '',
    octet_length(p.resource) + COALESCE((
        SELECT sum(octet_length(d.text)) FROM regesta.disclosures AS d
        WHERE d.namespace_id = h.namespace_id AND d.digest = ANY (p.text_digests)
    ), 0)::bigint,
    p.text_fields, p.text_digests, {sorts}, p.name, p.last_version, p.resource,
    ARRAY(
        SELECT a.alias FROM {aliases} AS a
        WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
            AND a.model = p.model AND a.number IS NOT NULL
        ORDER BY a.alias
    ),
    ARRAY(
        SELECT a.number FROM {aliases} AS a
        WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
            AND a.model = p.model AND a.number IS NOT NULL
        ORDER BY a.alias
    )
FROM regesta.logs AS h
LEFT JOIN LATERAL ({page}) AS p ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY {outer_order}
""")

_MODELS_PAGE: Final = SQL("""
    SELECT {sort_columns}, m.*
    FROM {models} AS m {join}
    WHERE m.namespace_id = h.namespace_id AND m.generation = h.generation AND {where}
    {order}
    LIMIT %(limit)s
""")

_VERSIONS: Final = SQL("""
SELECT h.size, {found},
    octet_length(p.resource) + COALESCE((
        SELECT sum(octet_length(d.text)) FROM regesta.disclosures AS d
        WHERE d.namespace_id = h.namespace_id AND d.digest = ANY (p.text_digests)
    ), 0)::bigint,
    p.text_fields, p.text_digests, {sorts}, p.model_name, p.number, p.resource,
    ARRAY({pointing})
FROM regesta.logs AS h
{names}
LEFT JOIN LATERAL ({page}) AS p ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY {outer_order}
""")

_POINTING: Final = SQL("""
    SELECT a.alias FROM regesta.aliases AS a
    WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
        AND a.model = p.model AND a.number = p.number
    ORDER BY a.alias
""")

# Aliases that were pointed to the version, and of which nothing came later.
_POINTED: Final = SQL("""
    SELECT a.alias FROM regesta.alias_history AS a
    WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
        AND a.model = p.model AND a.number = p.number AND {then}
        AND NOT EXISTS (
            SELECT FROM regesta.alias_history AS s
            WHERE s.namespace_id = a.namespace_id AND s.generation = a.generation
                AND s.model = a.model AND s.alias = a.alias
                AND s.from_position > a.from_position AND {later}
        )
    ORDER BY a.alias
""")

_VERSIONS_PAGE: Final = SQL("""
    SELECT {sort_columns}, m.name AS model_name, v.*
    FROM {versions} AS v
    JOIN {models} AS m
        ON m.namespace_id = v.namespace_id AND m.generation = v.generation AND m.model = v.model
    {join}
    WHERE v.namespace_id = h.namespace_id AND v.generation = h.generation
        AND {of_model} AND {where}
    {order}
    LIMIT %(limit)s
""")

# Of each model no more than a page, which keeps the sort behind it short.
_MODEL_BY_MODEL: Final = SQL("""
    SELECT q.*
    FROM {models} AS m
    CROSS JOIN LATERAL ({last_number}) AS t
    CROSS JOIN LATERAL (
        SELECT {sort_columns}, m.name AS model_name, v.*
        FROM {versions} AS v {join}
        WHERE v.namespace_id = m.namespace_id AND v.generation = m.generation
            AND v.model = m.model AND v.number <= t.number AND {where}
        {order}
        LIMIT %(limit)s
    ) AS q
    WHERE m.namespace_id = h.namespace_id AND m.generation = h.generation AND {begun}
    ORDER BY m.model, q.number
    LIMIT %(limit)s
""")

_NAMES: Final = SQL("""
LEFT JOIN regesta.model_names AS n
    ON n.namespace_id = h.namespace_id AND n.generation = h.generation
    AND n.name_key = %(name_key)s
""")
_LAST_NUMBER: Final = SQL("LEFT JOIN LATERAL ({}) AS t ON true")

#: Texts by digest.
TEXTS: Final = (
    "SELECT digest, text FROM regesta.disclosures WHERE namespace_id = %s AND digest = ANY (%s)"
)

#: A page of aliases, or one.
ALIASES: Final = SQL("""
SELECT h.size, m.name, p.alias, p.resource, m.name
FROM regesta.logs AS h
LEFT JOIN regesta.model_names AS n
    ON n.namespace_id = h.namespace_id AND n.generation = h.generation
    AND n.name_key = %(name_key)s
LEFT JOIN {models} AS m
    ON m.namespace_id = n.namespace_id AND m.generation = n.generation AND m.model = n.model
LEFT JOIN LATERAL (
    SELECT a.alias, a.resource FROM {aliases} AS a
    WHERE a.namespace_id = n.namespace_id AND a.generation = n.generation
        AND a.model = n.model AND a.number IS NOT NULL AND a.alias > %(after)s
        AND (%(only)s::text IS NULL OR a.alias = %(only)s)
    ORDER BY a.alias
    LIMIT %(limit)s
) AS p ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY p.alias
""")
