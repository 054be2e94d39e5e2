"""Subscriptions: every event once and in order, whatever the server does meanwhile."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Event, Thread, Timer
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration

import regesta
from regesta.v1 import event_pb2 as event_pb
from regesta.v1 import watch_service_pb2 as watch_pb
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify
from tests.support.server_process import ServerProcess
from tests.support.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import LiveDatabase


pytestmark = pytest.mark.every_engine


class Listening(Thread):
    """A client that watches until it has come to a position."""

    def __init__(self, address: str, namespace: str, until: Event, **wanted: Any) -> None:
        super().__init__(daemon=True)
        self.client = regesta.Client(address, namespace=namespace)
        self.events: list[event_pb.Event] = []
        self._until = until
        self._wanted = wanted
        self.start()

    def run(self) -> None:
        for event in self.client.watch(**self._wanted):
            self.events.append(event)
            if self._until.is_set():
                return

    def finish(self) -> None:
        self.join(30)
        self.client.close()
        assert not self.is_alive()


@contextmanager
def writing(client: regesta.Client) -> Iterator[Event]:
    """Write without a pause; the event is set when the block is over."""
    over = Event()

    def write() -> None:
        while not over.is_set():
            version = client.register("churn", reason="to be told")
            client.set_alias("churn@champion", version=version.version)
            time.sleep(0.005)

    writer = Thread(target=write)
    writer.start()
    try:
        yield over
    finally:
        over.set()
        writer.join()


def started(engine: str, database: LiveDatabase, address: str = "127.0.0.1:0") -> ServerProcess:
    """Start a server, where one was or on a free port."""
    options = ["--insecure-dev", "--engine", engine, "--listen", address]
    server = ServerProcess([*options, "--dsn", database.service_dsn])
    server.wait()
    return server


@pytest.fixture
def passing(engine: str, server_database: LiveDatabase) -> Iterator[list[ServerProcess]]:
    """A list with a server; what a test puts into it is stopped too."""
    servers = [started(engine, server_database)]
    yield servers
    for server in servers:
        server.stop()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_watch_goes_on_over_a_restart_without_gap_or_repeat(
    client: regesta.Client,
    passing: list[ServerProcess],
    server_database: LiveDatabase,
    engine: str,
    how: str,
):
    done = Event()
    watching = Listening(passing[0].address, client.namespace, done, after=0)
    with writing(client):
        time.sleep(0.5)
        code = getattr(passing[0], how)()
        assert (0 if how == "stop" else -9) == code
        time.sleep(0.2)
        passing.append(started(engine, server_database, passing[0].address))
        time.sleep(0.5)
    while len(watching.events) < client.get_head().position:
        time.sleep(0.01)
        assert watching.is_alive()
    done.set()
    last = client.set_tags("churn", tags={"last": "event"}).position
    watching.finish()
    assert list(range(1, last + 1)) == [event.position for event in watching.events]
    assert list(client.events()) == watching.events


def test_a_draining_server_says_where_to_go_on(
    client: regesta.Client, passing: list[ServerProcess]
):
    client.register("churn")
    end = client.get_head().position
    with Wire(passing[0].address) as wire:
        parent = f"namespaces/{client.namespace}"
        request = watch_pb.SubscribeRequest(parent=parent, after_position=1)
        begun = time.monotonic()
        stopping = Timer(0.5, passing[0].stop)
        stopping.start()
        outcome = wire.call("Subscribe", request)
        stopping.join()
        assert time.monotonic() - begun < 8
    assert ("UNAVAILABLE", "DRAINING") == outcome.refusal
    assert {"position": str(end)} == outcome.metadata
    first, *events, closing = outcome.answers
    assert 1 == first.heartbeat.position
    assert list(range(2, end + 1)) == [answer.event.position for answer in events]
    assert watch_pb.Closing(position=end, reason="DRAINING") == closing.closing


def subscribe(wire: Wire, client: regesta.Client, most: int, **fields: Any) -> list[Any]:
    """Subscribe, and return so many answers."""
    request = watch_pb.SubscribeRequest(parent=f"namespaces/{client.namespace}", **fields)
    return list(wire.call("Subscribe", request, most=most, timeout=30).answers)


def test_heartbeats_say_how_far_the_stream_has_come(client: regesta.Client, wire: Wire):
    client.register("churn")
    end = client.get_head().position
    begun = time.monotonic()
    answers = subscribe(
        wire,
        client,
        3,
        after_position=0,
        heartbeat_interval=Duration(seconds=1),
        filter=event_pb.EventFilter(types=["AliasRemoved"]),
    )
    assert [0, end, end] == [answer.heartbeat.position for answer in answers]
    assert 1.9 < time.monotonic() - begun < 5


def test_without_a_start_only_what_is_new_is_told(client: regesta.Client, wire: Wire):
    client.register("churn")
    end = client.get_head().position
    later = Timer(0.3, client.set_alias, ["churn@champion"], {"version": 1})
    later.start()
    heartbeat, told = subscribe(wire, client, 2)
    later.join()
    assert end == heartbeat.heartbeat.position
    assert (end + 1, "models/churn/aliases/champion") == (told.event.position, told.event.stream)


@pytest.mark.parametrize(
    ("wanted", "positions"),
    [
        ({"types": ["AliasSet"]}, [6, 8]),
        ({"types": ["io.regesta.events.v1.AliasSet", "TagsSet"]}, [6, 7, 8]),
        ({"resources": ["models/fraud"]}, [4, 5, 8, 9]),
        ({"resources": ["models/swindle"]}, [4, 5, 8, 9]),
        ({"resources": ["models/fraud/versions/1"]}, [5]),
        ({"resources": ["models/churn/aliases/champion"]}, [6]),
        ({"resources": ["models/churn/versions/1", "models/swindle"]}, [3, 4, 5, 7, 8, 9]),
        ({"resources": ["models/fraud"], "types": ["AliasSet"]}, [8]),
        ({"resources": ["namespace"]}, [1]),
        ({"actors": ["anonymous"]}, list(range(1, 10))),
        ({"actors": ["nobody"]}, []),
    ],
)
def test_only_what_is_wanted_is_told_and_read(
    client: regesta.Client, wire: Wire, wanted: dict[str, Any], positions: list[int]
):
    client.register("churn")  # 2, 3
    client.register("fraud")  # 4, 5
    client.set_alias("churn@champion", version=1)  # 6
    client.set_tags("churn/1", tags={"a": "b"})  # 7
    client.set_alias("fraud@champion", version=1)  # 8
    client.rename_model("fraud", new_model_id="swindle")  # 9
    given = event_pb.EventFilter(**wanted)
    assert positions == [event.position for event in client.events(**wanted)]
    page = client.read_events(filter=given)
    assert (positions, 9) == ([event.position for event in page.events], page.position)
    _, *told = subscribe(wire, client, len(positions) + 1, after_position=0, filter=given)
    assert positions == [answer.event.position for answer in told]


def test_a_watch_lives_through_rebuilds(
    client: regesta.Client, server: ServerProcess, server_database: LiveDatabase
):
    done = Event()
    watching = Listening(server.address, client.namespace, done, after=0)
    with writing(client):
        (*_, last) = client.rebuild_projections()
        assert last.done
        for _ in range(3):
            rebuild(server_database.service_dsn, client.namespace, linger=0)
    while len(watching.events) < client.get_head().position:
        time.sleep(0.01)
        assert watching.is_alive()
    done.set()
    end = client.set_tags("churn", tags={"last": "event"}).position
    watching.finish()
    assert list(range(1, end + 1)) == [event.position for event in watching.events]
    assert 0 == verify(server_database.service_dsn, client.namespace).findings_total
