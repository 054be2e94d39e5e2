"""What translating a request into a command comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeAlias, TypeVar

from regesta_projections.canonical import encode
from regesta_projections.records import MAX_RECORD_BYTES
from regesta_service.domain.rejections import EventTooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from google.protobuf.message import Message

    from regesta.v1 import access_service_pb2 as access_pb
    from regesta.v1 import governance_service_pb2 as governance_pb
    from regesta.v1 import heads_service_pb2 as heads_pb
    from regesta.v1 import privacy_service_pb2 as privacy_pb
    from regesta_projections.events import Event
    from regesta_service.api.writes.claims import ClaimingRequest
    from regesta_service.domain.deciding import Command

    WriteRequest: TypeAlias = (
        ClaimingRequest
        | governance_pb.RequestTransitionRequest
        | governance_pb.ApproveTransitionRequest
        | governance_pb.RejectTransitionRequest
        | governance_pb.CancelTransitionRequest
        | heads_pb.RecordLogEventRequest
        | privacy_pb.EraseTextsRequest
        | privacy_pb.PlaceHoldRequest
        | privacy_pb.ReleaseHoldRequest
        | privacy_pb.DefineRetentionRequest
        | privacy_pb.ReleaseBodiesRequest
        | access_pb.GrantRoleRequest
        | access_pb.RevokeRoleRequest
        | access_pb.BreakGlassRequest
        | access_pb.RegisterPrincipalRequest
        | access_pb.IssueTokenRequest
        | access_pb.RevokeTokenRequest
    )

C_co = TypeVar("C_co", bound="Command", covariant=True)


class Claim(NamedTuple):
    """What an importer says of a write, which nobody verifies."""

    #: When it really happened; None is the time of recording.
    occurred_at: datetime | None = None
    #: Who really did it; empty is nobody but who calls.
    occurred_by: str = ""


NO_CLAIM: Final = Claim()


@dataclass(frozen=True, slots=True)
class Translated(Generic[C_co]):
    """A command and the namespace it is for."""

    namespace: str
    command: C_co
    #: What it was made from; a repetition must have the same content.
    request: WriteRequest
    #: The free texts that came with it, by digest.
    texts: Mapping[str, str]
    #: What an importer claims of it.
    claim: Claim = NO_CLAIM


def expect_to_fit(request: Message, event: Event) -> None:
    """Refuse an event that cannot fit into a record, before it waits for its turn.

    The append refuses those that are too long by little.

    Args:
        request: What the event is made from; a short one is not looked at further.
        event: It holds no number or list that is still to be decided.

    Raises:
        EventTooLarge: It is longer than a record.
    """
    if request.ByteSize() <= MAX_RECORD_BYTES:
        return
    size = len(encode(event))
    if size > MAX_RECORD_BYTES:
        raise EventTooLarge(
            f"all of this together has {size} bytes as an event; the limit is"
            f" {MAX_RECORD_BYTES}. Shorten it, or keep the longest parts elsewhere and"
            " register their addresses",
            metadata={"size": str(size), "limit": str(MAX_RECORD_BYTES)},
        )
