"""What the publisher signs, and what it refuses to: attacks of somebody who owns the database."""

from __future__ import annotations

import stat
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from regesta.audit import keys
from regesta.audit.checkpoints import Checkpoint, sign_checkpoint
from regesta.audit.notes import Note, VerifierKey, verify
from regesta.audit.policies import Policy
from regesta.merkle import Frontier
from regesta_service.audit.memory import Memory, MemoryDamaged, MemoryInUse
from regesta_service.audit.publisher import OriginChanged, Publisher
from tests.support.publishing import DEPLOYMENT, KEY, ORIGIN, VERIFIER, Desk, Superuser, write
from tests.support.writing import NAMESPACE, check_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.databases import DatabaseServer, LiveDatabase

#: The log's first event, four models, and so many versions: signed, and those that follow.
SIGNED, SIZE = 205, 335


@pytest.fixture(scope="module")
def origin(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveDatabase, Desk]]:
    """A log of `SIZE` events of which `SIGNED` are signed; to be copied, not changed."""
    database = postgres.migrated()
    desk = Desk(database.service_dsn, tmp_path_factory.mktemp("publisher") / "memory")
    write(database.service_dsn, SIGNED - 5, "signed")
    assert {} == desk.look()
    write(database.service_dsn, SIZE - SIGNED, "unsigned")
    yield database, desk
    postgres.drop(database)


@pytest.fixture
def copied(
    postgres: DatabaseServer, origin: tuple[LiveDatabase, Desk], tmp_path: Path
) -> Iterator[Callable[..., tuple[LiveDatabase, Desk]]]:
    """A function that returns a copy of the log and of the publisher's memory."""
    made = []

    def copy(name: str = "memory") -> tuple[LiveDatabase, Desk]:
        database, desk = origin
        made.append(postgres.copy(database))
        return made[-1], desk.moved(made[-1], tmp_path / name)

    yield copy
    for database in made:
        postgres.drop(database)


@pytest.fixture
def desk(copied: Callable[..., tuple[LiveDatabase, Desk]]) -> Desk:
    return copied()[1]


def test_what_is_signed_is_the_root_of_all_records(desk: Desk):
    assert {} == desk.look()

    frontier = Frontier()
    frontier.extend(_hashes(desk))
    assert [SIGNED, SIZE] == [one.size for one in desk.checkpoints()]
    assert Checkpoint(ORIGIN, SIZE, frontier.root()) == desk.checkpoints()[-1]
    assert SIZE == desk.remembered()


def test_a_log_that_has_not_grown_is_not_signed_again(desk: Desk):
    desk.look()
    notes = desk.notes()

    assert {} == desk.look()

    assert notes == desk.notes()


def test_memory_and_key_are_for_their_owner_only(desk: Desk):
    for path in [desk.directory, *desk.directory.rglob("*")]:
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path


def test_the_policy_beside_the_memory_accepts_what_is_published(desk: Desk):
    desk.look()

    policy = Policy.parse((desk.directory / NAMESPACE / "policy.txt").read_text())

    assert policy.judge(desk.notes()[-1], ORIGIN).accepted


