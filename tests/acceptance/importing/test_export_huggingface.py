"""A version written as a repository is that version again when it is imported."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import regesta
from regesta.cli.program import run
from regesta.importing.huggingface import read_repository
from regesta.importing.repositories import import_repositories
from regesta.v1 import governance_pb2 as gov

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.server_process import ServerProcess

pytest.importorskip("yaml")


def exported(client: regesta.Client, server: ServerProcess, version: str, folder: Path) -> str:
    arguments = ["--target", server.address, "--namespace", client.namespace]
    assert 0 == run([*arguments, "export", "huggingface", version, str(folder)])
    return (folder / "README.md").read_text()


def test_tags_lineage_and_results_are_the_head_of_the_card(
    client: regesta.Client, server: ServerProcess, tmp_path: Path
):
    client.register(
        "churn",
        source="s3://churn/1",
        description="Who leaves.",
        metrics={"auc": 0.875},
        tags={"license": "mit", "huggingface.language": '["en"]', "huggingface.x": '"7"'},
        lineage=regesta.Lineage(
            parents=["models/base/versions/3"],
            datasets=[regesta.DatasetReference(name="events", role="training")],
        ),
    )
    client.record_evaluation(
        "churn/1",
        evaluation=gov.Evaluation(dataset="holdout", method="benchmark", metrics={"auc": 0.5}),
    )
    card = exported(client, server, "churn", tmp_path / "out")
    assert card.endswith("---\n# churn\n\nWho leaves.\n")
    facts = read_repository(tmp_path / "out").facts
    assert ("mit", ["en"], "7") == (facts["license"], facts["language"], facts["x"])
    assert ("models/base/versions/3", ["events"]) == (facts["base_model"], facts["datasets"])
    (model,) = facts["model-index"]
    assert [
        ("holdout", [{"type": "auc", "value": 0.5}]),
        ("training", [{"type": "auc", "value": 0.875}]),
    ] == [(one["dataset"]["name"], one["metrics"]) for one in model["results"]]
    document = json.loads((tmp_path / "out" / "regesta.json").read_text())
    assert "s3://churn/1" == document["version"]["source"]
    assert ["ModelCreated", "VersionRegistered"] == [
        event["record"]["type"].rpartition(".")[2] for event in document["events"]
    ]


def test_a_card_comes_back_as_it_was_and_so_do_its_facts(
    client: regesta.Client, elsewhere: regesta.Client, server: ServerProcess, tmp_path: Path
):
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "README.md").write_text(
        '---\nlicense: mit\nversion: "1.0"\nlanguage:\n- en\ntags:\n- a\n- 2\nnested:\n  deep: true\n'
        "---\n# Card\n\nText.\n"
    )
    import_repositories(client, [folder], now=datetime.now(UTC))
    card = exported(client, server, "first/1", tmp_path / "out" / "first")
    assert card.endswith("---\n# Card\n\nText.\n")
    before, after = read_repository(folder), read_repository(tmp_path / "out" / "first")
    assert before.facts == after.facts
    import_repositories(elsewhere, [tmp_path / "out" / "first"], now=datetime.now(UTC))
    there, back = client.get_version("first/1"), elsewhere.get_version("first/1")
    for version in (there, back):
        del version.tags["huggingface.files"]
    assert dict(there.tags) == dict(back.tags)
