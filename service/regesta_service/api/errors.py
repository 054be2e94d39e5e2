"""The one place where refusals and failures become gRPC statuses.

Every error carries google.rpc.ErrorInfo (reason, domain `regesta`, metadata); refused
fields come as BadRequest, conditions that are not met as PreconditionFailure, a time to wait as RetryInfo (AIP-193). What is in no table
here is a bug: it is logged with its trace, and the caller learns only a reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2

from regesta_service.domain.rejections import Kind, Rejection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

DOMAIN = "regesta"

#: Trailing metadata under which google.rpc.Status travels.
DETAILS_KEY = "grpc-status-details-bin"

#: Details travel in trailing metadata, of which clients accept 8 KiB by default.
MAX_VIOLATIONS = 20

CODES: Mapping[Kind, grpc.StatusCode] = {kind: grpc.StatusCode[kind.value] for kind in Kind}


class CallError(Exception):
    """A status to end a call with."""

    def __init__(self, code: grpc.StatusCode, message: str, reason: str, details: bytes) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.details = details
        #: The permission that was lacking, and what a log may say that the caller is not
        #: told: which rule denied it, and what the credential is known by.
        self.permission = self.why = self.hint = ""


def call_error(
    code: grpc.StatusCode,
    reason: str,
    message: str,
    metadata: Mapping[str, str] | None = None,
    *more: Message,
) -> CallError:
    """Return a status with its ErrorInfo and further details."""
    status = status_pb2.Status(code=code_pb2.Code.Value(code.name), message=message)
    info = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata or {})
    for detail in (info, *more):
        status.details.add().Pack(detail)
    return CallError(code, message, reason, status.SerializeToString())


def rejected(rejection: Rejection) -> CallError:
    """Return the status of a refusal."""
    more: list[Message] = []
    if rejection.violations and rejection.kind is Kind.PRECONDITION:
        failed = error_details_pb2.PreconditionFailure()
        for violation in rejection.violations[:MAX_VIOLATIONS]:
            failed.violations.add(
                type=rejection.reason, subject=violation.field, description=violation.description
            )
        more.append(failed)
    elif rejection.violations:
        bad = error_details_pb2.BadRequest()
        for violation in rejection.violations[:MAX_VIOLATIONS]:
            bad.field_violations.add(field=violation.field, description=violation.description)
        more.append(bad)
    if rejection.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(rejection.retry_after * 1e9))
        more.append(retry)
    return call_error(
        CODES[rejection.kind], rejection.reason, rejection.message, rejection.metadata, *more
    )


def unauthenticated(message: str, hint: str = "") -> CallError:
    """Return the status for missing or wrong credentials."""
    error = call_error(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", message)
    error.why, error.hint = message, hint
    return error


def denied(permission: str, namespace: str, why: str = "") -> CallError:
    """Return the status for a permission that the caller lacks.

    It is the same whether or not the namespace exists.

    Args:
        permission: What is lacking.
        namespace: Where.
        why: Which rule denied it; for the log, the caller is not told.
    """
    error = call_error(
        grpc.StatusCode.PERMISSION_DENIED,
        "PERMISSION_DENIED",
        f"this needs the permission {permission}; ask an administrator for a role that has it",
        {"permission": permission, "namespace": namespace},
    )
    error.permission, error.why = str(permission), why
    return error


def internal(reference: str) -> CallError:
    """Return the status of a failure that is ours; the log has it under a reference."""
    return call_error(
        grpc.StatusCode.INTERNAL,
        "INTERNAL",
        f"an internal error; the server's log has it under {reference}",
        {"reference": reference},
    )
