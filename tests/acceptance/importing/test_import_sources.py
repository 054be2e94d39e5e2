"""The same registry, read from a server, from PostgreSQL, and from tables of an older MLflow."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.conninfo import conninfo_to_dict

import regesta
from regesta.cli.program import run
from regesta.exporting.mlflow import export_mlflow
from regesta.importing.mlflow import import_mlflow
from regesta.importing.mlflow_database import MlflowDatabase
from regesta.importing.mlflow_places import Rules
from regesta.importing.mlflow_server import mlflow_server
from regesta.importing.mlflow_tables import ALIASES, MODEL_TAGS, MODELS, VERSION_TAGS, VERSIONS
from tests.acceptance.importing.test_import_mlflow import filled, losses, state
from tests.support.mlflow_registry import make_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.acceptance.importing.conftest import Importing
    from tests.databases import DatabaseServer
    from tests.support.mlflow_registry import MlflowRegistry
    from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.filterwarnings("ignore")


@contextmanager
def serving(url: str) -> Iterator[str]:
    """Yield the address of an MLflow server over a registry."""
    from werkzeug.serving import make_server  # noqa: PLC0415

    os.environ["_MLFLOW_SERVER_FILE_STORE"] = url
    os.environ["_MLFLOW_SERVER_REGISTRY_STORE"] = url
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = "mlruns"
    from mlflow.server import app  # noqa: PLC0415

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let webhooks go to this machine, which MLflow else refuses, and be tried once."""
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")
    monkeypatch.setenv("MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", "0")


def hook(registry: MlflowRegistry, name: str, url: str) -> Any:
    """Create a webhook; what MLflow sends there stays on this machine, and nobody hears it."""
    from mlflow.entities import webhook as hooks  # noqa: PLC0415

    event = hooks.WebhookEvent(hooks.WebhookEntity.MODEL_VERSION, hooks.WebhookAction.CREATED)
    return registry.store.create_webhook(name, url, [event], secret="hush")


def brought(client: regesta.Client, source: Any, **rules: bool) -> Any:
    return import_mlflow(client, source, now=datetime.now(UTC), rules=Rules(**rules))


def test_a_server_shows_all_but_what_was_deleted(
    registry: MlflowRegistry,
    importing: Importing,
    client: regesta.Client,
    elsewhere: regesta.Client,
):
    filled(registry)
    importing(registry)
    hook(registry, "ci", "https://127.0.0.1:9/x")
    with serving(registry.url) as address:
        with mlflow_server(address) as source:
            report = brought(elsewhere, source)
        assert [("not carried", "churn@ghost", "alias")] == losses(report), report.findings
        assert 1 == report.counts["numbers used up"]
        assert 1 == report.counts["webhooks put"], report.findings
        there, here = (
            {v.name.partition("/models/")[2]: v for v in c.versions()} for c in (elsewhere, client)
        )
        assert set(there) == set(here)
        for name, version in there.items():
            other = here[name]
            assert version.occurred_create_time == other.occurred_create_time
            assert dict(version.tags) == dict(other.tags)
            assert (version.stage, version.source) == (other.stage, other.source)
            assert version.properties == other.properties
        # What is deleted is no longer shown; the import finds its number missing.
        registry.store.delete_model_version("churn", "4")
        with mlflow_server(address) as source:
            told = brought(elsewhere, source)
            assert ("deleted in the source", "churn/4", "version") in losses(told)
            brought(elsewhere, source, delete=True)
        assert elsewhere.get_version("churn/4").HasField("delete_time")
        # And back: into the server, what it has already is left as it is.
        importing(registry, delete=True)
        client.register("churn", source="s3://churn/5")
        done = export_mlflow(client, address)
        assert 1 == done.counts["versions created"]
        assert "s3://churn/5" == registry.store.get_model_version("churn", "5").source


def test_a_registry_on_postgresql_is_read_as_one_on_sqlite(
    registry: MlflowRegistry,
    importing: Importing,
    client: regesta.Client,
    elsewhere: regesta.Client,
    postgres: DatabaseServer,
):
    filled(registry)
    importing(registry)
    database = postgres.blank()
    try:
        with MlflowDatabase(copied(registry, database.owner_dsn)) as source:
            report = brought(elsewhere, source)
            again = brought(elsewhere, source)
    finally:
        postgres.drop(database)
    assert [("not carried", "churn@ghost", "alias")] == losses(report)
    assert {} == dict(again.counts)
    assert database.name in report.source
    assert "@" not in report.source
    assert state(client) == state(elsewhere)


def copied(registry: MlflowRegistry, dsn: str) -> str:
    """Copy a registry into a PostgreSQL database, and return its address for SQLAlchemy."""
    import sqlalchemy as sa  # noqa: PLC0415

    said = conninfo_to_dict(dsn)
    place = {name: str(said[name]) for name in ("host", "port") if said.get(name)}
    url = sa.URL.create(
        "postgresql+psycopg",
        str(said["user"]),
        str(said["password"]),
        None,
        None,
        str(said["dbname"]),
        place,
    )
    text = url.render_as_string(hide_password=False)
    make_tables(text)
    old, new = sa.create_engine(registry.url), sa.create_engine(text)
    tables = sa.MetaData()
    names = [MODELS, VERSIONS, MODEL_TAGS, VERSION_TAGS, ALIASES]
    tables.reflect(old, only=names)
    with old.connect() as reading, new.begin() as writing:
        for name in names:
            rows = [dict(row) for row in reading.execute(sa.select(tables.tables[name])).mappings()]
            writing.execute(tables.tables[name].insert(), rows)
    old.dispose()
    new.dispose()
    # Without a driver, as people write it.
    return text.replace("postgresql+psycopg", "postgresql")


