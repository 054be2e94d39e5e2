from __future__ import annotations

from pathlib import Path

import pytest

from regesta.mlflow.settings import InvalidUri, Settings, parse_uri


def test_a_uri_says_where_the_registry_is() -> None:
    assert parse_uri("regesta://registry.example:443/fraud", {}) == Settings(
        "registry.example:443", "fraud"
    )


def test_port_and_namespace_may_be_left_out() -> None:
    assert parse_uri("regesta://localhost", {}) == Settings("localhost:7421", "default")
    assert parse_uri("regesta://localhost/", {}).namespace == "default"


def test_an_address_of_version_6_keeps_its_brackets() -> None:
    assert parse_uri("regesta://[::1]:7/team", {}).target == "[::1]:7"


def test_options_stand_behind() -> None:
    settings = parse_uri("regesta://r/team?tls=true&timeout=2.5&forward=no", {})
    assert settings == Settings("r:7421", "team", tls=True, timeout=2.5, forward=False)
    assert parse_uri("regesta://r/team?ca=/etc/ca.pem", {}).tls == Path("/etc/ca.pem")


def test_the_environment_has_the_credential() -> None:
    assert parse_uri("regesta://r", {"REGESTA_TOKEN": "secret"}).token == "secret"
    assert parse_uri("regesta://r", {"REGESTA_CA": "/ca.pem"}).tls == Path("/ca.pem")


def test_a_file_may_have_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    variables = {"REGESTA_TOKEN_FILE": str(tmp_path / "token")}
    assert parse_uri("regesta://r", variables).token == "secret"
    with pytest.raises(InvalidUri, match="REGESTA_TOKEN_FILE cannot be read"):
        parse_uri("regesta://r", {"REGESTA_TOKEN_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("", "has the form"),
        ("http://r/team", "has the form"),
        ("regesta:///team", "has the form"),
        ("regesta://r/team#x", "has the form"),
        ("regesta://r:port/team", "has the form"),
        ("regesta://r/Team", "namespace's name"),
        ("regesta://r/a/b", "namespace's name"),
        ("regesta://user:secret@r/team", "no place for a credential"),
        ("regesta://r/team?token=secret", "has the options"),
        ("regesta://r/team?tls=maybe", "true or false"),
        ("regesta://r/team?tls=true&tls=false", "twice"),
        ("regesta://r/team?timeout=0", "seconds"),
        ("regesta://r/team?timeout=nan", "seconds"),
        ("regesta://r/team?timeout=soon", "seconds"),
    ],
)
def test_what_cannot_be_understood_is_refused(uri: str, why: str) -> None:
    with pytest.raises(InvalidUri, match=why) as refused:
        parse_uri(uri, {})
    assert "secret" not in str(refused.value)
