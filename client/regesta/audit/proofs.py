"""Proofs that one event is in a log, as a file that needs no server: `.tlog-proof`.

    proof = TlogProof(index=41, path=hashes, checkpoint=note)
    Path("event.tlog-proof").write_bytes(proof.encode())

    proof = TlogProof.parse(data)
    checkpoint = proof.lead(leaf_hash(record))           # the hashes alone
    checkpoint = proof.open(leaf_hash(record), [log_key])  # the log's signature too
    verdict = proof.judge(leaf_hash(record), policy)     # witnesses too

Source: C2SP tlog-proof (commit 5ba5ee8, 2026-07-22).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from regesta.audit.checkpoints import Checkpoint, open_checkpoint
from regesta.audit.encoding import MAX_NUMBER, InvalidText, from_base64, to_base64, to_number
from regesta.audit.notes import MAX_NOTE_BYTES, Note, VerifierKey
from regesta.audit.policies import Policy, Verdict
from regesta.merkle import HASH_BYTES, InvalidProof, verify_inclusion

HEADER: Final = "c2sp.org/tlog-proof@v1"
FILE_EXTENSION: Final = ".tlog-proof"
#: What a path is at most, as sizes have 63 bits.
MAX_PATH: Final = 63


class InvalidProofText(InvalidProof):
    """A text is no `.tlog-proof`."""


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A leaf's number, its audit path, and the checkpoint that it leads to.

    Attributes:
        index: Number of the leaf, from 0: the event's position less one.
        path: Hashes of 32 bytes, lowest level first.
        checkpoint: The note with its signatures, as the log issued it.
        extra: Bytes that nothing vouches for; empty where there are none.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.index <= MAX_NUMBER:
            raise InvalidProofText(f"a leaf's number is from 0 to {MAX_NUMBER}, not {self.index}")
        if len(self.path) > MAX_PATH or any(len(one) != HASH_BYTES for one in self.path):
            raise InvalidProofText(f"a path is at most {MAX_PATH} hashes of {HASH_BYTES} bytes")

    def encode(self) -> bytes:
        """Return the proof as it is stored and sent."""
        extra = [f"extra {to_base64(self.extra)}"] if self.extra else []
        lines = [HEADER, *extra, f"index {self.index}", *map(to_base64, self.path)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint.encode()

    @classmethod
    def parse(cls, data: bytes | str) -> TlogProof:
        """Return the proof that `encode` wrote.

        Raises:
            InvalidProofText: It is no proof, or one above the limits of a note.
            InvalidNote: Its checkpoint is no note.
        """
        if len(data) > 2 * MAX_NOTE_BYTES:
            raise InvalidProofText(f"a proof has at most {2 * MAX_NOTE_BYTES} bytes")
        try:
            text = data if isinstance(data, str) else data.decode()
        except UnicodeDecodeError as error:
            raise InvalidProofText("a proof is UTF-8") from error
        above, gap, note = text.partition("\n\n")
        header, *lines = above.split("\n")
        if header != HEADER or not gap:
            raise InvalidProofText(f"a proof begins with {HEADER}, and holds a checkpoint")
        try:
            extra = _field("extra", lines)
            index = _field("index", lines)
            if index is None:
                raise InvalidProofText("a proof names the index of its leaf")
            path = tuple(map(from_base64, lines))
            return cls(to_number(index), path, Note.parse(note), _extra(extra))
        except InvalidText as error:
            raise InvalidProofText(f"a line of the proof is malformed: {error}") from error

    def lead(self, leaf_hash: bytes) -> Checkpoint:
        """Return the checkpoint in which the leaf is, if its signatures are to be believed.

        Args:
            leaf_hash: `merkle.leaf_hash` of the event's record.

        Raises:
            InvalidProof: The path does not lead from this leaf to the checkpoint's root.
            InvalidNote: The checkpoint is none.
        """
        checkpoint = Checkpoint.parse(self.checkpoint.text)
        verify_inclusion(leaf_hash, self.index, checkpoint.size, self.path, checkpoint.root)
        return checkpoint

    def open(self, leaf_hash: bytes, keys: Iterable[VerifierKey]) -> Checkpoint:
        """Return the checkpoint, signed by its log, in which the leaf is.

        Raises:
            InvalidProof: As for `lead`.
            InvalidNote: As for `checkpoints.open_checkpoint`.
            UnsignedNote: None of the keys is the log's.
        """
        self.lead(leaf_hash)
        return open_checkpoint(self.checkpoint, keys)

    def judge(self, leaf_hash: bytes, policy: Policy, origin: str = "") -> Verdict:
        """Return what a policy says of the checkpoint in which the leaf is.

        Raises:
            InvalidProof: As for `lead`.
            InvalidNote: The checkpoint is none.
        """
        self.lead(leaf_hash)
        return policy.judge(self.checkpoint, origin)


def _field(name: str, lines: list[str]) -> str | None:
    """Take a field off the front of the lines, if it stands there."""
    if not lines or not lines[0].startswith(f"{name} "):
        return None
    return lines.pop(0).removeprefix(f"{name} ")


def _extra(text: str | None) -> bytes:
    return b"" if text is None else from_base64(text)
