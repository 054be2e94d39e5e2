"""A backup verifies itself, and becomes the same database again."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from regesta.audit.keys import log_verifier
from regesta.audit.packs import InvalidPack
from regesta.audit.policies import Log, Policy
from regesta.audit.verifying import verify
from regesta.exporting.tiling import InvalidTiles
from regesta.importing.log_records import InvalidLog, open_export
from regesta_projections import rebuild
from regesta_service.backup.folder import InvalidBackup
from regesta_service.backup.loading import NotEmpty
from regesta_service.backup.restoring import restore
from tests.integration.backup.conftest import RICH, RICH_SIZE
from tests.support.audit_samples import ed25519_key
from tests.support.publishing import DEPLOYMENT, KEY, Superuser, write
from tests.support.writing import NAMESPACE, register, sequencing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import DatabaseServer, LiveDatabase
    from tests.integration.backup.conftest import Original

_TABLES = """
SELECT tablename FROM pg_tables WHERE schemaname = 'regesta' AND tablename <> ALL (%s) ORDER BY 1
"""
# What is not restored: the key of page tokens, what the publisher said of itself, partitions
# (read through their parent), and lines that are computed again when they are asked for.
_OTHERS = ["secrets", "migrations", "publishers", "heads", "head_lines", "head_tiles"]


@pytest.fixture
def empty(postgres: DatabaseServer) -> Iterator[LiveDatabase]:
    made = postgres.migrated()
    yield made
    postgres.drop(made)


def contents(database: LiveDatabase) -> dict[str, list[str]]:
    """Return every row of every table, as text."""
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("SET TimeZone = 'UTC'")
        names = [name for (name,) in conn.execute(_TABLES, [_OTHERS])]
        found = {}
        for name in names:
            rows = conn.execute(
                sql.SQL("SELECT (to_jsonb(t) - 'rebuilt_at')::text FROM regesta.{} AS t").format(
                    sql.Identifier(name)
                )
            )
            found[name] = sorted(row[0] for row in rows)
        return found


def policy(key: Any = KEY) -> Policy:
    return Policy(
        tuple(Log(log_verifier(f"{DEPLOYMENT}/{name}", key)) for name in (NAMESPACE, RICH))
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_what_is_restored_is_the_original_row_by_row(original: Original, empty: LiveDatabase):
    # The log with every kind of event was written without its history; this catches up.
    rebuild.rebuild(original.dsn, RICH, linger=0)
    rebuild.rebuild(original.dsn, NAMESPACE, linger=0)
    done = original.back_up()
    assert [(NAMESPACE, True), (RICH, True)] == [
        (log.namespace, log.size == log.signed) for log in done
    ]
    restored = restore(empty.service_dsn, original.folder, policy())
    assert {"events", "tiles", "requests", "disclosures", "checkpoints", "versions"} < set(
        contents(empty)
    )
    with psycopg.connect(original.dsn) as conn, conn.transaction():
        (was,) = conn.execute("SELECT origin FROM regesta.deployment").fetchone() or ("",)
    expected = contents(original.database)
    expected["deployment"] = [one.replace(was, DEPLOYMENT) for one in expected["deployment"]]
    assert expected == contents(empty)
    assert [log.size for log in done] == [log.size for log in restored]
    assert [(), ()] == [log.report.findings for log in restored]


def test_what_is_restored_goes_on(original: Original, empty: LiveDatabase):
    write(original.dsn, 1, "again")
    original.back_up()
    restore(empty.service_dsn, original.folder)

    async def appended() -> list[int]:
        async with sequencing(empty.service_dsn) as submit:
            one = await submit(register("model-0"), "again-0")
            two = await submit(register("model-0"), "new")
            return [one.position, two.position]

    with psycopg.connect(original.dsn) as conn:
        query = "SELECT size FROM regesta.logs WHERE name = %s"
        (size,) = conn.execute(query, [NAMESPACE]).fetchone() or (0,)
    # The one request was answered before the backup; the other is the next event.
    assert [size, size + 1] == asyncio.run(appended())
    publisher = original.desk.moved(empty, original.folder.parent / "copy")
    assert {} == publisher.look()


def test_a_second_backup_writes_what_is_new_and_is_the_same_as_a_fresh_one(original: Original):
    original.back_up()
    before = files(original.folder)
    assert [0, 0] == [log.added for log in original.back_up()]
    assert before == files(original.folder)
    write(original.dsn, 300, "later")
    original.publish()
    log, other = original.back_up()
    assert (300, 0) == (log.added, other.added)
    kept = files(original.folder)
    shutil.rmtree(original.folder)
    original.back_up()
    assert kept == files(original.folder)


def test_what_nobody_has_signed_yet_is_in_the_backup_too(original: Original, empty: LiveDatabase):
    write(original.dsn, 10, "unsigned")
    log, _ = original.back_up()
    assert log.size == log.signed + 10
    restore(empty.service_dsn, original.folder, policy())
    assert contents(original.database)["events"] == contents(empty)["events"]
    original.publish()
    log, _ = original.back_up()
    assert (0, log.size) == (log.added, log.signed)
    assert not (original.folder / NAMESPACE / "tail.jsonl").exists()


def test_the_log_in_a_backup_is_read_to_its_end_by_an_import(original: Original):
    write(original.dsn, 5, "unsigned")
    log, _ = original.back_up()
    assert log.signed < log.size
    folder = original.folder / NAMESPACE
    with open_export(folder) as export:
        assert log.size == export.summary.size
        assert list(range(1, log.size + 1)) == [one.position for one in export.records()]
    tail = folder / "tail.jsonl"
    tail.write_bytes(b"".join(tail.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(InvalidLog, match="do not give the root"), open_export(folder):
        pass


def test_an_erased_text_goes_from_the_backup(original: Original):
    original.back_up()
    texts = original.folder / RICH / "disclosures"
    before = b"".join(path.read_bytes() for path in texts.rglob("*.jsonl"))
    with psycopg.connect(original.database.owner_dsn) as conn:
        (position, _) = conn.execute(
            "DELETE FROM regesta.disclosures WHERE field = 'card' RETURNING position, text"
        ).fetchone() or (0, "")
    original.back_up()
    after = b"".join(path.read_bytes() for path in texts.rglob("*.jsonl"))
    assert position
    assert (b'"field":"card"' in before, b'"field":"card"' in after) == (True, False)
    assert verify(original.folder / RICH, policy()).ok


def test_a_backup_is_verified_like_a_pack(original: Original):
    original.back_up()
    report = verify(original.folder / RICH, policy())
    assert (True, RICH_SIZE, RICH_SIZE) == (report.ok, report.size, report.events)
    assert report.texts > 3
    assert report.trust is not None
    with pytest.raises(InvalidPack, match="holds logs, each a pack of its own"):
        verify(original.folder, policy())


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("tile/entries/001", {"ROOT_DIFFERS", "PREVIOUS_DIFFERS", "FILE_DIFFERS"}),
        ("tile/0/001", {"FILE_DIFFERS"}),
        ("tile/1/000.p/2", {"FILE_DIFFERS"}),
        ("disclosures/000.jsonl", {"TEXT_DIFFERS"}),
    ],
)
def test_one_changed_byte_of_a_backup_is_found(original: Original, path: str, kinds: set[str]):
    original.back_up()
    file = original.folder / RICH / path
    data = bytearray(file.read_bytes())
    # In a record or a text this is inside of a word.
    at = data.find(b'"round":"') + 9 if b'"round":"' in data else len(data) - 10
    data[at] ^= 1
    file.write_bytes(data)
    report = verify(original.folder / RICH, policy())
    assert kinds == {finding.kind for finding in report.findings}


@pytest.mark.parametrize(
    "path", ["tile/entries/001", "tile/entries/002.p/88", "disclosures/000.jsonl"]
)
def test_a_changed_backup_is_not_restored(original: Original, empty: LiveDatabase, path: str):
    original.back_up()
    file = original.folder / RICH / path
    data = bytearray(file.read_bytes())
    at = data.find(b'"round":"') + 9 if b'"round":"' in data else data.find(b'"position":2') + 11
    data[at] ^= 1
    file.write_bytes(data)
    if path.startswith("disclosures"):
        file.write_bytes(file.read_bytes().replace(b'"disclosure":"', b'"disclosure":"_'))
    with pytest.raises(InvalidBackup):
        restore(empty.service_dsn, original.folder, policy())
    assert [] == contents(empty)["logs"]


def test_a_forged_backup_is_refused_by_the_policy(original: Original, empty: LiveDatabase):
    original.back_up()
    with pytest.raises(InvalidBackup, match=NAMESPACE):
        restore(empty.service_dsn, original.folder, policy(ed25519_key()))
    assert [] == contents(empty)["logs"]


def test_nothing_is_restored_over_a_log(original: Original):
    original.back_up()
    with pytest.raises(NotEmpty):
        restore(original.dsn, original.folder)


def test_a_database_that_was_edited_is_not_backed_up(original: Original):
    original.back_up()
    before = files(original.folder)
    write(original.dsn, 5, "more")
    original.publish()
    with psycopg.connect(original.dsn) as conn:
        query = "SELECT size FROM regesta.logs WHERE name = %s"
        (size,) = conn.execute(query, [NAMESPACE]).fetchone() or (0,)
    with Superuser(original.database) as superuser:
        assert superuser.edit(size)
    with pytest.raises(InvalidTiles, match="another root"):
        original.back_up()
    after = {name: data for name, data in files(original.folder).items() if name in before}
    assert before == after


def test_the_name_of_a_deployment_stays_once_something_was_signed(original: Original):
    with (
        psycopg.connect(original.dsn) as conn,
        pytest.raises(psycopg.errors.RestrictViolation, match="signed"),
    ):
        conn.execute("UPDATE regesta.deployment SET origin = 'another'")
