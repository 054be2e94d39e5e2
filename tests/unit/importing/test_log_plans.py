"""Every type of event has its place in an import, and the calls that it makes are the client's."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import regesta
from regesta.importing.log_calls import CALLS, Stream
from regesta.importing.log_plans import BROUGHT, LEFT_OUT, LogPlanner
from regesta.importing.log_records import LogRecord
from regesta.importing.steps import Scribe
from regesta.names import check_request_id

ROOT = Path(__file__).parents[3]
RECORDS = sorted((ROOT / "tests/golden/records").glob("*.json"))
TYPES = {path.name.partition(".")[0] for path in RECORDS}
NOW = datetime(2027, 1, 1, tzinfo=UTC)


def record_of(path: Path, **texts: str) -> LogRecord:
    record = json.loads(path.read_bytes())
    return LogRecord(
        7,
        "ab" * 32,
        record["type"].rpartition(".")[2],
        record["subject"],
        int(record["revision"]),
        record["authid"],
        datetime.fromisoformat(record["time"]),
        record.get("data", {}),
        texts,
    )


def test_every_type_of_event_is_carried_brought_or_left_out():
    assert TYPES == {*CALLS, *BROUGHT, *LEFT_OUT}
    assert not CALLS.keys() & (BROUGHT | LEFT_OUT.keys())


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_call_takes_what_it_is_given(path: Path):
    record = record_of(path, text="said", reason="because")
    for step in LogPlanner(Scribe("log", NOW), "acme").plan(record).steps:
        method = getattr(regesta.Client, step.call)
        claim = {"occurred_time": step.occurred_time, "occurred_by": step.occurred_by}
        inspect.signature(method).bind(None, request_id="x", **step.arguments, **claim)
        check_request_id(step.request_id)
        assert (record.time, record.actor) == (step.occurred_time, step.occurred_by)
        assert "because" == step.arguments["reason"]


@pytest.mark.parametrize(
    ("time", "actor", "lost"),
    [
        (NOW, "é\u00a0😀" + "x" * 247, []),
        (NOW + timedelta(seconds=1), "ana", ["time of ModelDeleted"]),
        (NOW, "a\nb", ["actor of ModelDeleted"]),
        (NOW, "x" * 251, ["actor of ModelDeleted"]),
    ],
)
def test_what_cannot_be_claimed_is_told(time: datetime, actor: str, lost: list[str]):
    (path,) = (path for path in RECORDS if path.stem == "ModelDeleted.v1")
    record = replace(record_of(path), time=time, actor=actor)
    plan = LogPlanner(Scribe("log", NOW), "acme").plan(record)
    assert 1 == len(plan.steps)
    assert lost == [finding.what for finding in plan.findings]


@pytest.mark.parametrize(
    ("stream", "name"),
    [
        ("models/churn", "models/churn"),
        ("models/models/versions/3", "models/models/versions/3"),
        ("models/churn/versions/3/evaluations", "models/churn/versions/3"),
        ("models/churn/aliases/champion", "models/churn/aliases/champion"),
        ("models/churn/versions/3/comments/abcdefgh23", "models/churn/versions/3"),
    ],
)
def test_a_stream_is_a_resource(stream: str, name: str):
    assert name == Stream.parse(stream).name


def test_what_belongs_to_a_model_that_is_missing_is_missing_too():
    planner = LogPlanner(Scribe("log", NOW), "acme")
    by_type = {path.name.partition(".")[0]: path for path in RECORDS}
    planner.missed(record_of(by_type["ModelCreated"]))
    (finding,) = planner.plan(record_of(by_type["VersionRegistered"])).findings
    assert "its model is not here" == finding.why
