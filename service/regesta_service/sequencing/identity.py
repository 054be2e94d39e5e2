"""When two writes are the same: by whom, under which id, with what content."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from regesta_projections.request_keys import request_key
from regesta_service.log.identity import RequestIdentity

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor
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
    data = _without_request_id(request_message)
    fingerprint = sha256(method.encode() + b"\0" + data).digest()[:_FINGERPRINT_BYTES]
    return RequestIdentity(request_key(actor, request_id), fingerprint, len(data))


def _without_request_id(message: Any) -> bytes:
    if not _has_request_id(message.DESCRIPTOR):
        return message.SerializeToString(deterministic=True)  # type: ignore[no-any-return]
    # Put back at once: a copy of a request costs as much as all the rest of its identity.
    own, message.request_id = message.request_id, ""
    try:
        return message.SerializeToString(deterministic=True)  # type: ignore[no-any-return]
    finally:
        message.request_id = own


@cache
def _has_request_id(kind: Descriptor) -> bool:
    return "request_id" in kind.fields_by_name
