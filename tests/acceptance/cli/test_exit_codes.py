"""Each way to fail has its exit code, one reason, and a way out."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.server_process import ServerProcess, serving

if TYPE_CHECKING:
    from tests.acceptance.cli.conftest import CommandLine
    from tests.databases import LiveDatabase

SERVER = Path(sys.executable).parent / "regesta-server"


@pytest.fixture(scope="module")
def guarded(
    server: ServerProcess, server_database: LiveDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """A server that wants tokens: its address, and a file with the token of a reader."""
    place = tmp_path_factory.mktemp("tokens")
    said = subprocess.run(
        [SERVER, "token", "new", "--principal", "ann", "--role", "reader"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    token = re.search(r"^ +(rgst_\S+)$", said, re.MULTILINE)
    assert token is not None
    (place / "token").write_text(token[1] + "\n")
    config = place / "regesta.toml"
    config.write_text(said.partition("configuration:\n")[2])
    with serving("--config", str(config), "--dsn", server_database.service_dsn) as process:
        yield process.address, place / "token"


USAGE = [
    "nonsense",
    "show",
    "show a/b/c",
    "show churn --as-of yesterday",
    "list churn/1",
    "list --limit 0",
    "register churn --metric auc=high",
    "register churn --property k",
    "register churn --file /no/such/file",
    "update churn",
    "update churn/1 --owner me",
    "tag churn",
    "alias churn 1",
    "alias churn@x",
    "alias churn@x 1 --remove",
    "label churn 1.0.0",
    "promote churn production",
    "resolve churn",
    "rename churn/1 x",
    "restore churn@champion",
    "search nothing",
    "search models --model churn",
    "log --alone",
    "replay --resource churn@latest",
    "watch --resource other/churn",
    "log --as-of 3",
    "diff churn",
    "show churn@champion --card",
    "show churn --token-file /no/such/file",
    "show churn --ca /no/such/file",
    "show churn --timeout 0",
    "completion powershell",
]


@pytest.mark.parametrize("command", USAGE)
def test_a_command_that_cannot_be_understood_ends_with_2(churn: CommandLine, command: str):
    said = churn(*command.split(), code=2)
    assert "" == said.out
    assert said.err.startswith("error: ")
    assert len(said.err.splitlines()) <= 2
    found = json.loads(churn(*command.split(), "--json", code=2).err)
    assert ("INVALID_ARGUMENT", "USAGE") == (found["error"]["code"], found["error"]["reason"])


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        ("register churn --metric auc=nan", 2, "INVALID_FIELD"),
        ("search versions stage=", 2, "INVALID_FILTER"),
        ("show churn --as-of 1000000", 2, "MOMENT_OUT_OF_RANGE"),
        ("show nothing", 3, "MODEL_NOT_FOUND"),
        ("list nothing", 3, "MODEL_NOT_FOUND"),
        ("show churn/99", 3, "VERSION_NOT_FOUND"),
        ("show churn@nobody", 3, "ALIAS_NOT_FOUND"),
        ("resolve churn@^9", 3, "NO_VERSION_MATCHES"),
        ("list --namespace nowhere", 3, "NAMESPACE_NOT_FOUND"),
        ("watch --namespace nowhere", 3, "NAMESPACE_NOT_FOUND"),
        ("create churn", 4, "MODEL_EXISTS"),
        ("promote churn/1 production", 4, "MOVE_NOT_ALLOWED"),
        ("alias churn@champion 1 --etag 1", 4, "REVISION_MISMATCH"),
    ],
)
def test_a_refused_call_ends_with_the_code_of_its_reason(
    churn: CommandLine, command: str, code: int, reason: str
):
    said = churn(*command.split(), code=code)
    assert "" == said.out
    assert said.err.startswith("error: ")
    assert f"({reason})" in said.err
    found = json.loads(churn(*command.split(), "--json", code=code).err)
    assert reason == found["error"]["reason"]


def test_each_field_that_breaks_a_rule_is_a_line(cli: CommandLine):
    said = cli("register", "churn", "--metric", "a=nan", "--source", "x" * 5000, code=2)
    lines = said.err.splitlines()
    assert ['  version.metrics["a"]', "  version.source"] == sorted(
        line.split(": ")[0] for line in lines[1:]
    )
    found = cli("register", "churn", "--metric", "a=nan", "--source", "x" * 5000, "--json", code=2)
    assert 2 == len(json.loads(found.err)["error"]["violations"])


def test_without_a_token_it_ends_with_5_and_says_where_to_put_one(
    cli: CommandLine, guarded: tuple[str, Path]
):
    address, _ = guarded
    said = cli("list", "--target", address, code=5)
    assert "--token-file" in said.err
    assert (
        "UNAUTHENTICATED"
        == json.loads(cli("list", "--target", address, "--json", code=5).err)["error"]["code"]
    )
    cli("list", "--target", address, "--token", "wrong", code=5)


def test_with_a_token_one_may_do_what_its_role_may(
    cli: CommandLine, guarded: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
):
    address, token = guarded
    cli("list", "--target", address, "--token-file", str(token))
    cli("list", "--target", address, "--token", token.read_text().strip())
    said = cli("create", "churn", "--target", address, "--token-file", str(token), code=5)
    assert "catalog.register" in said.err
    cli("verify", "--target", address, "--token-file", str(token), code=5)
    monkeypatch.setenv("REGESTA_TOKEN_FILE", str(token))
    cli("list", "--target", address)
    monkeypatch.setenv("REGESTA_TOKEN", "wrong")
    cli("list", "--target", address, code=5)
    # A file that is asked for goes before a token that only lies about.
    cli("--token-file", str(token), "list", "--target", address)
    both = cli("--token-file", str(token), "--token", "x", "list", code=2)
    assert "not both" in both.err


def test_without_a_server_it_ends_with_6_and_says_how_to_start_one(cli: CommandLine):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{probe.getsockname()[1]}"
    for command in ("list", "watch", "replay", "verify"):
        said = cli(command, "--target", target, code=6).err.splitlines()
        assert said[0].startswith(f"error: no server answers at {target}: ")
        assert "regesta-server up" in said[1]
    said = cli(
        "create", "churn", "--request-id", "mine", "--target", target, code=6
    ).err.splitlines()
    assert "--request-id mine" in said[1]


def test_a_server_that_takes_too_long_ends_with_6(cli: CommandLine):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        said = cli("list", "--target", target, "--timeout", "0.3", code=6)
    assert said.err.startswith("error: ")
