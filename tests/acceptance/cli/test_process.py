"""The program as a process: its start, its signals, its pipes, its completion."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.server_process import ServerProcess, serving

if TYPE_CHECKING:
    import regesta
    from tests.acceptance.cli.conftest import CommandLine
    from tests.databases import LiveDatabase

PROGRAM = Path(sys.executable).parent / "regesta"


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_watch_says_what_happens_as_it_happens(client: regesta.Client):
    # The namespace's creation comes first, so that the test knows that it listens.
    with started("watch", "--after", "0", "--json") as watching:
        assert watching.stdout is not None
        assert 1 == json.loads(watching.stdout.readline())["position"]
        client.register("churn", source="x")
        said = [json.loads(watching.stdout.readline()) for _ in range(2)]
        assert [(2, "ModelCreated"), (3, "VersionRegistered")] == [
            (event["position"], event["type"]) for event in said
        ]
        watching.send_signal(signal.SIGINT)
        assert watching.stderr is not None
        assert (130, "") == (watching.wait(20), watching.stderr.read().strip())


def test_watch_narrows_stops_and_resumes(churn: CommandLine):
    said = churn("watch", "--after", "0", "--type", "AliasSet", "-n", "2", "--json").events
    assert [5, 7] == [event["position"] for event in said]
    narrowed = churn("watch", "--after", "5", "--resource", "models/churn/versions/2", "-n", "1")
    assert "churn/2: moved from development to staging" in narrowed.out
    assert "         tested" in narrowed.out


def test_watch_goes_on_when_its_server_stops_and_another_comes(
    churn: CommandLine, server_database: LiveDatabase
):
    settings = ("--insecure-dev", "--dsn", server_database.service_dsn)
    with serving(*settings) as first:
        watching = started("watch", "--after", "6", "--json", "--target", first.address)
        assert watching.stdout is not None
        assert 7 == json.loads(watching.stdout.readline())["position"]
    churn("tag", "churn", "while=away")
    with watching, serving(*settings, "--listen", first.address):
        churn("tag", "churn", "back=again")
        said = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGINT)
    assert [(8, {"while": "away"}), (9, {"back": "again"})] == [
        (event["position"], event["data"]["tags"]) for event in said
    ]


def test_a_pipe_that_closes_ends_it_quietly(client: regesta.Client):
    for number in range(300):
        client.register("churn", source="x" * 500, tags={"n": str(number)})
    reading, writing = os.pipe()
    with subprocess.Popen([PROGRAM, "log"], stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        assert process.stderr is not None
        assert (b"", 141) == (process.stderr.read(), process.wait(20))


def test_no_color_and_pipes_have_no_escapes(churn: CommandLine):
    for command in (("log",), ("list",), ("show", "churn/2"), ("diff", "churn/2", "--from", "4")):
        assert "\x1b" not in churn(*command).out


def test_what_others_wrote_does_not_steer_the_terminal(churn: CommandLine):
    churn("update", "churn", "--description", "line\nand \u202e turned [bold]x[/bold]")
    assert r"\u202e turned [bold]x[/bold]" in churn("show", "churn").out


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_it_says_what_to_install(missing: str):
    script = f"import sys; sys.modules[{missing!r}] = None; from regesta.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, text=True
    )
    assert (2, "") == (ended.returncode, ended.stdout)
    assert f"needs {missing}" in ended.stderr
    assert "pip install 'regesta[cli]'" in ended.stderr


def test_the_client_itself_needs_neither(server: ServerProcess):
    script = (
        "import sys; sys.modules['click'] = sys.modules['rich'] = None; import regesta;"
        f"print(regesta.Client({server.address!r}).get_head().position > 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, text=True
    )
    assert (0, "True\n") == (ended.returncode, ended.stdout)


def test_nothing_of_the_server_is_imported():
    script = (
        "import sys, regesta.cli.program; print(sorted(name for name in sys.modules"
        " if name.startswith(('regesta_service', 'regesta_projections', 'psycopg', 'msgspec'))))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, text=True
    )
    assert "[]\n" == ended.stdout, ended.stderr


def test_it_runs_as_a_module_too():
    ended = subprocess.run(
        [sys.executable, "-m", "regesta.cli", "--version"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert (0, True) == (ended.returncode, ended.stdout.startswith("regesta, version "))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_completion_script(cli: CommandLine, shell: str):
    assert "_REGESTA_COMPLETE" in cli("completion", shell).out


def test_bash_completes_commands_and_options():
    def completed(words: str, at: int) -> list[str]:
        variables = {
            "_REGESTA_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(at),
        }
        ended = subprocess.run(
            [PROGRAM], env=os.environ | variables, capture_output=True, text=True, check=True
        )
        return [line.partition(",")[2] for line in ended.stdout.splitlines()]

    expected = [
        "receipt",
        "register",
        "reject",
        "release",
        "rename",
        "replay",
        "request",
        "requests",
        "resolve",
        "restore",
        "retention",
        "revoke",
    ]
    assert expected == sorted(completed("regesta re", 1))
    assert ["--as-of"] == completed("regesta show churn --as", 3)
    assert ["create"] == completed("regesta namespace cr", 2)


def test_a_terminal_gets_colours_unless_it_wants_none(churn: CommandLine):
    def on_a_terminal(**variables: str) -> str:
        leader, follower = os.openpty()
        environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"} | variables
        environment = {k: v for k, v in environment.items() if k != "NO_COLOR" or k in variables}
        with subprocess.Popen(
            [PROGRAM, "list", "churn"], stdout=follower, env=environment
        ) as process:
            os.close(follower)
            said = b""
            while True:
                try:
                    part = os.read(leader, 4096)
                except OSError:
                    break
                if not part:
                    break
                said += part
            assert 0 == process.wait(20)
        os.close(leader)
        return said.decode()

    assert "\x1b[33mstaging" in on_a_terminal()
    plain = on_a_terminal(NO_COLOR="1")
    assert "staging" in plain
    assert "\x1b[33m" not in plain
