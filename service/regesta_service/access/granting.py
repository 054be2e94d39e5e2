"""Commands about who may do what in a namespace. Pure, as the commands of `domain` are.

That nobody grants more than he has is decided with the grants as they are when the event is
appended, so two changes at once cannot add up to more than either was allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from regesta_projections import events as e
from regesta_projections.evolve.access import has_ended
from regesta_projections.resources import ACCESS_STREAM
from regesta_projections.rows import ResourceKey
from regesta_service.access.grants import Policy, covered_by
from regesta_service.access.permissions import ANYBODY, ROLES
from regesta_service.domain import limits
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.rejections import GrantExceedsOwn, GrantNotFound, TooManyGrants
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from regesta.sealed import SealedText
    from regesta.v1 import access_pb2 as access_pb
    from regesta_projections.rows import Rows
    from regesta_service.access.grants import Compiled
    from regesta_service.access.permissions import Permission
    from regesta_service.access.principals import Principal

#: The row of a namespace's grants.
ACCESS: Final = ResourceKey(ACCESS_STREAM)


@dataclass(frozen=True, slots=True)
class GrantRole:
    """Give a role to a principal or a group."""

    namespace: str
    #: The new grant's id.
    grant: str
    #: Who grants it, as his credential proves him.
    by: Principal
    #: The present time.
    now: datetime
    role: str
    principal: str = ""
    group: str = ""
    models: tuple[str, ...] = ()
    condition: str = ""
    ends: datetime | None = None
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the grants so far."""
        return (Wanted(keys=(ACCESS,)),)

    def decide(self, rows: Rows) -> Decision:
        """Grant it, or refuse with GRANT_EXCEEDS_OWN or TOO_MANY_GRANTS; once is enough."""
        standing = grants_of(rows)
        self._expect_own(Policy(standing))
        if any(self.is_same(grant) for grant in standing):
            return Decision((), ACCESS)
        expect_room(standing, self.now)
        event = e.RoleGranted(
            grant=self.grant,
            principal=self.principal,
            group=self.group,
            role=self.role,
            models=self.models,
            condition=self.condition,
            expire_time=self.ends.isoformat() if self.ends else "",
            reason=free_text(self.reason),
        )
        return _said(event, self.reason)

    def is_same(self, grant: access_pb.Grant) -> bool:
        """Say whether a grant that stands says all that this one would."""
        ends = grant.expire_time.ToNanoseconds() if grant.HasField("expire_time") else None
        return (
            not grant.break_glass
            and (grant.principal, grant.group, grant.role)
            == (self.principal, self.group, self.role)
            and (tuple(grant.models), grant.condition) == (self.models, self.condition)
            and ends == (_nanoseconds(self.ends) if self.ends else None)
        )

    def _expect_own(self, policy: Policy) -> None:
        own = tuple(policy.of(self.by.name, self.by.groups))
        for permission in sorted(ROLES[self.role] - ANYBODY):
            if not self.by.may(permission, self.namespace) and not (
                self.by.ceiling.allows(permission, self.namespace)
                and any(self._passes_on(one, permission) for one in own)
            ):
                raise GrantExceedsOwn(
                    f"the role {self.role} has the permission {permission}, which you do not have"
                    " for all that this grant is for; nobody grants more than he has",
                    metadata={"role": self.role, "permission": str(permission)},
                )

    def _passes_on(self, one: Compiled, permission: Permission) -> bool:
        """Say whether a grant of one's own has a permission in every case of the new one.

        What was taken to break the glass is not passed on.
        """
        grant = one.grant
        return (
            permission in one.permissions
            and not grant.break_glass
            and not one.unreadable
            and not has_ended(grant, self.now.timestamp())
            and grant.condition in {"", self.condition}
            and covered_by(self.models, grant.models)
            and (
                not grant.HasField("expire_time")
                or (
                    self.ends is not None
                    and _nanoseconds(self.ends) <= grant.expire_time.ToNanoseconds()
                )
            )
        )


@dataclass(frozen=True, slots=True)
class RevokeRole:
    """End a grant."""

    grant: str
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the grants so far."""
        return (Wanted(keys=(ACCESS,)),)

    def decide(self, rows: Rows) -> Decision:
        """End it, or refuse with GRANT_NOT_FOUND."""
        if not any(grant.name == self.grant for grant in grants_of(rows)):
            raise GrantNotFound(
                f"there is no grant {self.grant}; it may have been revoked already, or have ended",
                metadata={"grant": self.grant},
            )
        return _said(e.RoleRevoked(grant=self.grant, reason=free_text(self.reason)), self.reason)


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Take a role for oneself, for a short time."""

    grant: str
    principal: str
    now: datetime
    role: str
    ends: datetime
    reason: SealedText | None

    def wants(self) -> tuple[Wanted, ...]:
        """Return the grants so far."""
        return (Wanted(keys=(ACCESS,)),)

    def decide(self, rows: Rows) -> Decision:
        """Take it, or refuse with TOO_MANY_GRANTS."""
        expect_room(grants_of(rows), self.now)
        event = e.RoleGranted(
            grant=self.grant,
            principal=self.principal,
            role=self.role,
            expire_time=self.ends.isoformat(),
            break_glass=True,
            reason=free_text(self.reason),
        )
        return _said(event, self.reason)


def grants_of(rows: Rows) -> list[access_pb.Grant]:
    """Return the grants of a working set, those that have ended by time too."""
    row = rows.get(ACCESS)
    resource: Any = row.resource if row else None
    return list(resource.grants) if resource else []


def expect_room(grants: Iterable[access_pb.Grant], now: datetime) -> None:
    """Refuse when as many grants stand as there may be.

    Raises:
        TooManyGrants: They do.
    """
    standing = [grant for grant in grants if not has_ended(grant, now.timestamp())]
    size = sum(grant.ByteSize() for grant in standing)
    if len(standing) >= limits.MAX_GRANTS or size >= limits.MAX_GRANTS_BYTES:
        raise TooManyGrants(
            f"{len(standing)} grants of {size} bytes stand, as many as there may be; give roles"
            " to groups, or revoke some",
            metadata={"grants": str(len(standing)), "limit": str(limits.MAX_GRANTS)},
        )


def _nanoseconds(time: datetime) -> int:
    # Through integers: a float of today's seconds has no room for microseconds and more.
    return int(time.timestamp()) * 1_000_000_000 + time.microsecond * 1_000


def _said(event: e.RoleGranted | e.RoleRevoked, reason: SealedText | None) -> Decision:
    return Decision((Fact(ACCESS_STREAM, event, beside(("reason", reason))),), ACCESS)
