"""A real server in a process of its own, for tests that call it as users do."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0
SAY_TIMEOUT = 10.0
_SERVES = "regesta serves on "


class ServerProcess:
    """`regesta-server up`, started and waited for.

    Args:
        arguments: Of the command line, after `up`.
        environment: Variables beside those of this process.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        bare = {k: v for k, v in os.environ.items() if not k.startswith("REGESTA_")}
        kept = {k: v for k, v in os.environ.items() if k == "REGESTA_PG_BINDIR"}
        self.process = subprocess.Popen(
            [Path(sys.executable).parent / "regesta-server", "up", *arguments],
            env={**bare, **kept, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        #: What it said on standard output and standard error, line by line.
        self.said: list[str] = []
        self.logged: list[str] = []
        self._serves = threading.Event()
        self.address = ""
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in (
                (self.process.stdout, self.said),
                (self.process.stderr, self.logged),
            )
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                lines.append(line.rstrip("\n"))
                if line.startswith(_SERVES):
                    self.address = line.removeprefix(_SERVES).strip()
                    self._serves.set()
        self._serves.set()

    def wait(self) -> None:
        """Return when it serves; fail with what it said otherwise."""
        if not self._serves.wait(START_TIMEOUT) or not self.address:
            self.kill()
            raise AssertionError("\n".join(["it does not serve", *self.said, *self.logged]))

    def until_it_says(self, text: str) -> str:
        """Return all that it said, when a line with `text` has come: it comes through a pipe."""
        deadline = time.monotonic() + SAY_TIMEOUT
        while not any(text in line for line in [*self.said, *self.logged]):
            assert time.monotonic() < deadline, f"it does not say {text!r}"
            time.sleep(0.02)
        return "\n".join([*self.said, *self.logged])

    def ended(self) -> int:
        """Return its exit code when it has ended by itself and all it said has come."""
        try:
            code = self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("\n".join(["it does not stop", *self.logged])) from None
        for reader in self._readers:
            reader.join()
        return code

    def stop(self) -> int:
        """Ask it to stop, as an operator does, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def kill(self) -> int:
        """End it at once."""
        if self.process.poll() is None:
            self.process.kill()
        return self.ended()


@contextlib.contextmanager
def serving(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Yield a server that serves on a free port; it is stopped afterwards."""
    server = ServerProcess(["--listen", "127.0.0.1:0", *arguments], environment)
    try:
        server.wait()
        yield server
    finally:
        server.stop()
