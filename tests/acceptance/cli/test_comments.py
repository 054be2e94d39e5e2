"""comment add, edit, list, and their log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.cli.conftest import CommandLine


def test_comments_are_added_changed_listed_and_logged(churn: CommandLine):
    added = churn("comment", "add", "churn/2", "slow, @rosa", "--json").document["comment"]
    name = added["name"].partition("/models/")[2].replace("versions/", "")
    said = churn("comment", "add", "churn/2", "how slow?", "--reply-to", name[-10:]).out
    assert "added at position 9" in said
    assert f"{name} changed at position 10\n" == churn("comment", "edit", name, "fast").out
    listed = churn("comment", "list", "churn/2").out
    assert f"{name}  " in listed
    assert "  fast\n" in listed
    assert f"answers {name[-10:]}" in listed
    assert "" == churn("comment", "list", "churn").out
    then = churn("comment", "list", "churn@champion", "--as-of", "8", "--json").document
    assert "slow, @rosa" == then["text"]
    log = churn("log", name).out
    assert 'changed the comment to "fast"' in log
    assert 'commented: "slow, @rosa"' in log
    assert "answered" in churn("log", "churn").out
    churn("blame", "churn")


def test_a_comment_is_named_as_it_is_listed(churn: CommandLine):
    assert "COMMENT_NOT_FOUND" in churn("log", "churn/comments/abcdefgh23", code=3).err
    for wrong in ("churn/comments/x", "churn@champion/comments/abcdefgh23"):
        churn("log", wrong, code=2)
    assert "write the comment as" in churn("comment", "edit", "churn", "x", code=2).err
