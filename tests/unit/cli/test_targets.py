"""What a command is about."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from regesta.cli.targets import InvalidTarget, parse_target, short, short_of
from regesta.names import AliasName, ModelName, VersionName

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("churn", ModelName("n", "churn")),
        ("team/churn", ModelName("team", "churn")),
        ("7", ModelName("n", "7")),
        ("models/churn", ModelName("n", "churn")),
        ("namespaces/team/models/churn", ModelName("team", "churn")),
        ("churn/3", VersionName("n", "churn", 3)),
        ("team/churn/3", VersionName("team", "churn", 3)),
        ("models/churn/versions/3", VersionName("n", "churn", 3)),
        ("namespaces/team/models/churn/versions/3", VersionName("team", "churn", 3)),
        ("regesta://team/churn/3", VersionName("team", "churn", 3)),
        ("models:/churn/3", VersionName("n", "churn", 3)),
        ("churn@champion", AliasName("n", "churn", "champion")),
        ("models/churn/aliases/champion", AliasName("n", "churn", "champion")),
    ],
)
def test_a_resource_is_named_in_many_ways(text, subject):
    target = parse_target(text, "n")
    assert (subject.namespace, subject) == (target.namespace, target.subject)


@pytest.mark.parametrize("text", ["churn#production", "churn@^1.2", "churn@latest", DIGEST])
def test_what_must_be_resolved_stays_an_address(text):
    target = parse_target(f"team/{text}", "n")
    assert ("team", text) == (target.namespace, str(target.subject))


def test_an_address_may_name_its_moment():
    assert 120 == parse_target("churn@champion?as_of=120", "n").as_of
    assert (
        datetime(2026, 11, 21, tzinfo=UTC)
        == parse_target("churn@latest?as_of=2026-11-21T00:00:00Z", "n").as_of
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-churn",
        "a/b/c/d",
        "churn/0",
        "churn/03",
        "churn@",
        "churn@3",
        "namespaces/team",
        "namespaces/team/models/",
        "churn?as_of=3",
        "TEAM/churn",
    ],
)
def test_what_names_nothing_is_refused(text):
    with pytest.raises(InvalidTarget):
        parse_target(text, "n")


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ("models/churn", "churn"),
        ("models/churn/versions/3", "churn/3"),
        ("namespaces/team/models/churn/aliases/champion", "churn@champion"),
        ("namespace", "namespace"),
        ("namespaces/team", "namespaces/team"),
        ("flags/new-thing", "flags/new-thing"),
    ],
)
def test_resources_have_short_names_and_unknown_ones_keep_theirs(resource, said):
    assert said == short_of(resource)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (ModelName("n", "churn"), "churn"),
        (VersionName("n", "churn", 3), "churn/3"),
        (AliasName("n", "churn", "champion"), "churn@champion"),
    ],
)
def test_the_short_name_is_what_people_write(name, said):
    assert said == short(name)
    assert name == parse_target(said, "n").subject
