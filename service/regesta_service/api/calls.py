"""A call as servicers see it: no gRPC objects, only what they need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from google.protobuf.message import Message

if TYPE_CHECKING:
    from regesta_service.access.permissions import Permission
    from regesta_service.access.principals import Principal

#: What a servicer gives back: a message, or the bytes of one, sent as they are.
Answer: TypeAlias = bytes | Message
Stream: TypeAlias = AsyncIterator[Answer]

#: Longest time a unary call may take when its caller sets no deadline, in seconds.
DEFAULT_TIMEOUT = 30.0


@dataclass(slots=True)
class Call:
    """The circumstances of one call."""

    #: Who calls.
    principal: Principal
    #: W3C traceparent of the caller, or empty.
    traceparent: str
    #: When it must be answered, on the event loop's clock; None for a stream without one.
    deadline: float | None
    #: Set when the server drains: streams close and say where to go on.
    draining: asyncio.Event
    #: Whether a permission still holds; grants can end while a stream lasts.
    allowed: Callable[[], bool]

    def remaining(self) -> float:
        """Return the seconds left, at least 0 and at most `DEFAULT_TIMEOUT`."""
        if self.deadline is None:
            return DEFAULT_TIMEOUT
        left = self.deadline - asyncio.get_running_loop().time()
        return min(max(left, 0.0), DEFAULT_TIMEOUT)

    def still_allowed(self) -> bool:
        """Say whether the caller still has the permission the call began with."""
        return self.allowed()

    @property
    def person(self) -> str:
        """The person who calls, where identities say that one has several principals."""
        return self.principal.person

    def roles_in(self, namespace: str) -> tuple[str, ...]:
        """Return the caller's roles in a namespace, sorted."""
        return self.principal.roles_in(namespace)

    def may(self, permission: Permission, namespace: str) -> bool:
        """Say whether the caller has another permission."""
        return self.principal.may(permission, namespace)
