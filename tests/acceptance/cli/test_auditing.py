"""What auditors ask for: complete lists, fair samples, complete histories, decision traces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import regesta
from regesta.audit.messages import SignatureType
from regesta.audit.notes import VerifierKey
from regesta.audit.sampling import sample
from regesta.merkle import Frontier, leaf_hash
from tests.support.pack_builder import trusting, write_log_pack
from tests.support.publishing import Desk
from tests.support.rich_log import padded_log

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.cli.conftest import CommandLine
    from tests.databases import LiveDatabase
    from tests.support.server_process import ServerProcess

VKEY = VerifierKey("log.example.com/acme", SignatureType.ED25519, bytes(32)).vkey
NOTE = "log.example.com/acme\n12\n" + "A" * 43 + "=\n\n— log.example.com/acme " + "A" * 91 + "=\n"


@pytest.fixture
def promoted(cli: CommandLine) -> CommandLine:
    """Two models of which some versions went to production."""
    for name in ("churn", "fraud"):
        for number in (1, 2):
            cli("register", name, "--source", f"s3://{name}/{number}", "--run", f"run-{number}")
            cli("promote", f"{name}/{number}", "staging")
        cli("promote", f"{name}/2", "production", "--reason", "it is better")
    cli("alias", "churn@champion", "1", "--reason", "the first")
    cli("alias", "churn@champion", "2", "--reason", "the second")
    return cli


PROMOTIONS = ("--type", "StageChanged", "--where", "to_stage=production")


def test_a_population_is_complete_up_to_the_log_s_root(promoted: CommandLine, tmp_path: Path):
    head = promoted("head", "--json").document
    made = promoted("audit", "population", *PROMOTIONS, "--json").document
    assert (head["position"], head["root_hash"]) == (made["size"], made["root"])
    assert 2 == made["count"] == len(made["members"])
    assert ["models/churn/versions/2", "models/fraud/versions/2"] == [
        member["stream"] for member in made["members"]
    ]
    assert made["checkpoint"] is None
    file = tmp_path / "statement.json"
    said = promoted("audit", "population", *PROMOTIONS, "--out", str(file))
    assert "2 events" in said.out
    assert "nobody has signed" in said.out
    assert made == json.loads(file.read_text())


def test_a_renamed_model_is_meant_by_any_of_its_names(promoted: CommandLine):
    promoted("rename", "churn", "attrition")
    for name in ("churn", "attrition", "attrition/2"):
        made = promoted("audit", "population", *PROMOTIONS, "--resource", name, "--json").document
        assert 1 == made["count"]


def test_a_sample_is_drawn_again_from_its_statement(promoted: CommandLine):
    made = promoted("audit", "sample", "-n", "2", "--type", "StageChanged", "--json").document
    population = promoted("audit", "population", "--type", "StageChanged", "--json").document
    positions = [member["position"] for member in population["members"]]
    drawn = [member["position"] for member in made["sample"]["members"]]
    assert drawn == sample(positions, 2, bytes.fromhex(population["root"]))
    own = promoted(
        "audit", "sample", "-n", "2", "--type", "StageChanged", "--seed", "ab" * 32, "--json"
    ).document
    assert sample(positions, 2, bytes([0xAB]) * 32) == [
        member["position"] for member in own["sample"]["members"]
    ]
    promoted("audit", "sample", "-n", "2", "--seed", "ab", code=2)


def test_a_server_that_leaves_an_event_out_is_found_out(
    promoted: CommandLine, monkeypatch: pytest.MonkeyPatch
):
    honest = regesta.Client.events

    def withholding(self: regesta.Client, **asked: object) -> object:
        return (
            event
            for event in honest(self, **asked)  # type: ignore[arg-type]
            if b"production" not in event.record
        )

    promoted("audit", "commit-heads")
    monkeypatch.setattr(regesta.Client, "events", withholding)
    for command in (("audit", "population", *PROMOTIONS), ("audit", "complete", "churn")):
        said = promoted(*command, code=7)
        assert "root" in said.err or "not shown to be complete" in said.err


def test_a_population_needs_no_server_when_there_is_a_pack(cli: CommandLine, tmp_path: Path):
    log = padded_log(300)
    pack = tmp_path / "pack.zip"
    write_log_pack(pack, log)
    asked = ("--type", "TagsSet", "--where", "tags.round=40", "--pack", str(pack), "--json")
    nowhere = ("--target", "127.0.0.1:1")
    made = cli(*nowhere, "audit", "population", *asked).document
    assert (300, log.frontier.root().hex(), 1) == (made["size"], made["root"], made["count"])
    assert 41 == made["members"][0]["position"]
    for name, count in (("churn", 0), ("Churn", 4), ("Churn/2", 1), ("log", 0)):
        moves = ("--type", "StageChanged", "--type", "AliasSet", "--resource", name)
        made = cli(*nowhere, "audit", "population", *moves, "--pack", str(pack), "--json").document
        assert count == made["count"]
    drawn = cli(
        *nowhere, "audit", "sample", "-n", "5", "--type", "TagsSet", "--pack", str(pack), "--json"
    ).document
    assert 5 == drawn["sample"]["count"]
    assert not drawn["checkpoint_trusted"]


def test_a_model_is_shown_to_be_complete(promoted: CommandLine):
    promoted("audit", "complete", "churn", code=4)
    promoted("audit", "commit-heads", "--reason", "the audit")
    promoted("tag", "churn/1", "later=1")
    promoted("register", "churn")
    made = promoted("audit", "complete", "churn", "--json").document
    assert [
        "models/churn",
        "models/churn/aliases/champion",
        "models/churn/versions/1",
        "models/churn/versions/2",
    ] == sorted(stream["stream"] for stream in made["streams"])
    assert 2 == made["later_events"]
    for one in ("churn/1", "churn@champion"):
        assert 1 == len(promoted("audit", "complete", one, "--json").document["streams"])
    assert "are all there were" in promoted("audit", "complete", "churn").out


def test_a_trace_says_who_decided_what_an_alias_meant(promoted: CommandLine, tmp_path: Path):
    file = tmp_path / "trace.json"
    said = promoted("trace", "churn@champion", "--out", str(file))
    assert "AliasSet" in said.out
    assert "the second" in said.out
    made = json.loads(file.read_text())
    assert made["version"].endswith("models/churn/versions/2")
    assert ("production", "run-2") == (made["stage"], made["origin"]["lineage"]["run"])
    events = {event["position"]: event for event in made["events"]}
    assert "the second" == events[made["decision"]]["reason"]
    assert ["VersionRegistered", "StageChanged", "StageChanged", "AliasSet"] == [
        event["type"] for event in made["events"]
    ]
    for event in made["events"]:
        record = event["record"].encode()
        assert leaf_hash(record).hex() == event["leaf"]
        assert event["inclusion"]["root"] == made["events"][0]["inclusion"]["root"]


def test_a_trace_goes_back_to_any_moment(promoted: CommandLine):
    now = promoted("trace", "churn@champion", "--json").document
    before = promoted(
        "trace", "churn@champion", "--as-of", str(now["decision"] - 1), "--json"
    ).document
    assert before["version"].endswith("versions/1")
    assert "the first" in [event["reason"] for event in before["events"]]
    promoted("trace", "churn@champion", "--as-of", "2", code=3)
    promoted("alias", "churn@champion", "--remove")
    removed = promoted("trace", "churn@champion", "--json").document
    assert "" == removed["version"]
    assert ["AliasRemoved"] == [event["type"] for event in removed["events"]]


def test_a_stage_and_a_number_are_traced_too(promoted: CommandLine):
    made = promoted("trace", "churn#production", "--json").document
    events = {event["position"]: event for event in made["events"]}
    assert ("StageChanged", "it is better") == (
        events[made["decision"]]["type"],
        events[made["decision"]]["reason"],
    )
    number = promoted("trace", "churn/1", "--json").document
    assert (None, "staging") == (number["decision"], number["stage"])
    promoted("trace", "churn", code=2)


def test_the_log_says_what_is_recorded_of_it(cli: CommandLine, tmp_path: Path):
    note = tmp_path / "checkpoint"
    note.write_text(NOTE)
    file = ("--checkpoint", str(note))
    cli("audit", "record-rotation", "--new", VKEY, *file, "--reason", "once a year")
    cli("audit", "record-compromise", "--key", VKEY, "--last-good-size", "12")
    fork = ("--recovered-size", "10", "--first-lost", "11", "--last-lost", "12")
    cli("audit", "record-fork", *file, *fork, "--recovered-root", "ab" * 32)
    cli("audit", "record-fork", *file, *fork, "--recovered-root", "xy", code=2)
    made = cli("audit", "record-witness", *file, "--json").document["log"]
    assert ("4", 12) == (made["etag"], made["compromised_keys"][0]["last_good_size"])
    assert made == cli("audit", "status", "--json").document["log"]
    assert "lost" in cli("audit", "status").out


async def test_a_trace_is_the_same_for_asyncio(server: ServerProcess, namespace: str):
    async with regesta.AsyncClient(server.address, namespace=namespace) as registry:
        version = await registry.register("churn", params={"depth": "6"})
        await registry.set_alias("churn@champion", version=version.version)
        trace = await registry.trace("churn@champion")
        records = [event.record async for event in registry.events(until=trace.position)]
    frontier = Frontier()
    frontier.extend(map(leaf_hash, records))
    assert trace.decision is not None
    assert trace.decision.inclusion is not None
    assert frontier.root() == trace.decision.inclusion.root
    assert {"depth": "6"} == trace.document()["origin"]["params"]


def test_a_policy_says_whose_checkpoint_a_population_is_complete_by(
    cli: CommandLine, tmp_path: Path
):
    log = padded_log(80)
    pack, policy = tmp_path / "pack", tmp_path / "policy.txt"
    write_log_pack(pack, log)
    (trusted,) = trusting(log).logs
    policy.write_text(f"log {trusted.key.vkey}\nquorum none\n")
    asked = ("audit", "population", "--pack", str(pack), "--policy", str(policy), "--json")
    made = cli(*asked).document
    assert made["checkpoint_trusted"]
    assert made["checkpoint"].startswith(f"registry.example.com/acme\n{log.size}\n")
    policy.write_text(f"log {VKEY}\nquorum none\n")
    cli(*asked, code=7)


def test_a_signed_checkpoint_says_up_to_where_a_population_is_complete(
    promoted: CommandLine, server_database: LiveDatabase, tmp_path: Path
):
    size = promoted("head", "--json").document["position"]
    Desk(server_database.service_dsn, tmp_path / "publisher").look()
    promoted("promote", "churn/2", "staging")
    promoted("promote", "churn/2", "production")
    made = promoted("audit", "population", *PROMOTIONS, "--json").document
    assert (size, 2) == (made["size"], made["count"])
    assert f"\n{size}\n" in made["checkpoint"]
    traced = promoted("trace", "churn@champion", "--json").document
    receipts = {event["position"]: "receipt" in event["inclusion"] for event in traced["events"]}
    assert {position: position <= size for position in receipts} == receipts
    assert {True, False} == set(receipts.values())
