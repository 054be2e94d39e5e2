"""Every block of code that a newcomer is shown, run in the order of the page."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import pytest

from tests.support.mlflow_server import mlflow_serving
from tests.support.server_process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
ADDRESS = "127.0.0.1:7421"
MLFLOW = "127.0.0.1:5000"

#: Languages of blocks that are run; all others are shown only.
RUN = {"python", "sh"}
SHOWN = {"text", "toml"}


class Block(NamedTuple):
    """A fenced block: its language, its text, and where it begins."""

    language: str
    text: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(found[1], found[2], text[: found.start()].count("\n") + 1)
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Reader:
    """Somebody who follows a page to the letter, but for the port and the home."""

    def __init__(self, home: Path, stack: contextlib.ExitStack) -> None:
        self._address = f"127.0.0.1:{free_port()}"
        self._mlflow = MLFLOW
        self._home = home
        self._stack = stack
        self._names: dict[str, Any] = {}
        self._exports: dict[str, str] = {}
        self.servers: list[ServerProcess] = []

    def follow(self, page: Path) -> None:
        for block in blocks_of(page):
            assert block.language in RUN | SHOWN, f"{page.name}:{block.line}"
            text = block.text.replace(ADDRESS, self._address).replace(MLFLOW, self._mlflow)
            if block.language == "python":
                # The lines of the page, so that a failure points there.
                code = compile("\n" * block.line + text, str(page), "exec")
                # In the home, like everything else that the page has done.
                with contextlib.chdir(self._home), mock.patch.dict(os.environ, self._exports):
                    exec(code, self._names)  # noqa: S102 - our own documentation
            elif block.language == "sh":
                self._shell(text)

    def environment(self) -> dict[str, str]:
        bare = {k: v for k, v in os.environ.items() if not k.startswith("REGESTA_")}
        return {
            **bare,
            "HOME": str(self._home),
            "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
            "REGESTA_TARGET": self._address,
            **self._exports,
        }

    def _shell(self, text: str) -> None:
        lines = text.splitlines()
        for line in lines:
            match shlex.split(line, comments=True):
                case ["regesta-server", "up", *arguments]:
                    self._serve(arguments)
                case ["mlflow", "server", *arguments]:
                    self._serve_mlflow(arguments)
                case ["pip", "install", *what]:
                    check_installation(what)
                case ["make", *targets]:
                    subprocess.run(
                        ["make", "--dry-run", *targets], cwd=ROOT, check=True, capture_output=True
                    )
                case ["export", assignment]:
                    name, _, value = assignment.partition("=")
                    self._exports[name] = value.replace("~", str(self._home))
                case []:
                    pass
                case _:
                    subprocess.run(
                        ["bash", "-euo", "pipefail", "-c", line],
                        cwd=self._home,
                        env=self.environment(),
                        check=True,
                        capture_output=True,
                    )

    def _serve(self, arguments: list[str]) -> None:
        server = ServerProcess(
            arguments,
            {
                "HOME": str(self._home),
                "REGESTA_LISTEN": self._address,
                # As root its place would be another, outside of the test.
                "REGESTA_DATA_DIR": str(self._home / ".local" / "share" / "regesta"),
            },
        )
        self._stack.callback(server.stop)
        server.wait()
        assert self._address == server.address
        self.servers.append(server)

    def _serve_mlflow(self, arguments: list[str]) -> None:
        """Start MLflow's server; where it keeps its runs is in the home, its port is a free one."""
        given = dict(zip(arguments[::2], arguments[1::2], strict=True))
        assert f"{given['--host']}:{given['--port']}" == MLFLOW
        assert given["--backend-store-uri"].startswith("sqlite:///")
        serving = mlflow_serving(
            given["--registry-store-uri"], self._home, environment=self.environment()
        )
        self._mlflow = self._stack.enter_context(serving).removeprefix("http://")


def check_installation(what: list[str]) -> None:
    """Let pip look at what is to be installed: that it is a package and has these extras."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--no-cache-dir", *what]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "does not provide the extra" not in said


@pytest.fixture
def reader(open_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    home = open_directory / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with contextlib.ExitStack() as stack:
        yield Reader(home, stack)


@pytest.mark.filterwarnings("ignore::Warning:mlflow.*")
@pytest.mark.parametrize("page", ["README.md", "docs/getting-started.md", "docs/mlflow.md"])
def test_every_block_of_code_does_what_the_page_says(page: str, reader: Reader):
    reader.follow(ROOT / page)
    assert len(reader.servers) == 1


def test_a_block_that_fails_fails_the_page(tmp_path: Path, reader: Reader):
    page = tmp_path / "page.md"
    page.write_text("```python\nassert 1 == 2\n```\n")
    with pytest.raises(AssertionError):
        reader.follow(page)
    page.write_text("```sh\nfalse\n```\n")
    with pytest.raises(subprocess.CalledProcessError):
        reader.follow(page)
