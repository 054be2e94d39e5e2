"""Behind MLflow's server too, history says who really acted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tests.support.access import TEAM, guarded
from tests.support.mlflow_server import mlflow_serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.databases import LiveDatabase

_PRINCIPALS = {
    "admin": ("admin", ["*"]),
    "mlflow-server": ("registrar", [TEAM]),
    "ann": ("maintainer", [TEAM]),
    "ron": ("reader", [TEAM]),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_token_of_the_servers_caller_is_whose_act_it_is(
    tmp_path: Path, database: LiveDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    with guarded(folder, database, _PRINCIPALS) as registry:
        registry.client("admin").create_namespace(TEAM)
        uri = f"regesta://{registry.process.address}/{TEAM}"
        token = {"REGESTA_TOKEN": registry.tokens["mlflow-server"]}
        with mlflow_serving(uri, tmp_path, environment=token) as address:
            client = MlflowClient(address, registry_uri=address)
            client.create_registered_model("by-nobody-known")

            monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", registry.tokens["ann"])
            client.create_registered_model("churn")
            version = client.create_model_version("churn", "s3://b/1")
            client.set_registered_model_alias("churn", "champion", version.version)

            monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", registry.tokens["ron"])
            assert client.get_model_version_by_alias("churn", "champion").user_id == "ann"
            with pytest.raises(MlflowException) as refused:
                client.set_registered_model_tag("churn", "k", "v")
            assert refused.value.error_code == "PERMISSION_DENIED"

            monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "forged")
            with pytest.raises(MlflowException) as unknown:
                client.get_registered_model("churn")
            assert unknown.value.error_code == "UNAUTHENTICATED"
            assert "forged" not in str(unknown.value)
        history = {event.stream: event.actor for event in registry.client("admin").events()}
        assert history["models/by-nobody-known"] == "mlflow-server"
        assert history["models/churn/versions/1"] == "ann"
        assert history["models/churn/aliases/champion"] == "ann"
        said = (tmp_path / "mlflow.log").read_text()
        assert not any(secret in said for secret in registry.tokens.values())
