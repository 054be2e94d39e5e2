"""MLflow's registry store on regesta: what a caller of MLflow sees, and what we keep."""

from __future__ import annotations

import pickle
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException

import regesta
from regesta.mlflow.naming import NAME_TAG
from regesta.mlflow.store import RegestaStore
from regesta.v1 import flag_pb2

if TYPE_CHECKING:
    from tests.support.mlflow_twins import Twins
    from tests.support.server_process import ServerProcess


def _code(refused: pytest.ExceptionInfo[MlflowException]) -> str:
    return str(refused.value.error_code)


def test_a_version_is_found_by_the_alias_that_points_to_it(
    store: RegestaStore, client: regesta.Client
) -> None:
    store.create_registered_model("churn")
    store.create_model_version("churn", "s3://b/1", "run-1", [ModelVersionTag("k", "v")])
    store.set_registered_model_alias("churn", "champion", 1)
    found = store.get_model_version_by_alias("churn", "champion")
    assert (int(found.version), found.source, found.run_id) == (1, "s3://b/1", "run-1")
    assert (found.tags, found.aliases) == ({"k": "v"}, ["champion"])
    ours = client.resolve("churn@champion")
    assert (ours.source, ours.lineage.run) == ("s3://b/1", "run-1")


@pytest.mark.parametrize(
    "call",
    [
        ("create_registered_model", None),
        ("create_registered_model", "a/b"),
        ("create_registered_model", "a:b"),
        ("get_registered_model", "none"),
        ("rename_registered_model", "none", "other"),
        ("rename_registered_model", "churn", ""),
        ("delete_registered_model", "none"),
        ("set_registered_model_tag", "churn", RegisteredModelTag("k" * 251, "v")),
        ("set_registered_model_tag", "churn", RegisteredModelTag("k", "v" * 100_001)),
        ("set_registered_model_tag", "churn", RegisteredModelTag("k?", "v")),
        ("delete_registered_model_tag", "none", "k"),
        ("create_model_version", "none", "s3://b"),
        ("get_model_version", "churn", 9),
        ("get_model_version", "churn", "one"),
        ("get_model_version", "churn", -1),
        ("get_model_version", "churn", 1 << 40),
        ("get_model_version_download_uri", "churn", 9),
        ("transition_model_version_stage", "churn", 1, "Canary", False),
        ("transition_model_version_stage", "churn", 1, "None", True),
        ("set_registered_model_alias", "churn", "latest", 1),
        ("set_registered_model_alias", "churn", "v1", 1),
        ("set_registered_model_alias", "churn", "a b", 1),
        ("set_registered_model_alias", "churn", "a" * 256, 1),
        ("set_registered_model_alias", "churn", "champion", 9),
        ("set_registered_model_alias", "none", "champion", 1),
        ("delete_registered_model_alias", "none", "champion"),
        ("get_model_version_by_alias", "churn", "champion"),
        ("get_model_version_by_alias", "none", "champion"),
        ("get_model_version_by_alias", "none", "latest"),
        ("get_latest_versions", "none"),
        ("get_latest_versions", "churn", ["Canary"]),
        ("search_registered_models", "name ="),
        ("search_registered_models", "run_id = 'x'"),
        ("search_registered_models", "name > 'x'"),
        ("search_registered_models", "tags.k > 'x'"),
        ("search_registered_models", "", 1_001),
        ("search_registered_models", "", 10, ["run_id"]),
        ("search_registered_models", "", 10, ["name sideways"]),
        ("search_registered_models", "", 10, ["name", "name DESC"]),
        ("search_registered_models", "", 10, None, "evilhax"),
        ("search_model_versions", "version_number LIKE '1'"),
        ("search_model_versions", "version_number > 'x'"),
        ("search_model_versions", "source_path IN ('x')"),
        ("search_model_versions", "run_id IN ()"),
        ("search_model_versions", "colour = 'red'"),
        ("search_model_versions", "", 0),
        ("search_model_versions", "", 200_001),
        ("search_model_versions", "", 10, ["run_id DESC"]),
        ("search_model_versions", "", 10, None, "evilhax"),
    ],
    ids=lambda call: f"{call[0]}-{str(call[1:])[:40]}",
)
def test_what_makes_no_sense_is_refused_in_mlflows_words(
    twins: Twins, call: tuple[object, ...]
) -> None:
    twins.call("create_registered_model", "churn")
    twins.call("create_model_version", "churn", "s3://b/1")
    method, *arguments = call
    twins.refused(str(method), *arguments)


