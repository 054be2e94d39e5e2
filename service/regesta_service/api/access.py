"""AccessService: grants of a namespace, and what they and the configuration come to."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from regesta import names
from regesta.names import GrantName
from regesta.v1 import access_pb2 as resources_pb
from regesta.v1 import access_service_pb2 as pb
from regesta_service.access.grants import Policy, compiled
from regesta_service.access.permissions import ANYBODY, ROLES, Permission
from regesta_service.access.principals import Principal
from regesta_service.access.registering import HOME
from regesta_service.api.errors import denied
from regesta_service.api.reads.requests import namespace_in
from regesta_service.api.writes.checks import Checks
from regesta_service.api.writes.translate_access import (
    break_glass,
    grant_role,
    revoke_role,
)
from regesta_service.api.writes.writing import Writing, new_salt, now
from regesta_service.domain import limits
from regesta_service.domain.rejections import InvalidRequest, NamespaceNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from regesta_service.access.configured import ConfiguredRoles
    from regesta_service.access.granting import GrantRole
    from regesta_service.api.calls import Call
    from regesta_service.api.guard import SecurityLog
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.log.draft import Committed
    from regesta_service.reads.grants import GrantReads


class GrantCalls:
    """AccessService's calls about grants.

    Args:
        reads: Reads grants.
        sequencer: Carries commands out.
        answers: Finishes resources.
        configured: Roles of the configuration.
        security: Is told when somebody breaks the glass.
        needed: Permissions by the name of the method that needs them.
    """

    def __init__(
        self,
        reads: GrantReads,
        sequencer: Sequencer,
        answers: AnswerReader,
        *,
        configured: ConfiguredRoles,
        security: SecurityLog,
        needed: Mapping[str, Permission],
    ) -> None:
        self._reads = reads
        self._configured = configured
        self._security = security
        self._needed = needed
        service = pb.DESCRIPTOR.services_by_name["AccessService"]
        self._writing = Writing(service, sequencer, answers)

    async def grant_role(self, request: pb.GrantRoleRequest, call: Call) -> pb.GrantRoleResponse:
        """Grant a role."""
        translated = grant_role(request, secrets.token_hex(8), call.principal, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        access = await self._reads.access_at(translated.namespace, committed.position)
        grant = _granted(access, committed, translated.command)
        return pb.GrantRoleResponse(
            grant=_named(translated.namespace, grant), position=committed.position
        )

    async def revoke_role(self, request: pb.RevokeRoleRequest, call: Call) -> pb.RevokeRoleResponse:
        """End a grant."""
        translated = revoke_role(request, new_salt)
        committed = await self._writing.submit(translated, call)
        access = await self._reads.access_at(translated.namespace, committed.position)
        return pb.RevokeRoleResponse(
            access=_all_named(translated.namespace, access), position=committed.position
        )

    async def break_glass(self, request: pb.BreakGlassRequest, call: Call) -> pb.BreakGlassResponse:
        """Take a role for a short time."""
        translated = break_glass(request, secrets.token_hex(8), call.principal, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        self._security.glass_broken(
            call.principal.name, translated.namespace, request.role, request.minutes, committed
        )
        access = await self._reads.access_at(translated.namespace, committed.position)
        grant = _granted(access, committed, None)
        return pb.BreakGlassResponse(
            grant=_named(translated.namespace, grant), position=committed.position
        )

    async def list_grants(self, request: pb.ListGrantsRequest, call: Call) -> pb.ListGrantsResponse:
        """Return the grants of a namespace."""
        del call
        namespace = namespace_in(request.parent)
        access, size = await self._reads.access(namespace)
        return pb.ListGrantsResponse(access=_all_named(namespace, access), position=size)

    async def who_can(self, request: pb.WhoCanRequest, call: Call) -> pb.WhoCanResponse:
        """Return who has a permission."""
        del call
        namespace = namespace_in(request.parent)
        permission = self._permission(request)
        model = ""
        if request.model:
            checks = Checks(new_salt)
            checks.named("model", names.check_model, request.model)
            checks.finish()
            model, _ = await self._reads.first_name(namespace, request.model)
        access, size = await self._reads.access(namespace)
        sources = list(self._configured_sources(namespace, permission))
        present = now().timestamp()
        for grant in access.grants:
            one = compiled(grant)
            if permission in one.permissions and one.covers(model) and one.is_good(present):
                sources.append(_source(namespace, grant))
        return pb.WhoCanResponse(sources=sources, permission=permission, position=size)

    async def what_may(self, request: pb.WhatMayRequest, call: Call) -> pb.WhatMayResponse:
        """Return what a principal may do."""
        namespace = request.namespace or HOME
        principal = await self._asked_about(request, call, namespace)
        try:
            access, _ = await self._reads.access(namespace)
        except NamespaceNotFound:
            # The same as one in which the caller may nothing.
            access = resources_pb.Access()
        policy, present = Policy(access.grants), now().timestamp()
        own = [one for one in policy.of(principal.name, principal.groups) if one.is_good(present)]
        whole = ANYBODY | policy.rights(principal).whole
        whole |= {one for one in Permission if principal.may(one, namespace)}
        allowed = principal.ceiling.allows
        configured = self._configured.within(namespace)
        sources = [
            pb.Source(principal=given.principal, group=given.group, role=given.role)
            for given in configured
            if given.principal == principal.name or given.group in principal.groups
        ]
        sources += [_source(namespace, one.grant) for one in own]
        return pb.WhatMayResponse(
            permissions=sorted(one for one in whole if allowed(one, namespace)),
            sources=sources,
            principal=principal.name,
            groups=sorted(principal.groups),
        )

    async def _asked_about(
        self, request: pb.WhatMayRequest, call: Call, namespace: str
    ) -> Principal:
        checks = Checks(new_salt)
        checks.named("namespace", names.check_namespace, namespace)
        if request.principal:
            checks.named("principal", names.check_principal, request.principal)
        if checks.fits("groups", request.groups, limits.MAX_GRANT_MODELS):
            for at, group in enumerate(request.groups):
                checks.line(("groups", at), group, limits.MAX_GROUP)
        checks.finish()
        if request.principal in {"", call.principal.name} and not request.groups:
            return call.principal
        await self._expect_reader(call, namespace)
        groups = frozenset(request.groups)
        name = request.principal or call.principal.name
        return self._configured.principal(name, "", groups)

    async def _expect_reader(self, call: Call, namespace: str) -> None:
        """Return if the caller may know what others may do."""
        needed, principal = Permission.ACCESS_READ, call.principal
        if principal.may(needed, namespace):
            return
        policy = await self._reads.policy(namespace)
        granted = needed in policy.rights(principal).whole
        if not granted or not principal.ceiling.allows(needed, namespace):
            raise denied(needed, namespace, "asked about another principal")

    def _permission(self, request: pb.WhoCanRequest) -> Permission:
        if bool(request.permission) == bool(request.method):
            raise InvalidRequest.of("permission", "give either this or method")
        if request.method:
            needed = self._needed.get(request.method)
            if needed is None:
                raise InvalidRequest.of("method", "is none of this server's")
            return needed
        try:
            return Permission(request.permission)
        except ValueError:
            raise InvalidRequest.of("permission", "is none of this server's") from None

    def _configured_sources(self, namespace: str, permission: Permission) -> Iterator[pb.Source]:
        for given in self._configured.within(namespace):
            if permission in ROLES[given.role]:
                yield pb.Source(principal=given.principal, group=given.group, role=given.role)


def _granted(
    access: resources_pb.Access, committed: Committed, command: GrantRole | None
) -> resources_pb.Grant:
    """Return the grant that a write made, or found standing."""
    for grant in reversed(access.grants):
        if grant.position == committed.position:
            return grant
    for grant in access.grants:
        if command is not None and command.is_same(grant):
            return grant
    raise LookupError("a grant that was written is not in its log")


def _named(namespace: str, grant: resources_pb.Grant) -> resources_pb.Grant:
    finished = resources_pb.Grant()
    finished.CopyFrom(grant)
    finished.name = str(GrantName(namespace, grant.name))
    return finished


def _all_named(namespace: str, access: resources_pb.Access) -> resources_pb.Access:
    finished = resources_pb.Access()
    finished.CopyFrom(access)
    finished.name = f"namespaces/{namespace}/access"
    for grant in finished.grants:
        grant.name = str(GrantName(namespace, grant.name))
    return finished


def _source(namespace: str, grant: resources_pb.Grant) -> pb.Source:
    source = pb.Source(
        principal=grant.principal,
        group=grant.group,
        role=grant.role,
        grant=str(GrantName(namespace, grant.name)),
        models=grant.models,
        condition=grant.condition,
        break_glass=grant.break_glass,
    )
    if grant.HasField("expire_time"):
        source.expire_time.CopyFrom(grant.expire_time)
    return source
