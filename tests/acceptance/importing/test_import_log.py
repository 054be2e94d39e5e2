"""Another regesta's log happens here again: the same resources, times and actors as claimed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import regesta
from regesta.cli.program import run
from regesta.exporting.formats import write_jsonl
from regesta.importing.log_calls import CALLS
from regesta.importing.log_records import InvalidLog, open_export
from regesta.importing.logs import import_log
from regesta.v1 import governance_pb2 as gov
from regesta_service.backup.writing import back_up
from tests.acceptance.importing.conftest import BrokenOff, Mortal
from tests.support.server_process import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from regesta.importing.reports import Report
    from regesta.v1.event_pb2 import Event
    from tests.databases import LiveDatabase
    from tests.support.server_process import ServerProcess


def live(client: regesta.Client) -> None:
    """Do a little of everything that can be done."""
    client.create_model(
        "churn",
        model=regesta.Model(
            kind=regesta.ModelKind.MODEL_KIND_ADAPTER,
            owner="risk",
            description="Who leaves.",
            tags={"team": "risk", "notes": "n" * 2_000},
        ),
        reason="the first",
    )
    client.register(
        "churn",
        source="s3://churn/1",
        digest="sha256:" + "ab" * 32,
        size_bytes=2**53 + 1,
        semver="1.0.0",
        params={"depth": "6"},
        metrics={"auc": 0.875},
        tags={"framework": "onnx"},
        properties={"rank": 3, "share": 0.5, "ok": True, "list": [1, "two"], "deep": {"a": [1]}},
        lineage=regesta.Lineage(
            run="run-1", datasets=[regesta.DatasetReference(name="events", role="training")]
        ),
        signature=regesta.Signature(
            inputs=[regesta.TensorSpec(name="x", data_type="float32", shape=[-1, 4])]
        ),
        card="# Churn",
    )
    client.register("churn", source="s3://churn/2")
    client.register("fraud", source="s3://fraud/1")
    client.label_version("churn/2", semver="1.1.0")
    client.set_tags("churn/1", tags={"risk": "low"})
    client.remove_tags("churn/1", keys=["risk"])
    client.update_model(
        regesta.Model(name="churn", owner="people", description=""),
        update_mask=["owner", "description"],
    )
    client.transition_version("churn/1", stage="staging", reason="looks good")
    client.transition_version("churn/1", stage="production")
    for number in (1, 2):
        client.set_alias("churn@champion", version=number)
    client.rollback_alias("churn@champion")
    client.protect_alias("churn@champion", pinned=True)
    client.set_alias("churn@old", version=1)
    client.remove_alias("churn@old")
    client.set_alias("churn@old", version=2)
    flag = regesta.Flag(id="drift", severity=regesta.FlagSeverity.FLAG_SEVERITY_WARNING)
    client.raise_flag("churn/2", flag=flag, reason="drifts")
    client.resolve_flag("churn/2", flag_id="drift")
    client.revoke_version("fraud/1", category="licence")
    comment = client.add_comment("churn/1", text="Why?")
    client.add_comment("churn/1", text="So.", reply_to=comment.name.rpartition("/")[2])
    client.edit_comment(comment.name, text="Why so?")
    client.record_evaluation(
        "churn/1",
        evaluation=gov.Evaluation(dataset="holdout", method="benchmark", metrics={"auc": 0.9}),
    )
    govern(client)
    # What was claimed there is claimed here: the other log was imported itself.
    client.register(
        "ways",
        source="s3://ways/1",
        occurred_at=datetime(2024, 3, 10, 12, 30, 1, 5, tzinfo=UTC),
        occurred_by="Ana Lúz\u00a0<ana@example.com>",
    )
    client.transition_version("ways/1", stage="production", through=True, reason="passed all")
    client.transition_version("ways/1", stage="archived")
    client.update_version(
        regesta.Version(name="ways/1", description="All the way."), update_mask=["description"]
    )
    client.delete_version("ways/1")
    client.restore_version("ways/1")
    client.rename_model("churn", new_model_id="attrition")
    client.delete_model("fraud")
    client.restore_model("fraud")
    client.delete_model("fraud")


def govern(client: regesta.Client) -> None:
    """Define what governs moves, move by it, and take it back."""
    client.define_policy("gate", policy=gov.Policy(stages=["staging"], require_card=True))
    client.define_lifecycle(
        "strict",
        lifecycle=gov.Lifecycle(
            models=["fraud"],
            stages=[
                gov.LifecycleStage(name="draft", moves_to=["live"]),
                gov.LifecycleStage(
                    name="live", moves_to=["draft"], exclusive=True, displaced_to="draft"
                ),
            ],
        ),
    )
    for number in (2, 3):
        client.register("fraud", source=f"s3://fraud/{number}")
        client.transition_version(f"fraud/{number}", stage="live")
    client.rollback_stage("fraud", stage="live")
    client.remove_policy(f"namespaces/{client.namespace}/policies/gate")
    client.remove_lifecycle(f"namespaces/{client.namespace}/lifecycles/strict")


def documents(client: regesta.Client) -> None:
    """Keep what no pack has: what documents say."""
    for content in ("{}", '{"url": "https://example.com"}'):
        client.put_document("webhooks/w1", content=content)
    client.remove_document("webhooks/w1")
    client.put_document("webhooks/w2", content="[]")


def exported(client: regesta.Client, folder: Path) -> Path:
    path = folder / "log.jsonl"
    with path.open("wb") as file:
        write_jsonl(client.events(), file)
    return path


@pytest.fixture
def packed(client: regesta.Client, server: ServerProcess, tmp_path: Path) -> Path:
    """A pack of the whole log, with texts."""
    live(client)
    folder = tmp_path / "pack"
    arguments = ["--target", server.address, "--namespace", client.namespace]
    assert 0 == run([*arguments, "evidence", "--from", "2020-01-01", "--out", str(folder)])
    return folder


class Source(NamedTuple):
    """A registry with a database of its own."""

    client: regesta.Client
    database: LiveDatabase
    folder: Path

    def backed_up(self) -> Path:
        """Make a backup, and return where the log is."""
        back_up(self.database.service_dsn, self.folder, "example.com")
        return self.folder / self.client.namespace


@pytest.fixture
def source(database: LiveDatabase, tmp_path: Path) -> Iterator[Source]:
    """A backup is of all logs of a database, and in that of all tests some are damaged."""
    with (
        serving("--insecure-dev", "--dsn", database.service_dsn) as server,
        regesta.Client(server.address, namespace="source") as client,
    ):
        client.create_namespace("source")
        yield Source(client, database, tmp_path / "backup")


def brought(client: Any, path: Path, *, dry_run: bool = False) -> Report:
    with open_export(path) as export:
        return import_log(client, export, now=datetime.now(UTC), dry_run=dry_run)


def told(client: regesta.Client) -> list[tuple[str, str]]:
    return [(event.type.rpartition(".")[2], event.stream) for event in client.events()]


def resources(client: regesta.Client) -> list[dict[str, Any]]:
    """Return what is in a namespace, without who did it when."""
    from google.protobuf import json_format  # noqa: PLC0415

    times = {"createTime", "updateTime", "deleteTime", "createdBy", "updatedBy"}
    times |= {"pinTime", "pinnedBy", "raiseTime", "raisedBy", "revokeTime", "revokedBy"}
    times |= {"occurredCreateTime", "occurredUpdateTime", "occurredCreatedBy"}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if key not in times}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return value.replace(client.namespace, "ns") if isinstance(value, str) else value

    found = [*client.models(show_deleted=True), *client.versions(show_deleted=True)]
    return [plain(json_format.MessageToDict(one)) for one in found]


def test_a_pack_with_texts_happens_again_event_for_event(
    packed: Path, client: regesta.Client, elsewhere: regesta.Client
):
    report = brought(elsewhere, packed)
    assert [] == [finding for finding in report.findings if finding.outcome.is_loss]
    # Comments have ids of their own.
    mask = [(kind, stream.partition("/comments/")[0]) for kind, stream in told(client)]
    assert mask == [(kind, stream.partition("/comments/")[0]) for kind, stream in told(elsewhere)]
    assert resources(client) == resources(elsewhere)
    for name in ("churn/1", "fraud/3"):
        assert moments(client, name, at=False) == moments(elsewhere, name, at=True)
    first, second = (
        [comment.text for comment in one.list_comments("attrition/1").comments]
        for one in (client, elsewhere)
    )
    assert ["Why so?", "So."] == first == second
    assert [True, False, False] == passed(client) == passed(elsewhere)


def moments(client: regesta.Client, name: str, *, at: bool) -> list[object]:
    """Return what a version was after each of its changes.

    Args:
        client: Of its namespace.
        name: Of the version.
        at: Whether by when it happened, as is claimed; else by when it was recorded.
    """
    found: list[object] = []
    for event in client.history(name):
        time = (event.occurred_time if at else event.record_time).ToDatetime(UTC)
        seen = client.get_version(name, as_of=regesta.Occurred(time) if at else time)
        flags = [(flag.id, flag.blocking) for flag in seen.flags]
        found.append((time, seen.stage, dict(seen.tags), flags, seen.HasField("revoked")))
    return found


def passed(client: regesta.Client) -> list[bool]:
    """Return of each move of a version whether it only passed through the stage."""
    records = [json.loads(event.record) for event in reversed(list(client.history("ways/1")))]
    moves = [record["data"] for record in records if record["type"].endswith("StageChanged")]
    return [move.get("passing", False) for move in moves]


def said(event: Event) -> tuple[str, datetime, str]:
    """Return what happened, when and by whom, as a log says it."""
    claims_time = event.HasField("occurred_time")
    time = event.occurred_time if claims_time else event.record_time
    return event.type.rpartition(".")[2], time.ToDatetime(UTC), event.occurred_by or event.actor


def test_a_backup_happens_again_with_the_time_and_the_actor_of_every_event(
    source: Source, elsewhere: regesta.Client
):
    client = source.client
    live(client)
    documents(client)
    report = brought(elsewhere, source.backed_up())
    assert [] == report.findings
    theirs, ours = list(client.events()), list(elsewhere.events())
    # Every type of event that is carried is among them.
    assert CALLS.keys() <= {said(event)[0] for event in theirs}
    assert [said(event) for event in theirs[1:]] == [said(event) for event in ours[1:]]
    for event in ours[1:]:
        assert event.HasField("occurred_time"), event.type
        assert event.occurred_by, event.type
    assert ("[]", "[]") == tuple(
        where.get_document("webhooks/w2").content for where in (client, elsewhere)
    )


def test_the_first_write_says_what_the_way_back_is_proved_by(
    packed: Path, client: regesta.Client, elsewhere: regesta.Client
):
    report = brought(elsewhere, packed)
    head = client.get_head()
    assert (head.position, head.root_hash.hex()) == (
        report.facts["events"],
        report.facts["root_hash"],
    )
    (created,) = elsewhere.history("models/churn", as_of=2)
    (reason,) = [one.text for one in created.disclosures if one.field == "reason"]
    assert reason.startswith("the first\n")
    assert f"{head.position} events, root {head.root_hash.hex()}" in reason


def test_lines_without_texts_bring_the_rest_and_name_the_texts(
    client: regesta.Client, elsewhere: regesta.Client, tmp_path: Path
):
    live(client)
    report = brought(elsewhere, exported(client, tmp_path))
    assert {
        ("churn", "description of ModelCreated"),
        ("churn", "long_tags.notes of ModelCreated"),
        ("churn/1", "card of VersionRegistered"),
        ("churn/2", "reason of FlagRaised"),
        ("churn/1", "text of CommentAdded"),
        ("churn/1", "text of CommentEdited"),
        ("ways/1", "description of VersionUpdated"),
        ("ModelCreated", "reasons of 1"),
        ("StageChanged", "reasons of 2"),
    } == {(one.resource, one.what) for one in report.findings if one.outcome.is_loss}
    assert 3 == elsewhere.get_model("fraud").latest_version
    assert 1 == elsewhere.get_alias("attrition@champion").version


def test_a_run_that_is_killed_goes_on_and_a_later_export_brings_what_is_new(
    packed: Path, client: regesta.Client, elsewhere: regesta.Client, tmp_path: Path
):
    for writes in (1, 7, 20):
        with pytest.raises(BrokenOff):
            brought(Mortal(elsewhere, writes), packed)
    brought(elsewhere, packed)
    before = elsewhere.get_head().position
    assert client.get_head().position == before
    brought(elsewhere, packed)
    assert before == elsewhere.get_head().position
    client.register("attrition", source="s3://churn/3")
    brought(elsewhere, exported(client, tmp_path))
    assert before + 1 == elsewhere.get_head().position


def test_what_people_wrote_to_since_is_left(
    packed: Path, client: regesta.Client, elsewhere: regesta.Client, tmp_path: Path
):
    brought(elsewhere, packed)
    elsewhere.set_tags("attrition/1", tags={"framework": "ours"})
    client.set_tags("attrition/1", tags={"framework": "theirs"})
    report = brought(elsewhere, exported(client, tmp_path))
    (conflict,) = [one for one in report.findings if str(one.outcome) == "conflict"]
    assert ("churn/1", "TagsSet") == (conflict.resource, conflict.what)
    assert "ours" == elsewhere.get_version("attrition/1").tags["framework"]


def test_what_people_defined_or_kept_here_is_left(source: Source, elsewhere: regesta.Client):
    client = source.client
    ours = gov.Policy(stages=["production"], require_digest=True)
    theirs = gov.Policy(stages=["production"], require_card=True)
    for number, name in enumerate(("gate", "other")):
        client.define_policy(name, policy=theirs)
        client.put_document(f"webhooks/{name}", content=str(number))
    elsewhere.define_policy("gate", policy=ours)
    elsewhere.put_document("webhooks/gate", content="ours")
    report = brought(elsewhere, source.backed_up())
    assert [("conflict", "PolicyDefined"), ("conflict", "DocumentPut")] == [
        (str(one.outcome), one.what) for one in report.findings
    ]
    governance = elsewhere.get_governance()
    assert {"gate": True, "other": False} == {
        policy.name.rpartition("/")[2]: policy.require_digest for policy in governance.policies
    }
    assert ["ours", "1"] == [
        elsewhere.get_document(f"webhooks/{name}").content for name in ("gate", "other")
    ]
    # What is new there later comes too, and nothing is done twice.
    client.define_policy("other", policy=ours)
    before = elsewhere.get_head().position
    brought(elsewhere, source.backed_up())
    assert before + 1 == elsewhere.get_head().position


def test_who_may_not_read_the_log_leaves_what_may_be_of_people(
    client: regesta.Client,
    elsewhere: regesta.Client,
    server_database: LiveDatabase,
    tmp_path: Path,
):
    policy = gov.Policy(stages=["production"], require_card=True)
    client.define_policy("gate", policy=policy)
    path = exported(client, tmp_path)
    token = "token-of-max-" + "x" * 32
    config = tmp_path / "regesta.toml"
    config.write_text(f'[[tokens]]\nprincipal = "max"\nrole = "maintainer"\ntoken = "{token}"\n')
    database = ("--dsn", server_database.service_dsn)
    with (
        serving("--config", str(config), *database) as other,
        regesta.Client(other.address, token=token, namespace=elsewhere.namespace) as max_,
    ):
        assert [] == brought(max_, path).findings
        (defined,) = elsewhere.events(types=["PolicyDefined"])
        assert ("max", "anonymous") == (defined.actor, defined.occurred_by)
        # Another one of people, and nobody tells the importer which is whose.
        elsewhere.define_policy("ours", policy=policy)
        client.define_policy("gate", policy=gov.Policy(stages=["production"]))
        (finding,) = brought(max_, exported(client, tmp_path)).findings
    assert ("conflict", "PolicyDefined") == (str(finding.outcome), finding.what)


def test_a_dry_run_writes_nothing(packed: Path, elsewhere: regesta.Client):
    report = brought(elsewhere, packed, dry_run=True)
    assert 1 == elsewhere.get_head().position
    assert 7 == report.counts["VersionRegistered"] + report.counts["ModelRenamed"]


def test_what_is_no_export_is_refused(packed: Path, tmp_path: Path):
    path = tmp_path / "wrong.jsonl"
    for text in ("", "{}\n", "no json\n", "[1]\n"):
        path.write_text(text)
        with pytest.raises(InvalidLog), open_export(path):
            pass
    lines = (packed / "events.jsonl").read_text().splitlines(keepends=True)
    path.write_text("".join(lines[1:]))
    with pytest.raises(InvalidLog, match="first event"), open_export(path):
        pass
    texts = (packed / "disclosures.jsonl").read_text().splitlines()
    changed = json.loads(texts[0]) | {"position": 3}
    (packed / "disclosures.jsonl").write_text(json.dumps(changed) + "\n")
    with open_export(packed) as export, pytest.raises(InvalidLog, match="not the one"):
        list(export.records())
