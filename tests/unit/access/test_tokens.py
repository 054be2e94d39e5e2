from __future__ import annotations

import pytest

from regesta_service.access.permissions import EVERY_NAMESPACE, ROLES, Permission
from regesta_service.access.principals import Credentials, Unauthenticated
from regesta_service.access.tokens import (
    InsecureDev,
    StaticTokens,
    TokenGrant,
    bearer_of,
    digest_of,
    new_token,
)

TOKEN = new_token()


@pytest.mark.parametrize("control", ["\x00", "\r\n", "\x7f", "\x80", " "])
def test_a_token_with_a_control_character_or_a_blank_is_malformed(control):
    with pytest.raises(Unauthenticated):
        bearer_of([("authorization", f"Bearer {TOKEN}{control}")])


def test_the_scheme_may_be_written_in_any_case():
    assert bearer_of([("authorization", f"bEaReR {TOKEN}")]) == TOKEN


def test_tokens_are_long_random_and_marked_for_scanners():
    tokens = {new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(token.startswith("rgst_") and len(token) == 48 for token in tokens)


def test_a_principal_with_two_tokens_may_do_what_both_grant():
    other = new_token()
    tokens = StaticTokens(
        [
            TokenGrant("ci", digest_of(TOKEN), "registrar", ("a",)),
            TokenGrant("ci", digest_of(other), "auditor", ("b",)),
        ]
    )
    principal = tokens.recall(Credentials((("authorization", f"Bearer {TOKEN}"),)))

    assert principal.may(Permission.CATALOG_REGISTER, "a")
    assert principal.may(Permission.AUDIT_READ, "b")
    assert not principal.may(Permission.AUDIT_READ, "a")
    assert tokens.current(principal) is principal


def test_a_removed_principal_may_nothing_any_more():
    before = StaticTokens([TokenGrant("ci", digest_of(TOKEN), "reader")])
    principal = before.recall(Credentials((("authorization", f"Bearer {TOKEN}"),)))

    assert StaticTokens([]).current(principal) is None


def test_development_mode_calls_everybody_anonymous_and_unauthenticated():
    principal = InsecureDev().recall(Credentials(()))

    assert (principal.name, principal.kind) == ("anonymous", "unauthenticated")
    assert all(principal.may(permission, "any") for permission in Permission)


def test_no_role_but_admin_may_administer():
    administering = {Permission.ADMIN_NAMESPACES, Permission.ADMIN_PROJECTIONS}

    assert [role for role, own in ROLES.items() if own & administering] == ["admin"]
    assert ROLES["admin"] == frozenset(Permission)
    assert EVERY_NAMESPACE == "*"


def test_a_registrar_may_neither_delete_nor_promote_nor_move_an_alias():
    assert not ROLES["registrar"] & {
        Permission.CATALOG_DELETE,
        Permission.LIFECYCLE_TRANSITION,
        Permission.CATALOG_ALIAS,
    }
