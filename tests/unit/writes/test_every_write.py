"""Rules that all writes share."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from regesta.v1 import access_service_pb2 as access_pb
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import comments_service_pb2 as comments_pb
from regesta.v1 import documents_service_pb2 as documents_pb
from regesta.v1 import flags_service_pb2 as flags_pb
from regesta.v1 import governance_service_pb2 as governance_pb
from regesta.v1 import heads_service_pb2 as heads_pb
from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
from regesta.v1 import privacy_service_pb2 as privacy_pb
from regesta_service.api.writes.translating import NO_CLAIM, Claim
from regesta_service.domain.limits import MAX_REASON
from tests.unit.writes.requests import ALIAS, MODEL, NOW, VERSION, WRITES, refused, translate

METHODS = sorted(WRITES)
WITH_ETAG = [name for name in METHODS if "etag" in WRITES[name][1].DESCRIPTOR.fields_by_name]
ON_VERSIONS = [
    "DeleteVersion",
    "LabelVersion",
    "RestoreVersion",
    "RevokeVersion",
    "TransitionVersion",
]
#: Writes that an importer repeats.
CLAIMING = {
    "CreateModel",
    "UpdateModel",
    "RenameModel",
    "DeleteModel",
    "RestoreModel",
    "RegisterVersion",
    "UpdateVersion",
    "LabelVersion",
    "DeleteVersion",
    "RestoreVersion",
    "SetTags",
    "RemoveTags",
    "SetAlias",
    "RemoveAlias",
    "ProtectAlias",
    "MoveAliases",
    "RollbackAlias",
    "TransitionVersion",
    "RollbackStage",
    "DefineLifecycle",
    "RemoveLifecycle",
    "DefinePolicy",
    "RemovePolicy",
    "RecordEvaluation",
    "RaiseFlag",
    "ResolveFlag",
    "RevokeVersion",
    "AddComment",
    "EditComment",
    "PutDocument",
    "RemoveDocument",
}
ON_MODELS = ["RenameModel", "DeleteModel", "RestoreModel", "RollbackStage"]


def test_every_write_of_the_api_is_tried_here():
    services = [
        pb.DESCRIPTOR.services_by_name["CatalogService"],
        comments_pb.DESCRIPTOR.services_by_name["CommentsService"],
        documents_pb.DESCRIPTOR.services_by_name["DocumentsService"],
        lifecycle_pb.DESCRIPTOR.services_by_name["LifecycleService"],
        governance_pb.DESCRIPTOR.services_by_name["GovernanceService"],
        flags_pb.DESCRIPTOR.services_by_name["FlagService"],
        heads_pb.DESCRIPTOR.services_by_name["HeadsService"],
        privacy_pb.DESCRIPTOR.services_by_name["PrivacyService"],
        access_pb.DESCRIPTOR.services_by_name["AccessService"],
    ]
    writes = [
        method.name
        for service in services
        for method in service.methods
        if "request_id" in method.input_type.fields_by_name
    ]

    # Heads are read before there is a command; of the others, two are the server's own and
    # in no namespace, and two have to have more than is tried here.
    others = {"CommitHeads", "RegisterPrincipal", "RevokeToken", "BreakGlass", "IssueToken"}
    assert sorted(set(writes) - others) == METHODS


@pytest.mark.parametrize("method", METHODS)
def test_a_valid_request_is_for_its_namespace_and_has_no_reason(method):
    translated = translate(method)

    assert translated.namespace == "acme"
    assert translated.request.request_id == "request-1"
    assert getattr(translated.command, "reason", None) is None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("request_id", ["a", "A-1.b_c:d", "x" * 64])
def test_a_request_id_is_1_to_64_of_its_alphabet(method, request_id):
    assert translate(method, request_id=request_id).request.request_id == request_id


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("request_id", ["", "x" * 65, "a b", "a/b", "é", "a\n"])
def test_another_request_id_is_refused(method, request_id):
    refused(method, "request_id", request_id=request_id)


@pytest.mark.parametrize("method", METHODS)
def test_a_reason_is_sealed_and_known_to_the_answer(method):
    reason = "é\tbecause\r\n" + "x" * (MAX_REASON - 11)
    assert len(reason) == MAX_REASON

    translated = translate(method, reason=reason)

    assert list(translated.texts.values())[-1] == reason


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("reason", ["x" * (MAX_REASON + 1), "a\0b", "a\x1bb", "a\x7fb", "a\x9bb"])
def test_a_reason_that_is_too_long_or_holds_control_characters_is_refused(method, reason):
    refused(method, "reason", reason=reason)


def test_what_an_importer_writes_can_be_claimed():
    assert CLAIMING == {
        name for name in METHODS if "occurred_by" in WRITES[name][1].DESCRIPTOR.fields_by_name
    }
    for name in CLAIMING:
        assert "occurred_time" in WRITES[name][1].DESCRIPTOR.fields_by_name


@pytest.mark.parametrize("method", METHODS)
def test_without_a_claim_there_is_none(method):
    assert translate(method).claim == NO_CLAIM


@pytest.mark.parametrize("method", sorted(CLAIMING))
def test_a_claim_goes_with_its_command(method):
    time = Timestamp(seconds=int(NOW.timestamp()) - 1, nanos=1_999)

    translated = translate(method, occurred_time=time, occurred_by="Ana <ana@example.com>")

    at = NOW - timedelta(seconds=1) + timedelta(microseconds=1)
    assert translated.claim == Claim(at, "Ana <ana@example.com>")
    assert translate(method, occurred_by="é" * 250).claim == Claim(None, "é" * 250)


@pytest.mark.parametrize("method", sorted(CLAIMING))
def test_a_claim_of_the_future_is_refused(method):
    after = Timestamp(seconds=int(NOW.timestamp()), nanos=1_000)

    assert "is not in the future" == refused(method, "occurred_time", occurred_time=after)


@pytest.mark.parametrize("method", sorted(CLAIMING))
@pytest.mark.parametrize("by", ["x" * 251, "a\nb", "a\0", "a\x1b[31m", "a\x9b"])
def test_who_did_it_is_one_line(method, by):
    refused(method, "occurred_by", occurred_by=by)


@pytest.mark.parametrize("method", WITH_ETAG)
@pytest.mark.parametrize(
    ("etag", "revision"),
    [("", None), ("0", 0), ("1", 1), ("9223372036854775807", 9223372036854775807)],
)
def test_an_etag_is_a_revision_or_no_expectation(method, etag, revision):
    assert translate(method, etag=etag).command.expected_revision == revision


@pytest.mark.parametrize("method", WITH_ETAG)
@pytest.mark.parametrize("etag", ["01", "-1", "+1", "1 ", '"1"', "x", "٣", "1" * 20])
def test_another_etag_is_refused(method, etag):
    refused(method, "etag", etag=etag)


def test_all_writes_of_what_is_there_already_take_an_etag():
    # Holds, erasures, retention and grants have no revision that a caller could have read.
    of_texts = {"EraseTexts", "PlaceHold", "ReleaseHold", "DefineRetention", "ReleaseBodies"}
    of_grants = {"GrantRole", "RevokeRole"}
    # Releases and rollbacks may expect a version instead.
    expecting = {"MoveAliases", "RollbackAlias", "RollbackStage"}
    new = {"CreateModel", "RegisterVersion", "RequestTransition", "RecordEvaluation", "AddComment"}
    assert set(METHODS) - set(WITH_ETAG) == new | of_texts | of_grants | expecting


BROKEN = [
    "",
    "churn",
    "namespaces/acme/models/",
    "namespaces/acme/models/-churn",
    "namespaces/Acme/models/churn",
    MODEL + "/",
    MODEL + "\n",
    MODEL + "/versions/0",
    MODEL + "/versions/03",
    MODEL + "/versions/2147483648",
    MODEL + "/aliases/latest",
    MODEL + "/aliases/v3",
]


@pytest.mark.parametrize("method", ON_MODELS)
@pytest.mark.parametrize("name", [*BROKEN, VERSION, ALIAS, "namespaces/acme"])
def test_a_write_of_a_model_names_a_model(method, name):
    refused(method, "name", name=name)


@pytest.mark.parametrize("method", ON_VERSIONS)
@pytest.mark.parametrize("name", [*BROKEN, MODEL, ALIAS, "namespaces/acme"])
def test_a_write_of_a_version_names_a_version(method, name):
    refused(method, "name", name=name)


@pytest.mark.parametrize("method", ["SetAlias", "RemoveAlias", "ProtectAlias", "RollbackAlias"])
@pytest.mark.parametrize("name", [*BROKEN, MODEL, VERSION, "namespaces/acme"])
def test_a_write_of_an_alias_names_an_alias(method, name):
    refused(method, "name", name=name)


@pytest.mark.parametrize("method", ["SetTags", "RemoveTags", "RaiseFlag", "ResolveFlag"])
@pytest.mark.parametrize("name", [*BROKEN, ALIAS, "namespaces/acme"])
def test_a_write_of_tags_or_flags_names_a_model_or_version(method, name):
    refused(method, "name", name=name)


@pytest.mark.parametrize("parent", [*BROKEN, VERSION, ALIAS, "namespaces/acme"])
def test_a_version_is_registered_in_a_model(parent):
    refused("RegisterVersion", "parent", parent=parent)


@pytest.mark.parametrize("parent", [*BROKEN, MODEL, VERSION, ALIAS])
def test_a_model_is_created_in_a_namespace(parent):
    refused("CreateModel", "parent", parent=parent)
