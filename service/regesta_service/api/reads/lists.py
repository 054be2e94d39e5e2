"""CatalogService's lists and searches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from regesta.names import ModelName
from regesta_projections.filtering import (
    MODEL_ORDER,
    VERSION_ORDER,
    InvalidFilter,
    InvalidOrder,
    model_columns,
    parse_order,
    version_columns,
)
from regesta_service.api.reads.requests import freshness_of, moment_of, name_in, namespace_in
from regesta_service.domain.rejections import (
    InvalidFilterGiven,
    InvalidPageToken,
    InvalidRequest,
    NotFreshYet,
)
from regesta_service.reads.cache import EVERYTHING
from regesta_service.reads.consistency import check_reached
from regesta_service.reads.kept import Fresh
from regesta_service.reads.latest import MAX_MODELS, latest_versions
from regesta_service.reads.list_statements import Listing, conditions_of
from regesta_service.reads.moments import Occurred, position_at
from regesta_service.reads.pages import page_size_of
from regesta_service.reads.then import AsOf
from regesta_service.reads.wire import latest_answer, page_answer, page_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from psycopg.sql import Composable

    from regesta.v1 import catalog_service_pb2 as pb
    from regesta_projections.filtering import Columns, Order, SortFields
    from regesta_service.api.calls import Call
    from regesta_service.reads.cache import CacheKey
    from regesta_service.reads.lists import Page
    from regesta_service.reads.moments import Moment
    from regesta_service.reads.read_model import ReadModel

    _ListRequest = (
        pb.ListModelsRequest
        | pb.SearchModelsRequest
        | pb.ListVersionsRequest
        | pb.SearchVersionsRequest
    )
    _PagedRequest = _ListRequest | pb.ListAliasesRequest

_BY_NAME = parse_order("name", MODEL_ORDER)
_HIGHEST_FIRST = parse_order("version desc", VERSION_ORDER)

# What the keys of kept pages begin with.
_LIST_MODELS: Final = "list_models"
_SEARCH_MODELS: Final = "search_models"
_LIST_VERSIONS: Final = "list_versions"
_SEARCH_VERSIONS: Final = "search_versions"


class _Wanted(NamedTuple):
    """What a list is asked for, beside its page."""

    namespace: str
    filter: str
    order: Order
    columns: Callable[[Composable], Columns]


class CatalogLists:
    """Lists and searches of models, versions and aliases.

    A page of now is kept in memory until something happens to what it was found among, so the
    same question asked again costs no more than a resolution.
    """

    def __init__(self, reads: ReadModel) -> None:
        self._reads = reads

    async def list_models(self, request: pb.ListModelsRequest, call: Call) -> bytes:
        """Return a page of models."""
        key = (_LIST_MODELS, request.parent, *_page_of(request))
        if answer := await self._kept(request, key, call):
            return answer
        return await self._models(request, key, "", _BY_NAME, call)

    async def search_models(self, request: pb.SearchModelsRequest, call: Call) -> bytes:
        """Return a page of the models that a filter finds."""
        key = (_SEARCH_MODELS, *_search_of(request), *_page_of(request))
        if answer := await self._kept(request, key, call):
            return answer
        order = _order(request.order_by, MODEL_ORDER) if request.order_by else _BY_NAME
        return await self._models(request, key, request.filter, order, call)

    async def list_versions(self, request: pb.ListVersionsRequest, call: Call) -> bytes:
        """Return a page of a model's versions."""
        key = (_LIST_VERSIONS, request.parent, *_page_of(request))
        if answer := await self._kept(request, key, call):
            return answer
        name = name_in("parent", ModelName, request.parent)
        wanted = _Wanted(name.namespace, "", _HIGHEST_FIRST, version_columns)
        return await self._versions(request, key, wanted, name.model, call)

    async def search_versions(self, request: pb.SearchVersionsRequest, call: Call) -> bytes:
        """Return a page of the versions that a filter finds."""
        key = (_SEARCH_VERSIONS, *_search_of(request), *_page_of(request))
        if answer := await self._kept(request, key, call):
            return answer
        namespace, model = _scope(request.parent)
        order = _order(request.order_by, VERSION_ORDER)
        wanted = _Wanted(namespace, request.filter, order, version_columns)
        return await self._versions(request, key, wanted, model, call)

    async def list_latest_versions(
        self,
        request: pb.ListLatestVersionsRequest,
        call: Call,  # noqa: ARG002 - nothing is waited for
    ) -> bytes:
        """Return the latest versions of some models, one for each stage."""
        namespace = namespace_in(request.parent)
        models = _models_in(request.models, namespace)
        freshness = freshness_of(request)
        namespace_id = await self._reads.namespaces.namespace_id(namespace)
        latest = await latest_versions(self._reads.pool, namespace, namespace_id, models)
        # Read from the database during the call: as fresh as it can be.
        check_reached(freshness, latest.size)
        return latest_answer(latest.resources, request.models[latest.answered :], latest.size)

    async def list_aliases(self, request: pb.ListAliasesRequest, call: Call) -> bytes:
        """Return a page of a model's aliases."""
        name = name_in("parent", ModelName, request.parent)
        limit = page_size_of(request.page_size)
        namespace_id = await self._reads.namespaces.namespace_id(name.namespace)
        place, as_of = await self._begun(request, namespace_id, call)

        def read() -> Awaitable[Page]:
            return self._reads.lists.aliases(
                name.namespace,
                namespace_id,
                name.model,
                after=str(place[0]) if place else "",
                limit=limit,
                as_of=as_of,
            )

        if as_of is not None:
            return await self._at(request, namespace_id, as_of, call, read)
        return self._answer(request, await read(), None)

    async def _kept(self, request: _ListRequest, key: CacheKey, call: Call) -> bytes | None:
        """Return a page from memory, if it is there and can become what is asked for."""
        if request.HasField("as_of"):
            return None
        return await self._reads.pages.reached(key, freshness_of(request), call.remaining)

    async def _models(
        self,
        request: pb.ListModelsRequest | pb.SearchModelsRequest,
        key: CacheKey,
        text: str,
        order: Order,
        call: Call,
    ) -> bytes:
        wanted = _Wanted(namespace_in(request.parent), text, order, model_columns)
        return await self._listed(request, key, wanted, self._reads.lists.models, call)

    async def _versions(
        self,
        request: pb.ListVersionsRequest | pb.SearchVersionsRequest,
        key: CacheKey,
        wanted: _Wanted,
        model: str | None,
        call: Call,
    ) -> bytes:
        def read(listing: Listing) -> Awaitable[Page]:
            return self._reads.lists.versions(listing, model)

        return await self._listed(request, key, wanted, read, call)

    async def _listed(
        self,
        request: _ListRequest,
        key: CacheKey,
        wanted: _Wanted,
        read: Callable[[Listing], Awaitable[Page]],
        call: Call,
    ) -> bytes:
        """Return a page, and keep it if it is of now."""
        listing = await self._listing(request, wanted, call)
        if listing.as_of is not None:
            return await self._at(
                request, listing.namespace_id, listing.as_of, call, lambda: read(listing)
            )

        async def read_body(_: int) -> Fresh:
            page = await read(listing)
            body = page_body(page.resources, self._token(request, page, None))
            return Fresh(body, page.size, page.generation, (page.model or EVERYTHING,))

        freshness = freshness_of(request)
        return await self._reads.pages.answer(
            key, wanted.namespace, freshness, call.remaining, read_body
        )

    async def _begun(
        self, request: _PagedRequest, namespace_id: int, call: Call
    ) -> tuple[list[str | int] | None, AsOf | None]:
        """Return where the page begins, and the moment that all its pages look at."""
        after = self._reads.page_tokens.read(request)
        moment = moment_of(request.as_of)
        if moment is None:
            return after, None
        if after is not None:
            after, position = after[:-1], int(after[-1])
        elif isinstance(moment, int) and freshness_of(request).position <= moment:
            # Where the history reaches it, so does the log, and both say so with the page.
            position = moment
        else:
            position = await self._sought(request, namespace_id, moment, call)
        return after, AsOf(position, moment.time if isinstance(moment, Occurred) else None)

    async def _sought(
        self, request: _PagedRequest, namespace_id: int, moment: Moment, call: Call
    ) -> int:
        """Return the position that a moment means, once the history has reached it."""
        async with self._reads.pool.connection() as connection:
            place = await position_at(connection, namespace_id, moment)
        check_reached(freshness_of(request), place.size)
        if place.history < place.position:
            await self._reads.history.reach(namespace_id, place.position, call.remaining)
        return place.position

    async def _at(
        self,
        request: _PagedRequest,
        namespace_id: int,
        as_of: AsOf,
        call: Call,
        read: Callable[[], Awaitable[Page]],
    ) -> bytes:
        """Return a page of a moment, which may have to wait for the history."""
        try:
            page = await read()
        except NotFreshYet:
            await self._sought(request, namespace_id, as_of.position, call)
            page = await read()
        return self._answer(request, page, as_of)

    async def _listing(self, request: _ListRequest, wanted: _Wanted, call: Call) -> Listing:
        limit = page_size_of(request.page_size)
        namespace, text, order, columns = wanted
        namespace_id = await self._reads.namespaces.namespace_id(namespace)
        after, as_of = await self._begun(request, namespace_id, call)
        try:
            where, found = conditions_of(text, columns, as_of)
            if after is not None:
                order.keyset(after)
        except InvalidFilter as error:
            raise InvalidFilterGiven.of("filter", str(error)) from None
        except InvalidOrder as error:
            raise InvalidPageToken.of("page_token", str(error)) from None
        return Listing(
            namespace,
            namespace_id,
            order,
            limit,
            where,
            after,
            request.show_deleted,
            as_of,
            found,
        )

    def _answer(self, request: _PagedRequest, page: Page, as_of: AsOf | None) -> bytes:
        if as_of is None:
            # Read from the database during the call: as fresh as it can be.
            check_reached(freshness_of(request), page.size)
        return page_answer(page.resources, self._token(request, page, as_of), page.size)

    def _token(self, request: _PagedRequest, page: Page, as_of: AsOf | None) -> str:
        if page.end is None:
            return ""
        end = [*page.end, as_of.position] if as_of else page.end
        return self._reads.page_tokens.make(request, end)


