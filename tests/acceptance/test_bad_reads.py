"""Every rule of a read at its boundary, over the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

import regesta
from regesta.v1 import admin_service_pb2 as admin_pb
from regesta.v1 import audit_service_pb2 as audit_pb
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import event_pb2 as event_pb
from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
from regesta.v1 import reading_pb2 as reading_pb
from regesta.v1 import watch_service_pb2 as watch_pb
from tests.support.refusing import DIGEST
from tests.support.wire import METHODS, request_class

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.support.refusing import Refusing

AT_LEAST = reading_pb.CONSISTENCY_LEVEL_AT_LEAST
FULL = reading_pb.CONSISTENCY_LEVEL_FULLY_CONSISTENT

#: Methods that answer page by page, and the field that names what is listed.
PAGED = {
    name: "name" if name == "GetHistory" else "parent"
    for name, method in METHODS.items()
    if "page_token" in method.input_type.fields_by_name
    and name not in {"ListNamespaces", "ListPrincipals", "ListTokens"}
}
OF_A_MODEL = {"ListVersions", "ListAliases", "GetHistory", "ListComments"}


def page_of(at: Refusing, method: str, **fields: Any) -> Any:
    """Return a request for a page."""
    scope = at.model if method in OF_A_MODEL else at.parent
    if method == "GetHistory":
        fields = {"include_children": True, **fields}
    if method == "ListDocuments":
        fields = {"collection": "hooks", **fields}
    if method == "DiffState":
        fields = {"from_moment": reading_pb.Moment(position=1), **fields}
    return request_class(METHODS[method])(**{PAGED[method]: scope}, **fields)


def shown(value: Any) -> str:
    return ascii(str(value))[:60]


@pytest.fixture
def full(refusing: Refusing) -> Refusing:
    """The namespace with more than one page of everything."""
    client = refusing.client
    for number in range(2):
        client.create_model(f"other-{number}", model=regesta.Model())
        client.register("churn", source="s3://x", reason="for the pages")
        client.set_alias(f"churn@alias-{number}", version=1)
        client.add_comment("churn", text="slow")
        client.put_document(f"hooks/hook-{number}", content="{}")
        client.request_transition("churn/1", stage="staging")
        client.raise_flag(
            f"other-{number}", flag=regesta.Flag(severity=regesta.FlagSeverity.FLAG_SEVERITY_INFO)
        )
    return refusing


@pytest.mark.parametrize("method", [*PAGED, "ListNamespaces"])
def test_a_page_s_size_is_not_negative(refusing: Refusing, method: str):
    if method == "ListNamespaces":
        request: Any = admin_pb.ListNamespacesRequest(page_size=-1)
    else:
        request = page_of(refusing, method, page_size=-1)
    refusing.invalid(method, request, "page_size")


@pytest.mark.parametrize("method", PAGED)
def test_a_page_s_size_above_1000_means_1000(full: Refusing, method: str):
    most = full.wire.call(method, page_of(full, method, page_size=1_000)).answer
    for size in (1_001, (1 << 31) - 1):
        assert most == full.wire.call(method, page_of(full, method, page_size=size)).answer


@pytest.mark.parametrize("method", PAGED)
def test_pages_end_and_hold_everything_once(full: Refusing, method: str):
    whole = full.wire.call(method, page_of(full, method, page_size=1_000)).answer
    assert "" == whole.next_page_token
    pages = []
    token, asked = "", 0
    while token or not asked:
        asked += 1
        request = page_of(full, method, page_size=1, page_token=token)
        page = full.wire.call(method, request).answer
        pages.append(page)
        token = page.next_page_token
    things = next(name for name, _ in whole.DESCRIPTOR.fields_by_name.items() if name.endswith("s"))
    assert len(getattr(whole, things)) > 1
    assert list(getattr(whole, things)) == [x for page in pages for x in getattr(page, things)]


@pytest.mark.parametrize("method", PAGED)
def test_a_page_token_is_for_the_request_it_came_with(full: Refusing, method: str):
    def refused(request: Message) -> None:
        outcome = full.refused(method, request, "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")
        assert ("page_token",) == outcome.fields

    first = page_of(full, method, page_size=1)
    token = full.wire.call(method, first).answer.next_page_token
    assert full.wire.call(method, page_of(full, method, page_size=2, page_token=token)).answer
    swapped = token[:-2] + ("AB" if not token.endswith("AB") else "BA")
    for edited in ("x", "=", token + "A", token[1:], swapped, "é", "\0", "A" * 5_000, token[:16]):
        refused(page_of(full, method, page_token=edited))
    # In another namespace.
    elsewhere = f"{full.client.namespace}-2"
    full.client.create_namespace(elsewhere)
    with regesta.Client(full.client._transport._target, namespace=elsewhere) as other:
        other.register("churn")
    request = page_of(full, method, page_token=token)
    scope = PAGED[method]
    moved = getattr(request, scope).replace(full.parent, f"namespaces/{elsewhere}")
    setattr(request, scope, moved)
    refused(request)
    # With something else changed.
    for name, value in {"show_deleted": True, "filter": "x", "include_children": False}.items():
        changed = page_of(full, method, page_token=token)
        field = changed.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            continue
        if field.message_type is not None:
            changed.filter.types.append("AliasSet")
        else:
            setattr(changed, name, value)
        refused(changed)


def test_a_page_token_of_one_method_is_none_of_another(full: Refusing):
    listed = page_of(full, "ListVersions", page_size=1)
    token = full.wire.call("ListVersions", listed).answer.next_page_token
    request = pb.SearchVersionsRequest(parent=full.model, page_size=1, page_token=token)
    full.refused("SearchVersions", request, "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")


def moments(at: Refusing, moment: reading_pb.Moment) -> list[tuple[str, Message]]:
    """Return a request of each method that looks at the past."""
    return [
        ("GetModel", pb.GetModelRequest(name=at.model, as_of=moment)),
        ("GetVersion", pb.GetVersionRequest(name=at.version, as_of=moment)),
        ("GetAlias", pb.GetAliasRequest(name=f"{at.model}/aliases/champion", as_of=moment)),
        (
            "ResolveVersion",
            pb.ResolveVersionRequest(parent=at.parent, address="churn@champion", as_of=moment),
        ),
        ("GetHistory", audit_pb.GetHistoryRequest(name=at.model, as_of=moment)),
    ]


@pytest.mark.parametrize("position", [0, -1, -(1 << 63), 1_000, (1 << 63) - 1])
def test_a_position_lies_within_the_log(refusing: Refusing, position: int):
    for method, request in moments(refusing, reading_pb.Moment(position=position)):
        refusing.refused(method, request, "OUT_OF_RANGE", "MOMENT_OUT_OF_RANGE")


def test_the_first_and_the_last_position_lie_within_the_log(refusing: Refusing):
    for method, request in moments(refusing, reading_pb.Moment(position=1)):
        assert "NOT_FOUND" == refusing.wire.call(method, request).code.name
    last = refusing.client.get_head().position
    for method, request in moments(refusing, reading_pb.Moment(position=last)):
        assert last == refusing.wire.call(method, request).answer.position


def test_a_time_lies_within_the_history(refusing: Refusing):
    first = next(refusing.client.events()).record_time.ToDatetime(tzinfo=UTC)
    for time in (
        first - timedelta(microseconds=1),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime.now(UTC) + timedelta(minutes=1),
        datetime(9999, 12, 31, tzinfo=UTC),
    ):
        stamp = Timestamp()
        stamp.FromDatetime(time)
        for method, request in moments(refusing, reading_pb.Moment(time=stamp)):
            refusing.refused(method, request, "OUT_OF_RANGE", "MOMENT_OUT_OF_RANGE")
    stamp.FromDatetime(first)
    for method, request in moments(refusing, reading_pb.Moment(time=stamp)):
        assert "NOT_FOUND" == refusing.wire.call(method, request).code.name


@pytest.mark.parametrize(
    "time",
    [
        Timestamp(nanos=-1),
        Timestamp(nanos=1_000_000_000),
        Timestamp(seconds=(1 << 63) - 1),
        Timestamp(seconds=-(1 << 63)),
    ],
    ids=shown,
)
def test_a_time_is_one_of_the_years_1_to_9999(refusing: Refusing, time: Timestamp):
    for method, request in moments(refusing, reading_pb.Moment(time=time)):
        refusing.invalid(method, request, "as_of.time")


def fresh(at: Refusing, consistency: reading_pb.Consistency) -> list[tuple[str, Message]]:
    """Return a request of each method that takes a demand of freshness."""
    requests: list[tuple[str, Message]] = [
        (method, page_of(at, method, consistency=consistency))
        for method in PAGED
        if "consistency" in METHODS[method].input_type.fields_by_name
    ]
    return [
        *requests,
        ("GetModel", pb.GetModelRequest(name=at.model, consistency=consistency)),
        ("GetVersion", pb.GetVersionRequest(name=at.version, consistency=consistency)),
        (
            "ResolveVersion",
            pb.ResolveVersionRequest(parent=at.parent, address=DIGEST, consistency=consistency),
        ),
        (
            "GetLifecycle",
            lifecycle_pb.GetLifecycleRequest(parent=at.parent, consistency=consistency),
        ),
    ]


@pytest.mark.parametrize(
    ("field", "consistency"),
    [
        ("consistency.level", {"level": 4}),
        ("consistency.level", {"level": -1}),
        ("consistency.position", {"level": AT_LEAST, "position": -1}),
        ("consistency.position", {"position": 1}),
        ("consistency.position", {"level": FULL, "position": 1}),
    ],
)
def test_a_demand_of_freshness_makes_sense(refusing: Refusing, field: str, consistency: Any):
    for method, request in fresh(refusing, reading_pb.Consistency(**consistency)):
        refusing.invalid(method, request, field)


def test_a_demand_of_freshness_is_not_beyond_the_end(refusing: Refusing):
    end = refusing.client.get_head().position
    for method, request in fresh(
        refusing, reading_pb.Consistency(level=AT_LEAST, position=end + 1)
    ):
        refusing.refused(method, request, "OUT_OF_RANGE", "MOMENT_OUT_OF_RANGE")
    for method, request in fresh(refusing, reading_pb.Consistency(level=AT_LEAST, position=end)):
        assert end == refusing.wire.call(method, request).answer.position


@pytest.mark.parametrize(
    "text",
    [
        "churn",
        "name =",
        "= 3",
        "name = a b",
        "name = 'a",
        "(name = a",
        "nothing = 3",
        "a.b.c = 1",
        "name = a and name = b",
        "name LIKE x",
        "x" * 10_001,
        "NOT " * 60 + "name = a",
        "name = \0",
        "((" * 40 + "name = a" + "))" * 40,
        " OR ".join(["name = a"] * 201),
        "tags = x",
        "\u202e",
        "create_time > yesterday",
        "latest_version > 99999999999999999999",
        "name = '\\x'",
    ],
    ids=shown,
)
def test_a_filter_is_one_that_can_be_understood(refusing: Refusing, text: str):
    for method in ("SearchModels", "SearchVersions"):
        request = page_of(refusing, method, filter=text)
        outcome = refusing.refused(method, request, "INVALID_ARGUMENT", "INVALID_FILTER")
        assert ("filter",) == outcome.fields


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        "name desc desc",
        "name,",
        ",",
        "name; DROP TABLE x",
        "name\0",
        "tags.a",
        "x" * 10_001,
        "name, name",
    ],
    ids=shown,
)
def test_an_order_is_one_that_can_be_understood(refusing: Refusing, text: str):
    for method, order in (
        ("SearchModels", text),
        ("SearchVersions", text.replace("name", "model")),
    ):
        request = page_of(refusing, method, order_by=order)
        outcome = refusing.refused(method, request, "INVALID_ARGUMENT", "INVALID_FILTER")
        assert ("order_by",) == outcome.fields


@pytest.mark.parametrize(
    "address",
    [
        "",
        "churn",
        "churn/0",
        "churn/01",
        "churn/-1",
        "churn/99999999999",
        "churn@",
        "churn@3",
        "churn@Latest",
        "churn#",
        "churn#A",
        "churn@^",
        "churn@1.x.2",
        "churn@>=1.0.0-",
        "a/b/c/1",
        "sha256:abc",
        "churn/1?as_of=",
        "churn/1?as_of=0",
        "churn/1?as_of=yesterday",
        "churn/1?x=1",
        "churn/1?as_of=2026-02-30T00:00:00Z",
        "other/churn/1",
        "regesta://churn/1",
        "x" * 4_000,
        "churn@\0",
        "\u0301/1",
        "../../1",
        "churn/1\n",
        "regesta://n/churn%ff/1",
    ],
    ids=shown,
)
def test_an_address_is_one_of_the_forms(refusing: Refusing, address: str):
    request = pb.ResolveVersionRequest(parent=refusing.parent, address=address)
    refusing.invalid("ResolveVersion", request, "address")


def test_a_moment_is_given_once(refusing: Refusing):
    request = pb.ResolveVersionRequest(
        parent=refusing.parent, address="churn/1?as_of=2", as_of=reading_pb.Moment(position=2)
    )
    refusing.invalid("ResolveVersion", request, "as_of")


@pytest.mark.parametrize(
    ("field", "conditions"),
    [
        ("filter.types[0]", {"types": ["Nothing"]}),
        ("filter.types", {"types": ["AliasSet"] * 101}),
        ("filter.resources[1]", {"resources": ["models/churn", "models/a b"]}),
        ("filter.resources[0]", {"resources": ["namespaces/other/models/churn"]}),
        ("filter.resources[0]", {"resources": [""]}),
        ("filter.resources", {"resources": ["models/churn"] * 101}),
        ("filter.actors[0]", {"actors": [""]}),
        ("filter.actors[0]", {"actors": ["a\0"]}),
        ("filter.actors[0]", {"actors": ["x" * 257]}),
        ("filter.actors", {"actors": ["anonymous"] * 101}),
    ],
)
def test_an_event_filter_names_what_there_can_be(refusing: Refusing, field: str, conditions: Any):
    wanted = event_pb.EventFilter(**conditions)
    parent = refusing.parent
    for method, request in (
        ("ReadEvents", audit_pb.ReadEventsRequest(parent=parent, filter=wanted)),
        ("StreamEvents", audit_pb.StreamEventsRequest(parent=parent, filter=wanted)),
        ("Subscribe", watch_pb.SubscribeRequest(parent=parent, filter=wanted)),
    ):
        refusing.invalid(method, request, field)


def test_reading_the_log_begins_within_it(refusing: Refusing):
    parent, end = refusing.parent, refusing.client.get_head().position
    read, stream, watch = (
        audit_pb.ReadEventsRequest,
        audit_pb.StreamEventsRequest,
        watch_pb.SubscribeRequest,
    )
    for method, kind in (("ReadEvents", read), ("StreamEvents", stream), ("Subscribe", watch)):
        refusing.invalid(method, kind(parent=parent, after_position=-1), "after_position")
        beyond = kind(parent=parent, after_position=end + 1)
        refusing.refused(method, beyond, "OUT_OF_RANGE", "MOMENT_OUT_OF_RANGE")
    refusing.invalid("StreamEvents", stream(parent=parent, until_position=-1), "until_position")
    beyond = stream(parent=parent, until_position=end + 1)
    refusing.refused("StreamEvents", beyond, "OUT_OF_RANGE", "MOMENT_OUT_OF_RANGE")


@pytest.mark.parametrize(
    "interval",
    [
        Duration(),
        Duration(nanos=999_999_999),
        Duration(seconds=300, nanos=1),
        Duration(seconds=-5),
        Duration(seconds=1 << 40),
    ],
    ids=shown,
)
def test_a_heartbeat_comes_every_1_to_300_seconds(refusing: Refusing, interval: Duration):
    request = watch_pb.SubscribeRequest(parent=refusing.parent, heartbeat_interval=interval)
    refusing.invalid("Subscribe", request, "heartbeat_interval")


@pytest.mark.parametrize(
    ("models", "field"),
    [
        ([], "models"),
        (["models/churn"] * 1_001, "models"),
        (["{model}", "churn"], "models[1]"),
        (["{model}", "models/churn"], "models[1]"),
        (["{model}/versions/1"], "models[0]"),
        (["{model}", ""], "models[1]"),
        (["namespaces/elsewhere/models/churn"], "models[0]"),
    ],
    ids=shown,
)
def test_latest_versions_are_of_1_to_1000_models_of_the_namespace(
    refusing: Refusing, models: list[str], field: str
):
    named = [model.format(model=refusing.model) for model in models]
    request = pb.ListLatestVersionsRequest(parent=refusing.parent, models=named)
    refusing.invalid("ListLatestVersions", request, field)


def test_what_is_not_there_is_said_so(refusing: Refusing):
    model, parent = refusing.model, refusing.parent
    for method, request, reason in (
        ("GetModel", pb.GetModelRequest(name=f"{parent}/models/nobody"), "MODEL"),
        ("GetVersion", pb.GetVersionRequest(name=f"{parent}/models/nobody/versions/1"), "MODEL"),
        ("GetVersion", pb.GetVersionRequest(name=f"{model}/versions/2"), "VERSION"),
        ("GetVersion", pb.GetVersionRequest(name=f"{model}/versions/2147483647"), "VERSION"),
        ("GetAlias", pb.GetAliasRequest(name=f"{model}/aliases/nobody"), "ALIAS"),
        ("ListVersions", pb.ListVersionsRequest(parent=f"{parent}/models/nobody"), "MODEL"),
        ("ListAliases", pb.ListAliasesRequest(parent=f"{parent}/models/nobody"), "MODEL"),
        ("SearchVersions", pb.SearchVersionsRequest(parent=f"{parent}/models/nobody"), "MODEL"),
        ("GetHistory", audit_pb.GetHistoryRequest(name=f"{parent}/models/nobody"), "MODEL"),
        ("GetHistory", audit_pb.GetHistoryRequest(name=f"{model}/versions/2"), "VERSION"),
        ("GetHistory", audit_pb.GetHistoryRequest(name=f"{model}/aliases/nobody"), "ALIAS"),
    ):
        refusing.refused(method, request, "NOT_FOUND", f"{reason}_NOT_FOUND")
