"""One real server for a worker's acceptance tests; each test takes a namespace of its own."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from tests.support.engines import ENGINES
from tests.support.refusing import Refusing
from tests.support.server_process import ServerProcess, serving
from tests.support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.databases import DatabaseServer, LiveDatabase

_numbers = itertools.count(1)

#: Lines of a server's log that are shown with a failure.
_SHOWN = 60


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Show the end of the servers' logs with a failure."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for name, value in item.funcargs.items():
            if isinstance(value, ServerProcess):
                told = [line for line in value.logged if '"level":"info"' not in line]
                report.sections.append((f"log of {name}", "\n".join(told[-_SHOWN:])))
    return report


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked so on each engine."""
    marked = metafunc.definition.get_closest_marker("every_engine")
    if marked is not None and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ENGINES, indirect=True, scope="session")


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    """What carries calls: the default, or each in turn for tests marked `every_engine`."""
    return str(getattr(request, "param", "grpcio"))


@pytest.fixture(scope="session")
def server_database(postgres: DatabaseServer) -> Iterator[LiveDatabase]:
    """The database of the shared server."""
    made = postgres.migrated()
    yield made
    postgres.drop(made)


@pytest.fixture(scope="session")
def server(engine: str, server_database: LiveDatabase) -> Iterator[ServerProcess]:
    """A server in development mode: everybody is `anonymous` and may do everything."""
    options = ("--insecure-dev", "--engine", engine)
    with serving(*options, "--dsn", server_database.service_dsn) as process:
        yield process


@pytest.fixture(scope="session")
def second_server(server: ServerProcess, server_database: LiveDatabase) -> Iterator[ServerProcess]:
    """Another server on the database of the first."""
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


@pytest.fixture
def wire(server: ServerProcess) -> Iterator[Wire]:
    """A channel that sends any bytes."""
    with Wire(server.address) as made:
        yield made


@pytest.fixture
def refusing(client: regesta.Client, wire: Wire, server_database: LiveDatabase) -> Refusing:
    """A namespace with a little in it that a test tries to do wrong to."""
    made = Refusing(client, wire, server_database.service_dsn)
    made.fill()
    return made
