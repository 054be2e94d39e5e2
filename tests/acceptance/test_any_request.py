"""Whatever comes in, what goes out is a documented code with a documented reason."""

from __future__ import annotations

import json
import re
import uuid
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import flag_pb2 as flag_pb
from regesta.v1 import governance_pb2 as governance_pb
from regesta.v1 import reading_pb2 as reading_pb
from tests.support.wire import METHODS, Outcome, request_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

    from tests.support.refusing import Refusing

ROOT = Path(__file__).parents[2]
OURS = re.compile(r"psycopg|Traceback|SELECT|INSERT|UPDATE |/site-packages/|\.py\b|regesta_service")
CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]")

HOSTILE = (
    "\0",
    "../..",
    "' OR 1=1 --",
    "x" * 10_000,
    "\u202e",
    "\u0301",
    "%00%s%n{0}${x}",
    "namespaces/default/models/../../secret",
)


#: Methods whose requests may be empty.
NEED_NOTHING = {"ListNamespaces", "ListPrincipals", "ListTokens", "WhatMay"}

#: Methods that are about no single namespace.
SERVER_WIDE = NEED_NOTHING | {
    "CreateNamespace",
    "RegisterPrincipal",
    "IssueToken",
    "RevokeToken",
}


@cache
def documented() -> dict[str, str]:
    """Return the reasons of docs/reference/errors.md, each with its code."""
    text = (ROOT / "docs/reference/errors.md").read_text()
    return dict(re.findall(r"^\| `([A-Z_]+)` \| ([A-Z_]+) \|", text, re.MULTILINE))


def check(outcome: Outcome) -> None:
    """Check that a call ended as the documentation says calls end."""
    if outcome.code.name == "OK":
        return
    assert "regesta" == outcome.domain, outcome
    assert outcome.code.name == documented().get(outcome.reason), outcome
    assert outcome.code.name not in {"UNKNOWN", "INTERNAL"}, outcome
    said = " ".join((outcome.message, *outcome.metadata.values(), *outcome.descriptions))
    assert not OURS.search(said), outcome
    assert not CONTROL.search(said), outcome
    assert len(outcome.message) < 1_000, outcome


EVALUATION = governance_pb.Evaluation(dataset="x", method="benchmark", metrics={"auc": 0.9})
_OF_REQUESTS = (
    "ApproveTransition",
    "RejectTransition",
    "CancelTransition",
    "GetTransitionRequest",
)
_OF_DOCUMENTS = ("PutDocument", "GetDocument", "RemoveDocument")
_OF_VERSIONS = ("CheckTransition", "RequestTransition", "RecordEvaluation", "GetEvaluations")


def base(at: Refusing, method: MethodDescriptor) -> Any:
    """Return a request that names things that are there, as far as names say what is meant."""
    request = request_class(method)()
    fields = method.input_type.fields_by_name
    if "request_id" in fields:
        request.request_id = str(uuid.uuid4())
    if "namespace_id" in fields:
        request.namespace_id = f"n{uuid.uuid4().hex}"
    if "parent" in fields:
        of_model = method.name in {
            "RegisterVersion",
            "ListVersions",
            "ListAliases",
            "AddComment",
            "ListComments",
        }
        request.parent = at.model if of_model else at.parent
    if "name" in fields:
        request.name = {
            "GetNamespace": at.parent,
            "SetAlias": f"{at.model}/aliases/champion",
            "GetAlias": f"{at.model}/aliases/champion",
            "RemoveAlias": f"{at.model}/aliases/champion",
            "ReleaseHold": f"{at.parent}/holds/case-7",
            "RemoveLifecycle": f"{at.parent}/lifecycles/strict",
            "RemovePolicy": f"{at.parent}/policies/gate",
            **dict.fromkeys(_OF_REQUESTS, f"{at.parent}/requests/r1"),
            **dict.fromkeys(_OF_VERSIONS, at.version),
            "EditComment": f"{at.model}/comments/abcdefgh23",
            **dict.fromkeys(_OF_DOCUMENTS, f"{at.parent}/collections/webhooks/documents/w1"),
            "ProtectAlias": f"{at.model}/aliases/champion",
            "RollbackAlias": f"{at.model}/aliases/champion",
            "RevokeRole": f"{at.parent}/grants/{'0' * 16}",
        }.get(method.name, at.version if "Version" in method.name else at.model)
    if method.name == "UpdateModel":
        request.model.name = at.model
    if method.name == "UpdateVersion":
        request.version.name = at.version
    return request


