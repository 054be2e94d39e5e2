"""Cosignatures: a witness has seen the log grow without changing, and says when.

    signer = cosigner("witness.example.com", key)          # notes.Signer
    cosigned = notes.cosign(note, signer)
    added = read_cosignatures(note, response, [witness_key])

A witness of Ed25519 uses its key for nothing else: the message does not name the witness.

Source: C2SP tlog-cosignature v1.1.0-rc.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import time as system_time

from regesta.audit.encoding import is_text
from regesta.audit.keys import Clock, KeySigner, PrivateKey
from regesta.audit.messages import SignatureType
from regesta.audit.notes import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    InvalidNote,
    Note,
    Signature,
    Verified,
    VerifierKey,
    verify,
)


def cosigner_verifier(name: str, key: PrivateKey) -> VerifierKey:
    """Return what verifies a witness's cosignatures: type 0x04 for Ed25519, 0x06 for ML-DSA-44."""
    kind = SignatureType.COSIGNATURE if key.algorithm == "ed25519" else SignatureType.ML_DSA_44
    return VerifierKey(name, kind, key.public)


def cosigner(name: str, key: PrivateKey, clock: Clock = system_time) -> KeySigner:
    """Return a witness's signer.

    Args:
        name: Name of the witness, such as ``witness.example.com``.
        key: Where the private key is.
        clock: The time that is signed, in seconds since the epoch.

    Raises:
        InvalidKey: The name has spaces or a plus sign.
    """
    return KeySigner(key, cosigner_verifier(name, key), clock)


def parse_lines(lines: bytes | str) -> tuple[Signature, ...]:
    """Return the signatures in lines that are no whole note, such as a witness's answer.

    Raises:
        InvalidNote: There are none, more than 64, or one is malformed.
    """
    if len(lines) > MAX_NOTE_BYTES:
        raise InvalidNote(f"signature lines have at most {MAX_NOTE_BYTES} bytes")
    try:
        text = lines if isinstance(lines, str) else lines.decode()
    except UnicodeDecodeError as error:
        raise InvalidNote("signature lines are UTF-8") from error
    if not text.endswith("\n") or not is_text(text):
        raise InvalidNote("signature lines end in a newline and hold no control characters")
    split = text[:-1].split("\n")
    if len(split) > MAX_SIGNATURES:
        raise InvalidNote(f"at most {MAX_SIGNATURES} signatures are read")
    return tuple(Signature.parse(line) for line in split)


def read_cosignatures(
    note: Note, lines: bytes | str, keys: Iterable[VerifierKey]
) -> tuple[Verified, ...]:
    """Return the cosignatures of a checkpoint in a witness's answer; strangers' are left out.

    Args:
        note: The checkpoint that was sent.
        lines: The answer: signature lines.
        keys: The witness's keys.

    Raises:
        InvalidNote: The lines are malformed, or one by a known key does not verify or states
            no time, which a witness must.
        UnsignedNote: None is by a known key.
    """
    verified = verify(Note(note.text, parse_lines(lines)), keys)
    for one in verified:
        if not one.time:
            raise InvalidNote(f"the cosignature by {one.key.name} states no time")
    return verified
