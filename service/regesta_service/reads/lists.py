"""Lists and searches: pages by keyset, straight from the tables.

A page is one statement, so its resources and its position are of one snapshot. Free
texts are fetched by a second one, once it is known how many of the rows fit into a page;
they are found by digest, so they cannot be of another time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from regesta_projections.finishing import finish_alias, finish_model, finish_version
from regesta_service.reads.list_statements import (
    ALIASES,
    FEW,
    TEXTS,
    Listing,
    count_statement,
    models_statement,
    versions_statement,
)
from regesta_service.reads.pages import MAX_PAGE_BYTES
from regesta_service.reads.refusals import model_not_found
from regesta_service.reads.then import relations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.sql import Composed
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.then import AsOf


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
        query, parameters = models_statement(listing)

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
        if listing.found is not None and not await self._finds_few(listing, model):
            listing = listing._replace(found=None)
        query, parameters = versions_statement(listing, model)

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
                ALIASES.format(models=where.models, aliases=where.aliases),
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

    async def _finds_few(self, listing: Listing, model: str | None) -> bool:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(*count_statement(listing, model))
            ((count,),) = await cursor.fetchall()
        return bool(count <= FEW)

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
                await cursor.execute(TEXTS, [listing.namespace_id, digests])
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
