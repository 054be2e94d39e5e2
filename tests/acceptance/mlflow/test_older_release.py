"""An older release of MLflow, as client and as server, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow import MlflowClient

from tests.support.mlflow_server import QUIET, mlflow_serving

if TYPE_CHECKING:
    import regesta

OLDER = Path(__file__).parents[3] / ".venv-mlflow-old" / "bin"

_PIPELINE = """
import sys
import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

registry, tracking = sys.argv[1:]
mlflow.set_tracking_uri(tracking)
mlflow.set_registry_uri(registry)
client = MlflowClient()
client.create_registered_model("old churn", tags={"team": "growth"}, description="first")
for number in range(3):
    client.create_model_version("old churn", f"s3://b/{number}", tags={"number": str(number)})
client.set_registered_model_alias("old churn", "Champion", 2)
client.transition_model_version_stage("old churn", 1, "Production")
client.transition_model_version_stage("old churn", 3, "Production", archive_existing_versions=True)
assert int(client.get_model_version_by_alias("old churn", "Champion").version) == 2
assert {int(v.version): v.current_stage for v in client.get_latest_versions("old churn")} == {
    1: "Archived", 2: "None", 3: "Production",
}
found = client.search_model_versions("name = 'old churn' and tag.number != '0'")
assert [int(v.version) for v in found] == [3, 2]
assert [m.name for m in client.search_registered_models("name LIKE 'old%'")] == ["old churn"]
try:
    client.get_registered_model("none")
    raise AssertionError
except MlflowException as error:
    assert error.error_code == "RESOURCE_DOES_NOT_EXIST", error
mlflow.register_prompt(name="greeting", template="Hello, {{name}}!")
assert mlflow.load_prompt("prompts:/greeting/1").template == "Hello, {{name}}!"
client.delete_model_version("old churn", "1")
client.rename_registered_model("old churn", "older")
print(mlflow.__version__)
"""


@pytest.mark.slow
@pytest.mark.skipif(not OLDER.exists(), reason="`make test` makes its environment")
def test_a_pipeline_of_the_older_release_runs(
    uri: str, client: regesta.Client, tmp_path: Path
) -> None:
    done = subprocess.run(
        [OLDER / "python", "-W", "ignore", "-c", _PIPELINE, uri, f"sqlite:///{tmp_path}/runs.db"],
        cwd=tmp_path,
        env={**os.environ, **QUIET},
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2.22.")
    assert client.get_model("older").description == "first"


@pytest.mark.slow
@pytest.mark.skipif(not OLDER.exists(), reason="`make test` makes its environment")
@pytest.mark.filterwarnings("ignore")
def test_its_server_keeps_its_registry_here(
    uri: str, client: regesta.Client, tmp_path: Path
) -> None:
    with mlflow_serving(uri, tmp_path, program=OLDER / "mlflow") as address:
        newer = MlflowClient(address, registry_uri=address)
        newer.create_registered_model("churn")
        newer.create_model_version("churn", "s3://b/1")
        newer.set_registered_model_alias("churn", "champion", "1")
        assert newer.get_model_version_by_alias("churn", "champion").source == "s3://b/1"
    assert client.resolve("churn@champion").version == 1
