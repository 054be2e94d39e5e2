"""The witness: it cosigns what extends the last checkpoint, and never forgets that one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.audit.checkpoints import Checkpoint, sign_checkpoint
from regesta.audit.cosignatures import cosigner, read_cosignatures
from regesta.audit.keys import log_signer, log_verifier
from regesta.audit.notes import Note, Signature, cosign, verify
from regesta.audit.witness import DamagedState, InvalidWitness, StateInUse, Witness
from regesta.audit.witness_protocol import (
    MAX_PROOF,
    SIZE_CONTENT_TYPE,
    AddCheckpoint,
    InvalidAddCheckpoint,
    origin_hash,
)
from regesta.merkle import EMPTY_ROOT, consistency_proof, leaf_hash, root_of
from tests.support.audit_samples import (
    HASHES,
    ORIGIN,
    TIME,
    clock,
    ed25519_key,
    ml_dsa_key,
    signed,
    witness,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOG = log_verifier(ORIGIN, ed25519_key())
SIGNER = witness("w")


class Open(Protocol):
    def __call__(self) -> Witness: ...


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Open the same witness again and again, as a restart does."""
    last: list[Witness] = []

    def reopen() -> Witness:
        while last:
            last.pop().close()
        last.append(Witness([SIGNER], [LOG], tmp_path / "state"))
        return last[0]

    yield reopen
    while last:
        last.pop().close()


def request(old: int, size: int, note: Note | None = None) -> AddCheckpoint:
    proof = consistency_proof(HASHES[:size], old) if old else []
    return AddCheckpoint(old, tuple(proof), note or signed(size))


def ask(served: Witness, old: int, size: int) -> int:
    return served.add_checkpoint(request(old, size).encode()).status


def forked(size: int) -> Note:
    """Return a checkpoint of a history in which the second event is another."""
    hashes = [HASHES[0], leaf_hash(b"edited"), *HASHES[2:size]]
    checkpoint = Checkpoint(ORIGIN, size, root_of(hashes))
    return sign_checkpoint(checkpoint, log_signer(ORIGIN, ed25519_key()))


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple),
)
def test_a_request_is_read_as_it_was_written(old, proof):
    written = AddCheckpoint(old, proof, signed())
    assert written == AddCheckpoint.parse(written.encode())


@given(st.binary(max_size=300))
def test_other_bytes_are_no_request(body):
    with pytest.raises(InvalidAddCheckpoint):
        AddCheckpoint.parse(body)


def test_the_first_checkpoint_is_cosigned_and_then_each_that_extends_it(opened):
    served = opened()
    for old, size in ((0, 5), (5, 5), (5, 256), (256, 300)):
        answer = served.add_checkpoint(request(old, size).encode())
        assert 200 == answer.status
        (cosignature,) = read_cosignatures(signed(size), answer.body, [SIGNER.verifier])
        assert TIME == cosignature.time


def test_another_old_size_is_answered_with_the_size_that_is_known(opened):
    served = opened()
    answer = served.add_checkpoint(request(5, 9).encode())
    assert (409, "0\n", SIZE_CONTENT_TYPE) == answer[:3]
    assert 200 == ask(served, 0, 9)
    for old, size in ((0, 9), (5, 9), (8, 300)):
        answer = served.add_checkpoint(request(old, size).encode())
        assert (409, "9\n", SIZE_CONTENT_TYPE) == answer[:3]


def test_what_contradicts_the_past_is_never_cosigned(opened, tmp_path):
    served = opened()
    assert 200 == ask(served, 0, 100)
    fork = request(100, 300, forked(300))
    answer = served.add_checkpoint(fork.encode())
    assert 422 == answer.status
    assert answer.alarm.startswith(
        f"WARNING: {ORIGIN} was not shown to extend size 100 to size 300"
    )
    same_size = served.add_checkpoint(AddCheckpoint(100, (), forked(100)).encode())
    assert 422 == same_size.status
    assert same_size.alarm.startswith(f"ALARM: {ORIGIN} signed two roots for size 100")
    assert 200 == ask(served, 100, 300)

    (evidence,) = (tmp_path / "state").glob("*.fork")
    first, second = evidence.read_text().split(f"\n\n{ORIGIN}\n")
    for text in (first + "\n", f"{ORIGIN}\n{second}"):
        assert verify(Note.parse(text), [LOG])