def _search_of(
    request: pb.SearchModelsRequest | pb.SearchVersionsRequest,
) -> tuple[str, str, str]:
    """Return what is searched, for the key of a page."""
    return request.parent, request.filter, request.order_by


def _page_of(request: _ListRequest) -> tuple[int, bool, str]:
    """Return which page it is, for its key."""
    return request.page_size, request.show_deleted, request.page_token


def _models_in(names: Sequence[str], namespace: str) -> list[str]:
    """Return the models that a request names, without their namespace."""
    if not 1 <= len(names) <= MAX_MODELS:
        raise InvalidRequest.of("models", f"has 1 to {MAX_MODELS:,} names")
    models = []
    for place, text in enumerate(names):
        name = name_in(f"models[{place}]", ModelName, text)
        if name.namespace != namespace:
            raise InvalidRequest.of(f"models[{place}]", "is in another namespace than parent")
        models.append(name.model)
    return models


def _order(text: str, fields: SortFields) -> Order:
    try:
        return parse_order(text, fields)
    except InvalidOrder as error:
        raise InvalidFilterGiven.of("order_by", str(error)) from None


def _scope(parent: str) -> tuple[str, str | None]:
    """Return the namespace and perhaps the model whose versions are searched."""
    if parent.count("/") == 1:
        return namespace_in(parent), None
    name = name_in("parent", ModelName, parent)
    return name.namespace, name.model
