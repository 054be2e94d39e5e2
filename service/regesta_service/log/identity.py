"""What makes a write the same one when it comes again."""

from __future__ import annotations

from uuid import UUID

import msgspec


class RequestIdentity(msgspec.Struct, frozen=True, gc=False):
    """The identity of a write request."""

    #: Made from the actor and the request id; unique within a namespace for ever.
    key: UUID
    #: 16 bytes made from the method and the content of the request.
    fingerprint: bytes
    #: Length of the serialized request in bytes, by which waiting work is bounded.
    size_bytes: int = 0
