"""Tokens that the server issues, OIDC and certificates, over a real server."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import trustme

import regesta
from regesta.errors import PreconditionFailed, Unauthenticated
from regesta.v1 import access_service_pb2 as pb
from regesta.v1 import access_service_pb2_grpc as pb_grpc
from regesta_service.access.tokens import new_issued_token, new_token
from tests.support.access import TEAM, Guarded, guarded
from tests.support.issuer import AUDIENCE, Issuer, Key
from tests.support.server_process import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.databases import DatabaseServer, LiveDatabase

PRINCIPALS = {"root": ("admin", ["*"]), "ada": ("admin", [TEAM])}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """An identity provider."""
    with Issuer(Key("first"), Key("second", "RS256")) as made:
        yield made


@pytest.fixture(scope="module")
def database(postgres: DatabaseServer) -> Iterator[LiveDatabase]:
    """The server's database."""
    made = postgres.migrated()
    yield made
    postgres.drop(made)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, database: LiveDatabase, issuer: Issuer
) -> Iterator[Guarded]:
    """A server that trusts an issuer."""
    oidc = (
        f'[[oidc]]\nissuer = "{issuer.url}"\naudience = "{AUDIENCE}"\ngroups_claim = "groups"\n'
        f'[[roles]]\ngroup = "ml"\nrole = "reader"\nnamespaces = ["{TEAM}"]\n'
    )
    folder = tmp_path_factory.mktemp("credentials")
    with guarded(folder, database, PRINCIPALS, oidc) as made:
        root = made.client("root")
        root.create_namespace(TEAM)
        root.register("churn", source="s3://churn")
        root.register_principal("rosa", kind="user", display="Rosa Luz")
        root.register_principal("ci", kind="service_account")
        made.client("ada").grant_role(principal="rosa", role="registrar")
        yield made


def denied(call: Callable[[], Any]) -> str:
    with pytest.raises((regesta.PermissionDenied, Unauthenticated)) as caught:
        call()
    return str(caught.value.reason)


def test_an_issued_token_is_its_principal_in_the_log(server: Guarded):
    issued = server.client("root").issue_token(principal="rosa", label="laptop", reason="asked")
    rosa = server.client(token=issued.secret)
    rosa.register("churn", source="s3://2")
    (event,) = server.client("root").events(after=1, actors=["rosa"])
    assert ("rosa", "VersionRegistered") == (event.actor, event.type.rpartition(".")[2])
    (made,) = server.client("root", namespace="default").events(types=["TokenIssued"])
    assert issued.secret not in made.record.decode()
    assert "root" == made.actor


def test_a_token_is_shown_once(server: Guarded):
    ask = partial(server.client("root").issue_token, principal="ci", label="x", request_id="once")
    first = ask()
    with pytest.raises(PreconditionFailed) as caught:
        ask()
    assert "TOKEN_SHOWN_ONCE" == caught.value.reason
    assert first.token.name.endswith(caught.value.metadata["token"])
    assert first.secret not in str(caught.value)


def test_a_revoked_token_lets_nobody_in_and_ends_what_it_began(server: Guarded):
    root = server.client("root")
    issued = root.issue_token(principal="rosa", label="to be revoked")
    rosa = server.client(token=issued.secret)
    ended: list[Any] = []

    def listen() -> None:
        try:
            for _ in rosa.watch():
                pass
        except regesta.RegestaError as error:
            ended.append(error.reason)

    thread = Thread(target=listen, daemon=True)
    thread.start()
    time.sleep(0.5)
    root.revoke_token(issued.token.name.partition("/")[2])
    assert "UNAUTHENTICATED" == denied(lambda: rosa.get_model("churn"))
    root.register("churn", source="s3://after")
    thread.join(10)
    # The client begins a stream that ended anew; then nobody is let in.
    assert ended[0] in {"PERMISSION_LOST", "UNAUTHENTICATED"}


