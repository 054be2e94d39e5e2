"""Roles that the configuration gives, whatever stands in any log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regesta_service.access.permissions import EVERY_NAMESPACE, ROLES
from regesta_service.access.principals import Principal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from regesta_service.access.principals import Permissions


@dataclass(frozen=True, slots=True)
class RoleGiven:
    """A role of a principal or a group, by configuration."""

    #: A key of `ROLES`.
    role: str
    #: Empty when a group has it.
    principal: str = ""
    #: Empty when a principal has it.
    group: str = ""
    #: Where it holds; `*` is every namespace.
    namespaces: tuple[str, ...] = (EVERY_NAMESPACE,)


class ConfiguredRoles:
    """What principals and groups may do by configuration; it stays while the server runs."""

    def __init__(self, given: Iterable[RoleGiven] = ()) -> None:
        self._given = tuple(dict.fromkeys(given))

    def of(self, principal: str, groups: Collection[str] = ()) -> Mapping[str, Permissions]:
        """Return the permissions of a principal in its groups, by namespace."""
        allowed: dict[str, Permissions] = {}
        for given in self._given:
            if (given.principal and given.principal == principal) or given.group in groups:
                for namespace in given.namespaces:
                    allowed[namespace] = allowed.get(namespace, frozenset()) | ROLES[given.role]
        return allowed

    def principal(
        self, name: str, kind: str, groups: frozenset[str] = frozenset(), **more: Any
    ) -> Principal:
        """Return a principal with what the configuration gives to it and its groups."""
        roles: dict[str, frozenset[str]] = {}
        for given in self._given:
            if (given.principal and given.principal == name) or given.group in groups:
                for namespace in given.namespaces:
                    roles[namespace] = roles.get(namespace, frozenset()) | {given.role}
        return Principal(name, kind, self.of(name, groups), roles, groups, **more)

    def within(self, namespace: str) -> Iterator[RoleGiven]:
        """Yield the roles that hold in a namespace, in the order of the configuration."""
        for given in self._given:
            if namespace in given.namespaces or EVERY_NAMESPACE in given.namespaces:
                yield given