def places(message: Descriptor, depth: int = 0) -> Iterator[tuple[FieldDescriptor, ...]]:
    """Yield the path of each field that holds text, also in messages, lists and maps."""
    for field in message.fields:
        if field.type == field.TYPE_STRING:
            yield (field,)
        elif field.message_type is not None and depth < 4:
            for rest in places(field.message_type, depth + 1):
                yield (field, *rest)


def put(message: Any, path: tuple[FieldDescriptor, ...], text: str) -> None:
    """Put a text into a field."""
    field, *rest = path
    holder = getattr(message, field.name)
    entry = field.message_type is not None and field.message_type.GetOptions().map_entry
    if entry:
        _put_entry(holder, field, rest, text)
    elif not rest:
        if field.is_repeated:
            holder.append(text)
        else:
            setattr(message, field.name, text)
    else:
        put(holder.add() if field.is_repeated else holder, tuple(rest), text)


def _put_entry(holder: Any, field: Any, rest: list[FieldDescriptor], text: str) -> None:
    value = field.message_type.fields_by_name["value"]
    key = text if rest[0].name == "key" else "key"
    if value.message_type is not None:
        inner = holder[key]
        if rest[0].name == "value":
            put(inner, tuple(rest[1:]), text)
    elif rest[0].name == "value":
        holder[key] = text
    else:
        holder[key] = "" if value.type == value.TYPE_STRING else value.default_value


def send(at: Refusing, method: MethodDescriptor, request: Any) -> Outcome:
    return at.wire.call(method.name, request, most=1)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_an_empty_request_is_answered_as_documented(refusing: Refusing, method: MethodDescriptor):
    outcome = send(refusing, method, b"")
    check(outcome)
    assert outcome.code.name == ("OK" if method.name in NEED_NOTHING else "INVALID_ARGUMENT")


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_hostile_text_anywhere_is_answered_as_documented(
    refusing: Refusing, method: MethodDescriptor
):
    for text in HOSTILE:
        everywhere = request_class(method)()
        for path in places(method.input_type):
            request = base(refusing, method)
            put(request, path, text)
            check(send(refusing, method, request))
            put(everywhere, path, text)
        check(send(refusing, method, everywhere))
    # Nothing was left behind that cannot be read or does not hold.
    assert refusing.client.get_head().position > 1
    refusing.check_sound()
    assert list(refusing.client.models(show_deleted=True))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_bytes_that_are_no_request_are_answered_as_documented(
    refusing: Refusing, method: MethodDescriptor
):
    for body in (b"\xff", b"\x0a\x05abc", b"\x0b", b"\xff" * 1_000):
        outcome = refusing.call(method.name, body)
        check(outcome)
        assert ("INVALID_ARGUMENT", "REQUEST_UNPARSABLE") == outcome.refusal


def test_text_that_is_not_utf_8_is_not_text(refusing: Refusing):
    for text in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
        body = b"\x0a" + bytes([len(text)]) + text
        outcome = refusing.refused("GetModel", body, "INVALID_ARGUMENT", "REQUEST_UNPARSABLE")
        check(outcome)


def test_fields_that_nobody_knows_are_ignored(refusing: Refusing):
    unknown = b"\xfa\x3e\x03abc"  # number 1007
    request = pb.GetModelRequest(name=refusing.model).SerializeToString() + unknown
    expected = refusing.client.get_model("churn")
    assert expected == refusing.wire.call("GetModel", request).answer.model
    created = pb.CreateModelRequest(
        parent=refusing.parent, model_id="fraud", request_id="with-unknown"
    )
    outcome = refusing.wire.call("CreateModel", created.SerializeToString() + unknown)
    assert outcome.answer.model.name.endswith("/fraud")
    assert b"abc" not in outcome.answer.SerializeToString()


def test_a_message_of_10_mib_is_refused(refusing: Refusing):
    request = pb.CreateModelRequest(parent=refusing.parent, model_id="fraud", request_id="big")
    request.model.card = "x" * (10 << 20)
    outcome = refusing.call("CreateModel", request)
    assert "RESOURCE_EXHAUSTED" == outcome.code.name
    assert not OURS.search(outcome.message)


def test_a_namespace_that_is_not_there_is_said_so_by_every_method(refusing: Refusing):
    for method in METHODS.values():
        if method.name in SERVER_WIDE:
            continue
        request = base(refusing, method)
        for holder in (request, getattr(request, "model", None), getattr(request, "version", None)):
            for field in ("parent", "name"):
                text = getattr(holder, field, "")
                if isinstance(text, str) and text.startswith("namespaces/"):
                    moved = text.replace(refusing.parent, "namespaces/nobody")
                    setattr(holder, field, moved)
        fill(request)
        outcome = refusing.call(method.name, request)
        assert ("NOT_FOUND", "NAMESPACE_NOT_FOUND") == outcome.refusal, method.name
        check(outcome)


