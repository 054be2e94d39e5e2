"""How grants, principals and tokens change their rows."""

from __future__ import annotations

from datetime import datetime
from math import inf
from typing import TYPE_CHECKING

from regesta_projections.evolve.stamps import put_text, put_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.timestamp_pb2 import Timestamp

    from regesta.v1 import access_pb2 as access_pb
    from regesta_projections.events import (
        PrincipalRegistered,
        RoleGranted,
        RoleRevoked,
        TokenIssued,
    )
    from regesta_projections.records import Recorded
    from regesta_projections.rows import ResourceRow


def role_granted(resource: access_pb.Access, event: RoleGranted, recorded: Recorded) -> None:
    """Add a grant; those that have ended by time make room for it."""
    now = recorded.recorded_at.timestamp()
    _keep(resource, lambda grant: not has_ended(grant, now))
    grant = resource.grants.add(
        name=event.grant,
        principal=event.principal,
        group=event.group,
        role=event.role,
        models=event.models,
        condition=event.condition,
        break_glass=event.break_glass,
        created_by=recorded.actor,
        position=recorded.position,
    )
    _put_end(grant.expire_time, event.expire_time)
    put_time(grant.create_time, recorded.recorded_at)


def has_ended(grant: access_pb.Grant, now: float) -> bool:
    """Say whether a grant has ended by a time, in seconds since 1970."""
    return end_of(grant) <= now


def end_of(grant: access_pb.Grant) -> float:
    """Return when a grant ends, in seconds since 1970; infinity for one that does not."""
    if not grant.HasField("expire_time"):
        return inf
    return grant.expire_time.seconds + grant.expire_time.nanos / 1e9


def role_revoked(resource: access_pb.Access, event: RoleRevoked) -> None:
    """Take a grant away."""
    _keep(resource, lambda grant: grant.name != event.grant)


def principal_registered(
    row: ResourceRow, resource: access_pb.Principal, event: PrincipalRegistered
) -> None:
    """Note what is known of a principal from now on."""
    resource.kind = event.kind
    resource.same_person_as = event.same_person_as
    put_text(row.texts, "display", event.display)


def token_issued(resource: access_pb.Token, event: TokenIssued) -> None:
    """Note a token."""
    resource.principal = event.principal
    resource.digest = event.digest
    resource.label = event.label
    resource.role = event.role
    resource.namespaces.extend(event.namespaces)
    _put_end(resource.expire_time, event.expire_time)


def token_revoked(resource: access_pb.Token, recorded: Recorded) -> None:
    """Note that a token has ended."""
    put_time(resource.revoke_time, recorded.recorded_at)


def _put_end(timestamp: Timestamp, text: str) -> None:
    if text:
        put_time(timestamp, datetime.fromisoformat(text))


def _keep(resource: access_pb.Access, wanted: Callable[[access_pb.Grant], bool]) -> None:
    kept = [grant for grant in resource.grants if wanted(grant)]
    if len(kept) < len(resource.grants):
        del resource.grants[:]
        resource.grants.extend(kept)
