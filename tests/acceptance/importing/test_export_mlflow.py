"""What is here is in MLflow after an export, and what MLflow has no place for is named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta.exporting.mlflow import export_mlflow
from regesta.importing.extras import NoRegistry
from tests.acceptance.importing.test_import_mlflow import filled

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.importing.conftest import Importing
    from tests.support.mlflow_registry import MlflowRegistry

pytestmark = pytest.mark.filterwarnings("ignore")


def rows(path: Path) -> dict[str, list[Any]]:
    """Return what a registry holds, but for times, users and aliases to nowhere."""
    queries = {
        "models": "select name, coalesce(description, '') from registered_models",
        "model tags": "select name, key, value from registered_model_tags",
        "versions": "select name, version, coalesce(description, ''), current_stage, source,"
        " run_id, run_link, status from model_versions",
        "version tags": "select t.name, t.version, key, value from model_version_tags t join"
        " model_versions v on v.name = t.name and v.version = t.version"
        " where current_stage != 'Deleted_Internal'",
        "aliases": "select name, alias, version from registered_model_aliases where version < 99",
    }
    with closing(sqlite3.connect(path)) as connection:
        return {name: sorted(connection.execute(query)) for name, query in queries.items()}


def test_there_and_back_again_is_the_same(
    registry: MlflowRegistry,
    importing: Importing,
    client: regesta.Client,
    template: Path,
    tmp_path: Path,
):
    from tests.support.mlflow_registry import MlflowRegistry  # noqa: PLC0415

    filled(registry)
    registry.store.delete_model_version("churn", "4")
    importing(registry)
    back = MlflowRegistry(tmp_path / "back.db", template)
    report = export_mlflow(client, back.url)
    for table, there in rows(registry.path).items():
        assert there == rows(back.path)[table], table
    assert {("who registered it", "1 of them")} == {
        (one.resource, one.what) for one in report.findings if one.outcome.is_loss
    }
    again = export_mlflow(client, back.url)
    assert {} == dict(again.counts)
    assert rows(registry.path) == rows(back.path)


def test_changes_here_are_brought_there(client: regesta.Client, template: Path, tmp_path: Path):
    from tests.support.mlflow_registry import MlflowRegistry  # noqa: PLC0415

    back = MlflowRegistry(tmp_path / "back.db", template)
    for number in (1, 2, 3):
        client.register("churn", source=f"s3://churn/{number}")
    client.delete_version("churn/3")
    export_mlflow(client, back.url)
    client.register("churn", source="s3://churn/4", tags={"number": "4"}, semver="1.0.0")
    client.set_alias("churn@champion", version=4)
    client.set_tags("churn/1", tags={"key": "value"})
    client.transition_version("churn/2", stage="staging")
    report = export_mlflow(client, back.url)
    assert {"versions created": 1, "aliases set": 1, "versions moved to their stage": 1} == dict(
        report.counts
    )
    assert [("semver", "1 of them")] == [
        (one.resource, one.what) for one in report.findings if one.outcome.is_loss
    ]
    versions = {version.version: version for version in back.store.search_model_versions("")}
    assert {1, 2, 4} == set(versions)
    assert "Staging" == versions[2].current_stage
    assert {"key": "value"} == versions[1].tags
    assert "4" == str(back.store.get_model_version_by_alias("churn", "champion").version)


def test_a_number_that_is_taken_there_is_told(client: regesta.Client, registry: MlflowRegistry):
    registry.model("churn")
    registry.version("churn", "s3://theirs")
    client.register("churn", source="s3://ours")
    client.register("churn", source="s3://ours/2")
    report = export_mlflow(client, registry.url)
    assert [("conflict", "churn/1")] == [
        (str(one.outcome), one.resource) for one in report.findings if one.outcome.is_loss
    ]
    assert "s3://theirs" == registry.store.get_model_version("churn", "1").source
    assert "s3://ours/2" == registry.store.get_model_version("churn", "2").source


def test_a_number_that_was_used_up_there_takes_no_more(
    client: regesta.Client, registry: MlflowRegistry
):
    registry.model("churn")
    registry.version("churn")
    registry.store.delete_model_version("churn", "1")
    for number in (1, 2, 3):
        client.register("churn", source=f"s3://ours/{number}")
    report = export_mlflow(client, registry.url)
    assert ["churn/1", "churn/2", "churn/3"] == [
        one.resource for one in report.findings if one.outcome.is_loss
    ]
    assert 3 == registry.version("churn")


def test_a_registry_that_is_none_is_refused(client: regesta.Client):
    with pytest.raises(NoRegistry):
        export_mlflow(client, "nonsense://nowhere")
