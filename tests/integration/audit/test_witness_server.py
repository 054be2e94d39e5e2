"""A witness on the network, asked by our client and by careless ones."""

from __future__ import annotations

import http.client
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from regesta.audit import witness_server
from regesta.audit.checkpoints import Checkpoint, sign_checkpoint
from regesta.audit.keys import log_signer, log_verifier
from regesta.audit.notes import InvalidNote, Note, UnsignedNote, verify
from regesta.audit.tiles import consistency_proof
from regesta.audit.witness import Answer, Witness
from regesta.audit.witness_client import (
    SizeConflict,
    WitnessAhead,
    WitnessClient,
    WitnessRefused,
    WitnessUnavailable,
)
from regesta.audit.witness_protocol import MAX_REQUEST_BYTES, AddCheckpoint, origin_hash
from regesta.audit.witness_server import WitnessServer
from regesta.merkle import leaf_hash, root_of
from tests.support.audit_samples import (
    HASHES,
    ORIGIN,
    ed25519_key,
    read_tile,
    signed,
    witness,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SIGNER = witness("w")


@dataclass(frozen=True, slots=True)
class Served:
    """A witness that serves, and what it reported."""

    server: WitnessServer
    reports: list[str]

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.server.server_address[:2]
        return str(host), port

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def client(self) -> WitnessClient:
        return WitnessClient(self.url, [SIGNER.verifier], timeout=5)

    def connect(self) -> http.client.HTTPConnection:
        host, port = self.address
        return http.client.HTTPConnection(host, port, timeout=5)

    def say(self, data: bytes) -> bytes:
        """Send bytes and return the answer up to the end of the connection."""
        with socket.create_connection(self.address, timeout=10) as connection:
            connection.sendall(data)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
            return b"".join(parts)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    reports: list[str] = []
    cosigning = Witness([SIGNER], [log_verifier(ORIGIN, ed25519_key())], tmp_path)
    with WitnessServer(("127.0.0.1", 0), cosigning, reports.append) as server:
        # Looks up more often than in use, so that each test ends at once.
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Served(server, reports)
        server.shutdown()
        thread.join()
    cosigning.close()


def prove(old: int, size: int) -> Sequence[bytes]:
    return consistency_proof(old, size, read_tile)


def test_a_log_has_its_checkpoints_cosigned(served):
    client = served.client()
    for size in (5, 5, 256, 300):
        (cosignature,) = client.submit(signed(size), prove)
        note = signed(size).with_signatures([cosignature.signature])
        assert verify(note, [SIGNER.verifier])


def test_a_client_that_knows_nothing_asks_twice(served):
    served.client().submit(signed(5), prove)
    asked: list[tuple[int, int]] = []

    def watched(old: int, size: int) -> Sequence[bytes]:
        asked.append((old, size))
        return prove(old, size)

    fresh = served.client()
    assert fresh.submit(signed(300), watched)
    assert fresh.submit(signed(300), watched)
    assert [(5, 300), (300, 300)] == asked


def test_a_log_that_lost_its_end_learns_that_the_witness_is_ahead(served):
    served.client().submit(signed(300), prove)
    with pytest.raises(WitnessAhead) as caught:
        served.client().submit(signed(5), prove)
    assert 300 == caught.value.size
    with pytest.raises(SizeConflict):
        served.client().add_checkpoint(5, (), signed(5))


def test_a_fork_is_refused_and_reported(served):
    client = served.client()
    client.submit(signed(100), prove)
    hashes = [leaf_hash(b"edited"), *HASHES[1:]]
    fork = sign_checkpoint(
        Checkpoint(ORIGIN, 300, root_of(hashes)), log_signer(ORIGIN, ed25519_key())
    )
    with pytest.raises(WitnessRefused) as caught:
        client.submit(fork, prove)
    assert 422 == caught.value.status
    assert any(one.startswith("WARNING") and ORIGIN in one for one in served.reports)


def test_a_log_that_the_witness_does_not_know_is_refused(served):
    note = sign_checkpoint(Checkpoint("x", 1, bytes(32)), log_signer("x", ed25519_key()))
    with pytest.raises(WitnessRefused) as caught:
        served.client().submit(note, prove)
    assert 404 == caught.value.status


def test_a_cosignature_by_another_key_is_not_taken(served):
    client = WitnessClient(served.url, [witness("other").verifier])
    with pytest.raises(UnsignedNote):
        client.submit(signed(5), prove)


def test_a_monitor_reads_the_last_checkpoint(served):
    served.client().submit(signed(5), prove)
    connection = served.connect()
    for path, status in (
        (f"/{origin_hash(ORIGIN)}/checkpoint", 200),
        (f"/{origin_hash('x')}/checkpoint", 404),
        ("/", 404),
        ("/../state/lock", 404),
    ):
        # One connection serves all of them: it is kept alive.
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        assert status == answer.status
        if status == 200:
            assert verify(Note.parse(body), [SIGNER.verifier])
    connection.close()


def test_requests_over_one_connection_are_answered_in_order(served):
    connection = served.connect()
    for old, size, status in ((0, 5, 200), (0, 5, 409), (5, 300, 200)):
        proof = prove(old, size) if old else ()
        body = AddCheckpoint(old, tuple(proof), signed(size)).encode()
        connection.request("POST", "/add-checkpoint", body)
        answer = connection.getresponse()
        assert (status, True) == (answer.status, bool(answer.read()))
        expected = "text/x.tlog.size" if status == 409 else "text/plain; charset=utf-8"
        assert expected == answer.headers["Content-Type"]
    connection.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /add-checkpoint HTTP/1.1\r\n\r\n", 411),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"POST /add-checkpoint HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_REQUEST_BYTES + 1), 413),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"POST /other HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 404),
        (b"PUT /add-checkpoint HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 501),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
    ],
)  # fmt: skip
def test_a_careless_request_is_refused_and_the_witness_goes_on(served, head, status):
    answer = served.say(head)
    assert str(status).encode() in answer.splitlines()[0]
    assert served.client().submit(signed(5), prove)


