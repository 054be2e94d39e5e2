"""MLflow's registry store on a real server, and beside it MLflow's own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

from regesta.mlflow.store import RegestaStore
from tests.support.mlflow_twins import Twins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import regesta
    from tests.support.server_process import ServerProcess


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of MLflow's with nothing in it; making one takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    SqlAlchemyStore(f"sqlite:///{path}").engine.dispose()
    return path


@pytest.fixture
def theirs(empty_mlflow: Path, tmp_path: Path) -> Iterator[SqlAlchemyStore]:
    """MLflow's own store, empty."""
    path = tmp_path / "mlflow.db"
    shutil.copy(empty_mlflow, path)
    store = SqlAlchemyStore(f"sqlite:///{path}")
    yield store
    store.engine.dispose()


@pytest.fixture
def uri(server: ServerProcess, namespace: str) -> str:
    """A namespace's address as MLflow is told it."""
    return f"regesta://{server.address}/{namespace}"


@pytest.fixture
def store(uri: str) -> RegestaStore:
    """MLflow's registry in a namespace of its own."""
    return RegestaStore(uri)


@pytest.fixture
def twins(store: RegestaStore, theirs: SqlAlchemyStore) -> Twins:
    """Both stores, of which every call is made, and must answer alike."""
    return Twins(store, theirs)


@pytest.fixture
def fresh_twins(
    server: ServerProcess, client: regesta.Client, empty_mlflow: Path, tmp_path: Path
) -> Iterator[Callable[[], Twins]]:
    """Makes empty twins over and over."""
    made: list[SqlAlchemyStore] = []

    def make() -> Twins:
        namespace = f"{client.namespace}-{len(made)}"
        client.create_namespace(namespace)
        path = tmp_path / f"{len(made)}.db"
        shutil.copy(empty_mlflow, path)
        made.append(SqlAlchemyStore(f"sqlite:///{path}"))
        return Twins(RegestaStore(f"regesta://{server.address}/{namespace}"), made[-1])

    yield make
    for store in made:
        store.engine.dispose()
