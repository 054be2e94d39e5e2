"""Checkpoints: the size and root of a log, as it signs them.

    checkpoint = Checkpoint(log_origin("registry.example.com", "acme"), size, root)
    note = sign_checkpoint(checkpoint, signer)           # notes.Note; str(note) is stored
    checkpoint = open_checkpoint(note, [log_key])        # verified, or an error

Leaf number n of the tree is the event at position n + 1.

Source: C2SP tlog-checkpoint v1.0.0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from regesta.audit.encoding import MAX_NUMBER, InvalidText, is_key_name, is_text, to_base64
from regesta.audit.messages import SignatureType, read_head
from regesta.audit.notes import InvalidNote, Note, Signer, UnsignedNote, VerifierKey, sign, verify
from regesta.merkle import EMPTY_ROOT, HASH_BYTES

MAX_ORIGIN_BYTES: Final = 255


class InvalidCheckpoint(InvalidNote):
    """A text is no checkpoint, or one that no log can have."""


class InvalidOrigin(ValueError):
    """A text cannot be the origin of a log."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one moment; nothing here says that it was signed.

    Attributes:
        origin: Name of the log.
        size: Number of leaves, which is the position of the last event.
        root: Root of the Merkle tree over them, 32 bytes.
        extensions: Lines that a log may add. Ours adds none; those of others are kept, as
            the signature is over them too.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extensions)
        if not all(line and is_text(line) and "\n" not in line for line in lines):
            raise InvalidCheckpoint("a checkpoint's lines are not empty, of UTF-8 without controls")
        if not 0 <= self.size <= MAX_NUMBER:
            raise InvalidCheckpoint(f"a log has 0 to {MAX_NUMBER} leaves, not {self.size}")
        if len(self.root) != HASH_BYTES:
            raise InvalidCheckpoint(f"a root hash has {HASH_BYTES} bytes, not {len(self.root)}")

    @property
    def is_possible(self) -> bool:
        """Whether a log can have it: an empty one has the root of no leaves."""
        return self.size > 0 or self.root == EMPTY_ROOT

    def encode(self) -> str:
        """Return the text that is signed, its last newline included."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Return the checkpoint that `encode` wrote.

        Raises:
            InvalidCheckpoint: It is none.
        """
        try:
            return cls(*read_head(text))
        except InvalidText as error:
            raise InvalidCheckpoint(str(error)) from error


def log_origin(origin: str, namespace: str) -> str:
    """Return the origin of a namespace's log, which is the name of its key too.

    Args:
        origin: The deployment's, such as ``registry.example.com``: no scheme, no spaces, no
            plus sign.
        namespace: Name of the namespace.

    Raises:
        InvalidOrigin: They make no origin.
    """
    joined = f"{origin}/{namespace}"
    if (
        not origin
        or origin != origin.strip("/")
        or "://" in origin
        or not is_key_name(joined)
        or len(joined.encode()) > MAX_ORIGIN_BYTES
    ):
        raise InvalidOrigin(
            f"{origin!r} is no origin: it is like registry.example.com, without scheme, spaces,"
            f" plus signs or slashes at its ends, {MAX_ORIGIN_BYTES} bytes with the namespace"
        )
    return joined


def sign_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> Note:
    """Return a checkpoint, signed.

    The caller is bound by it: a log never signs two checkpoints of which neither is a prefix
    of the other.
    """
    return sign(checkpoint.encode(), *signers)


def open_checkpoint(note: Note | bytes | str, keys: Iterable[VerifierKey]) -> Checkpoint:
    """Return the checkpoint in a note that the log itself signed.

    Args:
        note: The note, or its text.
        keys: Keys of logs; only those named like the checkpoint's origin count.

    Raises:
        InvalidCheckpoint: The note's text is no checkpoint.
        InvalidNote: The note is malformed, or a signature by one of the keys is wrong.
        UnsignedNote: None of the keys signed it.
        MissingExtra: `cryptography` is not installed, or too old for a key.
    """
    parsed = note if isinstance(note, Note) else Note.parse(note)
    checkpoint = Checkpoint.parse(parsed.text)
    own = [
        key
        for key in keys
        if key.name == checkpoint.origin and key.kind is not SignatureType.COSIGNATURE
    ]
    if not own:
        raise UnsignedNote(f"no key is known for the log {checkpoint.origin}")
    verify(parsed, own)
    return checkpoint
