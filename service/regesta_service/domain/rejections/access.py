"""Refusals about grants, principals and tokens."""

from __future__ import annotations

from regesta_service.domain.rejections.base import Kind, Rejection


class GrantNotFound(Rejection):
    """There is no such grant: there never was, or it was revoked or has ended."""

    kind = Kind.NOT_FOUND
    reason = "GRANT_NOT_FOUND"


class GrantExceedsOwn(Rejection):
    """Nobody grants what he may not do himself, or only in fewer cases or for a shorter time."""

    kind = Kind.DENIED
    reason = "GRANT_EXCEEDS_OWN"


class TooManyGrants(Rejection):
    """A namespace has as many grants as it may; give roles to groups, or revoke some."""

    kind = Kind.PRECONDITION
    reason = "TOO_MANY_GRANTS"


class PrincipalNotFound(Rejection):
    """No principal of this name is registered."""

    kind = Kind.NOT_FOUND
    reason = "PRINCIPAL_NOT_FOUND"


class PrincipalKindFixed(Rejection):
    """A principal is registered as another kind, and that stays."""

    kind = Kind.PRECONDITION
    reason = "PRINCIPAL_KIND_FIXED"


class TokenNotFound(Rejection):
    """There is no such token, or it is not the caller's."""

    kind = Kind.NOT_FOUND
    reason = "TOKEN_NOT_FOUND"


class TokenShownOnce(Rejection):
    """The request was carried out before, and showed the token then; it is kept nowhere."""

    kind = Kind.PRECONDITION
    reason = "TOKEN_SHOWN_ONCE"


class TokenExceedsOwn(Rejection):
    """A token cannot make another that may do more or ends later than itself."""

    kind = Kind.DENIED
    reason = "TOKEN_EXCEEDS_OWN"


class PermissionLost(Rejection):
    """The permission that a stream began with is gone."""

    kind = Kind.DENIED
    reason = "PERMISSION_LOST"