def test_the_largest_tag_is_kept_whole(twins: Twins) -> None:
    value = "ü" * 100_000
    twins.call("create_registered_model", "churn", [RegisteredModelTag("k", value)])
    twins.call("create_model_version", "churn", "s3://b", None, [ModelVersionTag("k", value)])
    twins.call("set_model_version_tag", "churn", 1, ModelVersionTag("k" * 250, value))
    twins.call("get_registered_model", "churn")
    twins.call("get_model_version", "churn", 1)


def test_orders_are_those_of_mlflow(twins: Twins) -> None:
    for number in range(7):
        twins.call("create_registered_model", f"model-{number}")
        twins.call("create_model_version", f"model-{number}", f"s3://b/{number % 2}")
        time.sleep(0.002)  # their clock counts milliseconds
    twins.call("create_model_version", "model-3", "s3://b/1")
    for order in (None, ["name DESC"], ["timestamp ASC"], ["last_updated_timestamp DESC"]):
        if order is None or "name" in order[0]:
            twins.pages("search_registered_models", [2, 3], order_by=order)
    for order in (
        None,
        ["name DESC", "version_number"],
        ["version_number DESC"],
        ["creation_timestamp DESC"],
        ["last_updated_timestamp"],
    ):
        twins.pages("search_model_versions", [3, 2, 5], order_by=order)


def test_a_name_is_free_again_and_its_history_is_not_lost(
    store: RegestaStore, client: regesta.Client
) -> None:
    for number in range(3):
        store.create_registered_model("churn", description=f"life {number}")
        store.create_model_version("churn", f"s3://b/{number}")
        assert store.get_model_version("churn", 1).source == f"s3://b/{number}"
        store.delete_registered_model("churn")
    store.create_registered_model("churn", description="life 3")
    found = store.get_registered_model("churn")
    assert (found.description, found.latest_versions) == ("life 3", [])
    assert [model.name for model in store.search_registered_models()] == ["churn"]
    lives = client.search_models(show_deleted=True).models
    assert sorted(model.description for model in lives) == [f"life {n}" for n in range(4)]
    assert lives[0].name.endswith("/models/churn")


def test_a_renamed_model_leaves_its_name_to_others(
    store: RegestaStore, client: regesta.Client
) -> None:
    store.create_registered_model("churn")
    store.create_model_version("churn", "s3://b/1")
    other = RegestaStore(store._uri)
    assert other.get_model_version("churn", 1).source == "s3://b/1"  # and it remembers
    store.rename_registered_model("churn", "leaving")
    for caller in (store, other):
        with pytest.raises(MlflowException, match="not found"):
            caller.get_model_version("churn", 1)
        with pytest.raises(MlflowException, match="not found"):
            caller.set_registered_model_tag("churn", RegisteredModelTag("k", "v"))
    other.create_registered_model("churn")
    other.create_model_version("churn", "s3://b/2")
    assert store.get_model_version("churn", 1).source == "s3://b/2"
    assert store.get_model_version("leaving", 1).source == "s3://b/1"
    # For us the first name still means the first model.
    assert client.get_model("churn").name.endswith("/models/leaving")


def test_twins_in_capitals_are_two_models(store: RegestaStore, client: regesta.Client) -> None:
    for name in ("churn", "CHURN", "Churn"):
        store.create_registered_model(name, description=name)
    for name in ("churn", "CHURN", "Churn"):
        assert store.get_registered_model(name).description == name
    with pytest.raises(MlflowException, match=r"\(name=CHURN\) already exists"):
        store.create_registered_model("CHURN")
    tags = {model.tags.get(NAME_TAG, "") for model in client.models()}
    assert tags == {"", "CHURN", "Churn"}