def test_a_shrunken_log_is_refused(opened):
    served = opened()
    assert 200 == ask(served, 0, 100)
    assert 409 == ask(served, 50, 50)
    body = AddCheckpoint(100, (), signed(50)).encode()
    assert 400 == served.add_checkpoint(body).status


def test_a_proof_that_proves_nothing_is_refused(opened):
    served = opened()
    assert 200 == ask(served, 0, 100)
    proof = request(100, 300).proof
    for wrong in ((), proof[:-1], (*proof, bytes(32)), tuple(reversed(proof))):
        body = AddCheckpoint(100, wrong, signed(300)).encode()
        assert 422 == served.add_checkpoint(body).status
    beside = AddCheckpoint(100, (bytes(32),), signed(100)).encode()
    assert 422 == served.add_checkpoint(beside).status


def test_an_empty_log_is_cosigned_with_its_one_root(opened):
    served = opened()
    signer = log_signer(ORIGIN, ed25519_key())
    for root, status in ((bytes(32), 422), (EMPTY_ROOT, 200), (EMPTY_ROOT, 200)):
        note = sign_checkpoint(Checkpoint(ORIGIN, 0, root), signer)
        assert status == served.add_checkpoint(AddCheckpoint(0, (), note).encode()).status
    unneeded = AddCheckpoint(0, (bytes(32),), signed(5)).encode()
    assert 422 == served.add_checkpoint(unneeded).status
    assert 200 == ask(served, 0, 5)


def test_a_log_that_is_not_known_is_not_found(opened):
    note = sign_checkpoint(
        Checkpoint("elsewhere", 1, bytes(32)), log_signer("elsewhere", ed25519_key())
    )
    assert 404 == opened().add_checkpoint(AddCheckpoint(0, (), note).encode()).status


def test_only_the_log_itself_may_ask(opened):
    served = opened()
    stranger = sign_checkpoint(
        Checkpoint.parse(signed().text), log_signer(ORIGIN, ed25519_key("stranger"))
    )
    good = signed().signatures[0]
    forged = Note(signed().text, (Signature(good.name, good.key_id, bytes(64)),))
    by_witness = cosign(Note(signed().text), SIGNER)
    for note in (stranger, forged, by_witness):
        assert 403 == served.add_checkpoint(AddCheckpoint(0, (), note).encode()).status
    assert 404 == served.latest(origin_hash(ORIGIN)).status


BODY = request(0, 300).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        BODY.replace(b"old 0", b"old 00"),
        BODY.replace(b"old 0", b"old -1"),
        BODY.replace(b"old 0", b"new 0"),
        BODY.replace(b"old 0\n", b"old 0\nAAAA\n"),
        BODY.replace(b"old 0\n", b"old 0\n\n\n"),
        BODY.replace(b"\n300\n", b"\n0300\n"),
        BODY.replace(b"\n", b"\r\n"),
        BODY[:-1],
        BODY.partition(b"\n\n")[0],
    ],
    ids=range(10),
)
def test_a_malformed_request_is_refused(opened, body):
    assert 400 == opened().add_checkpoint(body).status


def test_a_proof_longer_than_any_tree_is_high_is_refused():
    body = AddCheckpoint(5, (bytes(32),) * (MAX_PROOF + 1), signed()).encode()
    with pytest.raises(InvalidAddCheckpoint, match="at most 63"):
        AddCheckpoint.parse(body)


def test_the_witness_remembers_over_a_restart(opened):
    assert 200 == ask(opened(), 0, 100)
    served = opened()
    assert 409 == ask(served, 0, 100)
    assert 422 == served.add_checkpoint(request(100, 300, forked(300)).encode()).status
    assert 200 == ask(served, 100, 300)


