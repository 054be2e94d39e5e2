"""Page tokens: where a page ended, sealed so that only we can make one.

A token says nothing of its own about who may read: every request is authorized anew.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from regesta_service.domain.rejections import InvalidPageToken, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

MAX_PAGE_SIZE: Final = 1_000

#: Bytes of resources that a page holds at most, unless one alone is longer: gRPC clients
#: refuse messages of more than 4 MiB by default.
MAX_PAGE_BYTES: Final = 3 << 20

_MAC_BYTES = 16
# Names of 255 characters, several of them.
_MAX_TOKEN_CHARACTERS = 4_096

#: Fields that may differ from page to page: the page itself, and how fresh it must be,
#: since a client that reads its own writes asks for ever later positions.
_FREE_FIELDS = ("page_token", "page_size", "consistency")

_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(list[str | int]).decode


def page_size_of(given: int, default: int = 50) -> int:
    """Return how many entries a page has at most.

    Raises:
        InvalidRequest: It is negative.
    """
    if given < 0:
        raise InvalidRequest.of("page_size", "must not be negative")
    return min(given, MAX_PAGE_SIZE) if given else default


class PageTokens:
    """Makes and reads page tokens.

    Args:
        secret: Known to every process that serves the same callers; at least 16 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < _MAC_BYTES:
            raise ValueError(f"the secret has at least {_MAC_BYTES} bytes")
        self._secret = secret

    def make(self, request: Message, place: Sequence[str | int]) -> str:
        """Return the token of the page behind a place in the answer to a request."""
        payload = _encode(list(place))
        return urlsafe_b64encode(self._mac(request, payload) + payload).rstrip(b"=").decode()

    def read(self, request: Message) -> list[str | int] | None:
        """Return the place behind which a request's page begins; None for the first page.

        Raises:
            InvalidPageToken: The token was edited, was made by others, or belongs to a
                request that differs in more than page size and consistency.
        """
        token: str = request.page_token  # type: ignore[attr-defined]  # every list has it
        if not token:
            return None
        content = _bytes_of(token)
        mac, payload = content[:_MAC_BYTES], content[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(request, payload)):
            raise _invalid()
        return _decode(payload)

    def _mac(self, request: Message, payload: bytes) -> bytes:
        bound = type(request)()
        bound.CopyFrom(request)
        for field in _FREE_FIELDS:
            if field in bound.DESCRIPTOR.fields_by_name:
                bound.ClearField(field)
        # The message's full name is that of one method.
        content = (
            bound.DESCRIPTOR.full_name.encode()
            + b"\0"
            + sha256(bound.SerializeToString(deterministic=True)).digest()
            + payload
        )
        return hmac.digest(self._secret, content, "sha256")[:_MAC_BYTES]


def _bytes_of(token: str) -> bytes:
    if len(token) > _MAX_TOKEN_CHARACTERS or not token.isascii():
        raise _invalid()
    try:
        content = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except binascii.Error:
        raise _invalid() from None
    # Base64 reads several spellings of the same bytes; a token has one.
    if urlsafe_b64encode(content).rstrip(b"=") != token.encode():
        raise _invalid()
    return content


def _invalid() -> InvalidRequest:
    return InvalidPageToken.of(
        "page_token",
        "must be next_page_token of an answer to this same request; leave it out to begin anew",
    )
