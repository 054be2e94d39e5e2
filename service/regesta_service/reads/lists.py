"""Lists and searches: pages by keyset, straight from the tables.

A page is one statement, so its resources and its position are of one snapshot. Free
texts are fetched by a second one, once it is known how many of the rows fit into a page;
they are found by digest, so they cannot be of another time.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from psycopg.sql import SQL, Composable, Composed, Identifier

from regesta_projections.filtering import Clause, Order
from regesta_projections.finishing import finish_alias, finish_model, finish_version
from regesta_service.reads.pages import MAX_PAGE_BYTES
from regesta_service.reads.refusals import model_not_found
from regesta_service.reads.then import relations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.then import AsOf

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


class Page(NamedTuple):
    """One page."""

    #: Finished, serialized resources.
    resources: list[bytes]
    #: The place of the last one when there are more behind it.
    end: list[str | int] | None
    #: The position that it reflects: the log's size in the page's snapshot, or the moment's.
    size: int


class Lists:
    """Lists of models, versions and aliases."""

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def models(self, listing: Listing) -> Page:
        """Return a page of a namespace's models."""
        query, parameters = _statement(_MODELS, listing, SQL("NOT m.deleted"))

        def finish(row: Sequence[Any], texts: dict[str, str]) -> bytes:
            name, last_version, resource, aliases, numbers = row
            return finish_model(
                resource,
                name=f"namespaces/{listing.namespace}/models/{name}",
                latest_version=last_version,
                aliases=dict(zip(aliases, numbers, strict=True)),
                texts=texts,
            )

        return await self._page(query, parameters, listing, finish)

    async def versions(self, listing: Listing, model: str | None) -> Page:
        """Return a page of a model's versions, or of those of all models.

        Args:
            listing: What to list.
            model: A present or former name of the model; None for all models.

        Raises:
            ModelNotFound: No model has or had this name.
        """
        visible = SQL("NOT v.deleted AND NOT m.deleted")
        scope = _ALL_MODELS if model is None else _ONE_MODEL
        query, parameters = _statement(_VERSIONS, listing, visible, scope)
        if model is not None:
            parameters["name_key"] = model.lower()

        def finish(row: Sequence[Any], texts: dict[str, str]) -> bytes:
            name, number, resource, aliases = row
            return finish_version(
                resource,
                name=f"namespaces/{listing.namespace}/models/{name}/versions/{number}",
                aliases=aliases,
                texts=texts,
            )

        return await self._page(query, parameters, listing, finish, model)

    async def aliases(
        self,
        namespace: str,
        namespace_id: int,
        model: str,
        *,
        after: str,
        limit: int,
        as_of: AsOf | None = None,
        only: str | None = None,
    ) -> Page:
        """Return a page of a model's aliases, by name.

        Args:
            namespace: The namespace's name.
            namespace_id: Its number.
            model: A present or former name of the model.
            after: Begin behind this alias; empty begins at the first.
            limit: At most this many.
            as_of: As for `Listing`.
            only: Give just this alias; None gives all.

        Raises:
            ModelNotFound: No model has or had this name.
        """
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            where = relations(as_of)
            await cursor.execute(
                _ALIASES.format(models=where.models, aliases=where.aliases),
                {
                    "namespace_id": namespace_id,
                    "name_key": model.lower(),
                    "after": after,
                    "limit": limit + 1,
                    "only": only,
                    **(as_of.parameters if as_of else {}),
                },
            )
            rows = await cursor.fetchall()
        size, found = as_of.position if as_of else rows[0][0], rows[0][1]
        if found is None:
            raise model_not_found(model)
        listed = [row[2:] for row in rows if row[2] is not None]
        resources = [
            finish_alias(resource, name=f"namespaces/{namespace}/models/{name}/aliases/{alias}")
            for alias, resource, name in listed[:limit]
        ]
        return Page(resources, [listed[limit - 1][0]] if len(listed) > limit else None, size)

    async def alias(
        self, namespace: str, namespace_id: int, model: str, alias: str, as_of: AsOf
    ) -> bytes | None:
        """Return one of a model's aliases at a moment; None when it pointed nowhere.

        Raises:
            ModelNotFound: No model has or had this name.
        """
        page = await self.aliases(
            namespace, namespace_id, model, after="", limit=1, as_of=as_of, only=alias
        )
        return page.resources[0] if page.resources else None

    async def _page(
        self,
        query: Composed,
        parameters: dict[str, object],
        listing: Listing,
        finish: Callable[[Sequence[Any], dict[str, str]], bytes],
        model: str | None = None,
    ) -> Page:
        keys = len(listing.order.keys)
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(query, parameters)
            rows = await cursor.fetchall()
            size = listing.as_of.position if listing.as_of else rows[0][0]
            found = rows[0][1]
            if found is None:
                raise model_not_found(model or "")
            # A namespace without a match is one row without a resource.
            records = [_Record.of(row, keys) for row in rows if row[2] is not None]
            fitting = _fitting(records, listing.limit)
            texts: dict[str, str] = {}
            digests = [digest for record in fitting for digest in record.digests]
            if digests:
                await cursor.execute(_TEXTS, [listing.namespace_id, digests])
                texts = dict(await cursor.fetchall())
        resources = [finish(record.rest, record.texts(texts)) for record in fitting]
        end = listing.order.key_of(fitting[-1].place) if len(fitting) < len(records) else None
        return Page(resources, end, size)


