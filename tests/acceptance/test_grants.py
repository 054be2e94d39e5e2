"""Roles granted in the log, over a real server: what they allow, to whom, and until when."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta.errors import InvalidRequest, NotFound
from regesta.v1 import model_pb2
from regesta_projections.verification import verify
from tests.support.access import Guarded, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.databases import DatabaseServer, LiveDatabase

#: Each test has one of these to itself.
TEAMS = [f"team-{number}" for number in range(40)]
PRINCIPALS = {
    "root": ("admin", ["*"]),
    "ada": ("admin", TEAMS),
    "rosa": ("reader", ["elsewhere"]),
    "leo": ("reader", ["elsewhere"]),
    "max": ("breakglass", TEAMS),
}
_teams = iter(TEAMS)


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, postgres: DatabaseServer
) -> Iterator[tuple[Guarded, LiveDatabase]]:
    """A server that wants credentials, and its database."""
    database = postgres.migrated()
    with guarded(tmp_path_factory.mktemp("grants"), database, PRINCIPALS) as made:
        yield made, database
    postgres.drop(database)


@pytest.fixture
def database(shared: tuple[Guarded, LiveDatabase]) -> LiveDatabase:
    """The server's database."""
    return shared[1]


@pytest.fixture
def server(shared: tuple[Guarded, LiveDatabase]) -> Guarded:
    """The server, with a namespace of this test's own and two models in it."""
    made, _ = shared
    made.namespace = next(_teams)
    root = made.client("root")
    root.create_namespace(made.namespace)
    for model in ("churn", "fraud"):
        root.register(model, source=f"s3://{model}")
    return made


def denied(call: Callable[[], Any]) -> str:
    with pytest.raises(regesta.PermissionDenied) as caught:
        call()
    return str(caught.value.reason)


def test_a_grant_allows_from_the_next_call_on_and_no_longer_than_it_stands(server: Guarded):
    rosa, ada = server.client("rosa"), server.client("ada")
    assert "PERMISSION_DENIED" == denied(lambda: rosa.get_model("churn"))

    grant = ada.grant_role(principal="rosa", role="reader", reason="she joins")
    assert "churn" in rosa.get_model("churn").name
    assert 2 == len(rosa.list_models().models)
    denied(lambda: rosa.register("churn"))

    ada.revoke_role(grant.name)
    denied(lambda: rosa.get_model("churn"))
    with pytest.raises(NotFound):
        ada.revoke_role(grant.name)


def test_grants_are_events_with_their_actor_and_their_reason(server: Guarded):
    ada = server.client("ada")
    grant = ada.grant_role(principal="rosa", role="reader", reason="she joins")
    ada.revoke_role(grant.name, reason="she leaves")
    made, ended = ada.events(types=["RoleGranted", "RoleRevoked"])
    assert ("ada", "she joins") == (made.actor, made.disclosures[0].text)
    assert ("ada", "she leaves") == (ended.actor, ended.disclosures[0].text)
    assert grant.position == made.position


def test_the_log_verifies_and_rebuilds_with_grants_in_it(server: Guarded, database: LiveDatabase):
    ada, rosa = server.client("ada"), server.client("rosa")
    ada.grant_role(principal="rosa", role="reader")
    assert not list(verify(database.service_dsn, server.namespace).findings)
    list(server.client("root").rebuild_projections())
    assert "churn" in rosa.get_model("churn").name
    ada.grant_role(principal="leo", role="reader")
    assert "churn" in server.client("leo").get_model("churn").name


def test_a_write_that_is_repeated_gives_the_same_grant(server: Guarded):
    ada = server.client("ada")
    first = ada.grant_role(principal="rosa", role="reader", request_id="once")
    ada.revoke_role(first.name)
    assert first == ada.grant_role(principal="rosa", role="reader", request_id="once")
    assert not ada.list_grants().grants
    second = ada.grant_role(principal="rosa", role="reader")
    assert second == ada.grant_role(principal="rosa", role="reader")


def test_a_grant_for_models_is_for_them_and_for_nothing_else(server: Guarded):
    server.client("ada").grant_role(principal="rosa", role="maintainer", models=["chu*"])
    rosa = server.client("rosa")
    rosa.register("churn")
    rosa.register("churn-eu")
    rosa.set_alias("churn@champion", version=1)
    assert 2 == len(rosa.list_versions("churn").versions)
    assert 1 == rosa.resolve("churn@champion").version
    assert 1 == len(rosa.list_latest_versions(["churn"]).versions)
    for call in (
        lambda: rosa.list_latest_versions(["fraud"]),
        lambda: rosa.list_latest_versions(["churn", "fraud"]),
        lambda: rosa.get_model("fraud"),
        lambda: rosa.resolve("fraud/1"),
        lambda: rosa.register("other"),
        lambda: rosa.create_model(model_id="other", model=model_pb2.Model()),
        # About the namespace as a whole: nothing of it is shown, instead of a part.
        rosa.list_models,
        lambda: rosa.search_models(filter='name = "churn"'),
        lambda: rosa.search_versions(filter='model = "churn"'),
        lambda: next(iter(rosa.watch())),
        rosa.get_checkpoint,
    ):
        assert "PERMISSION_DENIED" == denied(call)


