"""What an importer claims of a write: when it really happened, and who really did it.

A claim is recorded as one and shown as one. It needs no permission beyond the call's own, and
decides nothing: policies, limits and approvals go by the time of recording and by who calls. So
an evaluation is as old as its record, whatever is claimed of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from regesta_service.api.writes.translating import Claim
from regesta_service.domain import limits

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from regesta.v1 import catalog_service_pb2 as pb
    from regesta.v1 import comments_service_pb2 as comments_pb
    from regesta.v1 import documents_service_pb2 as documents_pb
    from regesta.v1 import flags_service_pb2 as flags_pb
    from regesta.v1 import governance_service_pb2 as governance_pb
    from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
    from regesta_service.api.writes.checks import Checks

    ClaimingRequest: TypeAlias = (
        pb.CreateModelRequest
        | pb.UpdateModelRequest
        | pb.RenameModelRequest
        | pb.DeleteModelRequest
        | pb.RestoreModelRequest
        | pb.RegisterVersionRequest
        | pb.UpdateVersionRequest
        | pb.LabelVersionRequest
        | pb.DeleteVersionRequest
        | pb.RestoreVersionRequest
        | pb.SetTagsRequest
        | pb.RemoveTagsRequest
        | pb.SetAliasRequest
        | pb.RemoveAliasRequest
        | pb.ProtectAliasRequest
        | pb.MoveAliasesRequest
        | pb.RollbackAliasRequest
        | lifecycle_pb.TransitionVersionRequest
        | lifecycle_pb.RollbackStageRequest
        | lifecycle_pb.DefineLifecycleRequest
        | lifecycle_pb.RemoveLifecycleRequest
        | governance_pb.DefinePolicyRequest
        | governance_pb.RemovePolicyRequest
        | governance_pb.RecordEvaluationRequest
        | flags_pb.RaiseFlagRequest
        | flags_pb.ResolveFlagRequest
        | flags_pb.RevokeVersionRequest
        | comments_pb.AddCommentRequest
        | comments_pb.EditCommentRequest
        | documents_pb.PutDocumentRequest
        | documents_pb.RemoveDocumentRequest
    )

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_NANO: Final = 999_999_999


def claim_in(checks: Checks, request: ClaimingRequest, now: datetime) -> Claim:
    """Check and return what a request claims; usually nothing.

    Args:
        checks: Takes what breaks a rule.
        request: What a caller sent.
        now: What time it is, in UTC.

    Returns:
        The time is cut to microseconds, as records have it.
    """
    by = checks.line("occurred_by", request.occurred_by, limits.MAX_OCCURRED_BY)
    return Claim(_occurred_at(checks, request, now), by)


def _occurred_at(checks: Checks, request: ClaimingRequest, now: datetime) -> datetime | None:
    if not request.HasField("occurred_time"):
        return None
    time = _time(request.occurred_time)
    if time is None:
        checks.refuse("occurred_time", "is a time of the years 1 to 9999")
    elif time > now:
        checks.refuse("occurred_time", "is not in the future")
    return time


def _time(timestamp: Timestamp) -> datetime | None:
    """Return a time cut to microseconds; None when it is out of Timestamp's own range."""
    if not 0 <= timestamp.nanos <= _LAST_NANO:
        return None
    try:
        return _EPOCH + timedelta(seconds=timestamp.seconds, microseconds=timestamp.nanos // 1_000)
    except OverflowError:
        return None
