"""Answers put together from a resource that is serialized already.

A stored resource goes out byte for byte, so it is not parsed to become part of an
answer. Source: protobuf encoding, "Message Structure".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta_projections.wire import varint

if TYPE_CHECKING:
    from google.protobuf.message import Message

_VARINT = 0
_LENGTH_DELIMITED = 2


class AnswerLayout:
    """Where an answer has its resource and its position, taken from its descriptor.

    Args:
        answer: The message type; it has a field `position`.
        resource: Name of the field that holds the resource.
    """

    __slots__ = ("_position_tag", "_resource_tag")

    def __init__(self, answer: type[Message], resource: str) -> None:
        fields = answer.DESCRIPTOR.fields_by_name
        self._resource_tag = varint(fields[resource].number << 3 | _LENGTH_DELIMITED)
        self._position_tag = varint(fields["position"].number << 3 | _VARINT)

    def fill(self, resource: bytes, position: int) -> bytes:
        """Return the serialized answer.

        Args:
            resource: The serialized resource.
            position: At least 1.
        """
        return b"".join(
            (
                self._resource_tag,
                varint(len(resource)),
                resource,
                self._position_tag,
                varint(position),
            )
        )
