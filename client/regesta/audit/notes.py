r"""Signed notes: a text, and who signed it.

    example.com/log
    42
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/log Az3grlgtzPICa5OS8npVmf1Myq/5IZni...

In use::

    key = VerifierKey.parse("example.com/log+0373e0ae+AZ...")
    note = Note.parse(Path("checkpoint").read_bytes())
    for one in verify(note, [key]):  # raises InvalidNote or UnsignedNote
        one.key.name, one.time
    signed = sign("text\n", signer)  # any Signer: keys.log_signer, cosignatures.cosigner, a KMS
    signed.encode()

Verifying needs the extra `regesta[audit]`; reading and writing does not.

Source: C2SP signed-note v1.0.0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Protocol

from regesta.audit import cryptographic
from regesta.audit.encoding import InvalidText, from_base64, is_key_name, is_text, to_base64
from regesta.audit.messages import SignatureType, signed_message, split_time

#: More is refused unread, as a note is often a stranger's. C2SP asks for at least 16.
MAX_SIGNATURES: Final = 64
MAX_NOTE_BYTES: Final = 1_000_000

KEY_ID_BYTES: Final = 4

_DASH = "— "
_PARTS = 3


class InvalidNote(ValueError):
    """A note is malformed, or a signature by a key that is known does not verify."""


class UnsignedNote(ValueError):
    """No key that is known signed the note."""


class InvalidKey(ValueError):
    """A verifier key is malformed, or of a kind that is not known here."""


class Signer(Protocol):
    """Signs notes under a name: a key in a file, or one that never leaves its hardware.

    `keys.log_signer` and `cosignatures.cosigner` make one of any `keys.PrivateKey`, which is
    the smaller protocol to write for a key management service.
    """

    @property
    def name(self) -> str:
        """Name of the key; a log's is its origin."""

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that stand before the signature."""

    @property
    def vkey(self) -> str:
        """The verifier key, for those who are to trust it."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature, without the key ID, of a note's text in UTF-8."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Somebody's public key, under a name.

    Attributes:
        name: Name of the key.
        kind: Kind of the signatures that it verifies.
        public: The public key: 32 bytes for Ed25519, 1,312 for ML-DSA-44.
    """

    name: str
    kind: SignatureType
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise InvalidKey("a key's name is not empty and has neither spaces nor plus signs")
        if len(self.public) != self.kind.public_key_bytes:
            raise InvalidKey(
                f"a public key of type {self.kind:#04x} has {self.kind.public_key_bytes} bytes,"
                f" not {len(self.public)}"
            )

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """Return the key in ``name+id+base64``.

        Raises:
            InvalidKey: The text is malformed, its ID is not that of its key, or its type is
                not known here.
        """
        parts = vkey.split("+", 2)
        if len(parts) != _PARTS:
            raise InvalidKey("a verifier key has three parts: name+id+base64")
        name, key_id, encoded = parts
        try:
            data = from_base64(encoded)
            kind = SignatureType(data[0])
        except (InvalidText, IndexError) as error:
            raise InvalidKey("the last part of a verifier key is base64") from error
        except ValueError as error:
            raise InvalidKey(f"keys of type {data[0]:#04x} are not known here") from error
        key = cls(name, kind, data[1:])
        if key.key_id.hex() != key_id:
            raise InvalidKey(f"the ID of {name}'s key is {key.key_id.hex()}, not {key_id}")
        return key

    @property
    def vkey(self) -> str:
        """The key as text: ``name+id+base64``."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.kind]) + self.public)}"

    @property
    def key_id(self) -> bytes:
        """The 4 bytes by which a signature names this key."""
        named = b"\n".join((self.name.encode(), bytes([self.kind]) + self.public))
        return sha256(named).digest()[:KEY_ID_BYTES]

    def check(self, text: str, signature: bytes) -> int | None:
        """Check a signature of a note's text.

        Args:
            text: The note's text, its last newline included.
            signature: What stands behind the key ID.

        Returns:
            The time that a cosignature states, in seconds since the epoch; None for a
            signature that states none.

        Raises:
            InvalidNote: The signature is not this key's, or not of this text.
            MissingExtra: `cryptography` is not installed, or too old for this kind of key.
        """
        if len(signature) != self.kind.signature_bytes:
            raise InvalidNote(f"the signature by {self.name} has another length than it should")
        try:
            time, raw = split_time(signature) if self.kind.is_timed else (None, signature)
            signed = signed_message(self.kind, self.name, text, time or 0)
        except InvalidText as error:
            raise InvalidNote(f"{self.name} cannot have signed this: {error}") from error
        if not cryptographic.verifies(self.kind, self.public, signed, raw):
            raise InvalidNote(f"the signature by {self.name} is not of this text")
        return time


