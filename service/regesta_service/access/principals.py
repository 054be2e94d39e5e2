"""Principals: who acts, taken from the credential and never from a request."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from regesta_service.access.permissions import ANYBODY, EVERY_NAMESPACE, ROLES, Permission

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Permissions = frozenset[Permission]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that a credential may do, whatever its principal may."""

    #: None sets no bound.
    permissions: Permissions | None = None
    #: None sets no bound.
    namespaces: frozenset[str] | None = None

    def allows(self, permission: Permission, namespace: str) -> bool:
        """Say whether something lies within it; `*` is what concerns no single namespace."""
        if permission in ANYBODY:
            return True
        if self.permissions is not None and permission not in self.permissions:
            return False
        return self.namespaces is None or namespace in self.namespaces


#: What has no bound of its own.
UNBOUNDED = Ceiling()


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that acts."""

    #: Stands in every record this principal causes.
    name: str
    #: CloudEvents' authtype: `user`, `service_account`, `system` or `unauthenticated`.
    kind: str
    #: Permissions that the configuration gives, by namespace; `*` is every namespace.
    grants: Mapping[str, Permissions] = field(default_factory=dict, repr=False)
    #: Roles that the configuration gives, likewise.
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    #: Groups that the credential proves, as grants name them.
    groups: frozenset[str] = frozenset()
    #: Bounds what grants and the configuration give.
    ceiling: Ceiling = UNBOUNDED
    #: When the credential ends, in seconds since 1970; None when it does not.
    until: float | None = None
    #: Id of the issued token that this was proved by; empty for other credentials.
    token: str = ""
    #: The person, by another principal's name; empty for the principal's own.
    identity: str = ""

    def may(self, permission: Permission, namespace: str) -> bool:
        """Say whether the configuration gives a permission in a namespace."""
        if permission in ANYBODY:
            return True
        grants = self.grants
        # Hardly any caller whom a namespace's grants let in stands in the configuration.
        if not grants:
            return False
        if permission not in grants.get(namespace, ()) and permission not in grants.get(
            EVERY_NAMESPACE, ()
        ):
            return False
        return self.ceiling is UNBOUNDED or self.ceiling.allows(permission, namespace)

    def places(self, permission: Permission) -> frozenset[str]:
        """Return the namespaces in which the configuration gives a permission.

        `*` is all of them, unless the credential is bound to some.
        """
        found = {name for name, own in self.grants.items() if permission in own}
        bound = self.ceiling
        if bound.permissions is not None and permission not in bound.permissions:
            return frozenset()
        if bound.namespaces is None:
            return frozenset(found)
        return bound.namespaces if EVERY_NAMESPACE in found else bound.namespaces & found

    def standing(self, namespace: str, granted: Iterable[str], person: str) -> Principal:
        """Return the principal with all its roles in a namespace, and the person it is.

        A credential that is for less than a role stands for none.

        Args:
            namespace: The namespace.
            granted: Roles that grants give there.
            person: The person, by the name of one of its principals.
        """
        bound = self.ceiling
        roles = {*self.roles_in(namespace), *granted}
        if bound.namespaces is not None and namespace not in bound.namespaces:
            roles = set()
        kept = frozenset(
            role for role in roles if bound.permissions is None or ROLES[role] <= bound.permissions
        )
        return replace(self, roles={namespace: kept}, identity=person)

    def roles_in(self, namespace: str) -> tuple[str, ...]:
        """Return the roles in a namespace, sorted."""
        none: frozenset[str] = frozenset()
        own = self.roles.get(namespace, none) | self.roles.get(EVERY_NAMESPACE, none)
        return tuple(sorted(own))

    @property
    def person(self) -> str:
        """The person: the principal itself, unless identities say otherwise."""
        return self.identity or self.name


#: The server itself, for example as it creates the first namespace.
SYSTEM = Principal("system", "system")

#: Names that no credential of others may prove.
RESERVED_NAMES = frozenset({"system", "anonymous"})


class Unauthenticated(Exception):
    """The credentials are missing, malformed or wrong; the message says which.

    Attributes:
        hint: What a log may say of the credential: never more than the beginning of a
            digest, or a name that was proved.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Credentials(NamedTuple):
    """What a call brings to prove who makes it."""

    #: Its metadata.
    metadata: tuple[tuple[str, str | bytes], ...]
    #: Names in the certificate that the caller proved to hold by TLS, as `kind:value`, the
    #: most telling first; none without one.
    certificate: tuple[str, ...] = ()


class Authenticator(Protocol):
    """Judges credentials."""

    def recall(self, credentials: Credentials) -> Principal | None:
        """Return who these credentials prove, when that is known without asking anybody.

        Raises:
            Unauthenticated: They prove nobody.
        """

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Return the principal that a call's credentials prove.

        Raises:
            Unauthenticated: They prove nobody.
        """

    def current(self, principal: Principal) -> Principal | None:
        """Return what a principal may do now, or None when its credential has ended.

        Long-lived calls ask again, since it can end while they last.
        """