def test_tables_of_an_older_mlflow_are_read(
    registry: MlflowRegistry,
    importing: Importing,
    client: regesta.Client,
    elsewhere: regesta.Client,
    tmp_path: Path,
):
    filled(registry)
    importing(registry)
    old = tmp_path / "old.db"
    wanted = {
        "registered_models": "name, creation_time, last_updated_time, description",
        "model_versions": "name, version, creation_time, last_updated_time, description, user_id,"
        " current_stage, source, run_id, status, status_message, run_link",
        "registered_model_tags": "key, value, name",
        "model_version_tags": "key, value, name, version",
    }
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("attach ? as new", (str(registry.path),))
        for table, columns in wanted.items():
            made = f"create table {table} as select {columns} from new.{table}"  # noqa: S608
            connection.execute(made)
        connection.commit()
    with MlflowDatabase(f"sqlite:///{old}") as source:
        report = brought(elsewhere, source)
    assert report.is_complete
    there, here = (
        [v.source for v in one.versions(order_by="create_time")] for one in (elsewhere, client)
    )
    assert there == here
    assert {} == dict(elsewhere.get_model("churn").aliases)


def test_other_workspaces_are_named(
    registry: MlflowRegistry, importing: Importing, client: regesta.Client
):
    registry.model("churn")
    registry.sql(
        "insert into registered_models (workspace, name, creation_time) values ('team-b', 'x', 1)"
    )
    report = importing(registry)
    assert {("workspace team-b", "1 models")} == {
        (one.resource, one.what) for one in report.findings
    }
    with MlflowDatabase(registry.url, workspace="team-b") as source:
        assert {"models created": 1} == dict(brought(client, source).counts)


def test_webhooks_are_the_documents_that_the_plugin_keeps(
    registry: MlflowRegistry,
    importing: Importing,
    client: regesta.Client,
    elsewhere: regesta.Client,
):
    made = hook(registry, "ci", "https://127.0.0.1:9/x")
    other = hook(registry, "old", "https://127.0.0.1:9/y")
    registry.store.delete_webhook(other.webhook_id)
    report = importing(registry)
    assert {"webhooks put": 1} == dict(report.counts)
    assert ["secret"] == [finding.what for finding in report.findings]
    (document,) = client.list_documents("mlflow-webhooks").documents
    content = json.loads(document.content)
    assert made.webhook_id == document.name.rpartition("/")[2]
    assert "hush" not in content.pop("secret")
    assert {
        "name": "ci",
        "url": "https://127.0.0.1:9/x",
        "events": [{"entity": "model_version", "action": "created"}],
        "status": "ACTIVE",
    } == content
    assert {} == dict(importing(registry).counts)

    registry.sql("update webhooks set url = 'https://127.0.0.1:9/z' where name = 'ci'")
    assert {"webhooks put": 1} == dict(importing(registry).counts)
    client.put_document(document.name, content="{}")
    assert [("conflict", "webhook ci", "webhook")] == losses(importing(registry))
    assert {"webhooks put": 1} == dict(importing(registry, overwrite=True).counts)
    registry.store.delete_webhook(made.webhook_id)
    gone = importing(registry)
    assert "deleted in the source" == str(gone.findings[0].outcome)
    assert {"webhooks removed": 1} == dict(importing(registry, delete=True).counts)
    assert [] == list(client.list_documents("mlflow-webhooks").documents)


@pytest.mark.parametrize(
    "source", ["sqlite:////nowhere/mlflow.db", "nonsense", "http://127.0.0.1:9", "sqlite:///EMPTY"]
)
def test_what_is_no_registry_is_refused(
    source: str,
    tmp_path: Path,
    server: ServerProcess,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    empty = tmp_path / "empty.db"
    empty.write_bytes(b"")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = source.replace("EMPTY", str(empty))
    assert 2 == run(["--target", server.address, "import", "mlflow", address])
    assert "error:" in capsys.readouterr().err


def test_the_command_tells_what_it_did_and_what_it_could_not(
    registry: MlflowRegistry,
    client: regesta.Client,
    server: ServerProcess,
    capsys: pytest.CaptureFixture[str],
):
    filled(registry)
    command = ["--target", server.address, "--namespace", client.namespace, "--json"]
    assert 1 == run([*command, "import", "mlflow", registry.url, "--dry-run"])
    thought = json.loads(capsys.readouterr().out)
    assert (True, 4, 7) == (thought["dry_run"], thought["models"], thought["versions"])
    assert 1 == run([*command, "import", "mlflow", registry.url])
    done = json.loads(capsys.readouterr().out)
    assert done["done"] == thought["done"]
    registry.store.delete_registered_model_alias("churn", "ghost")
    assert 0 == run([*command, "import", "mlflow", registry.url])
    assert {} == json.loads(capsys.readouterr().out)["done"]


def test_without_mlflow_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, server: ServerProcess, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.delitem(sys.modules, "regesta.importing.mlflow_tables", raising=False)
    assert 1 == run(["--target", server.address, "import", "mlflow", "sqlite:///x.db"])
    assert "pip install 'regesta[mlflow]'" in capsys.readouterr().err
