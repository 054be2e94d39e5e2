"""Refusals of a server that cannot serve now, whatever is asked."""

from __future__ import annotations

from regesta_service.domain.rejections.base import Kind, Rejection


class RequestIdReused(Rejection):
    """A request id was used before for other content."""

    kind = Kind.EXISTS
    reason = "REQUEST_ID_REUSED"


class Overloaded(Rejection):
    """Too much is waiting already; nothing was done."""

    kind = Kind.EXHAUSTED
    reason = "OVERLOADED"


class DatabaseUnavailable(Rejection):
    """The database does not answer.

    Whether a write was done is unknown: repeat it with the same request id.
    """

    kind = Kind.UNAVAILABLE
    reason = "DATABASE_UNAVAILABLE"


class Draining(Rejection):
    """The server is about to stop; another one, or this one later, will answer."""

    kind = Kind.UNAVAILABLE
    reason = "DRAINING"


class NotFreshYet(Rejection):
    """This server did not reach the position asked for in time."""

    kind = Kind.DEADLINE
    reason = "NOT_FRESH_YET"


class SubscriberTooSlow(Rejection):
    """More events wait for a subscriber than are kept; it goes on where it stopped."""

    kind = Kind.EXHAUSTED
    reason = "TOO_SLOW"


class RebuildUnderWay(Rejection):
    """A rebuild of the namespace's projections is under way already."""

    kind = Kind.PRECONDITION
    reason = "REBUILD_UNDER_WAY"
