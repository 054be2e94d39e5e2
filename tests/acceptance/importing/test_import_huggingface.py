"""A Hugging Face repository on disk is a version here: its card, its facts, its files by hash."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta.importing import huggingface_plans as plans
from regesta.importing.repositories import import_repositories
from tests.acceptance.importing.conftest import BrokenOff, Mortal

if TYPE_CHECKING:
    from pathlib import Path

    from regesta.importing.reports import Report

COMMIT = "0123456789abcdef" * 2 + "01234567"

CARD = """\
---
license: apache-2.0
language: [en, de]
library_name: transformers
base_model: google/bert
datasets: [imdb]
created: 2024-05-01
model-index:
- name: sentiment
  results:
  - task: {type: text-classification}
    dataset: {name: IMDB, type: imdb, split: test, revision: abc}
    metrics:
    - {type: accuracy, value: 0.91}
    - {type: f1, value: n/a}
    source: {url: "https://example.com/run"}
---
# Sentiment

Says whether a text is kind.
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    pytest.importorskip("yaml")
    folder = tmp_path / "sentiment"
    (folder / "onnx").mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "onnx" / "model.onnx").write_bytes(b"graph")
    return folder


def brought(client: Any, *folders: Path, dry_run: bool = False) -> Report:
    return import_repositories(client, folders, now=datetime.now(UTC), dry_run=dry_run)


def test_the_card_the_facts_and_the_files_are_here(repository: Path, client: regesta.Client):
    report = brought(client, repository)
    assert report.is_complete
    assert [("sentiment", "metric f1 on IMDB test")] == [
        (one.resource, one.what) for one in report.findings
    ]
    version = client.get_version("sentiment/1")
    assert CARD == version.card
    tags = dict(version.tags)
    listing = tags.pop(plans.LISTING)
    assert {
        "license": "apache-2.0",
        "huggingface.language": '["en", "de"]',
        "huggingface.library_name": "transformers",
        "huggingface.base_model": "google/bert",
        "huggingface.datasets": '["imdb"]',
        "huggingface.created": "2024-05-01",
    } == tags
    assert ["google/bert"] == list(version.lineage.parents)
    assert [("imdb", "training")] == [(one.name, one.role) for one in version.lineage.datasets]
    assert version.digest == version.manifest.digest
    assert version.size_bytes == len(CARD) + len(b"weights") + len(b"graph")
    (evaluation,) = client.get_evaluations("sentiment/1").evaluations
    assert ("IMDB test", {"accuracy": 0.91}) == (evaluation.dataset, dict(evaluation.metrics))
    # Anybody can check the files by the list, and the list by the digest.
    done = subprocess.run(
        ["sha256sum", "-c", "-"],
        input=listing,
        cwd=repository,
        text=True,
        capture_output=True,
        check=True,
    )
    assert "onnx/model.onnx: OK" in done.stdout
    assert plans.LISTING_TYPE == version.manifest.media_type


def test_the_same_content_is_one_version_and_changed_content_the_next(
    repository: Path, client: regesta.Client
):
    brought(client, repository)
    before = client.get_head().position
    assert {} == dict(brought(client, repository).counts)
    assert before == client.get_head().position
    (repository / "model.safetensors").write_bytes(b"better weights")
    assert {"versions registered": 1} == dict(brought(client, repository).counts)
    assert 2 == client.get_model("sentiment").latest_version
    client.delete_version("sentiment/2")
    report = brought(client, repository)
    assert {} == dict(report.counts)
    assert "version 2" in [finding.what for finding in report.findings]


def test_a_run_that_is_killed_after_each_write_ends_where_one_run_does(
    repository: Path, client: regesta.Client
):
    for _ in range(2):
        with pytest.raises(BrokenOff):
            brought(Mortal(client, 1), repository)
    brought(client, repository)
    (version,) = client.versions("sentiment")
    assert 1 == version.version
    assert 1 == len(client.get_evaluations("sentiment/1").evaluations)


def test_a_clone_says_where_it_comes_from(repository: Path, client: regesta.Client):
    git = repository / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "config").write_text('[remote "origin"]\n\turl = https://huggingface.co/acme/kind\n')
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    brought(client, repository)
    version = client.get_version("acme--kind/1")
    assert f"hf://acme/kind@{COMMIT}" == version.source
    assert (COMMIT, "https://huggingface.co/acme/kind") == (
        version.lineage.commit,
        version.lineage.repository,
    )
    assert "acme/kind" == client.get_model("acme--kind").tags[plans.REPOSITORY]
    assert ".git" not in version.tags[plans.LISTING]


def test_a_cache_is_read_as_the_repository_that_main_is(tmp_path: Path, client: regesta.Client):
    cache = tmp_path / "models--acme--lora"
    snapshot = cache / "snapshots" / COMMIT
    for folder in (snapshot, cache / "refs", cache / "blobs", cache / "snapshots" / ("f" * 40)):
        folder.mkdir(parents=True)
    (cache / "refs" / "main").write_text(COMMIT)
    (cache / "blobs" / "one").write_text('{"base_model_name_or_path": "acme/base"}')
    (snapshot / "adapter_config.json").symlink_to(cache / "blobs" / "one")
    assert brought(client, cache).is_complete
    version = client.get_version("acme--lora/1")
    assert f"hf://acme/lora@{COMMIT}" == version.source
    assert ["acme/base"] == list(version.lineage.parents)
    assert regesta.ModelKind.MODEL_KIND_ADAPTER == client.get_model("acme--lora").kind


def test_what_leads_out_of_a_repository_is_not_followed_but_told(
    repository: Path, client: regesta.Client, tmp_path: Path
):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (repository / "README.md").unlink()
    (repository / "README.md").symlink_to(secret)
    report = brought(client, repository)
    assert [("not carried", "README.md")] == [
        (str(one.outcome), one.what) for one in report.findings
    ]
    assert "" == client.get_version("sentiment/1").card


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("a: [", "cannot be read"),
        ("- a", "no mapping"),
        ("a: &a [x]\nb: [*a, *a]", "references"),
        ("a: !!python/object/apply:os.system [ls]", "cannot be read"),
        ("a: " + "[" * 2_000, "cannot be read"),
    ],
)
def test_a_card_that_cannot_be_read_is_told(
    repository: Path, client: regesta.Client, head: str, why: str
):
    (repository / "README.md").write_text(f"---\n{head}\n---\n# Card\n")
    (finding,) = brought(client, repository).findings
    assert why in finding.why
    assert [] == list(client.models())


def test_a_dry_run_writes_nothing(repository: Path, client: regesta.Client):
    report = brought(client, repository, dry_run=True)
    assert {"models created": 1, "versions registered": 1} == dict(report.counts)
    assert [] == list(client.models())
