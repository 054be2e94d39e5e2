"""Principals: who acts, taken from the credential and never from a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from regesta_service.access.permissions import EVERY_NAMESPACE, Permission

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that acts."""

    #: Stands in every record this principal causes.
    name: str
    #: CloudEvents' authtype: `user`, `service_account`, `system` or `unauthenticated`.
    kind: str
    #: Permissions by namespace; `*` is every namespace.
    grants: Mapping[str, frozenset[Permission]] = field(default_factory=dict, repr=False)
    #: Roles by namespace; `*` is every namespace.
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)

    def may(self, permission: Permission, namespace: str) -> bool:
        """Say whether this principal has a permission in a namespace."""
        if permission in self.grants.get(namespace, ()):
            return True
        return permission in self.grants.get(EVERY_NAMESPACE, ())

    def roles_in(self, namespace: str) -> tuple[str, ...]:
        """Return the roles in a namespace, sorted."""
        none: frozenset[str] = frozenset()
        own = self.roles.get(namespace, none) | self.roles.get(EVERY_NAMESPACE, none)
        return tuple(sorted(own))

    @property
    def person(self) -> str:
        """The person: the principal itself, unless identities say otherwise."""
        return self.name


#: The server itself, for example as it creates the first namespace.
SYSTEM = Principal("system", "system")


class Unauthenticated(Exception):
    """The credentials are missing, malformed or wrong; the message says which."""


class Authenticator(Protocol):
    """Judges credentials."""

    def authenticate(self, metadata: tuple[tuple[str, str | bytes], ...]) -> Principal:
        """Return the principal a call's metadata proves.

        Raises:
            Unauthenticated: It proves none.
        """

    def current(self, principal: Principal) -> Principal | None:
        """Return what a principal may do now, or None when it was removed.

        Long-lived calls ask again, since a grant can end while they last.
        """
