"""What is promised of writes and reads, also with two servers on one database."""

from __future__ import annotations

import itertools
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import reading_pb2 as reading_pb
from regesta.v1 import version_pb2 as version_pb
from tests.support.server_process import ServerProcess
from tests.support.wire import Outcome, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from google.protobuf.message import Message

    from tests.databases import LiveDatabase

THREADS = 32
AT_LEAST = reading_pb.CONSISTENCY_LEVEL_AT_LEAST
FULL = reading_pb.CONSISTENCY_LEVEL_FULLY_CONSISTENT
QUICK = reading_pb.CONSISTENCY_LEVEL_MINIMIZE_LATENCY


@pytest.fixture
def wires(server: ServerProcess, second_server: ServerProcess) -> Iterator[list[Wire]]:
    """Channels to both servers, in turn."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(Wire(place.address))
            for _ in range(2)
            for place in (server, second_server)
        ]


@pytest.fixture
def there(second_server: ServerProcess, namespace: str) -> Iterator[regesta.Client]:
    """A client of the second server in the same namespace."""
    with regesta.Client(second_server.address, namespace=namespace) as made:
        yield made


def at_once(calls: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    """Make calls at the same time."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Outcome]) -> Outcome:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def spread(wires: Sequence[Wire], method: str, requests: Sequence[Message]) -> list[Outcome]:
    """Send requests at the same time, in turn over the channels."""

    def call(number: int, request: Message) -> Callable[[], Outcome]:
        return lambda: wires[number % len(wires)].call(method, request)

    return at_once([call(number, request) for number, request in enumerate(requests)])


def parent_of(client: regesta.Client) -> str:
    return f"namespaces/{client.namespace}"


def registration(client: regesta.Client, **fields: Any) -> pb.RegisterVersionRequest:
    return pb.RegisterVersionRequest(
        parent=f"{parent_of(client)}/models/churn",
        version=version_pb.Version(description="a free text", tags={"long": "x" * 2_000}, **fields),
        allow_missing_model=True,
        request_id=str(uuid.uuid4()),
        reason="once",
    )


def test_the_same_write_from_many_threads_is_done_once(client: regesta.Client, wires: list[Wire]):
    request = registration(client)
    first, *others = spread(wires, "RegisterVersion", [request] * THREADS)
    assert [first.answer] * (THREADS - 1) == [outcome.answer for outcome in others]
    assert "a free text" == first.answer.version.description
    types = [event.type.rpartition(".")[2] for event in client.events()]
    assert ["NamespaceCreated", "ModelCreated", "VersionRegistered"] == types


def test_a_repeated_write_is_answered_as_the_first_time_whatever_happened_since(
    client: regesta.Client, wires: list[Wire]
):
    model = f"{parent_of(client)}/models/churn"
    done: list[tuple[str, Message, Any]] = []

    def write(method: str, request: Any) -> None:
        request.request_id = str(uuid.uuid4())
        done.append((method, request, wires[0].call(method, request).answer))

    write("RegisterVersion", registration(client))
    write("SetAlias", pb.SetAliasRequest(name=f"{model}/aliases/champion", version=1))
    write("SetTags", pb.SetTagsRequest(name=model, tags={"a": "b", "long": "y" * 5_000}))
    # This one and the next change nothing, and are answers all the same.
    write("SetTags", pb.SetTagsRequest(name=model, tags={"a": "b"}))
    write("SetAlias", pb.SetAliasRequest(name=f"{model}/aliases/champion", version=1))
    write("RemoveTags", pb.RemoveTagsRequest(name=f"{model}/versions/1", keys=["long"]))
    write("RegisterVersion", registration(client, semver="1.0.0"))
    write("SetAlias", pb.SetAliasRequest(name=f"{model}/aliases/champion", version=2))
    write("RenameModel", pb.RenameModelRequest(name=model, new_model_id="leavers"))
    write("RemoveAlias", pb.RemoveAliasRequest(name=f"{model}/aliases/champion"))
    write("DeleteVersion", pb.DeleteVersionRequest(name=f"{model}/versions/1"))
    write("DeleteModel", pb.DeleteModelRequest(name=model))
    write("DeleteModel", pb.DeleteModelRequest(name=model))
    write("RestoreModel", pb.RestoreModelRequest(name=model))
    head = client.get_head()
    for method, request, answer in done:
        for wire in wires:
            assert answer == wire.call(method, request).answer, method
    assert head == client.get_head()