@dataclass(frozen=True, slots=True)
class Signature:
    """A line below a note: who says to have signed it, and the signature."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line, its newline included."""
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Return the signature in a line; a newline at its end may be missing.

        Raises:
            InvalidNote: It is no signature line.
        """
        name, space, encoded = line.removesuffix("\n").removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space or not is_key_name(name):
            raise InvalidNote("a signature is a line of dash, name and base64")
        try:
            data = from_base64(encoded)
        except InvalidText as error:
            raise InvalidNote(f"the signature by {name} is not base64") from error
        if len(data) <= KEY_ID_BYTES:
            raise InvalidNote(f"the signature by {name} is too short")
        return cls(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures below it; nothing of it is verified yet.

    Attributes:
        text: Ends in a newline; may hold empty lines.
        signatures: One or more once it is signed.
    """

    text: str
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def parse(cls, data: bytes | str) -> Note:
        """Return the note that `encode` wrote.

        Raises:
            InvalidNote: It is no signed note, or one above the limits: 1 MB, 64 signatures.
        """
        text = _decoded(data)
        body, gap, below = text.rpartition("\n\n")
        if not gap or not text.endswith("\n") or not below:
            raise InvalidNote("a note is a text, an empty line and signature lines")
        lines = below[:-1].split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise InvalidNote(f"a note has at most {MAX_SIGNATURES} signatures")
        return cls(body + "\n", tuple(Signature.parse(line) for line in lines))

    def encode(self) -> bytes:
        """Return the note as it is stored and sent."""
        return str(self).encode()

    def with_signatures(self, signatures: Iterable[Signature]) -> Note:
        """Return the note with more signatures; those it has already are not repeated."""
        kept = dict.fromkeys((*self.signatures, *signatures))
        return replace(self, signatures=tuple(kept))

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(one.line for one in self.signatures)}"


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that was verified.

    Attributes:
        key: Whose it is.
        time: When it was made, in seconds since the epoch, as a cosignature states it; None
            for others.
        signature: Its line.
    """

    key: VerifierKey
    time: int | None
    signature: Signature


def sign(text: str, *signers: Signer) -> Note:
    """Return a text, signed.

    Raises:
        InvalidNote: The text does not end in a newline, or holds control characters.
    """
    if not text.endswith("\n") or not is_text(text):
        raise InvalidNote("a note's text ends in a newline and holds no control characters")
    return cosign(Note(text), *signers)


def cosign(note: Note, *signers: Signer) -> Note:
    """Return a note with more signatures of its text."""
    message = note.text.encode()
    return note.with_signatures(
        Signature(signer.name, signer.key_id, signer.sign(message)) for signer in signers
    )


def verify(note: Note, keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
    """Return the signatures by keys that are known, in the order of the note.

    Signatures by others are passed over: anybody may add one.

    Raises:
        UnsignedNote: There is none.
        InvalidNote: One of them does not verify; then nothing else in the note counts.
        InvalidKey: Two different keys have the same name and ID.
        MissingExtra: `cryptography` is not installed, or too old for a key.
    """
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            raise InvalidKey(f"two keys named {key.name} have the same ID")
    verified: list[Verified] = []
    for one in note.signatures:
        signer = known.get((one.name, one.key_id))
        if signer:
            verified.append(Verified(signer, signer.check(note.text, one.signature), one))
    if not verified:
        signed_by = ", ".join(dict.fromkeys(one.name for one in note.signatures))
        raise UnsignedNote(f"no known key signed this note; it is signed by {signed_by or 'none'}")
    return tuple(verified)


def _decoded(data: bytes | str) -> str:
    if len(data) > MAX_NOTE_BYTES:
        raise InvalidNote(f"a note has at most {MAX_NOTE_BYTES} bytes")
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        raise InvalidNote("a note is UTF-8") from error
    if not is_text(text):
        raise InvalidNote("a note is UTF-8 without control characters")
    return text
