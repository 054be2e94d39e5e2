"""`.tlog-proof` files: one form, and no event but the one that was logged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.audit.keys import log_verifier
from regesta.audit.notes import InvalidNote, UnsignedNote
from regesta.audit.proofs import InvalidProofText, TlogProof
from regesta.merkle import InvalidProof, leaf_hash
from tests.support.audit_samples import (
    GOLDEN,
    HASHES,
    INDEX,
    ORIGIN,
    checkpoint,
    ed25519_key,
    proof,
    signed,
)

KEY = log_verifier(ORIGIN, ed25519_key())
hashes = st.binary(min_size=32, max_size=32)


@given(
    index=st.integers(0, 2**63 - 1),
    path=st.lists(hashes, max_size=63).map(tuple),
    extra=st.binary(max_size=50),
)
def test_a_proof_is_read_as_it_was_written(index, path, extra):
    written = TlogProof(index, path, signed(), extra)

    assert written == TlogProof.parse(written.encode())
    assert written == TlogProof.parse(written.encode().decode())


@pytest.mark.parametrize("index", [0, 1, 255, 256, 287, 299])
def test_a_proof_leads_from_the_event_to_the_logs_checkpoint(index):
    assert checkpoint() == proof(index).open(HASHES[index], [KEY])


def test_a_proof_of_old_is_read_for_ever():
    stored = (GOLDEN / "event-288.tlog-proof").read_bytes()
    record = (GOLDEN / "event-288.json").read_bytes()

    assert proof().encode() == stored
    assert checkpoint() == TlogProof.parse(stored).open(leaf_hash(record), [KEY])


def test_another_event_or_another_place_is_not_proved():
    with pytest.raises(InvalidProof):
        proof().open(HASHES[INDEX + 1], [KEY])
    with pytest.raises(InvalidProof):
        TlogProof(INDEX - 1, proof().path, signed()).open(HASHES[INDEX], [KEY])
    with pytest.raises(InvalidProof):
        TlogProof(INDEX, proof().path, signed(299)).open(HASHES[INDEX], [KEY])


def test_an_unsigned_root_proves_nothing():
    with pytest.raises(UnsignedNote):
        proof().open(HASHES[INDEX], [log_verifier(ORIGIN, ed25519_key("stranger"))])


@given(at=st.integers(0, len(proof().encode()) - 1), bit=st.integers(0, 7))
def test_no_bit_of_a_proof_can_be_turned(at, bit):
    edited = bytearray(proof().encode())
    edited[at] ^= 1 << bit

    with pytest.raises((InvalidProof, InvalidNote, UnsignedNote)):
        TlogProof.parse(bytes(edited)).open(HASHES[INDEX], [KEY])


TEXT = proof().encode().decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("index 287", "index 0287"),
        TEXT.replace("index 287\n", ""),
        TEXT.replace("index 287", "index  287"),
        TEXT.replace("index 287", "extra A\nindex 287"),
        TEXT.replace("index 287", "index 287\nextra QQ=="),
        TEXT.replace("index 287", "index 287\nQUJD"),
        TEXT.replace("\n", "\r\n"),
        TEXT.partition("\n\n")[0] + "\n",
    ],
)
def test_a_malformed_proof_is_refused(text):
    with pytest.raises(InvalidProofText):
        TlogProof.parse(text)


def test_too_much_is_refused_unread():
    with pytest.raises(InvalidProofText, match="at most"):
        TlogProof.parse(b"x" * 2_000_001)
    with pytest.raises(InvalidProofText, match="path"):
        TlogProof(0, (bytes(32),) * 64, signed())
