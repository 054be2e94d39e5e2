"""What makes a write the same one when it comes again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class RequestIdentity:
    """The identity of a write request."""

    #: Made from the actor and the request id; unique within a namespace for ever.
    key: UUID
    #: 16 bytes made from the method and the content of the request.
    fingerprint: bytes
    #: Length of the serialized request in bytes, by which waiting work is bounded.
    size_bytes: int = 0