def test_of_two_writes_under_one_id_one_is_done_and_the_other_refused(
    client: regesta.Client, wires: list[Wire]
):
    for round_number in range(5):
        request = registration(client, source="s3://a")
        other = pb.RegisterVersionRequest()
        other.CopyFrom(request)
        other.version.source = "s3://b"
        outcomes = spread(wires, "RegisterVersion", [request, other] * 4)
        refused = [outcome for outcome in outcomes if outcome.code.name != "OK"]
        assert 4 == len(refused)
        assert {("ALREADY_EXISTS", "REQUEST_ID_REUSED")} == {o.refusal for o in refused}
        sources = {o.answer.version.source for o in outcomes if o.code.name == "OK"}
        assert 1 == len(sources)
        assert round_number + 1 == client.get_model("churn").latest_version


def test_of_many_moves_on_the_same_knowledge_exactly_one_wins(
    client: regesta.Client, wires: list[Wire]
):
    for _ in range(17):
        client.register("churn")
    alias = client.set_alias("churn@champion", version=17)
    for _ in range(3):
        requests = [
            pb.SetAliasRequest(
                name=alias.name, version=number, etag=alias.etag, request_id=str(uuid.uuid4())
            )
            for number in range(1, 17)
        ]
        outcomes = spread(wires, "SetAlias", requests)
        won = [outcome.answer.alias for outcome in outcomes if outcome.code.name == "OK"]
        lost = [outcome.refusal for outcome in outcomes if outcome.code.name != "OK"]
        assert [("ABORTED", "REVISION_MISMATCH")] * 15 == lost
        assert [int(alias.etag) + 1] == [int(winner.etag) for winner in won]
        assert won == [client.get_alias("churn@champion")]
        alias = client.set_alias("churn@champion", version=17)


def test_of_many_first_settings_of_an_alias_exactly_one_wins(
    client: regesta.Client, wires: list[Wire]
):
    for _ in range(8):
        version = client.register("churn")
    model = version.name.rpartition("/versions/")[0]
    requests = [
        pb.SetAliasRequest(
            name=f"{model}/aliases/champion", version=number, etag="0", request_id=f"first-{number}"
        )
        for number in range(1, 9)
    ]
    outcomes = spread(wires, "SetAlias", requests)
    assert ["OK"] == [o.code.name for o in outcomes if o.code.name != "ABORTED"]


def test_numbers_have_no_holes_whoever_registers(client: regesta.Client, wires: list[Wire]):
    requests = [registration(client) for _ in range(THREADS)]
    for number, request in enumerate(requests):
        # One in four is refused, and leaves no hole.
        request.version.semver = "1.0.0" if number % 4 == 0 else ""
    outcomes = spread(wires, "RegisterVersion", requests)
    numbers = sorted(o.answer.version.version for o in outcomes if o.code.name == "OK")
    assert list(range(1, len(numbers) + 1)) == numbers
    assert THREADS - THREADS // 4 + 1 == len(numbers)
    positions = [event.position for event in client.events()]
    assert list(range(1, len(numbers) + 3)) == positions


def test_of_many_models_of_one_name_exactly_one_is_made(client: regesta.Client, wires: list[Wire]):
    requests = [
        pb.CreateModelRequest(
            parent=parent_of(client), model_id=name, request_id=f"{name}-{number}"
        )
        for name in ("Churn", "churn", "CHURN")
        for number in range(4)
    ]
    outcomes = spread(wires, "CreateModel", requests)
    assert ["OK"] == [o.code.name for o in outcomes if o.code.name != "ALREADY_EXISTS"]


def test_a_write_here_is_read_there_at_once(client: regesta.Client, there: regesta.Client):
    for number in range(1, 31):
        client.register("churn")
        level = reading_pb.Consistency(level=AT_LEAST, position=client.position)
        model = there.get_model("churn", consistency=level)
        assert number == model.latest_version
        page = there.list_versions("churn", page_size=1_000, consistency=level)
        assert number == len(page.versions)


