"""What things may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.names import (
    MAX_VERSION_NUMBER,
    AliasName,
    InvalidName,
    ModelName,
    NamespaceName,
    VersionName,
    check_alias,
    check_hold,
    check_id,
    check_model,
    check_namespace,
    check_request_id,
    check_semver,
    check_stage,
    check_tag_key,
    check_tag_value,
    check_version_number,
    model_key,
    parse,
    parse_version_number,
)

namespaces = st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True)
models = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", fullmatch=True)
numbers = st.integers(1, MAX_VERSION_NUMBER)
aliases = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,254}", fullmatch=True).filter(
    lambda text: text.lower() != "latest" and not text.lower().removeprefix("v").isdigit()
)
resource_names = (
    st.builds(NamespaceName, namespaces)
    | st.builds(ModelName, namespaces, models)
    | st.builds(VersionName, namespaces, models, numbers)
    | st.builds(AliasName, namespaces, models, aliases)
)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (check_namespace, "a"),
        (check_namespace, "fraud-team-2"),
        (check_namespace, "a" * 63),
        (check_model, "c"),
        (check_model, "Credit_Risk-v1.2"),
        (check_model, "3"),
        (check_model, "a" * 255),
        (check_alias, "champion"),
        (check_alias, "2024-q1"),
        (check_alias, "v3-final"),
        (check_alias, "latest-good"),
        (check_alias, "vv3"),
        (check_alias, "Champion"),
        (check_alias, "test_alias"),
        (check_alias, "_"),
        (check_alias, "1_0"),
        (check_alias, "Latest_good"),
        (check_alias, "a" * 255),
        (check_hold, "2024-q1"),
        (check_id, "a" * 63),
        (check_stage, "production"),
        (check_stage, "pre-2-prod"),
        (check_semver, "1.0.0-rc.1+build.5"),
        (check_tag_key, "team"),
        (check_tag_key, " mlflow.note ключ \U0001f600/:@#"),
        (check_tag_key, "k" * 250),
        (check_tag_value, ""),
        (check_tag_value, "a\r\n\tb \U0001f600"),
        (check_tag_value, "v" * 100_000),
        (check_request_id, "01890a5d-ac96-774b-bcce-b302099a8057"),
        (check_request_id, "A.z_9:-"),
    ],
)
def test_a_name_within_its_rule_is_given_back(check, text):
    assert text == check(text)


@pytest.mark.parametrize(
    ("check", "reason", "texts"),
    [
        (
            check_namespace,
            "NAMESPACE_NAME_INVALID",
            ["", "A", "1a", "-a", "a_b", "a.b", "a/b", "a\n", "é", "a" * 64],
        ),
        (
            check_model,
            "MODEL_NAME_INVALID",
            ["", ".a", "-a", "_a", "a b", "a/b", "a:b", "a@b", "a#b", "a%b", "a\n", "a\0", "é"],
        ),
        (
            check_alias,
            "ALIAS_INVALID",
            ["", "-a", "a.b", "a b", "^1", "a\n", "a/b", "\u00e9", "\u017f", "a" * 256],
        ),
        (check_hold, "HOLD_NAME_INVALID", ["", "-a", "A", "a_b", "a" * 64]),
        (check_id, "ID_INVALID", ["", "-a", "A", "a_b", "a" * 64]),
        # A Cyrillic letter that looks like a Latin one.
        (check_model, "MODEL_NAME_INVALID", ["\u0430", "a" * 256]),
        (
            check_alias,
            "ALIAS_RESERVED",
            ["latest", "Latest", "LATEST", "3", "0", "007", "v3", "V3", "v0", "V007", "9" * 255],
        ),
        (check_stage, "STAGE_INVALID", ["", "Production", "1st", "-a", "a_b", "a\n", "a" * 64]),
        (check_semver, "SEMVER_INVALID", ["", "1.0", "v1.0.0", "1.0.0\n", "^1.0.0"]),
        (
            check_tag_key,
            "TAG_KEY_INVALID",
            ["", "a\n", "a\tb", "a\0", "\x7f", "\x85", "\ud800", "k" * 251],
        ),
        (
            check_tag_value,
            "TAG_VALUE_INVALID",
            ["\0", "a\x0b", "\x1b[31m", "\x7f", "\x9f", "\udfff", "v" * 100_001],
        ),
        (check_request_id, "REQUEST_ID_INVALID", ["", "a b", "a/b", "a\n", "é", "a" * 65]),
    ],
)
def test_a_name_outside_its_rule_is_refused(check, reason, texts):
    for text in texts:
        with pytest.raises(InvalidName) as refusal:
            check(text)

        assert reason == refusal.value.reason
        assert refusal.value.message == str(refusal.value)


@pytest.mark.parametrize(
    "check",
    [
        check_namespace,
        check_model,
        check_alias,
        check_stage,
        check_semver,
        check_tag_key,
        check_tag_value,
        check_request_id,
        parse_version_number,
        parse,
    ],
)
def test_a_refusal_does_not_repeat_what_it_refused(check):
    with pytest.raises(InvalidName) as refusal:
        check("canary\x1b[31m")

    assert "canary" not in str(refusal.value)


@given(models)
def test_a_model_is_the_same_in_any_case(name):
    assert model_key(name) == model_key(name.upper()) == model_key(name.swapcase())


def test_only_names_have_a_key():
    # In lower case the Kelvin sign would become an ASCII k.
    with pytest.raises(InvalidName):
        model_key("\u212a")


@given(numbers)
def test_a_version_number_has_one_spelling(number):
    assert number == parse_version_number(str(number)) == check_version_number(number)


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "+1", "01", "1.0", "1_0", " 1", "1\n", "v1", "٣", "2147483648", "9" * 99],
)
def test_another_spelling_of_a_number_is_refused(text):
    with pytest.raises(InvalidName) as refusal:
        parse_version_number(text)

    assert refusal.value.reason == "VERSION_NUMBER_INVALID"


@pytest.mark.parametrize("number", [-1, 0, MAX_VERSION_NUMBER + 1])
def test_a_number_that_no_version_has_is_refused(number):
    with pytest.raises(InvalidName):
        check_version_number(number)


@given(resource_names)
def test_a_resource_name_reads_back(name):
    assert name == parse(str(name))
    assert name == type(name).parse(str(name))


def test_the_longest_resource_names_read_back():
    name = AliasName("n" * 63, "m" * 255, "a" * 255)

    assert name == parse(str(name))


def test_aliases_are_told_apart_by_case():
    assert AliasName("team", "churn", "Champion") != AliasName("team", "churn", "champion")
    assert "Champion" == check_alias("Champion")


def test_resource_names_are_written_as_paths():
    version = VersionName("team", "churn", 3)

    assert str(version) == "namespaces/team/models/churn/versions/3"
    assert str(version.parent) == "namespaces/team/models/churn"
    assert str(version.parent.parent) == "namespaces/team"
    assert str(AliasName("team", "churn", "champion")) == (
        "namespaces/team/models/churn/aliases/champion"
    )
    assert AliasName("team", "churn", "champion").parent == version.parent


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "RESOURCE_NAME_INVALID"),
        ("namespaces", "RESOURCE_NAME_INVALID"),
        ("/namespaces/team", "RESOURCE_NAME_INVALID"),
        ("namespaces/team/", "RESOURCE_NAME_INVALID"),
        ("namespaces/team/models", "RESOURCE_NAME_INVALID"),
        ("Namespaces/team", "RESOURCE_NAME_INVALID"),
        ("namespaces/team/models/churn/stages/production", "RESOURCE_NAME_INVALID"),
        ("namespaces/team/models/churn/versions/3/files", "RESOURCE_NAME_INVALID"),
        ("models/churn", "RESOURCE_NAME_INVALID"),
        ("/" * 100_000, "RESOURCE_NAME_INVALID"),
        ("namespaces/", "NAMESPACE_NAME_INVALID"),
        ("namespaces/-", "NAMESPACE_NAME_INVALID"),
        ("namespaces/team/models/..", "MODEL_NAME_INVALID"),
        ("namespaces/team/models/churn/versions/latest", "VERSION_NUMBER_INVALID"),
        ("namespaces/team/models/churn/versions/03", "VERSION_NUMBER_INVALID"),
        ("namespaces/team/models/churn/aliases/v3", "ALIAS_RESERVED"),
    ],
)
def test_what_is_no_resource_name_is_refused(text, reason):
    with pytest.raises(InvalidName) as refusal:
        parse(text)

    assert reason == refusal.value.reason


def test_a_resource_name_of_another_kind_is_refused():
    with pytest.raises(InvalidName, match=r"namespaces/\{namespace\}/models/\{model\}$"):
        ModelName.parse("namespaces/team")


@pytest.mark.parametrize(
    "build",
    [
        lambda: NamespaceName("Team"),
        lambda: ModelName("team", "a/b"),
        lambda: VersionName("team", "churn", 0),
        lambda: AliasName("team", "churn", "latest"),
    ],
    ids=["namespace", "model", "version", "alias"],
)
def test_no_resource_name_is_built_from_an_invalid_part(build):
    with pytest.raises(InvalidName):
        build()
