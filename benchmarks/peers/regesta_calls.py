"""Regesta through its client, the same operations as `mlflow_calls`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import regesta
from benchmarks.peers.calling import ALIAS, PAGE_SIZE, answer_orders

if TYPE_CHECKING:
    from benchmarks.peers.calling import Choosing

NAMESPACE: Final = "peers"
_EVERYWHERE: Final = f"namespaces/{NAMESPACE}"


class RegestaCaller:
    """Calls regesta; see `calling.Caller`."""

    def __init__(self, client: regesta.Client, some: Choosing) -> None:
        self._client = client
        self._some = some
        self._token = ""

    def create_version(self) -> object:
        """Register a version."""
        some = self._some
        return self._client.register(
            some.model(),
            source=f"s3://models/{some.word()}/model.onnx",
            tags={"framework": "onnx", "dataset": some.dataset()},
            create_model=False,
        )

    def set_tag(self) -> object:
        """Set a tag of a version."""
        some = self._some
        return self._client.set_tags(
            f"{some.model()}/{some.version()}", tags={"checked": some.word()}
        )

    def set_alias(self) -> object:
        """Set the alias of a model."""
        some = self._some
        return self._client.set_alias(f"{some.model()}@{ALIAS}", version=some.version())

    def get_by_alias(self) -> object:
        """Resolve the alias."""
        return self._client.resolve(f"{self._some.model()}@{ALIAS}")

    def get_latest(self) -> object:
        """Resolve the newest version."""
        return self._client.resolve(f"{self._some.model()}@latest")

    def search_by_name(self) -> object:
        """Search the versions of a model."""
        return self._client.search_versions(self._some.model(), page_size=PAGE_SIZE)

    def search_by_tag(self) -> object:
        """Search versions by a tag's value."""
        return self._client.search_versions(
            _EVERYWHERE,
            filter=f'tags.dataset = "{self._some.dataset()}"',
            page_size=PAGE_SIZE,
        )

    def next_page(self) -> object:
        """Read the next page of versions."""
        page = self._client.search_versions(
            _EVERYWHERE, page_size=PAGE_SIZE, page_token=self._token
        )
        self._token = page.next_page_token
        return page


def main(address: str, models: int) -> None:
    """Answer orders with calls of the server at an address."""
    client = regesta.Client(address, namespace=NAMESPACE)
    answer_orders(models, lambda some: RegestaCaller(client, some))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
