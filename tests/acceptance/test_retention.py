"""Bodies leave a running registry by two persons, and everything but their records stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta.audit.checkpoints import open_checkpoint
from regesta.audit.notes import Note
from regesta.cli.program import run
from regesta.errors import PreconditionFailed
from regesta.merkle import leaf_hash, verify_consistency
from regesta.v1 import governance_pb2, model_pb2
from regesta.v1 import privacy_service_pb2 as pb
from regesta_service.access.tokens import new_token
from tests.support.old_log import SIZE, THROUGH, OldLog
from tests.support.publishing import VERIFIER
from tests.support.server_process import ServerProcess, serving
from tests.support.writing import NAMESPACE

if TYPE_CHECKING:
    from tests.databases import DatabaseServer, LiveDatabase

PROGRAM = Path(sys.executable).parent / "regesta-server"
#: Before, at and after the first events, the end of what is archived, and the log's.
MOMENTS = (1, 5, 12, 30, 300, THROUGH, THROUGH + 1, SIZE)


@dataclass(frozen=True)
class Site:
    """A server that wants tokens, and the log in its database."""

    server: ServerProcess
    old: OldLog
    #: What each read said before anything was archived, after it, and of a fresh server.
    before: dict[str, Any]
    after: dict[str, Any]
    fresh: dict[str, Any]
    records: list[bytes]
    client: Callable[..., regesta.Client]


def configuration(path: Path) -> dict[str, str]:
    """Write a configuration with three principals, and return their tokens."""
    tokens = {name: new_token() for name in ("ann", "ben", "aud")}
    roles = {"ann": "admin", "ben": "admin", "aud": "auditor"}
    path.write_text(
        "\n".join(
            f'[[tokens]]\nprincipal = "{name}"\nrole = "{roles[name]}"\ntoken = "{token}"\n'
            for name, token in tokens.items()
        )
    )
    return tokens


@pytest.fixture(scope="module")
def site(postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose bodies up to `THROUGH` were archived while it served."""
    place = tmp_path_factory.mktemp("site")
    database = postgres.migrated()
    old = OldLog.made(database, place)
    tokens = configuration(place / "regesta.toml")
    options = ("--config", str(place / "regesta.toml"), "--dsn", database.service_dsn)
    with ExitStack() as stack:
        server = stack.enter_context(serving(*options))

        def client(who: str = "aud", at: ServerProcess = server) -> regesta.Client:
            made = regesta.Client(at.address, token=tokens[who], namespace=NAMESPACE)
            return stack.enter_context(made)

        before = answers(client())
        records = [event.record for event in client().events()]
        client("ann").define_retention(keep_days=100, reason="the policy of 2026")
        client("ben").release_bodies(through=THROUGH, reason="checked the archive")
        old.back_up()
        said = operator("archive", old)
        assert f"{THROUGH} bodies gave way to their hashes" in said
        after = answers(client())
        with serving(*options) as another:
            fresh = answers(client("aud", another))
        yield Site(server, old, before, after, fresh, records, client)
    postgres.drop(database)


def operator(command: str, old: OldLog, *more: str, code: int = 0) -> str:
    """Run a command as who owns the database; return what it said."""
    backup = ("--backup", str(old.folder), "--namespace", NAMESPACE) if command == "archive" else ()
    dsns = ("--dsn", old.dsn, "--owner-dsn", old.database.owner_dsn)
    done = subprocess.run(
        [PROGRAM, *command.split(), *dsns, *backup, *more],
        capture_output=True,
        text=True,
        check=False,
    )
    assert code == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


def answers(client: regesta.Client) -> dict[str, Any]:
    """Return what reads say of then and now, refusals too."""
    said: dict[str, Any] = {}
    for at in (*MOMENTS, None):
        reads: dict[str, Callable[[], Any]] = {
            "models": lambda: list(client.models(as_of=at, show_deleted=True)),  # noqa: B023
            "versions": lambda: list(client.versions("churn", as_of=at, show_deleted=True)),  # noqa: B023
            "alias": lambda: client.get_alias("churn@challenger", as_of=at),  # noqa: B023
        }
        for model in ("churn", "Churn-2", "Churn.old"):
            reads[model] = partial(client.get_model, model, as_of=at)
        for version in ("churn/1", "churn/2", "churn/3"):
            reads[version] = partial(client.get_version, version, as_of=at)
        for address in ("churn@champion", "churn@challenger", "churn@staging", "churn@^1", "churn"):
            reads[f"meant by {address}"] = partial(client.resolve, address, as_of=at)
        for name, read in reads.items():
            said[f"{name} {at}"] = told_by(read)
    said["changes"] = told_by(lambda: list(client.changes(5, 300)))
    return said


