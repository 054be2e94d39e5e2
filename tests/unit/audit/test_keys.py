"""Private keys in files: for their owner's eyes, and never overwritten."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from regesta.audit.keys import (
    ALGORITHMS,
    Algorithm,
    ExposedKeyFile,
    InvalidKeyFile,
    KeyFileExists,
    from_pem,
    generate,
    log_signer,
    read_key,
    write_key,
)
from regesta.audit.notes import InvalidKey, VerifierKey, sign, verify
from tests.support.audit_samples import ORIGIN, checkpoint


@pytest.mark.parametrize("password", [None, b"correct horse"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_signs_as_before_once_it_was_in_a_file(tmp_path, algorithm, password):
    file = tmp_path / "log.pem"
    key = generate(algorithm)
    write_key(file, key, password)
    again = read_key(file, password)

    assert 0o600 == file.stat().st_mode & 0o7777
    assert (key.public, algorithm) == (again.public, again.algorithm)
    assert (b"ENCRYPTED" in file.read_bytes()) == (password is not None)
    note = sign(checkpoint().encode(), log_signer(ORIGIN, again))
    assert verify(note, [VerifierKey.parse(log_signer(ORIGIN, key).vkey)])


def test_a_key_file_is_private_whatever_the_umask(tmp_path):
    file = tmp_path / "log.pem"
    before = os.umask(0)
    try:
        write_key(file, generate())
    finally:
        os.umask(before)
    assert 0o600 == file.stat().st_mode & 0o7777


def test_a_key_is_never_overwritten(tmp_path):
    file = tmp_path / "log.pem"
    write_key(file, generate())
    before = file.read_bytes()

    with pytest.raises(KeyFileExists, match="never overwritten"):
        write_key(file, generate())
    (tmp_path / "link.pem").symlink_to(tmp_path / "nowhere.pem")
    with pytest.raises(KeyFileExists):
        write_key(tmp_path / "link.pem", generate())
    assert before == file.read_bytes()
    assert not (tmp_path / "nowhere.pem").exists()


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o640])
def test_a_key_that_only_owner_and_group_read_is_read(tmp_path, mode):
    file = tmp_path / "log.pem"
    key = generate()
    write_key(file, key)
    file.chmod(mode)
    assert key.public == read_key(file).public


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o606, 0o601])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode):
    file = tmp_path / "log.pem"
    write_key(file, generate())
    file.chmod(mode)
    with pytest.raises(ExposedKeyFile, match="chmod 600"):
        read_key(file)


def test_a_password_that_is_missing_wrong_or_superfluous_is_named():
    pem = generate().to_pem(b"right")
    with pytest.raises(InvalidKeyFile, match="has a password"):
        from_pem(pem)
    with pytest.raises(InvalidKeyFile, match="another password"):
        from_pem(pem, b"wrong")
    with pytest.raises(InvalidKeyFile, match="that has none"):
        from_pem(generate().to_pem(), b"password")


def test_other_keys_and_other_files_are_refused(tmp_path):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(InvalidKeyFile, match="Ed25519 or ML-DSA-44"):
        from_pem(other)
    file = tmp_path / "log.pem"
    file.write_text("no key")
    file.chmod(0o600)
    with pytest.raises(InvalidKeyFile, match=r"log\.pem"):
        read_key(file)


def test_a_key_does_not_show_itself():
    key = generate()
    assert key.public.hex() in repr(key)
    assert "private" not in repr(key).lower()


def test_a_name_with_a_space_is_no_name():
    with pytest.raises(InvalidKey):
        log_signer("a b", generate())


class Hardware:
    """A key management service: it has the public key, and signs."""

    algorithm: Algorithm = "ed25519"

    def __init__(self) -> None:
        self._key = generate()
        self.public = self._key.public
        self.signed: list[bytes] = []

    def sign(self, message: bytes) -> bytes:
        self.signed.append(message)
        return self._key.sign(message)


def test_a_key_in_hardware_signs_checkpoints_too():
    hardware = Hardware()
    signer = log_signer(ORIGIN, hardware)
    text = checkpoint().encode()

    assert verify(sign(text, signer), [VerifierKey.parse(signer.vkey)])
    assert [text.encode()] == hardware.signed
