"""MLflow through its client; runs in MLflow's own environment, with address and models."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

# No environment that is type-checked has it.
from mlflow import MlflowClient  # type: ignore[import-not-found,unused-ignore]

from benchmarks.peers.calling import ALIAS, PAGE_SIZE, answer_orders

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


def main(address: str, models: int) -> None:
    """Answer orders with calls of the server at an address."""
    client: Any = MlflowClient(tracking_uri=address, registry_uri=address)
    answer_orders(models, lambda some: MlflowCaller(client, some))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
