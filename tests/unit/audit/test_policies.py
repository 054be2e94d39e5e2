"""Trust policies: who must have signed, and what is said when they have not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.audit.checkpoints import Checkpoint, sign_checkpoint
from regesta.audit.keys import log_signer, log_verifier
from regesta.audit.notes import InvalidNote, Note, Signature, VerifierKey, cosign
from regesta.audit.policies import Group, InvalidPolicy, Log, NotTrusted, Policy, Witness
from regesta.merkle import InvalidProof
from tests.support.audit_samples import (
    GOLDEN,
    HASHES,
    INDEX,
    ORIGIN,
    TIME,
    checkpoint,
    cosigned,
    ed25519_key,
    ml_dsa_key,
    policy,
    proof,
    signed,
    witness,
)

LOG = log_verifier(ORIGIN, ed25519_key()).vkey
A, B, C, D = (witness(name).vkey for name in "abcd")


def test_a_policy_of_old_is_read_for_ever():
    stored = (GOLDEN / "policy.txt").read_bytes()

    assert policy() == Policy.parse(stored)
    assert stored == policy().encode().encode()
    assert policy().judge((GOLDEN / "checkpoint.cosigned").read_bytes(), ORIGIN).accepted


def test_comments_blanks_tabs_and_order_do_not_matter():
    text = (
        f"# who we trust\n\n \t\nwitness\ta \t {A}  https://w.example.com/a \n"
        f"  group  g any a\n\t# more\nquorum g\nlog {LOG} https://log.example.com"
    )
    read = Policy.parse(text)

    assert ("https://w.example.com/a", "https://log.example.com") == (
        read.witnesses["a"].url,
        read.logs[0].url,
    )
    assert (Group("g", 1, ("a",)), "g") == (read.groups["g"], read.quorum)
    assert read == Policy.parse(read.encode())


names = st.text("abcdefgh-é", min_size=1, max_size=6).filter(lambda name: name != "none")


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    found = draw(st.lists(names, min_size=1, max_size=8, unique=True))
    count = draw(st.integers(1, len(found)))
    witnesses = {name: Witness(name, witness(name).verifier) for name in found[:count]}
    free, groups = list(witnesses), {}
    for name in found[count:]:
        if not free:
            break
        members = draw(st.lists(st.sampled_from(free), min_size=1, unique=True))
        free = [one for one in free if one not in members]
        groups[name] = Group(name, draw(st.integers(1, len(members))), tuple(members))
        free.append(name)
    quorum = draw(st.sampled_from(["none", *witnesses, *groups]))
    return Policy(policy().logs, witnesses, groups, quorum)


@given(policies())
def test_a_policy_is_read_as_it_was_written(written):
    assert written == Policy.parse(written.encode())


@given(policies(), st.data())
def test_one_more_cosignature_never_makes_it_worse(written, data):
    some = data.draw(st.sets(st.sampled_from(list(written.witnesses))))

    assert written.is_quorum(written.witnesses)
    if written.is_quorum(some):
        assert all(written.is_quorum(some | {name}) for name in written.witnesses)
    assert written.is_quorum(()) == (written.quorum == "none")


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data):
    try:
        read = Policy.parse(data)
    except InvalidPolicy:
        return
    assert read == Policy.parse(read.encode())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no quorum"),
        ("quorum none\nquorum none\n", "line 2: there is a quorum line"),
        ("quorum a\n", "named a"),
        (f"witness a {A}\nquorum A\n", "named A"),
        (f"quorum a\nwitness a {A}\n", "line 1: no witness"),
        (f"witness none {A}\nquorum none\n", "none is taken"),
        (f"witness a {A}\nwitness a {B}\nquorum none\n", "a is taken"),
        (f"witness a {A}\nwitness b {A}\nquorum none\n", "same public key"),
        (f"witness a {A}\ngroup a any a\nquorum a\n", "a is taken"),
        (f"witness a {A}\ngroup g any none\nquorum g\n", "named none"),
        (f"witness a {A}\ngroup g any g\nquorum g\n", "named g"),
        (f"witness a {A}\ngroup g any\nquorum g\n", "other arguments"),
        (f"witness a {A}\ngroup g 0 a\nquorum g\n", "1 to 1"),
        (f"witness a {A}\ngroup g 2 a\nquorum g\n", "1 to 1"),
        (f"witness a {A}\ngroup g some a\nquorum g\n", "1 to 1"),
        (f"witness a {A}\ngroup g 01 a\nquorum g\n", "1 to 1"),
        (f"witness a {A}\ngroup g {'9' * 5000} a\nquorum g\n", "1 to 1"),
        (f"witness a {A}\ngroup g 1 a a\nquorum g\n", "already"),
        (f"witness a {A}\ngroup g 1 a\ngroup h 1 a\nquorum g\n", "already"),
        (f"log {A}\nquorum none\n", "not a log's"),
        (f"witness a {LOG}\nquorum none\n", "not a witness's"),
        (f"log {LOG}\nlog {LOG}\nquorum none\n", "same public key"),
        (f"log {LOG} a b\nquorum none\n", "other arguments"),
        ("log\nquorum none\n", "other arguments"),
        ("log x\nquorum none\n", "three parts"),
        ("believe all\nquorum none\n", "no statement"),
        ("quorum none\r\n", "control"),
        ("quorum\x0bnone\n", "control"),
        ("quorum none # no witness yet\n", "other arguments"),
        ("quorum none\x7f\n", "control"),
    ],
)
def test_a_policy_that_breaks_a_rule_is_refused(text, words):
    with pytest.raises(InvalidPolicy, match=words):
        Policy.parse(text)


def test_names_are_bytes():
    kelvin = "\u212a"
    read = Policy.parse(f"witness K {A}\nwitness {kelvin} {B}\nquorum {kelvin}\n")
    assert [kelvin] == [name for name in read.witnesses if read.is_quorum([name])]
    latin = f"witness \xe9t\xe9 {A}\nquorum \xe9t\xe9\n".encode("latin-1")
    assert Policy.parse(latin) == Policy.parse(Policy.parse(latin).encode())
    verdict = replace(Policy.parse(latin), logs=policy().logs).judge(signed())
    assert ("the witness \\xe9t\\xe9 did not cosign it",) == verdict.problems


def test_a_policy_may_be_as_large_as_the_specification_asks():
    logs = [log_verifier(f"log{at}", ed25519_key(f"l{at}")).vkey for at in range(32)]
    text = "".join(f"log {vkey}\n" for vkey in logs)
    text += "".join(f"witness w{at} {witness(f'w{at}').vkey}\n" for at in range(32))
    text += "group g0 any w0\n"
    text += "".join(f"group g{at} 2 g{at - 1} w{at}\n" for at in range(1, 32))
    read = Policy.parse(text + "quorum g31\n")
    assert read.is_quorum(read.witnesses)
    assert not read.is_quorum(list(read.witnesses)[:-1])
    with pytest.raises(InvalidPolicy, match="at most"):
        Policy.parse(b"#" * 1_000_001)


def test_a_verdict_names_who_signed_and_who_is_missing():
    verdict = policy().judge(cosigned("a", "c"), ORIGIN)

    assert verdict.accepted
    assert checkpoint() == verdict.require()
    assert [ORIGIN] == [one.key.name for one in verdict.signed_by]
    assert {"a": TIME, "c": TIME} == {name: one.time for name, one in verdict.cosigned_by.items()}
    assert ("b",) == verdict.missing
    assert TIME == verdict.existed_by


def test_too_few_witnesses_are_named():
    verdict = policy().judge(cosigned("b"), ORIGIN)

    assert not verdict.accepted
    assert ("a", "c") == verdict.missing
    with pytest.raises(NotTrusted, match=r"1 of the 2 cosignatures that all-of-us needs .* a, c"):
        verdict.require()


def test_without_a_quorum_the_log_alone_is_believed():
    alone = replace(policy(), quorum="none")

    assert alone.judge(signed()).accepted
    assert alone.judge(signed()).existed_by is None


def test_the_log_itself_must_have_signed():
    unsigned = Note(signed().text, cosigned("a", "b").signatures[1:])
    assert (f"the log {ORIGIN} did not sign it",) == policy().judge(unsigned).problems


def test_the_checkpoint_of_another_log_is_refused():
    other = Checkpoint("elsewhere", 5, bytes(32))
    note = cosign(
        sign_checkpoint(other, log_signer("elsewhere", ed25519_key())), witness("a"), witness("b")
    )
    assert ("no key is known for the log elsewhere",) == policy().judge(note).problems
    elsewhere = log_verifier("elsewhere", ed25519_key())
    assert policy().judge(note, logs=[elsewhere]).accepted
    assert (f"it is a checkpoint of elsewhere, not of {ORIGIN}",) == policy().judge(
        note, ORIGIN, [elsewhere]
    ).problems


def test_one_wrong_signature_of_a_known_key_refuses_the_note():
    good = cosigned("a", "b", "c")
    *kept, last = good.signatures
    forged = Signature(last.name, last.key_id, bytes(len(last.signature)))
    verdict = policy().judge(Note(good.text, (*kept, forged)))

    assert ("c.example.com",) == verdict.wrong
    assert ("the signature by c.example.com is wrong",) == verdict.problems


def test_a_stranger_counts_for_nothing():
    verdict = policy().judge(cosigned("a", "stranger"))
    assert ("b", "c") == verdict.missing
    assert not verdict.accepted


def test_a_witness_counts_once():
    twice = cosign(cosigned("a"), witness("a", TIME + 60))
    verdict = policy().judge(twice)
    assert (["a"], False) == (list(verdict.cosigned_by), verdict.accepted)


def test_an_empty_log_with_a_root_is_refused():
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), log_signer(ORIGIN, ed25519_key()))
    assert ("a log without leaves has another root",) == replace(policy(), quorum="none").judge(
        note
    ).problems


def test_a_log_may_have_a_key_of_each_kind():
    both = Policy((*policy().logs, Log(log_verifier(ORIGIN, ml_dsa_key()))))
    assert both == Policy.parse(both.encode())
    verdict = both.judge((GOLDEN / "checkpoint.ml-dsa-44").read_bytes())
    assert (2, True) == (len(verdict.signed_by), verdict.accepted)
    assert both.judge(signed()).accepted


def test_a_proof_is_judged_with_its_checkpoint():
    cosigned_proof = replace(proof(), checkpoint=cosigned("a", "b"))
    assert cosigned_proof.judge(HASHES[INDEX], policy(), ORIGIN).accepted
    assert not proof().judge(HASHES[INDEX], policy(), ORIGIN).accepted
    with pytest.raises(InvalidProof):
        cosigned_proof.judge(HASHES[0], policy(), ORIGIN)


def test_what_is_no_checkpoint_is_no_matter_of_trust():
    with pytest.raises(InvalidNote):
        policy().judge("text\n\n— one c2lnbmVk\n")
    with pytest.raises(InvalidNote):
        policy().judge(b"text")


def test_a_key_is_found_by_its_name_and_id():
    parsed = VerifierKey.parse(A)
    assert (parsed.name, parsed.kind) == ("a.example.com", 0x04)
