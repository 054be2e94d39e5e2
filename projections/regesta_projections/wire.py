"""Fields of protobuf messages as bytes.

What is stored serialized is finished and put together here instead of being parsed and
serialized again. Source: protobuf encoding, "Message Structure".
"""

from __future__ import annotations

_LENGTH_DELIMITED = 2
_MORE = 0x80
_LOW = 0x7F


def _long_varint(number: int) -> bytes:
    parts = bytearray()
    while number > _LOW:
        parts.append(number & _LOW | _MORE)
        number >>= 7
    parts.append(number)
    return bytes(parts)


# Most are lengths of names and resources; a page has hundreds of them.
_SHORT = tuple(map(_long_varint, range(2_048)))


def varint(number: int) -> bytes:
    """Return a number from 0 as a varint."""
    return _SHORT[number] if number < len(_SHORT) else _long_varint(number)


def part(field: int, content: bytes) -> bytes:
    """Return a submessage or text as the field of a message.

    Args:
        field: Its number, from 1.
        content: Serialized submessage, or UTF-8.
    """
    return varint(field << 3 | _LENGTH_DELIMITED) + varint(len(content)) + content
