"""How a server starts, what it serves with, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
import trustme

import regesta
from tests.support.server_process import ServerProcess, serving


def ended(arguments, environment=None):
    """Run a server that cannot serve; return its exit code and what it said."""
    server = ServerProcess(arguments, environment)
    with pytest.raises(AssertionError):
        server.wait()
    return server.process.returncode, "\n".join([*server.said, *server.logged])


def test_the_first_start_makes_an_administrator_s_token_in_a_file_only_its_owner_reads(
    open_directory,
):
    home = open_directory / "home"
    with serving("--data-dir", str(home)) as server:
        file = home / "admin-token"
        token = file.read_text().strip()
        with regesta.Client(server.address) as stranger, pytest.raises(regesta.Unauthenticated):
            stranger.get_head()
        with regesta.Client(server.address, token=token) as admin:
            admin.register("churn", source="s3://x")
            (registered,) = [event.actor for event in admin.history("churn/1")]

    assert registered == "admin"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not any(token in line for line in [*server.said, *server.logged])
    with serving("--data-dir", str(home)) as again, regesta.Client(again.address, token=token) as c:
        assert c.resolve("churn@latest").version == 1
    assert file.read_text().strip() == token


def test_a_real_database_without_tokens_is_refused_with_the_way_out(database):
    code, said = ended(["--dsn", database.service_dsn, "--listen", "127.0.0.1:0"])

    assert code == 2
    assert "regesta-server token new" in said


def test_a_database_that_does_not_answer_ends_the_start_with_a_clear_word():
    code, said = ended(["--dsn", "host=127.0.0.1 port=1 user=x dbname=x", "--insecure-dev"])

    assert code == 3
    assert "Traceback" not in said


def test_an_empty_database_is_refused_until_migrations_are_applied(postgres):
    blank = postgres.blank()
    try:
        code, said = ended(["--dsn", blank.service_dsn, "--insecure-dev"])
        with (
            serving(
                "--dsn", blank.service_dsn, "--owner-dsn", blank.owner_dsn, "--insecure-dev"
            ) as server,
            regesta.Client(server.address) as client,
        ):
            position = client.get_head().position
    finally:
        postgres.drop(blank)

    assert code == 3
    assert "migrations" in said
    assert position == 1


@pytest.mark.every_engine
def test_an_address_in_use_is_refused(server, server_database, engine):
    options = ["--listen", server.address, "--engine", engine, "--insecure-dev"]
    code, said = ended([*options, "--dsn", server_database.service_dsn])

    assert code == 2
    assert server.address in said


def test_it_serves_over_tls_and_to_nobody_who_does_not_trust_it(tmp_path, server_database):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "roots.pem")
    own = authority.issue_cert("localhost", "127.0.0.1")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    for part in own.cert_chain_pems:
        part.write_to_path(tmp_path / "certificate.pem", append=True)
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    environment = {
        "REGESTA_TLS__CERTIFICATE": str(tmp_path / "certificate.pem"),
        "REGESTA_TLS__KEY": str(tmp_path / "key.pem"),
    }
    arguments = ["--insecure-dev", "--dsn", server_database.service_dsn]
    with serving(*arguments, environment=environment) as server:
        with regesta.Client(server.address, tls=tmp_path / "roots.pem") as client:
            position = client.get_head().position
        for tls in (False, tmp_path / "other.pem"):
            with regesta.Client(server.address, tls=tls) as client:
                with pytest.raises(regesta.RegestaError) as caught:
                    client.get_head(timeout=2)
                assert caught.value.code in {
                    grpc.StatusCode.UNAVAILABLE,
                    grpc.StatusCode.DEADLINE_EXCEEDED,
                }

    assert position >= 1


def test_the_native_engine_with_tls_is_refused_with_the_way_out(server_database):
    environment = {"REGESTA_TLS__CERTIFICATE": "/x", "REGESTA_TLS__KEY": "/x"}
    options = ["--engine", "native", "--insecure-dev", "--dsn", server_database.service_dsn]
    code, said = ended(options, environment)

    assert code == 2
    assert "no TLS" in said
    assert "grpcio" in said


@pytest.mark.every_engine
def test_it_listens_on_a_unix_socket(server_database, engine, open_directory):
    address = f"unix:{open_directory}/regesta.sock"
    options = ["--insecure-dev", "--engine", engine, "--listen", address]
    server = ServerProcess([*options, "--dsn", server_database.service_dsn])
    server.wait()
    with regesta.Client(address) as client:
        position = client.get_head().position

    assert position >= 1
    assert server.stop() == 0


def free_port():
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def two_workers(address, database, engine="grpcio"):
    """Start a server of two processes on one port."""
    options = ("--workers", "2", "--listen", address, "--insecure-dev", "--engine", engine)
    server = ServerProcess([*options, "--dsn", database.service_dsn])
    server.wait()
    return server


@pytest.mark.skipif(sys.platform != "linux", reason="SO_REUSEPORT balances on Linux only")
@pytest.mark.every_engine
def test_workers_share_a_port_and_a_client_reads_its_writes_from_each(server_database, engine):
    address = f"127.0.0.1:{free_port()}"
    server = two_workers(address, server_database, engine)
    with regesta.Client(address, namespace="default", channels=8) as client:
        seen = []
        for _ in range(20):
            number = client.register("shared", source="s3://x").version
            client.set_alias("shared@champion", version=number)
            seen.append(client.resolve("shared@champion").version == number)

    assert all(seen)
    assert server.stop() == 0
    assert server.said.count(f"regesta serves on {address}") == 2


def test_when_a_worker_dies_the_server_ends_with_a_failure(server_database):
    address = f"127.0.0.1:{free_port()}"
    server = two_workers(address, server_database)
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    workers = [
        int(pid)
        for pid in children.read_text().split()
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(workers[0], signal.SIGKILL)

    assert server.process.wait(30) == 1


@pytest.mark.every_engine
def test_it_stops_in_order_when_asked_and_says_so(server_database, engine):
    options = ("--insecure-dev", "--engine", engine)
    with serving(*options, "--dsn", server_database.service_dsn) as server:
        assert server.stop() == 0

    assert any('"draining"' in line for line in server.logged)
    assert any('"stopped"' in line for line in server.logged)


def test_a_new_token_works_once_its_digest_is_configured(tmp_path, server_database):
    made = subprocess.run(
        [
            Path(sys.executable).parent / "regesta-server",
            "token",
            "new",
            "--principal",
            "ci",
            "--role",
            "registrar",
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    token = next(line.strip() for line in made.splitlines() if line.strip().startswith("rgst_"))
    file = tmp_path / "regesta.toml"
    file.write_text(made.partition("configuration:\n")[2])
    with (
        serving("--config", str(file), "--dsn", server_database.service_dsn) as server,
        regesta.Client(server.address, token=token) as client,
    ):
        version = client.register("by-token", source="s3://x")

    assert version.created_by == "ci"


def test_a_server_whose_embedded_postgresql_ends_says_so_and_ends(open_directory):
    arguments = ["--insecure-dev", "--listen", "127.0.0.1:0", "--data-dir", str(open_directory)]
    first, second = ServerProcess(arguments), None
    try:
        first.wait()
        second = ServerProcess(arguments)
        second.wait()
        assert any(line.startswith("joined") for line in second.said)
        assert first.stop() == 0
        assert second.ended() == 1
        assert any('"database_ended"' in line for line in second.logged)
    finally:
        for server in (first, second):
            if server is not None:
                server.kill()