ATTACKS: dict[str, tuple[Callable[[Superuser], object], str, int, int]] = {
    "edit of a row that is in a full tile": (lambda su: su.edit(230), "TAMPER", 230, 230),
    # The last event of its stream has no next one: the projected row tells.
    "edit of a row at the edge": (lambda su: su.edit(SIZE), "TAMPER", SIZE, SIZE),
    "edit at the edge that nobody else can tell": (
        lambda su: (
            su.edit(325),
            su.run(
                "UPDATE regesta.versions AS v SET leaf_hash = e.leaf_hash FROM regesta.events AS e"
                " WHERE e.stream = format('models/%%s/versions/%%s', v.model, v.number)"
            ),
        ),
        "TAMPER",
        321,
        328,
    ),
    "delete in the middle": (lambda su: su.delete(250, 252), "TAMPER", 250, 252),
    "delete at the end": (lambda su: su.delete(SIZE - 4, SIZE), "TAMPER", SIZE - 4, SIZE),
    "delete that others close up over": (
        lambda su: (su.delete(300, 300), su.shift(301, -1)),
        "TAMPER",
        SIZE,
        SIZE,
    ),
    "insert that others make room for": (
        lambda su: (
            su.shift(300, 1),
            su.run(
                "INSERT INTO regesta.events (namespace_id, position, record, stream, revision,"
                " type, actor, recorded_at, request_id) SELECT namespace_id, 300, record, stream,"
                " revision, type, actor, recorded_at, request_id FROM regesta.events"
                " WHERE position = 299"
            ),
        ),
        "TAMPER",
        SIZE + 1,
        SIZE + 1,
    ),
    "insert beyond the end": (
        lambda su: su.run(
            "INSERT INTO regesta.events (namespace_id, position, record, stream, revision, type,"
            " actor, recorded_at, request_id) SELECT namespace_id, position + 1, record, stream,"
            " revision, type, actor, recorded_at, request_id FROM regesta.events"
            " WHERE position = %s",
            SIZE,
        ),
        "TAMPER",
        SIZE + 1,
        SIZE + 1,
    ),
    "reorder in a full tile": (
        lambda su: _swap(su, 240, 241),
        "TAMPER",
        240,
        240,
    ),
    "reorder at the edge": (lambda su: _swap(su, 325, 326), "TAMPER", 321, 328),
    "head edited": (
        lambda su: su.run(
            "UPDATE regesta.logs SET frontier ="
            " overlay(frontier PLACING sha256('') FROM length(frontier) - 31)"
        ),
        "TAMPER",
        SIZE,
        SIZE,
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_was_not_signed_yet_is_not_signed_when_it_was_changed(
    copied: Callable[..., tuple[LiveDatabase, Desk]], attack: str
):
    database, desk = copied()
    act, kind, first, last = ATTACKS[attack]
    with Superuser(database) as superuser:
        act(superuser)

    alarm = desk.look()[NAMESPACE]

    assert (kind, first, last) == (alarm.kind, alarm.position, alarm.last_position), alarm.detail
    assert [SIGNED] == [one.size for one in desk.checkpoints()]
    assert SIGNED == desk.remembered()
    assert [(kind, first)] == _told(database)


def test_a_tail_that_was_cut_off_is_missed_also_when_the_head_says_so(
    copied: Callable[..., tuple[LiveDatabase, Desk]],
):
    database, desk = copied()
    desk.look()
    with Superuser(database) as superuser:
        shorter = Frontier()
        shorter.extend(_hashes(desk)[:300])
        superuser.delete(301, SIZE)
        superuser.run(
            "UPDATE regesta.logs SET size = 300, frontier = %s WHERE name = 'acme'",
            shorter.encode(),
        )
        superuser.run("DELETE FROM regesta.checkpoints WHERE size > 300")

    alarm = desk.look()[NAMESPACE]

    assert ("ROLLBACK", 301, SIZE) == (alarm.kind, alarm.position, alarm.last_position)
    assert [SIGNED] == [one.size for one in desk.checkpoints()]


@pytest.mark.parametrize("events", [130, 131, 200, 60])
def test_a_backup_that_went_on_is_another_history(
    copied: Callable[..., tuple[LiveDatabase, Desk]], postgres: DatabaseServer, events: int
):
    database, desk = copied()
    # The backup has `SIZE` events; what followed is lost, and other events take its place.
    backup = postgres.copy(database)
    write(database.service_dsn, 130, "lost")
    desk.look()
    write(backup.service_dsn, events, "instead")
    restored = Desk(backup.service_dsn, desk.directory)

    alarm = restored.look()[NAMESPACE]

    signed = [one.size for one in restored.checkpoints()]
    postgres.drop(backup)
    assert ("ROLLBACK" if events < 130 else "FORK") == alarm.kind
    assert [SIGNED] == signed
    if alarm.kind == "FORK":
        # What is the same in both is not named.
        assert SIZE < alarm.last_position <= SIZE + 130
        assert 257 <= alarm.position


def test_a_namespace_that_is_gone_is_missed(copied: Callable[..., tuple[LiveDatabase, Desk]]):
    database, desk = copied()
    with Superuser(database) as superuser:
        superuser.run("DELETE FROM regesta.logs")

    alarm = desk.look()[NAMESPACE]

    assert ("ROLLBACK", 1, SIGNED) == (alarm.kind, alarm.position, alarm.last_position)


def test_a_publisher_without_memory_is_bound_by_what_its_key_signed(
    copied: Callable[..., tuple[LiveDatabase, Desk]], tmp_path: Path
):
    database, _ = copied()
    with Superuser(database) as superuser:
        superuser.edit(100)
    forgetful = Desk(database.service_dsn, tmp_path / "fresh")
    # The head is that of the rows as they are now, so only the checkpoint tells.
    frontier = Frontier()
    frontier.extend(_hashes(forgetful))
    with Superuser(database) as superuser:
        superuser.run("UPDATE regesta.logs SET frontier = %s", frontier.encode())

    assert "FORK" == forgetful.look()[NAMESPACE].kind


def test_a_row_that_was_signed_before_its_edit_is_not_the_publishers_to_find(
    copied: Callable[..., tuple[LiveDatabase, Desk]],
):
    # Its tile has the hash still: every proof of it fails, and `verify` names it.
    database, desk = copied()
    with Superuser(database) as superuser:
        superuser.edit(100)

    assert {} == desk.look()


def test_an_alarm_stands_until_an_operator_clears_it(
    copied: Callable[..., tuple[LiveDatabase, Desk]],
):
    database, desk = copied()
    with Superuser(database) as superuser:
        ((record,),) = superuser.conn.execute(
            "SELECT record FROM regesta.events WHERE position = 230"
        ).fetchall()
        superuser.edit(230)
    first = desk.look()
    with Superuser(database) as superuser:
        superuser.run("UPDATE regesta.events SET record = %s WHERE position = 230", record)

    # Repaired, but nobody has said so; what somebody writes into the database does not count.
    with Superuser(database) as superuser:
        superuser.run("UPDATE regesta.publishers SET alarm_kind = NULL")
    assert first == desk.look()
    assert [("TAMPER", 230)] == _told(database)

    assert Memory(desk.directory).clear_alarm(NAMESPACE)
    assert {} == desk.look()
    assert [SIGNED, SIZE] == [one.size for one in desk.checkpoints()]
    assert [(None, None)] == _told(database)
    check_log(database.service_dsn)


def test_an_alarm_that_is_cleared_without_repair_is_raised_again(
    copied: Callable[..., tuple[LiveDatabase, Desk]],
):
    database, desk = copied()
    with Superuser(database) as superuser:
        superuser.edit(230)
    desk.look()
    Memory(desk.directory).clear_alarm(NAMESPACE)

    assert 230 == desk.look()[NAMESPACE].position


def test_one_namespaces_alarm_leaves_the_others_alone(
    copied: Callable[..., tuple[LiveDatabase, Desk]],
):
    database, desk = copied()
    with Superuser(database) as superuser:
        superuser.edit(230)
        superuser.run(
            "INSERT INTO regesta.logs (name, size, frontier) VALUES ('other', 1, %s)",
            _hashes(desk)[0],
        )
        superuser.run(
            "INSERT INTO regesta.events (namespace_id, position, record, stream, revision, type,"
            " actor, recorded_at, request_id) SELECT l.namespace_id, 1, e.record, e.stream,"
            " e.revision, e.type, e.actor, e.recorded_at, e.request_id"
            " FROM regesta.events AS e, regesta.logs AS l"
            " WHERE e.position = 1 AND l.name = 'other'"
        )

    assert [NAMESPACE] == list(desk.look())
    (note,) = desk.notes("other")
    assert note.startswith(f"{DEPLOYMENT}/other\n1\n")


def test_a_note_that_was_signed_and_not_stored_is_stored_at_the_next_start(
    copied: Callable[..., tuple[LiveDatabase, Desk]],
):
    database, desk = copied()
    desk.look()
    notes = desk.notes()
    with Superuser(database) as superuser:
        superuser.run("DELETE FROM regesta.checkpoints WHERE size = %s", SIZE)

    desk.look()

    assert notes == desk.notes()


def test_another_checkpoint_of_the_same_size_is_a_fork(
    copied: Callable[..., tuple[LiveDatabase, Desk]],
):
    database, desk = copied()
    forged = sign_checkpoint(
        Checkpoint(ORIGIN, SIZE, bytes(32)), keys.log_signer(ORIGIN, keys.generate())
    )
    with psycopg.connect(database.service_dsn) as conn:
        conn.execute(
            "INSERT INTO regesta.checkpoints (namespace_id, size, note)"
            " SELECT namespace_id, %s, %s FROM regesta.logs",
            [SIZE, str(forged)],
        )

    assert "FORK" == desk.look()[NAMESPACE].kind


def test_a_standby_checks_and_signs_nothing_until_it_leads(
    copied: Callable[..., tuple[LiveDatabase, Desk]], tmp_path: Path
):
    database, desk = copied()
    other = desk.moved(database, tmp_path / "standby")
    with Memory(desk.directory) as memory, Memory(other.directory) as second:
        leader = Publisher(desk.dsn, [KEY], memory, origin=DEPLOYMENT)
        standby = Publisher(desk.dsn, [KEY], second, origin=DEPLOYMENT)
        assert (1, 0) == (leader.look(), standby.look())
        assert (True, False) == (leader.leads, standby.leads)
        assert SIZE == other.remembered()
        write(desk.dsn, 10, "more")
        assert 0 == standby.look()
        leader.close()

        # The server lets go of the lock when it notices.
        until = time.monotonic() + 10
        while not standby.leads and time.monotonic() < until:
            standby.look()
            time.sleep(0.01)

        standby.close()
    assert [SIGNED, SIZE, SIZE + 10] == [one.size for one in desk.checkpoints()]
    # The old leader finds it all as it should be, and its note takes nothing away.
    assert {} == desk.look()
    assert [SIGNED, SIZE, SIZE + 10] == [one.size for one in desk.checkpoints()]


def test_two_keys_sign_while_one_replaces_the_other(desk: Desk):
    fresh = keys.generate()
    with Memory(desk.directory) as memory:
        publisher = Publisher(desk.dsn, [fresh, KEY], memory, origin=DEPLOYMENT)
        publisher.look()
        publisher.close()

    note = Note.parse(desk.notes()[-1])
    for key in (VERIFIER, keys.log_verifier(ORIGIN, fresh)):
        assert [key] == [one.key for one in verify(note, [key])]


def test_an_origin_is_made_with_the_database_and_stays(desk: Desk, tmp_path: Path):
    own = Desk(desk.dsn, tmp_path / "own")
    own.look(origin=None)
    own.look(origin=None)

    ((origin,),) = _rows(desk, "SELECT origin FROM regesta.deployment")
    assert Note.parse(own.notes()[-1]).text.startswith(f"{origin}/{NAMESPACE}\n{SIZE}\n")
    assert origin.startswith("regesta-")
    assert 24 == len(origin)
    with pytest.raises(OriginChanged):
        desk.look(origin="other.example.com")


def test_a_memory_serves_one_publisher_at_a_time(desk: Desk):
    with Memory(desk.directory), pytest.raises(MemoryInUse):
        desk.look()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace(f'"size": {SIGNED}', f'"size": {SIGNED - 1}'),
        lambda text: text.replace("regesta-publisher/1", "regesta-publisher/9"),
        lambda text: text.replace(f"\\n{SIGNED}\\n", f"\\n{SIGNED + 1}\\n"),
    ],
    ids=["cut off", "size", "format", "note"],
)
def test_a_memory_that_contradicts_itself_is_not_believed(desk: Desk, damage: Callable[[str], str]):
    path = desk.directory / NAMESPACE / "memory.json"
    path.write_text(damage(path.read_text()))

    with pytest.raises(MemoryDamaged):
        desk.look()

    assert [SIGNED] == [one.size for one in desk.checkpoints()]


def test_what_the_publisher_says_of_itself_names_its_keys(desk: Desk):
    desk.look()

    ((seen, names),) = _rows(desk, "SELECT seen_at, verifier_keys FROM regesta.publishers")

    assert seen is not None
    assert [VERIFIER] == [VerifierKey.parse(name) for name in names]


def _hashes(desk: Desk) -> list[bytes]:
    rows = _rows(desk, "SELECT leaf_hash FROM regesta.events ORDER BY position")
    return [bytes(found) for (found,) in rows]


def _rows(desk: Desk, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(desk.dsn) as conn:
        return conn.execute(query).fetchall()


def _told(database: LiveDatabase) -> list[tuple[object, ...]]:
    with psycopg.connect(database.service_dsn) as conn:
        return conn.execute("SELECT alarm_kind, alarm_position FROM regesta.publishers").fetchall()


def _swap(superuser: Superuser, one: int, other: int) -> None:
    move = "UPDATE regesta.events SET position = %s WHERE position = %s"
    superuser.run(move, 1_000_000, one)
    superuser.run(move, one, other)
    superuser.run(move, other, 1_000_000)