class _Record(NamedTuple):
    """A row of a list."""

    #: Bytes of its resource and texts.
    size: int
    fields: list[str]
    digests: list[str]
    #: Values of the sort keys.
    place: Sequence[Any]
    #: What finishing it needs.
    rest: Sequence[Any]

    @classmethod
    def of(cls, row: Sequence[Any], keys: int) -> _Record:
        """Return the record in a row, whose sort keys stand after five columns."""
        return cls(row[2], row[3], row[4], row[5 : 5 + keys], row[5 + keys :])

    def texts(self, found: dict[str, str]) -> dict[str, str]:
        """Return its own texts by field, but for erased ones."""
        return {
            field: found[digest]
            for field, digest in zip(self.fields, self.digests, strict=True)
            if digest in found
        }


def _fitting(records: list[_Record], limit: int) -> list[_Record]:
    """Return the first records, as many as fit into a page."""
    room = MAX_PAGE_BYTES
    for place, record in enumerate(records[:limit]):
        room -= record.size
        if room < 0 and place:
            return records[:place]
    return records[:limit]


def _statement(
    statement: SQL, listing: Listing, visible: SQL, scope: Mapping[str, SQL] = MappingProxyType({})
) -> tuple[Composed, dict[str, object]]:
    """Return a list's statement and its parameters."""
    order = listing.order
    behind = NO_FILTER if listing.after is None else order.keyset(listing.after)
    names = [Identifier(f"sort_{place}") for place in range(len(order.keys))]
    pairs = list(zip(names, order.keys, strict=True))
    where = relations(listing.as_of)
    query = statement.format(
        models=where.models,
        versions=where.versions,
        aliases=where.aliases,
        sorts=_commas(SQL("p.{}").format(name) for name in names),
        sort_columns=_commas(SQL("{} AS {}").format(k.field.expression, n) for n, k in pairs),
        join=order.join,
        visible=SQL("TRUE") if listing.show_deleted else visible,
        where=listing.where.sql,
        behind=behind.sql,
        order=order.sql(),
        outer_order=_commas(
            SQL("p.{} DESC" if key.descending else "p.{}").format(name) for name, key in pairs
        ),
        **scope,
    )
    parameters = {
        "namespace_id": listing.namespace_id,
        # One more, to know whether another page follows.
        "limit": listing.limit + 1,
        **listing.where.params,
        **behind.params,
        **(listing.as_of.parameters if listing.as_of else {}),
    }
    return query, parameters


def _commas(parts: Iterable[Composable]) -> Composable:
    return SQL(", ").join(parts)


# The inner query finds the page, the outer one looks up what belongs to its rows.
_MODELS: Final = SQL(
    """
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
LEFT JOIN LATERAL (
    SELECT {sort_columns}, m.*
    FROM {models} AS m {join}
    WHERE m.namespace_id = h.namespace_id AND m.generation = h.generation
        AND {visible} AND {where} AND {behind}
    {order}
    LIMIT %(limit)s
) AS p ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY {outer_order}
"""
)

_VERSIONS: Final = SQL(
    """
SELECT h.size, {found},
    octet_length(p.resource) + COALESCE((
        SELECT sum(octet_length(d.text)) FROM regesta.disclosures AS d
        WHERE d.namespace_id = h.namespace_id AND d.digest = ANY (p.text_digests)
    ), 0)::bigint,
    p.text_fields, p.text_digests, {sorts}, p.model_name, p.number, p.resource,
    ARRAY(
        SELECT a.alias FROM {aliases} AS a
        WHERE a.namespace_id = h.namespace_id AND a.generation = h.generation
            AND a.model = p.model AND a.number = p.number
        ORDER BY a.alias
    )
FROM regesta.logs AS h
{names}
LEFT JOIN LATERAL (
    SELECT {sort_columns}, m.name AS model_name, v.*
    FROM {versions} AS v
    JOIN {models} AS m
        ON m.namespace_id = v.namespace_id AND m.generation = v.generation AND m.model = v.model
    {join}
    WHERE v.namespace_id = h.namespace_id AND v.generation = h.generation
        AND {of_model} AND {visible} AND {where} AND {behind}
    {order}
    LIMIT %(limit)s
) AS p ON true
WHERE h.namespace_id = %(namespace_id)s
ORDER BY {outer_order}
"""
)

_ALL_MODELS: Final = {"found": SQL("''"), "names": SQL(""), "of_model": SQL("TRUE")}
_ONE_MODEL: Final = {
    "found": SQL("n.model"),
    "names": SQL(
        "LEFT JOIN regesta.model_names AS n"
        " ON n.namespace_id = h.namespace_id AND n.generation = h.generation"
        " AND n.name_key = %(name_key)s"
    ),
    "of_model": SQL("v.model = n.model"),
}

_TEXTS = (
    "SELECT digest, text FROM regesta.disclosures WHERE namespace_id = %s AND digest = ANY (%s)"
)

_ALIASES: Final = SQL("""
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
