"""Whether a caller may do what he asks for: configuration, then grants of the namespace.

Default deny. Nothing here looks at whether what is asked for exists, so a refusal tells
nobody that it does.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from regesta_service.access.grants import Case, allows, weighed
from regesta_service.access.permissions import EVERY_NAMESPACE, Permission
from regesta_service.access.principals import UNBOUNDED
from regesta_service.api import errors
from regesta_service.api.targets import target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from google.protobuf.message import Message

    from regesta_service.access.grants import Policy, Rights
    from regesta_service.access.principals import Authenticator, Principal
    from regesta_service.api.methods import Method
    from regesta_service.api.targets import Item, Target

_K = TypeVar("_K")
_V = TypeVar("_V")

#: A call to a namespace as a whole, of which a condition knows nothing.
_WHOLE: Final = (Case(),)

#: Requests of which is kept what they are about, and decisions; and how long requests are for
#: that, in bytes.
_KEPT: Final = 4_096
_SHORT: Final = 512


class Policies(Protocol):
    """Knows the grants of namespaces, and follows their logs."""

    def known(self, namespace: str) -> Policy | None:
        """Return a namespace's grants if they are in memory and as its log has them."""

    def present(self, namespace: str) -> Policy | None:
        """Return a namespace's grants as this process heard of them last."""

    async def policy(self, namespace: str) -> Policy:
        """Return a namespace's grants; those of one that does not exist are none."""

    async def first_name(self, namespace: str, model: str) -> tuple[str, bool]:
        """Return the name that a model was created with, from any name of it.

        Of one that does not exist it is the name that was given, and False.
        """

    async def namespaces_of(self, principal: Principal, permission: Permission) -> frozenset[str]:
        """Return the namespaces in which grants give a permission without a condition."""


class Persons(Protocol):
    """Knows which principals are one person."""

    async def person_of(self, principal: str) -> str:
        """Return the person that a principal is, by the name of one of its principals."""


#: Permissions for moves, which may ask for several people: who is one, in which roles, counts.
MOVES: Final = frozenset(
    {
        Permission.REQUESTS_WRITE,
        Permission.REQUESTS_APPROVE,
        Permission.LIFECYCLE_TRANSITION,
        Permission.CATALOG_ALIAS,
    }
)


