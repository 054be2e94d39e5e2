"""Assembling protobuf messages from parts that are serialized already.

Answers repeat stored resources byte for byte, so they are put together here instead of
being parsed and serialized again. Source: protobuf encoding, "Message Structure".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LENGTH_DELIMITED = 2
_MORE = 0x80
_LOW = 0x7F

# Field 2 as a varint: `position` of every answer to a single read.
_POSITION_TAG = b"\x10"


def varint(number: int) -> bytes:
    """Return a number from 0 as a varint."""
    if number <= _LOW:
        return bytes((number,))
    parts = bytearray()
    while number > _LOW:
        parts.append(number & _LOW | _MORE)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def part(field: int, content: bytes) -> bytes:
    """Return a submessage or text as the field of a message.

    Args:
        field: Its number, 1 to 15.
        content: Serialized submessage, or UTF-8.
    """
    return bytes((field << 3 | _LENGTH_DELIMITED,)) + varint(len(content)) + content


def single_answer(body: bytes, position: int) -> bytes:
    """Return an answer with one resource: its first field, then `position` as field 2.

    Args:
        body: Field 1, from `part`.
        position: At least 1.
    """
    return body + _POSITION_TAG + varint(position)


def latest_answer(resources: Iterable[bytes], unanswered: Iterable[str], position: int) -> bytes:
    """Return a ListLatestVersionsResponse.

    Args:
        resources: Serialized versions, in their order.
        unanswered: Names of models that it says nothing of.
        position: What the answer reflects, at least 1.
    """
    parts = [part(1, resource) for resource in resources]
    parts += [part(2, name.encode()) for name in unanswered]
    return b"".join((*parts, b"\x18", varint(position)))


def page_answer(resources: Iterable[bytes], next_page_token: str, position: int) -> bytes:
    """Return one page: resources as field 1, the token as 2, the position as 3.

    Args:
        resources: Serialized resources, in their order.
        next_page_token: Empty for the last page.
        position: What the page reflects, from 0.
    """
    parts = [part(1, resource) for resource in resources]
    if next_page_token:
        parts.append(part(2, next_page_token.encode()))
    if position:
        parts.append(b"\x18" + varint(position))
    return b"".join(parts)
