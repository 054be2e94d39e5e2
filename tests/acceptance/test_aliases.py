"""Aliases as people coming from other registries name them, over a real channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import regesta
from regesta.v1 import governance_pb2 as governance_pb
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

pytestmark = pytest.mark.every_engine

LONGEST = "Z" * 255


@pytest.fixture
def churn(client: regesta.Client) -> regesta.Client:
    """A client of a namespace with aliases that differ in case, underscores and hyphens."""
    for number, alias in enumerate(("champion", "Champion", "test_alias", "test-alias"), start=1):
        client.register("churn")
        client.set_alias(f"churn@{alias}", version=number)
    return client


def aliases(client: regesta.Client, where: str) -> list[int]:
    return sorted(version.version for version in client.versions(where=where))


def test_case_and_underscores_tell_aliases_apart(churn: regesta.Client):
    pointing = {"champion": 1, "Champion": 2, "test_alias": 3, "test-alias": 4}
    assert pointing == dict(churn.get_model("churn").aliases)
    for alias, number in pointing.items():
        assert number == churn.resolve(f"churn@{alias}").version
        assert number == churn.get_alias(f"churn@{alias}").version
        assert [alias] == list(churn.get_version(f"churn/{number}").aliases)
    before = churn.position
    churn.remove_alias("churn@Champion")
    with pytest.raises(regesta.NotFound):
        churn.resolve("churn@Champion")
    assert 1 == churn.resolve("churn@champion").version
    assert 2 == churn.resolve("CHURN@Champion", as_of=before).version


def test_an_alias_is_as_long_as_a_models_name(client: regesta.Client):
    model = "M" * 255
    client.register(model)
    client.set_alias(f"{model}@{LONGEST}", version=1)
    assert 1 == client.resolve(f"{model}@{LONGEST}").version
    name = f"namespaces/{client.namespace}/models/{model}/aliases/{LONGEST}"
    assert name == client.get_alias(name).name
    assert ["AliasSet"] == [event.type.rpartition(".")[2] for event in client.history(name)]


def test_filters_ask_for_an_alias_in_its_case(churn: regesta.Client):
    assert [1] == aliases(churn, "alias = champion")
    assert [2] == aliases(churn, "alias = Champion")
    assert [2] == aliases(churn, 'alias = "Ch*"')
    # An underscore stands for itself and not for any character.
    assert [3] == aliases(churn, "alias:test_alias")
    assert [3] == aliases(churn, 'alias = "test_*"')


def test_a_policy_for_an_alias_says_nothing_of_another_case(churn: regesta.Client):
    policy = governance_pb.Policy(aliases=["Champion"], required_tags=["risk"])
    churn.define_policy("tagged", policy=policy)
    churn.set_alias("churn@champion", version=3)
    with pytest.raises(regesta.RegestaError) as caught:
        churn.set_alias("churn@Champion", version=3)
    assert "POLICY_NOT_MET" == caught.value.reason


def test_what_was_projected_is_what_the_log_says(
    churn: regesta.Client, server_database: LiveDatabase
):
    assert [] == list(verify(server_database.service_dsn, churn.namespace).findings)
    rebuild(server_database.service_dsn, churn.namespace, linger=0)
    assert [] == list(verify(server_database.service_dsn, churn.namespace).findings)
    assert 2 == churn.resolve("churn@Champion").version