def test_a_stage_is_reached_in_one_call_and_each_step_is_an_event(
    store: RegestaStore, client: regesta.Client
) -> None:
    store.create_registered_model("churn")
    for number in (1, 2):
        store.create_model_version("churn", "s3://b")
        store.transition_model_version_stage("churn", number, "Production", True)
    stages = [store.get_model_version("churn", number).current_stage for number in (1, 2)]
    assert stages == ["Archived", "Production"]
    moves = [
        event.type for event in client.history("churn/1") if event.type.endswith("StageChanged")
    ]
    assert len(moves) == 3  # to staging, to production, to archived
    assert client.resolve("churn#production").version == 2


def test_a_deleted_version_takes_its_aliases_with_it(
    store: RegestaStore, client: regesta.Client
) -> None:
    store.create_registered_model("churn")
    store.create_model_version("churn", "s3://b")
    store.set_registered_model_alias("churn", "champion", 1)
    store.delete_model_version("churn", 1)
    assert store.get_registered_model("churn").aliases == {}
    assert int(store.create_model_version("churn", "s3://b").version) == 2
    assert client.get_version("churn/1").source == "s3://b"


def test_what_was_revoked_is_seen_and_not_loaded(
    store: RegestaStore, client: regesta.Client
) -> None:
    store.create_registered_model("churn")
    store.create_model_version("churn", "s3://b")
    store.set_registered_model_alias("churn", "champion", 1)
    client.revoke_version(
        "churn/1", category="licence", reason="trained on data that we may not use"
    )
    assert store.get_model_version("churn", 1).source == "s3://b"
    for refused_call in (
        lambda: store.get_model_version_download_uri("churn", 1),
        lambda: store.get_model_version_by_alias("churn", "champion"),
    ):
        with pytest.raises(MlflowException, match="VERSION_REVOKED") as refused:
            refused_call()
        assert _code(refused) == "INVALID_STATE"


def test_a_blocking_flag_stops_the_alias(store: RegestaStore, client: regesta.Client) -> None:
    store.create_registered_model("churn")
    store.create_model_version("churn", "s3://b")
    store.set_registered_model_alias("churn", "champion", 1)
    flag = flag_pb2.Flag(id="drift", severity=flag_pb2.FLAG_SEVERITY_CRITICAL, blocking=True)
    client.raise_flag("churn/1", flag=flag, reason="drifts")
    with pytest.raises(MlflowException, match="VERSION_FLAGGED"):
        store.get_model_version_by_alias("churn", "champion")


def test_an_archived_version_is_still_what_its_alias_means(twins: Twins) -> None:
    twins.call("create_registered_model", "churn")
    twins.call("create_model_version", "churn", "s3://b")
    twins.call("set_registered_model_alias", "churn", "champion", 1)
    twins.call("transition_model_version_stage", "churn", 1, "Archived", False)
    twins.call("get_model_version_by_alias", "churn", "champion")


def test_a_copy_says_where_the_first_ones_artifacts_are(twins: Twins) -> None:
    twins.call("create_registered_model", "churn")
    source = twins.call("create_model_version", "churn", "s3://b/1", "run-1")
    for store in (twins.ours, twins.theirs):
        store.copy_model_version(source, "prod churn")
    copied = twins.call("get_model_version", "prod churn", 1)
    assert copied.source == "models:/churn/1"
    assert twins.call("get_model_version_download_uri", "prod churn", 1) == "s3://b/1"
    twins.refused("create_model_version", "churn", "models:/churn/9")


