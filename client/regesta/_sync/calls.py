"""One method for each RPC of the API.

Generated from proto/regesta/v1 by tools/generate_client.py; edit the protos.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from google.protobuf.field_mask_pb2 import FieldMask

from regesta._shared import (
    Occurred,
    duration,
    full_name,
    moment,
    namespace_of,
    request_id_or_new,
    timestamp,
)
from regesta._sync.transport import Transport
from regesta.v1 import (
    access_pb2,
    access_service_pb2,
    admin_service_pb2,
    audit_service_pb2,
    catalog_service_pb2,
    comments_service_pb2,
    documents_service_pb2,
    event_pb2,
    flag_pb2,
    flags_service_pb2,
    governance_pb2,
    governance_service_pb2,
    heads_service_pb2,
    lifecycle_service_pb2,
    log_service_pb2,
    log_status_pb2,
    model_pb2,
    privacy_service_pb2,
    reading_pb2,
    version_pb2,
    watch_service_pb2,
)


class Calls:
    """The API of a server, with names relative to one namespace."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self._namespace = namespace

    @property
    def namespace(self) -> str:
        """The namespace that short names are relative to."""
        return self._namespace

    def grant_role(
        self,
        role: str,
        *,
        parent: str = "",
        principal: str = "",
        group: str = "",
        models: Sequence[str] = (),
        condition: str = "",
        expire_time: datetime | None = None,
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> access_pb2.Grant:
        """Grant a role in a namespace to a principal or a group.

        PERMISSION_DENIED with GRANT_EXCEEDS_OWN when the role has a permission that the caller
        has not, or has only for fewer models, under another condition or for a shorter time.
        The same grant again changes nothing.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            principal: Required: this or `group`. The principal,
                `[A-Za-z0-9][A-Za-z0-9._@-]{0,127}`.
            group: Required: this or `principal`. The group, 1 to 250 characters on one line.
            role: Required. The role.
            models: The models to limit it to: first names, or beginnings of first names that
                end in `*`; at most 100. With models, it allows nothing that is about the
                namespace as a whole, such as its lists.
            condition: A condition in CEL of at most 1,000 bytes, for example `alias !=
                "champion"`.
            expire_time: When it ends; unset when it does not.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The grant.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.GrantRoleRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            principal=principal,
            group=group,
            role=role,
            models=models,
            condition=condition,
            expire_time=timestamp(expire_time),
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.AccessService/GrantRole",
            request,
            access_service_pb2.GrantRoleResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.grant

    def revoke_role(
        self,
        name: str,
        *,
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> access_pb2.Access:
        """End a grant.

        Args:
            name: Required. Resource name of the grant.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The grants that are left.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.RevokeRoleRequest(
            name=full_name(name, self._namespace, "grant"),
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.AccessService/RevokeRole",
            request,
            access_service_pb2.RevokeRoleResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.access

    def list_grants(self, *, parent: str = "", timeout: float | None = None) -> access_pb2.Access:
        """Get the grants of a namespace.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            timeout: Seconds until the call is given up.

        Returns:
            The grants of the log; roles of the configuration are shown by WhoCan.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.ListGrantsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.AccessService/ListGrants",
            request,
            access_service_pb2.ListGrantsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.access

    def break_glass(
        self,
        role: str,
        *,
        parent: str = "",
        minutes: int,
        request_id: str | None = None,
        reason: str,
        timeout: float | None = None,
    ) -> access_pb2.Grant:
        """Take a role for a short time, because it cannot wait.

        It stands in the log as what it is, and as a warning in the server's security log.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            role: Required. The role.
            minutes: Required. For how long: 1 to 60 minutes.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Required. Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The grant.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.BreakGlassRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            role=role,
            minutes=minutes,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.AccessService/BreakGlass",
            request,
            access_service_pb2.BreakGlassResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.grant

    def who_can(
        self,
        *,
        parent: str = "",
        permission: str = "",
        method: str = "",
        model: str = "",
        timeout: float | None = None,
    ) -> access_service_pb2.WhoCanResponse:
        """Find out who may do something in a namespace, by which grant and on which condition.

        Roles of the server's configuration are among them.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            permission: Required: this or `method`. A permission, for example `catalog.alias`.
            method: Required: this or `permission`. A method, for example `SetAlias`.
            model: Optional. The model that it would be done to, by a present or former name;
                without one, it is about the namespace as a whole.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.WhoCanRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            permission=permission,
            method=method,
            model=model,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.AccessService/WhoCan", request, access_service_pb2.WhoCanResponse, timeout
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def what_may(
        self,
        *,
        principal: str = "",
        namespace: str = "",
        groups: Sequence[str] = (),
        timeout: float | None = None,
    ) -> access_service_pb2.WhatMayResponse:
        """Find out what a principal may do in a namespace.

        Everybody may ask of himself; of others only with `access.read` there.

        Args:
            principal: The principal; empty means the caller.
            namespace: Where: a namespace's name, such as `default`; empty means `default`.
            groups: Groups of the principal, when it is not the caller; at most 100.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.WhatMayRequest(
            principal=principal,
            namespace=namespace,
            groups=groups,
        )
        return self._transport.unary(
            "/regesta.v1.AccessService/WhatMay",
            request,
            access_service_pb2.WhatMayResponse,
            timeout,
        )

    def register_principal(
        self,
        principal: str,
        *,
        kind: str,
        display: str = "",
        same_person_as: str = "",
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> access_pb2.Principal:
        """Register a principal, or change what is known of it; needs the permission in every namespace.

        Args:
            principal: Required. The principal, `[A-Za-z0-9][A-Za-z0-9._@-]{0,127}`.
            kind: Required. `user` or `service_account`; it never changes.
            display: What people call it; free text of at most 500 characters, kept beside the
                log.
            same_person_as: Another principal, registered before, that is the same person.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The principal.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.RegisterPrincipalRequest(
            principal=principal,
            kind=kind,
            display=display,
            same_person_as=same_person_as,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        answer = self._transport.unary(
            "/regesta.v1.AccessService/RegisterPrincipal",
            request,
            access_service_pb2.RegisterPrincipalResponse,
            timeout,
        )
        return answer.principal

    def list_principals(
        self, *, page_size: int = 0, page_token: str = "", timeout: float | None = None
    ) -> access_service_pb2.ListPrincipalsResponse:
        """List the principals that are registered; needs the permission in every namespace.

        Args:
            page_size: At most this many, 1 to 1,000; 100 when it is 0.
            page_token: From the page before.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.ListPrincipalsRequest(
            page_size=page_size,
            page_token=page_token,
        )
        return self._transport.unary(
            "/regesta.v1.AccessService/ListPrincipals",
            request,
            access_service_pb2.ListPrincipalsResponse,
            timeout,
        )

    def issue_token(
        self,
        *,
        principal: str = "",
        label: str = "",
        expire_time: datetime | None = None,
        role: str = "",
        namespaces: Sequence[str] = (),
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> access_service_pb2.IssueTokenResponse:
        """Issue a token to a registered principal.

        The answer shows the token, once: a repeated request is FAILED_PRECONDITION with
        TOKEN_SHOWN_ONCE. Everybody may issue tokens to himself, none that ends later than the
        one he calls with; for others it needs `admin.access` in every namespace.

        Args:
            principal: The principal, which must be registered; empty means the caller.
            label: What it is for: 1 to 100 characters on one line. It stands in the log for
                ever, so it names no person.
            expire_time: When it ends, at most 366 days from now; unset means 90 days from now,
                or when the token ends that the caller calls with.
            role: The most it may do: the permissions of this role; empty sets no bound.
            namespaces: Where it may do it: names of namespaces, at most 100; empty sets no
                bound.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.IssueTokenRequest(
            principal=principal,
            label=label,
            expire_time=timestamp(expire_time),
            role=role,
            namespaces=namespaces,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        return self._transport.unary(
            "/regesta.v1.AccessService/IssueToken",
            request,
            access_service_pb2.IssueTokenResponse,
            timeout,
        )

    def revoke_token(
        self,
        token: str,
        *,
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> access_pb2.Token:
        """End a token, from the next call on; of others only with `admin.access` in every namespace.

        A token that is bound to a role or to namespaces ends only itself.

        Args:
            token: Required. The token's id, 16 hex digits.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The token.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.RevokeTokenRequest(
            token=token,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        answer = self._transport.unary(
            "/regesta.v1.AccessService/RevokeToken",
            request,
            access_service_pb2.RevokeTokenResponse,
            timeout,
        )
        return answer.token

    def list_tokens(
        self,
        *,
        principal: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> access_service_pb2.ListTokensResponse:
        """List the tokens of a principal, revoked ones too; of others only with `admin.access` in every namespace.

        Args:
            principal: The principal; empty means the caller.
            page_size: At most this many, 1 to 1,000; 100 when it is 0.
            page_token: From the page before.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = access_service_pb2.ListTokensRequest(
            principal=principal,
            page_size=page_size,
            page_token=page_token,
        )
        return self._transport.unary(
            "/regesta.v1.AccessService/ListTokens",
            request,
            access_service_pb2.ListTokensResponse,
            timeout,
        )

    def create_namespace(
        self,
        namespace_id: str,
        *,
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> admin_service_pb2.Namespace:
        """Create a namespace with a log of its own.

        Args:
            namespace_id: Required. The last part of the resource name.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The namespace.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = admin_service_pb2.CreateNamespaceRequest(
            namespace_id=namespace_id,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        answer = self._transport.unary(
            "/regesta.v1.AdminService/CreateNamespace",
            request,
            admin_service_pb2.CreateNamespaceResponse,
            timeout,
        )
        return answer.namespace

    def get_namespace(
        self, name: str, *, timeout: float | None = None
    ) -> admin_service_pb2.Namespace:
        """Get a namespace.

        Args:
            name: Required. Resource name of the namespace.
            timeout: Seconds until the call is given up.

        Returns:
            The namespace.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = admin_service_pb2.GetNamespaceRequest(
            name=full_name(name, self._namespace, "namespace"),
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.AdminService/GetNamespace",
            request,
            admin_service_pb2.GetNamespaceResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.namespace

    def list_namespaces(
        self, *, page_size: int = 0, page_token: str = "", timeout: float | None = None
    ) -> admin_service_pb2.ListNamespacesResponse:
        """List the namespaces the caller may read, by name.

        Args:
            page_size: At most this many; 0 means 50, above 1,000 means 1,000, negative is
                refused.
            page_token: From the answer before; everything else of the request must be the same.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = admin_service_pb2.ListNamespacesRequest(
            page_size=page_size,
            page_token=page_token,
        )
        return self._transport.unary(
            "/regesta.v1.AdminService/ListNamespaces",
            request,
            admin_service_pb2.ListNamespacesResponse,
            timeout,
        )

    def get_projection_status(
        self, *, parent: str = "", timeout: float | None = None
    ) -> admin_service_pb2.GetProjectionStatusResponse:
        """Say how the projections of a namespace stand.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = admin_service_pb2.GetProjectionStatusRequest(
            parent=full_name(parent, self._namespace, "namespace"),
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.AdminService/GetProjectionStatus",
            request,
            admin_service_pb2.GetProjectionStatusResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def rebuild_projections(
        self, *, parent: str = "", timeout: float | None = None
    ) -> Iterator[admin_service_pb2.RebuildProjectionsResponse]:
        """Fold the whole log of a namespace into fresh tables and swap them in, while reads and writes go on.

        The last answer has `done` set.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            timeout: Seconds until the call is given up.

        Yields:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = admin_service_pb2.RebuildProjectionsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
        )
        for answer in self._transport.stream(
            "/regesta.v1.AdminService/RebuildProjections",
            request,
            admin_service_pb2.RebuildProjectionsResponse,
            timeout,
        ):
            yield answer

    def verify(
        self, *, parent: str = "", timeout: float | None = None
    ) -> Iterator[admin_service_pb2.VerifyResponse]:
        """Check a namespace's log and projections: every record's hash and place in the Merkle tree, every column against its record, revisions without gaps, idempotency records, texts against their digests, and every projected row against a fresh fold.

        The last answer has `done` set; findings are named one by one, at most 1,000.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            timeout: Seconds until the call is given up.

        Yields:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = admin_service_pb2.VerifyRequest(
            parent=full_name(parent, self._namespace, "namespace"),
        )
        for answer in self._transport.stream(
            "/regesta.v1.AdminService/Verify", request, admin_service_pb2.VerifyResponse, timeout
        ):
            yield answer

    def read_events(
        self,
        *,
        parent: str = "",
        after_position: int = 0,
        filter: event_pb2.EventFilter | None = None,
        page_size: int = 0,
        page_token: str = "",
        consistency: reading_pb2.Consistency | None = None,
        timeout: float | None = None,
    ) -> audit_service_pb2.ReadEventsResponse:
        """Read a page of events in the order of the log.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            after_position: Begin after this position; 0 begins at the beginning. With a page
                token this must be as it was in the first request.
            filter: Which events; unset means all.
            page_size: At most this many; 0 means 100, above 1,000 means 1,000, negative is
                refused. A page may hold fewer, also none, before the last one.
            page_token: From the answer before; everything else of the request must be the same.
            consistency: How fresh the answer must be.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = audit_service_pb2.ReadEventsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            after_position=after_position,
            filter=filter,
            page_size=page_size,
            page_token=page_token,
            consistency=consistency,
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.AuditService/ReadEvents",
            request,
            audit_service_pb2.ReadEventsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def stream_events(
        self,
        *,
        parent: str = "",
        after_position: int = 0,
        until_position: int = 0,
        filter: event_pb2.EventFilter | None = None,
        timeout: float | None = None,
    ) -> Iterator[audit_service_pb2.StreamEventsResponse]:
        """Read events as one stream, up to the end of the log as it is when the call begins, in answers of several events each.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            after_position: Begin after this position; 0 begins at the beginning.
            until_position: End with this position; 0 means the end of the log as the call
                begins.
            filter: Which events; unset means all.
            timeout: Seconds until the call is given up.

        Yields:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = audit_service_pb2.StreamEventsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            after_position=after_position,
            until_position=until_position,
            filter=filter,
        )
        for answer in self._transport.stream(
            "/regesta.v1.AuditService/StreamEvents",
            request,
            audit_service_pb2.StreamEventsResponse,
            timeout,
        ):
            yield answer

    def get_history(
        self,
        name: str,
        *,
        include_children: bool = False,
        as_of: datetime | int | Occurred | None = None,
        page_size: int = 0,
        page_token: str = "",
        consistency: reading_pb2.Consistency | None = None,
        timeout: float | None = None,
    ) -> audit_service_pb2.GetHistoryResponse:
        """Read what happened to one resource: who did what, when and why.

        Args:
            name: Required. Resource name of a model, a version or an alias.
            include_children: Also give the events of what lies below: a model's versions and
                aliases.
            as_of: Only what had happened by this moment; unset means all.
            page_size: At most this many; 0 means 100, above 1,000 means 1,000, negative is
                refused.
            page_token: From the answer before; everything else of the request must be the same.
            consistency: How fresh the answer must be.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = audit_service_pb2.GetHistoryRequest(
            name=full_name(name, self._namespace, "model"),
            include_children=include_children,
            as_of=moment(as_of),
            page_size=page_size,
            page_token=page_token,
            consistency=consistency,
        )
        namespace = namespace_of(request.name)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.AuditService/GetHistory",
            request,
            audit_service_pb2.GetHistoryResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def diff_state(
        self,
        from_moment: datetime | int | Occurred | None,
        *,
        parent: str = "",
        to_moment: datetime | int | Occurred | None = None,
        page_size: int = 0,
        page_token: str = "",
        consistency: reading_pb2.Consistency | None = None,
        timeout: float | None = None,
    ) -> audit_service_pb2.DiffStateResponse:
        """Say what changed between two moments: every model, version and alias that an event happened to, as it was before and after, in the order in which they changed first.

        Free texts are as they are now, so what was erased is empty.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            from_moment: Required. The earlier moment. Its basis must be RECORDED. At a time
                before the first event nothing existed: position 0.
            to_moment: The later moment; unset means now. Its basis must be RECORDED. One before
                `from_moment` is OUT_OF_RANGE; a time may lie before the first event.
            page_size: At most this many; 0 means 50, above 1,000 means 1,000, negative is
                refused. A page may hold fewer, also none, before the last one.
            page_token: From the answer before; everything else of the request must be the same.
            consistency: How fresh the answer must be.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = audit_service_pb2.DiffStateRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            from_moment=moment(from_moment),
            to_moment=moment(to_moment),
            page_size=page_size,
            page_token=page_token,
            consistency=consistency,
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.AuditService/DiffState",
            request,
            audit_service_pb2.DiffStateResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def get_head(
        self, *, parent: str = "", timeout: float | None = None
    ) -> audit_service_pb2.GetHeadResponse:
        """Get the end of a namespace's log and the Merkle root over all of it.

        It is not signed; a signed one is called a checkpoint.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = audit_service_pb2.GetHeadRequest(
            parent=full_name(parent, self._namespace, "namespace"),
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.AuditService/GetHead", request, audit_service_pb2.GetHeadResponse, timeout
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def create_model(
        self,
        model_id: str,
        *,
        parent: str = "",
        model: model_pb2.Model,
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> model_pb2.Model:
        """Create a model.

        ALREADY_EXISTS when the name is, or ever was, taken.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            model_id: Required. The last part of the resource name.
            model: Kind, owner, description, card and tags; all else is ignored.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The model as created.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.CreateModelRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            model_id=model_id,
            model=model,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/CreateModel",
            request,
            catalog_service_pb2.CreateModelResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.model

    def get_model(
        self,
        name: str,
        *,
        as_of: datetime | int | Occurred | None = None,
        consistency: reading_pb2.Consistency | None = None,
        timeout: float | None = None,
    ) -> model_pb2.Model:
        """Get a model by its present or a former name, also as it was at a moment.

        Args:
            name: Required. Resource name of the model. A former name is as good.
            as_of: The moment to look at; unset means now.
            consistency: How fresh the answer must be.
            timeout: Seconds until the call is given up.

        Returns:
            The model.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.GetModelRequest(
            name=full_name(name, self._namespace, "model"),
            as_of=moment(as_of),
            consistency=consistency,
        )
        namespace = namespace_of(request.name)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/GetModel",
            request,
            catalog_service_pb2.GetModelResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.model

    def list_models(
        self,
        *,
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        show_deleted: bool = False,
        consistency: reading_pb2.Consistency | None = None,
        as_of: datetime | int | Occurred | None = None,
        timeout: float | None = None,
    ) -> catalog_service_pb2.ListModelsResponse:
        """List the models of a namespace by name.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            page_size: At most this many; 0 means 50, above 1,000 means 1,000, negative is
                refused.
            page_token: From the answer before; everything else of the request must be the same.
            show_deleted: Also give what is deleted.
            consistency: How fresh the answer must be.
            as_of: The moment to look at; unset means now. Pages that follow look at the same.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.ListModelsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            page_size=page_size,
            page_token=page_token,
            show_deleted=show_deleted,
            consistency=consistency,
            as_of=moment(as_of),
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/ListModels",
            request,
            catalog_service_pb2.ListModelsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def search_models(
        self,
        *,
        parent: str = "",
        filter: str = "",
        order_by: str = "",
        page_size: int = 0,
        page_token: str = "",
        show_deleted: bool = False,
        consistency: reading_pb2.Consistency | None = None,
        as_of: datetime | int | Occurred | None = None,
        timeout: float | None = None,
    ) -> catalog_service_pb2.SearchModelsResponse:
        """Search models with a filter.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            filter: A filter after AIP-160; empty matches all. See docs/reference/filters.md.
            order_by: Fields to order by, for example `update_time desc`; see the same page.
            page_size: At most this many; 0 means 50, above 1,000 means 1,000, negative is
                refused.
            page_token: From the answer before; everything else of the request must be the same.
            show_deleted: Also give what is deleted.
            consistency: How fresh the answer must be.
            as_of: The moment to look at; unset means now. Pages that follow look at the same.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.SearchModelsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            filter=filter,
            order_by=order_by,
            page_size=page_size,
            page_token=page_token,
            show_deleted=show_deleted,
            consistency=consistency,
            as_of=moment(as_of),
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/SearchModels",
            request,
            catalog_service_pb2.SearchModelsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def update_model(
        self,
        model: model_pb2.Model,
        *,
        update_mask: Sequence[str],
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> model_pb2.Model:
        """Change owner, description or card of a model.

        Args:
            model: Required. `name` says which; the fields of the mask give the new values.
            update_mask: Required. Which fields to change: `owner`, `description`, `card`.
            etag: Optional. The revision the model must have (its `etag`); otherwise the call is
                ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The model after the change.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.UpdateModelRequest(
            model=model,
            update_mask=FieldMask(paths=update_mask),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        request.model.name = full_name(request.model.name, self._namespace, "model")
        namespace = namespace_of(request.model.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/UpdateModel",
            request,
            catalog_service_pb2.UpdateModelResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.model

    def rename_model(
        self,
        name: str,
        *,
        new_model_id: str,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> model_pb2.Model:
        """Give a model a new name.

        The old one keeps resolving to it for ever.

        Args:
            name: Required. Resource name of the model.
            new_model_id: Required. The new last part of the name. It may be a former name of
                this model, but never one that another model has or had.
            etag: Optional. The revision the model must have (its `etag`); otherwise the call is
                ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The model under its new name.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.RenameModelRequest(
            name=full_name(name, self._namespace, "model"),
            new_model_id=new_model_id,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/RenameModel",
            request,
            catalog_service_pb2.RenameModelResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.model

    def delete_model(
        self,
        name: str,
        *,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> model_pb2.Model:
        """Delete a model: it and its versions are hidden and not resolved, until it is restored.

        Its name is never free again.

        Args:
            name: Required. Resource name of the model.
            etag: Optional. The revision the model must have (its `etag`); otherwise the call is
                ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The model, deleted.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.DeleteModelRequest(
            name=full_name(name, self._namespace, "model"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/DeleteModel",
            request,
            catalog_service_pb2.DeleteModelResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.model

    def restore_model(
        self,
        name: str,
        *,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> model_pb2.Model:
        """Bring a deleted model back as it was.

        Args:
            name: Required. Resource name of the model.
            etag: Optional. The revision the model must have (its `etag`); otherwise the call is
                ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The model, restored.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.RestoreModelRequest(
            name=full_name(name, self._namespace, "model"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/RestoreModel",
            request,
            catalog_service_pb2.RestoreModelResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.model

    def register_version(
        self,
        parent: str,
        *,
        version: version_pb2.Version,
        allow_missing_model: bool = False,
        occurred_time: datetime | None = None,
        request_id: str | None = None,
        reason: str = "",
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Register a new immutable version.

        Its number is the next of the model.

        Args:
            parent: Required. The model: `namespaces/{namespace}/models/{model}`.
            version: What is registered; fields marked output only are ignored.
            allow_missing_model: Create the model, of kind MODEL, in the same append when it
                does not exist.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The version as registered.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.RegisterVersionRequest(
            parent=full_name(parent, self._namespace, "model"),
            version=version,
            allow_missing_model=allow_missing_model,
            occurred_time=timestamp(occurred_time),
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/RegisterVersion",
            request,
            catalog_service_pb2.RegisterVersionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.version

    def get_version(
        self,
        name: str,
        *,
        as_of: datetime | int | Occurred | None = None,
        consistency: reading_pb2.Consistency | None = None,
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Get a version by its number, also as it was at a moment.

        Args:
            name: Required. Resource name of the version.
            as_of: The moment to look at; unset means now.
            consistency: How fresh the answer must be.
            timeout: Seconds until the call is given up.

        Returns:
            The version.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.GetVersionRequest(
            name=full_name(name, self._namespace, "version"),
            as_of=moment(as_of),
            consistency=consistency,
        )
        namespace = namespace_of(request.name)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/GetVersion",
            request,
            catalog_service_pb2.GetVersionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.version

    def list_versions(
        self,
        parent: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        show_deleted: bool = False,
        consistency: reading_pb2.Consistency | None = None,
        as_of: datetime | int | Occurred | None = None,
        timeout: float | None = None,
    ) -> catalog_service_pb2.ListVersionsResponse:
        """List the versions of a model by number.

        Args:
            parent: Required. The model: `namespaces/{namespace}/models/{model}`.
            page_size: At most this many; 0 means 50, above 1,000 means 1,000, negative is
                refused.
            page_token: From the answer before; everything else of the request must be the same.
            show_deleted: Also give what is deleted.
            consistency: How fresh the answer must be.
            as_of: The moment to look at; unset means now. Pages that follow look at the same.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.ListVersionsRequest(
            parent=full_name(parent, self._namespace, "model"),
            page_size=page_size,
            page_token=page_token,
            show_deleted=show_deleted,
            consistency=consistency,
            as_of=moment(as_of),
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/ListVersions",
            request,
            catalog_service_pb2.ListVersionsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def search_versions(
        self,
        parent: str = "",
        *,
        filter: str = "",
        order_by: str = "",
        page_size: int = 0,
        page_token: str = "",
        show_deleted: bool = False,
        consistency: reading_pb2.Consistency | None = None,
        as_of: datetime | int | Occurred | None = None,
        timeout: float | None = None,
    ) -> catalog_service_pb2.SearchVersionsResponse:
        """Search the versions of one model, or of a whole namespace, with a filter.

        Args:
            parent: Required. A model `namespaces/{namespace}/models/{model}`, or a namespace
                `namespaces/{namespace}` for the versions of all its models.
            filter: A filter after AIP-160; empty matches all. See docs/reference/filters.md.
            order_by: Fields to order by, for example `update_time desc`; see the same page.
            page_size: At most this many; 0 means 50, above 1,000 means 1,000, negative is
                refused.
            page_token: From the answer before; everything else of the request must be the same.
            show_deleted: Also give what is deleted.
            consistency: How fresh the answer must be.
            as_of: The moment to look at; unset means now. Pages that follow look at the same.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.SearchVersionsRequest(
            parent=full_name(parent, self._namespace, "model_or_namespace"),
            filter=filter,
            order_by=order_by,
            page_size=page_size,
            page_token=page_token,
            show_deleted=show_deleted,
            consistency=consistency,
            as_of=moment(as_of),
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/SearchVersions",
            request,
            catalog_service_pb2.SearchVersionsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def list_latest_versions(
        self,
        models: Sequence[str],
        *,
        parent: str = "",
        consistency: reading_pb2.Consistency | None = None,
        timeout: float | None = None,
    ) -> catalog_service_pb2.ListLatestVersionsResponse:
        """List, of each of some models, the version with the highest number in each stage.

        What it costs does not depend on how many versions they have.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            models: Required. 1 to 1,000 resource names of models in the namespace,
                `namespaces/{namespace}/models/{model}`; former names are as good. A model that
                is named twice is answered once, where it is named first.
            consistency: How fresh the answer must be.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.ListLatestVersionsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            models=[
                full_name(
                    model, namespace_of(full_name(parent, self._namespace, "namespace")), "model"
                )
                for model in models
            ],
            consistency=consistency,
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/ListLatestVersions",
            request,
            catalog_service_pb2.ListLatestVersionsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def update_version(
        self,
        version: version_pb2.Version,
        *,
        update_mask: Sequence[str],
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Change description or card of a version; nothing else of it can change.

        Args:
            version: Required. `name` says which; the fields of the mask give the new values.
            update_mask: Required. Which fields to change: `description`, `card`.
            etag: Optional. The revision the version must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The version after the change.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.UpdateVersionRequest(
            version=version,
            update_mask=FieldMask(paths=update_mask),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        request.version.name = full_name(request.version.name, self._namespace, "version")
        namespace = namespace_of(request.version.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/UpdateVersion",
            request,
            catalog_service_pb2.UpdateVersionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.version

    def label_version(
        self,
        name: str,
        *,
        semver: str,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Give a version its SemVer label.

        A label once given stays.

        Args:
            name: Required. Resource name of the version.
            semver: Required. A SemVer 2.0.0 version, unique within the model.
            etag: Optional. The revision the version must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The version with its label.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.LabelVersionRequest(
            name=full_name(name, self._namespace, "version"),
            semver=semver,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/LabelVersion",
            request,
            catalog_service_pb2.LabelVersionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.version

    def delete_version(
        self,
        name: str,
        *,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Delete a version: it is hidden and not resolved, until it is restored.

        Args:
            name: Required. Resource name of the version.
            etag: Optional. The revision the version must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The version, deleted.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.DeleteVersionRequest(
            name=full_name(name, self._namespace, "version"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/DeleteVersion",
            request,
            catalog_service_pb2.DeleteVersionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.version

    def restore_version(
        self,
        name: str,
        *,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Bring a deleted version back as it was.

        Args:
            name: Required. Resource name of the version.
            etag: Optional. The revision the version must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The version, restored.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.RestoreVersionRequest(
            name=full_name(name, self._namespace, "version"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/RestoreVersion",
            request,
            catalog_service_pb2.RestoreVersionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.version

    def set_tags(
        self,
        name: str,
        *,
        tags: Mapping[str, str],
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> catalog_service_pb2.SetTagsResponse:
        """Set tags of a model or a version.

        Tags not named stay as they are; setting what is already so changes nothing and appends
        nothing.

        Args:
            name: Required. Resource name of a model or a version.
            tags: Required. The tags to set; at most 1,000 in all on one resource.
            etag: Optional. The revision the resource must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.SetTagsRequest(
            name=full_name(name, self._namespace, "model"),
            tags=tags,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/SetTags",
            request,
            catalog_service_pb2.SetTagsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def remove_tags(
        self,
        name: str,
        *,
        keys: Sequence[str],
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> catalog_service_pb2.RemoveTagsResponse:
        """Remove tags of a model or a version.

        Removing what is not there changes nothing.

        Args:
            name: Required. Resource name of a model or a version.
            keys: Required. The keys to remove, at most 1,000.
            etag: Optional. The revision the resource must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.RemoveTagsRequest(
            name=full_name(name, self._namespace, "model"),
            keys=keys,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/RemoveTags",
            request,
            catalog_service_pb2.RemoveTagsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def set_alias(
        self,
        name: str,
        *,
        version: int,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        transition_request: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> model_pb2.Alias:
        """Point an alias to a version, creating it if need be.

        A pinned alias is not moved (FAILED_PRECONDITION with reason ALIAS_PINNED), a protected
        one only for who has the permission `catalog.protect` (PERMISSION_DENIED with reason
        ALIAS_PROTECTED).

        Args:
            name: Required. Resource name
                `namespaces/{namespace}/models/{model}/aliases/{alias}`.
            version: Required. The version's number; it must exist and be neither deleted,
                archived, revoked nor stopped by a blocking flag on it or its model.
            etag: Optional. The revision the alias must have; `0` means that it must not point
                anywhere yet. Otherwise the call is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            transition_request: Optional. The request that this carries out, by its resource
                name; by default the newest open one for it, if policies ask for approvals.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The alias after the change.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.SetAliasRequest(
            name=full_name(name, self._namespace, "alias"),
            version=version,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            transition_request=transition_request,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/SetAlias",
            request,
            catalog_service_pb2.SetAliasResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.alias

    def get_alias(
        self,
        name: str,
        *,
        as_of: datetime | int | Occurred | None = None,
        consistency: reading_pb2.Consistency | None = None,
        timeout: float | None = None,
    ) -> model_pb2.Alias:
        """Get an alias, also as it was at a moment.

        Args:
            name: Required. Resource name
                `namespaces/{namespace}/models/{model}/aliases/{alias}`.
            as_of: The moment to look at; unset means now.
            consistency: How fresh the answer must be.
            timeout: Seconds until the call is given up.

        Returns:
            The alias.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.GetAliasRequest(
            name=full_name(name, self._namespace, "alias"),
            as_of=moment(as_of),
            consistency=consistency,
        )
        namespace = namespace_of(request.name)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/GetAlias",
            request,
            catalog_service_pb2.GetAliasResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.alias

    def list_aliases(
        self,
        parent: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        consistency: reading_pb2.Consistency | None = None,
        as_of: datetime | int | Occurred | None = None,
        timeout: float | None = None,
    ) -> catalog_service_pb2.ListAliasesResponse:
        """List the aliases of a model by name.

        Args:
            parent: Required. The model: `namespaces/{namespace}/models/{model}`.
            page_size: At most this many; 0 means 50, above 1,000 means 1,000, negative is
                refused.
            page_token: From the answer before; everything else of the request must be the same.
            consistency: How fresh the answer must be.
            as_of: The moment to look at; unset means now. Pages that follow look at the same.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.ListAliasesRequest(
            parent=full_name(parent, self._namespace, "model"),
            page_size=page_size,
            page_token=page_token,
            consistency=consistency,
            as_of=moment(as_of),
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/ListAliases",
            request,
            catalog_service_pb2.ListAliasesResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def remove_alias(
        self,
        name: str,
        *,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> model_pb2.Alias:
        """Remove an alias.

        Pinned and protected ones are refused as in SetAlias.

        Args:
            name: Required. Resource name
                `namespaces/{namespace}/models/{model}/aliases/{alias}`.
            etag: Optional. The revision the alias must have (its `etag`); otherwise the call is
                ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The alias as it was before it was removed, with its new revision.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.RemoveAliasRequest(
            name=full_name(name, self._namespace, "alias"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/RemoveAlias",
            request,
            catalog_service_pb2.RemoveAliasResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.alias

    def protect_alias(
        self,
        name: str,
        *,
        protected: bool | None = None,
        pinned: bool | None = None,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> model_pb2.Alias:
        """Protect or pin an alias that was set before, or take that back.

        It stays so when the alias is removed and set again.

        Args:
            name: Required. Resource name
                `namespaces/{namespace}/models/{model}/aliases/{alias}`.
            protected: Whether only who has the permission `catalog.protect` may move or remove
                it; absent leaves that as it is.
            pinned: Whether nobody may move or remove it; absent leaves that as it is.
            etag: Optional. The revision the alias must have (its `etag`); otherwise the call is
                ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The alias after the change; of one that was removed, `version` is 0.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.ProtectAliasRequest(
            name=full_name(name, self._namespace, "alias"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        if protected is not None:
            request.protected = protected
        if pinned is not None:
            request.pinned = pinned
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/ProtectAlias",
            request,
            catalog_service_pb2.ProtectAliasResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.alias

    def move_aliases(
        self,
        moves: Sequence[catalog_service_pb2.AliasMove],
        *,
        parent: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> catalog_service_pb2.MoveAliasesResponse:
        """Point aliases of several models at once: a release set.

        All of them move in one append, or none; FAILED_PRECONDITION with reason MOVES_REFUSED
        tells every move that stands in the way.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            moves: Required. 1 to 100 moves, each of another alias. What points there already is
                no event.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log, once for
                each event.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.MoveAliasesRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            moves=moves,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/MoveAliases",
            request,
            catalog_service_pb2.MoveAliasesResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def rollback_alias(
        self,
        name: str,
        *,
        expected_version: int | None = None,
        to_version: int | None = None,
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> model_pb2.Alias:
        """Point an alias back to the version that it pointed to before.

        Unlike a toggle, a second rollback goes further back: after 1, 2, 3 the first gives 2
        and the second 1. Without an earlier version it is FAILED_PRECONDITION with reason
        NOTHING_TO_ROLL_BACK.

        Args:
            name: Required. Resource name
                `namespaces/{namespace}/models/{model}/aliases/{alias}`.
            expected_version: Optional. The version it must point to now; otherwise the call is
                ABORTED with reason HOLDER_MISMATCH.
            to_version: Optional. The version to go back to: one that the alias pointed to
                before; absent means the last of them.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The alias after the change; `previous_version` is the one that is undone.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.RollbackAliasRequest(
            name=full_name(name, self._namespace, "alias"),
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        if expected_version is not None:
            request.expected_version = expected_version
        if to_version is not None:
            request.to_version = to_version
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/RollbackAlias",
            request,
            catalog_service_pb2.RollbackAliasResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.alias

    def resolve_version(
        self,
        address: str,
        *,
        parent: str = "",
        as_of: datetime | int | Occurred | None = None,
        consistency: reading_pb2.Consistency | None = None,
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Find the version an address means: number, alias, stage, SemVer range, latest or content digest.

        Deleted, archived, flagged and revoked versions are refused with FAILED_PRECONDITION and
        a reason; an archived or flagged version is still found by its number and its digest.
        Range and latest pass over what is refused. Of a stage the version that entered it last
        is meant, whether it may be resolved or not.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            address: Required. `churn/3`, `churn@champion`, `churn#production`, `churn@^1.2`,
                `churn@latest` or `sha256:…`. A namespace within the address is refused unless
                it is that of `parent`; `?as_of=` is as good as the field `as_of`.
            as_of: The moment to look at; unset means now.
            consistency: How fresh the answer must be.
            timeout: Seconds until the call is given up.

        Returns:
            The version.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = catalog_service_pb2.ResolveVersionRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            address=address,
            as_of=moment(as_of),
            consistency=consistency,
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CatalogService/ResolveVersion",
            request,
            catalog_service_pb2.ResolveVersionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.version

    def add_comment(
        self,
        parent: str,
        *,
        text: str,
        reply_to: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> comments_service_pb2.Comment:
        """Comment on a model or a version.

        Args:
            parent: Required. A model `namespaces/{namespace}/models/{model}` or a version
                `namespaces/{namespace}/models/{model}/versions/{version}`.
            text: Required. At most 10,000 characters, of at most 50 principals named with an
                `@`.
            reply_to: Optional. The id of the comment that it answers, on the same model or
                version.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The comment.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = comments_service_pb2.AddCommentRequest(
            parent=full_name(parent, self._namespace, "model"),
            text=text,
            reply_to=reply_to,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.CommentsService/AddComment",
            request,
            comments_service_pb2.AddCommentResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.comment

    def edit_comment(
        self,
        name: str,
        *,
        text: str,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> comments_service_pb2.Comment:
        """Change the text of a comment of one's own; anybody else's is PERMISSION_DENIED with reason COMMENT_NOT_YOURS.

        Args:
            name: Required. Resource name of the comment.
            text: Required. As in AddComment.
            etag: Optional. The revision the comment must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The comment.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = comments_service_pb2.EditCommentRequest(
            name=full_name(name, self._namespace, "model"),
            text=text,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.CommentsService/EditComment",
            request,
            comments_service_pb2.EditCommentResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.comment

    def list_comments(
        self,
        parent: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        consistency: reading_pb2.Consistency | None = None,
        as_of: datetime | int | Occurred | None = None,
        timeout: float | None = None,
    ) -> comments_service_pb2.ListCommentsResponse:
        """List the comments on a model or a version, oldest first.

        Those on a model's versions are not among those on the model.

        Args:
            parent: Required. A model or a version, as in AddComment.
            page_size: At most this many; 0 means 50, above 1,000 means 1,000, negative is
                refused.
            page_token: From the answer before; everything else of the request must be the same.
            consistency: How fresh the answer must be.
            as_of: The moment to look at; unset means now. A moment by when things happened is
                refused: comments are only ever recorded.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = comments_service_pb2.ListCommentsRequest(
            parent=full_name(parent, self._namespace, "model"),
            page_size=page_size,
            page_token=page_token,
            consistency=consistency,
            as_of=moment(as_of),
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.CommentsService/ListComments",
            request,
            comments_service_pb2.ListCommentsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def put_document(
        self,
        name: str,
        *,
        content: str,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> documents_service_pb2.Document:
        """Write a document, anew or over what it said before.

        One that was removed is there again, and its revision goes on.

        Args:
            name: Required. Resource name of the document.
            content: Required. What it says, 1 to 100,000 characters, no control character but
                tab and line break.
            etag: Optional. The revision the document must have (its `etag`); `0` means that it
                must not be there: never put, or removed. Otherwise the call is ABORTED with
                reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The document.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = documents_service_pb2.PutDocumentRequest(
            name=full_name(name, self._namespace, "document"),
            content=content,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.DocumentsService/PutDocument",
            request,
            documents_service_pb2.PutDocumentResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.document

    def get_document(
        self,
        name: str,
        *,
        consistency: reading_pb2.Consistency | None = None,
        as_of: datetime | int | Occurred | None = None,
        timeout: float | None = None,
    ) -> documents_service_pb2.Document:
        """Get a document.

        One that was never put, or was removed, is NOT_FOUND with reason DOCUMENT_NOT_FOUND.

        Args:
            name: Required. Resource name of the document.
            consistency: How fresh the answer must be.
            as_of: The moment to look at, by when things were recorded; unset means now.
            timeout: Seconds until the call is given up.

        Returns:
            The document.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = documents_service_pb2.GetDocumentRequest(
            name=full_name(name, self._namespace, "document"),
            consistency=consistency,
            as_of=moment(as_of),
        )
        namespace = namespace_of(request.name)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.DocumentsService/GetDocument",
            request,
            documents_service_pb2.GetDocumentResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.document

    def list_documents(
        self,
        collection: str,
        *,
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        consistency: reading_pb2.Consistency | None = None,
        timeout: float | None = None,
    ) -> documents_service_pb2.ListDocumentsResponse:
        """List the documents of a collection, newest created first; those that were removed are left out.

        A collection in which nothing was put is empty.

        Args:
            parent: Required. `namespaces/{namespace}`.
            collection: Required. The collection's id.
            page_size: At most this many; 0 means 50, above 1,000 means 1,000, negative is
                refused. A page ends early when it would be longer than 3 MiB.
            page_token: From the answer before; everything else of the request must be the same.
            consistency: How fresh the answer must be.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = documents_service_pb2.ListDocumentsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            collection=collection,
            page_size=page_size,
            page_token=page_token,
            consistency=consistency,
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.DocumentsService/ListDocuments",
            request,
            documents_service_pb2.ListDocumentsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def remove_document(
        self,
        name: str,
        *,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> documents_service_pb2.Document:
        """Remove a document.

        What it said stays beside the log, for reads of the past, until it is erased. One that
        is not there is NOT_FOUND with reason DOCUMENT_NOT_FOUND.

        Args:
            name: Required. Resource name of the document.
            etag: Optional. The revision the document must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The document, without its content.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = documents_service_pb2.RemoveDocumentRequest(
            name=full_name(name, self._namespace, "document"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.DocumentsService/RemoveDocument",
            request,
            documents_service_pb2.RemoveDocumentResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.document

    def raise_flag(
        self,
        name: str,
        *,
        flag: flag_pb2.Flag | None = None,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> flags_service_pb2.RaiseFlagResponse:
        """Raise a flag on a model or a version.

        The same again, with the same severity and effect, changes nothing; with others it is
        ALREADY_EXISTS with reason FLAG_EXISTS.

        Args:
            name: Required. Resource name of a model or a version.
            flag: Required: `severity`. Without an `id` the server makes one.
            etag: Optional. The revision the resource must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log and shown
                with the flag.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = flags_service_pb2.RaiseFlagRequest(
            name=full_name(name, self._namespace, "model"),
            flag=flag,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.FlagService/RaiseFlag",
            request,
            flags_service_pb2.RaiseFlagResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def resolve_flag(
        self,
        name: str,
        *,
        flag_id: str,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> flags_service_pb2.ResolveFlagResponse:
        """Resolve a flag.

        One that is not open is NOT_FOUND with reason FLAG_NOT_FOUND.

        Args:
            name: Required. Resource name of the model or version that it is on.
            flag_id: Required. The flag's id.
            etag: Optional. The revision the resource must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = flags_service_pb2.ResolveFlagRequest(
            name=full_name(name, self._namespace, "model"),
            flag_id=flag_id,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.FlagService/ResolveFlag",
            request,
            flags_service_pb2.ResolveFlagResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def revoke_version(
        self,
        name: str,
        *,
        category: str,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Revoke a version for good; also one that is deleted.

        The same again changes nothing; with another category it is FAILED_PRECONDITION with
        reason VERSION_REVOKED.

        Args:
            name: Required. Resource name of the version.
            category: Required. What kind of cause it is, for example `licence` or
                `poisoned-data`: at most 100 characters on one line. It stands in the log for
                ever, so it names no person.
            etag: Optional. The revision the version must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log and shown
                with the version.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The version, revoked.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = flags_service_pb2.RevokeVersionRequest(
            name=full_name(name, self._namespace, "version"),
            category=category,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.FlagService/RevokeVersion",
            request,
            flags_service_pb2.RevokeVersionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.version

    def list_flags(
        self,
        *,
        parent: str = "",
        blocking_only: bool = False,
        page_size: int = 0,
        page_token: str = "",
        consistency: reading_pb2.Consistency | None = None,
        timeout: float | None = None,
    ) -> flags_service_pb2.ListFlagsResponse:
        """List the open flags of a namespace by model and version, a model's own first.

        Those on what is deleted are there too. Of a moment, search versions or models by
        `flagged = true`.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            blocking_only: Only those that stop resolution and promotion.
            page_size: At most this many; 0 means 50, above 1,000 means 1,000, negative is
                refused.
            page_token: From the answer before; everything else of the request must be the same.
            consistency: How fresh the answer must be.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = flags_service_pb2.ListFlagsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            blocking_only=blocking_only,
            page_size=page_size,
            page_token=page_token,
            consistency=consistency,
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.FlagService/ListFlags",
            request,
            flags_service_pb2.ListFlagsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def define_policy(
        self,
        policy_id: str,
        *,
        parent: str = "",
        policy: governance_pb2.Policy,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> governance_pb2.Policy:
        """Define what must hold before versions of some models move into a stage or an alias is pointed to them, or define it anew.

        It holds for every move from then on.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            policy_id: Required. The last part of the policy's name: `[a-z0-9][a-z0-9-]{0,62}`.
            policy: Required. What it is for and what must hold.
            etag: Optional. The revision of what governs the namespace (its `etag`); otherwise
                the call is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The policy.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.DefinePolicyRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            policy_id=policy_id,
            policy=policy,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/DefinePolicy",
            request,
            governance_service_pb2.DefinePolicyResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.policy

    def remove_policy(
        self,
        name: str,
        *,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> governance_pb2.Governance:
        """Remove a policy.

        Args:
            name: Required. Resource name of the policy.
            etag: Optional. The revision of what governs the namespace (its `etag`); otherwise
                the call is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            What is left.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.RemovePolicyRequest(
            name=full_name(name, self._namespace, "model"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/RemovePolicy",
            request,
            governance_service_pb2.RemovePolicyResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.governance

    def check_transition(
        self,
        name: str,
        *,
        stage: str = "",
        alias: str = "",
        transition_request: str = "",
        through: bool = False,
        displace_to: str = "",
        timeout: float | None = None,
    ) -> governance_service_pb2.CheckTransitionResponse:
        """Say whether a move would be allowed, with the outcome of every condition; nothing moves.

        Args:
            name: Required. Resource name of the version.
            stage: The stage to move to; give this or `alias`.
            alias: The alias to point to it; give this or `stage`.
            transition_request: Optional. The request that would be carried out, by its resource
                name; by default the newest open one for this move.
            through: Whether it would take a way through other stages, as
                `TransitionVersionRequest.through`; not with an alias.
            displace_to: Optional. The stage that others would be displaced to, as
                `TransitionVersionRequest.displace_to`; not with an alias.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.CheckTransitionRequest(
            name=full_name(name, self._namespace, "model"),
            stage=stage,
            alias=alias,
            transition_request=transition_request,
            through=through,
            displace_to=displace_to,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/CheckTransition",
            request,
            governance_service_pb2.CheckTransitionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def backtest_policy(
        self,
        policy: governance_pb2.Policy,
        *,
        parent: str = "",
        after_position: int = 0,
        until_position: int = 0,
        timeout: float | None = None,
    ) -> governance_service_pb2.BacktestPolicyResponse:
        """Say which moves of the past a policy would have refused; nothing changes.

        Each move that it governs is judged by what there was when it was made: the version, its
        evaluations, and the request that it carried out. Rollbacks ask no policy, nor does a
        version that makes room in an exclusive stage because the lifecycle says so: they do not
        count. One that somebody displaced does.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            policy: Required. What it would be for and what would have to hold; it need not be
                defined. Its name and what is output only are ignored.
            after_position: Optional. Only moves after this position; to go on, the `position`
                of the answer before.
            until_position: Optional. Only moves up to this position; 0 means all until now.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.BacktestPolicyRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            policy=policy,
            after_position=after_position,
            until_position=until_position,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/BacktestPolicy",
            request,
            governance_service_pb2.BacktestPolicyResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def request_transition(
        self,
        name: str,
        *,
        stage: str = "",
        alias: str = "",
        expire_time: datetime | None = None,
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> governance_pb2.TransitionRequest:
        """Ask for a move, so that others approve it.

        Args:
            name: Required. Resource name of the version.
            stage: The stage to move to; give this or `alias`.
            alias: The alias to point to it; give this or `stage`.
            expire_time: Optional. When the request expires; by default after 14 days, at most
                after 366.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The request.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.RequestTransitionRequest(
            name=full_name(name, self._namespace, "model"),
            stage=stage,
            alias=alias,
            expire_time=timestamp(expire_time),
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/RequestTransition",
            request,
            governance_service_pb2.RequestTransitionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.request

    def approve_transition(
        self,
        name: str,
        *,
        meaning: str = "",
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> governance_pb2.TransitionRequest:
        """Approve a move that was asked for.

        Args:
            name: Required. Resource name of the request.
            meaning: What the approval means, for example `I reviewed the evaluation and take
                responsibility for the release`; at most 500 characters on one line. It stands
                in the log for ever.
            etag: Optional. The revision of the request (its `etag`); otherwise the call is
                ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: A comment; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The request.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.ApproveTransitionRequest(
            name=full_name(name, self._namespace, "model"),
            meaning=meaning,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/ApproveTransition",
            request,
            governance_service_pb2.ApproveTransitionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.request

    def reject_transition(
        self,
        name: str,
        *,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> governance_pb2.TransitionRequest:
        """Reject a move that was asked for.

        Args:
            name: Required. Resource name of the request.
            etag: Optional. The revision of the request (its `etag`); otherwise the call is
                ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: A comment; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The request.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.RejectTransitionRequest(
            name=full_name(name, self._namespace, "model"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/RejectTransition",
            request,
            governance_service_pb2.RejectTransitionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.request

    def cancel_transition(
        self,
        name: str,
        *,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> governance_pb2.TransitionRequest:
        """Take a request back; only who made it may.

        Args:
            name: Required. Resource name of the request.
            etag: Optional. The revision of the request (its `etag`); otherwise the call is
                ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The request.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.CancelTransitionRequest(
            name=full_name(name, self._namespace, "model"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/CancelTransition",
            request,
            governance_service_pb2.CancelTransitionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.request

    def get_transition_request(
        self, name: str, *, at_position: int = 0, timeout: float | None = None
    ) -> governance_pb2.TransitionRequest:
        """Get a request with its approvals.

        Args:
            name: Required. Resource name of the request.
            at_position: Optional. As it was right after this position; 0 means now.
            timeout: Seconds until the call is given up.

        Returns:
            The request.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.GetTransitionRequestRequest(
            name=full_name(name, self._namespace, "model"),
            at_position=at_position,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/GetTransitionRequest",
            request,
            governance_service_pb2.GetTransitionRequestResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.request

    def list_transition_requests(
        self,
        *,
        parent: str = "",
        include_ended: bool = False,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> governance_service_pb2.ListTransitionRequestsResponse:
        """List requests, the newest first.

        Args:
            parent: Required. The namespace, or a version: only requests for it.
            include_ended: True for those that are no longer open, too.
            page_size: Most requests to return: 1 to 1,000, 100 by default.
            page_token: `next_page_token` of the page before; empty for the first page.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.ListTransitionRequestsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            include_ended=include_ended,
            page_size=page_size,
            page_token=page_token,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/ListTransitionRequests",
            request,
            governance_service_pb2.ListTransitionRequestsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def record_evaluation(
        self,
        name: str,
        *,
        evaluation: governance_pb2.Evaluation,
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> governance_pb2.Evaluation:
        """Record what was measured of a version.

        Args:
            name: Required. Resource name of the version.
            evaluation: Required. The evaluation.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Remarks; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too, and is what policies count its
                age from: a claim makes it neither younger nor older.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The evaluation.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.RecordEvaluationRequest(
            name=full_name(name, self._namespace, "model"),
            evaluation=evaluation,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/RecordEvaluation",
            request,
            governance_service_pb2.RecordEvaluationResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.evaluation

    def get_evaluations(
        self, name: str, *, at_position: int = 0, timeout: float | None = None
    ) -> governance_pb2.VersionEvaluations:
        """Get the evaluations of a version.

        Args:
            name: Required. Resource name of the version.
            at_position: Optional. As they were right after this position; 0 means now.
            timeout: Seconds until the call is given up.

        Returns:
            The evaluations.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = governance_service_pb2.GetEvaluationsRequest(
            name=full_name(name, self._namespace, "model"),
            at_position=at_position,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.GovernanceService/GetEvaluations",
            request,
            governance_service_pb2.GetEvaluationsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.evaluations

    def commit_heads(
        self,
        *,
        parent: str = "",
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> Iterator[heads_service_pb2.CommitHeadsResponse]:
        """Commit to the heads of all streams as they are now.

        Every projected row is read, and the root over them appended to the log. The last answer
        has `done` set. While another server does the same it is FAILED_PRECONDITION with reason
        HEADS_UNDER_WAY.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Yields:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = heads_service_pb2.CommitHeadsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        for answer in self._transport.stream(
            "/regesta.v1.HeadsService/CommitHeads",
            request,
            heads_service_pb2.CommitHeadsResponse,
            timeout,
        ):
            yield answer

    def prove_stream_head(
        self,
        stream: str,
        *,
        parent: str = "",
        heads_position: int = 0,
        include_children: bool = False,
        timeout: float | None = None,
    ) -> heads_service_pb2.ProveStreamHeadResponse:
        """Prove what the head of a stream was when all heads were committed to.

        Whoever holds the stream's events can then tell that none is missing up to that
        position. Without a commitment it is FAILED_PRECONDITION with reason HEADS_NOT_KEPT.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            stream: Required. The stream, for example `models/churn`, `models/churn/versions/3`
                or `log`. Of a model any name it has or had will do.
            heads_position: The position that the heads are of, from a commitment whose lines
                are kept; 0 means the last one.
            include_children: Also give the lines of a model's versions and aliases, and those
                that stand beside them, so that it is seen that none was left out. At most
                10,000, otherwise it is FAILED_PRECONDITION with reason TOO_MANY_STREAMS.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = heads_service_pb2.ProveStreamHeadRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            stream=stream,
            heads_position=heads_position,
            include_children=include_children,
        )
        return self._transport.unary(
            "/regesta.v1.HeadsService/ProveStreamHead",
            request,
            heads_service_pb2.ProveStreamHeadResponse,
            timeout,
        )

    def get_log_status(
        self, *, parent: str = "", timeout: float | None = None
    ) -> log_status_pb2.LogStatus:
        """Get what the log says of itself.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            timeout: Seconds until the call is given up.

        Returns:
            The status; only its name is set when the log has said nothing.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = heads_service_pb2.GetLogStatusRequest(
            parent=full_name(parent, self._namespace, "namespace"),
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.HeadsService/GetLogStatus",
            request,
            heads_service_pb2.GetLogStatusResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.status

    def record_log_event(
        self,
        *,
        parent: str = "",
        key_rotated: heads_service_pb2.KeyRotation | None = None,
        key_compromised: heads_service_pb2.KeyCompromise | None = None,
        log_forked: log_status_pb2.LogFork | None = None,
        log_witnessed: heads_service_pb2.LogWitness | None = None,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> log_status_pb2.LogStatus:
        """Append an event about the log itself.

        It is about a rotated or compromised key, a loss or a cosigned checkpoint. Signatures
        are not judged; the log says what was said.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            key_rotated: Another key signs checkpoints from now on.
            key_compromised: A key can no longer be trusted.
            log_forked: Events that a checkpoint covered were lost.
            log_witnessed: A cosigned checkpoint of this log.
            etag: Optional. The revision the stream `log` must have (the status's `etag`);
                otherwise the call is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The status as of the write's position.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = heads_service_pb2.RecordLogEventRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            key_rotated=key_rotated,
            key_compromised=key_compromised,
            log_forked=log_forked,
            log_witnessed=log_witnessed,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.HeadsService/RecordLogEvent",
            request,
            heads_service_pb2.RecordLogEventResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.status

    def transition_version(
        self,
        name: str,
        *,
        stage: str,
        from_stage: str = "",
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        transition_request: str = "",
        through: bool = False,
        displace_to: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Move a version to another stage.

        A move that the lifecycle does not allow is FAILED_PRECONDITION with reason
        MOVE_NOT_ALLOWED. A version that is revoked, or stopped by a blocking flag on it or its
        model, may only move to a stage that is not resolved.

        Args:
            name: Required. Resource name of the version.
            stage: Required. The stage to move to.
            from_stage: Optional. The stage it must be in now; otherwise the call is ABORTED
                with reason STAGE_MISMATCH.
            etag: Optional. The revision the version must have (its `etag`); otherwise the call
                is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            transition_request: Optional. The request that the move carries out, by its resource
                name; by default the newest open one for this move, if policies ask for
                approvals.
            through: When the lifecycle has no direct move, take the shortest way through its
                stages, of equally short ones that of its earlier stages; never through a closed
                or an exclusive stage. Every step is an event of this one append, and policies
                are asked of each; if one is not allowed, nothing moves. The reason and the
                request belong to the last step. The etag and `from_stage` are of the start.
            displace_to: Optional. Move every other version that is in the stage to this one, in
                the same append; also when the version is in the stage already. It is a closed
                stage that takes several, and the lifecycle allows the move to it, else the move
                is refused, whether others are there or not; policies are asked of each. At most
                1,000 others: else FAILED_PRECONDITION with reason TOO_MANY_IN_STAGE. Where the
                stage is exclusive and the lifecycle says where its holder goes, that counts.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The version in its new stage.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = lifecycle_service_pb2.TransitionVersionRequest(
            name=full_name(name, self._namespace, "version"),
            stage=stage,
            from_stage=from_stage,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            transition_request=transition_request,
            through=through,
            displace_to=displace_to,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.LifecycleService/TransitionVersion",
            request,
            lifecycle_service_pb2.TransitionVersionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.version

    def define_lifecycle(
        self,
        lifecycle_id: str,
        *,
        parent: str = "",
        lifecycle: governance_pb2.Lifecycle,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> governance_pb2.Lifecycle:
        """Define the stages of some models and the moves between them, or define them anew.

        Versions stay in the stage they are in; from one that the lifecycle no longer has they
        may move to its first and to its closed stages. FAILED_PRECONDITION with
        LIFECYCLE_OVERLAPS when another lifecycle is for the same models.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            lifecycle_id: Required. The last part of the lifecycle's name:
                `[a-z0-9][a-z0-9-]{0,62}`.
            lifecycle: Required. `models` and `stages` of it.
            etag: Optional. The revision of what governs the namespace (its `etag`); otherwise
                the call is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The lifecycle.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = lifecycle_service_pb2.DefineLifecycleRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            lifecycle_id=lifecycle_id,
            lifecycle=lifecycle,
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.LifecycleService/DefineLifecycle",
            request,
            lifecycle_service_pb2.DefineLifecycleResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.lifecycle

    def remove_lifecycle(
        self,
        name: str,
        *,
        etag: str = "",
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> governance_pb2.Governance:
        """Remove a lifecycle; its models have the next that is for them, or the default one.

        Args:
            name: Required. Resource name of the lifecycle.
            etag: Optional. The revision of what governs the namespace (its `etag`); otherwise
                the call is ABORTED with reason REVISION_MISMATCH.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            What is left.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = lifecycle_service_pb2.RemoveLifecycleRequest(
            name=full_name(name, self._namespace, "model"),
            etag=etag,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.LifecycleService/RemoveLifecycle",
            request,
            lifecycle_service_pb2.RemoveLifecycleResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.governance

    def get_governance(
        self, *, parent: str = "", at_position: int = 0, timeout: float | None = None
    ) -> governance_pb2.Governance:
        """Get everything that governs moves in a namespace.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            at_position: Optional. As it was right after this position; 0 means now.
            timeout: Seconds until the call is given up.

        Returns:
            All of it.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = lifecycle_service_pb2.GetGovernanceRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            at_position=at_position,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.LifecycleService/GetGovernance",
            request,
            lifecycle_service_pb2.GetGovernanceResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.governance

    def rollback_stage(
        self,
        name: str,
        *,
        stage: str,
        expected_version: int | None = None,
        to_version: int | None = None,
        request_id: str | None = None,
        reason: str = "",
        occurred_time: datetime | None = None,
        occurred_by: str = "",
        timeout: float | None = None,
    ) -> version_pb2.Version:
        """Put the version that held a stage of a model before back into it; the one that holds it now goes to the stage it came from.

        As with aliases, a second rollback goes further back. The moves need not be ones that
        the lifecycle allows, but none brings back what is not resolved, and none promotes the
        version that leaves (MOVE_NOT_ALLOWED). Without an earlier holder it is
        FAILED_PRECONDITION with reason NOTHING_TO_ROLL_BACK.

        Args:
            name: Required. The model: `namespaces/{namespace}/models/{model}`.
            stage: Required. The stage.
            expected_version: Optional. The version that must hold the stage now, that is, the
                one that `{model}#{stage}` means; otherwise the call is ABORTED with reason
                HOLDER_MISMATCH.
            to_version: Optional. The version to go back to: one that held the stage before;
                absent means the last of them.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID. Kept for the life of the log.
            reason: Why; free text of at most 10,000 characters, kept beside the log, once for
                each event.
            occurred_time: Optional. When it really happened, claimed by an importer; not in the
                future. The time of recording is always kept too.
            occurred_by: Optional. Who really did it, claimed by an importer: at most 250
                characters on one line, opaque text. The event's actor stays the authenticated
                principal.
            timeout: Seconds until the call is given up.

        Returns:
            The version that holds the stage again.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = lifecycle_service_pb2.RollbackStageRequest(
            name=full_name(name, self._namespace, "model"),
            stage=stage,
            request_id=request_id_or_new(request_id),
            reason=reason,
            occurred_time=timestamp(occurred_time),
            occurred_by=occurred_by,
        )
        if expected_version is not None:
            request.expected_version = expected_version
        if to_version is not None:
            request.to_version = to_version
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.LifecycleService/RollbackStage",
            request,
            lifecycle_service_pb2.RollbackStageResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.version

    def get_lifecycle(
        self,
        *,
        parent: str = "",
        consistency: reading_pb2.Consistency | None = None,
        model: str = "",
        timeout: float | None = None,
    ) -> lifecycle_service_pb2.GetLifecycleResponse:
        """Get the stages and allowed moves of a namespace, or of one of its models.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            consistency: How fresh the answer must be.
            model: Optional. The model whose lifecycle is meant, by its resource name; without
                it the one for models that no other is for.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = lifecycle_service_pb2.GetLifecycleRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            consistency=consistency,
            model=model,
        )
        namespace = namespace_of(request.parent)
        if consistency is None:
            known = self._transport.positions.consistency(namespace)
            if known is not None:
                request.consistency.CopyFrom(known)
        answer = self._transport.unary(
            "/regesta.v1.LifecycleService/GetLifecycle",
            request,
            lifecycle_service_pb2.GetLifecycleResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def get_checkpoint(
        self, *, parent: str = "", size: int = 0, exact: bool = False, timeout: float | None = None
    ) -> log_service_pb2.GetCheckpointResponse:
        """Get a signed checkpoint, and how its publisher is doing.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            size: With `exact`, the size it must have; otherwise it is the latest, and of at
                least this size.
            exact: Take that of exactly this size.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = log_service_pb2.GetCheckpointRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            size=size,
            exact=exact,
        )
        return self._transport.unary(
            "/regesta.v1.LogService/GetCheckpoint",
            request,
            log_service_pb2.GetCheckpointResponse,
            timeout,
        )

    def watch_checkpoints(
        self, *, parent: str = "", after_size: int = 0, timeout: float | None = None
    ) -> Iterator[log_service_pb2.WatchCheckpointsResponse]:
        """Receive every checkpoint above a size, in order, first those that are stored and then new ones, until the call is cancelled or the server drains.

        A checkpoint is sent once; cosignatures that it gains later are not told.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            after_size: Only those above this size.
            timeout: Seconds until the call is given up.

        Yields:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = log_service_pb2.WatchCheckpointsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            after_size=after_size,
        )
        for answer in self._transport.stream(
            "/regesta.v1.LogService/WatchCheckpoints",
            request,
            log_service_pb2.WatchCheckpointsResponse,
            timeout,
        ):
            yield answer

    def prove_inclusion(
        self, position: int, *, parent: str = "", size: int = 0, timeout: float | None = None
    ) -> log_service_pb2.ProveInclusionResponse:
        """Prove that the event at a position is in the log.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            position: Required. The event's position.
            size: Size of the tree to prove it in; 0 means the latest checkpoint's, or the log's
                own if no checkpoint covers the event yet.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = log_service_pb2.ProveInclusionRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            position=position,
            size=size,
        )
        return self._transport.unary(
            "/regesta.v1.LogService/ProveInclusion",
            request,
            log_service_pb2.ProveInclusionResponse,
            timeout,
        )

    def prove_consistency(
        self, old_size: int, *, parent: str = "", size: int = 0, timeout: float | None = None
    ) -> log_service_pb2.ProveConsistencyResponse:
        """Prove that the log extends what it was at an earlier size, without a change.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            old_size: Required. The earlier size, from 1.
            size: The later size; 0 means the latest checkpoint's, or the log's own if that is
                smaller than the earlier size.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = log_service_pb2.ProveConsistencyRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            old_size=old_size,
            size=size,
        )
        return self._transport.unary(
            "/regesta.v1.LogService/ProveConsistency",
            request,
            log_service_pb2.ProveConsistencyResponse,
            timeout,
        )

    def get_tile(
        self,
        *,
        parent: str = "",
        level: int = 0,
        index: int = 0,
        width: int = 0,
        timeout: float | None = None,
    ) -> log_service_pb2.GetTileResponse:
        """Get a tile of the tree (C2SP tlog-tiles): up to 256 hashes.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            level: Level, from 0: leaf hashes.
            index: Number of the tile in its level, from 0.
            width: Number of hashes, 1 to 256; 0 means 256.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = log_service_pb2.GetTileRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            level=level,
            index=index,
            width=width,
        )
        return self._transport.unary(
            "/regesta.v1.LogService/GetTile", request, log_service_pb2.GetTileResponse, timeout
        )

    def get_receipt(
        self,
        position: int,
        *,
        parent: str = "",
        wait: float | None = None,
        size: int = 0,
        timeout: float | None = None,
    ) -> log_service_pb2.GetReceiptResponse:
        """Get the receipt of an event: a `.tlog-proof` file that needs no server to be verified.

        With `wait`, waits until a checkpoint covers the event.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            position: Required. The event's position.
            wait: How long to wait for a checkpoint that covers it; unset means not at all.
                Never longer than the call's deadline.
            size: Size of the checkpoint to prove it under; 0 means the one with the most
                signatures among those that followed the event, and of these the first.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = log_service_pb2.GetReceiptRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            position=position,
            wait=duration(wait),
            size=size,
        )
        return self._transport.unary(
            "/regesta.v1.LogService/GetReceipt",
            request,
            log_service_pb2.GetReceiptResponse,
            timeout,
        )

    def add_cosignature(
        self, size: int, *, parent: str = "", signatures: str, timeout: float | None = None
    ) -> log_service_pb2.AddCosignatureResponse:
        """Add the cosignatures of witnesses to a stored checkpoint.

        Only those are taken that this server is configured to know, and only if they verify.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            size: Required. Size of the checkpoint.
            signatures: Required. Signature lines (C2SP tlog-cosignature), each with its
                newline.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = log_service_pb2.AddCosignatureRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            size=size,
            signatures=signatures,
        )
        return self._transport.unary(
            "/regesta.v1.LogService/AddCosignature",
            request,
            log_service_pb2.AddCosignatureResponse,
            timeout,
        )

    def erase_texts(
        self,
        *,
        parent: str = "",
        person: str | None = None,
        resource: str | None = None,
        event_position: int | None = None,
        field: str = "",
        legal_basis: str = "",
        validate_only: bool = False,
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> privacy_service_pb2.EraseTextsResponse:
        """Erase texts, and say so in the log, in one transaction.

        Records keep their salted digests, so the log still verifies; nobody can read the texts
        any more. FAILED_PRECONDITION with HOLD_IN_PLACE while a hold covers any of them,
        NOT_FOUND with NOTHING_TO_ERASE when there are none.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            person: Every text that this principal wrote.
            resource: Every text of a model, a version, an alias or a document, by resource
                name; a model includes its versions and aliases.
            event_position: The texts of the event at this position.
            field: Only with `event_position`: the field of the text, for example `reason` or
                `long_tags.notes`; empty means all of the event's.
            legal_basis: Required, but for a look. On what ground: 1 to 500 characters on one
                line. It stands in the log for ever, so it names no person.
            validate_only: Only look: say how many texts it would erase, and whether a hold
                forbids it.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = privacy_service_pb2.EraseTextsRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            field=field,
            legal_basis=legal_basis,
            validate_only=validate_only,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        if person is not None:
            request.person = person
        if resource is not None:
            request.resource = full_name(resource, self._namespace, "model")
        if event_position is not None:
            request.event_position = event_position
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.PrivacyService/EraseTexts",
            request,
            privacy_service_pb2.EraseTextsResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer

    def place_hold(
        self,
        hold_id: str,
        *,
        parent: str = "",
        hold: privacy_service_pb2.Hold | None = None,
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> privacy_service_pb2.Hold:
        """Keep texts from being erased, and the bodies of their events from being archived, until the hold is released.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            hold_id: Required. The last part of the hold's resource name; one that was released
                may be used again.
            hold: Required: `matter`, and at most one of `person` and `model`. The model is
                named by a present or former name.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The hold.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = privacy_service_pb2.PlaceHoldRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            hold_id=hold_id,
            hold=hold,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.PrivacyService/PlaceHold",
            request,
            privacy_service_pb2.PlaceHoldResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.hold

    def release_hold(
        self,
        name: str,
        *,
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> privacy_service_pb2.PrivacyStatus:
        """End a hold.

        Args:
            name: Required. Resource name of the hold.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            The holds that are still in place.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = privacy_service_pb2.ReleaseHoldRequest(
            name=full_name(name, self._namespace, "hold"),
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.name)
        answer = self._transport.unary(
            "/regesta.v1.PrivacyService/ReleaseHold",
            request,
            privacy_service_pb2.ReleaseHoldResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.status

    def define_retention(
        self,
        *,
        parent: str = "",
        keep_days: int = 0,
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> privacy_service_pb2.Retention:
        """Say from when on bodies of events may be kept in archives only.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            keep_days: Bodies that are younger than this many days stay, 0 to 36,500; 0 says
                that none may be archived any more.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            It.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = privacy_service_pb2.DefineRetentionRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            keep_days=keep_days,
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.PrivacyService/DefineRetention",
            request,
            privacy_service_pb2.DefineRetentionResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.retention

    def release_bodies(
        self,
        *,
        parent: str = "",
        through: int | None = None,
        before: datetime | None = None,
        request_id: str | None = None,
        reason: str = "",
        timeout: float | None = None,
    ) -> privacy_service_pb2.BodyRelease:
        """Let the bodies of old events be archived: `regesta-server archive` does it.

        Proofs stay valid. FAILED_PRECONDITION with RETENTION_NOT_DEFINED, BODIES_TOO_YOUNG,
        SAME_PERSON, HOLD_IN_PLACE, NOT_SIGNED_YET or RELEASED_ALREADY.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            through: All up to this position, a multiple of 256.
            before: All that were recorded before this time, as far as a checkpoint covers them,
                in whole tiles of 256.
            request_id: Required. The caller's own id of this write, 1 to 64 characters of
                `[A-Za-z0-9._:-]`; best a UUID.
            reason: Why; free text of at most 10,000 characters, kept beside the log.
            timeout: Seconds until the call is given up.

        Returns:
            It.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = privacy_service_pb2.ReleaseBodiesRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            before=timestamp(before),
            request_id=request_id_or_new(request_id),
            reason=reason,
        )
        if through is not None:
            request.through = through
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.PrivacyService/ReleaseBodies",
            request,
            privacy_service_pb2.ReleaseBodiesResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.release

    def get_privacy_status(
        self, *, parent: str = "", timeout: float | None = None
    ) -> privacy_service_pb2.PrivacyStatus:
        """Get the holds that are in place, what was erased last, and what may be archived.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            timeout: Seconds until the call is given up.

        Returns:
            Holds, the last erasure, retention and release.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = privacy_service_pb2.GetPrivacyStatusRequest(
            parent=full_name(parent, self._namespace, "namespace"),
        )
        namespace = namespace_of(request.parent)
        answer = self._transport.unary(
            "/regesta.v1.PrivacyService/GetPrivacyStatus",
            request,
            privacy_service_pb2.GetPrivacyStatusResponse,
            timeout,
        )
        self._transport.positions.saw(namespace, answer.position)
        return answer.status

    def subscribe(
        self,
        *,
        parent: str = "",
        after_position: int | None = None,
        filter: event_pb2.EventFilter | None = None,
        heartbeat_interval: float | None = None,
        timeout: float | None = None,
        silence: float | None = None,
    ) -> Iterator[watch_service_pb2.SubscribeResponse]:
        """Receive every matching event after a position, in order and without gaps, once per call, first those already in the log and then new ones, until the call is cancelled.

        When the server drains, or the subscriber is too slow, the stream ends with UNAVAILABLE
        or RESOURCE_EXHAUSTED after an answer that names the position to resume after.

        Args:
            parent: Required. The namespace: `namespaces/{namespace}`.
            after_position: After this position; 0 means from the beginning. A position beyond
                the end of the log is OUT_OF_RANGE.
            filter: Which events; unset means all.
            heartbeat_interval: How often to send a heartbeat while nothing matches: 1 to 300
                seconds; unset means 15.
            timeout: Seconds until the call is given up.
            silence: Seconds without any answer after which it is given up as unavailable.

        Yields:
            The answer.

        Raises:
            RegestaError: The call failed; see `regesta.errors`.
        """
        request = watch_service_pb2.SubscribeRequest(
            parent=full_name(parent, self._namespace, "namespace"),
            filter=filter,
            heartbeat_interval=duration(heartbeat_interval),
        )
        if after_position is not None:
            request.after_position = after_position
        for answer in self._transport.stream(
            "/regesta.v1.WatchService/Subscribe",
            request,
            watch_service_pb2.SubscribeResponse,
            timeout,
            silence,
        ):
            yield answer
