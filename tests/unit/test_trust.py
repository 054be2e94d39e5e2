"""What a client believes, and what it remembers of it; no server is needed for that."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.audit import keys
from regesta.audit.checkpoints import Checkpoint, sign_checkpoint
from regesta.audit.cosignatures import cosigner
from regesta.audit.notes import Note, cosign
from regesta.audit.policies import InvalidPolicy, Policy
from regesta.errors import CheckpointInvalid, ForkDetected
from regesta.merkle import consistency_proof, leaf_hash, root_of
from regesta.trust import Step, Trust, _default_state

if TYPE_CHECKING:
    from regesta.trust import SignedCheckpoint

ORIGIN = "registry.example.com/acme"
SIGNER = keys.log_signer(ORIGIN, keys.generate())
WITNESS = cosigner("witness.example.com", keys.generate())

HONEST = [leaf_hash(b"event %d" % number) for number in range(70)]
FORGED = [*HONEST[:30], leaf_hash(b"another"), *HONEST[31:]]

POLICY = f"log {SIGNER.vkey}\nquorum none\n"
STRICT = f"log {SIGNER.vkey}\nwitness w {WITNESS.vkey}\nquorum w\n"


def note(size: int, hashes: list[bytes] = HONEST, origin: str = ORIGIN) -> Note:
    return sign_checkpoint(Checkpoint(origin, size, root_of(hashes[:size])), SIGNER)


def shown(trust: Trust, size: int, hashes: list[bytes] = HONEST) -> SignedCheckpoint:
    return trust.judged(str(note(size, hashes)), "acme")


def see(trust: Trust, size: int, hashes: list[bytes] = HONEST) -> None:
    """Do what a client does with a checkpoint, and an honest server."""
    step = trust.compared(shown(trust, size, hashes))
    if step is not None:
        proof = consistency_proof(hashes[: step.larger.size], step.smaller.size)
        assert trust.settled(step, proof)


def remembered(directory: Path) -> int:
    (file,) = directory.glob("*.checkpoint")
    return Checkpoint.parse(Note.parse(file.read_text()).text).size


@pytest.mark.parametrize("as_what", ["text", "path", "str of a path", "policy"])
def test_a_policy_is_given_in_any_form(as_what: str, tmp_path: Path):
    path = tmp_path / "policy.txt"
    path.write_text(POLICY)
    forms: dict[str, Policy | str | Path] = {
        "text": POLICY,
        "path": path,
        "str of a path": str(path),
        "policy": Policy.parse(POLICY),
    }

    trust = Trust(forms[as_what], state=tmp_path / "state")

    assert shown(trust, 10).is_trusted


def test_a_policy_that_is_none_is_refused(tmp_path: Path):
    with pytest.raises(InvalidPolicy):
        Trust("log nobody\n", state=tmp_path)
    with pytest.raises(FileNotFoundError):
        Trust("no-such-file", state=tmp_path)


@pytest.mark.parametrize(
    ("text", "namespace"),
    [
        ("no note", "acme"),
        (str(note(10)), "other"),
        (str(sign_checkpoint(Checkpoint(ORIGIN, 1, HONEST[0]), WITNESS)), "acme"),
        (str(note(10)).replace("\n10\n", "\n11\n"), "acme"),
    ],
    ids=["no note", "other namespace", "not signed by the log", "edited"],
)
def test_what_the_policy_does_not_accept_is_invalid(text: str, namespace: str, tmp_path: Path):
    with pytest.raises(CheckpointInvalid) as refused:
        Trust(POLICY, state=tmp_path).judged(text, namespace)

    assert not refused.value.lacks_witnesses


def test_what_only_lacks_a_witness_may_be_asked_for_again(tmp_path: Path):
    trust = Trust(STRICT, state=tmp_path)
    with pytest.raises(CheckpointInvalid) as refused:
        shown(trust, 10)
    assert refused.value.lacks_witnesses

    seen = trust.judged(str(cosign(note(10), WITNESS)), "acme")

    assert ("w",) == seen.cosigned_by


def test_the_largest_checkpoint_is_remembered_and_smaller_ones_must_lead_to_it(tmp_path: Path):
    trust = Trust(POLICY, state=tmp_path)
    for size, largest in ((10, 10), (40, 40), (20, 40), (40, 40), (41, 41)):
        see(trust, size)

        assert largest == remembered(tmp_path)


@given(st.integers(1, 70), st.integers(1, 70))
def test_another_history_is_found_out_whenever_it_shows_what_differs(
    tmp_path_factory: pytest.TempPathFactory, first: int, second: int
):
    directory = tmp_path_factory.mktemp("state")
    trust = Trust(POLICY, state=directory)
    see(trust, first)
    if min(first, second) <= 30:
        # Up to there both are the same, so nobody can tell, and nobody needs to.
        see(trust, second, FORGED if second > first else HONEST)
        return

    with pytest.raises(ForkDetected) as found:
        see(trust, second, FORGED)

    assert (str(note(first)), str(note(second, FORGED))) == (found.value.known, found.value.shown)
    assert first == remembered(directory)
    # Both are kept, each of them signed.
    (evidence,) = directory.glob("*.fork")
    assert evidence.read_text() == f"{found.value.known}\n{found.value.shown}"


def test_no_proof_is_a_wrong_proof(tmp_path: Path):
    trust = Trust(POLICY, state=tmp_path)
    see(trust, 10)
    step = trust.compared(shown(trust, 20))
    assert step is not None

    with pytest.raises(ForkDetected):
        trust.settled(step, [])


def test_logs_of_different_origins_are_remembered_apart(tmp_path: Path):
    other = "registry.example.com/other"
    signer = keys.log_signer(other, keys.generate())
    trust = Trust(f"log {SIGNER.vkey}\nlog {signer.vkey}\nquorum none\n", state=tmp_path)
    see(trust, 40)
    text = str(sign_checkpoint(Checkpoint(other, 40, root_of(FORGED[:40])), signer))

    assert None is trust.compared(trust.judged(text, "other"))


def test_programs_that_see_different_checkpoints_at_once_agree_on_the_largest(tmp_path: Path):
    see(Trust(POLICY, state=tmp_path), 1)

    def program(sizes: range) -> None:
        trust = Trust(POLICY, state=tmp_path)
        for size in sizes:
            while (step := trust.compared(shown(trust, size))) is not None:
                proof = consistency_proof(HONEST[: step.larger.size], step.smaller.size)
                if trust.settled(step, proof):
                    break

    threads = [threading.Thread(target=program, args=(range(n, 70, 4),)) for n in range(2, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 69 == remembered(tmp_path)


def test_a_checkpoint_that_another_program_saw_meanwhile_is_compared_with_again(tmp_path: Path):
    trust = Trust(POLICY, state=tmp_path)
    see(trust, 10)
    step = trust.compared(shown(trust, 20))
    assert step is not None
    see(Trust(POLICY, state=tmp_path), 30)

    assert not trust.settled(step, consistency_proof(HONEST[:20], 10))
    assert 30 == remembered(tmp_path)


def test_what_is_remembered_is_for_its_owner_only(tmp_path: Path):
    directory = tmp_path / "state"
    see(Trust(POLICY, state=directory), 10)

    for path in (directory, *directory.iterdir()):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path


def test_a_memory_that_is_damaged_is_said_and_not_replaced(tmp_path: Path):
    trust = Trust(POLICY, state=tmp_path)
    see(trust, 10)
    (file,) = tmp_path.glob("*.checkpoint")
    file.write_text("something else")

    with pytest.raises(CheckpointInvalid, match="damaged"):
        trust.compared(shown(trust, 20))

    assert "something else" == file.read_text()


def test_the_memory_is_where_users_keep_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert tmp_path / "regesta" / "checkpoints" == _default_state()
    # A relative one is to be ignored (XDG base directory specification).
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    monkeypatch.setenv("HOME", "/home/ann")
    assert Path("/home/ann/.local/state/regesta/checkpoints") == _default_state()


def test_a_step_knows_which_is_the_larger(tmp_path: Path):
    trust = Trust(POLICY, state=tmp_path)
    one, two = shown(trust, 10), shown(trust, 20)

    for step in (Step(one, two), Step(two, one)):
        assert (10, 20) == (step.smaller.size, step.larger.size)
