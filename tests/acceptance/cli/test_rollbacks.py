"""rollback, release, alias protect and pin."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.cli.conftest import CommandLine


def test_an_alias_is_rolled_back(churn: CommandLine):
    said = churn("rollback", "churn@champion", "--reason", "slow").out
    assert "churn@champion is back at version 1 (undone: 2) at position 8\n" == said
    assert "rolled the alias back to version 1 (was 2)" in churn("log", "churn@champion").out
    assert "NOTHING_TO_ROLL_BACK" in churn("rollback", "churn@champion", code=4).err
    lines = churn("blame", "churn@champion").out
    assert "slow" in lines


def test_a_stage_is_rolled_back(churn: CommandLine):
    for command in ("promote churn/2 production", "promote churn/1 staging"):
        churn(*command.split())
    churn("promote", "churn/1", "production")
    said = churn("rollback", "churn#production", "--expect", "1", "--json").document
    assert ("production", 12) == (said["version"]["stage"], said["position"])
    assert "churn/2 is back" not in churn("show", "churn/1").out
    log = churn("log", "churn").out
    assert "churn/2: rolled back into production in the place of version 1" in log
    assert "churn/1: rolled back from production to staging for version 2" in log
    assert "HOLDER_MISMATCH" in churn("rollback", "churn#production", "--expect", "1", code=4).err
    churn("promote", "churn/1", "production")
    assert (
        "churn/2 is back in production at position 15\n"
        == churn("rollback", "churn#production", "--to", "2").out
    )


def test_only_an_alias_or_a_stage_is_rolled_back(churn: CommandLine):
    for what in ("churn", "churn/1", "churn@latest", "churn@^1.0"):
        assert "name an alias or a stage" in churn("rollback", what, code=2).err


def test_an_alias_is_protected_and_pinned(churn: CommandLine):
    alias = "churn@champion"
    assert f"{alias} is protected at position 8\n" == churn("alias", "protect", alias).out
    assert f"{alias} is pinned at position 9\n" == churn("alias", "pin", alias).out
    assert "ALIAS_PINNED" in churn("alias", alias, "1", code=4).err
    assert "ALIAS_PINNED" in churn("alias", alias, "--remove", code=4).err
    shown = churn("show", alias, "--json").document
    assert (True, True) == (shown["alias"]["protected"], shown["alias"]["pinned"])
    pinned = churn("show", alias).out
    assert "pinned" in pinned
    assert f"{alias} is no more pinned at position 10\n" == churn("alias", "unpin", alias).out
    churn("alias", "unprotect", alias)
    # The word set may be there or not, and options before the alias.
    assert "points to version 1" in churn("alias", "set", alias, "1").out
    assert 2 == churn("alias", "--json", alias, "2").document["alias"]["version"]
    assert "write the alias as churn@champion" in churn("alias", "pin", "churn", code=2).err


def test_a_release_moves_several_aliases(churn: CommandLine):
    said = churn("release", "churn@champion=1", "churn@blue=2").out
    assert (
        "churn@champion points to version 1\nchurn@blue points to version 2\nat position 9\n"
        == said
    )
    assert 9 == churn("release", "churn@blue=2", "--json").document["position"]
    refused = churn("release", "churn@blue=9", "nobody@champion=1", code=4).err
    assert "2 of 2 moves are refused" in refused
    for wrong in ("churn", "churn@blue", "churn@blue=x", "churn=1"):
        assert "write a move as churn@champion=3" in churn("release", wrong, code=2).err
