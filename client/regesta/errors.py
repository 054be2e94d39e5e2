"""What can go wrong, as one small tree.

::

    RegestaError
    ├── InvalidRequest       a field breaks a rule; `violations` names it
    ├── NotFound             there is no such thing
    ├── AlreadyExists        the name is taken, or the request id was used for something else
    ├── PreconditionFailed   not in this state: deleted, archived, move not allowed …
    ├── Conflict             it changed since you looked; look again and decide anew
    ├── OutOfRange           a position or time outside of the history
    ├── Unauthenticated      no token, or a wrong one
    ├── PermissionDenied     the token does not allow this
    ├── Overloaded           too much at once; `retry_after` says when to try again
    ├── Unavailable          no server answers, or it has no database
    ├── DeadlineExceeded     it took too long
    ├── ServerFailure        a fault of the server; `metadata` has a reference for its log
    └── TrustError           the server answered, and its answer is not to be believed
        ├── CheckpointInvalid  not signed as the client's policy demands
        └── ForkDetected       not the history that was shown before; carries both notes

Whether a write was done is unknown after `Unavailable`, `DeadlineExceeded` and
`ServerFailure`: repeat it with the same `request_id` and you learn the truth; the repeat never doubles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

_DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of a request that breaks a rule, or a condition that is not met."""

    #: Path of the field, for example `version.metrics["auc"]`, or a policy and its condition,
    #: for example `policies/prod-gate#approvals[0]`.
    field: str
    #: The rule, or what is missing, in one sentence.
    description: str


class RegestaError(Exception):
    """Base of all errors of a call.

    Attributes:
        message: For people.
        reason: For programs, UPPER_SNAKE, for example `VERSION_ARCHIVED`; empty when
            the server gave none. The table is in docs/reference/errors.md.
        metadata: Names and numbers that belong to the reason.
        code: The gRPC status code.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: dict[str, str] | None = None,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata = metadata or {}
        self.code = code
        #: Fields that break a rule, or conditions that are not met.
        self.violations: tuple[FieldViolation, ...] = ()
        #: Seconds after which to try again, when the server said so.
        self.retry_after: float | None = None


class InvalidRequest(RegestaError):
    """A field of the request breaks a rule; `violations` names it."""


class NotFound(RegestaError):
    """There is no such thing."""


class AlreadyExists(RegestaError):
    """The name is taken, or the request id was used for something else."""


class PreconditionFailed(RegestaError):
    """It cannot be done in this state."""


class Conflict(RegestaError):
    """It changed since the caller looked."""


class OutOfRange(RegestaError):
    """A position or time lies outside of the history."""


class Unauthenticated(RegestaError):
    """There is no token, or a wrong one."""


class PermissionDenied(RegestaError):
    """The token does not allow this."""


class Overloaded(RegestaError):
    """Too much at once; nothing was done."""


class Unavailable(RegestaError):
    """No server answers, or it has no database."""


class DeadlineExceeded(RegestaError):
    """It took too long; whether a write was done is unknown."""


class ServerFailure(RegestaError):
    """A fault of the server."""


class TrustError(RegestaError):
    """The server answered, and its answer is not to be believed."""


class CheckpointInvalid(TrustError):
    """A checkpoint or a receipt is none, or is not signed as the client's policy demands.

    Attributes:
        note: The checkpoint, where there is one.
        lacks_witnesses: Whether the log signed it and only cosignatures are missing: these
            may follow.
    """

    def __init__(self, message: str, *, note: str = "", lacks_witnesses: bool = False) -> None:
        super().__init__(message, reason="CHECKPOINT_INVALID")
        self.note = note
        self.lacks_witnesses = lacks_witnesses


class ForkDetected(TrustError):
    """The log is not the one that was seen before: it was cut short, or replaced.

    Attributes:
        known: The checkpoint that was seen before, as a signed note.
        shown: The one that the server shows now. Both are signed by the log; if they state
            the same size, nothing else is needed to prove the fraud to others.
    """

    def __init__(self, message: str, *, known: str, shown: str) -> None:
        super().__init__(message, reason="FORK_DETECTED")
        self.known = known
        self.shown = shown


_CLASSES: dict[grpc.StatusCode, type[RegestaError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionFailed,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRange,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}


def from_rpc_error(error: grpc.RpcError) -> RegestaError:
    """Return the error of a failed call, with what the server said about it."""
    call: Any = error
    code: grpc.StatusCode = call.code()
    message = call.details() or code.name
    found = _CLASSES.get(code, ServerFailure)(message, code=code)
    for key, value in call.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            _read_details(found, value)
    return found


def _read_details(error: RegestaError, value: bytes) -> None:
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    failed = error_details_pb2.PreconditionFailure()
    retry = error_details_pb2.RetryInfo()
    for detail in status_pb2.Status.FromString(value).details:
        if detail.Unpack(info):
            error.reason = info.reason
            error.metadata = dict(info.metadata)
        elif detail.Unpack(bad):
            error.violations = tuple(
                FieldViolation(violation.field, violation.description)
                for violation in bad.field_violations
            )
        elif detail.Unpack(failed):
            error.violations = tuple(
                FieldViolation(violation.subject, violation.description)
                for violation in failed.violations
            )
        elif detail.Unpack(retry):
            error.retry_after = retry.retry_delay.ToNanoseconds() / 1e9
