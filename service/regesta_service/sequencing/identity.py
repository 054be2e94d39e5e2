"""When two writes are the same: by whom, under which id, with what content."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from regesta_projections.request_keys import request_key
from regesta_service.log.identity import RequestIdentity

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["RequestIdentity", "identify"]

_FINGERPRINT_BYTES = 16


def identify(actor: str, request_id: str, method: str, request_message: Message) -> RequestIdentity:
    """Return the identity of a write request.

    Args:
        actor: The principal.
        request_id: The caller's id of the write, as in the request.
        method: The RPC, for example `/regesta.v1.CatalogService/CreateModel`.
        request_message: The request as it was parsed; its own `request_id`, if it has one,
            does not count.

    Returns:
        The key, and as the fingerprint the first 16 bytes of SHA-256 over the method, a NUL
        byte and the deterministic serialization of the request.
    """
    content = type(request_message)()
    content.CopyFrom(request_message)
    if "request_id" in content.DESCRIPTOR.fields_by_name:
        content.ClearField("request_id")
    data = content.SerializeToString(deterministic=True)
    fingerprint = sha256(method.encode() + b"\0" + data).digest()[:_FINGERPRINT_BYTES]
    return RequestIdentity(request_key(actor, request_id), fingerprint, len(data))
