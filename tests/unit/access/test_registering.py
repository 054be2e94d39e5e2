"""Principals and tokens: given, when, then."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from regesta_projections import events as e
from regesta_service.access.registering import (
    IssueToken,
    RegisterPrincipal,
    RevokeToken,
    principal_key,
    token_key,
)
from regesta_service.access.tokens import hex_digest, is_issued, new_issued_token
from regesta_service.domain.rejections import (
    InvalidRequest,
    PrincipalKindFixed,
    PrincipalNotFound,
    TokenNotFound,
)
from tests.unit.domain.specification import digest, given, sealed

ENDS = datetime(2026, 9, 1, tzinfo=UTC)
DIGEST = "0123456789abcdef" * 4
TOKEN = DIGEST[:16]


def registered(principal: str = "rosa", kind: str = "user", same_person_as: str = ""):
    """A principal was registered."""
    event = e.PrincipalRegistered(principal=principal, kind=kind, same_person_as=same_person_as)
    return f"principals/{principal}", event


def issued():
    """A token was issued."""
    event = e.TokenIssued(token=TOKEN, principal="rosa", digest=DIGEST, label="laptop")
    return f"tokens/{TOKEN}", event


def test_a_principal_is_registered_with_its_name_beside_the_log():
    when = given().when(RegisterPrincipal("rosa", "user", sealed("Rosa Luz")))
    when.keeps(("display", "Rosa Luz"))
    event = e.PrincipalRegistered(principal="rosa", kind="user", display=digest("Rosa Luz"))
    state = when.then(("principals/rosa", event), shows=principal_key("rosa"))
    row = state.row(principal_key("rosa"))
    assert {"display": sealed("Rosa Luz").digest} == row.texts  # type: ignore[union-attr]


def test_what_is_known_of_a_principal_changes_but_not_its_kind():
    state = given(registered(), registered("rosa@old"))
    state.when(RegisterPrincipal("rosa", "user")).then_nothing()
    state.when(RegisterPrincipal("rosa", "user", same_person_as="rosa@old")).then(
        registered(same_person_as="rosa@old")
    )
    state.when(RegisterPrincipal("rosa", "service_account")).refused(
        PrincipalKindFixed, principal="rosa", registered_as="user"
    )


def test_the_same_person_is_one_that_is_known_and_leads_not_back():
    given().when(RegisterPrincipal("rosa", "user", same_person_as="bob")).refused(
        PrincipalNotFound, principal="bob"
    )
    state = given(registered("bob"), registered("rosa", same_person_as="bob"))
    with pytest.raises(InvalidRequest):
        state.when(RegisterPrincipal("bob", "user", same_person_as="rosa")).decide()
    with pytest.raises(InvalidRequest):
        state.when(RegisterPrincipal("bob", "user", same_person_as="bob")).decide()


def test_a_token_is_issued_to_who_is_registered():
    command = IssueToken("rosa", DIGEST, "laptop", ENDS, "reader", ("acme",))
    given().when(command).refused(PrincipalNotFound, principal="rosa")
    state = given(registered()).when(command)
    event = e.TokenIssued(
        token=TOKEN,
        principal="rosa",
        digest=DIGEST,
        label="laptop",
        expire_time=ENDS.isoformat(),
        role="reader",
        namespaces=("acme",),
    )
    state.then((f"tokens/{TOKEN}", event), shows=token_key(TOKEN))


def test_a_token_is_revoked_once_and_stays_so():
    state = given(registered(), issued()).when(RevokeToken(TOKEN, of="rosa"))
    after = state.then((f"tokens/{TOKEN}", e.TokenRevoked(token=TOKEN)))
    after.when(RevokeToken(TOKEN)).then_nothing()


def test_a_token_of_another_is_not_there():
    state = given(registered(), issued())
    mine = state.when(RevokeToken("f" * 16, of="bob")).refused(TokenNotFound, token="f" * 16)
    others = state.when(RevokeToken(TOKEN, of="bob")).refused(TokenNotFound, token=TOKEN)
    assert mine.replace("f" * 16, TOKEN) == others


def test_an_issued_token_says_itself_that_it_was_mistyped():
    token = new_issued_token()
    assert is_issued(token)
    assert not is_issued(token[:-1])
    assert not is_issued(token + "0")
    swapped = token[:10] + ("a" if token[10] != "a" else "b") + token[11:]
    assert not is_issued(swapped)
    assert 64 == len(hex_digest(token))
