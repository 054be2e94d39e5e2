"""tag, alias, label."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.cli.conftest import CommandLine


def test_tags_are_set_and_removed(churn: CommandLine):
    assert "churn/2 tagged at position 8\n  a = 1\n  b = 2\n" == churn("tag", "churn/2", "b=2").out
    said = churn("tag", "churn/2", "c=3", "--remove", "a", "--remove", "b", "--json").document
    assert {"tags": {"c": "3"}, "position": 10} == said
    assert {} == churn("tag", "churn", "--remove", "team", "--json").document["tags"]


def test_setting_and_removing_at_once_can_be_repeated(churn: CommandLine):
    command = ("tag", "churn/2", "c=3", "--remove", "a", "--request-id", "job", "--etag", "2")
    once = churn(*command, "--json").document
    assert once == churn(*command, "--json").document
    assert 9 == once["position"] == churn("head", "--json").document["position"]


def test_a_tag_on_older_knowledge_is_refused(churn: CommandLine):
    said = churn("tag", "churn/2", "c=3", "--remove", "a", "--etag", "1", code=4)
    assert "REVISION_MISMATCH" in said.err
    assert 7 == churn("head", "--json").document["position"]


def test_a_version_may_be_tagged_by_what_it_is_called(churn: CommandLine):
    assert churn("tag", "churn@champion", "b=2").out.startswith("churn/2 tagged")


def test_an_alias_is_pointed_moved_and_removed(churn: CommandLine):
    assert "churn@blue points to version 1 at position 8\n" == churn("alias", "churn@blue", "1").out
    moved = churn("alias", "churn@blue", "2", "--etag", "1", "--json").document
    assert (2, 1, 9) == (
        moved["alias"]["version"],
        moved["alias"]["previous_version"],
        moved["position"],
    )
    assert "churn@blue removed at position 10\n" == churn("alias", "churn@blue", "--remove").out
    assert "ALIAS_NOT_FOUND" in churn("show", "churn@blue", code=3).err


def test_an_alias_that_must_be_new_is_refused_when_it_is_not(churn: CommandLine):
    assert "REVISION_MISMATCH" in churn("alias", "churn@champion", "1", "--etag", "0", code=4).err


def test_a_version_is_labelled_once(churn: CommandLine):
    assert "churn/2 labelled 2.0.0 at position 8\n" == churn("label", "churn/2", "2.0.0").out
    assert "SEMVER_FIXED" in churn("label", "churn/2", "2.0.1", code=4).err
    said = churn("register", "churn", "--semver", "2.0.0", code=4)
    assert "SEMVER_TAKEN" in said.err
    labelled = churn("label", "churn@latest", "2.0.0", "--json").document["version"]
    assert "2.0.0" == labelled["semver"]


def test_a_write_that_changes_nothing_says_since_when_it_is_so(churn: CommandLine):
    churn("tag", "churn", "more=1")  # 8, and nothing to do with what follows
    already = "nothing changed: {} is already so since event {}\n"
    pointed = churn("alias", "churn@champion", "2", "--reason", "again")
    assert already.format("churn@champion", 7) == pointed.out
    assert churn("tag", "churn/2", "a=1").out.startswith(already.format("churn/2", 6))
    assert churn("tag", "churn/2", "a=1", "--remove", "b").out.startswith("nothing changed")
    assert already.format("churn/2", 6) == churn("promote", "churn/2", "staging").out
    assert already.format("churn", 8) == churn("update", "churn", "--owner", "risk").out
    assert already.format("churn/1", 3) == churn("label", "churn/1", "1.0.0").out
    said = churn("alias", "churn@champion", "2", "--json").document
    assert (7, 8) == (said["unchanged_since"], said["position"])
    assert 8 == churn("head", "--json").document["position"]


def test_a_repeated_write_says_what_it_did_the_first_time(churn: CommandLine):
    for command in (
        ("alias", "churn@champion", "1", "--request-id", "back"),
        ("tag", "churn/2", "a=2", "--remove", "a", "--request-id", "tags"),
        ("promote", "churn/2", "production", "--request-id", "up"),
    ):
        assert churn(*command).out == churn(*command).out
        assert "unchanged_since" not in churn(*command, "--json").document
    churn("promote", "churn/2", "staging")
    assert "moved to production" in churn(*command).out
