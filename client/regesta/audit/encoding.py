"""Base64, decimals and names as the formats of C2SP write them: each in one form only."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from typing import Final

#: PostgreSQL and most other programs count in 63 bits.
MAX_NUMBER: Final = (1 << 63) - 1

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class InvalidText(ValueError):
    """A text is not in the format that it should be in."""


def to_base64(data: bytes) -> str:
    """Return bytes in standard base64 with padding (RFC 4648, section 4)."""
    return b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """Return the bytes that `to_base64` writes as this text.

    Raises:
        InvalidText: The text is not base64, or is not its only form: bits beyond the last
            byte are zero, so that no other text stands for the same bytes.
    """
    try:
        data = b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise InvalidText("not base64") from error
    if to_base64(data) != text:
        raise InvalidText("base64 in another form than the standard one")
    return data


def to_number(text: str) -> int:
    """Return a decimal of ASCII digits without leading zeroes, from 0 to 2**63 - 1.

    Raises:
        InvalidText: It is not one.
    """
    if not _DECIMAL.fullmatch(text) or (number := int(text)) > MAX_NUMBER:
        raise InvalidText(f"a number is a decimal from 0 to {MAX_NUMBER} without leading zeroes")
    return number


def is_key_name(name: str) -> bool:
    """Return whether a text can name a key: no spaces, plus or control characters."""
    return (
        bool(name)
        and is_text(name)
        and "\n" not in name
        and "+" not in name
        and not any(character.isspace() for character in name)
    )


def is_text(text: str) -> bool:
    """Return whether a text is valid UTF-8 with no ASCII control character but newline."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return False
    # DEL is no control character to the note format, which names those below U+0020.
    return not any(byte < 0x20 and byte != 0x0A for byte in data)  # noqa: PLR2004
