"""Every rule of a write at its boundary, over the wire: what is refused changes nothing."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from regesta.v1 import admin_service_pb2 as admin_pb
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb

if TYPE_CHECKING:
    from tests.support.refusing import Refusing


def new_id() -> str:
    return str(uuid.uuid4())


def many(count: int, value: Any) -> dict[str, Any]:
    return {f"k{number}": value for number in range(count)}


def shown(value: Any) -> str:
    """Return what a test is called by for a value; some are too long for a name."""
    return ascii(str(value))[:60]


def create(at: Refusing, **fields: Any) -> pb.CreateModelRequest:
    given = {"parent": at.parent, "model_id": "fraud", "request_id": new_id(), **fields}
    return pb.CreateModelRequest(**given)


def register(at: Refusing, **fields: Any) -> pb.RegisterVersionRequest:
    return pb.RegisterVersionRequest(
        parent=at.model, version=version_pb.Version(**fields), request_id=new_id()
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        "-x",
        ".x",
        "a b",
        "a/b",
        "a:b",
        "a@b",
        "a#b",
        "ü",
        "a\n",
        "a\0",
        "\u202echurn",
        "x" * 256,
    ],
    ids=shown,
)
def test_a_model_has_a_name_of_the_rule(refusing: Refusing, name: str):
    refusing.invalid("CreateModel", create(refusing, model_id=name), "model_id")
    request = pb.RenameModelRequest(name=refusing.model, new_model_id=name, request_id=new_id())
    refusing.invalid("RenameModel", request, "new_model_id")


@pytest.mark.parametrize(
    ("field", "model"),
    [
        ("model.kind", {"kind": 6}),
        ("model.kind", {"kind": -1}),
        ("model.owner", {"owner": "x" * 251}),
        ("model.owner", {"owner": "two\nlines"}),
        ("model.owner", {"owner": "\x85"}),
        ("model.description", {"description": "x" * 100_001}),
        ("model.description", {"description": "\x1b[31m"}),
        ("model.card", {"card": "é" * 1_000_001}),
        ("model.tags", {"tags": many(1_001, "")}),
        ("model.tags", {"tags": many(100_000, "x")}),
        ("model.tags", {"tags": {"": "x"}}),
        ("model.tags", {"tags": {"x" * 251: "x"}}),
        ("model.tags", {"tags": {"a\0": "x"}}),
        ('model.tags["a"]', {"tags": {"a": "x" * 100_001}}),
        ('model.tags["a \\" b"]', {"tags": {'a " b': "\0"}}),
    ],
)
def test_a_model_s_fields_keep_their_rules(refusing: Refusing, field: str, model: Any):
    refusing.invalid("CreateModel", create(refusing, model=model_pb.Model(**model)), field)


@pytest.mark.parametrize("request_id", ["", "x" * 65, "a b", "é", "a\n", "a\0b", "a/b"])
def test_a_write_has_a_request_id_of_the_rule(refusing: Refusing, request_id: str):
    refusing.invalid("CreateModel", create(refusing, request_id=request_id), "request_id")
    request = pb.SetTagsRequest(name=refusing.model, tags={"a": "b"}, request_id=request_id)
    refusing.invalid("SetTags", request, "request_id")
    namespace = admin_pb.CreateNamespaceRequest(namespace_id="fresh", request_id=request_id)
    refusing.invalid("CreateNamespace", namespace, "request_id")


@pytest.mark.parametrize("reason", ["x" * 10_001, "\0", "a\x7f", "\x9b31m"], ids=shown)
def test_a_reason_keeps_its_rule(refusing: Refusing, reason: str):
    refusing.invalid("CreateModel", create(refusing, reason=reason), "reason")
    request = pb.DeleteModelRequest(name=refusing.model, request_id=new_id(), reason=reason)
    refusing.invalid("DeleteModel", request, "reason")
    namespace = admin_pb.CreateNamespaceRequest(
        namespace_id="never-made", request_id=new_id(), reason=reason
    )
    refusing.invalid("CreateNamespace", namespace, "reason")


def test_what_is_exactly_at_its_limit_is_taken(refusing: Refusing):
    model = model_pb.Model(
        kind=model_pb.MODEL_KIND_DATASET,
        owner="o" * 250,
        description="d" * 100_000,
        card="\N{GRINNING FACE}" * 1_000_000,
        tags={"k" * 250: "v" * 100_000, **many(999, "x")},
    )
    name = "n" * 255
    request = create(
        refusing, model_id=name, model=model, request_id="r" * 64, reason="\t\r\n" + "r" * 9_997
    )
    created = refusing.wire.call("CreateModel", request).answer.model
    assert (model.card, model.tags) == (created.card, created.tags)
    assert created == refusing.client.get_model(name)
    one_more = pb.SetTagsRequest(name=created.name, tags={"one": "more"}, request_id=new_id())
    refusing.refused("SetTags", one_more, "FAILED_PRECONDITION", "TOO_MANY_TAGS")


@pytest.mark.parametrize(
    ("field", "version"),
    [
        ("version.semver", {"semver": "v1.0.0"}),
        ("version.semver", {"semver": "1.0"}),
        ("version.semver", {"semver": "01.0.0"}),
        ("version.semver", {"semver": "1.0.0-" + "a" * 245}),
        ("version.source", {"source": "s" * 4_097}),
        ("version.source", {"source": "s3://a\nb"}),
        ("version.digest", {"digest": "sha256:" + "A" * 64}),
        ("version.digest", {"digest": "sha256:" + "a" * 63}),
        ("version.digest", {"digest": "md5:" + "a" * 32}),
        ("version.size_bytes", {"size_bytes": -1}),
        ("version.manifest.digest", {"manifest": {"uri": "x"}}),
        ("version.lineage.run", {"lineage": {"run": "r" * 501}}),
        ("version.lineage.datasets[0].digest", {"lineage": {"datasets": [{"digest": "abc"}]}}),
        ("version.lineage.parents[1]", {"lineage": {"parents": ["", "\0"]}}),
        ("version.signature.inputs", {"signature": {"inputs": [{}] * 10_001}}),
        ("version.signature.outputs[1].shape", {"signature": {"outputs": [{}, {"shape": [-2]}]}}),
        ("version.params", {"params": many(1_001, "")}),
        ('version.params["k0"]', {"params": {"k0": "v" * 6_001}}),
        ("version.metrics", {"metrics": many(1_001, 0.5)}),
        ("version.metrics", {"metrics": {"": 0.5}}),
        ('version.metrics["auc"]', {"metrics": {"auc": math.nan}}),
        ('version.metrics["auc"]', {"metrics": {"auc": math.inf}}),
        ('version.metrics["auc"]', {"metrics": {"auc": -math.inf}}),
        ("version.properties", {"properties": many(1_001, {"bool_value": True})}),
        ('version.properties["p"]', {"properties": {"p": {}}}),
        ('version.properties["p"]', {"properties": {"p": {"string_value": "x" * 10_001}}}),
        ('version.properties["p"]', {"properties": {"p": {"double_value": math.nan}}}),
        ("version.description", {"description": "x" * 100_001}),
        ("version.card", {"card": "\x07"}),
        ("version.tags", {"tags": many(1_001, "")}),
    ],
)
def test_a_version_s_fields_keep_their_rules(refusing: Refusing, field: str, version: Any):
    refusing.invalid("RegisterVersion", register(refusing, **version), field)


def test_lists_and_objects_hold_finite_numbers(refusing: Refusing):
    for number in (math.nan, math.inf, -math.inf):
        value = version_pb.PropertyValue()
        value.list_value.values.add().number_value = number
        request = register(refusing, properties={"p": value})
        refusing.invalid("RegisterVersion", request, 'version.properties["p"]')


def lists(depth: int) -> version_pb.PropertyValue:
    """Return lists within each other."""
    value = version_pb.PropertyValue()
    inner = value.list_value
    inner.SetInParent()
    for _ in range(depth - 1):
        inner = inner.values.add().list_value
        inner.SetInParent()
    return value


def test_lists_are_nested_at_most_32_deep(refusing: Refusing):
    request = register(refusing, properties={"p": lists(33)})
    refusing.invalid("RegisterVersion", request, 'version.properties["p"]')
    accepted = register(refusing, properties={"p": lists(32)})
    version = refusing.wire.call("RegisterVersion", accepted).answer.version
    assert accepted.version.properties["p"] == version.properties["p"]
    assert version == refusing.client.get_version("churn/2")


def deep_bytes(depth: int) -> bytes:
    """Return a request with lists so deep that no Python object of it can be made."""
    body = b""
    for _ in range(depth):
        value = b"\x32" + _length(body) + body  # Value.list_value = 6
        body = b"\x0a" + _length(value) + value  # ListValue.values = 1
    prop = b"\x2a" + _length(body) + body  # PropertyValue.list_value = 5
    entry = b"\x0a\x01p\x12" + _length(prop) + prop
    version = b"\x4a" + _length(entry) + entry  # Version.properties = 9
    return b"\x12" + _length(version) + version  # RegisterVersionRequest.version = 2


def _length(body: bytes) -> bytes:
    number, encoded = len(body), bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*encoded, number))


@pytest.mark.parametrize("depth", [100, 5_000])
def test_what_is_nested_without_end_is_not_even_parsed(refusing: Refusing, depth: int):
    body = register(refusing).SerializeToString() + deep_bytes(depth)
    refusing.refused("RegisterVersion", body, "INVALID_ARGUMENT", "REQUEST_UNPARSABLE")


@pytest.mark.parametrize(
    "time",
    [
        Timestamp(seconds=int((datetime.now(UTC) + timedelta(hours=1)).timestamp())),
        Timestamp(seconds=1, nanos=-1),
        Timestamp(seconds=1, nanos=1_000_000_000),
        Timestamp(seconds=1 << 40),
        Timestamp(seconds=-(1 << 62)),
    ],
    ids=["future", "nanos_below", "nanos_above", "after_9999", "before_1"],
)
def test_nothing_happened_in_the_future_or_outside_of_the_years(
    refusing: Refusing, time: Timestamp
):
    request = register(refusing)
    request.occurred_time.CopyFrom(time)
    refusing.invalid("RegisterVersion", request, "occurred_time")


def test_all_of_a_version_together_fits_into_one_event(refusing: Refusing):
    request = register(refusing, params=many(60, "v" * 6_000))
    outcome = refusing.refused("RegisterVersion", request, "INVALID_ARGUMENT", "EVENT_TOO_LARGE")
    assert int(outcome.metadata["size"]) > int(outcome.metadata["limit"])


def test_what_is_too_long_by_little_is_refused_as_well(refusing: Refusing):
    codes = set()
    for length in range(4_600, 5_600, 20):
        request = register(refusing, params=many(12, "v" * length))
        outcome = refusing.wire.call("RegisterVersion", request)
        codes.add(outcome.refusal)
        if outcome.code.name != "OK":
            assert request.ByteSize() > 60_000
    assert {("OK", ""), ("INVALID_ARGUMENT", "EVENT_TOO_LARGE")} == codes


@pytest.mark.parametrize(
    "paths",
    [
        [],
        ["nonsense"],
        ["owner", "name"],
        ["kind"],
        ["tags"],
        ["*"],
        ["owner.x"],
        [""],
        ["Owner"],
        ["etag"],
        ["former_names"],
    ],
)
def test_a_model_s_mask_names_what_can_change(refusing: Refusing, paths: list[str]):
    request = pb.UpdateModelRequest(
        model=model_pb.Model(name=refusing.model, owner="me"),
        update_mask=FieldMask(paths=paths),
        request_id=new_id(),
    )
    refusing.invalid("UpdateModel", request, "update_mask")


@pytest.mark.parametrize(
    "paths",
    [[], ["source"], ["card", "semver"], ["stage"], ["metrics"], ["digest"], ["*"], ["tags"]],
)
def test_a_version_s_mask_names_what_can_change(refusing: Refusing, paths: list[str]):
    request = pb.UpdateVersionRequest(
        version=version_pb.Version(name=refusing.version, card="new", source="new"),
        update_mask=FieldMask(paths=paths),
        request_id=new_id(),
    )
    refusing.invalid("UpdateVersion", request, "update_mask")


@pytest.mark.parametrize("etag", ["x", "-1", "01", "1.0", " 1", "1" * 20, '"1"', "W/1"])
def test_an_etag_is_one_that_was_read(refusing: Refusing, etag: str):
    request = pb.DeleteModelRequest(name=refusing.model, etag=etag, request_id=new_id())
    refusing.invalid("DeleteModel", request, "etag")


@pytest.mark.parametrize(
    "alias",
    ["latest", "LATEST", "3", "v3", "V3", "0", "-a", "a" * 256, "", "a.b", "a\n", "\u0301"],
)
def test_an_alias_has_a_name_of_the_rule(refusing: Refusing, alias: str):
    request = pb.SetAliasRequest(
        name=f"{refusing.model}/aliases/{alias}", version=1, request_id=new_id()
    )
    refusing.invalid("SetAlias", request, "name")


def test_an_alias_points_to_a_version_that_is_there(refusing: Refusing):
    name = f"{refusing.model}/aliases/canary"
    for number in (0, -1):
        request = pb.SetAliasRequest(name=name, version=number, request_id=new_id())
        refusing.invalid("SetAlias", request, "version")
    request = pb.SetAliasRequest(name=name, version=2, request_id=new_id())
    outcome = refusing.refused("SetAlias", request, "NOT_FOUND", "VERSION_NOT_FOUND")
    assert {"model": "churn", "version": "2", "latest": "1"} == outcome.metadata


def test_tags_name_at_least_one_key_and_a_thing_that_has_tags(refusing: Refusing):
    set_tags, remove = pb.SetTagsRequest, pb.RemoveTagsRequest
    name = refusing.model
    refusing.invalid("SetTags", set_tags(name=name, request_id=new_id()), "tags")
    refusing.invalid("RemoveTags", remove(name=name, request_id=new_id()), "keys")
    keys = [f"k{number}" for number in range(1_001)]
    refusing.invalid("RemoveTags", remove(name=name, keys=keys, request_id=new_id()), "keys")
    request = remove(name=name, keys=["a", "b\0"], request_id=new_id())
    refusing.invalid("RemoveTags", request, "keys[1]")
    of_an_alias = set_tags(name=f"{name}/aliases/champion", tags={"a": "b"}, request_id=new_id())
    refusing.invalid("SetTags", of_an_alias, "name")


def test_a_stage_has_a_name_and_a_way_to_it(refusing: Refusing):
    def move(stage: str, from_stage: str = "") -> lifecycle_pb.TransitionVersionRequest:
        return lifecycle_pb.TransitionVersionRequest(
            name=refusing.version, stage=stage, from_stage=from_stage, request_id=new_id()
        )

    for stage in ("", "Production", "a b", "x" * 64):
        refusing.invalid("TransitionVersion", move(stage), "stage")
    refusing.invalid("TransitionVersion", move("staging", from_stage="A"), "from_stage")
    for stage in ("production", "nowhere"):
        outcome = refusing.refused(
            "TransitionVersion", move(stage), "FAILED_PRECONDITION", "MOVE_NOT_ALLOWED"
        )
        assert outcome.metadata["moves_to"] == "staging, archived"
    outcome = refusing.refused(
        "TransitionVersion", move("staging", from_stage="staging"), "ABORTED", "STAGE_MISMATCH"
    )
    assert {"expected": "staging", "actual": "development"} == outcome.metadata


@pytest.mark.parametrize("name", ["", "Acme", "1a", "a_b", "a/b", "a" * 64, "a\n", "é"])
def test_a_namespace_has_a_name_of_the_rule(refusing: Refusing, name: str):
    request = admin_pb.CreateNamespaceRequest(namespace_id=name, request_id=new_id())
    refusing.invalid("CreateNamespace", request, "namespace_id")


def test_all_that_is_wrong_is_told_at_once_but_for_what_is_too_much(refusing: Refusing):
    request = create(refusing, model_id="", request_id="", reason="\0")
    refusing.invalid("CreateModel", request, "model_id", "request_id", "reason")
    namespace = admin_pb.CreateNamespaceRequest(reason="\0")
    refusing.invalid("CreateNamespace", namespace, "namespace_id", "request_id", "reason")
    metrics = {f"m{number}": math.nan for number in range(500)}
    outcome = refusing.refused(
        "RegisterVersion", register(refusing, metrics=metrics), "INVALID_ARGUMENT", "INVALID_FIELD"
    )
    assert 10 == len(outcome.fields)
    assert "499 more" in outcome.message
