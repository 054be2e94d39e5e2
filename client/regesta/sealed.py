"""Free text kept beside the log: salted digests after RFC 9901 (SD-JWT).

Whoever writes free text may name a person, and a person may ask to be forgotten; a log
forgets nothing. So the log holds only a digest, and the text with its salt (the disclosure)
is kept in a table that can be erased. Without the salt of 128 bits the digest tells nothing,
not even to someone who guesses the text.

In an event's data a sealed text is the object ``{"_sd": ["<digest>"]}``.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any, Final

SALT_BYTES: Final = 16

#: Claim name in every disclosure; the place in the event says which text it is.
CLAIM: Final = "text"

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_PARTS = 3
_LONG_TAG = "long_tags."


class InvalidDisclosure(ValueError):
    """A disclosure is not one of a text, or a text cannot be put into one."""


@dataclass(frozen=True, slots=True)
class SealedText:
    """A text, the salt that hides it and the digest that stands for it.

    Attributes:
        digest: What the log holds: base64url of 32 bytes, 43 characters.
        salt: 16 random bytes, used for this text only.
        text: The text itself.
    """

    digest: str
    salt: bytes
    text: str

    @property
    def disclosure(self) -> str:
        """What is handed to someone who may read the text, and can be erased."""
        return disclosure_of(self.salt, self.text)


def seal(text: str, salt: bytes) -> SealedText:
    """Return a text with its digest.

    Args:
        text: Any Unicode text.
        salt: 16 bytes from a cryptographic random source, never used before.

    Raises:
        InvalidDisclosure: The salt has another length, or the text holds half a surrogate
            pair.
    """
    return SealedText(digest_of(disclosure_of(salt, text)), salt, text)


def disclosure_of(salt: bytes, text: str) -> str:
    """Return a text's disclosure: base64url of the JSON array of salt, `CLAIM` and text.

    The array is in the form of RFC 8785, so that a text and a salt have one disclosure.

    Raises:
        InvalidDisclosure: As for `seal`.

    Source: RFC 9901, section 4.2.1.
    """
    if len(salt) != SALT_BYTES:
        raise InvalidDisclosure(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    try:
        array = f'["{_base64url(salt)}","{CLAIM}",{encode_basestring(text)}]'.encode()
    except UnicodeEncodeError as error:
        raise InvalidDisclosure("half a surrogate pair is not text") from error
    return _base64url(array)


def digest_of(disclosure: str) -> str:
    """Return the digest of a disclosure: base64url of its SHA-256.

    Raises:
        InvalidDisclosure: It is not base64url.

    Source: RFC 9901, section 4.2.3.
    """
    if not _BASE64URL.fullmatch(disclosure):
        raise InvalidDisclosure("a disclosure is base64url")
    return _base64url(sha256(disclosure.encode("ascii")).digest())


def opens(digest: str, salt: bytes, text: str) -> bool:
    """Return whether this salt and text are what a digest in the log stands for."""
    try:
        return digest_of(disclosure_of(salt, text)) == digest
    except InvalidDisclosure:
        return False


def read_disclosure(disclosure: str) -> SealedText:
    """Return the text in a disclosure, with the digest to look for in the log.

    Raises:
        InvalidDisclosure: It is not exactly what `disclosure_of` writes for some text. So a
            text that was read is the only one that its digest can stand for.
    """
    digest = digest_of(disclosure)
    try:
        parts = json.loads(_from_base64url(disclosure))
    except (ValueError, RecursionError) as error:
        raise InvalidDisclosure("a disclosure is a JSON array in base64url") from error
    if (
        not isinstance(parts, list)
        or len(parts) != _PARTS
        or not all(isinstance(part, str) for part in parts)
        or not _BASE64URL.fullmatch(parts[0])
    ):
        raise InvalidDisclosure("a disclosure holds a salt, a claim name and a text")
    try:
        sealed = SealedText(digest, _from_base64url(parts[0]), parts[2])
    except ValueError as error:
        raise InvalidDisclosure("a salt is base64url") from error
    if sealed.disclosure != disclosure:
        raise InvalidDisclosure("a disclosure is written in one form only")
    return sealed


def sealed_field(digest: str) -> dict[str, list[str]]:
    """Return what stands in an event's data in place of a text."""
    return {"_sd": [digest]}


def digest_in(field: object) -> str | None:
    """Return the digest in a field of an event's data, or None if it is no sealed text."""
    match field:
        case {"_sd": [str(digest)], **others} if not others:
            return digest
        case _:
            return None


def digest_at(data: Mapping[str, Any], field: str) -> str | None:
    """Return the digest that an event's data holds for a text, or None if it holds none.

    Args:
        data: The event's data, as it stands in the record.
        field: Which text, as disclosures name it: `reason`, or `long_tags.` and a key.
    """
    if field.startswith(_LONG_TAG):
        tags = data.get("longTags")
        return (
            digest_in(tags.get(field.removeprefix(_LONG_TAG))) if isinstance(tags, dict) else None
        )
    return digest_in(data.get(field))


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _from_base64url(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
