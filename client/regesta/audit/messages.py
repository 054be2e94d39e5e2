"""The exact bytes under each kind of signature.

A log's Ed25519 signature is over the note's text itself. A cosignature is over more than
that: it says when it was made, so its message is built from the text and the time.

Source: C2SP signed-note v1.0.0; C2SP tlog-cosignature v1.1.0-rc.1.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from regesta.audit.encoding import MAX_NUMBER, InvalidText, from_base64, is_text, to_number
from regesta.merkle import HASH_BYTES

TIMESTAMP_BYTES: Final = 8

#: A name or an origin in a message of ML-DSA-44 has its length in one byte.
MAX_NAME_BYTES: Final = 255

_HEAD_LINES = 3


class SignatureType(IntEnum):
    """The kinds of signature that are known here, by their byte in a verifier key."""

    #: Ed25519 over the note's text: how a log signs.
    ED25519 = 0x01
    #: Ed25519 with a time: how a witness signs.
    COSIGNATURE = 0x04
    #: ML-DSA-44 with a time: how either signs against quantum computers.
    ML_DSA_44 = 0x06

    @property
    def public_key_bytes(self) -> int:
        """Length of a public key."""
        return 1312 if self is SignatureType.ML_DSA_44 else 32

    @property
    def signature_bytes(self) -> int:
        """Length of a signature as it stands in a note, its time included, its key ID not."""
        match self:
            case SignatureType.ED25519:
                return 64
            case SignatureType.COSIGNATURE:
                return TIMESTAMP_BYTES + 64
            case SignatureType.ML_DSA_44:
                return TIMESTAMP_BYTES + 2420

    @property
    def is_timed(self) -> bool:
        """Whether the signature holds the time at which it was made."""
        return self is not SignatureType.ED25519


class TreeHead(NamedTuple):
    """The first three lines of a checkpoint, and the lines after them.

    Attributes:
        origin: Name of the log.
        size: Number of leaves.
        root: 32 bytes.
        extensions: Further lines, which the log may have added.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def read_head(text: str) -> TreeHead:
    """Return the tree head in a checkpoint's text.

    Raises:
        InvalidText: It is no checkpoint's text.

    Source: C2SP tlog-checkpoint v1.0.0.
    """
    if not is_text(text) or not text.endswith("\n"):
        raise InvalidText("a checkpoint is lines of UTF-8 without control characters")
    lines = text[:-1].split("\n")
    if len(lines) < _HEAD_LINES or not all(lines):
        raise InvalidText("a checkpoint is three lines or more, none of them empty")
    origin, size, root, *extensions = lines
    digest = from_base64(root)
    if len(digest) != HASH_BYTES:
        raise InvalidText(f"a root hash has {HASH_BYTES} bytes, not {len(digest)}")
    return TreeHead(origin, to_number(size), digest, tuple(extensions))


def signed_message(kind: SignatureType, name: str, text: str, time: int = 0) -> bytes:
    """Return the bytes that a key signs.

    Args:
        kind: Kind of the signature.
        name: Name of the key.
        text: The note's text, its last newline included.
        time: Seconds since the epoch; only in cosignatures.

    Raises:
        InvalidText: A cosignature is only for a checkpoint's text, and an ML-DSA-44 message
            has names of at most 255 bytes.
    """
    match kind:
        case SignatureType.ED25519:
            return text.encode()
        case SignatureType.COSIGNATURE:
            read_head(text)
            return f"cosignature/v1\ntime {time}\n{text}".encode()
        case SignatureType.ML_DSA_44:
            head = read_head(text)
            return b"".join(
                (
                    b"subtree/v1\n\x00",
                    _short(name),
                    _uint64(time),
                    _short(head.origin),
                    _uint64(0),
                    _uint64(head.size),
                    head.root,
                )
            )


def timed(time: int, signature: bytes) -> bytes:
    """Return a cosignature as it stands in a note: its time, then the signature."""
    return _uint64(time) + signature


def split_time(signature: bytes) -> tuple[int, bytes]:
    """Return what `timed` put together.

    Raises:
        InvalidText: The time is above 2**63 - 1.
    """
    time = int.from_bytes(signature[:TIMESTAMP_BYTES], "big")
    if time > MAX_NUMBER:
        raise InvalidText("the time of a cosignature is out of range")
    return time, signature[TIMESTAMP_BYTES:]


def _uint64(number: int) -> bytes:
    return number.to_bytes(TIMESTAMP_BYTES, "big")


def _short(text: str) -> bytes:
    data = text.encode()
    if not 0 < len(data) <= MAX_NAME_BYTES:
        raise InvalidText(f"ML-DSA-44 signs names of 1 to {MAX_NAME_BYTES} bytes")
    return bytes([len(data)]) + data
