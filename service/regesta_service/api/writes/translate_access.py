"""Requests about grants, principals and tokens, as commands."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from regesta import names
from regesta.names import GrantName, NamespaceName
from regesta_service.access.granting import BreakGlass, GrantRole, RevokeRole
from regesta_service.access.grants import VOCABULARY
from regesta_service.access.permissions import ROLES
from regesta_service.access.principals import RESERVED_NAMES
from regesta_service.access.registering import HOME, IssueToken, RegisterPrincipal, RevokeToken
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.translating import Translated
from regesta_service.domain import limits
from regesta_service.domain.conditions import InvalidCondition
from regesta_service.domain.rejections import InvalidRequest

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from regesta.v1 import access_service_pb2 as pb
    from regesta_service.access.principals import Principal
    from regesta_service.api.writes.checks import SaltSource

KINDS: Final = ("user", "service_account")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\*?|\*")


def grant_role(
    request: pb.GrantRoleRequest, grant: str, by: Principal, now: datetime, new_salt: SaltSource
) -> Translated[GrantRole]:
    """Translate.

    Args:
        request: The request.
        grant: Id of the new grant.
        by: Who asks.
        now: The present time.
        new_salt: Salts for free texts.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    namespace = parse_name("parent", NamespaceName.parse, request.parent).namespace
    if bool(request.principal) == bool(request.group):
        checks.refuse("principal", "give either this or group")
    if request.principal:
        checks.named("principal", names.check_principal, request.principal)
    checks.line("group", request.group, limits.MAX_GROUP)
    _role(checks, request.role)
    if checks.fits("models", request.models, limits.MAX_GRANT_MODELS):
        for at, pattern in enumerate(request.models):
            if not _PATTERN.fullmatch(pattern):
                checks.refuse(("models", at), "is a model's name, or the beginning of one and *")
    _condition(checks, request.condition)
    ends = _end(checks, request.expire_time, now) if request.HasField("expire_time") else None
    command = GrantRole(
        namespace,
        grant,
        by,
        now,
        request.role,
        principal=request.principal,
        group=request.group,
        models=tuple(request.models),
        condition=request.condition,
        ends=ends,
        reason=checks.cause(request),
    )
    checks.finish()
    return Translated(namespace, command, request, checks.texts)


def revoke_role(request: pb.RevokeRoleRequest, new_salt: SaltSource) -> Translated[RevokeRole]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", GrantName.parse, request.name)
    command = RevokeRole(name.grant, checks.cause(request))
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts)


def break_glass(
    request: pb.BreakGlassRequest, grant: str, by: Principal, now: datetime, new_salt: SaltSource
) -> Translated[BreakGlass]:
    """Translate; the arguments are as those of `grant_role`.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    namespace = parse_name("parent", NamespaceName.parse, request.parent).namespace
    _role(checks, request.role)
    if not 1 <= request.minutes <= limits.MAX_BREAK_GLASS_MINUTES:
        checks.refuse("minutes", f"is 1 to {limits.MAX_BREAK_GLASS_MINUTES}")
    if not request.reason.strip():
        checks.refuse("reason", "is required: say why it cannot wait")
    reason = checks.cause(request)
    checks.finish()
    ends = now + timedelta(minutes=request.minutes)
    command = BreakGlass(grant, by.name, now, request.role, ends, reason)
    return Translated(namespace, command, request, checks.texts)


def register_principal(
    request: pb.RegisterPrincipalRequest, new_salt: SaltSource
) -> Translated[RegisterPrincipal]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    checks.named("principal", names.check_principal, request.principal)
    if request.principal in RESERVED_NAMES:
        checks.refuse("principal", "is a name that the server keeps for itself")
    if request.kind not in KINDS:
        checks.refuse("kind", f"is one of {', '.join(KINDS)}")
    if request.same_person_as:
        checks.named("same_person_as", names.check_principal, request.same_person_as)
    command = RegisterPrincipal(
        request.principal,
        request.kind,
        checks.sealed("display", request.display, limits.MAX_DISPLAY),
        request.same_person_as,
        checks.cause(request),
    )
    checks.finish()
    return Translated(HOME, command, request, checks.texts)


def issue_token(
    request: pb.IssueTokenRequest,
    principal: str,
    digest: str,
    now: datetime,
    new_salt: SaltSource,
    *,
    own_end: datetime | None = None,
) -> Translated[IssueToken]:
    """Translate.

    Args:
        request: The request.
        principal: Whose token it will be.
        digest: SHA-256 of the new token, in hex.
        now: The present time.
        new_salt: Salts for free texts.
        own_end: When the token ends that asks for it, if one does: where the request does not
            say, the new one ends no later.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    checks.named("principal", names.check_principal, principal)
    if not request.label.strip():
        checks.refuse("label", "is required: say what the token is for")
    checks.line("label", request.label, limits.MAX_LABEL)
    if request.role:
        _role(checks, request.role)
    if checks.fits("namespaces", request.namespaces, limits.MAX_TOKEN_NAMESPACES):
        for at, namespace in enumerate(request.namespaces):
            checks.named(("namespaces", at), names.check_namespace, namespace)
    ends = now + timedelta(days=limits.DEFAULT_TOKEN_DAYS)
    ends = min(ends, own_end or ends)
    if request.HasField("expire_time"):
        ends = _end(checks, request.expire_time, now) or ends
        if ends > now + timedelta(days=limits.MAX_TOKEN_DAYS):
            checks.refuse("expire_time", f"lies at most {limits.MAX_TOKEN_DAYS} days ahead")
    command = IssueToken(
        principal,
        digest,
        request.label,
        ends,
        request.role,
        tuple(request.namespaces),
        checks.cause(request),
    )
    checks.finish()
    return Translated(HOME, command, request, checks.texts)


def revoke_token(
    request: pb.RevokeTokenRequest, of: str, new_salt: SaltSource
) -> Translated[RevokeToken]:
    """Translate.

    Args:
        request: The request.
        of: Only a token of this principal; empty for anybody's.
        new_salt: Salts for free texts.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    checks.named("token", names.check_token, request.token)
    command = RevokeToken(request.token, of, checks.cause(request))
    checks.finish()
    return Translated(HOME, command, request, checks.texts)


def _role(checks: Checks, role: str) -> None:
    if role not in ROLES:
        checks.refuse("role", f"is one of {', '.join(sorted(ROLES))}")


def _condition(checks: Checks, text: str) -> None:
    if len(text.encode()) > limits.MAX_GRANT_CONDITION:
        checks.refuse("condition", f"has at most {limits.MAX_GRANT_CONDITION} bytes")
    elif text:
        try:
            VOCABULARY.compile(text)
        except InvalidCondition as error:
            checks.refuse("condition", str(error))


def _end(checks: Checks, timestamp: Timestamp, now: datetime) -> datetime | None:
    """Return when something ends, to the microsecond."""
    try:
        ends = _EPOCH + timedelta(
            seconds=timestamp.seconds, microseconds=max(timestamp.nanos, 0) // 1_000
        )
    except OverflowError:
        raise InvalidRequest.of("expire_time", "lies in the years 1 to 9999") from None
    if ends <= now:
        checks.refuse("expire_time", "lies ahead")
    return ends
