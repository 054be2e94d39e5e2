"""Static bearer tokens, and the open door of `--insecure-dev`.

Tokens are kept as SHA-256: they are 256 random bits, so a slow password hash would
add nothing but its cost. Comparing digests by dictionary look-up leaks at most the
digest of what the attacker sent.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from regesta_service.access.permissions import EVERY_NAMESPACE, ROLES, Permission
from regesta_service.access.principals import Principal, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: A prefix lets secret scanners find tokens that leaked into code.
TOKEN_PREFIX = "rgst_"  # noqa: S105 - the prefix is public

# Printable ASCII without blanks; grpcio hands NUL, CR and LF through.
_TOKEN = re.compile(r"[\x21-\x7e]{16,512}\Z")
_SCHEME = "bearer "


def new_token() -> str:
    """Return a fresh token: the prefix and 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return the form in which a token is configured: `sha256:` and 64 hex digits."""
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """A configured token: whose it is and what it allows."""

    #: The principal's name.
    principal: str
    #: As `digest_of` gives it.
    digest: str
    #: A key of `ROLES`.
    role: str
    #: Where it holds; `*` is every namespace.
    namespaces: tuple[str, ...] = (EVERY_NAMESPACE,)
    #: `user` or `service_account`.
    kind: str = "service_account"


def bearer_of(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return the one bearer token of a call's metadata.

    Raises:
        Unauthenticated: There is none, more than one, or it is malformed.
    """
    found = [value for key, value in metadata if key == "authorization"]
    if not found:
        raise Unauthenticated("send a token: authorization: Bearer <token>")
    if len(found) > 1:
        raise Unauthenticated("send exactly one authorization header")
    value = found[0]
    if not isinstance(value, str) or value[: len(_SCHEME)].lower() != _SCHEME:
        raise Unauthenticated("the authorization header must begin with Bearer")
    token = value[len(_SCHEME) :]
    if not _TOKEN.match(token):
        raise Unauthenticated("the token is malformed")
    return token


class StaticTokens:
    """Authenticates by tokens of the configuration."""

    def __init__(self, grants: Iterable[TokenGrant]) -> None:
        allowed: dict[str, dict[str, frozenset[Permission]]] = {}
        roles: dict[str, dict[str, frozenset[str]]] = {}
        kinds: dict[str, str] = {}
        owners: dict[str, str] = {}
        for grant in grants:
            own = allowed.setdefault(grant.principal, {})
            for namespace in grant.namespaces:
                own[namespace] = own.get(namespace, frozenset()) | ROLES[grant.role]
                named = roles.setdefault(grant.principal, {})
                named[namespace] = named.get(namespace, frozenset()) | {grant.role}
            kinds[grant.principal] = grant.kind
            owners[grant.digest] = grant.principal
        principals = {
            name: Principal(name, kinds[name], own, roles.get(name, {}))
            for name, own in allowed.items()
        }
        self._by_name: Mapping[str, Principal] = principals
        self._seen: dict[str, Principal] = {}
        self._by_digest = {digest: principals[name] for digest, name in owners.items()}

    def authenticate(self, metadata: tuple[tuple[str, str | bytes], ...]) -> Principal:
        """Return the principal of the call's token.

        Raises:
            Unauthenticated: The token is missing, malformed or unknown.
        """
        token = bearer_of(metadata)
        principal = self._seen.get(token)
        if principal is None:
            principal = self._by_digest.get(digest_of(token))
            if principal is None:
                raise Unauthenticated("the token is unknown")
            # Only good tokens get here, so there are no more than are configured.
            self._seen[token] = principal
        return principal

    def current(self, principal: Principal) -> Principal | None:
        """Return the principal as it is configured now."""
        return self._by_name.get(principal.name)


class InsecureDev:
    """Lets everybody do everything, as the principal `anonymous`; for a laptop only."""

    def __init__(self) -> None:
        self._anyone = Principal(
            "anonymous",
            "unauthenticated",
            {EVERY_NAMESPACE: frozenset(Permission)},
            {EVERY_NAMESPACE: frozenset(ROLES)},
        )

    def authenticate(self, metadata: tuple[tuple[str, str | bytes], ...]) -> Principal:  # noqa: ARG002 - nothing is asked
        """Return the principal `anonymous`."""
        return self._anyone

    def current(self, principal: Principal) -> Principal | None:
        """Return the principal unchanged."""
        return principal
