from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta_service.postgres import binaries
from regesta_service.postgres.account import server_account
from regesta_service.postgres.data_directory import DataDirectory
from regesta_service.postgres.embedded import EmbeddedPostgres
from regesta_service.postgres.errors import ServerNotStarted
from regesta_service.postgres.postmaster import processes_in
from tests.support.server_process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import OwnServer

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the kernel's help that is tested here is Linux's"
)

INSTALLED = [pytest.param(place, id=source) for source, place in binaries.installed()]

OWNER = """
import sys
from pathlib import Path
from regesta_service.postgres.data_directory import DataDirectory
from regesta_service.postgres.embedded import EmbeddedPostgres

server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


def kill_server(server: EmbeddedPostgres) -> None:
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def write(server: EmbeddedPostgres) -> None:
    """Commit 1,000 rows and leave 1,000 uncommitted ones behind on a broken connection."""
    with psycopg.connect(server.dsn) as conn:
        conn.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
    conn = psycopg.connect(server.dsn)
    conn.execute("INSERT INTO kept SELECT generate_series(1001, 2000)")
    conn.pgconn.finish()


def count(server: EmbeddedPostgres) -> int:
    with psycopg.connect(server.dsn) as conn:
        row = conn.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def log_of(data_dir: Path) -> str:
    return "".join(path.read_text() for path in (data_dir / "log").glob("*.log"))


def wait_until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline, "it did not happen in 20 s"
        time.sleep(0.02)


@pytest.mark.parametrize("bindir", INSTALLED)
def test_a_killed_server_starts_again_with_what_was_committed(own_server: OwnServer, bindir: Path):
    server = own_server(durable=True, bindir=bindir)
    write(server)

    kill_server(server)
    server.start()

    assert 1000 == count(server)


def test_another_process_can_start_what_was_killed(own_server: OwnServer):
    first = own_server(durable=True)
    write(first)
    kill_server(first)
    first.stop()

    second = own_server(first.data_dir, durable=True)

    assert second.is_owned
    assert 1000 == count(second)


def test_an_immediate_stop_keeps_what_was_committed(own_server: OwnServer):
    server = own_server(durable=True)
    write(server)

    server.stop(immediate=True)
    server.start()

    assert "was not properly shut down" in log_of(server.data_dir)
    assert 1000 == count(server)


def test_a_server_whose_owner_is_killed_shuts_down_cleanly(new_data_dir: Callable[[], Path]):
    data_dir = new_data_dir()
    command = [sys.executable, "-c", OWNER, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        write(EmbeddedPostgres(data_dir))
        owner.kill()
    wait_until(lambda: not processes_in(data_dir / "cluster"))

    log = log_of(data_dir)
    with EmbeddedPostgres(data_dir) as next_owner:
        kept = count(next_owner)

    assert log.rstrip().endswith("database system is shut down")
    assert "was not properly shut down" not in log_of(data_dir)
    assert 1000 == kept


def test_a_guest_becomes_the_owner_when_the_owner_is_killed(new_data_dir: Callable[[], Path]):
    data_dir = new_data_dir()
    guest = EmbeddedPostgres(data_dir)
    command = [sys.executable, "-c", OWNER, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        guest.start()
        write(guest)
        joined = guest.is_owned
        owner.kill()
        guest.start()  # at once, while the first server is still going down

    with guest:
        assert (False, True) == (joined, guest.is_owned)
        assert 1000 == count(guest)


def test_a_server_without_an_owner_is_taken_over_and_stopped(new_data_dir: Callable[[], Path]):
    """As on systems where no kernel stops it: its owner dies, it goes on."""
    data_dir = new_data_dir()
    account = server_account(data_dir)
    major = DataDirectory(data_dir).major()
    bindir = binaries.find(account, staging=data_dir / "binaries", major=major).bindir
    arguments = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={data_dir}/socket"]
    uid = account.uid if os.geteuid() == 0 else None
    with subprocess.Popen(
        [bindir / "postgres", "-D", data_dir / "cluster", *arguments],
        cwd="/",
        user=uid,
        stderr=subprocess.DEVNULL,
    ) as orphan:
        server = EmbeddedPostgres(data_dir)
        wait_until((data_dir / "socket" / ".s.PGSQL.5432").exists)
        server.start()
        pid, owned = server.pid, server.is_owned
        server.stop()

        assert (orphan.pid, True) == (pid, owned)
        assert 0 == orphan.wait(timeout=10)


@pytest.mark.parametrize("kind", ["stranger", "zombie", "dead", "garbage"])
def test_a_stale_pid_file_does_not_keep_the_server_down(own_server: OwnServer, kind: str):
    server = own_server()
    server.stop()
    pid_file = server.data_dir / "cluster" / "postmaster.pid"
    # As the server's account: PostgreSQL takes a pid that it may not signal for a dead one.
    uid = server.data_dir.joinpath("cluster").stat().st_uid if os.geteuid() == 0 else None
    with subprocess.Popen(["/bin/sleep", "60"], user=uid) as process:
        if kind != "stranger":
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        if kind == "dead":
            process.wait()
        lines = f"{process.pid}\n{server.data_dir}/cluster\n1\n5432\n/tmp\n\n  1 1\n"
        pid_file.write_text("what?\n" if kind == "garbage" else lines)
        os.chown(pid_file, pid_file.parent.stat().st_uid, -1)
        try:
            server.start()
        finally:
            process.kill()

        assert process.pid != server.pid
        assert server.is_owned


def test_no_server_starts_beside_a_process_of_the_last_one(own_server: OwnServer):
    first = own_server(durable=True)
    with psycopg.connect(first.dsn) as conn:
        backend = conn.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        kill_server(first)
        first._start_timeout = 0.5
        try:
            with pytest.raises(ServerNotStarted, match=rf"processes .*{backend}.* of an earlier"):
                first.start()
        finally:
            os.kill(backend, signal.SIGCONT)
        wait_until(lambda: not processes_in(first.data_dir / "cluster"))
        first._start_timeout = 60
        first.start()

    assert first.is_owned


def test_an_interrupted_initdb_is_begun_anew(new_data_dir: Callable[[], Path]):
    data_dir = new_data_dir()
    (data_dir / "cluster").rename(data_dir / "cluster.new")
    (data_dir / "cluster.new" / "PG_VERSION").unlink()

    with EmbeddedPostgres(data_dir, durable=False) as server:
        assert server.pid is not None

    assert not (data_dir / "cluster.new").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_stopped_in_its_first_initdb_ends_it_too(
    open_directory: Path, number: signal.Signals
):
    options = ("--insecure-dev", "--listen", "127.0.0.1:0", "--data-dir", str(open_directory))
    server = ServerProcess(options)
    partial = open_directory / "postgres" / "cluster.new"
    try:
        wait_until((partial / "PG_VERSION").exists)
        assert processes_of(partial)
        server.process.send_signal(number)
        assert 0 == server.process.wait(20)
    finally:
        server.kill()

    assert ["stopped before it served"] == server.logged
    assert [] == server.said
    assert [] == processes_of(partial)
    assert not (open_directory / "postgres" / "cluster").exists()


def processes_of(cluster: Path) -> list[str]:
    """Return the commands of the processes that make a cluster."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes()
            place = b"PGDATA=" + os.fsencode(cluster)
            if os.fsencode(cluster) in command or place in (process / "environ").read_bytes():
                found.append(command.replace(b"\0", b" ").decode())
    return found


def test_a_server_that_ignores_everything_is_stopped_in_bounded_time(own_server: OwnServer):
    server = own_server()
    server.stop()
    stubborn = EmbeddedPostgres(server.data_dir, durable=False, stop_timeout=0.3)
    stubborn.start()
    pid = stubborn.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)

    began = time.monotonic()
    stubborn.stop()
    took = time.monotonic() - began
    server.start()  # which also clears the shared memory that SIGKILL left behind

    assert took < 10
    assert pid not in processes_in(server.data_dir / "cluster")


def test_clients_that_stay_connected_do_not_delay_a_stop(own_server: OwnServer):
    server = own_server()
    conn = psycopg.connect(server.dsn)
    conn.execute("SELECT 1")

    began = time.monotonic()
    server.stop()

    assert time.monotonic() - began < 5
    with pytest.raises(psycopg.OperationalError):
        conn.execute("SELECT 1")
    conn.close()
