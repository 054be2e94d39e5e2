"""Tokens and roles end to end: what a caller may not do, and may not even know of."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta.v1 import admin_service_pb2 as admin_pb
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import model_pb2 as model_pb
from regesta_service.access.tokens import new_token
from tests.support.server_process import ServerProcess, serving
from tests.support.wire import METHODS, Wire, request_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.databases import DatabaseServer

pytestmark = pytest.mark.every_engine

#: Principals, each with a role and where it holds.
PRINCIPALS = {
    "root": ("admin", ["*"]),
    "ann-reader": ("reader", ["team-a"]),
    "ci-registrar": ("registrar", ["team-a"]),
    "max-maintainer": ("maintainer", ["team-a"]),
    "aud-auditor": ("auditor", ["team-a"]),
    "wit-witness": ("witness", ["team-a"]),
    "rev-reviewer": ("reviewer", ["team-a"]),
    "ops-operator": ("operator", ["team-a"]),
    "glass-breaker": ("breakglass", ["team-a"]),
    "bob-admin": ("admin", ["team-b"]),
}


def made_token(principal: str, role: str, namespaces: list[str]) -> tuple[str, str]:
    """Return a token and its part of a configuration, as the command line makes them."""
    program = Path(sys.executable).parent / "regesta-server"
    said = subprocess.run(
        [program, "token", "new", "--principal", principal, "--role", role],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    token = re.search(r"^ +(rgst_\S+)$", said, re.MULTILINE)
    assert token is not None
    configuration = said.partition("configuration:\n")[2]
    return token[1], f"{configuration}namespaces = {namespaces}\n"


def configured(principal: str, role: str, namespaces: list[str]) -> tuple[str, str]:
    """Return a token and its part of a configuration, in the other way to write it."""
    token = new_token()
    return token, (
        f'[[tokens]]\nprincipal = "{principal}"\nrole = "{role}"\ntoken = "{token}"\n'
        f"namespaces = {namespaces}\n"
    )


@pytest.fixture(scope="module")
def guarded(
    engine: str, postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ServerProcess, dict[str, str]]]:
    """A server that wants tokens, and the tokens by principal."""
    made = {name: configured(name, *grant) for name, grant in PRINCIPALS.items()}
    made["root"] = made_token("root", *PRINCIPALS["root"])
    path = tmp_path_factory.mktemp("config") / "regesta.toml"
    configurations = [configuration for _, configuration in made.values()]
    path.write_text("\n".join((f'engine = "{engine}"', *configurations)))
    database = postgres.migrated()
    tokens = {name: token for name, (token, _) in made.items()}
    with serving("--config", str(path), "--dsn", database.service_dsn) as server:
        with regesta.Client(server.address, token=tokens["root"]) as root:
            for namespace in ("team-a", "team-b"):
                root.create_namespace(namespace)
        yield server, tokens
    postgres.drop(database)


@pytest.fixture
def as_whom(
    guarded: tuple[ServerProcess, dict[str, str]],
) -> Iterator[Callable[..., regesta.Client]]:
    """A function that returns a client of a principal."""
    server, tokens = guarded
    with ExitStack() as stack:

        def client(principal: str, namespace: str = "team-a") -> regesta.Client:
            made = regesta.Client(server.address, token=tokens[principal], namespace=namespace)
            return stack.enter_context(made)

        yield client


@pytest.fixture
def calls(guarded: tuple[ServerProcess, dict[str, str]]) -> Iterator[Callable[[str], Wire]]:
    """A function that returns a channel of a principal."""
    server, tokens = guarded
    with ExitStack() as stack:
        yield lambda principal: stack.enter_context(Wire(server.address, tokens[principal]))


ALLOWED = {
    "read": {
        "root",
        "ann-reader",
        "ci-registrar",
        "max-maintainer",
        "aud-auditor",
        "rev-reviewer",
        "ops-operator",
    },
    "register": {"root", "ci-registrar", "max-maintainer"},
    "promote": {"root", "max-maintainer"},
    "ask": {"root", "ci-registrar", "max-maintainer", "rev-reviewer"},
    "approve": {"root", "max-maintainer", "rev-reviewer"},
    "audit": {"root", "aud-auditor"},
    "prove": {
        "root",
        "ann-reader",
        "ci-registrar",
        "max-maintainer",
        "aud-auditor",
        "wit-witness",
        "rev-reviewer",
        "ops-operator",
    },
    "break": {"root", "glass-breaker"},
    "cosign": {"root", "wit-witness"},
    "admin": {"root"},
}

#: What each method needs.
NEEDS = {
    "read": [
        "GetModel",
        "GetVersion",
        "GetAlias",
        "ListModels",
        "ListVersions",
        "ListLatestVersions",
        "ListAliases",
        "SearchModels",
        "SearchVersions",
        "ResolveVersion",
        "GetHistory",
        "DiffState",
        "GetLifecycle",
        "ListComments",
        "GetGovernance",
        "CheckTransition",
        "GetTransitionRequest",
        "ListTransitionRequests",
        "GetEvaluations",
        "GetNamespace",
        "ListFlags",
        "Subscribe",
    ],
    "register": [
        "CreateModel",
        "RegisterVersion",
        "UpdateModel",
        "UpdateVersion",
        "LabelVersion",
        "SetTags",
        "RemoveTags",
    ],
    "ask": [
        "RequestTransition",
        "CancelTransition",
        "RecordEvaluation",
        "RaiseFlag",
        "AddComment",
        "EditComment",
    ],
    "approve": ["ApproveTransition", "RejectTransition"],
    "promote": [
        "SetAlias",
        "RemoveAlias",
        "ProtectAlias",
        "MoveAliases",
        "RollbackAlias",
        "RollbackStage",
        "TransitionVersion",
        "DefineLifecycle",
        "RemoveLifecycle",
        "DefinePolicy",
        "RemovePolicy",
        "RenameModel",
        "DeleteModel",
        "RestoreModel",
        "DeleteVersion",
        "RestoreVersion",
        "ResolveFlag",
        "RevokeVersion",
        "PutDocument",
        "GetDocument",
        "ListDocuments",
        "RemoveDocument",
    ],
    "audit": [
        "ReadEvents",
        "StreamEvents",
        "GetHead",
        "Verify",
        "ProveStreamHead",
        "GetLogStatus",
        "ListGrants",
        "WhoCan",
        "GetPrivacyStatus",
        "BacktestPolicy",
    ],
    "break": ["BreakGlass"],
    "prove": [
        "GetCheckpoint",
        "WatchCheckpoints",
        "ProveInclusion",
        "ProveConsistency",
        "GetTile",
        "GetReceipt",
    ],
    "cosign": ["AddCosignature"],
    "admin": [
        "GetProjectionStatus",
        "RebuildProjections",
        "CommitHeads",
        "RecordLogEvent",
        "EraseTexts",
        "PlaceHold",
        "ReleaseHold",
        "DefineRetention",
        "ReleaseBodies",
        "GrantRole",
        "RevokeRole",
    ],
}

#: Methods that are about no single namespace: what they need is tested where they are.
SERVER_WIDE = {
    "CreateNamespace",
    "ListNamespaces",
    "RegisterPrincipal",
    "ListPrincipals",
    "WhatMay",
    "IssueToken",
    "RevokeToken",
    "ListTokens",
}


def scoped(method: str, namespace: str) -> Any:
    """Return a request that names a namespace and nothing else that is there."""
    request = request_class(METHODS[method])()
    name = f"namespaces/{namespace}"
    fields = request.DESCRIPTOR.fields_by_name
    if "parent" in fields:
        request.parent = name
    elif "name" in fields:
        request.name = name
    elif "model" in fields:
        request.model.name = f"{name}/models/churn"
    else:
        request.version.name = f"{name}/models/churn/versions/1"
    return request


def test_every_method_is_in_the_table_of_this_test():
    listed = [method for methods in NEEDS.values() for method in methods]
    assert sorted([*listed, *SERVER_WIDE]) == sorted(METHODS)


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_a_role_allows_what_it_says_and_nothing_else(calls: Callable[[str], Wire], principal: str):
    wire = calls(principal)
    for need, methods in NEEDS.items():
        for method in methods:
            outcome = wire.call(method, scoped(method, "team-a"), most=1)
            allowed = outcome.refusal != ("PERMISSION_DENIED", "PERMISSION_DENIED")
            assert (principal in ALLOWED[need]) == allowed, (method, outcome)


def test_a_registrar_registers_but_does_not_promote(as_whom: Callable[..., regesta.Client]):
    registrar, maintainer = as_whom("ci-registrar"), as_whom("max-maintainer")
    version = registrar.register("promoted")
    registrar.set_tags("promoted/1", tags={"from": "ci"})
    for promote in (
        lambda client: client.set_alias("promoted@champion", version=version.version),
        lambda client: client.transition_version("promoted/1", stage="staging"),
        lambda client: client.delete_version("promoted/1"),
        lambda client: client.rename_model("promoted", new_model_id="other"),
    ):
        with pytest.raises(regesta.PermissionDenied) as caught:
            promote(registrar)
        assert "PERMISSION_DENIED" == caught.value.reason
        promote(maintainer)
    events = as_whom("aud-auditor").events(resources=["models/promoted"])
    assert ["ci-registrar"] * 3 + ["max-maintainer"] * 4 == [event.actor for event in events]


def test_who_reads_events_does_not_read_documents(as_whom: Callable[..., regesta.Client]):
    maintainer, reader = as_whom("max-maintainer"), as_whom("ann-reader")
    maintainer.put_document("webhooks/w1", content="s3cr3t", reason="new")
    assert "s3cr3t" == maintainer.get_document("webhooks/w1").content
    for principal in PRINCIPALS.keys() - {"root", "max-maintainer"}:
        with pytest.raises(regesta.PermissionDenied):
            as_whom(principal).get_document("webhooks/w1")
    stream = "collections/webhooks/documents/w1"
    watched = next(reader.watch(after=0, resources=[stream]))
    (audited,) = as_whom("aud-auditor").events(resources=[stream])
    for event in (watched, audited):
        assert [("reason", "new")] == [(text.field, text.text) for text in event.disclosures]
    with pytest.raises(regesta.InvalidRequest):
        reader.get_history(f"namespaces/team-a/{stream}")


def test_a_request_id_is_the_caller_s_own(as_whom: Callable[..., regesta.Client]):
    request_id = str(uuid.uuid4())
    one = as_whom("ci-registrar").register("own", request_id=request_id)
    other = as_whom("max-maintainer").register("own", request_id=request_id)
    assert (1, 2) == (one.version, other.version)
    assert ("ci-registrar", "max-maintainer") == (one.created_by, other.created_by)
    assert one == as_whom("ci-registrar").register("own", request_id=request_id)


@pytest.mark.parametrize("namespace", ["team-b", "nobody"])
@pytest.mark.parametrize("principal", ["ann-reader", "max-maintainer", "aud-auditor"])
def test_another_namespace_is_not_there_for_who_may_not_see_it(
    calls: Callable[[str], Wire],
    as_whom: Callable[..., regesta.Client],
    principal: str,
    namespace: str,
):
    as_whom("bob-admin", "team-b").register("churn", request_id="secret")
    wire = calls(principal)
    for method in METHODS:
        if method in SERVER_WIDE:
            continue
        outcome = wire.call(method, scoped(method, namespace))
        assert ("PERMISSION_DENIED", "PERMISSION_DENIED") == outcome.refusal, method
        # Nothing but the name that the caller sent tells one from the other.
        same = wire.call(method, scoped(method, "surely-not-there"))
        assert (outcome.message, outcome.fields) == (same.message, same.fields)
        assert outcome.metadata | {"namespace": ""} == same.metadata | {"namespace": ""}


def test_a_list_of_namespaces_shows_those_that_the_caller_may_read(
    as_whom: Callable[..., regesta.Client],
):
    def names(principal: str) -> list[str]:
        return [found.name for found in as_whom(principal).list_namespaces().namespaces]

    assert ["namespaces/team-a"] == names("ann-reader") == names("ci-registrar")
    assert ["namespaces/team-b"] == names("bob-admin")
    assert {"namespaces/team-a", "namespaces/team-b"} <= set(names("root"))


def test_pages_of_namespaces_hold_only_what_the_caller_may_read(calls: Callable[[str], Wire]):
    wire = calls("ann-reader")
    page = wire.call("ListNamespaces", admin_pb.ListNamespacesRequest(page_size=1)).answer
    assert ["namespaces/team-a"] == [found.name for found in page.namespaces]
    assert "" == page.next_page_token


def test_a_filter_or_an_address_does_not_reach_another_namespace(
    as_whom: Callable[..., regesta.Client],
):
    digest = "sha256:" + "b" * 64
    as_whom("bob-admin", "team-b").register("hidden", digest=digest)
    reader = as_whom("ann-reader")
    with pytest.raises(regesta.NotFound):
        reader.resolve(digest)
    with pytest.raises(regesta.InvalidRequest):
        reader.resolve("team-b/hidden/1")
    assert [] == list(reader.versions(where="model = hidden", show_deleted=True))
    assert [] == list(reader.models("name = hidden", show_deleted=True))


def test_only_who_has_all_namespaces_makes_one(as_whom: Callable[..., regesta.Client]):
    for principal in PRINCIPALS:
        if principal == "root":
            continue
        with pytest.raises(regesta.PermissionDenied):
            as_whom(principal).create_namespace(f"made-by-{principal}")
    as_whom("root").create_namespace("made-by-root")


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer"),),
        (("authorization", "Bearer "),),
        (("authorization", "Bearer rgst_" + "x" * 43),),
        (("authorization", "Bearer short"),),
        (("authorization", "Basic cm9vdDpyb290"),),
        (("authorization", "bearer " + "y" * 600),),
        (("authorization", "Bearer a b c d e f g h i j"),),
    ],
)
def test_who_proves_nothing_learns_nothing(
    guarded: tuple[ServerProcess, dict[str, str]], metadata: Any
):
    server, _ = guarded
    with Wire(server.address) as wire:
        for method in METHODS:
            for body in (b"", b"\xff", scoped("GetModel", "team-a").SerializeToString()):
                outcome = wire.call(method, body, metadata=metadata)
                assert ("UNAUTHENTICATED", "UNAUTHENTICATED") == outcome.refusal


def test_two_tokens_are_none(guarded: tuple[ServerProcess, dict[str, str]]):
    server, tokens = guarded
    twice = [("authorization", f"Bearer {tokens[name]}") for name in ("root", "ann-reader")]
    with Wire(server.address) as wire:
        outcome = wire.call("GetModel", scoped("GetModel", "team-a"), metadata=twice)
    assert "UNAUTHENTICATED" == outcome.code.name


def test_the_scheme_of_a_token_is_read_in_any_case(
    guarded: tuple[ServerProcess, dict[str, str]],
):
    server, tokens = guarded
    with Wire(server.address) as wire:
        outcome = wire.call(
            "ListNamespaces",
            admin_pb.ListNamespacesRequest(),
            metadata=(("authorization", f"BEARER {tokens['root']}"),),
        )
    assert "OK" == outcome.code.name


def test_no_token_stands_in_what_the_server_says(
    guarded: tuple[ServerProcess, dict[str, str]], as_whom: Callable[..., regesta.Client]
):
    as_whom("ci-registrar").create_model("logged", model=model_pb.Model(card="a secret card"))
    with pytest.raises(regesta.AlreadyExists):
        as_whom("ci-registrar").create_model("logged", model=model_pb.Model(card="a secret card"))
    server, tokens = guarded
    said = server.until_it_says("CreateModel")
    assert not [name for name, token in tokens.items() if token in said]
    assert "a secret card" not in said


def test_a_stranger_s_write_leaves_nothing_behind(
    calls: Callable[[str], Wire], as_whom: Callable[..., regesta.Client]
):
    before = as_whom("aud-auditor").get_head()
    request = pb.CreateModelRequest(
        parent="namespaces/team-a", model_id="intruder", request_id="intruder"
    )
    for principal in ("ann-reader", "aud-auditor", "bob-admin"):
        assert "PERMISSION_DENIED" == calls(principal).call("CreateModel", request).code.name
    assert before == as_whom("aud-auditor").get_head()
