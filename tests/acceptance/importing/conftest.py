"""Registries to import from, and imports that are broken off."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pytest

import regesta
from regesta.importing.mlflow import import_mlflow
from regesta.importing.mlflow_database import MlflowDatabase
from regesta.importing.mlflow_places import Rules
from tests.support.mlflow_registry import MlflowRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from regesta.importing.reports import Report
    from tests.support.server_process import ServerProcess

#: What the client has that writes; all else may be called as often as one likes.
WRITES = (
    "create_",
    "register_",
    "set_",
    "remove_",
    "delete_",
    "restore_",
    "update_",
    "transition_",
)


class BrokenOff(Exception):
    """The process was killed."""


@dataclass
class Mortal:
    """A client whose process is killed after some writes: the server has done the last."""

    client: regesta.Client
    writes_left: int
    written: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        return partial(self._write, name, method) if name.startswith(WRITES) else method

    def _write(self, name: str, method: Callable[..., Any], /, *given: Any, **named: Any) -> Any:
        answer = method(*given, **named)
        self.written.append(name)
        self.writes_left -= 1
        if not self.writes_left:
            raise BrokenOff
        return answer


class Importing(Protocol):
    """Imports a registry."""

    def __call__(
        self, registry: MlflowRegistry, *, client: Any = None, dry_run: bool = False, **rules: bool
    ) -> Report: ...


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty registry."""
    pytest.importorskip("mlflow")
    return MlflowRegistry(tmp_path_factory.mktemp("mlflow") / "empty.db").path


@pytest.fixture
def registry(template: Path, tmp_path: Path) -> MlflowRegistry:
    """A registry of a test's own, empty."""
    return MlflowRegistry(tmp_path / "mlflow.db", template)


@pytest.fixture
def elsewhere(server: ServerProcess, client: regesta.Client) -> Iterator[regesta.Client]:
    """A client in another namespace, for what is to be the same there."""
    name = f"{client.namespace}-too"
    client.create_namespace(name)
    with regesta.Client(server.address, namespace=name) as made:
        yield made


@pytest.fixture
def importing(client: regesta.Client) -> Importing:
    """A function that imports a registry into the namespace of the test."""

    def run(
        registry: MlflowRegistry, *, client: Any = client, dry_run: bool = False, **rules: bool
    ) -> Report:
        with MlflowDatabase(registry.url) as source:
            return import_mlflow(
                client, source, now=datetime.now(UTC), rules=Rules(**rules), dry_run=dry_run
            )

    return run
