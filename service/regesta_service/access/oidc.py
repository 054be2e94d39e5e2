"""OIDC: tokens that an identity provider signed (JWT), and what they say.

Trusted are issuers of the configuration, for one audience each, with signatures of public
keys: RS256, ES256 and EdDSA. `none` and shared secrets (HS256 and its siblings) are no
option, so a public key can never be taken for a secret. Keys that a token brings along or
points to (`jwk`, `jku`, `x5c`, `x5u`) are not looked at.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import jwt

from regesta.names import InvalidName, check_principal
from regesta_service.access.principals import Principal, Unauthenticated
from regesta_service.access.tokens import hint_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regesta_service.access.configured import ConfiguredRoles
    from regesta_service.access.keys import KeySet

#: Algorithms that an issuer may be trusted with.
ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")

_MAX_GROUPS: Final = 200
_MAX_GROUP: Final = 250
_FORM: Final = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")

#: What is wrong, in words of ours: those of others may repeat what was sent.
_FAULTS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (jwt.ExpiredSignatureError, "the token has expired"),
    (jwt.ImmatureSignatureError, "the token is not valid yet"),
    (jwt.InvalidAudienceError, "the token is for another audience"),
    (jwt.InvalidIssuerError, "the token's issuer is not trusted here"),
    (jwt.InvalidAlgorithmError, "the token's algorithm is not trusted here"),
    (jwt.MissingRequiredClaimError, "the token lacks a claim that it needs"),
    (jwt.InvalidSignatureError, "the token's signature is not right"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token proves."""

    principal: str
    kind: str
    groups: frozenset[str]
    #: When the token ends, in seconds since 1970, the leeway included.
    until: float

    def as_principal(self, roles: ConfiguredRoles) -> Principal:
        """Return the principal, with what the configuration gives to it and its groups."""
        return roles.principal(self.principal, self.kind, self.groups, until=self.until)


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer that is trusted, and how its claims are read."""

    #: The claim `iss` of its tokens, exactly.
    name: str
    audience: str
    keys: KeySet
    algorithms: tuple[str, ...] = ALGORITHMS
    #: How much clocks may differ, in seconds.
    leeway: float = 60.0
    principal_claim: str = "sub"
    #: The claim with a list of groups; empty for none.
    groups_claim: str = ""
    #: Put before names of principals and of groups, so that they cannot be others'.
    principal_prefix: str = ""
    group_prefix: str = ""
    kind: str = "user"

    async def verify(self, token: str, now: float) -> Identity:
        """Return whom a token proves.

        Args:
            token: In the compact form of RFC 7519.
            now: Seconds since 1970.

        Raises:
            Unauthenticated: It proves nobody; the message says which rule it breaks.
        """
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in self.algorithms or "crit" in header:
                raise jwt.InvalidAlgorithmError
            key = await self.keys.find(header.get("kid"), str(algorithm))
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[str(algorithm)],
                audience=self.audience,
                issuer=self.name,
                options={
                    "require": ["exp", "iss", "aud", self.principal_claim],
                    # Against a clock that tests can set, below.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(_fault(error), hint_of(token)) from None
        except Unauthenticated as error:
            raise Unauthenticated(str(error), hint_of(token)) from None
        return self._identity(claims, self._until(claims, token, now), token)

    def _until(self, claims: Mapping[str, Any], token: str, now: float) -> float:
        times = {name: claims.get(name) for name in ("exp", "nbf", "iat")}
        if any(
            isinstance(time, bool) or not isinstance(time, int | float | None)
            for time in times.values()
        ):
            raise Unauthenticated("the token's times are no numbers", hint_of(token))
        until = float(times["exp"] or 0) + self.leeway
        if until <= now:
            raise Unauthenticated("the token has expired", hint_of(token))
        if any((times[name] or 0) - self.leeway > now for name in ("nbf", "iat")):
            raise Unauthenticated("the token is not valid yet", hint_of(token))
        return until

    def _identity(self, claims: Mapping[str, Any], until: float, token: str) -> Identity:
        name = claims[self.principal_claim]
        try:
            principal = check_principal(self.principal_prefix + str(name))
        except InvalidName:
            principal = ""
        if not isinstance(name, str) or not principal:
            raise Unauthenticated(
                f"the token's claim {self.principal_claim} cannot be a principal's name",
                hint_of(token),
            )
        groups = claims.get(self.groups_claim, []) if self.groups_claim else []
        if (
            not isinstance(groups, list)
            or len(groups) > _MAX_GROUPS
            or not all(isinstance(group, str) and 0 < len(group) <= _MAX_GROUP for group in groups)
        ):
            raise Unauthenticated(
                f"the token's claim {self.groups_claim} is no list of at most {_MAX_GROUPS} groups",
                hint_of(token),
            )
        return Identity(
            principal,
            self.kind,
            frozenset(self.group_prefix + group for group in groups),
            until,
        )


def looks_like_one(token: str) -> bool:
    """Say whether a text has the form of a signed token."""
    return _FORM.fullmatch(token) is not None


def claimed_issuer(token: str) -> str:
    """Return the issuer that a token claims to be of; empty when it cannot be read.

    It proves nothing: it only says whose keys to try.
    """
    payload = token.split(".")[1]
    try:
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return ""
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    return issuer if isinstance(issuer, str) else ""


def _fault(error: Exception) -> str:
    return next(
        (words for kind, words in _FAULTS if isinstance(error, kind)), "the token cannot be read"
    )
