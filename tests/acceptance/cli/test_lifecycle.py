"""promote, stages, rename, delete, restore, namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.cli.conftest import CommandLine


def test_a_version_moves_through_the_stages(churn: CommandLine):
    said = churn("promote", "churn/2", "production", "--reason", "approved", "--from", "staging")
    assert "churn/2 moved to production at position 8\n" == said.out
    moved = churn("promote", "churn@champion", "staging", "--json").document
    assert ("staging", 9) == (moved["version"]["stage"], moved["position"])
    assert "approved" in churn("log", "churn/2").out


def test_a_move_that_is_not_allowed_names_those_that_are(churn: CommandLine):
    said = churn("promote", "churn/1", "production", code=4)
    assert "MOVE_NOT_ALLOWED" in said.err
    assert "staging" in said.err


def test_a_move_from_another_stage_is_refused(churn: CommandLine):
    said = churn("promote", "churn/2", "production", "--from", "development", code=4)
    assert "STAGE_MISMATCH" in said.err


def test_the_stages_are_listed(cli: CommandLine):
    assert ["development", "staging", "production", "archived"] == [
        line.split()[0] for line in cli("stages").out.splitlines()[1:]
    ]
    stages = cli("stages", "--json").document["stages"]
    assert ["staging", "archived"] == stages[0]["moves_to"]
    assert [True, True, True, False] == [stage["resolvable"] for stage in stages]


def test_a_renamed_model_is_found_under_both_names(churn: CommandLine):
    assert "leavers renamed from churn at position 8\n" == churn("rename", "churn", "leavers").out
    assert churn("show", "churn").out.startswith("leavers\n")
    assert "once called  churn" in churn("show", "leavers").out
    again = churn("rename", "leavers", "churn", "--etag", "2", "--json").document
    assert again["model"]["name"].endswith("/models/churn")


def test_what_is_deleted_comes_back_as_it_was(churn: CommandLine):
    assert "churn/2 deleted at position 8\n" == churn("delete", "churn/2", "--reason", "bad").out
    assert "VERSION_DELETED" in churn("resolve", "churn@champion", code=4).err
    assert "deleted" in churn("show", "churn/2").out
    assert "churn/2 restored at position 9\n" == churn("restore", "churn/2").out
    assert "NOT_DELETED" in churn("restore", "churn/2", code=4).err
    deleted = churn("delete", "churn", "--json").document["model"]
    assert deleted["delete_time"] is not None
    assert "MODEL_DELETED" in churn("register", "churn", code=4).err
    assert churn("restore", "churn", "--json").document["model"]["delete_time"] is None


def test_an_alias_is_not_deleted_by_mistake(churn: CommandLine):
    assert "by its number" in churn("delete", "churn@champion", code=2).err


def test_namespaces_are_created_and_listed(cli: CommandLine, namespace: str):
    made = f"{namespace}-more"
    assert f"{made} created\n" == cli("namespace", "create", made).out
    assert "NAMESPACE_EXISTS" in cli("namespace", "create", made, code=4).err
    listed = [line.split()[0] for line in cli("namespace", "list").out.splitlines()]
    assert {namespace, made} <= set(listed)
    names = [one["name"] for one in cli("namespace", "list", "--json").document["namespaces"]]
    assert f"namespaces/{made}" in names
    json_made = cli("namespace", "create", f"{made}-json", "--json").document["namespace"]
    assert f"namespaces/{made}-json" == json_made["name"]