def test_a_model_is_known_by_its_first_name(server: Guarded):
    ada, rosa = server.client("ada"), server.client("rosa")
    ada.grant_role(principal="rosa", role="reader", models=["churn"])
    ada.rename_model("churn", new_model_id="leavers")
    ada.rename_model("fraud", new_model_id="churn-2")
    assert "leavers" in rosa.get_model("leavers").name
    assert "leavers" in rosa.get_model("CHURN").name
    denied(lambda: rosa.get_model("churn-2"))


def test_aliases_but_not_champion(server: Guarded):
    """The first example of domain.md."""
    ada, rosa = server.client("ada"), server.client("rosa")
    ada.grant_role(principal="rosa", role="maintainer", condition='alias != "champion"')
    rosa.set_alias("churn@old", version=1)
    denied(lambda: rosa.set_alias("churn@champion", version=1))
    ada.set_alias("churn@champion", version=1)
    denied(lambda: rosa.remove_alias("churn@champion"))


def test_to_staging_but_not_to_production(server: Guarded):
    """The second example of domain.md."""
    ada, rosa = server.client("ada"), server.client("rosa")
    condition = 'permission != "lifecycle.transition" || stage != "production"'
    ada.grant_role(principal="rosa", role="maintainer", condition=condition)
    rosa.transition_version("churn/1", stage="staging")
    denied(lambda: rosa.transition_version("churn/1", stage="production"))
    assert "staging" == rosa.get_version("churn/1").stage


def test_a_condition_on_tags_cannot_be_gone_around(server: Guarded):
    ada, rosa = server.client("ada"), server.client("rosa")
    ada.grant_role(principal="rosa", role="registrar", condition='!("approved" in tags)')
    rosa.set_tags("churn/1", tags={"by": "rosa"})
    denied(lambda: rosa.set_tags("churn/1", tags={"approved": "yes"}))
    denied(lambda: rosa.register("churn", tags={"approved": "yes"}))
    ada.set_tags("churn/1", tags={"approved": "yes"})
    denied(lambda: rosa.remove_tags("churn/1", keys=["approved"]))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("role", {"role": "emperor"}),
        ("condition", {"condition": "alias !="}),
        ("condition", {"condition": 'token == "x"'}),
        ("condition", {"condition": "1 + 1"}),
        ("models[0]", {"models": ["*x"]}),
        ("principal", {"principal": ""}),
        ("principal", {"principal": "rosa", "group": "ml"}),
        ("expire_time", {"expire_time": datetime(2020, 1, 1, tzinfo=UTC)}),
    ],
)
def test_a_grant_that_cannot_be_is_refused_with_the_field(server: Guarded, field: str, wrong: Any):
    with pytest.raises(InvalidRequest) as caught:
        server.client("ada").grant_role(**({"principal": "rosa", "role": "reader"} | wrong))
    assert field in str(caught.value)


def test_a_grant_ends_by_time(server: Guarded):
    ada, rosa = server.client("ada"), server.client("rosa")
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    ada.grant_role(principal="rosa", role="reader", expire_time=soon)
    rosa.get_model("churn")
    time.sleep(1.6)
    denied(lambda: rosa.get_model("churn"))


def test_nobody_makes_himself_more_than_he_is(server: Guarded):
    ada, rosa, leo = (server.client(name) for name in ("ada", "rosa", "leo"))
    # A reader grants nothing at all.
    ada.grant_role(principal="rosa", role="reader")
    assert "PERMISSION_DENIED" == denied(lambda: rosa.grant_role(principal="rosa", role="admin"))
    # Who may grant, but on a condition, grants nothing that the condition does not say.
    ada.grant_role(principal="rosa", role="admin", condition='role == "reader"')
    assert "churn" in rosa.get_model("churn").name
    rosa.grant_role(principal="leo", role="reader")
    assert "churn" in leo.get_model("churn").name
    for role in ("admin", "maintainer", "breakglass"):
        denied(partial(rosa.grant_role, principal="rosa", role=role))
    # Who has all, but for a time, does not outlast it, by himself or by another.
    ends = datetime.now(UTC) + timedelta(minutes=5)
    ada.grant_role(principal="leo", role="admin", expire_time=ends)
    leo.grant_role(group="all", role="reader", models=["churn"])
    for longer in (None, ends + timedelta(days=1)):
        call = partial(leo.grant_role, principal="leo", role="admin", expire_time=longer)
        assert "GRANT_EXCEEDS_OWN" == denied(call)
    # Limited to models, nobody grants: that is about the namespace.
    ada.grant_role(principal="max", role="admin", models=["churn"])
    denied(lambda: server.client("max").grant_role(principal="max", role="reader"))


