"""A database that is away for a while: what is said meanwhile, and how soon all is well again."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta.v1 import admin_service_pb2 as admin_pb
from regesta.v1 import audit_service_pb2 as audit_pb
from regesta.v1 import catalog_service_pb2 as pb
from regesta_service.postgres.migrate import apply
from regesta_service.postgres.roles import provision
from tests.support.server_process import ServerProcess, serving
from tests.support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

    from regesta_service.postgres.embedded import EmbeddedPostgres
    from tests.conftest import OwnServer

#: Seconds that the database is away: long enough for pauses between attempts to grow.
AWAY = 10.0

#: Seconds within which a call is told so: a client's four attempts fit into its 30 seconds.
TOLD = 7.0

#: Seconds within which everything works again once it is back.
SOON = 6.0


@pytest.fixture
def postgres_of_own(own_server: OwnServer) -> EmbeddedPostgres:
    """A PostgreSQL that keeps what was committed."""
    return own_server(durable=True)


@pytest.fixture
def alone(postgres_of_own: EmbeddedPostgres) -> Iterator[ServerProcess]:
    """A server on it."""
    database = provision(postgres_of_own.dsn, "regesta")
    apply(database.owner_dsn)
    with serving("--insecure-dev", "--dsn", database.service_dsn) as server:
        yield server


def calls(client: regesta.Client) -> dict[str, Callable[[], Any]]:
    """Return a call of each kind: other parts of the server answer each."""
    return {
        "get": lambda: client.get_version("churn/1"),
        "resolve": lambda: client.resolve("churn@latest"),
        "get as of": lambda: client.get_model("churn", as_of=2),
        "list": client.list_models,
        "search": lambda: client.search_versions(filter="stage = development"),
        "history": lambda: list(client.history("churn")),
        "head": client.get_head,
        "events": lambda: list(client.events()),
        "namespaces": client.list_namespaces,
        "verify": lambda: list(client.verify()),
        "register": lambda: client.register("churn", request_id="in-the-dark"),
        "tag": lambda: client.set_tags("churn", tags={"a": "b"}),
    }


#: Calls that ask the database in different ways.
REQUESTS: dict[str, Message] = {
    "GetVersion": pb.GetVersionRequest(name="namespaces/default/models/churn/versions/1"),
    "ListModels": pb.ListModelsRequest(parent="namespaces/default"),
    "RegisterVersion": pb.RegisterVersionRequest(
        parent="namespaces/default/models/churn", request_id="not-in-the-log"
    ),
    "GetHead": audit_pb.GetHeadRequest(parent="namespaces/default"),
    "StreamEvents": audit_pb.StreamEventsRequest(parent="namespaces/default"),
    "Verify": admin_pb.VerifyRequest(parent="namespaces/default"),
}


@pytest.mark.slow
def test_a_client_learns_within_its_own_time_that_the_database_is_away(
    alone: ServerProcess, postgres_of_own: EmbeddedPostgres
):
    with regesta.Client(alone.address) as client, regesta.Client(alone.address) as other:
        client.register("churn")
        postgres_of_own.stop(immediate=True)
        with ThreadPoolExecutor(2) as pool:
            writes = [
                pool.submit(each.register, "churn", request_id=request_id)
                for each, request_id in ((client, "one"), (other, "two"))
            ]
            told = [write.exception() for write in writes]
        postgres_of_own.start()
        assert 2 == client.register("churn", request_id="one").version
    for error in told:
        assert isinstance(error, regesta.RegestaError)
        assert "DATABASE_UNAVAILABLE" == error.reason


@pytest.mark.slow
def test_an_outage_is_told_and_over_as_soon_as_the_database_is_back(
    alone: ServerProcess, postgres_of_own: EmbeddedPostgres
):
    with regesta.Client(alone.address) as client:
        client.register("churn", description="known by heart")
        known = client.get_model("churn")
        stopped = time.monotonic()
        postgres_of_own.stop(immediate=True)
        # What is in memory is still served.
        assert known == client.get_model("churn")
        with Wire(alone.address) as wire, ThreadPoolExecutor(len(REQUESTS)) as pool:
            told = list(pool.map(lambda method: wire.call(method, REQUESTS[method]), REQUESTS))
        assert {("UNAVAILABLE", "DATABASE_UNAVAILABLE")} == {outcome.refusal for outcome in told}
        assert time.monotonic() - stopped < TOLD
        assert alone.process.poll() is None
        time.sleep(max(0.0, AWAY - (time.monotonic() - stopped)))
        postgres_of_own.start()
        back = time.monotonic()
        for name, call in calls(client).items():
            call()
            assert time.monotonic() - back < SOON, name
        assert 2 == client.get_model("churn").latest_version
        assert [] == [f for answer in client.verify() for f in answer.findings]
    assert 0 == alone.stop()
    # Every line is JSON, also what libraries say.
    assert {"library_said", "draining"} <= {json.loads(line)["event"] for line in alone.logged}
