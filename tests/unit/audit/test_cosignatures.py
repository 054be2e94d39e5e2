"""Cosignatures: a witness, a text and a time, none of which can be exchanged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.audit.cosignatures import (
    cosigner,
    cosigner_verifier,
    parse_lines,
    read_cosignatures,
)
from regesta.audit.messages import SignatureType, signed_message, split_time, timed
from regesta.audit.notes import InvalidNote, Note, Signature, UnsignedNote, cosign, sign, verify
from tests.support.audit_samples import (
    GOLDEN,
    ORIGIN,
    SIZE,
    TIME,
    checkpoint,
    clock,
    cosigned,
    ed25519_key,
    ml_dsa_key,
    signed,
    witness,
)

KEYS = [witness("a").verifier, witness("b").verifier]
ML_DSA = cosigner("pq.example.com", ml_dsa_key("pq"), clock)


def lines(note: Note) -> str:
    return "".join(one.line for one in note.signatures)


def test_a_cosignature_of_old_verifies_for_ever():
    note = Note.parse((GOLDEN / "checkpoint.cosigned").read_bytes())

    assert cosigned("a", "b") == note
    assert [("a.example.com", TIME), ("b.example.com", TIME)] == [
        (one.key.name, one.time) for one in verify(note, KEYS)
    ]


def test_the_message_is_that_of_the_specification():
    text = checkpoint().encode()
    assert f"cosignature/v1\ntime {TIME}\n{text}".encode() == signed_message(
        SignatureType.COSIGNATURE, "w", text, TIME
    )
    # Laid out by hand: label, name, time, origin, start, end, root.
    expected = (
        b"subtree/v1\n\0"
        + b"\x01w"
        + TIME.to_bytes(8, "big")
        + bytes([len(ORIGIN)])
        + ORIGIN.encode()
        + bytes(8)
        + SIZE.to_bytes(8, "big")
        + checkpoint().root
    )
    assert expected == signed_message(SignatureType.ML_DSA_44, "w", text, TIME)


@given(st.integers(0, 2**63 - 1), st.binary(min_size=64, max_size=64))
def test_a_time_is_read_as_it_was_written(time, signature):
    assert (time, signature) == split_time(timed(time, signature))


def test_a_witness_of_ml_dsa_cosigns_too():
    note = cosign(signed(), ML_DSA)
    (verified,) = verify(note, [ML_DSA.verifier])
    assert (TIME, SignatureType.ML_DSA_44) == (verified.time, verified.key.kind)


@pytest.mark.parametrize("signer", [witness("a"), ML_DSA], ids=["ed25519", "ml-dsa-44"])
@pytest.mark.parametrize("at", [0, 7, 8, 71])
def test_neither_time_nor_signature_can_be_edited(signer, at):
    (signature,) = cosign(Note(signed().text), signer).signatures
    edited = bytearray(signature.signature)
    edited[at] ^= 1
    forged = Signature(signature.name, signature.key_id, bytes(edited))
    with pytest.raises(InvalidNote):
        verify(Note(signed().text, (forged,)), [signer.verifier])


@pytest.mark.parametrize("signer", [witness("a"), ML_DSA], ids=["ed25519", "ml-dsa-44"])
def test_a_cosignature_is_of_one_checkpoint(signer):
    (signature,) = cosign(Note(signed().text), signer).signatures
    with pytest.raises(InvalidNote):
        verify(Note(signed(299).text, (signature,)), [signer.verifier])


def test_only_a_checkpoint_is_cosigned():
    with pytest.raises(ValueError, match="checkpoint"):
        sign("some text\n", witness("a"))
    (signature,) = cosign(Note(signed().text), witness("a")).signatures
    with pytest.raises(InvalidNote, match="cannot have signed"):
        verify(Note("some text\n", (signature,)), KEYS)


def test_a_key_for_logs_is_not_one_for_witnesses():
    key = ed25519_key("a")
    assert SignatureType.COSIGNATURE is cosigner_verifier("a.example.com", key).kind
    assert SignatureType.ML_DSA_44 is cosigner_verifier("a", ml_dsa_key()).kind
    with pytest.raises(UnsignedNote):
        verify(signed(), [cosigner_verifier(ORIGIN, ed25519_key())])


def test_an_answer_of_a_witness_is_read():
    answer = lines(cosign(Note(signed().text), witness("a"), witness("stranger")))

    (verified,) = read_cosignatures(signed(), answer, KEYS)
    assert ("a.example.com", TIME) == (verified.key.name, verified.time)
    assert 2 == len(parse_lines(answer.encode()))


def test_an_answer_with_a_wrong_signature_or_without_any_is_refused():
    theirs = lines(cosign(Note(signed(299).text), witness("a")))
    with pytest.raises(InvalidNote):
        read_cosignatures(signed(), theirs, KEYS)
    with pytest.raises(UnsignedNote):
        read_cosignatures(signed(), lines(cosign(Note(signed().text), witness("x"))), KEYS)


def test_a_witness_states_a_time():
    timeless = cosigner("pq.example.com", ml_dsa_key("pq"), lambda: 0)
    with pytest.raises(InvalidNote, match="states no time"):
        read_cosignatures(
            signed(), lines(cosign(Note(signed().text), timeless)), [timeless.verifier]
        )


@pytest.mark.parametrize("answer", ["", "\n", "— a AAAA", "x\n", b"\xff\n", "— a AAAAAAAA\t\n"])
def test_an_answer_that_is_no_signature_lines_is_refused(answer):
    with pytest.raises(InvalidNote):
        parse_lines(answer)


def test_more_lines_than_a_note_may_have_are_refused():
    with pytest.raises(InvalidNote, match="at most"):
        parse_lines("— a AAAAAAAA\n" * 65)
    with pytest.raises(InvalidNote, match="at most"):
        parse_lines("x" * 1_000_001)
