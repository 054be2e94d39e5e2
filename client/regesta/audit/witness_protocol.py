"""What goes between a log and a witness: the request of `add-checkpoint`.

    old 300
    dDsemKSK9pFUN3Qp0C/jv18UeRTS6kwxVv2GFr3GYMs=

    registry.example.com/acme
    421
    ...

Source: C2SP tlog-witness v1.0.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from regesta.audit.encoding import InvalidText, from_base64, to_base64, to_number
from regesta.audit.notes import InvalidNote, Note
from regesta.merkle import HASH_BYTES

ADD_CHECKPOINT: Final = "add-checkpoint"
SIZE_CONTENT_TYPE: Final = "text/x.tlog.size"
MAX_PROOF: Final = 63
#: Room for sixteen signatures of ML-DSA-44 and the longest proof, three times over.
MAX_REQUEST_BYTES: Final = 200_000


class InvalidAddCheckpoint(ValueError):
    """The body of a request is not one of `add-checkpoint`."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A checkpoint for a witness, and the proof that it extends the last one.

    Attributes:
        old_size: Size of the last checkpoint that the witness cosigned; 0 for none.
        proof: Hashes of `merkle.consistency_proof`, at most 63; none when `old_size` is 0.
        note: The new checkpoint, signed by its log.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: Note

    def encode(self) -> bytes:
        """Return the body of the request."""
        lines = (f"old {self.old_size}", *map(to_base64, self.proof))
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.note.encode()

    @classmethod
    def parse(cls, body: bytes) -> AddCheckpoint:
        """Return the request in a body.

        Raises:
            InvalidAddCheckpoint: It is malformed.
        """
        above, gap, note = body.partition(b"\n\n")
        try:
            old, *proof = above.decode("ascii").split("\n")
            if not gap or not old.startswith("old "):
                raise InvalidAddCheckpoint("a request is an old size, a proof and a checkpoint")
            if len(proof) > MAX_PROOF:
                raise InvalidAddCheckpoint(f"a proof has at most {MAX_PROOF} hashes")
            hashes = tuple(map(from_base64, proof))
            if any(len(one) != HASH_BYTES for one in hashes):
                raise InvalidAddCheckpoint(f"a hash has {HASH_BYTES} bytes")
            return cls(to_number(old.removeprefix("old ")), hashes, Note.parse(note))
        except (InvalidText, InvalidNote, UnicodeDecodeError) as error:
            raise InvalidAddCheckpoint(str(error)) from error


def origin_hash(origin: str) -> str:
    """Return how a log is named in the paths of a witness: SHA-256 of its origin in hex."""
    return sha256(origin.encode()).hexdigest()
