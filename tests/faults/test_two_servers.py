"""Two servers on one database, and everything that can stop does so while they are written to."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta_service.postgres.migrate import apply
from regesta_service.postgres.roles import provision
from tests.support.server_process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regesta.v1 import event_pb2
    from tests.conftest import OwnServer

ROOT = Path(__file__).parents[2]
NAMESPACE = "under-fire"
PROCESSES, WRITERS = 2, 32

#: Seconds between one fault and the next.
PAUSE = 4.0


class Process:
    """A process of writers; see tests/support/writers.py."""

    def __init__(self, name: str, targets: list[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.writers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        arguments = {
            "name": name,
            "targets": targets,
            "namespace": NAMESPACE,
            "writers": WRITERS,
        }
        self._say(json.dumps(arguments))

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def ask_to_stop(self) -> None:
        """Let the writers finish what they are at."""
        self._say("stop")

    def await_stop(self) -> None:
        """Return when no writer writes any more."""
        assert "stopped\n" == self._hear()

    def report(self, end: int) -> dict[str, Any]:
        """Return what was seen, once subscribers have come to a position."""
        self._say(str(end))
        found: dict[str, Any] = json.loads(self._hear())
        assert 0 == self._process.wait(30)
        return found

    def kill(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


class Pair:
    """Two servers on one database, each of which may be killed and started again."""

    def __init__(self, dsn: str, stack: ExitStack) -> None:
        self._dsn = dsn
        self._stack = stack
        # At once: both want to be the first to prepare the database.
        self.servers = [self._launch("127.0.0.1:0") for _ in range(2)]
        for server in self.servers:
            server.wait()

    @property
    def targets(self) -> list[str]:
        """Where they listen."""
        return [server.address for server in self.servers]

    def kill_and_restart(self, number: int) -> None:
        """Kill one and start it again on its port."""
        address = self.servers[number].address
        assert -9 == self.servers[number].kill()
        self.servers[number] = self._launch(address)
        self.servers[number].wait()

    def _launch(self, listen: str) -> ServerProcess:
        server = ServerProcess(["--insecure-dev", "--dsn", self._dsn, "--listen", listen])
        self._stack.callback(server.stop)
        return server


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is to be ended."""
    with ExitStack() as made:
        yield made


def check_acknowledged(reports: list[dict[str, Any]], events: list[event_pb2.Event]) -> None:
    """Check that what was acknowledged is in the log, once and as it was said."""
    by_request: dict[str, list[event_pb2.Event]] = {}
    for event in events:
        if not event.type.endswith("ModelCreated"):
            by_request.setdefault(event.request_id, []).append(event)
    assert {1} == set(map(len, by_request.values()))
    for report in reports:
        for request_id, (model, number) in report["versions"].items():
            (event,) = by_request.pop(request_id)
            assert f"models/{model}/versions/{number}" == event.stream
        for request_id, position in report["tags"].items():
            (event,) = by_request.pop(request_id)
            assert position == event.position
        for request_id, (name, revision) in report["aliases"].items():
            (event,) = by_request.pop(request_id)
            assert name.endswith(f"{NAMESPACE}/{event.stream}")
            assert revision == event.revision
    # Every writer came to an end, so nothing is in the log that was not acknowledged.
    assert ["NamespaceCreated"] == [
        event.type.rpartition(".")[2] for (event,) in by_request.values()
    ]


def check_log(client: regesta.Client, events: list[event_pb2.Event]) -> None:
    """Check that positions and revisions have no gaps, and numbers neither holes nor doubles."""
    assert list(range(1, len(events) + 1)) == [event.position for event in events]
    revisions: Counter[str] = Counter()
    for event in events:
        revisions[event.stream] += 1
        assert revisions[event.stream] == event.revision
    registered = Counter(
        event.stream.rpartition("/versions/")[0]
        for event in events
        if event.type.endswith("VersionRegistered")
    )
    for stream, count in registered.items():
        model = stream.removeprefix("models/")
        assert count == client.get_model(model).latest_version
        numbers = [version.version for version in client.versions(model, order_by="version")]
        assert list(range(1, count + 1)) == numbers


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_nothing_acknowledged_is_lost_or_doubled_whatever_stops(
    own_server: OwnServer, stack: ExitStack
):
    postgres = own_server(durable=True)
    database = provision(postgres.dsn, "regesta")
    apply(database.owner_dsn)
    pair = Pair(database.service_dsn, stack)
    with regesta.Client(pair.targets[0]) as client:
        client.create_namespace(NAMESPACE)
    processes = [Process(f"p{number}", pair.targets) for number in range(PROCESSES)]
    for process in processes:
        stack.callback(process.kill)

    time.sleep(PAUSE)
    pair.kill_and_restart(0)
    time.sleep(PAUSE)
    postgres.stop(immediate=True)
    time.sleep(1)
    postgres.start()
    time.sleep(PAUSE / 2)
    with regesta.Client(pair.targets[0], namespace=NAMESPACE) as client:
        # Others write to the log at the other server meanwhile.
        (*_, rebuilt) = client.rebuild_projections()
        assert rebuilt.done
    pair.kill_and_restart(1)
    time.sleep(PAUSE)

    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.await_stop()
    with regesta.Client(pair.targets[0], namespace=NAMESPACE) as client:
        end = client.get_head().position
        reports = [process.report(end) for process in processes]
        events = list(client.events())
        assert [] == [surprise for report in reports for surprise in report["surprises"]]
        check_acknowledged(reports, events)
        check_log(client, events)
        findings = [f for answer in client.verify() for f in answer.findings]
        assert [] == findings
    # Of one process all attempts may be saved by the client's own retries, of all hardly.
    assert any(report["failures"] for report in reports), "no attempt failed: nothing was tried"
    for report in reports:
        for told in report["told"]:
            assert list(range(1, end + 1)) == told
    assert end > 500