def test_a_token_ends_by_time(server: Guarded):
    soon = datetime.now(UTC) + timedelta(seconds=1)
    issued = server.client("root").issue_token(principal="rosa", label="short", expire_time=soon)
    rosa = server.client(token=issued.secret)
    rosa.get_model("churn")
    time.sleep(1.1)
    assert "UNAUTHENTICATED" == denied(lambda: rosa.get_model("churn"))


def test_a_bounded_token_does_no_more_than_its_role_and_issues_no_other(server: Guarded):
    root = server.client("root")
    issued = root.issue_token(principal="rosa", label="for reading", role="reader")
    rosa = server.client(token=issued.secret)
    rosa.get_model("churn")
    assert "PERMISSION_DENIED" == denied(lambda: rosa.register("churn"))
    assert "TOKEN_EXCEEDS_OWN" == denied(lambda: rosa.issue_token(label="more"))
    other = root.issue_token(principal="rosa", label="other").token.name.partition("/")[2]
    assert "TOKEN_EXCEEDS_OWN" == denied(lambda: rosa.revoke_token(other))
    rosa.revoke_token(issued.token.name.partition("/")[2])
    elsewhere = root.issue_token(principal="rosa", label="elsewhere", namespaces=["other"])
    assert "PERMISSION_DENIED" == denied(
        lambda: server.client(token=elsewhere.secret).get_model("churn")
    )


def test_everybody_has_tokens_of_his_own_and_none_of_others(server: Guarded):
    root = server.client("root")
    ends = datetime.now(UTC) + timedelta(hours=1)
    first = root.issue_token(principal="rosa", label="first", expire_time=ends)
    rosa = server.client(token=first.secret)
    own = rosa.issue_token(label="own")
    assert own.token.expire_time.ToDatetime(UTC) <= ends
    longer = partial(rosa.issue_token, label="longer", expire_time=ends + timedelta(hours=1))
    assert "TOKEN_EXCEEDS_OWN" == denied(longer)
    assert own.token.name in [one.name for one in rosa.list_tokens().tokens]
    for call in (
        lambda: rosa.issue_token(principal="ci", label="x"),
        lambda: rosa.issue_token(principal="root", label="x"),
        lambda: rosa.list_tokens(principal="ci"),
        lambda: rosa.register_principal("eve", kind="user"),
        rosa.list_principals,
    ):
        assert "PERMISSION_DENIED" == denied(call)
    others = root.issue_token(principal="ci", label="not hers").token.name.partition("/")[2]
    with pytest.raises(regesta.NotFound):
        rosa.revoke_token(others)
    rosa.revoke_token(own.token.name.partition("/")[2])
    # An administrator of a namespace is none of the server.
    assert denied(lambda: server.client("ada").issue_token(principal="rosa", label="x"))


def test_when_a_token_was_used_last_is_told(server: Guarded):
    root = server.client("root")
    issued = root.issue_token(principal="ci", label="used")
    listed = partial(root.list_tokens, principal="ci")

    def used() -> bool:
        (one,) = (one for one in listed().tokens if one.name == issued.token.name)
        return one.HasField("last_use_time")

    assert not used()
    server.client(token=issued.secret).what_may()
    deadline = time.monotonic() + 10
    while not used():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_two_principals_of_one_person_are_one_for_approvals(server: Guarded):
    root = server.client("root")
    root.register_principal("rosa-admin", kind="user", same_person_as="rosa")
    for name in ("rosa", "rosa-admin"):
        server.client("ada").grant_role(principal=name, role="maintainer")
    rosa, other = (
        server.client(token=root.issue_token(principal=name, label="x").secret)
        for name in ("rosa", "rosa-admin")
    )
    request = rosa.request_transition("churn/1", stage="staging")
    with pytest.raises(regesta.PermissionDenied) as caught:
        other.approve_transition(request.name)
    assert "OWN_REQUEST" == caught.value.reason


def test_a_token_of_an_issuer_is_its_principal_with_its_groups(server: Guarded, issuer: Issuer):
    for key in issuer.keys[:2]:
        leo = server.client(token=issuer.token(key, sub="leo", jti=key.kid))
        assert "churn" in leo.get_model("churn").name
        assert ["ml"] == list(leo.what_may(namespace=TEAM).groups)
    denied(lambda: leo.register("churn"))
    server.client("ada").grant_role(group="builders", role="registrar")
    builder = server.client(token=issuer.token(sub="leo", groups=["builders"]))
    assert "leo" == builder.register("churn", source="s3://leo").created_by


