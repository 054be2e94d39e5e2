"""Checkpoints: written in one form, and only the log itself can sign one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.audit.checkpoints import (
    Checkpoint,
    InvalidCheckpoint,
    InvalidOrigin,
    log_origin,
    open_checkpoint,
    sign_checkpoint,
)
from regesta.audit.keys import KeySigner, log_signer, log_verifier
from regesta.audit.messages import SignatureType
from regesta.audit.notes import InvalidNote, Note, Signature, UnsignedNote, VerifierKey, verify
from regesta.merkle import EMPTY_ROOT
from tests.support.audit_samples import (
    GOLDEN,
    ORIGIN,
    SIZE,
    TIME,
    checkpoint,
    clock,
    ed25519_key,
    ml_dsa_key,
    signed,
)

lines = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(0x20)))),
    min_size=1,
)
KEY = log_verifier(ORIGIN, ed25519_key())
ML_DSA_KEY = log_verifier(ORIGIN, ml_dsa_key())
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


@given(
    st.builds(
        Checkpoint,
        lines,
        st.integers(0, 2**63 - 1),
        st.binary(min_size=32, max_size=32),
        st.lists(lines, max_size=3).map(tuple),
    )
)
def test_a_checkpoint_is_read_as_it_was_written(checkpoint):
    assert checkpoint == Checkpoint.parse(checkpoint.encode())


def test_a_checkpoint_is_three_lines():
    assert f"{ORIGIN}\n{SIZE}\n" == checkpoint().encode()[: len(ORIGIN) + 5]
    assert 3 == checkpoint().encode().count("\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"log\n1\n{ROOT}",
        f"log\n\n{ROOT}\n",
        f"log\n1\n{ROOT}\n\n",
        f"\n1\n{ROOT}\n",
        f"log\n01\n{ROOT}\n",
        f"log\n+1\n{ROOT}\n",
        f"log\n-1\n{ROOT}\n",
        f"log\n1 \n{ROOT}\n",
        f"log\n1_0\n{ROOT}\n",
        f"log\n\u0661\n{ROOT}\n",
        f"log\n9223372036854775808\n{ROOT}\n",
        f"log\n99999999999999999999\n{ROOT}\n",
        "log\n1\nAAAA\n",
        f"log\n1\n{ROOT[:-1]}\n",
        f"log\n1\n{ROOT.replace('xq2I=', 'xq2J=')}\n",
        f"log\r\n1\r\n{ROOT}\r\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text):
    with pytest.raises(InvalidCheckpoint):
        Checkpoint.parse(text)


def test_an_empty_log_has_one_root():
    assert Checkpoint("log", 0, EMPTY_ROOT).is_possible
    assert not Checkpoint("log", 0, bytes(32)).is_possible


def test_the_notes_of_old_are_read_for_ever():
    for name in ("checkpoint", "checkpoint.ml-dsa-44"):
        assert checkpoint() == open_checkpoint((GOLDEN / name).read_bytes(), [KEY])
    assert signed().encode() == (GOLDEN / "checkpoint").read_bytes()
    both = Note.parse((GOLDEN / "checkpoint.ml-dsa-44").read_bytes())
    first, second = verify(both, [KEY, ML_DSA_KEY])
    assert (SignatureType.ED25519, None) == (first.key.kind, first.time)
    assert (SignatureType.ML_DSA_44, TIME) == (second.key.kind, second.time)
    assert checkpoint() == open_checkpoint(both, [ML_DSA_KEY])


def test_the_keys_of_old_are_the_same():
    assert KEY == VerifierKey.parse((GOLDEN / "vkey").read_text().strip())
    assert ML_DSA_KEY == VerifierKey.parse((GOLDEN / "ml-dsa-44.vkey").read_text().strip())


def test_another_key_or_another_name_is_not_the_log():
    stranger = log_verifier(ORIGIN, ed25519_key("stranger"))
    witness = log_verifier("witness.example.com", ed25519_key())
    for keys in ([], [stranger], [witness]):
        with pytest.raises(UnsignedNote):
            open_checkpoint(signed(), keys)


def test_a_cosignature_does_not_make_a_checkpoint_the_logs():
    key = VerifierKey(ORIGIN, SignatureType.COSIGNATURE, ed25519_key().public)
    cosigned = sign_checkpoint(checkpoint(), KeySigner(ed25519_key(), key, clock))

    assert TIME == verify(cosigned, [key])[0].time
    with pytest.raises(UnsignedNote):
        open_checkpoint(cosigned, [key])


def test_the_time_of_an_ml_dsa_signature_is_signed_too():
    note = sign_checkpoint(checkpoint(), log_signer(ORIGIN, ml_dsa_key(), clock))
    (signature,) = note.signatures
    later = (TIME + 1).to_bytes(8, "big") + signature.signature[8:]
    forged = Note(note.text, (Signature(ORIGIN, signature.key_id, later),))
    with pytest.raises(InvalidNote):
        open_checkpoint(forged, [ML_DSA_KEY])
    beyond = Note(note.text, (Signature(ORIGIN, signature.key_id, b"\xff" * 2428),))
    with pytest.raises(InvalidNote, match="out of range"):
        open_checkpoint(beyond, [ML_DSA_KEY])


def test_the_origin_of_a_log_names_the_deployment_and_the_namespace():
    assert ORIGIN == log_origin("registry.example.com", "acme")
    long = "x" * 250
    for origin in ("", "https://a", "a b", "a+b", "a/", "/a", "a\n", long, "a\ud800"):
        with pytest.raises(InvalidOrigin):
            log_origin(origin, "default")