class Authorizer:
    """Decides, for each call, whether it may go on.

    Args:
        authenticator: Says whether a credential still holds, while a stream lasts.
        policies: Grants; without them the configuration alone decides.
        persons: Who is one person; without it each principal is one.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        policies: Policies | None = None,
        persons: Persons | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._authenticator = authenticator
        self._policies = policies
        self._persons = persons
        self._clock = clock
        self._known: OrderedDict[tuple[str, bytes], Sequence[Case]] = OrderedDict()
        #: What grants allowed, by the rights of the caller, and when that ends. Rights are
        #: others when grants are, and all that a condition sees is the request and first
        #: names, which stay. Ceilings and credentials are judged anew for each call.
        self._decided: OrderedDict[tuple[Rights, str, bytes], tuple[Sequence[Case], float]] = (
            OrderedDict()
        )

    def recalled(
        self, method: Method, body: bytes, principal: Principal, namespace: str
    ) -> Callable[[], bool] | None:
        """Let a call pass that a grant allows, when that is known without asking anybody.

        Returns:
            What `by_grant` does; None when that has to be asked.
        """
        permission, policies = method.permission, self._policies
        bound = principal.ceiling
        if policies is None or (bound is not UNBOUNDED and not bound.allows(permission, namespace)):
            return None
        policy = policies.known(namespace)
        if policy is None:
            return None
        rights = policy.rights(principal)
        if permission in rights.whole:
            return partial(self._allows, method, principal, namespace, ())
        decided = self._decided.get((rights, method.path, body))
        if decided is None:
            return None
        cases, until = decided
        if until != inf and until <= self._clock():
            return None
        return partial(self._allows, method, principal, namespace, cases)

    async def by_grant(
        self, method: Method, request: Message, body: bytes, principal: Principal, namespace: str
    ) -> Callable[[], bool]:
        """Let a call pass that the configuration does not allow, if a grant does.

        Returns:
            What says whether that still holds.

        Raises:
            CallError: No grant allows it.
        """
        permission, policies = method.permission, self._policies
        if policies is None:
            raise errors.denied(permission, namespace, "no role gives it")
        if namespace == EVERY_NAMESPACE:
            return await self._anywhere(method, principal, policies)
        if not principal.ceiling.allows(permission, namespace):
            raise errors.denied(permission, namespace, "the credential is for less")
        policy = policies.known(namespace) or await policies.policy(namespace)
        rights = policy.rights(principal)
        if permission in rights.whole:
            return partial(self._allows, method, principal, namespace, ())
        if permission not in rights.limited:
            raise errors.denied(permission, namespace, "no role gives it")
        cases, lasting = await self._cases(method, request, body, namespace)
        now, until = self._clock(), inf
        for case in cases:
            why, end = weighed(rights, permission, case, now)
            if why:
                raise errors.denied(permission, namespace, why)
            until = min(until, end)
        if lasting:
            _keep(self._decided, (rights, method.path, body), (cases, until))
        return partial(self._allows, method, principal, namespace, cases)

    async def standing(self, principal: Principal, namespace: str) -> Principal:
        """Return a principal with its roles in a namespace, and the person it is.

        Roles by grants count where they hold for all of the namespace and on no condition.
        """
        granted: list[str] = []
        if self._policies is not None:
            policy = self._policies.known(namespace) or await self._policies.policy(namespace)
            granted = policy.roles(principal, self._clock())
        person = principal.name
        if self._persons is not None:
            person = await self._persons.person_of(person)
        return principal.standing(namespace, granted, person)

    def still(self, method: Method, principal: Principal, namespace: str) -> Callable[[], bool]:
        """Return what says whether a call still holds that the configuration allowed."""

        def allowed() -> bool:
            now = self._authenticator.current(principal)
            return now is not None and now.may(method.permission, namespace)

        return allowed

    def _allows(
        self, method: Method, principal: Principal, namespace: str, cases: Sequence[Case]
    ) -> bool:
        """Say whether grants still allow a call, as this process heard of them last."""
        if self._authenticator.current(principal) is None or self._policies is None:
            return False
        policy = self._policies.present(namespace)
        if policy is None:
            return False
        rights, now = policy.rights(principal), self._clock()
        return not any(allows(rights, method.permission, case, now) for case in cases or _WHOLE)

    async def _anywhere(
        self, method: Method, principal: Principal, policies: Policies
    ) -> Callable[[], bool]:
        """Let a call pass that is about no single namespace: it shows what its caller may see."""
        permission = method.permission
        if not await policies.namespaces_of(principal, permission):
            raise errors.denied(permission, EVERY_NAMESPACE, "no role gives it")
        return lambda: self._authenticator.current(principal) is not None

    async def _cases(
        self, method: Method, request: Message, body: bytes, namespace: str
    ) -> tuple[Sequence[Case], bool]:
        """Return what a request is about, and whether that may be remembered."""
        key = method.path, body
        known = self._known.get(key)
        if known is not None:
            return known, True
        target = target_of(request, method.scope)
        found = [await self._case(method, target, item, namespace) for item in target.items]
        cases = tuple(case for case, _ in found)
        # A name that no model has yet may come to be one's, so it is asked for again; and
        # what has an id of its own is hardly ever sent twice.
        lasting = (
            len(body) <= _SHORT
            and all(is_there for _, is_there in found)
            and "request_id" not in request.DESCRIPTOR.fields_by_name
        )
        if lasting:
            _keep(self._known, key, cases)
        return cases, lasting

    async def _case(
        self, method: Method, target: Target, item: Item, namespace: str
    ) -> tuple[Case, bool]:
        """Return one thing that a request is about, and whether its model was found."""
        first, found = "", True
        if item.model and self._policies is not None:
            first, found = await self._policies.first_name(namespace, item.model)
        facts = {
            "method": method.name,
            "permission": str(method.permission),
            "model": first,
            "version": item.version,
            "alias": item.alias,
            "stage": item.stage,
            "from_stage": item.from_stage,
            "tags": item.tags,
            "role": item.role,
            "grantee": item.grantee,
        }
        model = first if target.one_model else ""
        return Case(model, facts, tuple(facts.values())), found


def _keep(kept: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    """Remember something; what was remembered first makes room."""
    kept[key] = value
    if len(kept) > _KEPT:
        kept.popitem(last=False)
