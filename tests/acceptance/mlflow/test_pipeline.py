"""A pipeline as people have it, whose registry is regesta by one URI."""

from __future__ import annotations

import contextlib
import http.server
import json
import queue
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pytest
from mlflow import MlflowClient

import regesta
from tests.support import browser
from tests.support.mlflow_server import mlflow_serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server_process import ServerProcess

#: Where a run keeps what people may want to look at.
ARTIFACTS = Path(__file__).parents[3] / "build" / "artifacts"


@pytest.fixture(scope="module")
def uri(server: ServerProcess) -> str:
    """One namespace for all of these, since MLflow's server takes seconds to start."""
    with regesta.Client(server.address) as client:
        client.create_namespace("pipelines")
    return f"regesta://{server.address}/pipelines"


@pytest.fixture
def client(server: ServerProcess, uri: str) -> Iterator[regesta.Client]:
    """Our own client of that namespace."""
    with regesta.Client(server.address, namespace="pipelines") as made:
        yield made


@pytest.fixture(scope="module")
def serving(uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's server, whose registry is that namespace."""
    # Webhooks of a test go to this machine, which MLflow else refuses.
    local = {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true", "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http"}
    with mlflow_serving(uri, tmp_path_factory.mktemp("mlflow"), environment=local) as address:
        yield address


@pytest.fixture
def tracking(serving: str) -> Iterator[str]:
    """Its address, which MLflow's client works with."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(serving)
    mlflow.set_registry_uri(serving)
    yield serving
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


def _trained() -> tuple[Any, Any]:
    """Return a small model that was trained, and what it was trained on."""
    from sklearn.datasets import load_iris  # noqa: PLC0415 - slow to import
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    data = load_iris(as_frame=True)
    return LogisticRegression(max_iter=200).fit(data.data, data.target), data.data


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_train_register_promote_load_and_see_it(
    tracking: str, uri: str, client: regesta.Client, tmp_path: Path
) -> None:
    model, data = _trained()
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(model, name="model", input_example=data.head(2))
    through_server = mlflow.register_model(logged.model_uri, "iris")
    assert int(through_server.version) == 1

    mlflow.set_registry_uri(uri)  # the same registry, without the server between
    directly = mlflow.register_model(f"runs:/{run.info.run_id}/model", "iris")
    assert int(directly.version) == 2
    MlflowClient().set_registered_model_alias("iris", "champion", "2")

    expected = list(model.predict(data))
    for registry in (uri, tracking):
        mlflow.set_registry_uri(registry)
        for address in ("models:/iris@champion", "models:/iris/1", "models:/iris/latest"):
            loaded = mlflow.pyfunc.load_model(address)
            assert list(loaded.predict(data)) == expected

    ours = client.resolve("iris@champion")
    assert (ours.version, ours.lineage.run) == (2, run.info.run_id)
    if browser.PROGRAM is None:
        pytest.skip("no browser is installed")
    shown = browser.shown(
        f"{tracking}/#/models/iris",
        tmp_path / "profile",
        until=("iris", "champion", "Version 2"),
        picture=ARTIFACTS / "mlflow-ui.png",
    )
    assert "Version 1" in shown


@contextlib.contextmanager
def _hearing() -> Iterator[tuple[str, queue.Queue[dict[str, Any]]]]:
    """Yield the address of a server that takes what is posted to it, and what came."""
    heard: queue.Queue[dict[str, Any]] = queue.Queue()

    class Hears(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hears) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/hook", heard
        listening.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_webhooks_are_sent_and_prompts_are_registered_loaded_and_found(
    tracking: str, client: regesta.Client
) -> None:
    first = mlflow.genai.register_prompt(
        "greeting", "Hello, {{name}}!", commit_message="first", tags={"team": "help"}
    )
    second = mlflow.genai.register_prompt("greeting", "Dear {{name}},")
    assert (first.version, second.version) == (1, 2)
    mlflow.genai.set_prompt_alias("greeting", "live", 2)
    assert mlflow.genai.load_prompt("prompts:/greeting@live").format(name="Ann") == "Dear Ann,"
    assert mlflow.genai.load_prompt("prompts:/greeting/1").template == "Hello, {{name}}!"
    mlflow.genai.set_prompt_tag("greeting", "owner", "ann")
    assert [prompt.name for prompt in mlflow.genai.search_prompts()] == ["greeting"]
    models = MlflowClient().search_registered_models()
    assert "greeting" not in [model.name for model in models]
    mlflow.genai.delete_prompt_alias("greeting", "live")
    assert client.get_model("greeting").tags["owner"] == "ann"
    assert [version.version for version in client.versions("greeting")] == [1, 2]
