"""Assembling protobuf messages from parts that are serialized already.

Answers repeat stored resources byte for byte, so they are put together here instead of
being parsed and serialized again. Source: protobuf encoding, "Message Structure".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta_projections.wire import part, varint

if TYPE_CHECKING:
    from collections.abc import Iterable

# Field 2 as a varint: `position` of every answer to a single read.
_POSITION_TAG = b"\x10"
# Field 3 as a varint: `position` of every page.
_PAGE_POSITION_TAG = b"\x18"
# Field 1 as a submessage: the resources of a page.
_FIRST_TAG = b"\x0a"


def single_answer(body: bytes, position: int) -> bytes:
    """Return an answer with one resource: its first field, then `position` as field 2.

    Args:
        body: Field 1, from `regesta_projections.wire.part`.
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
    return b"".join((*parts, _PAGE_POSITION_TAG, varint(position)))


def page_body(resources: Iterable[bytes], next_page_token: str) -> bytes:
    """Return a page but for its position: resources as field 1, the token as field 2.

    Args:
        resources: Serialized resources, in their order.
        next_page_token: Empty for the last page.
    """
    parts: list[bytes] = []
    for resource in resources:
        # As `part` does, without copying each resource once more.
        parts += (_FIRST_TAG, varint(len(resource)), resource)
    if next_page_token:
        parts.append(part(2, next_page_token.encode()))
    return b"".join(parts)


def page_at(body: bytes, position: int) -> bytes:
    """Return one page: what `page_body` returned, then `position` as field 3.

    Args:
        body: The page but for its position.
        position: What the page reflects, from 0.
    """
    return body + _PAGE_POSITION_TAG + varint(position) if position else body


def page_answer(resources: Iterable[bytes], next_page_token: str, position: int) -> bytes:
    """Return one page with its position; see `page_body` and `page_at`."""
    return page_at(page_body(resources, next_page_token), position)
