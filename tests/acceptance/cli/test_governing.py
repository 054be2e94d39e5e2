"""Policies, requests and evaluations from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.cli.conftest import CommandLine

FILE = """
[[lifecycles]]
id = "two-step"
models = ["churn*"]
stages = [
    { name = "draft", moves_to = ["live"] },
    { name = "live", moves_to = ["draft"], exclusive = true, displaced_to = "draft" },
]

[[policies]]
id = "gate"
models = ["churn*"]
stages = ["live"]
aliases = ["champion"]
required_tags = ["risk-class"]
evaluations = [
    { dataset = "holdout", method = "benchmark", max_age = "30d", thresholds = ["auc >= 0.9"] },
]
conditions = [{ id = "team", expression = "model.owner != ''", message = "it has an owner" }]
"""


@pytest.fixture
def governed(cli: CommandLine, tmp_path: Path) -> CommandLine:
    file = tmp_path / "policies.toml"
    file.write_text(FILE)
    cli("policy", "apply", str(file), "--reason", "SOC 2")
    cli("create", "churn", "--owner", "risk")
    cli("register", "churn", "--source", "s3://churn/1")
    return cli


def test_a_file_is_applied_again_and_changes_nothing(governed: CommandLine, tmp_path: Path):
    said = governed("policy", "apply", str(tmp_path / "policies.toml")).out
    assert "lifecycle two-step version 1, since position 2" in said
    assert "policy gate version 1, since position 3" in said
    shown = governed("policy", "show").out
    assert "draft → live" in shown
    assert "#live, @champion" in shown
    governed("policy", "remove", "gate")
    governed("policy", "remove", "two-step", "--lifecycle")
    left = governed("--json", "policy", "show").document
    assert ([], []) == (left["policies"], left["lifecycles"])


def test_a_move_is_checked_and_made_once_it_meets_the_policy(governed: CommandLine):
    refused = governed("check", "churn/1", "live", code=4).out
    assert "tag risk-class" in refused
    assert "it would be refused" in refused
    why = governed("promote", "churn/1", "live", code=4).err
    assert "the policy gate is not met" in why
    assert "RecordEvaluation" in why

    governed("tag", "churn/1", "risk-class=high")
    governed("evaluate", "churn/1", "--dataset", "holdout", "--metric", "auc=0.93")
    assert "it would be allowed" in governed("check", "churn/1", "live").out
    assert "moved to live" in governed("promote", "churn/1", "live").out


def test_a_request_is_listed_and_ends(governed: CommandLine):
    asked = governed("--json", "request", "churn/1", "@champion", "--reason", "better").document
    name = asked["request"]["name"].rpartition("/")[2]
    assert "@champion" in governed("requests").out
    # Who asked is the only one here, and nobody approves their own.
    assert "asked for this move" in governed("approve", name, code=5).err
    assert "is rejected" in governed("reject", name, "--reason", "no").out
    assert "is rejected; ask for the move again" in governed("cancel", name, code=4).err
    assert name not in governed("requests").out
    assert name in governed("requests", "--all").out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[[policies]", "Expected ']]'"),
        ("[[rules]]", "there is no [[rules]]"),
        ("", "it defines no policy"),
        ("[[policies]]\nstages = ['live']", "it has an id"),
        ("[[policies]]\nid = 'a'\nstage = 'live'", 'no field named "stage"'),
        ("[[policies]]\nid = 'a'\n[[policies]]\nid = 'a'", "a is there already"),
        ("[[policies]]\nid = 'a'\nevaluations = [{ max_age = 'soon' }]", "an age is written"),
        ("[[policies]]\nid = 'a'\nevaluations = [{ thresholds = ['auc'] }]", "auc >= 0.9"),
    ],
)
def test_a_file_that_makes_no_sense_is_told_where(
    cli: CommandLine, tmp_path: Path, content: str, says: str
):
    file = tmp_path / "policies.toml"
    file.write_text(content)
    assert says in cli("policy", "apply", str(file), code=2).err


def test_a_policy_is_tried_on_the_past(cli: CommandLine, tmp_path: Path):
    file = tmp_path / "policies.toml"
    file.write_text('[[policies]]\nid = "risky"\nstages = ["staging"]\nrequired_tags = ["risk"]\n')
    for number in (1, 2):
        cli("register", "churn", "--source", f"s3://churn/{number}")
        if number == 2:
            cli("tag", "churn/2", "risk=low")
        cli("promote", f"churn/{number}", "staging")
    said = cli("policy", "test", str(file), code=7).out
    assert "the policy risky would have refused 1 of 2 moves" in said
    assert "churn/1 to #staging by anonymous: tag risk" in said
    document = cli("--json", "policy", "test", str(file), "--until", "1").document
    assert {"risky": {"moves": 0, "refused": 0, "refusals": []}} == document["policies"]
