"""What all refusals have in common, and those of a request itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """The family of a refusal; each is one gRPC code."""

    INVALID = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    EXISTS = "ALREADY_EXISTS"
    PRECONDITION = "FAILED_PRECONDITION"
    CONFLICT = "ABORTED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    DENIED = "PERMISSION_DENIED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE = "DEADLINE_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Violation:
    """A field of a request that breaks a rule."""

    #: Path of the field, for example `version.metrics["auc"]`.
    field: str
    #: The rule, in one sentence.
    description: str


class Rejection(Exception):
    """Base of all refusals.

    Attributes:
        kind: The family.
        reason: ErrorInfo's reason, UPPER_SNAKE; stable, for programs.
        message: For people.
        metadata: ErrorInfo's metadata: names and numbers, never free text.
        violations: Fields that break a rule.
        retry_after: Seconds after which to try again, when that helps.
    """

    kind: ClassVar[Kind]
    reason: ClassVar[str]

    def __init__(
        self,
        message: str,
        *,
        metadata: dict[str, str] | None = None,
        violations: tuple[Violation, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata or {}
        self.violations = violations
        self.retry_after = retry_after


class InvalidRequest(Rejection):
    """A field breaks a rule whatever the state."""

    kind = Kind.INVALID
    reason = "INVALID_FIELD"

    @classmethod
    def of(cls, field: str, description: str) -> InvalidRequest:
        """Return the refusal of one field."""
        return cls(f"{field}: {description}", violations=(Violation(field, description),))


class InvalidFilterGiven(InvalidRequest):
    """A filter or an order cannot be understood."""

    reason = "INVALID_FILTER"


class InvalidPageToken(InvalidRequest):
    """A page token is not one of ours, or is for another request."""

    reason = "INVALID_PAGE_TOKEN"


class EventTooLarge(InvalidRequest):
    """All of a request together does not fit into one event."""

    reason = "EVENT_TOO_LARGE"
