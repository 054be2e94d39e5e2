"""AdminService: namespaces, projections, and checks of a whole log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from regesta import names
from regesta.names import NamespaceName
from regesta.v1 import admin_service_pb2 as pb
from regesta_projections.records import Cause
from regesta_service.access.permissions import EVERY_NAMESPACE, Permission
from regesta_service.api.errors import denied
from regesta_service.api.reads.requests import name_in, namespace_in
from regesta_service.api.writes.checks import Checks as Rules
from regesta_service.api.writes.writing import new_salt
from regesta_service.domain import limits
from regesta_service.reads.pages import page_size_of
from regesta_service.sequencing.identity import identify

if TYPE_CHECKING:
    from regesta_service.api.authorizing import Policies
    from regesta_service.api.calls import Call
    from regesta_service.log.namespaces import NamespaceRegistry
    from regesta_service.reads.namespaces import NamespaceReads
    from regesta_service.reads.pages import PageTokens
    from regesta_service.verification.checks import Checks

_CREATE = "/regesta.v1.AdminService/CreateNamespace"


class AdminCalls:
    """AdminService's calls.

    Args:
        registry: Begins logs.
        reads: Reads namespaces.
        tokens: Makes and reads page tokens.
        checks: Verifies and rebuilds.
        policies: Knows who may read which namespace by a grant.
    """

    def __init__(
        self,
        registry: NamespaceRegistry,
        reads: NamespaceReads,
        tokens: PageTokens,
        checks: Checks,
        policies: Policies,
    ) -> None:
        self._registry = registry
        self._reads = reads
        self._tokens = tokens
        self._checks = checks
        self._policies = policies

    async def create_namespace(
        self, request: pb.CreateNamespaceRequest, call: Call
    ) -> pb.CreateNamespaceResponse:
        """Begin a namespace's log.

        The guard cannot know the namespace that is to be: the grant must hold for it,
        or for all.
        """
        name = request.namespace_id
        if not call.may(Permission.ADMIN_NAMESPACES, name):
            raise denied(Permission.ADMIN_NAMESPACES, name)
        rules = Rules(new_salt)
        rules.named("namespace_id", names.check_namespace, name)
        rules.named("request_id", names.check_request_id, request.request_id)
        reason = rules.sealed("reason", request.reason, limits.MAX_REASON)
        rules.finish()
        cause = Cause(
            call.principal.name, call.principal.kind, request.request_id, call.traceparent
        )
        identity = identify(cause.actor, cause.request_id, _CREATE, request)
        position = await self._registry.create(name, cause, identity, reason)
        namespace, _ = await self._reads.get(name)
        return pb.CreateNamespaceResponse(namespace=namespace, position=position)

    async def get_namespace(
        self, request: pb.GetNamespaceRequest, call: Call
    ) -> pb.GetNamespaceResponse:
        """Return a namespace."""
        del call
        name = name_in("name", NamespaceName, request.name).namespace
        namespace, size = await self._reads.get(name)
        return pb.GetNamespaceResponse(namespace=namespace, position=size)

    async def list_namespaces(
        self, request: pb.ListNamespacesRequest, call: Call
    ) -> pb.ListNamespacesResponse:
        """Return a page of the namespaces that the caller may read."""
        place = self._tokens.read(request)
        allowed = call.principal.places(Permission.CATALOG_READ)
        everywhere = EVERY_NAMESPACE in allowed
        if not everywhere:
            allowed |= await self._policies.namespaces_of(call.principal, Permission.CATALOG_READ)
        namespaces, end = await self._reads.page(
            str(place[0]) if place else "",
            page_size_of(request.page_size),
            None if everywhere else allowed,
        )
        return pb.ListNamespacesResponse(
            namespaces=namespaces,
            next_page_token=self._tokens.make(request, [end]) if end else "",
        )

    async def get_projection_status(
        self, request: pb.GetProjectionStatusRequest, call: Call
    ) -> pb.GetProjectionStatusResponse:
        """Say how the projections stand."""
        del call
        return await self._checks.status(namespace_in(request.parent))

    async def rebuild_projections(
        self, request: pb.RebuildProjectionsRequest, call: Call
    ) -> AsyncIterator[pb.RebuildProjectionsResponse]:
        """Fold a log anew, and say how far it is."""
        del call
        async for progress in self._checks.rebuild(namespace_in(request.parent)):
            yield progress

    async def verify(
        self, request: pb.VerifyRequest, call: Call
    ) -> AsyncIterator[pb.VerifyResponse]:
        """Check a log and its projections, and say what was found."""
        del call
        async for progress in self._checks.verify(namespace_in(request.parent)):
            yield progress