def test_a_client_sees_what_it_has_seen_from_another_server(
    client: regesta.Client, there: regesta.Client
):
    # One client whose calls go to either server would do the same by itself.
    for number in range(1, 16):
        version = client.register("churn")
        client.set_alias("churn@champion", version=number)
        there._transport.positions.saw(client.namespace, client.position)
        assert version.name == there.resolve("churn@champion").name
        there.set_tags(f"churn/{number}", tags={"seen": "yes"})
        client._transport.positions.saw(client.namespace, there.position)
        assert {"seen": "yes"} == client.get_version(f"churn/{number}").tags


def test_a_fully_consistent_read_sees_what_anybody_was_told(
    client: regesta.Client, there: regesta.Client
):
    full = reading_pb.Consistency(level=FULL)
    for number in range(1, 31):
        client.register("churn")
        client.set_alias("churn@champion", version=number)
        assert number == there.resolve_version(address="churn@champion", consistency=full).version
        assert number == there.get_model("churn", consistency=full).latest_version
        assert 2 * number + 2 == there.list_models(consistency=full).position
        assert 2 * number + 2 == there.get_lifecycle(consistency=full).position


def test_a_fresh_client_sees_what_anybody_was_told(
    client: regesta.Client, second_server: ServerProcess
):
    with regesta.Client(second_server.address, namespace=client.namespace, fresh=True) as fresh:
        for number in range(1, 11):
            client.register("churn")
            assert number == fresh.get_model("churn").latest_version


def test_a_quick_read_is_of_the_position_it_says(client: regesta.Client, wires: list[Wire]):
    client.create_model("churn", model=model_pb.Model())
    request = pb.GetModelRequest(
        name=f"{parent_of(client)}/models/churn", consistency=reading_pb.Consistency(level=QUICK)
    )
    answers = []
    for _ in range(40):
        client.register("churn")
        answers += [wire.call("GetModel", request).answer for wire in wires]
    for answer in answers:
        assert answer.model == client.get_model("churn", as_of=answer.position)
    client.register("churn")
    end = client.position
    for wire in wires:
        for _ in range(500):
            if wire.call("GetModel", request).answer.position >= end:
                break
        answer = wire.call("GetModel", request).answer
        assert (end, 41) == (answer.position, answer.model.latest_version)


def test_pages_go_on_at_another_server(client: regesta.Client, wires: list[Wire]):
    for _ in range(9):
        client.register("churn")
    request = pb.ListVersionsRequest(parent=f"{parent_of(client)}/models/churn", page_size=2)
    numbers: list[int] = []
    for wire in itertools.cycle(wires):
        page = wire.call("ListVersions", request).answer
        numbers += [version.version for version in page.versions]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert list(range(9, 0, -1)) == numbers


def test_a_client_reads_its_own_writes_from_any_worker(server_database: LiveDatabase):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    dsn = server_database.service_dsn
    arguments = ["--insecure-dev", "--dsn", dsn, "--listen", address, "--workers", "2"]
    server = ServerProcess(arguments)
    try:
        server.wait()
        with regesta.Client(address, namespace="workers", channels=8) as client:
            client.create_namespace("workers")
            for number in range(1, 41):
                assert number == client.register("churn").version
                client.set_alias("churn@champion", version=number)
                assert number == client.resolve("churn@champion").version
                assert number == client.get_model("churn").latest_version
    finally:
        assert 0 == server.stop()


def test_what_a_write_answers_is_what_reads_show_from_then_on(
    client: regesta.Client, there: regesta.Client
):
    for number in range(1, 21):
        model = client.set_tags("churn", tags={"round": str(number)}) if number > 1 else None
        version = client.register("churn", tags={"n": str(number)}, description=f"text {number}")
        assert version == client.get_version(f"churn/{number}")
        level = reading_pb.Consistency(level=AT_LEAST, position=client.position)
        assert version == there.get_version(f"churn/{number}", consistency=level)
        assert version == there.resolve_version(address="churn@latest", consistency=level)
        if model is not None:
            assert model.tags == there.get_model("churn", consistency=level).tags
