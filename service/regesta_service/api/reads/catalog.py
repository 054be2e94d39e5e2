"""CatalogService's reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta import addresses
from regesta.addresses import InvalidAddress
from regesta.names import AliasName, ModelName, VersionName
from regesta.v1 import reading_pb2 as reading_pb
from regesta_projections.filtering import (
    MODEL_ORDER,
    VERSION_ORDER,
    InvalidFilter,
    InvalidOrder,
    compile_filter,
    compile_found,
    model_columns,
    parse_filter,
    parse_order,
    version_columns,
)
from regesta_service.api.reads.requests import freshness_of, moment_of, name_in, namespace_in
from regesta_service.domain.rejections import InvalidFilterGiven, InvalidPageToken, InvalidRequest
from regesta_service.reads.consistency import check_reached
from regesta_service.reads.latest import MAX_MODELS, latest_versions
from regesta_service.reads.list_statements import Listing, filter_of_now
from regesta_service.reads.moments import Occurred, position_at
from regesta_service.reads.occurred import Asked
from regesta_service.reads.pages import page_size_of
from regesta_service.reads.singles import GET_ALIAS, GET_MODEL, GET_VERSION, RESOLVE
from regesta_service.reads.then import AsOf, relations
from regesta_service.reads.wire import latest_answer, page_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.sql import Composable

    from regesta.addresses import Address
    from regesta.v1 import catalog_service_pb2 as pb
    from regesta_projections.filtering import Columns, Order, SortFields
    from regesta_service.api.calls import Call
    from regesta_service.reads.lists import Page
    from regesta_service.reads.moments import Moment
    from regesta_service.reads.read_model import ReadModel

_AT_LEAST = reading_pb.CONSISTENCY_LEVEL_AT_LEAST

_BY_NAME = parse_order("name", MODEL_ORDER)
_HIGHEST_FIRST = parse_order("version desc", VERSION_ORDER)


class CatalogReads:
    """Reads of models, versions and aliases."""

    def __init__(self, reads: ReadModel) -> None:
        self._reads = reads
        self._cached = reads.singles.cached

    async def get_model(self, request: pb.GetModelRequest, call: Call) -> bytes:
        """Return a model."""
        if answer := self._from_memory(request, (GET_MODEL, request.name)):
            return answer
        name = name_in("name", ModelName, request.name)
        freshness = freshness_of(request)
        moment = moment_of(request.as_of)
        if isinstance(moment, Occurred):
            asked = Asked(moment, freshness, call.remaining)
            return await self._reads.occurred.model(name, asked)
        if moment is not None:
            return await self._reads.past.model(name, moment, freshness)
        return await self._reads.singles.model(name, freshness, call.remaining)

    async def get_version(self, request: pb.GetVersionRequest, call: Call) -> bytes:
        """Return a version."""
        if answer := self._from_memory(request, (GET_VERSION, request.name)):
            return answer
        name = name_in("name", VersionName, request.name)
        freshness = freshness_of(request)
        moment = moment_of(request.as_of)
        if isinstance(moment, Occurred):
            asked = Asked(moment, freshness, call.remaining)
            return await self._reads.occurred.version(name, asked)
        if moment is not None:
            return await self._reads.past.version(name, moment, freshness)
        return await self._reads.singles.version(name, freshness, call.remaining)

    async def get_alias(self, request: pb.GetAliasRequest, call: Call) -> bytes:
        """Return an alias."""
        if answer := self._from_memory(request, (GET_ALIAS, request.name)):
            return answer
        name = name_in("name", AliasName, request.name)
        freshness = freshness_of(request)
        moment = moment_of(request.as_of)
        if isinstance(moment, Occurred):
            asked = Asked(moment, freshness, call.remaining)
            return await self._reads.occurred.alias(name, asked)
        if moment is not None:
            return await self._reads.past.alias(name, moment, freshness)
        return await self._reads.singles.alias(name, freshness, call.remaining)

    async def resolve_version(self, request: pb.ResolveVersionRequest, call: Call) -> bytes:
        """Return the version that an address means."""
        key = (RESOLVE, request.parent, request.address)
        if answer := self._from_memory(request, key):
            return answer
        namespace = namespace_in(request.parent)
        address = _address(request.address, namespace)
        freshness = freshness_of(request)
        moment = _moment(address, request)
        if isinstance(moment, Occurred):
            asked = Asked(moment, freshness, call.remaining)
            return await self._reads.occurred.resolve(namespace, address, asked)
        if moment is not None:
            return await self._reads.past.resolve(namespace, address, moment, freshness)
        return await self._reads.singles.resolve(namespace, address, key, freshness, call.remaining)

    async def list_models(self, request: pb.ListModelsRequest, call: Call) -> bytes:
        """Return a page of models."""
        return await self._models(request, "", _BY_NAME, call=call)

    async def search_models(self, request: pb.SearchModelsRequest, call: Call) -> bytes:
        """Return a page of the models that a filter finds."""
        order = _order(request.order_by, MODEL_ORDER) if request.order_by else _BY_NAME
        return await self._models(request, request.filter, order, call=call)

    async def list_versions(self, request: pb.ListVersionsRequest, call: Call) -> bytes:
        """Return a page of a model's versions."""
        name = name_in("parent", ModelName, request.parent)
        return await self._versions(
            request, name.namespace, name.model, "", _HIGHEST_FIRST, call=call
        )

    async def search_versions(self, request: pb.SearchVersionsRequest, call: Call) -> bytes:
        """Return a page of the versions that a filter finds."""
        namespace, model = _scope(request.parent)
        order = _order(request.order_by, VERSION_ORDER)
        return await self._versions(request, namespace, model, request.filter, order, call=call)

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
        page = await self._reads.lists.aliases(
            name.namespace,
            namespace_id,
            name.model,
            after=str(place[0]) if place else "",
            limit=limit,
            as_of=as_of,
        )
        return self._answer(request, page, as_of)

    def _from_memory(
        self,
        request: pb.GetModelRequest
        | pb.GetVersionRequest
        | pb.GetAliasRequest
        | pb.ResolveVersionRequest,
        key: tuple[str, ...],
    ) -> bytes | None:
        """Return the answer from the cache, if it is there and is what is asked for."""
        if request.HasField("as_of"):
            return None
        if not request.HasField("consistency"):
            return self._cached(key)
        consistency = request.consistency
        # Everything else, also what is wrong, goes the long way.
        if consistency.level == _AT_LEAST and consistency.position >= 0:
            return self._cached(key, consistency.position)
        return None

    async def _models(
        self,
        request: pb.ListModelsRequest | pb.SearchModelsRequest,
        text: str,
        order: Order,
        *,
        call: Call,
    ) -> bytes:
        namespace = namespace_in(request.parent)
        listing = await self._listing(request, namespace, text, model_columns, order, call=call)
        return self._answer(request, await self._reads.lists.models(listing), listing.as_of)

    async def _versions(
        self,
        request: pb.ListVersionsRequest | pb.SearchVersionsRequest,
        namespace: str,
        model: str | None,
        text: str,
        order: Order,
        *,
        call: Call,
    ) -> bytes:
        listing = await self._listing(request, namespace, text, version_columns, order, call=call)
        page = await self._reads.lists.versions(listing, model)
        return self._answer(request, page, listing.as_of)

    async def _begun(
        self, request: _PagedRequest, namespace_id: int, call: Call
    ) -> tuple[list[str | int] | None, AsOf | None]:
        """Return where the page begins, and the moment that all its pages look at."""
        after = self._reads.page_tokens.read(request)
        moment = moment_of(request.as_of)
        if moment is None:
            return after, None
        if after is None:
            async with self._reads.pool.connection() as connection:
                place = await position_at(connection, namespace_id, moment)
            check_reached(freshness_of(request), place.size)
            position, reached = place.position, place.history
        else:
            after, position, reached = after[:-1], int(after[-1]), 0
        if reached < position:
            await self._reads.history.reach(namespace_id, position, call.remaining)
        effective = moment.time if isinstance(moment, Occurred) else None
        return after, AsOf(position, effective)

    async def _listing(
        self,
        request: pb.ListModelsRequest
        | pb.SearchModelsRequest
        | pb.ListVersionsRequest
        | pb.SearchVersionsRequest,
        namespace: str,
        text: str,
        columns: Callable[[Composable], Columns],
        order: Order,
        *,
        call: Call,
    ) -> Listing:
        limit = page_size_of(request.page_size)
        namespace_id = await self._reads.namespaces.namespace_id(namespace)
        after, as_of = await self._begun(request, namespace_id, call)
        try:
            if as_of is None:
                where, node = filter_of_now(text, columns), None
            else:
                node = parse_filter(text)
                where = compile_filter(node, columns(relations(as_of).aliases))
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
            compile_found(node) if as_of is not None and columns is version_columns else None,
        )

    def _answer(self, request: _PagedRequest, page: Page, as_of: AsOf | None) -> bytes:
        if as_of is None:
            # Read from the database during the call: as fresh as it can be.
            check_reached(freshness_of(request), page.size)
        token = ""
        if page.end is not None:
            end = [*page.end, as_of.position] if as_of else page.end
            token = self._reads.page_tokens.make(request, end)
        return page_answer(page.resources, token, page.size)


if TYPE_CHECKING:
    _PagedRequest = (
        pb.ListModelsRequest
        | pb.SearchModelsRequest
        | pb.ListVersionsRequest
        | pb.SearchVersionsRequest
        | pb.ListAliasesRequest
    )


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


def _address(text: str, namespace: str) -> Address:
    try:
        address = addresses.parse(text)
    except InvalidAddress as error:
        raise InvalidRequest.of("address", str(error)) from None
    if address.namespace not in (None, namespace):
        raise InvalidRequest.of("address", "names another namespace than parent")
    return address


def _moment(address: Address, request: pb.ResolveVersionRequest) -> Moment | None:
    moment = moment_of(request.as_of)
    if address.as_of is not None and moment is not None:
        raise InvalidRequest.of("as_of", "is given in the address already")
    return moment if address.as_of is None else address.as_of


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
