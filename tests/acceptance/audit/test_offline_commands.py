"""Commands that need no server: keys, proofs, and a witness as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from regesta.audit.cosignatures import cosigner_verifier
from regesta.audit.keys import generate, log_verifier, read_key, write_key
from regesta.audit.notes import VerifierKey
from regesta.audit.policies import Policy
from regesta.audit.tiles import consistency_proof
from regesta.audit.witness_client import SizeConflict, WitnessClient
from regesta.cli.failing import FINDINGS, INVALID
from regesta.cli.program import run
from tests.support.audit_samples import (
    GOLDEN,
    INDEX,
    ORIGIN,
    cosigned,
    ed25519_key,
    policy,
    proof,
    read_tile,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(sys.executable).parent / "regesta"
EVENT = GOLDEN / "event-288.json"
PROOF = GOLDEN / "event-288.tlog-proof"


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A policy that believes the log without any witness."""
    file = tmp_path / "alone.txt"
    file.write_text(Policy(policy().logs).encode())
    return file


def test_a_new_key_is_for_its_owner_and_its_public_half_for_everybody(tmp_path, capfd):
    file, trust = tmp_path / "log.pem", tmp_path / "policy.txt"
    told = ["--origin", ORIGIN, "--witness", "w.example.com", "--policy", str(trust)]
    assert 0 == run(["key", "new", str(file), *told])
    made = read_key(file)
    log, witness = log_verifier(ORIGIN, made), cosigner_verifier("w.example.com", made)

    assert 0o600 == file.stat().st_mode & 0o777
    assert [log.vkey, witness.vkey] == capfd.readouterr().out.splitlines()[-2:]
    assert [log] == [one.key for one in Policy.parse(trust.read_bytes()).logs]

    assert 0 == run(["key", "show", str(file)])
    assert "give --origin or --witness" in capfd.readouterr().out

    assert 0 == run(["key", "show", str(file), *told[:4], "--json"])
    shown = json.loads(capfd.readouterr().out)
    assert {ORIGIN: log.vkey, "w.example.com": witness.vkey} == shown["verifierKeys"]
    assert made.public.hex() == shown["publicKey"]


def test_a_key_and_a_policy_are_never_overwritten(tmp_path, capfd):
    file, trust = tmp_path / "log.pem", tmp_path / "policy.txt"
    trust.write_text("mine")
    asked = ["key", "new", str(file), "--origin", ORIGIN, "--policy", str(trust)]
    assert INVALID == run(asked)
    assert not file.exists()
    assert 0 == run(["key", "new", str(file)])
    before = file.read_bytes()
    assert 1 == run(["key", "new", str(file)])
    assert "never overwritten" in capfd.readouterr().err
    assert (before, "mine") == (file.read_bytes(), trust.read_text())


def test_a_key_may_have_a_password(tmp_path, capfd):
    file, password = tmp_path / "log.pem", tmp_path / "password"
    password.write_text("correct horse\n")
    given = ["--password-file", str(password)]
    assert 0 == run(["key", "new", str(file), "--algorithm", "ml-dsa-44", *given])
    assert "ml-dsa-44" == read_key(file, b"correct horse").algorithm
    assert 0 == run(["key", "show", str(file), *given])
    assert INVALID == run(["key", "show", str(file)])
    assert "password" in capfd.readouterr().err
    password.write_text("\n")
    assert INVALID == run(["key", "show", str(file), *given])