NOTE = "a\n1\n" + "A" * 43 + "=\n\n— a " + "A" * 91 + "=\n"

#: What puts in what is required within a field.
FILLED: dict[str, Callable[[Any], object]] = {
    "hold": lambda request: setattr(request.hold, "matter", "7 O 114/26"),
    "flag": lambda request: setattr(request.flag, "severity", flag_pb.FLAG_SEVERITY_INFO),
    "lifecycle": lambda request: request.lifecycle.stages.add(name="draft"),
    "policy": lambda request: request.policy.stages.append("production"),
    "evaluation": lambda request: request.evaluation.MergeFrom(EVALUATION),
    "tags": lambda request: request.tags.update({"a": "b"}),
    "log_witnessed": lambda request: setattr(request.log_witnessed, "checkpoint", NOTE),
    "from_moment": lambda request: setattr(request.from_moment, "position", 1),
    "moves": lambda request: request.moves.add(
        name=f"{request.parent}/models/churn/aliases/champion", version=1
    ),
    "keys": lambda request: request.keys.append("a"),
    "update_mask": lambda request: request.update_mask.paths.append("description"),
}


def fill(request: Any) -> None:
    """Put in what is required besides names."""
    fields = request.DESCRIPTOR.fields_by_name
    required: dict[str, Any] = {
        "model_id": "fraud",
        "new_model_id": "fraud",
        "semver": "1.0.0",
        "stage": "staging",
        "address": "churn/1",
        "stream": "models/churn",
        "hold_id": "case-7",
        "lifecycle_id": "strict",
        "policy_id": "gate",
        "person": "rosa",
        "legal_basis": "Art. 17",
        "through": 256,
        "flag_id": "drift",
        "category": "licence",
        "pinned": True,
        "text": "slow",
        "content": "{}",
        "collection": "webhooks",
        "role": "reader",
        "minutes": 1,
        "reason": "why not",
    }
    for name, value in required.items():
        if name in fields:
            setattr(request, name, value)
    for name, put in FILLED.items():
        if name in fields:
            put(request)
    match request.DESCRIPTOR.name:
        case "GrantRoleRequest":
            request.principal = "rosa"
        case "WhoCanRequest":
            request.permission = "catalog.read"
        case "ListLatestVersionsRequest":
            request.models.append(f"{request.parent}/models/churn")
        case _:
            pass
    if request.DESCRIPTOR.name == "SetAliasRequest":
        request.version = 1


@pytest.mark.parametrize(
    "metadata",
    [
        (("traceparent", "00-zz"),),
        (("traceparent", "0" * 55),),
        (("traceparent", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"),),
        (("traceparent", "x"), ("traceparent", "y")),
        (("authorization", "Basic eDp5"), ("authorization", "Bearer x")),
        (("x-unknown", "value"), ("x-unknown-bin", b"\0\xff")),
        (("grpc-status-details-bin", b"\xff"),),
        (("user-agent", "'; DROP TABLE"),),
    ],
)
def test_odd_metadata_does_no_harm(refusing: Refusing, metadata: Any):
    request = pb.GetModelRequest(name=refusing.model)
    outcome = refusing.wire.call("GetModel", request, metadata=metadata)
    assert refusing.client.get_model("churn") == outcome.answer.model
    write = pb.SetTagsRequest(name=refusing.model, tags={"a": "b"}, request_id="odd")
    position = refusing.wire.call("SetTags", write, metadata=metadata).answer.position
    (event,) = refusing.client.events(after=position - 1)
    assert b"traceparent" not in event.record
    refusing.check_sound()


def test_a_trace_is_noted_with_what_it_caused(refusing: Refusing):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    write = pb.SetTagsRequest(name=refusing.model, tags={"a": "b"}, request_id="traced")
    metadata = (("traceparent", trace),)
    position = refusing.wire.call("SetTags", write, metadata=metadata).answer.position
    (event,) = refusing.client.events(after=position - 1)
    assert trace == json.loads(event.record)["traceparent"]


def test_too_much_metadata_is_refused_and_does_no_harm(refusing: Refusing):
    request = pb.GetModelRequest(
        name=refusing.model,
        consistency=reading_pb.Consistency(
            level=reading_pb.ConsistencyLevel.CONSISTENCY_LEVEL_FULLY_CONSISTENT
        ),
    )
    outcome = refusing.wire.call("GetModel", request, metadata=(("x-long", "y" * 20_000),))
    assert "RESOURCE_EXHAUSTED" == outcome.code.name
    assert "OK" == refusing.wire.call("GetModel", request).code.name
