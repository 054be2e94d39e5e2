"""create, register, update, list, search, show, resolve."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import regesta

if TYPE_CHECKING:
    from tests.acceptance.cli.conftest import CommandLine


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(24))
    return path


def test_a_model_is_created_with_all_that_is_said_of_it(
    cli: CommandLine, tmp_path: Path, namespace: str
):
    card = tmp_path / "card.md"
    card.write_text("# Churn\n")
    said = cli(
        *("create", "churn", "--kind", "adapter", "--owner", "risk", "--card", str(card)),
        *("--description", "who leaves", "--tag", "team=risk", "--tag", "empty="),
    )
    assert "churn created at position 2\n" == said.out
    found = cli("show", "churn", "--json").document
    assert 2 == found["position"]
    model = found["model"]
    assert (
        f"namespaces/{namespace}/models/churn",
        "ADAPTER",
        "risk",
        "who leaves",
        "# Churn\n",
        {"team": "risk", "empty": ""},
        None,
    ) == tuple(
        model[field]
        for field in ("name", "kind", "owner", "description", "card", "tags", "delete_time")
    )
    assert "# Churn\n" == cli("show", "churn", "--card").out
    shown = cli("show", "churn").out
    assert "\n  kind         adapter\n  owner        risk\n" in shown
    assert "card         8 characters; see it with --card" in shown


def test_a_version_is_registered_with_typed_facts(cli: CommandLine):
    said = cli(
        *("register", "churn", "--source", "s3://churn", "--digest", "sha256:" + "ab" * 32),
        *("--semver", "1.2.0", "--param", "lr=0.1", "--metric", "auc=0.93", "--tag", "team=risk"),
        *("--property", "rows=10000", "--property", "ratio=0.5", "--property", "gpu=true"),
        *("--property", "text=xgboost", "--property", 'number-as-text:="3"'),
        *("--property", 'nested:={"a": [1, 2.5]}', "--run", "run-7", "--commit", "c0ffee"),
        *("--repository", "git://x", "--parent", "models/base/versions/1"),
        *("--dataset", "s3://train,role=training,digest=md5:ab", "--description", "why not"),
        *("--occurred-at", "2020-01-02T03:04:05Z", "--occurred-by", "ana", "--reason", "better"),
        "--json",
    ).document
    version = said["version"]
    assert (1, 3, "development") == (version["version"], said["position"], version["stage"])
    assert {
        "rows": 10000,
        "ratio": 0.5,
        "gpu": True,
        "text": "xgboost",
        "number-as-text": "3",
        "nested": {"a": [1, 2.5]},
    } == version["properties"]
    assert ({"lr": "0.1"}, {"auc": 0.93}, {"team": "risk"}) == (
        version["params"],
        version["metrics"],
        version["tags"],
    )
    assert {
        "run": "run-7",
        "repository": "git://x",
        "commit": "c0ffee",
        "parents": ["models/base/versions/1"],
        "datasets": [{"name": "s3://train", "digest": "md5:ab", "role": "training"}],
    } == version["lineage"]
    event = cli("log", "churn/1", "--json").events[0]
    assert ("2020-01-02T03:04:05Z", "better") == (event["occurred_time"], event["reason"])
    assert "ana" == event["occurred_by"]
    said = cli("log", "churn/1").out
    assert "happened 2020-01-02" in said
    assert ", done by ana, by the importer's word\n" in said


def test_what_an_importer_claimed_is_shown_as_a_claim(cli: CommandLine):
    claim = ("--occurred-at", "2020-01-02T03:04:05Z", "--occurred-by", "ana")
    cli("register", "churn", "--source", "s3://churn", *claim)
    cli("tag", "churn/1", "a=1")
    shown = " ".join(cli("show", "churn/1").out.split())
    assert "created 2020-01-02" in shown
    assert "by ana, by the importer's word changed" in shown
    assert shown.count("by the importer's word") == 1
    version = cli("show", "churn/1", "--json").document["version"]
    assert ("2020-01-02T03:04:05Z", None, "ana") == (
        version["occurred_create_time"],
        version["occurred_update_time"],
        version["occurred_created_by"],
    )
    lines = cli("blame", "churn/1", "--json").document["fields"]
    assert {"source": "ana", "tags.a": None} == {
        line["field"]: line["occurred_by"]
        for line in lines
        if line["field"] in ("source", "tags.a")
    }
    assert "done by ana, by the importer's word" in cli("blame", "churn/1").out
    assert "done by ana, by the importer's word" in cli("trace", "churn/1").out


def test_a_file_gives_digest_size_and_signature(cli: CommandLine, artifact: Path):
    said = cli("register", "churn", "--file", str(artifact), "--json").document["version"]
    assert (regesta.digest_of(artifact), artifact.stat().st_size) == (
        said["digest"],
        said["size_bytes"],
    )
    assert [{"name": "w", "data_type": "F32", "shape": [2, 3], "optional": False}] == said[
        "signature"
    ]["params"]
    assert "w = F32 [2, 3]" in cli("show", "churn/1").out


def test_a_broken_model_file_is_registered_without_a_signature(cli: CommandLine, tmp_path: Path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing of the kind")
    said = cli("register", "churn", "--file", str(broken), "--json")
    assert "note: registered without a signature" in said.err
    assert said.document["version"]["signature"] is None


def test_a_digest_that_is_not_the_files_is_refused(cli: CommandLine, artifact: Path):
    said = cli("register", "churn", "--file", str(artifact), "--digest", "sha256:x", code=2)
    assert "not the one of --digest" in said.err
    assert "no models\n" == cli("list").err


def test_a_mistyped_model_is_not_created_when_that_is_asked_for(cli: CommandLine):
    assert "MODEL_NOT_FOUND" in cli("register", "chrun", "--existing", code=3).err


def test_what_was_registered_repeats_under_its_request_id(cli: CommandLine):
    once = cli("register", "churn", "--source", "x", "--request-id", "job-1", "--json").document
    again = cli("register", "churn", "--source", "x", "--request-id", "job-1", "--json").document
    assert once == again
    other = cli("register", "churn", "--source", "y", "--request-id", "job-1", code=4)
    assert "REQUEST_ID_REUSED" in other.err


def test_owner_description_and_card_change(churn: CommandLine, tmp_path: Path):
    card = tmp_path / "card.md"
    card.write_text("hello")
    assert "churn updated at position 8\n" == churn("update", "churn", "--owner", "me").out
    churn("update", "churn/1", "--description", "d", "--card", str(card), "--etag", "1")
    version = churn("show", "churn/1", "--json").document["version"]
    assert ("d", "hello") == (version["description"], version["card"])
    churn("update", "churn/1", "--description", "")
    assert "" == churn("show", "churn/1", "--json").document["version"]["description"]
    assert "hello" == churn("show", "churn/1", "--card").out.strip()


def test_models_and_versions_are_listed(churn: CommandLine):
    churn("register", "another")
    assert ["another", "churn"] == [line.split()[0] for line in churn("list").out.splitlines()[1:]]
    assert "champion=2" in churn("list").out
    assert ["churn/2", "churn/1"] == [
        line.split()[0] for line in churn("list", "churn").out.splitlines()[1:]
    ]
    models = churn("list", "--json", "--limit", "1").document["models"]
    assert ["another"] == [model["name"].split("/")[-1] for model in models]
    versions = churn("list", "churn", "--json").document["versions"]
    assert [2, 1] == [version["version"] for version in versions]


def test_what_is_deleted_is_listed_only_when_asked_for(churn: CommandLine):
    churn("delete", "churn/1")
    assert "churn/1" not in churn("list", "churn").out
    assert "churn/1 (deleted)" in churn("list", "churn", "--deleted").out
    churn("delete", "churn")
    assert [] == churn("list", "--json").document["models"]
    assert "churn (deleted)" in churn("list", "--deleted").out


def test_a_filter_finds_versions_and_models(churn: CommandLine):
    found = churn("search", "versions", "metrics.auc > 0.85 AND stage = staging", "--json")
    assert [2] == [version["version"] for version in found.document["versions"]]
    ordered = churn("search", "versions", "", "--model", "churn", "--order-by", "version desc")
    assert ["churn/2", "churn/1"] == [line.split()[0] for line in ordered.out.splitlines()[1:]]
    assert "churn " in churn("search", "models", "owner = risk").out
    nothing = churn("search", "models", "owner = nobody")
    assert ("", "no models\n") == (nothing.out, nothing.err)


@pytest.mark.parametrize(
    ("address", "version"),
    [
        ("churn/1", 1),
        ("churn@champion", 2),
        ("churn@latest", 2),
        ("churn#staging", 2),
        ("churn@^1.0", 1),
        ("models:/churn/2", 2),
        ("churn@champion?as_of=6", 1),
    ],
)
def test_an_address_resolves(churn: CommandLine, address: str, version: int):
    assert version == churn("resolve", address, "--json").document["version"]["version"]
    assert f"{version}\n" == churn("resolve", address, "--field", "version").out
    assert f"churn/{version} " in churn("resolve", address).out


def test_an_address_of_the_past_resolves(churn: CommandLine):
    assert "1\n" == churn("resolve", "churn@champion", "--as-of", "6", "--field", "version").out
    twice = churn("resolve", "churn@champion?as_of=5", "--as-of", "6", code=2)
    assert "leave out --as-of" in twice.err


def test_a_model_a_version_and_an_alias_show_as_they_were(churn: CommandLine):
    assert 0 == churn("show", "churn", "--as-of", "2", "--json").document["model"]["latest_version"]
    then = churn("show", "churn/2", "--as-of", "4", "--json").document["version"]
    assert "development" == then["stage"]
    alias = churn("show", "churn@champion", "--as-of", "5", "--json").document["alias"]
    assert 1 == alias["version"]
    assert "  version   2\n  before    1\n" in churn("show", "churn@champion").out
    registered = churn("log", "--json").events[3]
    assert 4 == registered["position"]
    recorded = registered["record_time"]
    as_then = churn("show", "churn/2", "--as-of", recorded, "--json").document["version"]
    assert then == as_then


def test_a_stage_or_a_range_shows_the_version_that_it_means(churn: CommandLine):
    assert churn("show", "churn#staging").out.startswith("churn/2\n")
    assert churn("show", "churn@1.x").out.startswith("churn/1\n")


def test_another_namespace_is_reached_by_address(churn: CommandLine, namespace: str):
    said = churn("--namespace", "default", "show", f"{namespace}/churn/1").out
    assert said.startswith("churn/1\n")
    full = f"namespaces/{namespace}/models/churn"
    assert churn("show", full, "--namespace", "default").out.startswith("churn\n")
