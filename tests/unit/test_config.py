from __future__ import annotations

import os

import pytest

from regesta_service.config import InvalidConfiguration, load

DIGEST = "sha256:" + "a" * 64


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for variable in list(os.environ):
        if variable.startswith("REGESTA_") and not variable.startswith("REGESTA_TEST_"):
            monkeypatch.delenv(variable)


def written(tmp_path, text):
    path = tmp_path / "regesta.toml"
    path.write_text(text)
    return path


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path, monkeypatch):
    file = written(tmp_path, 'listen = "127.0.0.1:1"\npool_size = 3\nmax_calls = 7\n')
    monkeypatch.setenv("REGESTA_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("REGESTA_POOL_SIZE", "4")

    settings = load({"listen": "127.0.0.1:3", "dsn": None}, file)

    assert (settings.listen, settings.pool_size, settings.max_calls) == ("127.0.0.1:3", 4, 7)


def test_a_file_named_by_the_environment_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("REGESTA_CONFIG", str(written(tmp_path, "workers = 2\n")))

    assert load({}).workers == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("lissten = 1\n", "lissten"),
        ("pool_size = 'many'\n", "pool_size"),
        ("pool_size = 1\n", "pool_size"),
        ("listen = \n", "regesta.toml"),
        ("engine = 'rust'\n", "engine"),
        ("engine = 'native'\n[tls]\ncertificate = 'c'\nkey = 'k'\n", "no TLS"),
        ("insecure_dev = true\nlisten = '0.0.0.0:1'\n", "insecure_dev"),
        (
            f"insecure_dev = true\n[[tokens]]\nprincipal='a'\nrole='reader'\ndigest='{DIGEST}'\n",
            "tokens",
        ),
        ("[[tokens]]\nprincipal='a'\nrole='reader'\n", "digest or token"),
        (f"[[tokens]]\nprincipal='a'\nrole='king'\ndigest='{DIGEST}'\n", "role"),
        ("[[tokens]]\nprincipal='a'\nrole='reader'\ndigest='sha256:abc'\n", "digest"),
        (f"[[tokens]]\nprincipal='a b'\nrole='reader'\ndigest='{DIGEST}'\n", "principal"),
        (
            f"[[tokens]]\nprincipal='a'\nrole='reader'\ndigest='{DIGEST}'\nnamespaces=['X']\n",
            "namespace",
        ),
    ],
    ids=lambda value: None if value.endswith("\n") else value.replace(" ", "_"),
)
def test_what_cannot_be_used_is_refused_by_name(tmp_path, text, named):
    with pytest.raises(InvalidConfiguration, match=named):
        load({}, written(tmp_path, text))


def test_a_variable_that_is_no_setting_is_refused(monkeypatch):
    monkeypatch.setenv("REGESTA_LISEN", "x")

    with pytest.raises(InvalidConfiguration, match="REGESTA_LISEN"):
        load({})


def test_the_client_s_variables_are_left_alone(monkeypatch):
    monkeypatch.setenv("REGESTA_TOKEN", "x")
    monkeypatch.setenv("REGESTA_TARGET", "x")

    assert load({}).tokens == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidConfiguration, match="does not exist"):
        load({}, tmp_path / "nothing.toml")


def test_secrets_are_masked_in_what_is_printed(tmp_path):
    token = "rgst_" + "s" * 43
    settings = load(
        {"dsn": "postgresql://u:hidden@h/d"},
        written(tmp_path, f"[[tokens]]\nprincipal='a'\nrole='reader'\ntoken='{token}'\n"),
    )

    assert token not in settings.model_dump_json() + repr(settings)
    assert "hidden" not in settings.model_dump_json() + repr(settings)


def test_a_fault_never_repeats_a_secret(tmp_path):
    token = "rgst_" + "s" * 43
    with pytest.raises(InvalidConfiguration) as caught:
        load({}, written(tmp_path, f"[[tokens]]\nprincipal='a'\nrole='x'\ntoken='{token}'\n"))

    assert token not in str(caught.value)


OIDC = '[[oidc]]\nissuer = "https://login.example.com"\naudience = "regesta"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[roles]]\nrole = "reader"\n', "give either principal or group"),
        ('[[roles]]\nrole = "king"\ngroup = "ml"\n', "role must be one of"),
        (OIDC.replace("https", "http"), "an issuer's address is https"),
        (OIDC + 'algorithms = ["HS256"]\n', "algorithms"),
        (OIDC + 'algorithms = ["none"]\n', "algorithms"),
        (OIDC + "algorithms = []\n", "algorithms"),
        (OIDC + OIDC, "each issuer of oidc stands once"),
        (OIDC + OIDC.replace("login", "other"), "a principal_prefix of its own"),
        ("insecure_dev = true\n" + OIDC, "exclude each other"),
    ],
)
def test_what_cannot_be_trusted_is_no_configuration(tmp_path, text, said):
    file = tmp_path / "regesta.toml"
    file.write_text(text)
    with pytest.raises(InvalidConfiguration, match=said):
        load({}, file)