def test_nobody_answers(namespace: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # taken, and nobody listens
        port = silent.getsockname()[1]
        store = RegestaStore(f"regesta://127.0.0.1:{port}/{namespace}?timeout=2")
        began = time.monotonic()
        with pytest.raises(MlflowException, match=f"127.0.0.1:{port} does not answer") as refused:
            store.get_registered_model("churn")
    assert _code(refused) == "TEMPORARILY_UNAVAILABLE"
    assert time.monotonic() - began < 10


def test_a_namespace_that_is_missing_is_named(server: ServerProcess) -> None:
    store = RegestaStore(f"regesta://{server.address}/nowhere")
    with pytest.raises(MlflowException, match="NAMESPACE_NOT_FOUND") as refused:
        store.create_registered_model("churn")
    assert _code(refused) == "RESOURCE_DOES_NOT_EXIST"


def test_two_servers_of_mlflow_give_every_number_once(uri: str) -> None:
    stores = [RegestaStore(uri), RegestaStore(uri)]
    stores[0].create_registered_model("churn")
    start = threading.Barrier(8)

    def register(number: int) -> list[int]:
        start.wait()
        return [
            int(stores[number % 2].create_model_version("churn", "s3://b").version)
            for _ in range(5)
        ]

    with ThreadPoolExecutor(8) as pool:
        numbers = [number for given in pool.map(register, range(8)) for number in given]
    assert sorted(numbers) == list(range(1, 41))


def test_one_of_two_creators_of_a_name_wins(uri: str) -> None:
    stores = [RegestaStore(uri), RegestaStore(uri)]
    start = threading.Barrier(2)

    def create(store: RegestaStore) -> str:
        start.wait()
        try:
            store.create_registered_model("two words")
        except MlflowException as error:
            return str(error.error_code)
        return "made"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(create, stores)) == ["RESOURCE_ALREADY_EXISTS", "made"]


def test_what_one_server_writes_the_other_reads_at_once(uri: str) -> None:
    one, other = RegestaStore(uri), RegestaStore(uri)
    one.create_registered_model("churn")
    for number in range(1, 21):
        one.create_model_version("churn", f"s3://b/{number}")
        one.set_registered_model_alias("churn", "champion", number)
        found = other.get_model_version_by_alias("churn", "champion")
        assert int(found.version) == number
        assert len(other.search_model_versions("name = 'churn'", 100)) == number


def test_a_store_goes_to_another_process(store: RegestaStore) -> None:
    store.create_registered_model("churn")
    assert pickle.loads(pickle.dumps(store)).get_registered_model("churn").name == "churn"  # noqa: S301


_CREATED = WebhookEvent(WebhookEntity.MODEL_VERSION, WebhookAction.CREATED)
_DISABLED = WebhookStatus.DISABLED
_TAGGED = WebhookEvent(WebhookEntity.MODEL_VERSION_TAG, WebhookAction.SET)


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let webhooks go to this machine, which MLflow else refuses."""
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")


def test_webhooks_are_kept_changed_and_removed(store: RegestaStore, hooked: None) -> None:
    one = store.create_webhook("one", "https://127.0.0.1/1", [_CREATED], secret="s1")
    two = store.create_webhook("two", "https://127.0.0.1/2", [_CREATED, _TAGGED], "both")
    assert [hook.name for hook in store.list_webhooks()] == ["two", "one"]
    first = store.list_webhooks(max_results=1)
    assert [hook.name for hook in store.list_webhooks(1, first.token)] == ["one"]
    assert [hook.name for hook in store.list_webhooks_by_event(_TAGGED)] == ["two"]
    changed = store.update_webhook(two.webhook_id, url="https://127.0.0.1/3", status=_DISABLED)
    assert (changed.name, changed.url, changed.status) == ("two", "https://127.0.0.1/3", _DISABLED)
    assert changed.description == "both"
    assert store.get_webhook(one.webhook_id).secret == "s1"
    store.delete_webhook(one.webhook_id)
    for missing in (one.webhook_id, "no-id"):
        with pytest.raises(MlflowException, match=f"Webhook with ID {missing} not found"):
            store.get_webhook(missing)
    with pytest.raises(MlflowException, match="max_results must be between 1 and 1000"):
        store.list_webhooks(max_results=1_001)
    with pytest.raises(MlflowException, match="Webhook name"):
        store.create_webhook("", "https://127.0.0.1/1", [_CREATED])


def test_a_webhooks_secret_is_not_kept_in_the_clear(
    store: RegestaStore, client: regesta.Client, hooked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", Fernet.generate_key().decode())
    hook = store.create_webhook("one", "https://127.0.0.1/1", [_CREATED], secret="hush")
    (kept,) = client.list_documents("mlflow-webhooks").documents
    assert "https://127.0.0.1/1" in kept.content
    assert "hush" not in kept.content
    monkeypatch.setenv("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", Fernet.generate_key().decode())
    with pytest.raises(MlflowException, match="encrypted with another key"):
        store.get_webhook(hook.webhook_id)
