"""A history tells who set a field last, and what an import had set it to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from regesta.importing.touched import TAG, UNTOUCHED, Erased, Touch, touched
from regesta.v1 import event_pb2

THEN = datetime(2020, 1, 1, tzinfo=UTC)


def event(kind: str, by: str, data: dict[str, Any], **texts: str) -> event_pb2.Event:
    made = event_pb2.Event(
        type=f"io.regesta.events.v1.{kind}",
        request_id=f"import-0-{by}" if by == "import" else by,
        record=json.dumps({"data": data}).encode(),
        disclosures=[event_pb2.Disclosure(field=name, text=text) for name, text in texts.items()],
    )
    made.occurred_time.FromDatetime(THEN)
    return made


def sealed() -> dict[str, list[str]]:
    return {"_sd": ["digest"]}


def test_a_field_is_whose_set_it_last_and_remembers_what_an_import_said():
    history = touched(
        [
            event(
                "VersionRegistered",
                "import",
                {"stage": "draft", "tags": {"a": "1", "b": "1"}, "description": sealed()},
                description="Theirs.",
            ),
            event("TagsSet", "ann", {"tags": {"a": "2"}}),
            event("TagsRemoved", "import", {"keys": ["b"]}),
            event("StageChanged", "ann", {"toStage": "live"}),
            event("VersionUpdated", "ann", {"description": sealed()}, description="Ours."),
            event("VersionDeleted", "ann", {}),
        ]
    )
    assert Touch(by_import=False, base="1") == history.touch(TAG + "a")
    assert Touch(by_import=True, base=None) == history.touch(TAG + "b")
    assert Touch(by_import=False, base="draft") == history.touch("stage")
    assert Touch(by_import=False, base="Theirs.") == history.touch("description")
    assert Touch(by_import=False, base=None) == history.touch("deleted")
    assert UNTOUCHED == history.touch(TAG + "never")
    assert (True, THEN, "draft") == (history.is_imported, history.born_at, history.born_in)
    assert (6, 4) == (history.revision, history.by_people)


def test_a_text_that_is_withheld_is_known_to_be_gone():
    history = touched([event("ModelCreated", "import", {"description": sealed(), "card": {}})])
    assert Erased.ERASED is history.touch("description").base
    assert "" == history.touch("card").base


def test_an_alias_that_was_rolled_back_is_whose_did_it():
    history = touched(
        [
            event("AliasSet", "import", {"version": 1}),
            event("AliasSet", "import", {"version": 2}),
            event("VersionRolledBack", "ann", {"version": 1, "previousVersion": 2}),
        ]
    )
    assert Touch(by_import=False, base=2) == history.touch("version")


def test_what_never_happened_tells_nothing():
    history = touched([])
    assert not history.is_imported
    assert UNTOUCHED == history.touch("version")
