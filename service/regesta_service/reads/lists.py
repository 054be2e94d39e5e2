"""Lists and searches: pages by keyset, straight from the tables.

A page is one statement, so its resources and its position are of one snapshot. Free
texts are fetched by a second one, once it is known how many of the rows fit into a page;
they are found by digest, so they cannot be of another time.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from regesta_projections.finishing import finish_alias, finish_model, finish_version
from regesta_service.reads.list_statements import (
    FEW,
    Listing,
    aliases_statement,
    count_statement,
    models_statement,
    versions_statement,
)
from regesta_service.reads.pages import MAX_PAGE_BYTES
from regesta_service.reads.refusals import history_behind, model_not_found
from regesta_service.reads.texts import by_field, texts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from psycopg.sql import SQL, Composed
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.reads.then import AsOf


# Where a row of a list has the log's size, the generation, the model that the list is of, how
# far the history reaches, the bytes of its resource and texts, the fields and digests of its
# texts, and the values of the sort keys; what finishing it needs comes behind.
_AT: Final = 0
_GENERATION: Final = 1
_FOUND: Final = 2
_REACHED: Final = 3
_BYTES: Final = 4
_FIELDS: Final = 5
_DIGESTS: Final = 6
_PLACE: Final = 7

_NO_TEXTS: Final[Mapping[str, str]] = MappingProxyType({})


class Page(NamedTuple):
    """One page."""

    #: Finished, serialized resources.
    resources: list[bytes]
    #: The place of the last one when there are more behind it.
    end: list[str | int] | None
    #: The position that it reflects: the log's size in the page's snapshot, or the moment's.
    size: int
    #: The generation of the rows that it was read from.
    generation: int = 0
    #: The model whose versions they are, by its first name; empty for no one model.
    model: str = ""


class Lists:
    """Lists of models, versions and aliases.

    A page of a moment says itself whether the history reaches the moment, in the snapshot that
    it was read from: nobody need ask before. Each of them raises `NotFreshYet` when it does not.
    """

    def __init__(self, pool: AsyncConnectionPool) -> None:
        self._pool = pool

    async def models(self, listing: Listing) -> Page:
        """Return a page of a namespace's models."""
        query, parameters = models_statement(listing)

        def finish(row: Sequence[Any], texts: Mapping[str, str]) -> bytes:
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

        def finish(row: Sequence[Any], texts: Mapping[str, str]) -> bytes:
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
            await cursor.execute(
                aliases_statement(as_of),
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
        size, name, reached = rows[0][:3]
        _check_reached(as_of, reached)
        if name is None:
            raise model_not_found(model)
        listed = [row[3:] for row in rows if row[3] is not None]
        resources = [
            finish_alias(resource, name=f"namespaces/{namespace}/models/{name}/aliases/{alias}")
            for alias, resource in listed[:limit]
        ]
        if as_of is not None:
            size = as_of.position
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
        query: SQL | Composed,
        parameters: dict[str, object],
        listing: Listing,
        finish: Callable[[Sequence[Any], Mapping[str, str]], bytes],
        model: str | None = None,
    ) -> Page:
        keys = len(listing.order.keys)
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(query, parameters)
            rows = await cursor.fetchall()
            first = rows[0]
            _check_reached(listing.as_of, first[_REACHED])
            if first[_FOUND] is None:
                raise model_not_found(model or "")
            # A namespace without a match is one row without a resource.
            listed = rows if first[_BYTES] is not None else []
            fitting = _fitting(listed, listing.limit)
            digests = [digest for row in fitting for digest in row[_DIGESTS]]
            texts = await texts_of(cursor, listing.namespace_id, digests)
        rest = _PLACE + keys
        resources = [
            finish(
                row[rest:],
                by_field(row[_FIELDS], row[_DIGESTS], texts) if row[_DIGESTS] else _NO_TEXTS,
            )
            for row in fitting
        ]
        end = None
        if len(fitting) < len(listed):
            end = listing.order.key_of(fitting[-1][_PLACE:rest])
        size = listing.as_of.position if listing.as_of else first[_AT]
        return Page(resources, end, size, first[_GENERATION], first[_FOUND])


def _check_reached(as_of: AsOf | None, reached: int) -> None:
    """Refuse rows of a moment that the history had not reached when they were read."""
    if as_of is not None and reached < as_of.position:
        raise history_behind(reached, as_of.position)


def _fitting(rows: Sequence[Sequence[Any]], limit: int) -> Sequence[Sequence[Any]]:
    """Return the first rows, as many as fit into a page."""
    room = MAX_PAGE_BYTES
    for place, row in enumerate(rows[:limit]):
        room -= row[_BYTES]
        if room < 0 and place:
            return rows[:place]
    return rows[:limit]
