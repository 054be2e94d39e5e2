"""Bearer tokens: those of the configuration, what all have in common, and `--insecure-dev`.

Tokens are kept as SHA-256: they are 256 random bits, so a slow password hash would
add nothing but its cost. Digests are found by dictionary look-up and compared whole, so
timing tells at most something of the digest of what the attacker sent.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from regesta_service.access.configured import ConfiguredRoles, RoleGiven
from regesta_service.access.permissions import EVERY_NAMESPACE, ROLES, Permission
from regesta_service.access.principals import Credentials, Principal, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: A prefix lets secret scanners find tokens that leaked into code.
TOKEN_PREFIX = "rgst_"  # noqa: S105 - the prefix is public

#: Hex digits of a digest that name a token, and those that a log may show.
ID_DIGITS: Final = 16
HINT_DIGITS: Final = 8

# Printable ASCII without blanks; grpcio hands NUL, CR and LF through.
_TOKEN = re.compile(r"[\x21-\x7e]{16,16384}\Z")
_BODY_CHARACTERS: Final = 43
_ISSUED = re.compile(TOKEN_PREFIX + r"[A-Za-z0-9_-]{43}[0-9a-f]{8}\Z")


def new_token() -> str:
    """Return a fresh token: the prefix and 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def new_issued_token() -> str:
    """Return a fresh token that ends in a checksum, so that a mistyped one asks no database."""
    token = new_token()
    return token + _checksum(token)


def is_issued(token: str) -> bool:
    """Say whether a token may be one that `new_issued_token` made."""
    if not _ISSUED.match(token):
        return False
    end = len(TOKEN_PREFIX) + _BODY_CHARACTERS
    return token[end:] == _checksum(token[:end])


def _checksum(token: str) -> str:
    # No secret: it says that nothing was mistyped, not who made it.
    return f"{zlib.crc32(token.encode()):08x}"


def hex_digest(token: str) -> str:
    """Return the SHA-256 of a token in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def digest_of(token: str) -> str:
    """Return the form in which a token is configured: `sha256:` and 64 hex digits."""
    return "sha256:" + hex_digest(token)


def hint_of(token: str) -> str:
    """Return what a log may say of a token: the beginning of its digest."""
    return f"token:{hex_digest(token)[:HINT_DIGITS]}"


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

    def given(self) -> RoleGiven:
        """Return the role that the principal has by it."""
        return RoleGiven(self.role, principal=self.principal, namespaces=self.namespaces)


def has_bearer(metadata: Iterable[tuple[str, str | bytes]]) -> bool:
    """Say whether a call's metadata has anything that should be a token."""
    return any(key == "authorization" for key, _ in metadata)


def bearer_of(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return the one bearer token of a call's metadata.

    Raises:
        Unauthenticated: There is none, more than one, or it is malformed.
    """
    token = sent_in(metadata)
    if not _TOKEN.match(token):
        raise Unauthenticated("the token is malformed")
    return token


def sent_in(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """Return what is sent as the one bearer token; a known one needs no look at its form.

    Raises:
        Unauthenticated: There is none, or more than one.
    """
    value = None
    for key, each in metadata:
        if key == "authorization":
            if value is not None:
                raise Unauthenticated("send exactly one authorization header")
            value = each
    if value is None:
        raise Unauthenticated("send a token: authorization: Bearer <token>")
    scheme, _, token = value.partition(" ") if isinstance(value, str) else ("", "", "")
    # Nearly everybody writes it so; its case does not matter (RFC 9110, section 11.1).
    if scheme != "Bearer" and scheme.lower() != "bearer":
        raise Unauthenticated("the authorization header must begin with Bearer")
    return token


class StaticTokens:
    """Authenticates by tokens of the configuration.

    Args:
        grants: The tokens.
        roles: What principals may do; without it, what their tokens say.
    """

    def __init__(
        self, grants: Iterable[TokenGrant] = (), roles: ConfiguredRoles | None = None
    ) -> None:
        grants = tuple(grants)
        #: What the configuration gives to whom.
        self.roles = roles or ConfiguredRoles(grant.given() for grant in grants)
        kinds = {grant.principal: grant.kind for grant in grants}
        principals = {name: self.roles.principal(name, kind) for name, kind in kinds.items()}
        self._by_name: Mapping[str, Principal] = principals
        # By the bytes of the digest: one step less for each call than by its text.
        self._by_digest = {
            bytes.fromhex(grant.digest.removeprefix("sha256:")): principals[grant.principal]
            for grant in grants
        }

    @property
    def names(self) -> frozenset[str]:
        """The principals that have tokens here."""
        return frozenset(self._by_name)

    def find(self, digest: bytes) -> Principal | None:
        """Return whose token has a SHA-256."""
        return self._by_digest.get(digest)

    def recall(self, credentials: Credentials) -> Principal:
        """Return the principal of the call's token.

        Raises:
            Unauthenticated: The token is missing, malformed or unknown.
        """
        token = bearer_of(credentials.metadata)
        principal = self.find(hashlib.sha256(token.encode()).digest())
        if principal is None:
            raise Unauthenticated("the token is unknown", hint_of(token))
        return principal

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Return the principal of the call's token.

        Raises:
            Unauthenticated: The token is missing, malformed or unknown.
        """
        return self.recall(credentials)

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

    def recall(self, credentials: Credentials) -> Principal:  # noqa: ARG002 - nothing is asked
        """Return the principal `anonymous`."""
        return self._anyone

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Return the principal `anonymous`."""
        return self.recall(credentials)

    def current(self, principal: Principal) -> Principal | None:
        """Return the principal unchanged."""
        return principal
