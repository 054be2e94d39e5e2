"""Commands about principals and their tokens. Pure, as the commands of `domain` are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from regesta_projections import events as e
from regesta_projections.resources import principal_stream, token_stream
from regesta_projections.rows import ResourceKey
from regesta_service.access.tokens import ID_DIGITS
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.rejections import (
    InvalidRequest,
    PrincipalKindFixed,
    PrincipalNotFound,
    TokenNotFound,
)
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from datetime import datetime

    from regesta.sealed import SealedText
    from regesta_projections.rows import Rows


#: The namespace in whose log principals and tokens stand: they are the server's.
HOME: Final = "default"


def principal_key(principal: str) -> ResourceKey:
    """Return the key of a principal's row."""
    return ResourceKey(principal_stream(principal))


def token_key(token: str) -> ResourceKey:
    """Return the key of a token's row."""
    return ResourceKey(token_stream(token))


@dataclass(frozen=True, slots=True)
class RegisterPrincipal:
    """Make a principal known, or say anew what is known of it."""

    principal: str
    #: `user` or `service_account`.
    kind: str
    display: SealedText | None = None
    same_person_as: str = ""
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the principal and the one that it is another name of."""
        keys = [principal_key(self.principal)]
        if self.same_person_as:
            keys.append(principal_key(self.same_person_as))
        return (Wanted(keys=tuple(keys)),)

    def decide(self, rows: Rows) -> Decision:
        """Register it, or refuse with PRINCIPAL_KIND_FIXED or PRINCIPAL_NOT_FOUND."""
        key = principal_key(self.principal)
        if self.same_person_as:
            other: Any = _principal(rows, self.same_person_as).resource
            if self.principal in {self.same_person_as, other.same_person_as}:
                raise InvalidRequest.of("same_person_as", "must not lead back to the principal")
        row = rows.get(key)
        if row is not None:
            known: Any = row.resource
            if known.kind != self.kind:
                raise PrincipalKindFixed(
                    f"the principal {self.principal} is a {known.kind}; that does not change",
                    metadata={"principal": self.principal, "registered_as": known.kind},
                )
            if self.display is None and known.same_person_as == self.same_person_as:
                return Decision((), key)
        event = e.PrincipalRegistered(
            principal=self.principal,
            kind=self.kind,
            display=free_text(self.display),
            same_person_as=self.same_person_as,
            reason=free_text(self.reason),
        )
        texts = beside(("display", self.display), ("reason", self.reason))
        return Decision((Fact(key.stream, event, texts),), key)


@dataclass(frozen=True, slots=True)
class IssueToken:
    """Issue a token, of which only the digest is known here."""

    principal: str
    #: SHA-256 of the token, 64 hex digits.
    digest: str
    label: str
    ends: datetime
    role: str = ""
    namespaces: tuple[str, ...] = ()
    reason: SealedText | None = None

    @property
    def token(self) -> str:
        """The token's id."""
        return self.digest[:ID_DIGITS]

    def wants(self) -> tuple[Wanted, ...]:
        """Return the principal, and the token that is not yet."""
        return (Wanted(keys=(principal_key(self.principal), token_key(self.token))),)

    def decide(self, rows: Rows) -> Decision:
        """Issue it, or refuse with PRINCIPAL_NOT_FOUND."""
        _principal(rows, self.principal)
        key = token_key(self.token)
        if rows.get(key) is not None:
            # One in 2^64, and then nothing is lost: the caller asks again.
            raise InvalidRequest.of("request_id", "met with a token of the same id; take another")
        event = e.TokenIssued(
            token=self.token,
            principal=self.principal,
            digest=self.digest,
            label=self.label,
            expire_time=self.ends.isoformat(),
            role=self.role,
            namespaces=self.namespaces,
            reason=free_text(self.reason),
        )
        return Decision((Fact(key.stream, event, beside(("reason", self.reason))),), key)


@dataclass(frozen=True, slots=True)
class RevokeToken:
    """End a token before its time; one that was revoked stays so."""

    token: str
    #: Only if it is this principal's; empty for anybody's.
    of: str = ""
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the token."""
        return (Wanted(keys=(token_key(self.token),)),)

    def decide(self, rows: Rows) -> Decision:
        """End it, or refuse with TOKEN_NOT_FOUND."""
        key = token_key(self.token)
        row = rows.get(key)
        resource: Any = row.resource if row else None
        if resource is None or self.of not in {"", resource.principal}:
            raise TokenNotFound(
                f"there is no token {self.token}, or it is not yours",
                metadata={"token": self.token},
            )
        if resource.HasField("revoke_time"):
            return Decision((), key)
        event = e.TokenRevoked(token=self.token, reason=free_text(self.reason))
        return Decision((Fact(key.stream, event, beside(("reason", self.reason))),), key)


def _principal(rows: Rows, name: str) -> Any:
    row = rows.get(principal_key(name))
    if row is None:
        raise PrincipalNotFound(
            f"no principal {name} is registered; register it first", metadata={"principal": name}
        )
    return row
