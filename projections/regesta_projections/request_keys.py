"""The key under which an answered request is found again.

Stands beside the records because both ends need it: the append writes it, and `verify`
derives it anew from the actor and the request id that every record holds.
"""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

_KEY_BYTES = 16


def request_key(actor: str, request_id: str) -> UUID:
    """Return the key of a request in `regesta.requests`.

    Two principals can use the same request id without meeting each other.

    Args:
        actor: The principal, as in the record's `authid`; holds no NUL.
        request_id: The caller's id of the write, as in the record's `correlationid`.

    Returns:
        The first 16 bytes of SHA-256 over the actor, a NUL byte and the request id, in UTF-8.
    """
    return UUID(bytes=sha256(f"{actor}\0{request_id}".encode()).digest()[:_KEY_BYTES])