def test_a_request_that_breaks_off_changes_nothing(served):
    body = AddCheckpoint(0, (), signed(5)).encode()
    head = b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(served.address, timeout=10) as connection:
        connection.sendall(head + body[:-1])
        connection.shutdown(socket.SHUT_WR)
        assert b"" == connection.recv(1)
    served.client().add_checkpoint(0, (), signed(9))


def test_a_request_that_drips_in_is_cut_off(served, monkeypatch):
    monkeypatch.setattr(witness_server, "REQUEST_SECONDS", 0.3)
    with socket.create_connection(served.address, timeout=10) as connection:
        connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 100\r\n\r\nold")
        assert b"" == connection.recv(1)
    monkeypatch.undo()
    assert served.client().submit(signed(5), prove)


def test_more_connections_than_are_served_are_turned_away(served):
    idle = [socket.create_connection(served.address) for _ in range(64)]
    try:
        answer = served.say(b"GET / HTTP/1.1\r\n\r\n")
        assert b"503" in answer.splitlines()[0]
    finally:
        for connection in idle:
            connection.close()


def test_a_state_that_cannot_be_written_is_told(served, monkeypatch):
    def full(_: bytes) -> Answer:
        raise OSError("no space left on device")

    monkeypatch.setattr(served.server.witness, "add_checkpoint", full)
    with pytest.raises(WitnessUnavailable, match="500"):
        served.client().submit(signed(5), prove)
    assert any("no space" in one for one in served.reports)


def test_a_witness_that_is_not_there_is_unavailable():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(WitnessUnavailable, match="does not answer"):
        WitnessClient(url, [SIGNER.verifier]).submit(signed(5), prove)


@pytest.mark.parametrize("url", ["ftp://a", "witness.example.com", "http://", "file:///etc"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match="http or https"):
        WitnessClient(url, [])


def answering(head: bytes, body: bytes) -> tuple[str, threading.Thread]:
    """Serve one answer, whatever is asked; return the address and the thread."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        for _ in range(3):
            connection, _address = listener.accept()
            with connection:
                connection.recv(65536)
                length = b"Content-Length: %d" % len(body)
                connection.sendall(b"HTTP/1.1 " + head + b"\r\n" + length + b"\r\n\r\n" + body)
        listener.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}", thread


@pytest.mark.parametrize(
    ("head", "body", "error"),
    [
        (b"200 OK", b"", InvalidNote),
        (b"200 OK", "— w.example.com AAAA\n".encode(), InvalidNote),
        (b"200 OK", b"x" * 1_000_001, WitnessUnavailable),
        (b"409 Conflict", b"many\n", WitnessUnavailable),
        (b"429 Too Many Requests", b"", WitnessUnavailable),
        (b"503 Service Unavailable", b"", WitnessUnavailable),
        (b"403 Forbidden", b"no\n", WitnessRefused),
        (b"302 Found", b"", WitnessUnavailable),
    ],
)
def test_an_answer_that_is_not_a_witnesss_is_not_believed(head, body, error):
    url, _ = answering(head, body)
    with pytest.raises(error):
        WitnessClient(url, [SIGNER.verifier], timeout=5).submit(signed(5), prove)


def test_a_witness_that_never_settles_is_given_up():
    url, thread = answering(b"409 Conflict", b"4\n")
    with pytest.raises(WitnessUnavailable, match="each time"):
        WitnessClient(url, [SIGNER.verifier], timeout=5).submit(signed(5), prove)
    thread.join(5)