@pytest.mark.parametrize(
    "changes",
    [{"exp": 1}, {"aud": "other"}, {"sub": "root"}, {"iss": "https://e.example"}],
    ids=str,
)
def test_a_token_of_an_issuer_that_breaks_a_rule_is_refused(
    server: Guarded, issuer: Issuer, changes: Any
):
    bad = server.client(token=issuer.token(**changes))
    assert "UNAUTHENTICATED" == denied(lambda: bad.get_model("churn"))


def test_an_issuer_rotates_its_keys_while_the_server_runs(server: Guarded, issuer: Issuer):
    server.client(token=issuer.token(jti="before")).get_model("churn")
    third = Key("third", "EdDSA")
    issuer.keys.append(third)
    late = server.client(token=issuer.token(third))
    deadline = time.monotonic() + 60
    while True:  # a name that is unknown asks anew, but not more than each half minute
        try:
            late.get_model("churn")
            break
        except Unauthenticated:
            assert time.monotonic() < deadline
            time.sleep(1)


def test_refusals_have_a_line_each_that_says_who_what_and_why(server: Guarded, issuer: Issuer):
    before = len(server.security())
    unknown = new_issued_token()
    denied(lambda: server.client(token=unknown).get_model("churn"))
    leo = server.client(token=issuer.token(sub="leo"))
    denied(lambda: leo.set_alias("churn@champion", version=1, reason="because"))
    deadline = time.monotonic() + 5
    while len(server.security()) < before + 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first, second = server.security()[before:]
    assert ("not_authenticated", "unknown", "the token is unknown") == (
        first["event"],
        first["principal"],
        first["why"],
    )
    assert first["credential"].startswith("token:")
    assert ("denied", "leo", "catalog.alias", "no role gives it") == tuple(
        second[name] for name in ("event", "principal", "permission", "why")
    )
    assert second["resource"].endswith("models/churn/aliases/champion")
    assert second["peer"]


def test_nothing_that_proves_anybody_stands_in_any_output(
    server: Guarded, issuer: Issuer, database: LiveDatabase
):
    import psycopg  # noqa: PLC0415

    root = server.client("root")
    issued = root.issue_token(principal="ci", label="canary", reason="a reason to hide")
    canaries = [issued.secret, new_token(), new_issued_token()]
    canaries += [issuer.token(sub=name) for name in ("leo", "root")]
    canaries += [issuer.token(exp=1), issuer.token(Key("first")), "x" * 40]
    said = []
    for token in canaries:
        client = server.client(token=token)
        for call in (
            lambda: client.get_model("churn"),  # noqa: B023 - called at once
            lambda: client.set_tags("churn", tags={"a": "b"}, reason="a reason to hide"),  # noqa: B023
        ):
            try:
                call()
            except regesta.RegestaError as error:
                said.append(f"{error} {error.metadata} {error.reason}")
    time.sleep(0.3)
    outputs = server.outputs() + "".join(said)
    secrets = [*canaries, *server.tokens.values()]
    for secret in secrets:
        parts = [part for part in secret.split(".") if len(part) > 12]
        assert not [part for part in parts if part in outputs]
    assert "a reason to hide" not in outputs
    with psycopg.connect(database.superuser_dsn) as connection:
        for table in ("events", "requests", "disclosures", "resources", "token_uses"):
            rows = connection.execute(f"SELECT t::text FROM regesta.{table} AS t").fetchall()  # noqa: S608
            # Records are shown in hex.
            text = "".join(row[0] for row in rows)
            for secret in secrets:
                assert secret not in text
                assert secret.encode().hex() not in text


