"""Archived records: what stands in the place of a body.

The record of an archived event is 0x00 and the event's leaf hash, 33 bytes. Every other record
is a JSON object, so its first byte tells them apart. Hashes, positions, streams and times stay
in the log; whoever needs the body takes it from an archive (`bodies`), or is refused.

Source of the idea: C2SP tlog-tiles v0.1.0, Pruning; docs/decisions/0010-bodies-in-place.md.
"""

from __future__ import annotations

from typing import Final

from regesta.merkle import HASH_BYTES, leaf_hash

_MARK: Final = b"\x00"
_STUB_BYTES: Final = 1 + HASH_BYTES


class BodyArchived(Exception):
    """The body of an event is in an archive only.

    Attributes:
        position: Of the event.
    """

    def __init__(self, position: int) -> None:
        super().__init__(f"the body of the event at position {position} is in an archive only")
        self.position = position


def is_archived(record: bytes) -> bool:
    """Say whether a record is only the hash of one."""
    return len(record) == _STUB_BYTES and record[:1] == _MARK


def hash_of(record: bytes) -> bytes:
    """Return the leaf hash of a record, of an archived one the hash that it holds."""
    return record[1:] if is_archived(record) else leaf_hash(record)
