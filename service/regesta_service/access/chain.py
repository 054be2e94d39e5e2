"""All ways to prove who calls, in one: configured and issued tokens, OIDC, certificates.

What was proved is remembered by the SHA-256 of the token, so a call costs one hash and one
look-up, and no token stays in memory.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

from regesta_service.access import oidc
from regesta_service.access.principals import RESERVED_NAMES, Unauthenticated
from regesta_service.access.tokens import bearer_of, has_bearer, hint_of, is_issued, sent_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from regesta_service.access.certificates import CertificateNames
    from regesta_service.access.oidc import Issuer
    from regesta_service.access.principals import Credentials, Principal
    from regesta_service.access.tokens import StaticTokens

#: Tokens that are remembered.
_KEPT: Final = 10_000

#: Longest time for which an OIDC token is not verified anew, in seconds: a key that its
#: issuer withdraws is trusted no longer than that.
_VERIFIED: Final = 300.0


class IssuedTokens(Protocol):
    """Knows the tokens that servers of this database issued."""

    async def find(self, digest: str) -> Principal | None:
        """Return whose token has a SHA-256, in hex; None when there is none that holds."""

    def holds(self, token: str) -> bool:
        """Say whether a token that was found has not been revoked since, by its id."""

    def used(self, token: str) -> None:
        """Note that a token was used just now."""


class Chain:
    """Judges credentials in every way that is configured.

    Args:
        static: Tokens of the configuration, and its roles.
        issued: Tokens that were issued.
        issuers: Issuers of OIDC tokens that are trusted.
        certificates: How names in certificates become principals; None trusts no certificate.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        static: StaticTokens,
        issued: IssuedTokens | None = None,
        issuers: Sequence[Issuer] = (),
        certificates: CertificateNames | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._static = static
        self._issued = issued
        self._issuers = issuers
        self._certificates = certificates
        self._clock = clock
        #: Principals by the digest of a token, and until when that need not be asked again.
        self._known: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    def recall(self, credentials: Credentials) -> Principal | None:
        """Return who these credentials prove, when that is known without asking anybody.

        Raises:
            Unauthenticated: They prove nobody.
        """
        if credentials.certificate and not has_bearer(credentials.metadata):
            return self._certified(credentials.certificate)
        try:
            token = sent_in(credentials.metadata).encode()
        except UnicodeEncodeError:
            # It is no token, and `authenticate` says so.
            return None
        digest = hashlib.sha256(token).digest()
        principal = self._static.find(digest)
        if principal is not None:
            return principal
        known = self._known.get(digest)
        if known is None:
            return None
        principal, until = known
        if (until != inf and until <= self._clock()) or (
            principal.token and not self._holds(principal)
        ):
            del self._known[digest]
            return None
        if principal.token and self._issued is not None:
            self._issued.used(principal.token)
        return principal

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Return the principal that a call's credentials prove.

        Raises:
            Unauthenticated: They prove nobody.
        """
        recalled = self.recall(credentials)
        if recalled is not None:
            return recalled
        token = bearer_of(credentials.metadata)
        now = self._clock()
        if is_issued(token) and self._issued is not None:
            principal = await self._issued.find(hashlib.sha256(token.encode()).hexdigest())
            until = inf
        elif oidc.looks_like_one(token) and self._issuers:
            principal = await self._by_issuer(token)
            until = now + _VERIFIED
        else:
            principal, until = None, now
        if principal is None:
            raise Unauthenticated("the token is unknown", hint_of(token))
        if principal.until is not None:
            until = min(until, principal.until)
        if until <= now:
            raise Unauthenticated("the token has expired", hint_of(token))
        self._known[hashlib.sha256(token.encode()).digest()] = principal, until
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        if principal.token and self._issued is not None:
            self._issued.used(principal.token)
        return principal

    def current(self, principal: Principal) -> Principal | None:
        """Return a principal while its credential holds."""
        if principal.until is not None and principal.until <= self._clock():
            return None
        return principal if self._holds(principal) else None

    def _holds(self, principal: Principal) -> bool:
        if not principal.token:
            return True
        return self._issued is not None and self._issued.holds(principal.token)

    async def _by_issuer(self, token: str) -> Principal:
        """Return whom an OIDC token proves; its issuer is chosen by what it claims."""
        claimed = oidc.claimed_issuer(token)
        for issuer in self._issuers:
            if issuer.name == claimed:
                identity = await issuer.verify(token, self._clock())
                self._expect_free(identity.principal, hint_of(token))
                return identity.as_principal(self._static.roles)
        raise Unauthenticated("the token's issuer is not trusted here", hint_of(token))

    def _certified(self, names: tuple[str, ...]) -> Principal:
        if self._certificates is None:
            raise Unauthenticated("send a token: authorization: Bearer <token>")
        principal = self._certificates.principal(names, self._static.roles)
        self._expect_free(principal.name, f"certificate:{principal.name}")
        return principal

    def _expect_free(self, name: str, hint: str) -> None:
        """Refuse names that are the server's or a configured token's: others cannot be those."""
        if name in RESERVED_NAMES or name in self._static.names:
            raise Unauthenticated("the name is one of the server's own configuration", hint)
