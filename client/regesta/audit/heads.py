"""Heads of streams: proof that nothing of a resource was withheld up to a position.

The log commits to the head of every stream from time to time: an event `HeadsCommitted` holds
the root of a tree (RFC 6962) whose leaves are lines, one a stream, sorted by stream. A line
says how many events the stream has had, the leaf hash of the last of them and the digest of
the state they have made. Each event names the leaf hash of the one before it in its stream, so
whoever holds a stream's events, its line, the path to the root and the event with the root can
tell that no event is missing, without the rest of the log.

The format is described in docs/audit/heads.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from regesta.merkle import InvalidProof, leaf_hash, verify_inclusion

#: Type of the event that commits to all heads.
HEADS_COMMITTED: Final = "io.regesta.events.v1.HeadsCommitted"

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}|0")


class InvalidHeads(ValueError):
    """Bytes are not a line of heads, or not the record of a commitment to them."""


class Incomplete(ValueError):
    """The events at hand are not shown to be all there were, or are not those there were."""


@dataclass(frozen=True, slots=True)
class HeadLine:
    """What is committed to of one stream."""

    #: For example `models/churn/versions/3`.
    stream: str
    #: How many events it had had.
    revision: int
    #: Leaf hash of the last of them, 32 bytes.
    leaf: bytes
    #: SHA-256 of the resource's state in canonical JSON.
    state: bytes

    def encode(self) -> bytes:
        """Return the line: a JSON object in the form of RFC 8785."""
        members = {
            "leaf": self.leaf.hex(),
            "revision": str(self.revision),
            "state": self.state.hex(),
            "stream": self.stream,
        }
        return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()

    def hash(self) -> bytes:
        """Return the leaf hash of the line, in the tree of heads."""
        return leaf_hash(self.encode())

    @classmethod
    def parse(cls, data: bytes) -> HeadLine:
        """Return the line in some bytes.

        Raises:
            InvalidHeads: They are not exactly what `encode` writes for some line.
        """
        members = _object(data)
        try:
            line = cls(
                members["stream"],
                int(members["revision"]),
                bytes.fromhex(members["leaf"]),
                bytes.fromhex(members["state"]),
            )
            if line.encode() == data:
                return line
        except (KeyError, TypeError, ValueError):
            pass
        raise InvalidHeads("a line of heads is written in one form only")


@dataclass(frozen=True, slots=True)
class Commitment:
    """What an event `HeadsCommitted` says."""

    #: The heads are those of the log when it had this size.
    position: int
    streams: int
    #: 32 bytes.
    root: bytes

    @classmethod
    def of_record(cls, record: bytes) -> Commitment:
        """Return what a record says.

        It is as good as the record: prove that it is in the log.

        Raises:
            InvalidHeads: It is not the record of such an event.
        """
        envelope = _object(record)
        data = envelope.get("data")
        if envelope.get("type") != HEADS_COMMITTED or not isinstance(data, dict):
            raise InvalidHeads("the record is not one of HeadsCommitted")
        root = data.get("root", "")
        numbers = [data.get("position", "0"), data.get("streams", "0")]
        if not all(isinstance(text, str) for text in (root, *numbers)):
            raise InvalidHeads("HeadsCommitted holds texts")
        if not _HEX.fullmatch(root) or not all(map(_NUMBER.fullmatch, numbers)):
            raise InvalidHeads("HeadsCommitted holds two numbers and a root of 32 bytes")
        return cls(int(numbers[0]), int(numbers[1]), bytes.fromhex(root))


@dataclass(frozen=True, slots=True)
class ProvedLine:
    """A line and where it is in the tree of heads."""

    line: bytes
    #: From 0, in the order of streams.
    index: int
    #: Lowest level first.
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CompleteStream:
    """A stream of which nothing is missing up to a commitment."""

    line: HeadLine
    #: Events at hand that came after those committed to; nothing is said of later ones.
    later: int


def open_line(proved: ProvedLine, commitment: Commitment) -> HeadLine:
    """Return a line that is shown to be one of a commitment.

    Raises:
        InvalidProof: It is not shown to be.
        InvalidHeads: It is no line.
    """
    verify_inclusion(
        leaf_hash(proved.line), proved.index, commitment.streams, proved.path, commitment.root
    )
    return HeadLine.parse(proved.line)


def check_chain(stream: str, records: Iterable[bytes]) -> list[bytes]:
    """Return the leaf hashes of a stream's records, in order, if none is missing between them.

    Raises:
        Incomplete: One is of another stream, or its revision or its `prev` does not follow
            the one before. A chain that is whole may still lack its end.
    """
    hashes: list[bytes] = []
    for number, record in enumerate(records, 1):
        try:
            envelope = _object(record)
        except InvalidHeads as error:
            raise Incomplete(f"record {number} of {stream} is not JSON") from error
        if envelope.get("subject") != stream:
            raise Incomplete(f"record {number} is not one of {stream}")
        if envelope.get("revision") != str(number):
            raise Incomplete(
                f"{stream}: revision {envelope.get('revision')} comes where {number} is due"
            )
        previous = hashes[-1].hex() if hashes else ""
        if envelope.get("prev", "") != previous:
            raise Incomplete(f"{stream}: revision {number} does not follow the one before it")
        hashes.append(leaf_hash(record))
    return hashes


def check_stream(
    records: Sequence[bytes], proved: ProvedLine, commitment: Commitment
) -> CompleteStream:
    """Check that a stream's records are all there were up to a commitment.

    Args:
        records: Exact bytes, by revision, from the first.
        proved: The stream's line.
        commitment: From the record of a `HeadsCommitted` that is known to be in the log.

    Raises:
        Incomplete: Some are missing, or are others than those there were.
        InvalidProof: The line is not shown to be one of the commitment.
        InvalidHeads: The line is no line.
    """
    line = open_line(proved, commitment)
    hashes = check_chain(line.stream, records)
    if len(hashes) < line.revision:
        raise Incomplete(
            f"{line.stream} had {line.revision} events by position {commitment.position},"
            f" and {len(hashes)} are here"
        )
    if hashes[line.revision - 1] != line.leaf:
        raise Incomplete(f"{line.stream}: revision {line.revision} is not the one committed to")
    return CompleteStream(line, len(hashes) - line.revision)


def check_family(
    model: str, proved: Sequence[ProvedLine], commitment: Commitment
) -> dict[str, HeadLine]:
    """Return the lines of a model, its versions and its aliases, shown to be all there were.

    Streams below a model are neighbours in the tree, so it is enough to see what stands before
    the first and after the last of them.

    Args:
        model: The name it was created with.
        proved: The model's own line; and those below it in order, with one line of another
            stream before and one after, as far as there are any.
        commitment: See `check_stream`.

    Raises:
        Incomplete: A line may be missing.
        InvalidProof: A line is not shown to be one of the commitment.
        InvalidHeads: A line is none.
    """
    own, below = f"models/{model}", f"models/{model}/"
    lines = {one.index: open_line(one, commitment) for one in proved}
    family = {index: line for index, line in lines.items() if line.stream.startswith(below)}
    mine = [line for line in lines.values() if line.stream == own]
    if not mine:
        raise Incomplete(f"the line of {own} is not here")
    if family:
        first, last = min(family), max(family)
        missing = [index for index in range(first, last) if index not in family]
        if missing:
            raise Incomplete(f"the line {missing[0]} of {commitment.streams} is not here")
    else:
        # Where they would be: between two neighbours.
        last = max((i for i, line in lines.items() if line.stream < below), default=-1)
        first = last + 1
    for index in (first - 1, last + 1):
        if 0 <= index < commitment.streams and index not in lines:
            raise Incomplete(f"the line {index}, beside those of {own}, is not here")
    before, after = lines.get(first - 1), lines.get(last + 1)
    if (before and not before.stream < below) or (after and not after.stream > below):
        raise Incomplete(f"the lines of {own} are not sorted")
    return {line.stream: line for line in (*mine, *family.values())}


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidHeads("not JSON") from error
    if not isinstance(value, dict):
        raise InvalidHeads("not a JSON object")
    return value


__all__ = [
    "HEADS_COMMITTED",
    "Commitment",
    "CompleteStream",
    "HeadLine",
    "Incomplete",
    "InvalidHeads",
    "InvalidProof",
    "ProvedLine",
    "check_chain",
    "check_family",
    "check_stream",
    "open_line",
]