def test_breaking_the_glass_is_loud_and_short(server: Guarded):
    root, ada = server.client("root"), server.client("ada")
    root.register_principal("max", kind="user")
    max_ = server.client(token=root.issue_token(principal="max", label="x").secret)
    denied(lambda: max_.break_glass(role="admin", minutes=5, reason="fire"))
    ada.grant_role(principal="max", role="breakglass")
    denied(lambda: max_.set_alias("churn@champion", version=1))
    good: dict[str, Any] = {"role": "admin", "minutes": 5, "reason": "fire"}
    for wrong in ({"minutes": 61}, {"minutes": 0}, {"reason": ""}, {"role": "emperor"}):
        with pytest.raises(regesta.InvalidRequest):
            max_.break_glass(**(good | wrong))
    grant = max_.break_glass(role="admin", minutes=5, reason="fire")
    assert (True, "max", "max") == (grant.break_glass, grant.principal, grant.created_by)
    left = grant.expire_time.ToDatetime(UTC) - datetime.now(UTC)
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)
    max_.set_alias("churn@champion", version=1)
    # What was taken so is not passed on, to himself neither.
    for ends in (None, datetime.now(UTC) + timedelta(minutes=1)):
        assert "GRANT_EXCEEDS_OWN" == denied(
            partial(max_.grant_role, principal="max", role="admin", expire_time=ends)
        )
    server.process.until_it_says('"glass_broken"')
    (line,) = [line for line in server.security() if line["event"] == "glass_broken"]
    assert ("max", TEAM, "admin", 5, "warning") == tuple(
        line[name] for name in ("principal", "namespace", "role", "minutes", "level")
    )
    (event,) = [e for e in ada.events(types=["RoleGranted"]) if e.position == grant.position]
    assert ("max", "fire") == (event.actor, event.disclosures[0].text)
    ada.revoke_role(grant.name)
    denied(lambda: max_.set_alias("churn@champion", version=1))


def test_a_client_is_who_its_certificate_says(tmp_path: Path, database: LiveDatabase):
    ours, theirs = trustme.CA(), trustme.CA()
    host = ours.issue_cert("127.0.0.1")
    host.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    host.cert_chain_pems[0].write_to_path(str(tmp_path / "server.crt"))
    ours.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    (tmp_path / "regesta.toml").write_text(
        '[tls]\ncertificate = "{0}/server.crt"\nkey = "{0}/server.key"\n'
        'client_ca = "{0}/ca.crt"\n[[roles]]\nprincipal = "ci.example.com"\nrole = "reader"\n'
        f'namespaces = ["{TEAM}"]\n[[tokens]]\nprincipal = "root"\nrole = "admin"\n'
        f'token = "{(token := new_token())}"\n'.replace("{0}", str(tmp_path))
    )
    with serving(
        "--config", str(tmp_path / "regesta.toml"), "--dsn", database.service_dsn
    ) as process:

        def ask(cert: trustme.LeafCert | None, token: str = "") -> pb.WhatMayResponse:
            credentials = grpc.ssl_channel_credentials(
                ours.cert_pem.bytes(),
                cert.private_key_pem.bytes() if cert else None,
                b"".join(pem.bytes() for pem in cert.cert_chain_pems) if cert else None,
            )
            options = (("grpc.use_local_subchannel_pool", 1),)
            with grpc.secure_channel(process.address, credentials, options) as channel:
                stub = pb_grpc.AccessServiceStub(channel)
                metadata = (("authorization", f"Bearer {token}"),) if token else ()
                request = pb.WhatMayRequest(namespace=TEAM)
                return stub.WhatMay(request, timeout=10, metadata=metadata)

        answer = ask(ours.issue_cert("ci.example.com"))
        assert "ci.example.com" == answer.principal
        assert "catalog.read" in answer.permissions
        # A token says more than a certificate.
        assert "root" == ask(ours.issue_cert("ci.example.com"), token).principal
        for cert, code in (
            (ours.issue_cert("root"), grpc.StatusCode.UNAUTHENTICATED),
            (ours.issue_cert("*.example.com"), grpc.StatusCode.UNAUTHENTICATED),
            (theirs.issue_cert("ci.example.com"), grpc.StatusCode.UNAVAILABLE),
            (None, grpc.StatusCode.UNAVAILABLE),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                ask(cert)
            assert code == caught.value.code()