def test_what_names_no_log_is_refused(tmp_path, capfd):
    file = tmp_path / "log.pem"
    assert INVALID == run(["key", "new", str(file), "--origin", "a b"])
    assert INVALID == run(["key", "new", str(file), "--policy", str(tmp_path / "p")])
    two = ["--origin", "a", "--origin", "b", "--policy", str(tmp_path / "p")]
    assert INVALID == run(["key", "new", str(file), *two])
    assert "its own policy" in capfd.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_event_is_proved_by_files_alone(tmp_path, alone, capfd):
    assert 0 == run(["verify-proof", str(EVENT), str(PROOF), "--policy", str(alone)])
    assert "288 of 300" in capfd.readouterr().out

    event = tmp_path / "event.json"
    event.write_bytes(EVENT.read_bytes() + b"\n")
    full = tmp_path / "event.tlog-proof"
    with_witnesses = proof()
    full.write_bytes(type(with_witnesses)(INDEX, with_witnesses.path, cosigned("a", "b")).encode())
    trust = ["--policy", str(GOLDEN / "policy.txt"), "--origin", ORIGIN, "--json"]
    assert 0 == run(["verify-proof", str(event), str(full), *trust])
    found = json.loads(capfd.readouterr().out)
    assert (True, "288", ["c"]) == (found["proved"], found["position"], found["missing"])
    assert {"a": "2027-01-15T08:00:00Z", "b": "2027-01-15T08:00:00Z"} == found["cosignedBy"]


def test_what_is_not_proved_is_a_finding(tmp_path, alone, capfd):
    edited = tmp_path / "event.json"
    edited.write_bytes(EVENT.read_bytes().replace(b"m287", b"m288"))
    asked = ["verify-proof", str(edited), str(PROOF), "--policy", str(alone)]
    assert FINDINGS == run(asked)
    assert "NOT PROVED: the event: the proof leads to another root" in capfd.readouterr().out

    asked = ["verify-proof", str(EVENT), str(PROOF), "--policy"]
    assert FINDINGS == run([*asked, str(GOLDEN / "policy.txt"), "--json"])
    found = json.loads(capfd.readouterr().out)
    assert (False, ["a", "b", "c"]) == (found["proved"], found["missing"])
    assert FINDINGS == run([*asked, str(alone), "--origin", "elsewhere"])


def test_files_of_another_kind_are_named(tmp_path, alone, capfd):
    for proof_file, policy_file in ((EVENT, alone), (PROOF, EVENT)):
        asked = ["verify-proof", str(EVENT), str(proof_file), "--policy", str(policy_file)]
        assert INVALID == run(asked)
        assert "event-288.json" in capfd.readouterr().err
    asked = ["verify-proof", str(tmp_path / "none"), str(PROOF), "--policy", str(alone)]
    assert INVALID == run(asked)


@contextmanager
def witnessing(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], WitnessClient]]:
    """Run a witness as its own process; the state is kept in the folder."""
    key = folder / "witness.pem"
    if not key.exists():
        write_key(key, generate())
    asked = ["--listen", "127.0.0.1:0", "--name", "w.example.com", "--key", str(key)]
    asked += ["--state", str(folder / "state"), "--policy", str(GOLDEN / "policy.txt")]
    environment = {name: text for name, text in os.environ.items() if "REGESTA" not in name}
    process = subprocess.Popen(
        [PROGRAM, "witness", "serve", *asked, *more, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        keys = [VerifierKey.parse(vkey) for vkey in started["verifierKeys"]]
        yield process, WitnessClient(started["url"], keys, timeout=10)
    finally:
        process.kill()
        process.communicate()


def prove(old: int, size: int) -> list[bytes]:
    return consistency_proof(old, size, read_tile)


def test_a_witness_killed_at_once_after_its_answer_remembers_it(tmp_path):
    with witnessing(tmp_path) as (process, client):
        client.submit(signed(100), prove)
        process.kill()
    with witnessing(tmp_path) as (process, client):
        with pytest.raises(SizeConflict) as caught:
            client.add_checkpoint(0, (), signed(100))
        assert 100 == caught.value.size
        assert client.submit(signed(300), prove)
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(10)


def test_a_second_witness_in_the_same_folder_does_not_start(tmp_path, capfd):
    with witnessing(tmp_path):
        asked = ["witness", "serve", "--listen", "127.0.0.1:0", "--name", "w"]
        asked += ["--key", str(tmp_path / "witness.pem"), "--state", str(tmp_path / "state")]
        vkey = log_verifier(ORIGIN, ed25519_key()).vkey
        assert 1 == run([*asked, "--log", vkey])
        assert "another witness" in capfd.readouterr().err
        assert INVALID == run(asked)
        assert INVALID == run([*asked, "--log", "nonsense"])
        assert INVALID == run([*asked, "--log", vkey, "--listen", "nowhere"])
