"""export-tiles, and the server's own backup, restore and replay."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta.exporting.tiling import read_records
from tests.support.rich_log import rich_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    import regesta
    from tests.acceptance.cli.conftest import CommandLine
    from tests.databases import DatabaseServer, LiveDatabase

LOG = rich_log()
PROGRAM = Path(sys.executable).parent / "regesta-server"


def server_command(*arguments: str | Path, code: int = 0) -> str:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert code == done.returncode, (done.stdout, done.stderr)
    return done.stdout + done.stderr


@pytest.fixture
def filled(postgres: DatabaseServer) -> Iterator[LiveDatabase]:
    """A database of its own: in the shared one, other tests forge records."""
    made = postgres.migrated()
    with psycopg.connect(made.superuser_dsn) as connection:
        LOG.write(connection)
    yield made
    postgres.drop(made)


def test_a_mirror_grows_with_the_log(
    churn: CommandLine, client: regesta.Client, tmp_path: Path, namespace: str
):
    folder = tmp_path / "mirror"
    first = churn("export-tiles", str(folder), "--json").document
    counted = churn("audit", "population", "--pack", str(folder), "--json").document
    assert first["size"] == counted["count"]
    assert (7, 7, False) == (first["size"], first["events_added"], first["signed"])
    assert 0 == churn("export-tiles", str(folder), "--json").document["files_written"]
    for number in range(250):
        client.set_tags("churn", tags={"n": str(number)})
    grown = churn("export-tiles", str(folder), "--json").document
    assert (257, 250) == (grown["size"], grown["events_added"])
    assert [event.record for event in client.events()] == list(read_records(folder, 257))
    assert ["1"] == sorted(path.name for path in (folder / "tile/0/001.p").iterdir())
    assert not (folder / "tile/0/000.p").exists()
    found = churn("verify", str(folder), "--json").document
    assert (True, 257, grown["root_hash"]) == (found["ok"], found["events"], found["root_hash"])
    assert "257 events in" in churn("export-tiles", str(folder)).out


def test_a_mirror_is_of_one_log_and_of_nothing_else(churn: CommandLine, tmp_path: Path):
    churn("export-tiles", str(tmp_path / "mirror"))
    churn("namespace", "create", "elsewhere")
    said = churn("--namespace", "elsewhere", "export-tiles", str(tmp_path / "mirror"), code=1).err
    assert "do not extend" in said or "lost some" in said
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    assert "other things" in churn("export-tiles", str(tmp_path / "other"), code=1).err


def test_a_database_is_backed_up_restored_and_replayed_by_commands(
    filled: LiveDatabase, database: LiveDatabase, tmp_path: Path
):
    folder, size = tmp_path / "backup", LOG.size
    said = server_command("backup", "--dsn", filled.service_dsn, folder)
    assert f"acme: {size} events added, {size} in all" in said
    said = server_command("restore", folder, "--into", database.service_dsn)
    assert f"acme: {size} events restored, 0 of them signed; 0 findings" in said
    again = server_command("restore", folder, "--into", database.service_dsn, code=1)
    assert "has logs already" in again
    found = server_command("verify", "--dsn", database.service_dsn, "--namespace", "acme")
    assert f"{size} events folded" in found
    index = json.loads((folder / "backup.json").read_text())
    assert ["acme"] == index["namespaces"]


def test_an_export_is_folded_into_a_database_that_is_gone_afterwards(
    churn: CommandLine, server_database: LiveDatabase, namespace: str, tmp_path: Path
):
    log = tmp_path / "log.jsonl"
    churn("replay", "--out", str(log))
    churn("alias", "churn@champion", "1")
    options = ("--from", log, "--compare", "--dsn", server_database.service_dsn)
    said = server_command("replay", *options, "--namespace", namespace)
    assert said.startswith("7 exported events folded, and 1 that followed;")
    assert said.endswith(" 0 differences\n")
