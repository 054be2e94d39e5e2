"""Commitments to all heads over the API: what is withheld or edited is found out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import regesta
from regesta.audit.heads import (
    Commitment,
    Incomplete,
    InvalidProof,
    ProvedLine,
    check_family,
    check_stream,
)
from regesta.audit.messages import SignatureType
from regesta.audit.notes import VerifierKey
from regesta.v1 import heads_service_pb2 as pb
from regesta.v1 import log_status_pb2

if TYPE_CHECKING:
    from tests.databases import LiveDatabase


def commit(client: regesta.Client, **fields: Any) -> pb.CommitHeadsResponse:
    *before, last = client.commit_heads(**fields)
    assert last.done
    assert not [answer for answer in before if answer.done]
    return last


def proved(answer: pb.ProveStreamHeadResponse) -> tuple[Commitment, list[ProvedLine]]:
    """Return what a proof says, once its event is seen to be the one it names."""
    commitment = Commitment.of_record(answer.event.record)
    assert answer.heads.event_position == answer.event.position
    return commitment, [ProvedLine(one.line, one.index, tuple(one.path)) for one in answer.lines]


def records(client: regesta.Client, stream: str) -> list[bytes]:
    found = client.events(resources=[stream])
    return [event.record for event in found if event.stream == stream]


@pytest.fixture
def written(client: regesta.Client) -> regesta.Client:
    """Two models with versions and aliases, and names that sort between theirs."""
    for name in ("churn", "churn-2", "churn.old", "zebra"):
        client.register(name, semver="1.0.0", metrics={"auc": 0.9}, tags={"team": "risk"})
    client.register("churn", description="a text")
    client.set_alias("churn@champion", version=2)
    client.transition_version("churn/1", stage="staging")
    client.set_tags("churn", tags={"team": "growth"})
    return client


def test_a_commitment_is_in_the_log_and_verifies(written: regesta.Client):
    before = written.get_head().position
    answer = commit(written, reason="the audit of the year")
    assert before == answer.heads.heads_position
    assert before + 1 == answer.position == written.get_head().position
    # Four models, five versions, an alias and the namespace.
    assert 11 == answer.heads.streams
    (event,) = written.events(types=["HeadsCommitted"])
    assert ["the audit of the year"] == [text.text for text in event.disclosures]
    commitment = Commitment.of_record(event.record)
    assert (answer.heads.root_hash, before, 11) == (
        commitment.root,
        commitment.position,
        commitment.streams,
    )
    last = list(written.verify())[-1]
    assert (0, 1) == (last.findings_total, last.heads_checked)
    assert answer.heads == written.get_log_status().heads


def test_the_same_commitment_again_is_answered_and_not_repeated(written: regesta.Client):
    first = commit(written, request_id="heads")
    size = written.get_head().position
    assert first == commit(written, request_id="heads")
    assert size == written.get_head().position
    # A later one commits to the first one too.
    assert first.position == commit(written).heads.heads_position


@pytest.mark.parametrize(
    "stream", ["models/churn", "models/churn/versions/1", "models/churn/aliases/champion"]
)
def test_the_events_of_a_stream_are_shown_to_be_complete(written: regesta.Client, stream: str):
    commit(written)
    commitment, (line,) = proved(written.prove_stream_head(stream))
    found = check_stream(records(written, stream), line, commitment)
    assert (stream, 0) == (found.line.stream, found.later)
    written.set_tags("churn", tags={"later": "1"})
    written.set_tags("churn/1", tags={"later": "1"})
    written.set_alias("churn@champion", version=1)
    assert 1 == check_stream(records(written, stream), line, commitment).later


def test_a_withheld_event_is_found_out(written: regesta.Client):
    commit(written)
    commitment, (line,) = proved(written.prove_stream_head("models/churn/versions/1"))
    told = records(written, "models/churn/versions/1")
    for withheld in range(len(told)):
        with pytest.raises(Incomplete):
            check_stream(told[:withheld] + told[withheld + 1 :], line, commitment)
    with pytest.raises(Incomplete):
        check_stream(told[::-1], line, commitment)
    other = proved(written.prove_stream_head("models/churn"))[1][0]
    with pytest.raises(Incomplete):
        check_stream(told, other, commitment)
    with pytest.raises(InvalidProof):
        check_stream(told, ProvedLine(line.line, line.index + 1, line.path), commitment)


def test_no_version_or_alias_of_a_model_can_be_withheld(written: regesta.Client):
    written.rename_model("churn", new_model_id="attrition")
    commit(written)
    answer = written.prove_stream_head("models/attrition", include_children=True)
    assert "models/churn" == answer.stream
    commitment, lines = proved(answer)
    family = check_family("churn", lines, commitment)
    assert {
        "models/churn",
        "models/churn/aliases/champion",
        "models/churn/versions/1",
        "models/churn/versions/2",
    } == set(family)
    for withheld in range(len(lines)):
        kept = lines[:withheld] + lines[withheld + 1 :]
        with pytest.raises(Incomplete):
            check_family("churn", kept, commitment)


@pytest.mark.parametrize("name", ["aaa", "churn-1", "zzz"])
def test_that_a_model_has_nothing_below_it_is_proved_too(written: regesta.Client, name: str):
    written.create_model(name, model=regesta.Model())
    commit(written)
    commitment, lines = proved(written.prove_stream_head(f"models/{name}", include_children=True))
    assert [f"models/{name}"] == list(check_family(name, lines, commitment))
    alone = [line for line in lines if f'"models/{name}"'.encode() in line.line]
    if name != "zzz":
        with pytest.raises(Incomplete):
            check_family(name, alone, commitment)


def test_what_was_not_committed_to_is_not_proved(written: regesta.Client):
    with pytest.raises(regesta.PreconditionFailed) as early:
        written.prove_stream_head("models/churn")
    commit(written)
    written.create_model("late", model=regesta.Model())
    with pytest.raises(regesta.NotFound) as late:
        written.prove_stream_head("models/late")
    with pytest.raises(regesta.PreconditionFailed) as other:
        written.prove_stream_head("models/churn", heads_position=3)
    assert ["HEADS_NOT_KEPT", "STREAM_NOT_FOUND", "HEADS_NOT_KEPT"] == [
        caught.value.reason for caught in (early, late, other)
    ]
    for caught in (early, other):
        assert "`regesta audit commit-heads`" in str(caught.value)
        assert "audit.commit" in str(caught.value)
    with pytest.raises(regesta.InvalidRequest):
        written.prove_stream_head("models/churn/nothing/1")


def edit(database: LiveDatabase, namespace: str, statement: str, *parameters: object) -> None:
    with psycopg.connect(database.superuser_dsn, autocommit=True) as connection:
        row = connection.execute(
            "SELECT namespace_id FROM regesta.logs WHERE name = %s", [namespace]
        ).fetchone()
        assert row is not None
        done = connection.execute(statement.encode(), [*parameters, row[0]])
        assert 1 == done.rowcount


def findings(client: regesta.Client) -> set[tuple[str, str]]:
    return {
        (finding.kind, finding.subject) for answer in client.verify() for finding in answer.findings
    }


def test_an_edited_projection_is_found_though_all_its_columns_agree_and_it_is_mended(
    written: regesta.Client, server_database: LiveDatabase
):
    version = written.get_version("churn/1")
    where = "WHERE namespace_id = %s AND model = 'churn' AND number = 1"
    for old, new in ((b"staging", b"prodded"), (b"prodded", b"staging")):
        with psycopg.connect(server_database.superuser_dsn) as connection:
            (resource,) = connection.execute(
                "SELECT v.resource FROM regesta.versions AS v JOIN regesta.logs AS l"
                " ON l.namespace_id = v.namespace_id AND l.generation = v.generation"
                " WHERE l.name = %s AND v.model = 'churn' AND v.number = 1",
                [written.namespace],
            ).fetchone() or (b"",)
        edit(
            server_database,
            written.namespace,
            f"UPDATE regesta.versions SET stage = %s, resource = %s {where}",  # noqa: S608
            new.decode(),
            resource.replace(old, new),
        )
        if new == b"prodded":
            committed = commit(written)
    assert version == written.get_version("churn/1")
    assert {
        ("HEADS_DIFFER", "log"),
        ("HEADS_DIFFER", "models/churn/versions/1"),
    } == findings(written)
    assert committed.heads == written.get_log_status().heads


def test_a_stream_that_is_left_out_of_a_commitment_is_found(
    written: regesta.Client, server_database: LiveDatabase
):
    edit(
        server_database,
        written.namespace,
        "DELETE FROM regesta.aliases WHERE namespace_id = %s",
    )
    commit(written)
    assert {
        ("HEADS_DIFFER", "log"),
        ("HEADS_DIFFER", "models/churn/aliases/champion"),
        ("ROW_MISSING", "aliases churn/champion"),
    } == findings(written)


def test_writers_go_on_while_heads_are_committed_to(written: regesta.Client):
    def write(number: int) -> None:
        written.register(f"m{number % 7}", tags={"n": str(number)})

    with ThreadPoolExecutor(8) as pool:
        written_now = pool.map(write, range(120))
        committed = [commit(written) for _ in range(3)]
        list(written_now)
    assert sorted({answer.position for answer in committed}) == [
        answer.position for answer in committed
    ]
    last = list(written.verify())[-1]
    assert (0, 3) == (last.findings_total, last.heads_checked)


OLD = VerifierKey("log.example.com/acme", SignatureType.ED25519, bytes(32)).vkey
NEW = VerifierKey("log.example.com/acme", SignatureType.ED25519, bytes([1]) * 32).vkey
NOTE = "log.example.com/acme\n12\n" + "A" * 43 + "=\n\n— log.example.com/acme " + "A" * 91 + "=\n"


def test_the_log_says_what_happened_to_its_keys_and_to_itself(client: regesta.Client):
    client.record_log_event(
        key_rotated=pb.KeyRotation(new_vkey=NEW, old_vkey=OLD, last_checkpoint=NOTE),
        reason="once a year",
    )
    client.record_log_event(
        key_compromised=pb.KeyCompromise(vkey=OLD, last_good_size=12, checkpoint=NOTE)
    )
    client.record_log_event(
        log_forked=log_status_pb2.LogFork(
            old_checkpoint=NOTE,
            recovered_size=10,
            recovered_root=bytes(32),
            first_lost=11,
            last_lost=12,
        )
    )
    status = client.record_log_event(log_witnessed=pb.LogWitness(checkpoint=NOTE))
    assert f"namespaces/{client.namespace}/log" == status.name
    assert ([NEW], ["4", NOTE]) == (
        list(status.vkeys),
        [status.etag, status.witnessed_checkpoint],
    )
    assert [(OLD, 12)] == [(key.vkey, key.last_good_size) for key in status.compromised_keys]
    assert [(11, 12)] == [(fork.first_lost, fork.last_lost) for fork in status.forks]
    assert status == client.get_log_status()
    assert [
        "KeyRotated",
        "KeyCompromised",
        "LogForked",
        "LogWitnessed",
    ] == [event.type.rsplit(".", 1)[1] for event in client.events(resources=["log"])]
    assert 0 == list(client.verify())[-1].findings_total


def test_a_log_event_is_recorded_once_and_only_on_the_revision_that_is_expected(
    client: regesta.Client,
):
    rotation = pb.KeyRotation(new_vkey=NEW)
    first = client.record_log_event(key_rotated=rotation, request_id="rotate", etag="0")
    client.record_log_event(log_witnessed=pb.LogWitness(checkpoint=NOTE))
    assert first == client.record_log_event(key_rotated=rotation, request_id="rotate", etag="0")
    with pytest.raises(regesta.Conflict):
        client.record_log_event(log_witnessed=pb.LogWitness(checkpoint=NOTE), etag="1")


def test_a_log_that_has_said_nothing_has_a_status_with_only_a_name(client: regesta.Client):
    status = client.get_log_status()
    assert log_status_pb2.LogStatus(name=f"namespaces/{client.namespace}/log") == status
