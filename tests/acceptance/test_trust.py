"""What a client that trusts a key, and not a server, finds out about the server."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import regesta
from regesta.audit import keys
from regesta.audit.cosignatures import cosigner
from regesta.audit.notes import Note, cosign
from regesta.cli.program import run
from tests.support.publishing import ORIGIN, VERIFIER, Desk, write
from tests.support.server_process import serving
from tests.support.writing import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.databases import DatabaseServer

POLICY = f"log {VERIFIER.vkey}\nquorum none\n"
WITNESS = cosigner("witness.example.com", keys.generate())
STRICT = f"log {VERIFIER.vkey}\nwitness w {WITNESS.vkey}\nquorum w\n"

#: Events of the log, and of the one that a thief of the key signs.
HONEST, FORGED = 20, 40


@dataclass(frozen=True)
class Site:
    """A server, and the publisher of its database."""

    address: str
    desk: Desk

    def client(self, trust: regesta.Trust | str | None) -> regesta.Client:
        return regesta.Client(self.address, namespace=NAMESPACE, trust=trust)


@pytest.fixture(scope="module")
def sites(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, Site]]:
    """An honest site, and one with another history that is signed with the same key."""
    directory = tmp_path_factory.mktemp("memories")
    honest, forged = postgres.migrated(), postgres.migrated()
    desks = [Desk(honest.service_dsn, directory / "a"), Desk(forged.service_dsn, directory / "b")]
    for desk, count, name in zip(desks, (HONEST, FORGED), ("honest", "forged"), strict=True):
        write(desk.dsn, count, name)
        desk.look()
    known = f'["{WITNESS.vkey}"]'
    with (
        serving(
            "--insecure-dev", "--dsn", honest.service_dsn, environment={"REGESTA_WITNESSES": known}
        ) as first,
        serving("--insecure-dev", "--dsn", forged.service_dsn) as second,
    ):
        yield Site(first.address, desks[0]), Site(second.address, desks[1])
    for database in (honest, forged):
        postgres.drop(database)


@pytest.fixture
def honest(sites: tuple[Site, Site]) -> Site:
    return sites[0]


@pytest.fixture
def forged(sites: tuple[Site, Site]) -> Site:
    return sites[1]


@pytest.fixture
def trust(tmp_path: Path) -> regesta.Trust:
    return regesta.Trust(POLICY, state=tmp_path / "state")


def test_a_write_waits_for_its_receipt(honest: Site, trust: regesta.Trust):
    with honest.client(trust) as client:
        client.register("churn", source="s3://x")
        late = threading.Timer(0.3, honest.desk.look)
        late.start()
        began = time.monotonic()

        receipt = client.receipt(wait=20.0)

        late.join()
        assert 0.2 < time.monotonic() - began
        (event,) = client.events(after=client.position - 1)
    assert (client.position, True) == (receipt.position, receipt.is_trusted)
    assert receipt.covers(event.record)
    assert not receipt.covers(event.record + b" ")
    receipt.proof.open(receipt.leaf_hash, [VERIFIER])


def test_a_receipt_that_does_not_come_in_time_says_why(honest: Site):
    with honest.client(None) as client:
        with pytest.raises(ValueError, match="seen none yet"):
            client.receipt()
        client.register("churn", source="s3://late")
        with pytest.raises(regesta.DeadlineExceeded) as late:
            client.receipt(wait=0.3)
        assert "RECEIPT_NOT_READY" == late.value.reason
        honest.desk.look()
        assert not client.receipt(wait=0).is_trusted


async def test_the_asynchronous_face_does_the_same(honest: Site, trust: regesta.Trust):
    async with regesta.AsyncClient(honest.address, namespace=NAMESPACE, trust=trust) as client:
        seen = await client.checkpoint()
        receipt = await client.receipt(1)

    assert (ORIGIN, True) == (seen.origin, seen.is_trusted)
    assert receipt.is_trusted


def test_a_stolen_key_deceives_who_remembers_nothing_and_asks_no_witness(
    forged: Site, trust: regesta.Trust
):
    with forged.client(trust) as client:
        assert client.checkpoint().is_trusted


def test_a_stolen_key_does_not_deceive_who_remembers(
    honest: Site, forged: Site, trust: regesta.Trust, tmp_path: Path
):
    with honest.client(trust) as client:
        known = client.checkpoint()
    with forged.client(trust) as client:
        for ask in (client.checkpoint, lambda: client.receipt(1)):
            with pytest.raises(regesta.ForkDetected) as found:
                ask()

            # Both are signed with the same key: evidence that needs nobody's word.
            assert known.note == found.value.known
            assert found.value.shown in forged.desk.notes()
    assert list((tmp_path / "state").glob("*.fork"))
    with honest.client(trust) as client:
        assert client.checkpoint().size >= known.size


def test_a_log_that_was_cut_short_does_not_deceive_who_remembers(
    honest: Site, forged: Site, trust: regesta.Trust
):
    # Whichever is the longer one is seen first.
    longer, shorter = sorted((honest, forged), key=lambda s: -s.desk.checkpoints()[-1].size)
    with longer.client(trust) as client:
        client.checkpoint()
    with shorter.client(trust) as client, pytest.raises(regesta.ForkDetected) as found:
        client.checkpoint()

    assert "ends at position" in found.value.message


def test_a_stolen_key_does_not_deceive_who_asks_a_witness(
    honest: Site, forged: Site, tmp_path: Path
):
    strict = regesta.Trust(STRICT, state=tmp_path / "strict")
    for site in (honest, forged):
        with site.client(strict) as client, pytest.raises(regesta.CheckpointInvalid) as refused:
            client.checkpoint()
        assert refused.value.lacks_witnesses
    with honest.client(strict) as client:
        client.register("churn", source="s3://witnessed")
        honest.desk.look()

        def cosigned() -> None:
            note = Note.parse(honest.desk.notes()[-1])
            size = honest.desk.checkpoints()[-1].size
            line = cosign(note, WITNESS).signatures[-1].line
            with honest.client(None) as other:
                other.add_cosignature(size=size, signatures=line)

        late = threading.Timer(0.7, cosigned)
        late.start()
        # It waits for the cosignature too.
        assert client.receipt(wait=20.0).is_trusted
        late.join()
        assert ("w",) == client.checkpoint().cosigned_by


def test_another_namespaces_checkpoint_is_not_taken_for_this_ones(honest: Site, tmp_path: Path):
    with regesta.Client(honest.address) as client:
        client.create_namespace("other")
    honest.desk.look()
    trust = regesta.Trust(POLICY, state=tmp_path)
    with (
        regesta.Client(honest.address, namespace="other", trust=trust) as client,
        pytest.raises(regesta.CheckpointInvalid, match="no key is known"),
    ):
        client.checkpoint()


def test_the_command_line_shows_checks_and_remembers(
    honest: Site,
    forged: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    policy, note = tmp_path / "policy.txt", tmp_path / "note"
    proof, record = tmp_path / "e.tlog-proof", tmp_path / "e.json"
    policy.write_text(POLICY)
    at = ("--namespace", NAMESPACE, "--target")

    assert 0 == run(
        [*at, honest.address, "checkpoint", "--policy", str(policy), "--out", str(note)]
    )
    assert ORIGIN in capfd.readouterr().out
    assert note.read_text() in honest.desk.notes()
    files = ["--out", str(proof), "--event", str(record), "--policy", str(policy)]
    assert 0 == run([*at, honest.address, "receipt", "3", *files])
    assert 0 == run([*at, honest.address, "receipt", "model-1/2", "--wait", "0"])
    assert capfd.readouterr().out.count("c2sp.org/tlog-proof@v1") == 1
    assert 0 == run(["verify-proof", str(record), str(proof), "--policy", str(policy)])
    record.write_bytes(record.read_bytes().replace(b"model-", b"m0del-"))
    assert 7 == run(["verify-proof", str(record), str(proof), "--policy", str(policy)])

    assert 7 == run([*at, forged.address, "checkpoint", "--policy", str(policy)])
    assert "FORK_DETECTED" in capfd.readouterr().err
    assert 0 == run([*at, forged.address, "checkpoint"])
    assert "no: give a --policy" in capfd.readouterr().out


def test_a_certificate_of_erasure_is_proved_by_what_it_holds(honest: Site, tmp_path: Path):
    with honest.client(None) as client:
        client.register("erased", source="s3://models/erased", reason="asked by Rosa")
        erased = client.erase_texts(resource="erased", legal_basis="GDPR Art. 17(1)(b)")
    honest.desk.look()
    file, policy = tmp_path / "certificate.json", tmp_path / "policy.txt"
    policy.write_text(POLICY)
    at = ["--namespace", NAMESPACE, "--target", honest.address]

    assert 0 == run([*at, "erasure-certificate", str(erased.position), "--out", str(file)])

    certificate = json.loads(file.read_text())
    record, proof = tmp_path / "event.json", tmp_path / "event.tlog-proof"
    record.write_text(certificate["record"])
    proof.write_text(certificate["receipt"])
    verifying = ["verify-proof", str(record), str(proof), "--policy", str(policy)]
    assert 0 == run(verifying)
    record.write_text(certificate["record"].replace("17(1)(b)", "17(1)(c)"))
    assert 7 == run(verifying)
