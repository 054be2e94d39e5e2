"""One real server for a worker's acceptance tests; each test takes a namespace of its own."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

import regesta
from tests.support.server_process import ServerProcess, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import DatabaseServer, LiveDatabase

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server_database(postgres: DatabaseServer) -> Iterator[LiveDatabase]:
    """The database of the shared server."""
    made = postgres.migrated()
    yield made
    postgres.drop(made)


@pytest.fixture(scope="session")
def server(server_database: LiveDatabase) -> Iterator[ServerProcess]:
    """A server in development mode: everybody is `anonymous` and may do everything."""
    with serving("--insecure-dev", "--dsn", server_database.service_dsn) as process:
        yield process


@pytest.fixture
def namespace(server: ServerProcess) -> str:
    """A namespace that no other test uses."""
    name = f"test-{next(_numbers)}"
    with regesta.Client(server.address) as client:
        client.create_namespace(name)
    return name


@pytest.fixture
def client(server: ServerProcess, namespace: str) -> Iterator[regesta.Client]:
    """A client in a namespace of its own."""
    with regesta.Client(server.address, namespace=namespace) as made:
        yield made
