"""Private keys in files: PKCS#8 PEM, readable by their owner only.

    key = generate()                                   # Ed25519
    write_key(Path("log.pem"), key)                    # 0600; never over another file
    signer = log_signer("registry.example.com/acme", read_key(Path("log.pem")))
    signer.vkey                                        # what others are to trust

One key serves every log of a deployment: its verifier key differs by the name.
A key in hardware needs no file: `PrivateKey` is all that `log_signer` asks for.

Everything here needs the extra `regesta[audit]`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import time as system_time
from typing import Any, Final, Literal, Protocol

from regesta.audit import cryptographic
from regesta.audit.messages import SignatureType, signed_message, timed
from regesta.audit.notes import VerifierKey
from regesta.disk import sync_directory

Algorithm = Literal["ed25519", "ml-dsa-44"]
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("ed25519", "ml-dsa-44")

#: Seconds since the epoch; tests bring their own.
Clock = Callable[[], float]

_MAX_FILE_BYTES = 100_000


class InvalidKeyFile(ValueError):
    """A file holds no private key that is known here, or its password is another."""


class KeyFileExists(FileExistsError):
    """There is a file already; a key is never overwritten."""


class ExposedKeyFile(PermissionError):
    """Anybody on the machine may read or change the file."""


class PrivateKey(Protocol):
    """A key that signs bytes, wherever it is kept: a file, a KMS, an HSM."""

    @property
    def algorithm(self) -> Algorithm:
        """Which signatures it makes."""

    @property
    def public(self) -> bytes:
        """The raw public key: 32 bytes for Ed25519 (RFC 8032), 1,312 for ML-DSA-44."""

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature: 64 bytes for Ed25519, 2,420 for ML-DSA-44.

        ML-DSA-44 signs with an empty context (FIPS 204).
        """


@dataclass(frozen=True, slots=True, repr=False)
class LocalKey:
    """A private key in this process's memory."""

    algorithm: Algorithm
    _key: Any  # a private key of cryptography's

    @property
    def public(self) -> bytes:
        """The raw public key."""
        raw: bytes = self._key.public_key().public_bytes_raw()
        return raw

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature of a message."""
        signature: bytes = self._key.sign(message)
        return signature

    def to_pem(self, password: bytes | None = None) -> bytes:
        """Return the key in PKCS#8 PEM, encrypted if there is a password."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra

        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password is not None:
            encryption = serialization.BestAvailableEncryption(password)
        pem: bytes = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )
        return pem

    def __repr__(self) -> str:
        return f"LocalKey({self.algorithm}, public={self.public.hex()})"


@dataclass(frozen=True, slots=True)
class KeySigner:
    """Signs notes with a private key, under a name; see `log_signer` and `cosigner`."""

    key: PrivateKey
    verifier: VerifierKey
    clock: Clock

    @property
    def name(self) -> str:
        """Name of the key."""
        return self.verifier.name

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that stand before the signature."""
        return self.verifier.key_id

    @property
    def vkey(self) -> str:
        """The verifier key."""
        return self.verifier.vkey

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a note's text, with the time now if its kind has one.

        Raises:
            InvalidText: The text is no checkpoint's and the kind signs no others.
        """
        kind, text = self.verifier.kind, message.decode()
        if not kind.is_timed:
            return self.key.sign(signed_message(kind, self.name, text))
        now = int(self.clock())
        return timed(now, self.key.sign(signed_message(kind, self.name, text, now)))


def generate(algorithm: Algorithm = "ed25519") -> LocalKey:
    """Return a new private key.

    Raises:
        MissingExtra: `cryptography` is not installed, or too old for ML-DSA-44.
    """
    if algorithm == "ml-dsa-44":
        return LocalKey(algorithm, cryptographic.ml_dsa().MLDSA44PrivateKey.generate())
    return LocalKey(algorithm, cryptographic.ed25519().Ed25519PrivateKey.generate())


def from_pem(pem: bytes, password: bytes | None = None) -> LocalKey:
    """Return the private key in a PKCS#8 PEM.

    Raises:
        InvalidKeyFile: It is not an Ed25519 or ML-DSA-44 key, or the password is missing,
            superfluous or another.
        MissingExtra: `cryptography` is not installed, or too old for ML-DSA-44.
    """
    ed25519 = cryptographic.ed25519()
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - an extra

    try:
        key = serialization.load_pem_private_key(pem, password)
    except TypeError as error:
        known = "a password was given for a key that has none" if password else "it has a password"
        raise InvalidKeyFile(known) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKeyFile("no private key in PEM, or another password") from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return LocalKey("ed25519", key)
    try:
        if isinstance(key, cryptographic.ml_dsa().MLDSA44PrivateKey):
            return LocalKey("ml-dsa-44", key)
    except cryptographic.MissingExtra:
        pass  # a version that does not know ML-DSA has refused such a key above
    raise InvalidKeyFile("keys are of Ed25519 or ML-DSA-44")


def write_key(path: Path, key: LocalKey, password: bytes | None = None) -> None:
    """Write a private key into a new file that only its owner can read, and sync it.

    Raises:
        KeyFileExists: There is a file already; it is as before.
        OSError: The file cannot be written.
    """
    pem = key.to_pem(password)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise KeyFileExists(f"{path} exists; a key is never overwritten") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)


def read_key(path: Path, password: bytes | None = None) -> LocalKey:
    """Return the private key in a file.

    Raises:
        ExposedKeyFile: Everybody may read or write it. A group may read it, which is how
            Kubernetes mounts secrets.
        InvalidKeyFile: As for `from_pem`.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & (stat.S_IRWXO | stat.S_IWGRP):
            raise ExposedKeyFile(
                f"{path} is open to others (mode {stat.S_IMODE(mode):04o}): chmod 600 {path}"
            )
        pem = file.read(_MAX_FILE_BYTES)
    try:
        return from_pem(pem, password)
    except InvalidKeyFile as error:
        raise InvalidKeyFile(f"{path}: {error}") from error


def log_verifier(name: str, key: PrivateKey) -> VerifierKey:
    """Return what verifies a log's signatures by a key, under the name of the log's origin."""
    kind = SignatureType.ED25519 if key.algorithm == "ed25519" else SignatureType.ML_DSA_44
    return VerifierKey(name, kind, key.public)


def log_signer(name: str, key: PrivateKey, clock: Clock = system_time) -> KeySigner:
    """Return a log's signer: Ed25519 of type 0x01, or ML-DSA-44 of type 0x06.

    Args:
        name: The log's origin.
        key: Where the private key is.
        clock: The time that goes into an ML-DSA-44 signature.

    Raises:
        InvalidKey: The name has spaces or a plus sign.
    """
    return KeySigner(key, log_verifier(name, key), clock)
