"""Fields of protobuf messages as bytes.

What is stored serialized is finished and put together here instead of being parsed and
serialized again. Source: protobuf encoding, "Message Structure".
"""

from __future__ import annotations

_LENGTH_DELIMITED = 2
_MORE = 0x80
_LOW = 0x7F
_TWO_BYTES = 1 << 14


def varint(number: int) -> bytes:
    """Return a number from 0 as a varint."""
    if number <= _LOW:
        return bytes((number,))
    # Most lengths of resources; a page has a hundred of them.
    if number < _TWO_BYTES:
        return bytes((number & _LOW | _MORE, number >> 7))
    parts = bytearray()
    while number > _LOW:
        parts.append(number & _LOW | _MORE)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def part(field: int, content: bytes) -> bytes:
    """Return a submessage or text as the field of a message.

    Args:
        field: Its number, from 1.
        content: Serialized submessage, or UTF-8.
    """
    return varint(field << 3 | _LENGTH_DELIMITED) + varint(len(content)) + content