def told_by(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except regesta.RegestaError as error:
        return error.reason, error.message


def test_what_was_so_then_and_what_is_so_now_reads_as_before(site: Site):
    assert site.before == site.after
    read = [name for name, said in site.before.items() if not isinstance(said, tuple)]
    assert len(read) >= 80
    assert "BODIES_ARCHIVED" not in str(site.after)


def test_a_server_that_has_nothing_in_memory_says_the_same(site: Site):
    assert site.before == site.fresh


@pytest.mark.parametrize(
    "read",
    [
        lambda client: list(client.events()),
        lambda client: list(client.events(after=THROUGH - 1)),
        lambda client: list(client.events(after=10, until=20)),
        lambda client: list(client.history("models/churn/versions/1")),
        lambda client: next(iter(client.watch(after=3))),
        lambda client: client.read_events(after_position=0),
        lambda client: client.backtest_policy(governance_pb2.Policy(aliases=["*"])),
    ],
    ids=["events", "up to the floor", "old events", "history", "watch", "a page", "a backtest"],
)
def test_a_record_that_is_archived_is_refused_and_never_left_out(
    site: Site, read: Callable[[regesta.Client], Any]
):
    with pytest.raises(PreconditionFailed) as caught:
        read(site.client())
    assert "BODIES_ARCHIVED" == caught.value.reason
    assert {"through": str(THROUGH)} == caught.value.metadata
    assert "regesta-server restore" in caught.value.message


def test_records_after_the_release_are_all_there(site: Site):
    client = site.client()
    events = [event.record for event in client.events(after=THROUGH, until=SIZE)]
    assert site.records[THROUGH:] == events
    # The newest first, as far as bodies go, and then the refusal.
    page = client.get_history("churn/1", page_size=1000)
    assert events[::-1] == [event.record for event in page.events]
    with pytest.raises(PreconditionFailed):
        client.get_history("churn/1", page_size=1000, page_token=page.next_page_token)


def test_proofs_of_archived_events_verify_offline(site: Site, tmp_path: Path):
    client = site.client()
    policy = tmp_path / "policy.txt"
    policy.write_text(f"log {VERIFIER.vkey}\nquorum none\n")
    for position in (1, 77, THROUGH):
        receipt = client.receipt(position, wait=5.0)
        receipt.proof.open(leaf_hash(site.records[position - 1]), [VERIFIER])
        event, proof = tmp_path / "event.json", tmp_path / "event.tlog-proof"
        event.write_bytes(site.records[position - 1])
        proof.write_text(receipt.text)
        assert 0 == run(["verify-proof", str(event), str(proof), "--policy", str(policy)])


def test_a_consistency_proof_over_the_archived_part_verifies(site: Site):
    notes = site.old.desk.notes()
    first, last = (open_checkpoint(Note.parse(note), [VERIFIER]) for note in (notes[0], notes[-1]))
    answer = site.client().prove_consistency(first.size, size=last.size)
    assert first.size < last.size
    verify_consistency(first.size, last.size, first.root, last.root, answer.hashes)


def test_who_defined_the_retention_does_not_release(site: Site):
    with pytest.raises(PreconditionFailed) as caught:
        site.client("ann").release_bodies(through=THROUGH)
    assert "SAME_PERSON" == caught.value.reason


def test_the_same_request_is_answered_again(site: Site):
    ben = site.client("ben")
    first = ben.place_hold(
        hold_id="again", hold=pb.Hold(matter="1 O 1/26", person="nobody"), request_id="hold-1"
    )
    assert first == ben.place_hold(
        hold_id="again", hold=pb.Hold(matter="1 O 1/26", person="nobody"), request_id="hold-1"
    )
    ben.release_hold("again")


def test_writes_to_old_models_go_on(site: Site):
    ben = site.client("ben")
    churn = model_pb2.Model(name="churn", owner="platform")

    def write() -> model_pb2.Model:
        return ben.update_model(churn, update_mask=["owner"], request_id="owner-1")

    model = write()
    assert ("platform", {"challenger": 1}) == (model.owner, dict(model.aliases))
    assert model == write()
    ben.resolve_flag("churn/2", flag_id="bias")
    version = ben.transition_version("churn/2", stage="production")
    assert "production" == version.stage
    alias = ben.set_alias("churn@champion", version=2)
    assert 2 == alias.version


def test_the_command_line_shows_what_is_released(
    site: Site, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    tokens = (site.old.folder.parent / "regesta.toml").read_text()
    token = tokens.split('principal = "ben"')[1].split('token = "')[1].split('"')[0]
    monkeypatch.setenv("REGESTA_TARGET", site.server.address)
    monkeypatch.setenv("REGESTA_NAMESPACE", NAMESPACE)
    monkeypatch.setenv("REGESTA_TOKEN", token)
    assert 0 == run(["retention", "show"])
    said = capfd.readouterr().out
    assert "bodies stay for 100 days; by ann" in said
    assert f"up to position {THROUGH}, under the checkpoint of size {SIZE}; by ben" in said
    assert 0 == run(["retention", "show", "--json"])
    assert str(THROUGH) in capfd.readouterr().out
    assert 0 != run(["retention", "release", "--through", "500"])
    assert "whole tiles" in capfd.readouterr().err
    assert 0 == run(["receipt", "77"])
    capfd.readouterr()
    assert 0 == run(["verify"])
    said = capfd.readouterr().out
    assert f"{THROUGH} bodies are in an archive only" in said


def test_an_embedded_database_is_archived_while_its_server_runs(
    database: LiveDatabase, tmp_path: Path, open_directory: Path
):
    old = OldLog.made(database, tmp_path)
    old.back_up()
    home = ("--data-dir", str(open_directory / "home"))
    subprocess.run([PROGRAM, "restore", str(old.folder), *home], check=True)
    tokens = configuration(tmp_path / "regesta.toml")
    with serving("--config", str(tmp_path / "regesta.toml"), *home) as server, ExitStack() as stack:
        ann, ben = (
            stack.enter_context(
                regesta.Client(server.address, token=tokens[name], namespace=NAMESPACE)
            )
            for name in ("ann", "ben")
        )
        ann.define_retention(keep_days=100)
        ann.receipt(wait=20.0)
        release = ben.release_bodies(through=THROUGH)
        ben.receipt(wait=20.0)
        archive = tmp_path / "archive"
        subprocess.run([PROGRAM, "backup", str(archive), *home], check=True)
        command: list[str | Path] = [
            PROGRAM,
            "archive",
            "--backup",
            str(archive),
            "--namespace",
            NAMESPACE,
            *home,
        ]
        said = subprocess.run([*command, "--compact"], check=True, capture_output=True, text=True)
        assert f"{THROUGH} bodies gave way to their hashes" in said.stdout
        assert "events_000000 written anew" in said.stdout
        assert "Churn" == ben.get_model("churn", as_of=5).name.rpartition("/")[2]
        with pytest.raises(PreconditionFailed):
            list(ben.events())
        assert release == ben.get_privacy_status().release
        assert 1 == ben.register("fraud", source="s3://x").version


def test_the_operator_s_commands_say_what_they_need(site: Site, tmp_path: Path):
    old = site.old
    said = operator("verify", old, "--namespace", NAMESPACE)
    assert f"{THROUGH} bodies are in an archive only" in said
    said = operator("verify", old, "--namespace", NAMESPACE, "--archive", str(old.folder))
    assert "0 findings" in said
    assert "archive only" not in said
    said = operator("projections rebuild", old, "--namespace", NAMESPACE, code=1)
    assert "--archive FOLDER" in said
    operator("projections rebuild", old, "--namespace", NAMESPACE, "--archive", str(old.folder))
    said = operator("backup", old, str(tmp_path / "new"), code=1)
    assert "--from-archive" in said
    assert "0 bodies gave way" in operator("archive", old)
    with pytest.raises(PreconditionFailed) as caught:
        list(site.client("ann").rebuild_projections())
    assert "BODIES_ARCHIVED" == caught.value.reason
