"""Commands about who may do what, and about tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.cli.conftest import CommandLine


def test_a_role_is_granted_listed_asked_for_and_revoked(cli: CommandLine):
    bounds = ("--model", "chu*", "--if", 'alias != "champion"', "--days", "1")
    said = cli("access", "grant", "maintainer", "--to", "rosa", *bounds, "--reason", "joins").out
    assert said.startswith("granted maintainer to rosa: ")
    grant = said.split()[-1]
    cli("access", "grant", "reader", "--to-group", "ml")
    listed = cli("access", "grants").out
    assert 'chu*; if alias != "champion"; until ' in listed
    assert "group ml" in listed
    who = cli("access", "who-can", "SetAlias", "--model", "churn").out
    assert grant in who
    assert grant not in cli("access", "who-can", "catalog.alias").out
    may = cli("--json", "access", "what-may", "rosa", "--group", "ml").document
    assert "catalog.read" in may["permissions"]
    assert ["maintainer", "reader"] == [source["role"] for source in may["sources"]]
    assert cli("access", "revoke", grant).out.startswith("revoked; 1 grants are left")
    assert "granted the role maintainer to rosa" in cli("log").out


def test_broken_glass_is_seen(cli: CommandLine):
    cli("access", "break-glass", "admin", code=2)
    said = cli("access", "break-glass", "admin", "--minutes", "5", "--reason", "it burns").out
    assert said.startswith("the glass is broken: you have admin until ")
    assert "BROKE THE GLASS: took the role admin" in cli("log").out
    assert "BROKEN GLASS" in cli("access", "grants").out


def test_a_grant_is_to_one(cli: CommandLine):
    cli("access", "grant", "reader", code=2)
    cli("access", "grant", "reader", "--to", "rosa", "--to-group", "ml", code=2)


def test_principals_and_their_tokens(cli: CommandLine, namespace: str):
    who = f"ci-{namespace}"
    cli("principal", "register", who, "--kind", "service_account", "--display", "Training")
    assert "Training" in cli("principal", "list").out
    issued = cli("token", "issue", who, "--label", "cluster 7", "--role", "registrar")
    secret = issued.out.strip()
    assert secret.startswith("rgst_")
    assert secret not in issued.err
    listed = cli("token", "list", who).out
    assert "at most registrar" in listed
    assert secret not in listed
    (token,) = cli("--json", "token", "list", who).document
    ended = cli("token", "revoke", token["name"].partition("/")[2]).out
    assert ended.endswith(f"of {who}\n")
    assert "revoked" in cli("token", "list", who).out
