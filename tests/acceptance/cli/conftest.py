"""The command line in the namespace of a test, run as a user runs it but for the process."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from regesta.cli.program import run

if TYPE_CHECKING:
    from tests.support.server_process import ServerProcess


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)

    @property
    def events(self) -> list[Any]:
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


class CommandLine(Protocol):
    """Runs a command that is to end with an exit code."""

    def __call__(self, *arguments: str, code: int = 0) -> Result: ...


@pytest.fixture(autouse=True)
def environment(
    server: ServerProcess,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Name the server and the namespace as a user's shell would, and nothing else."""
    # What is remembered of servers: that of another run may have had this address.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    for name in os.environ:
        if name.startswith("REGESTA_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("REGESTA_TARGET", server.address)
    monkeypatch.setenv("REGESTA_NAMESPACE", namespace)


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> CommandLine:
    def call(*arguments: str, code: int = 0) -> Result:
        capfd.readouterr()
        ended = run(arguments)
        out, err = capfd.readouterr()
        assert code == ended, (arguments, out, err)
        return Result(ended, out, err)

    return call


@pytest.fixture
def churn(cli: CommandLine) -> CommandLine:
    """A namespace in which a few things happened to a model; see the positions."""
    for command in (
        "create churn --owner risk --tag team=risk --reason first",  # 2
        "register churn --source s3://churn/1 --metric auc=0.81 --semver 1.0.0",  # 3
        "register churn --source s3://churn/2 --metric auc=0.86 --tag a=1",  # 4
        "alias churn@champion 1",  # 5
        "promote churn/2 staging --reason tested",  # 6
        "alias churn@champion 2 --reason better",  # 7
    ):
        cli(*command.split())
    return cli
