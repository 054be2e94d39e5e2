"""Signed notes: one form only, and no signature that was not made."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.audit import cryptographic
from regesta.audit.keys import log_signer
from regesta.audit.messages import SignatureType
from regesta.audit.notes import (
    MAX_SIGNATURES,
    InvalidKey,
    InvalidNote,
    Note,
    Signature,
    Signer,
    UnsignedNote,
    VerifierKey,
    cosign,
    sign,
    verify,
)
from tests.support.audit_samples import ed25519_key, ml_dsa_key

# Source: the example of C2SP signed-note v1.0.0.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6"
    "TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# Source: the checkpoint of size 35225469 that Go's checksum database published.
GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_NOTE = (
    "go.sum database tree\n35225469\nvt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=\n\n"
    "— sum.golang.org Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2HgXpD+gu9HHONebHLAyaKbbTM75"
    "QTtPydhKCExixSfwQ=\n"
)

SIGNER = log_signer("one", ed25519_key("one"))
OTHER = log_signer("other", ed25519_key("other"))

names = st.text(min_size=1).filter(
    lambda text: (
        "+" not in text
        and not any(one.isspace() or ord(one) < 0x20 or 0xD800 <= ord(one) < 0xE000 for one in text)
    )
)
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(0x20))))
    | st.just("\n")
).map(lambda text: text + "\n")
signatures = st.builds(
    Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)
)


def key_of(signer: Signer) -> VerifierKey:
    return VerifierKey.parse(signer.vkey)


def test_the_example_of_the_specification_verifies():
    key = VerifierKey.parse(EXAMPLE_KEY)
    (verified,) = verify(Note.parse(EXAMPLE), [key])

    assert (key, None) == (verified.key, verified.time)
    assert EXAMPLE_KEY == key.vkey
    assert EXAMPLE == str(Note.parse(EXAMPLE))


def test_a_note_from_the_wild_verifies():
    (verified,) = verify(Note.parse(GO_NOTE), [VerifierKey.parse(GO_KEY)])
    assert "sum.golang.org" == verified.key.name


@given(text=texts, lines=st.lists(signatures, min_size=1, max_size=4))
def test_a_note_is_read_as_it_was_written(text, lines):
    note = Note(text, tuple(lines))

    assert note == Note.parse(note.encode())
    assert note == Note.parse(str(note))


@given(name=names, kind=st.sampled_from(SignatureType), data=st.data())
def test_a_verifier_key_is_read_as_it_was_written(name, kind, data):
    public = data.draw(st.binary(min_size=kind.public_key_bytes, max_size=kind.public_key_bytes))
    key = VerifierKey(name, kind, public)

    assert key == VerifierKey.parse(key.vkey)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_anything_else_is_refused_and_nothing_fails_otherwise(data):
    with pytest.raises(InvalidNote):
        Note.parse(data)


@given(at=st.integers(0, len(EXAMPLE.encode()) - 1), bit=st.integers(0, 7))
def test_no_bit_of_a_note_can_be_turned(at, bit):
    edited = bytearray(EXAMPLE.encode())
    edited[at] ^= 1 << bit

    with pytest.raises((InvalidNote, UnsignedNote)):
        verify(Note.parse(bytes(edited)), [VerifierKey.parse(EXAMPLE_KEY)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\n— one c2lnbmVk",
        "text\n\n— one c2lnbmVk\n\n",
        "text\n\n- one c2lnbmVk\n",
        "text\n\n— one two c2lnbmVk\n",
        "text\n\n— one  c2lnbmVk\n",
        "text\n\n— o+e c2lnbmVk\n",
        "text\n\n— c2lnbmVk\n",
        "text\n\n— one c2lnbmVk\r\n",
        "text\n\n— one c2lnbmV=\n",
        "text\n\n— one c2ln\n",
        "text\n\n— one AAAAAA==\n",
        "bo\tdy\n\n— one c2lnbmVk\n",
        "bo\0dy\n\n— one c2lnbmVk\n",
        "text\r\n\r\n— one c2lnbmVk\r\n",
        "text\n\n— one\u00a0x c2lnbmVk\n",
        "text\n\n— one c2lnb-Vk\n",
        # The bits beyond the last byte are not zero, so it is another text of the same bytes.
        "text\n\n— one c2lnbmVkZR==\n",
    ],
)
def test_a_malformed_note_is_refused(text):
    with pytest.raises(InvalidNote):
        Note.parse(text)


def test_bytes_that_are_no_utf_8_are_refused():
    with pytest.raises(InvalidNote, match="UTF-8"):
        Note.parse(b"bo\xffdy\n\n\xe2\x80\x94 one c2lnbmVk\n")


def test_a_text_that_would_not_be_read_back_is_not_signed():
    for text in ("", "text", "bo\rdy\n", "\ud800\n"):
        with pytest.raises(InvalidNote):
            sign(text, SIGNER)


def test_the_last_empty_line_separates_text_and_signatures():
    note = sign("first\n\n— one c2lnbmVk\n\nlast\n", SIGNER)

    assert note == Note.parse(note.encode())
    assert verify(note, [key_of(SIGNER)])


def test_sixteen_signatures_are_read_and_too_many_are_not():
    note = cosign(
        sign("text\n", SIGNER),
        *(log_signer(f"w{at}", ed25519_key()) for at in range(MAX_SIGNATURES - 1)),
    )
    assert MAX_SIGNATURES == len(Note.parse(note.encode()).signatures)
    with pytest.raises(InvalidNote, match="at most"):
        Note.parse(cosign(note, OTHER).encode())
    with pytest.raises(InvalidNote, match="at most"):
        Note.parse(b"x" * 1_000_001)


def test_a_signature_by_a_stranger_is_passed_over():
    note = sign("text\n", OTHER, SIGNER)

    assert ["one"] == [found.key.name for found in verify(note, [key_of(SIGNER)])]
    assert ["other", "one"] == [
        found.key.name for found in verify(note, [key_of(SIGNER), key_of(OTHER)])
    ]


def test_a_note_that_only_strangers_signed_is_not_believed():
    with pytest.raises(UnsignedNote, match="signed by other"):
        verify(sign("text\n", OTHER), [key_of(SIGNER)])
    with pytest.raises(UnsignedNote):
        verify(sign("text\n", SIGNER), [])


def test_one_wrong_signature_by_a_known_key_spoils_the_note():
    note = sign("text\n", SIGNER, OTHER)
    theirs = sign("other text\n", OTHER).signatures
    spoilt = Note("text\n", (note.signatures[0], *theirs))

    with pytest.raises(InvalidNote, match="other is not of this text"):
        verify(spoilt, [key_of(SIGNER), key_of(OTHER)])


def test_the_name_is_part_of_the_key():
    assert key_of(SIGNER).key_id != key_of(log_signer("two", ed25519_key("one"))).key_id
    signature = sign("text\n", SIGNER).signatures[0]
    renamed = Note("text\n", (Signature("two", signature.key_id, signature.signature),))
    with pytest.raises(UnsignedNote):
        verify(renamed, [key_of(SIGNER)])


def test_a_signature_is_added_once():
    note = sign("text\n", SIGNER)

    assert note == note.with_signatures(note.signatures)
    assert note == cosign(note, SIGNER)


@pytest.mark.parametrize(
    ("vkey", "words"),
    [
        ("", "three parts"),
        ("example.com/foo+530d903a", "three parts"),
        (EXAMPLE_KEY.replace("530d903a", "530D903A"), "ID"),
        (EXAMPLE_KEY.replace("530d903a", "530d903b"), "ID"),
        (EXAMPLE_KEY.replace("foo", "f oo"), "spaces"),
        (EXAMPLE_KEY + "=", "base64"),
        (EXAMPLE_KEY.replace("+AekyeR", "+AekyeRAAAA"), "32 bytes"),
        ("name+00000000+", "base64"),
        ("name+00000000+AAAA", "0x00"),
        ("+00000000+" + EXAMPLE_KEY.rpartition("+")[2], "name"),
    ],
)
def test_a_malformed_verifier_key_is_refused(vkey, words):
    with pytest.raises(InvalidKey, match=words):
        VerifierKey.parse(vkey)


def test_two_keys_that_cannot_be_told_apart_are_refused(monkeypatch):
    twin = VerifierKey("one", SignatureType.ED25519, bytes(32))
    monkeypatch.setattr(VerifierKey, "key_id", property(lambda _: b"same"))
    with pytest.raises(InvalidKey, match="same ID"):
        verify(sign("text\n", SIGNER), [SIGNER.verifier, twin])


def test_a_public_key_that_is_no_point_verifies_nothing():
    key = VerifierKey("one", SignatureType.ED25519, b"\xff" * 32)
    note = Note("text\n", (Signature("one", key.key_id, bytes(64)),))
    with pytest.raises(InvalidNote):
        verify(note, [key])


def test_without_cryptography_the_error_names_the_extra(monkeypatch):
    note = sign("text\n", SIGNER)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)

    assert note == Note.parse(note.encode())
    with pytest.raises(cryptographic.MissingExtra, match=r"regesta\[audit\]"):
        verify(note, [key_of(SIGNER)])


def test_with_an_old_cryptography_the_error_names_the_version(monkeypatch):
    from cryptography.hazmat.primitives import asymmetric  # noqa: PLC0415 - to be patched

    monkeypatch.delattr(asymmetric, "mldsa")
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    with pytest.raises(cryptographic.MissingExtra, match="cryptography 50"):
        cryptographic.ml_dsa()


def test_only_a_checkpoint_can_be_signed_with_ml_dsa():
    signer = log_signer("one", ml_dsa_key())
    with pytest.raises(ValueError, match="checkpoint"):
        sign("text\n", signer)
