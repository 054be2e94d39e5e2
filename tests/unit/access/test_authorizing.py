"""Decisions that are remembered: for which calls they are, and what ends each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from regesta.v1 import access_pb2
from regesta.v1 import catalog_service_pb2 as pb
from regesta_service.access.chain import Chain
from regesta_service.access.grants import Policy
from regesta_service.access.permissions import ROLES, Permission
from regesta_service.access.principals import Ceiling, Credentials, Principal
from regesta_service.access.tokens import StaticTokens, new_issued_token
from regesta_service.api import authorizing
from regesta_service.api.authorizing import Authorizer
from regesta_service.api.errors import CallError
from regesta_service.api.methods import Method, _permission, _scope
from tests.unit.access.test_chain import Issued

if TYPE_CHECKING:
    from google.protobuf.message import Message

NOW = 1_800_000_000.0
PARENT = "namespaces/acme"
ROSA = Principal("rosa", "user", groups=frozenset({"ml"}))
NOT_CHAMPIONS = 'alias != "champion"'

METHODS = {
    method.name: Method(
        f"/{service.full_name}/{method.name}",
        _permission(method),
        getattr(pb, method.input_type.name),
        print,
        streams=False,
        scope=_scope(method),
    )
    for service in pb.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


class Grants:
    """Grants of one namespace in memory, and first names of its models by any name."""

    def __init__(self, *grants: access_pb2.Grant, **first_names: str) -> None:
        self.first_names = first_names
        self.policy_now = Policy(grants)
        self.stale = False

    def become(self, *grants: access_pb2.Grant) -> None:
        """Have other grants from now on."""
        self.policy_now = Policy(grants)

    def known(self, namespace: str) -> Policy | None:
        return self.policy_now if namespace == "acme" and not self.stale else None

    def present(self, namespace: str) -> Policy | None:
        return self.policy_now if namespace == "acme" else None

    async def policy(self, namespace: str) -> Policy:
        return self.policy_now if namespace == "acme" else Policy()

    async def first_name(self, namespace: str, model: str) -> tuple[str, bool]:  # noqa: ARG002
        return self.first_names.get(model, model), model in self.first_names

    async def namespaces_of(
        self,
        principal: Principal,  # noqa: ARG002
        permission: Permission,  # noqa: ARG002
    ) -> frozenset[str]:
        return frozenset()


class Asked:
    """An authorizer, asked as the guard asks it."""

    def __init__(self, grants: Grants, issued: Issued | None = None) -> None:
        self.now = NOW
        self.chain = Chain(StaticTokens(), issued, clock=lambda: self.now)
        self.authorizer = Authorizer(self.chain, grants, clock=lambda: self.now)

    def recalled(self, request: Message, principal: Principal = ROSA, method: str = "") -> Any:
        found = METHODS[method or type(request).__name__.removesuffix("Request")]
        body = request.SerializeToString(deterministic=True)
        return self.authorizer.recalled(found, body, principal, "acme")

    async def decided(self, request: Message, principal: Principal = ROSA) -> Any:
        found = METHODS[type(request).__name__.removesuffix("Request")]
        body = request.SerializeToString(deterministic=True)
        return await self.authorizer.by_grant(found, request, body, principal, "acme")

    async def why_refused(self, request: Message, principal: Principal = ROSA) -> str:
        assert self.recalled(request, principal) is None
        with pytest.raises(CallError) as caught:
            await self.decided(request, principal)
        return caught.value.why


def grant(role: str = "reader", *, ends: float | None = None, **fields: Any) -> access_pb2.Grant:
    given = {"principal": "rosa", "condition": NOT_CHAMPIONS} | fields
    made = access_pb2.Grant(name="0" * 16, role=role, **given)
    if ends is not None:
        made.expire_time.FromNanoseconds(int(ends * 1e9))
    return made


def resolve(address: str = "churn@old") -> pb.ResolveVersionRequest:
    return pb.ResolveVersionRequest(parent=PARENT, address=address)


async def test_what_a_grant_allowed_is_recalled_for_the_same_call():
    asked = Asked(Grants(grant(), churn="churn"))
    assert asked.recalled(resolve()) is None
    await asked.decided(resolve())

    allowed = asked.recalled(resolve())
    assert allowed is not None
    assert allowed()


async def test_other_bytes_are_another_request():
    asked = Asked(Grants(grant(), churn="churn"))
    await asked.decided(resolve())
    assert "the condition does not hold" == await asked.why_refused(resolve("churn@champion"))


async def test_the_same_bytes_for_another_method_are_another_request():
    asked = Asked(Grants(grant("maintainer"), churn="churn"))
    await asked.decided(resolve())
    # Both begin with the same two texts, so their bytes are the same.
    assert asked.recalled(resolve(), method="ResolveVersion") is not None
    assert asked.recalled(resolve(), method="CreateModel") is None


@pytest.mark.parametrize(
    "other",
    [
        Principal("bob", "user"),
        Principal("bob", "user", groups=frozenset({"ml"})),
        Principal("rosa", "user", groups=frozenset({"ml"}), ceiling=Ceiling(ROLES["witness"])),
        Principal(
            "rosa", "user", groups=frozenset({"ml"}), ceiling=Ceiling(namespaces=frozenset({"b"}))
        ),
    ],
    ids=["another", "another of the group", "a credential for less", "one for elsewhere"],
)
async def test_what_one_may_is_not_recalled_for_another(other):
    asked = Asked(Grants(grant(), churn="churn"))
    await asked.decided(resolve())
    assert await asked.why_refused(resolve(), other)


async def test_a_decision_ends_when_its_grant_is_revoked():
    grants = Grants(grant(), churn="churn")
    asked = Asked(grants)
    await asked.decided(resolve())
    allowed = asked.recalled(resolve())

    grants.become()
    assert "no role gives it" == await asked.why_refused(resolve())
    assert not allowed()


async def test_a_decision_ends_when_its_grant_gets_another_condition():
    grants = Grants(grant(), churn="churn")
    asked = Asked(grants)
    await asked.decided(resolve())

    grants.become(grant(condition='alias == "champion"'))
    assert "the condition does not hold" == await asked.why_refused(resolve())


async def test_a_decision_ends_with_its_grant():
    asked = Asked(Grants(grant(ends=NOW + 60), churn="churn"))
    await asked.decided(resolve())
    asked.now = NOW + 59.999
    allowed = asked.recalled(resolve())
    assert allowed()

    asked.now = NOW + 60
    assert not allowed()
    assert "the grant has ended" == await asked.why_refused(resolve())


async def test_another_grant_takes_over_from_one_that_ended():
    asked = Asked(Grants(grant(ends=NOW + 60), grant(ends=NOW + 120), churn="churn"))
    await asked.decided(resolve())
    asked.now = NOW + 60
    assert asked.recalled(resolve()) is None
    await asked.decided(resolve())
    assert asked.recalled(resolve()) is not None

    asked.now = NOW + 120
    assert "the grant has ended" == await asked.why_refused(resolve())


async def test_a_decision_lets_nobody_in_whose_token_was_revoked():
    token = new_issued_token()
    issued = Issued(rosa=token)
    asked = Asked(Grants(grant(), churn="churn"), issued)
    credentials = Credentials((("authorization", f"Bearer {token}"),))
    principal = await asked.chain.authenticate(credentials)
    await asked.decided(resolve(), principal)
    allowed = asked.recalled(resolve(), principal)
    assert allowed()

    issued.revoked.add(principal.token)
    assert asked.chain.recall(credentials) is None
    assert not allowed()


async def test_a_renamed_model_is_judged_by_its_first_name():
    only_churn = grant(condition='model == "churn"')
    grants = Grants(only_churn, grant(models=["churn"], condition=""), churn="churn")
    asked = Asked(grants)
    await asked.decided(resolve())

    grants.first_names["attrition"] = "churn"
    assert asked.recalled(resolve("attrition@old")) is None
    await asked.decided(resolve("attrition@old"))
    assert asked.recalled(resolve()) is not None


async def test_a_name_that_no_model_has_yet_is_decided_anew():
    grants = Grants(grant(condition='model != "hidden"'), hidden="hidden")
    asked = Asked(grants)
    await asked.decided(resolve("plain@old"))
    assert asked.recalled(resolve("plain@old")) is None

    # The hidden model is renamed to it.
    grants.first_names["plain"] = "hidden"
    assert "the condition does not hold" == await asked.why_refused(resolve("plain@old"))


async def test_nothing_is_recalled_while_the_grants_are_to_be_read_again():
    grants = Grants(grant(), grant("auditor", condition=""), churn="churn")
    asked = Asked(grants)
    await asked.decided(resolve())
    grants.stale = True
    assert asked.recalled(resolve()) is None
    assert asked.recalled(pb.ListModelsRequest(parent=PARENT)) is None


async def test_a_refusal_is_not_remembered():
    grants = Grants(grant(models=["fraud"]), churn="churn")
    asked = Asked(grants)
    assert await asked.why_refused(resolve())
    grants.become(grant())
    assert await asked.decided(resolve())


async def test_writes_and_long_requests_push_out_nothing():
    asked = Asked(Grants(grant("maintainer"), churn="churn"))
    write = pb.SetTagsRequest(name=f"{PARENT}/models/churn", request_id="1", tags={"a": "b"})
    long = pb.SearchVersionsRequest(parent=f"{PARENT}/models/churn", filter="x" * 600)
    for request in (write, long):
        await asked.decided(request)
        assert asked.recalled(request) is None


async def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(authorizing, "_KEPT", 8)
    asked = Asked(Grants(grant(), churn="churn"))
    requests = [resolve(f"churn/{number}") for number in range(1, 11)]
    for request in requests:
        await asked.decided(request)
    assert [False] * 2 + [True] * 8 == [asked.recalled(one) is not None for one in requests]