def test_a_monitor_is_given_the_last_checkpoint_and_no_strangers_lines(opened):
    served = opened()
    assert 404 == served.latest(origin_hash(ORIGIN)).status
    crowded = cosign(signed(100), witness("stranger"))
    assert 200 == served.add_checkpoint(request(0, 100, crowded).encode()).status
    answer = served.latest(origin_hash(ORIGIN))
    note = Note.parse(answer.body)
    assert (200, signed(100).text) == (answer.status, note.text)
    assert [ORIGIN, "w.example.com"] == [one.name for one in note.signatures]
    assert 404 == served.latest("../../etc").status


def test_a_state_that_cannot_be_written_signs_nothing(opened, tmp_path, monkeypatch):
    served = opened()
    assert 200 == ask(served, 0, 100)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OSError, match="no space"):
            ask(served, 100, 300)
    assert 409 == ask(served, 300, 300)
    assert 200 == ask(opened(), 100, 300)


@pytest.mark.parametrize(("old", "new"), [(b"100", b"101"), (b"\n", b"")])
def test_a_state_that_was_edited_is_not_gone_on_with(opened, tmp_path, old, new):
    assert 200 == ask(opened(), 0, 100)
    (file,) = (tmp_path / "state").glob("*.checkpoint")
    file.write_bytes(file.read_bytes().replace(old, new))
    with pytest.raises(DamagedState):
        opened()


def test_a_file_of_another_log_is_not_taken_for_this_one(opened, tmp_path):
    other = cosign(
        sign_checkpoint(Checkpoint("x", 5, bytes(32)), log_signer("x", ed25519_key())), SIGNER
    )
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / f"{origin_hash(ORIGIN)}.checkpoint").write_bytes(other.encode())
    with pytest.raises(DamagedState, match="not of"):
        opened()


def test_two_witnesses_do_not_share_a_memory(opened, tmp_path):
    opened()
    with pytest.raises(StateInUse):
        Witness([SIGNER], [LOG], tmp_path / "state")


def test_of_many_askers_at_once_one_moves_the_witness(opened):
    served = opened()
    assert 200 == ask(served, 0, 100)
    statuses: list[int] = []
    barrier = threading.Barrier(8)

    def run(size: int) -> None:
        body = request(100, size).encode()
        barrier.wait()
        statuses.append(served.add_checkpoint(body).status)

    threads = [threading.Thread(target=run, args=(200 + at,)) for at in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [200, *[409] * 7] == sorted(statuses)


def test_a_witness_may_sign_with_both_kinds_of_key(tmp_path):
    quantum = cosigner("w.example.com", ml_dsa_key("w"), clock)
    served = Witness([SIGNER, quantum], [LOG], tmp_path)
    answer = served.add_checkpoint(request(0, 300).encode())
    served.close()
    keys = [SIGNER.verifier, quantum.verifier]
    assert keys == [one.key for one in read_cosignatures(signed(), answer.body, keys)]
    assert [SIGNER.vkey, quantum.vkey] == served.vkeys


def test_a_witness_changes_its_key_by_signing_with_both_for_a_while(tmp_path):
    fresh = cosigner("w.example.com", ed25519_key("fresh"), clock)
    for signers, old, size in (([SIGNER], 0, 5), ([SIGNER, fresh], 5, 100), ([fresh], 100, 300)):
        served = Witness(signers, [LOG], tmp_path)
        assert 200 == ask(served, old, size)
        served.close()
    with pytest.raises(DamagedState):
        Witness([SIGNER], [LOG], tmp_path)


def test_a_log_that_changes_its_key_is_known_by_both(tmp_path):
    fresh = ed25519_key("fresh")
    served = Witness([SIGNER], [LOG, log_verifier(ORIGIN, fresh)], tmp_path)
    assert 200 == ask(served, 0, 100)
    rotated = sign_checkpoint(Checkpoint.parse(signed().text), log_signer(ORIGIN, fresh))
    assert 200 == served.add_checkpoint(request(100, 300, rotated).encode()).status
    served.close()


def test_keys_for_something_else_are_refused(tmp_path):
    with pytest.raises(InvalidWitness):
        Witness([], [LOG], tmp_path)
    with pytest.raises(InvalidWitness):
        Witness([log_signer("w", ed25519_key())], [LOG], tmp_path)
    with pytest.raises(InvalidWitness):
        Witness([SIGNER], [SIGNER.verifier], tmp_path)
