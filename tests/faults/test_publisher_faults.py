"""The publisher as a process: killed at the worst moment, beside writers, told of an attack."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import regesta
from regesta.audit import keys
from regesta.audit.checkpoints import Checkpoint, sign_checkpoint
from regesta.audit.cosignatures import cosigner
from regesta.audit.notes import Note, VerifierKey, verify
from regesta.audit.policies import Policy
from regesta.audit.proofs import TlogProof
from regesta.audit.witness import Witness
from regesta.audit.witness_client import WitnessClient, WitnessRefused
from regesta.audit.witness_server import WitnessServer
from regesta.merkle import consistency_proof, leaf_hash, root_of
from tests.support.publishing import DEPLOYMENT, KEY, ORIGIN, VERIFIER, Desk, Superuser, write
from tests.support.server_process import serving
from tests.support.writing import NAMESPACE, check_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import LiveDatabase

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "regesta-server"

#: Seconds for anything that should take one or two.
SOON = 30.0


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    keys.write_key(path, KEY)
    return path


@pytest.fixture
def desk(database: LiveDatabase, tmp_path: Path) -> Desk:
    return Desk(database.service_dsn, tmp_path / "memory")


def started(desk: Desk, key: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a publisher as an operator does."""
    return subprocess.Popen(
        [
            PROGRAM,
            "publish",
            *("--dsn", desk.dsn),
            *("--key", str(key)),
            *("--memory", str(desk.directory)),
            *("--origin", DEPLOYMENT),
            *("--interval", "0.05"),
            *arguments,
        ],
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def publishing(desk: Desk, key: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a publisher while the block lasts; whatever happens, it is gone afterwards."""
    process = started(desk, key, *arguments)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(holds: Any) -> None:
    """Wait until something holds."""
    end = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def lines(said: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said.splitlines()]


def test_a_publisher_that_is_killed_between_signing_and_storing_stores_what_it_signed(
    desk: Desk, key_file: Path, database: LiveDatabase
):
    write(desk.dsn, 20)
    # Reading is possible, storing has to wait: signed and remembered is what comes before.
    with psycopg.connect(database.superuser_dsn) as blocking:
        blocking.execute("LOCK TABLE regesta.checkpoints IN SHARE ROW EXCLUSIVE MODE")
        with publishing(desk, key_file) as killed:
            until(lambda: desk.remembered() > 0)
            killed.send_signal(signal.SIGKILL)
            killed.wait(SOON)
    signed = desk.remembered()
    note = json.loads((desk.directory / NAMESPACE / "memory.json").read_text())["note"]
    until(lambda: not _others(desk))
    assert [] == desk.notes()
    write(desk.dsn, 5, "more")

    with publishing(desk, key_file):
        until(lambda: len(desk.notes()) > 0 and desk.remembered() > signed)

    # What it had signed is an earlier size of the same history, and nothing else was signed.
    sizes = [one.size for one in desk.checkpoints()]
    assert signed < sizes[-1] == 30
    assert Note.parse(note).text.split("\n")[1] == str(signed)
    _check_one_history(desk)


def test_every_checkpoint_beside_writers_is_of_one_history(desk: Desk, key_file: Path):
    write(desk.dsn, 1, "first")
    with publishing(desk, key_file):
        until(desk.notes)
        writers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.support.writer_process", desk.dsn, name, "0", "600"],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
            )
            for name in ("a", "b", "c")
        ]
        # One of them dies in the middle of it.
        until(lambda: len(desk.notes()) > 1)
        writers[2].kill()
        for writer in writers:
            writer.wait(SOON)
        size = len(check_log(desk.dsn))
        until(lambda: desk.checkpoints()[-1].size == size)

    assert len(desk.notes()) > 3
    _check_one_history(desk)


def test_an_alarm_is_a_line_of_the_log_and_an_exit_code(
    desk: Desk, key_file: Path, database: LiveDatabase
):
    write(desk.dsn, 300)
    with Superuser(database) as superuser:
        superuser.edit(50)

    once = started(desk, key_file, "--once")
    _, said = once.communicate(timeout=SOON)

    assert 4 == once.returncode
    (alarm,) = [line for line in lines(said) if line["event"] == "publisher_alarm"]
    assert ("error", NAMESPACE, "TAMPER", 50) == tuple(
        alarm[name] for name in ("level", "namespace", "kind", "position")
    )
    assert [] == desk.notes()

    resumed = subprocess.run(
        [PROGRAM, "publish", "--memory", str(desk.directory), "--resume", NAMESPACE],
        check=True,
        capture_output=True,
        text=True,
    )
    assert f"{NAMESPACE} is looked at again\n" == resumed.stdout
    assert not (desk.directory / NAMESPACE / "alarm.json").exists()


def test_a_key_is_made_when_asked_for_and_never_over_another(desk: Desk, tmp_path: Path):
    write(desk.dsn, 5)
    key = tmp_path / "made" / "key.pem"

    refused = started(desk, key, "--once")
    _, said = refused.communicate(timeout=SOON)
    assert (2, False) == (refused.returncode, key.exists())
    assert "Traceback" not in said

    for _ in range(2):
        made = started(desk, key, "--once", "--make-key")
        made.communicate(timeout=SOON)
        assert 0 == made.returncode
    (note,) = desk.notes()
    verify(Note.parse(note), [keys.log_verifier(ORIGIN, keys.read_key(key))])


def test_a_publisher_outlives_its_database_being_away(desk: Desk, key_file: Path, database: Any):
    write(desk.dsn, 5)
    with publishing(desk, key_file) as publisher:
        until(lambda: len(desk.notes()) == 1)
        with psycopg.connect(database.superuser_dsn, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'regesta publisher' AND datname = current_database()"
            )
        write(desk.dsn, 5, "more")
        until(lambda: len(desk.notes()) == 2)
        publisher.send_signal(signal.SIGTERM)
        assert 0 == publisher.wait(SOON)


def test_witnesses_cosign_what_is_published_and_a_forger_with_the_key_has_none(
    desk: Desk, key_file: Path, tmp_path: Path
):
    signer = cosigner("witness.example.com", keys.generate())
    witness = Witness([signer], [VERIFIER], tmp_path / "witness")
    server = WitnessServer(("127.0.0.1", 0), witness, lambda _: None)
    thread = threading.Thread(target=server.run)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    write(desk.dsn, 20)
    try:
        with publishing(desk, key_file, "--witness", f"{signer.vkey} {url}"):
            until(lambda: any("witness.example.com" in note for note in desk.notes()))
            write(desk.dsn, 300, "more")
            until(lambda: "witness.example.com" in desk.notes()[-1])
        strict = Policy.parse(f"log {VERIFIER.vkey}\nwitness w {signer.vkey}\nquorum w\n")
        # A verifier without memory that asks for no witness, such as most are.
        trusting = Policy.parse(f"log {VERIFIER.vkey}\nquorum none\n")
        honest = Note.parse(desk.notes()[-1])
        assert strict.judge(honest, ORIGIN).accepted

        forged = _forged_note(desk)

        assert trusting.judge(forged, ORIGIN).accepted
        assert ("the witness w did not cosign it",) == strict.judge(forged, ORIGIN).problems
        # Nor does the witness sign it: it remembers.

        client = WitnessClient(url, [VerifierKey.parse(signer.vkey)])
        with pytest.raises(WitnessRefused):
            client.submit(forged, lambda old, _: consistency_proof(_forged_hashes(desk), old))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        witness.close()


def test_a_server_with_an_embedded_database_signs_what_it_acknowledged(
    open_directory: Path,
):
    home = open_directory / "home"
    with serving("--data-dir", str(home), "--insecure-dev") as server:
        with regesta.Client(server.address) as client:
            client.register("churn", source="s3://x")
            answer = client.get_receipt(client.position, wait=20.0)
            (event,) = list(client.events(after=client.position - 1))
            status = client.get_checkpoint().publisher
            client.register("churn", source="s3://y")
            size = client.position
        assert 0 == server.stop()

    memory = home / "publisher" / "memory" / "default"
    policy = Policy.parse((memory / "policy.txt").read_text())
    proof = TlogProof.parse(answer.receipt)
    assert proof.judge(leaf_hash(event.record), policy).accepted
    assert [log.key.vkey for log in policy.logs] == list(status.verifier_keys)
    assert not status.HasField("alarm")
    # Stopping, it looked once more.
    assert size == json.loads((memory / "memory.json").read_text())["size"]
    for path in (home / "publisher", home / "publisher" / "memory"):
        assert 0o700 == path.stat().st_mode & 0o777


def test_a_publisher_ends_with_a_server_that_is_killed(open_directory: Path):
    with serving("--data-dir", str(open_directory / "home"), "--insecure-dev") as server:
        memory = open_directory / "home" / "publisher" / "memory" / "default" / "memory.json"
        until(memory.exists)
        (publisher,) = _spawned_by(server.process.pid)
        server.kill()

        until(lambda: not _runs(publisher))


def _spawned_by(pid: int) -> list[int]:
    """Return the processes that multiprocessing has spawned for another."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child)
        for child in children
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def _runs(pid: int) -> bool:
    """Return whether a process is more than an entry that nobody has asked about."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _hashes(desk: Desk) -> list[bytes]:
    with psycopg.connect(desk.dsn) as conn:
        rows = conn.execute("SELECT record FROM regesta.events ORDER BY position").fetchall()
    return [leaf_hash(bytes(record)) for (record,) in rows]


def _check_one_history(desk: Desk) -> None:
    hashes = _hashes(desk)
    for one in desk.checkpoints():
        assert root_of(hashes[: one.size]) == one.root


def _others(desk: Desk) -> list[Any]:
    """Return the sessions of publishers: one that is killed leaves its own for a moment."""
    with psycopg.connect(desk.dsn) as conn:
        return conn.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'regesta publisher'"
            " AND datname = current_database()"
        ).fetchall()


def _forged_hashes(desk: Desk) -> list[bytes]:
    """Return the leaves of a longer log in which one event is another."""
    hashes = _hashes(desk)
    return [*hashes[:10], bytes(32), *hashes[11:], bytes(32)]


def _forged_note(desk: Desk) -> Note:

    hashes = _forged_hashes(desk)
    return sign_checkpoint(
        Checkpoint(ORIGIN, len(hashes), root_of(hashes)), keys.log_signer(ORIGIN, KEY)
    )
