"""flag raise, flag resolve, flag list, revoke, and what show says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.cli.conftest import CommandLine


def test_a_flag_is_raised_shown_and_resolved(churn: CommandLine):
    raised = ("flag", "raise", "churn/2", "bias", "--severity", "critical", "--blocking")
    said = churn(*raised, "--reason", "refuses\none group")
    assert "churn/2 has the blocking flag bias CRITICAL at position 8\n" == said.out

    refused = churn("resolve", "churn@champion", code=4).err
    assert "VERSION_FLAGGED" in refused
    assert "whoever has flags.resolve may resolve it" in refused

    shown = churn("show", "churn/2").out
    assert "bias (CRITICAL, blocking), raised" in shown
    assert "refuses one group" in shown
    (flag,) = churn("show", "churn/2", "--json").document["version"]["flags"]
    assert ("bias", "CRITICAL", True) == (flag["id"], flag["severity"], flag["blocking"])

    said = churn("flag", "resolve", "churn/2", "bias", "--reason", "mended")
    assert "churn/2 resolved bias at position 9; 0 flags are still open on it\n" == said.out
    assert "FLAG_NOT_FOUND" in churn("flag", "resolve", "churn/2", "bias", code=3).err
    assert "churn/2" in churn("resolve", "churn@champion").out
    assert "raised the blocking flag bias (CRITICAL)" in churn("log", "churn/2").out


def test_flags_of_the_namespace_are_listed(churn: CommandLine):
    churn("flag", "raise", "churn", "--reason", "the inputs moved")
    churn("flag", "raise", "churn/1", "eol", "--severity", "info", "--blocking")
    lines = churn("flag", "list").out.splitlines()
    assert [["churn", "WARNING", "no"], ["churn/1", "INFO", "yes"]] == [
        [cell for place, cell in enumerate(line.split()) if place in {0, 2, 3}]
        for line in lines[1:]
    ]
    assert "the inputs moved" in lines[1]
    (only,) = churn("flag", "list", "--blocking", "--json").document["flags"]
    assert "eol" == only["flag"]["id"]
    assert "flags" in churn("show", "churn").out
    assert "flags.eol" in churn("blame", "churn/1").out


def test_a_version_is_revoked_for_good(churn: CommandLine):
    said = churn("revoke", "churn/2", "--category", "licence", "--reason", "not ours")
    assert "churn/2 revoked for good at position 8\n" == said.out
    for address in ("churn/2", "churn@champion"):
        assert "VERSION_REVOKED" in churn("resolve", address, code=4).err
    shown = churn("show", "churn/2").out
    assert "revoked" in shown
    assert "licence, " in shown
    assert "not ours" in shown
    assert "churn/1" in churn("resolve", "churn@latest").out
    assert "revoked the version for good: licence" in churn("log", "churn/2").out


def test_flags_and_revocation_want_to_know_just_what_is_meant(churn: CommandLine):
    assert "by its number" in churn("flag", "raise", "churn@champion", code=2).err
    assert "this is final" in churn("revoke", "churn@champion", "--category", "x", code=2).err
    assert "--category" in churn("revoke", "churn/1", code=2).err
