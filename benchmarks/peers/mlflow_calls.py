"""MLflow through its client; runs in MLflow's own environment, with addresses and models."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

# No environment that is type-checked has it.
from mlflow import MlflowClient  # type: ignore[import-not-found,unused-ignore]

from benchmarks.peers.calling import ALIAS, PAGE_SIZE, answer_orders, model_named

if TYPE_CHECKING:
    from benchmarks.peers.calling import Choosing


class MlflowCaller:
    """Calls MLflow; see `calling.Caller`."""

    def __init__(self, client: Any, some: Choosing) -> None:
        self._client = client
        self._some = some
        self._token: str | None = None

    def create_version(self) -> object:
        """Create a model version, without waiting for READY, which would be a second call."""
        some = self._some
        return self._client.create_model_version(
            some.model(),
            f"s3://models/{some.word()}/model.onnx",
            tags={"framework": "onnx", "dataset": some.dataset()},
            await_creation_for=None,
        )

    def set_tag(self) -> object:
        """Set a tag of a model version."""
        some = self._some
        return self._client.set_model_version_tag(
            some.model(), str(some.version()), "checked", some.word()
        )

    def set_alias(self) -> object:
        """Set the alias of a registered model."""
        some = self._some
        return self._client.set_registered_model_alias(some.model(), ALIAS, str(some.version()))

    def get_by_alias(self) -> object:
        """Get a model version by the alias."""
        return self._client.get_model_version_by_alias(self._some.model(), ALIAS)

    def get_latest(self) -> object:
        """Get the newest version of each stage, as `models:/NAME/latest` does."""
        return self._client.get_latest_versions(self._some.model())

    def search_by_name(self) -> object:
        """Search model versions by the name of the model."""
        return self._client.search_model_versions(
            f"name = '{self._some.model()}'", max_results=PAGE_SIZE
        )

    def search_by_tag(self) -> object:
        """Search model versions by a tag's value."""
        return self._client.search_model_versions(
            f"tags.dataset = '{self._some.dataset()}'", max_results=PAGE_SIZE
        )

    def next_page(self) -> object:
        """Read the next page of model versions."""
        page = self._client.search_model_versions(max_results=PAGE_SIZE, page_token=self._token)
        self._token = page.token or None
        return page


def main(address: str, registry: str, models: int) -> None:
    """Answer orders with calls of a registry.

    Args:
        address: The server that MLflow would track runs on.
        registry: That server, or the address of one of ours.
        models: How many it has.
    """
    client: Any = MlflowClient(tracking_uri=address, registry_uri=registry)
    # MLflow looks for stores at the first call, and a second thread does not wait for that.
    client.get_registered_model(model_named(0))
    answer_orders(models, lambda some: MlflowCaller(client, some))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
