"""A server behind PgBouncer in transaction mode, where PgBouncer is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import regesta
from tests.support.server_process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import LiveDatabase

START_TIMEOUT = 10.0

pytestmark = pytest.mark.skipif(
    shutil.which("pgbouncer") is None, reason="not installed: pgbouncer"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def pooled_dsn(database: LiveDatabase, open_directory: Path) -> Iterator[str]:
    """How the service's role connects through a pooler with three connections."""
    parts = conninfo_to_dict(database.service_dsn)
    upstream = make_conninfo("", **{k: v for k, v in parts.items() if k != "user"})
    port = free_port()
    users = open_directory / "users.txt"
    users.write_text(f'"{parts["user"]}" "{parts.get("password", "")}"\n')
    config = open_directory / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n{database.name} = {upstream}\n[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {users}\n"
        "pool_mode = transaction\ndefault_pool_size = 3\n"
    )
    for file in (users, config):
        file.chmod(0o644)
    account = []
    if os.geteuid() == 0:  # it refuses to run as root, and the socket is its owner's only
        place = Path(str(parts["host"]))
        account = ["-u", place.owner() if place.is_absolute() else "nobody"]
    process = subprocess.Popen(
        ["pgbouncer", *account, config], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, process.communicate()[0].decode()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield make_conninfo(
            "", host="127.0.0.1", port=port, user=parts["user"], dbname=database.name
        )
    finally:
        process.terminate()
        process.communicate(timeout=START_TIMEOUT)


def test_two_servers_behind_a_pooler_are_one_registry(pooled_dsn: str):
    environment = {"REGESTA_PREPARED_STATEMENTS": "false"}
    arguments = ("--insecure-dev", "--dsn", pooled_dsn)
    with (
        serving(*arguments, environment=environment) as one,
        serving(*arguments, environment=environment) as other,
        regesta.Client(one.address) as writer,
        regesta.Client(other.address, fresh=True) as reader,
    ):
        for number in range(1, 21):
            version = (writer if number % 2 else reader).register("churn", reason="again")
            assert number == version.version
            writer.set_alias("churn@champion", version=number)
            assert number == reader.resolve("churn@champion").version
        watched = reader.watch(after=0, types=["AliasSet"])
        assert 20 == len([next(watched) for _ in range(20)])
        *_, last = reader.verify()
        assert (True, 0) == (last.done, last.findings_total)