def test_an_administrator_of_one_namespace_is_none_of_another(server: Guarded):
    ada = server.client("ada", namespace="default")
    denied(lambda: ada.grant_role(principal="ada", role="reader"))
    denied(ada.list_grants)
    denied(lambda: server.client("ada").register_principal("eve", kind="user"))


def test_a_subscription_ends_when_its_role_is_revoked(server: Guarded):
    ada, rosa = server.client("ada"), server.client("rosa")
    grant = ada.grant_role(principal="rosa", role="reader")
    heard: list[Any] = []
    ended: list[BaseException] = []

    def listen() -> None:
        try:
            heard.extend(rosa.watch())
        except regesta.RegestaError as error:
            ended.append(error)

    thread = Thread(target=listen, daemon=True)
    thread.start()
    time.sleep(0.5)
    ada.revoke_role(grant.name)
    after = ada.register("churn", source="s3://secret")
    thread.join(10)
    assert not thread.is_alive()
    assert "PERMISSION_LOST" == ended[0].reason  # type: ignore[attr-defined]
    assert "s3://secret" not in str(heard)
    assert after.version


def test_another_server_of_the_database_hears_of_it(
    server: Guarded, tmp_path: Path, database: LiveDatabase
):
    ada = server.client("ada")
    with guarded(tmp_path, database, PRINCIPALS, tokens=server.tokens) as other:
        other.namespace = server.namespace
        rosa = other.client("rosa")
        denied(lambda: rosa.get_model("churn"))
        grant = ada.grant_role(principal="rosa", role="reader")
        until(lambda: "churn" in rosa.get_model("churn").name)
        ada.revoke_role(grant.name)
        until(lambda: denied(lambda: rosa.get_model("churn")))


def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except (regesta.PermissionDenied, pytest.fail.Exception):
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_namespaces_are_listed_that_a_grant_lets_one_read(server: Guarded):
    rosa = server.client("rosa")

    def names() -> list[str]:
        return [found.name for found in rosa.list_namespaces().namespaces]

    assert f"namespaces/{server.namespace}" not in names()
    server.client("ada").grant_role(principal="rosa", role="reader")
    assert f"namespaces/{server.namespace}" in names()
    server.client("root", namespace="default").grant_role(
        principal="rosa", role="reader", models=["churn"]
    )
    assert "namespaces/default" not in names()


def test_who_can_and_what_may_say_by_which_grant(server: Guarded):
    ada, rosa = server.client("ada"), server.client("rosa")
    whole = ada.grant_role(principal="rosa", role="reader")
    part = ada.grant_role(
        group="ml", role="maintainer", models=["chu*"], condition='alias != "champion"'
    )

    def who(**asked: Any) -> list[tuple[str, str, str]]:
        sources = ada.who_can(**asked).sources
        return [(one.principal or one.group, one.role, one.grant) for one in sources]

    configured = [("root", "admin", ""), ("ada", "admin", "")]
    assert configured == who(method="SetAlias")
    assert [*configured, ("ml", "maintainer", part.name)] == who(method="SetAlias", model="churn")
    assert configured == who(permission="catalog.alias", model="fraud")
    assert [*configured, ("rosa", "reader", whole.name)] == who(permission="catalog.read")
    with pytest.raises(InvalidRequest):
        who(method="NoSuchMethod")

    may = rosa.what_may(namespace=server.namespace)
    assert ["access.self", "catalog.read", "proofs.read", "watch.subscribe"] == list(
        may.permissions
    )
    assert [whole.name] == [one.grant for one in may.sources]
    denied(lambda: rosa.what_may(principal="ada", namespace=server.namespace))
    denied(lambda: rosa.what_may(namespace=server.namespace, groups=["ml"]))
    asked = ada.what_may(principal="leo", namespace=server.namespace, groups=["ml"])
    assert [('alias != "champion"', ["chu*"])] == [
        (one.condition, list(one.models)) for one in asked.sources
    ]
    # Of a namespace that is not there one learns what one would of another's.
    same = rosa.what_may(namespace="nowhere")
    assert (["access.self"], []) == (list(same.permissions), list(same.sources))
