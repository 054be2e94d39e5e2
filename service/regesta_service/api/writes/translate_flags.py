"""Requests about flags and revocation, as commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from regesta import names
from regesta.names import VersionName
from regesta.v1 import flag_pb2 as flag_pb
from regesta_service.api.writes.checks import Checks, model_or_version, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translating import Translated
from regesta_service.domain import limits
from regesta_service.domain.flags import RaiseFlag, ResolveFlag, RevokeVersion

if TYPE_CHECKING:
    from datetime import datetime

    from regesta.v1 import flags_service_pb2 as pb
    from regesta_service.api.writes.checks import SaltSource

_SEVERITIES: Final = {
    flag_pb.FLAG_SEVERITY_INFO: "INFO",
    flag_pb.FLAG_SEVERITY_WARNING: "WARNING",
    flag_pb.FLAG_SEVERITY_CRITICAL: "CRITICAL",
}

# Bytes of an id that the server makes: two of them never meet on one resource.
_ID_BYTES: Final = 8


def raise_flag(
    request: pb.RaiseFlagRequest, now: datetime, new_salt: SaltSource
) -> Translated[RaiseFlag]:
    """Translate; a flag without an id gets one, another each time.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = model_or_version(request.name)
    flag = request.flag
    made = f"flag-{new_salt()[:_ID_BYTES].hex()}"
    severity = _SEVERITIES.get(flag.severity, "")
    if not severity:
        checks.refuse("flag.severity", "is INFO, WARNING or CRITICAL")
    command = RaiseFlag(
        name.model,
        name.version if isinstance(name, VersionName) else None,
        checks.named("flag.id", names.check_id, flag.id) if flag.id else made,
        severity,
        flag.blocking,
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def resolve_flag(
    request: pb.ResolveFlagRequest, now: datetime, new_salt: SaltSource
) -> Translated[ResolveFlag]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = model_or_version(request.name)
    command = ResolveFlag(
        name.model,
        name.version if isinstance(name, VersionName) else None,
        checks.named("flag_id", names.check_id, request.flag_id),
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)


def revoke_version(
    request: pb.RevokeVersionRequest, now: datetime, new_salt: SaltSource
) -> Translated[RevokeVersion]:
    """Translate.

    Raises:
        InvalidRequest: A field breaks a rule.
    """
    checks = Checks(new_salt)
    name = parse_name("name", VersionName.parse, request.name)
    if not request.category.strip():
        checks.refuse("category", "is required")
    command = RevokeVersion(
        name.model,
        name.version,
        checks.line("category", request.category, limits.MAX_CATEGORY),
        expected_revision=checks.revision(request.etag),
        reason=checks.cause(request),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    return Translated(name.namespace, command, request, checks.texts, claim)
