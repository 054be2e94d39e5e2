"""States as JSON: what docs/audit/heads.md promises to whoever makes them without our code."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import rfc8785

from regesta.merkle import root_of
from regesta_projections.evolve.streams import stream_of
from regesta_projections.heads.states import state_digest, state_of
from regesta_projections.records import read_record
from regesta_projections.rows import StreamRow
from tests.support.log_builder import LogBuilder
from tests.support.rich_log import CHAMPION, FIRST, SECOND, rich_log

GOLDEN = Path(__file__).parents[2] / "golden"

#: The golden log when it had this size is committed to in the same way for ever.
POSITION = 30


def golden_log() -> LogBuilder:
    """Return the golden log up to `POSITION`."""
    log = LogBuilder("golden")
    log.rows.clear()
    for position, record in enumerate((GOLDEN / "log.jsonl").read_bytes().splitlines(), 1):
        if position <= POSITION:
            log._fold(read_record(record, position))
    return log


def test_the_lines_of_the_golden_log_are_the_same_for_ever():
    # What was once committed to must come out of a fold by any later build: a new member in a
    # state may only come from new events.
    log = golden_log()
    kept = (GOLDEN / "heads.jsonl").read_bytes().splitlines()
    assert kept == [line.encode() for line in log.head_lines()]
    golden = json.loads((GOLDEN / "heads.json").read_text())
    assert golden["root"] == root_of([line.hash() for line in log.head_lines()]).hex()


def test_a_third_party_makes_the_digests_of_the_golden_states():
    golden = json.loads((GOLDEN / "heads.json").read_text())
    lines = [json.loads(line) for line in (GOLDEN / "heads.jsonl").read_bytes().splitlines()]
    assert [line["stream"] for line in lines] == list(golden["states"])
    for line in lines:
        state = golden["states"][line["stream"]]
        assert line["state"] == sha256(rfc8785.dumps(state)).hexdigest()


def states() -> dict[str, dict[str, object]]:
    log = rich_log()
    rows = [row for row in log.rows.values() if isinstance(row, StreamRow)]
    return {stream_of(row.key): state_of(row) for row in rows}


def test_a_version_s_state_is_what_its_records_say():
    log = rich_log()
    records = [json.loads(record) for record in log.records]
    own = [record for record in records if record["subject"] == FIRST]
    registered, last = own[0], own[-1]
    data = registered["data"]
    texts = {"card": own[2]["data"]["card"]["_sd"][0]}
    position = 1 + records.index(registered)
    expected = {
        **{
            name: data[name]
            for name in ("digest", "lineage", "manifest", "metrics", "params", "semver")
        },
        "signature": data["signature"],
        "sizeBytes": data["sizeBytes"],
        "source": data["source"],
        "stage": data["stage"],
        "version": 1,
        "tags": data["tags"] | {"framework": "torch"},
        "properties": {
            "bool": {"boolValue": True},
            "double": {"doubleValue": "1e+300"},
            "int": {"intValue": "-9223372036854775808"},
            "list": {"listValue": data["properties"]["list"]["listJson"]},
            "string": data["properties"]["string"],
            "struct": {"structValue": data["properties"]["struct"]["structJson"]},
        },
        "createTime": registered["recordedtime"],
        "createdBy": "alice",
        "updateTime": last["recordedtime"],
        "updatedBy": "alice",
        "etag": str(len(own)),
        "stagePosition": str(position),
        "texts": texts,
    }
    assert expected == states()[FIRST]
    assert sha256(rfc8785.dumps(expected)).digest() == state_digest(states()[FIRST])


def test_claimed_times_stay_out_of_a_state_and_who_is_in_it():
    """States of events that were there before resources had such members stay as they were."""
    log = rich_log()
    claimed = {
        json.loads(record)["subject"]
        for record in log.records
        if json.loads(record)["time"] != json.loads(record)["recordedtime"]
    }
    assert {SECOND, "models/Imported", "models/Imported/versions/21"} < claimed
    for stream in claimed:
        assert not {"occurredCreateTime", "occurredUpdateTime"} & set(states()[stream])
    assert "occurredCreatedBy" not in states()[SECOND]
    assert "Ana, ML" == states()["models/Imported/versions/21"]["occurredCreatedBy"]


def test_an_alias_that_was_removed_has_a_state_without_a_version():
    state = states()[CHAMPION]
    assert ("3", 2, None) == (state["etag"], state["previousVersion"], state.get("version"))


def write() -> None:
    """Write the golden files; once, and never again for the same position."""
    log = golden_log()
    lines = log.head_lines()
    rows = [row for row in log.rows.values() if isinstance(row, StreamRow)]
    document = {
        "position": POSITION,
        "streams": len(lines),
        "root": root_of([line.hash() for line in lines]).hex(),
        "states": {stream_of(row.key): state_of(row) for row in rows},
    }
    (GOLDEN / "heads.jsonl").write_bytes(b"".join(line.encode() + b"\n" for line in lines))
    (GOLDEN / "heads.json").write_text(
        json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    )


if __name__ == "__main__":
    write()
