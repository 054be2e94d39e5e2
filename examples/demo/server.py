"""A server for the demo: a process of its own, with a database of its own, thrown away."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from regesta_service.access.tokens import digest_of, new_token
from regesta_service.postgres.binaries import BINDIR_VARIABLE

if TYPE_CHECKING:
    from types import TracebackType

    from examples.demo.interrupting import Interruption

#: Seconds. A first start makes a PostgreSQL cluster, which takes about three.
_START_TIMEOUT = 45.0
_STOP_TIMEOUT = 20.0
_POLL = 0.05

_SERVES = "regesta serves on "


class ServerFailed(Exception):
    """The server did not start; the message has what it said."""


class Person(NamedTuple):
    """Somebody who calls: the name that stands in the log, the role, the kind."""

    name: str
    role: str
    kind: str


#: Who takes part. The pipeline may register but not promote, rita approves but does not
#: promote, rosa promotes but not what nobody else approved; nobody is an administrator.
PEOPLE = (
    Person("train-pipeline", "registrar", "service_account"),
    Person("rosa", "maintainer", "user"),
    Person("rita", "reviewer", "user"),
    Person("call-center", "reader", "service_account"),
    Person("audra", "auditor", "user"),
)


class DemoServer:
    """`regesta-server up` as anybody would start it; a context manager.

    Args:
        interruption: Ends the wait for the server.

    Attributes:
        address: Where it serves; known inside the context.
        home: Its data directory.
        tokens: The token of each of `PEOPLE`, by name.
    """

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption
        self.address = ""
        self.tokens = {person.name: new_token() for person in PEOPLE}
        self._place = Path(tempfile.mkdtemp(prefix="regesta-demo-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        """Where the server keeps its data."""
        return self._place / "data"

    @property
    def scratch(self) -> Path:
        """A directory for files of the demo, removed with the rest."""
        return self._place

    def __enter__(self) -> Self:
        """Start the server and return when it serves.

        Raises:
            ServerFailed: It ended, or takes too long.
            Interrupted: Somebody wants the demo to end.
        """
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and remove everything it wrote."""
        self._stop()

    def _start(self) -> None:
        # PostgreSQL refuses to run as root; whoever runs it for root has to get in here.
        self._place.chmod(0o711)
        config = self._place / "regesta.toml"
        config.touch(mode=0o600)
        config.write_text(self._configuration())
        program = Path(sys.executable).with_name("regesta-server")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "up", "--config", config],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C comes to us, and we stop it in order
            )
        self._await_address(self._process)

    def _configuration(self) -> str:
        tokens = "".join(
            f'\n[[tokens]]\nprincipal = "{person.name}"\nrole = "{person.role}"\n'
            f'kind = "{person.kind}"\ndigest = "{digest_of(self.tokens[person.name])}"\n'
            for person in PEOPLE
        )
        return f'listen = "127.0.0.1:0"\ndata_dir = "{self.home}"\n{tokens}'

    @property
    def _log(self) -> Path:
        return self._place / "server.log"

    def _await_address(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            self._interruption.check()
            for line in self._log.read_text(errors="replace").splitlines():
                if line.startswith(_SERVES):
                    self.address = line.removeprefix(_SERVES).strip()
                    return
            if process.poll() is not None:
                raise ServerFailed(f"it ended with code {process.returncode}\n{self.last_words()}")
            time.sleep(_POLL)
        raise ServerFailed(f"it does not serve after {_START_TIMEOUT:g} s\n{self.last_words()}")

    def last_words(self, lines: int = 15) -> str:
        """Return the last lines that the server printed or logged."""
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_TIMEOUT)
            if self._process.poll() is None:
                self._process.kill()  # PostgreSQL ends with the process that started it
                self._process.wait()
        shutil.rmtree(self._place, ignore_errors=True)


def _environment() -> dict[str, str]:
    """Return ours without what would configure the server, but for where PostgreSQL is."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("REGESTA_") or name == BINDIR_VARIABLE
    }
