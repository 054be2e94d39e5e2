"""CatalogService's reads of one resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta import addresses
from regesta.addresses import InvalidAddress
from regesta.names import AliasName, ModelName, VersionName
from regesta.v1 import reading_pb2 as reading_pb
from regesta_service.api.reads.requests import freshness_of, moment_of, name_in, namespace_in
from regesta_service.domain.rejections import InvalidRequest
from regesta_service.reads.moments import Occurred
from regesta_service.reads.occurred import Asked
from regesta_service.reads.singles import GET_ALIAS, GET_MODEL, GET_VERSION, RESOLVE

if TYPE_CHECKING:
    from regesta.addresses import Address
    from regesta.v1 import catalog_service_pb2 as pb
    from regesta_service.api.calls import Call
    from regesta_service.reads.moments import Moment
    from regesta_service.reads.read_model import ReadModel

_AT_LEAST = reading_pb.CONSISTENCY_LEVEL_AT_LEAST


class CatalogReads:
    """Reads of a model, a version or an alias."""

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
