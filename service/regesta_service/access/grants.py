"""Grants of a namespace, compiled: what they give to whom, under which conditions. Pure.

A grant that is limited to models gives nothing of what is about the namespace as a whole:
its lists and searches, its log, its subscriptions. So no list has to be filtered, and none
can forget to.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Final

from regesta_projections.evolve.access import end_of, has_ended
from regesta_service.access.permissions import ROLES, Permission
from regesta_service.domain.conditions import InvalidCondition, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from regesta.v1 import access_pb2 as access_pb
    from regesta_service.access.principals import Permissions, Principal
    from regesta_service.domain.conditions import Condition

#: What a condition of a grant may speak of: the call's method, and what its request names.
#: What a request does not name is empty, and 0 for a number.
VOCABULARY: Final = Vocabulary(
    {
        "method": "string",
        "permission": "string",
        "model": "string",
        "version": "int",
        "alias": "string",
        "stage": "string",
        "from_stage": "string",
        "tags": "list(string)",
        "role": "string",
        "grantee": "string",
    }
)


#: Principals whose rights are kept compiled, for each namespace; and outcomes of a condition.
_KEPT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that a call is about."""

    #: First name of the one model that the call is about; empty for the namespace.
    model: str = ""
    #: Values for a condition, by the names of `VOCABULARY`.
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: The same values, to be found again by.
    key: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A grant, ready to be asked."""

    grant: access_pb.Grant
    permissions: Permissions
    #: None without one.
    condition: Condition | None = None
    #: Whether the condition is one that this build does not understand: it gives nothing.
    unreadable: bool = False
    #: What the condition came to, by the values of the facts.
    known: dict[tuple[Any, ...], str] = field(default_factory=dict, repr=False, compare=False)

    def covers(self, model: str) -> bool:
        """Say whether it holds for a model, by its first name; empty is the whole namespace."""
        patterns = self.grant.models
        return not patterns or (bool(model) and any(_matches(one, model) for one in patterns))

    def is_good(self, now: float) -> bool:
        """Say whether it still gives anything, on its condition."""
        return not self.unreadable and not has_ended(self.grant, now)

    def refusal(self, case: Case, now: float) -> str:
        """Return why it does not allow a call; empty when it does."""
        if has_ended(self.grant, now):
            return "the grant has ended"
        if not self.covers(case.model):
            return "the grant is for other models" if case.model else "the grant is for some models"
        if self.unreadable:
            return "the grant's condition cannot be read"
        if self.condition is None:
            return ""
        return self._weighed(case)

    def _weighed(self, case: Case) -> str:
        """Weigh the condition; the same call again, such as a popular read, is remembered."""
        known = self.known.get(case.key)
        if known is not None or self.condition is None:
            return known or ""
        outcome = self.condition.weigh({**case.facts, "tags": list(case.facts.get("tags", ()))})
        why = "" if outcome.holds else "the condition does not hold"
        if outcome.error:
            why = "the condition cannot be weighed"
        if len(self.known) >= _KEPT:
            self.known.clear()
        self.known[case.key] = why
        return why


@dataclass(slots=True, eq=False)
class Rights:
    """What the grants of a namespace give to one principal.

    Those of other grants are another object, so what was found out about one holds for as
    long as it is the one that a policy gives.
    """

    #: What it may do in the whole namespace, at any time and without a condition.
    whole: Permissions = frozenset()
    #: Grants that have to be asked, by what they may give.
    limited: dict[Permission, list[Compiled]] = field(default_factory=dict)


class Policy:
    """The grants of one namespace as of a position of its log."""

    def __init__(self, grants: Iterable[access_pb.Grant] = ()) -> None:
        self.grants: Sequence[Compiled] = tuple(compiled(grant) for grant in grants)
        self._by_principal: dict[str, list[Compiled]] = {}
        self._by_group: dict[str, list[Compiled]] = {}
        for one in self.grants:
            by, subject = (
                (self._by_principal, one.grant.principal)
                if one.grant.principal
                else (self._by_group, one.grant.group)
            )
            by.setdefault(subject, []).append(one)
        self._rights: OrderedDict[tuple[str, frozenset[str]], Rights] = OrderedDict()

    def of(self, principal: str, groups: Collection[str] = ()) -> Iterator[Compiled]:
        """Yield the grants of a principal in its groups."""
        yield from self._by_principal.get(principal, ())
        for group in sorted(groups):
            yield from self._by_group.get(group, ())

    def roles(self, principal: Principal, now: float) -> list[str]:
        """Return the roles that a principal has in the whole namespace, on no condition."""
        return [
            one.grant.role
            for one in self.of(principal.name, principal.groups)
            if one.permissions
            and not one.grant.models
            and not one.grant.condition
            and one.is_good(now)
        ]

    def rights(self, principal: Principal) -> Rights:
        """Return what the grants give to a principal; its credential may bound it further."""
        key = principal.name, principal.groups
        rights = self._rights.get(key)
        if rights is None:
            rights = self._rights[key] = _rights(self.of(*key))
            if len(self._rights) > _KEPT:
                self._rights.popitem(last=False)
        return rights


#: The policy of a namespace without a grant.
NOBODY: Final = Policy()


def allows(rights: Rights, permission: Permission, case: Case, now: float) -> str:
    """Return why a call is not allowed by some rights; empty when it is.

    Args:
        rights: Of the principal in the namespace.
        permission: What the call needs.
        case: What it is about.
        now: In seconds since 1970.
    """
    why, _ = weighed(rights, permission, case, now)
    return why


def weighed(rights: Rights, permission: Permission, case: Case, now: float) -> tuple[str, float]:
    """Return what `allows` does, and when what allows it ends, in seconds since 1970."""
    if permission in rights.whole:
        return "", inf
    why = "no role gives it"
    for one in rights.limited.get(permission, ()):
        why = one.refusal(case, now)
        if not why:
            return "", end_of(one.grant)
    return why, now


def compiled(grant: access_pb.Grant) -> Compiled:
    """Return a grant ready to be asked.

    One whose role or condition this build does not know gives nothing: it may have been
    made by a newer server.
    """
    permissions = ROLES.get(grant.role, frozenset())
    if not grant.condition:
        return Compiled(grant, permissions)
    try:
        return Compiled(grant, permissions, VOCABULARY.compile(grant.condition))
    except InvalidCondition:
        return Compiled(grant, permissions, unreadable=True)


def _rights(grants: Iterable[Compiled]) -> Rights:
    rights = Rights()
    for one in grants:
        grant = one.grant
        if grant.models or grant.condition or grant.HasField("expire_time"):
            for permission in one.permissions:
                rights.limited.setdefault(permission, []).append(one)
        else:
            rights.whole |= one.permissions
    return rights


def covered_by(wanted: Iterable[str], given: Iterable[str]) -> bool:
    """Say whether patterns of models mean no model that others do not; none means all."""
    given, wanted = tuple(given), tuple(wanted)
    if not given:
        return True
    return bool(wanted) and all(any(_within(one, other) for other in given) for one in wanted)


# Names of models differ by more than their case.
def _matches(pattern: str, model: str) -> bool:
    pattern, model = pattern.lower(), model.lower()
    if pattern.endswith("*"):
        return model.startswith(pattern[:-1])
    return model == pattern


def _within(pattern: str, other: str) -> bool:
    pattern, other = pattern.lower(), other.lower()
    if other.endswith("*"):
        # A beginning is within a shorter one, a name within its beginnings.
        return pattern.removesuffix("*").startswith(other[:-1])
    return pattern == other
