"""Chromium without a window, for pages that must work from a file, and those of servers.

It is steered through a pipe (Chrome's DevTools protocol): waiting for the page's own verdict is
sure, while `--dump-dom` takes the page as it is when nothing seems to be under way.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")

#: Seconds until a page must have come to a verdict.
PATIENCE = 60.0

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
# The browser reads commands from descriptor 3 and writes answers to 4.
_START = 'exec "$@" 3<&{} 4>&{}'

_RESULT = """document.readyState === "complete" && JSON.stringify([
    document.body.dataset.verdict || "", Object.fromEntries(
    Array.from(document.querySelectorAll("[data-check]"), row => [row.dataset.check, row.dataset.result]))])"""


def opened(page: Path, profile: Path) -> tuple[str, dict[str, str]]:
    """Open a page that verifies and return its verdict, and the result of each check."""
    with _browsing(profile) as steered:
        return _verdict(steered, page)


def shown(url: str, profile: Path, *, until: Sequence[str], picture: Path) -> str:
    """Open a page of a server and return its text once it has all of some words.

    Args:
        url: The page.
        profile: An empty folder for the browser's own files.
        until: The words.
        picture: Where to keep what it looks like then.
    """
    with _browsing(profile) as steered:
        session = steered.tab(url)
        steered.ask(
            "Emulation.setDeviceMetricsOverride", session,
            width=1280, height=900, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        text = ""
        while time.monotonic() < deadline:
            text = steered.value(session, "document.body ? document.body.innerText : ''")
            if all(word in text for word in until):
                image = steered.ask("Page.captureScreenshot", session, format="png")
                picture.parent.mkdir(parents=True, exist_ok=True)
                picture.write_bytes(base64.b64decode(image["data"]))
                return text
            time.sleep(0.2)
    raise AssertionError(f"{url} does not show {until}, but:\n{text}")


@contextlib.contextmanager
def _browsing(profile: Path) -> Iterator[_Browser]:
    """Start the browser; it is ended afterwards."""
    assert PROGRAM is not None
    commands, answers = os.pipe(), os.pipe()
    process = subprocess.Popen(
        ["bash", "-c", _START.format(commands[0], answers[1]), "-", PROGRAM, *_FLAGS,
         f"--user-data-dir={profile}"],
        pass_fds=(commands[0], answers[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(commands[0])
    os.close(answers[1])
    with os.fdopen(commands[1], "wb", 0) as out, os.fdopen(answers[0], "rb") as back:
        try:
            yield _Browser(out, back)
        finally:
            process.kill()
            process.wait()


class _Browser:
    """Sends one command after the other."""

    def __init__(self, out: IO[bytes], back: IO[bytes]) -> None:
        self._out = out
        self._back = back
        self._number = 0
        self._rest = b""

    def ask(self, method: str, session: str = "", **parameters: object) -> dict[str, Any]:
        """Send a command and return its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._out.write(json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._number:
            pass
        return cast("dict[str, Any]", answer["result"])

    def tab(self, url: str) -> str:
        """Open a page and return the session that steers it."""
        target = self.ask("Target.createTarget", url=url)["targetId"]
        return str(self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def value(self, session: str, expression: str) -> str:
        """Return the text that an expression of the page gives; empty for none."""
        answer = self.ask("Runtime.evaluate", session, expression=expression)
        return str(answer["result"].get("value") or "")

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._back.fileno(), 1 << 16)
            assert more, "the browser ended"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\0")
        return cast("dict[str, Any]", json.loads(line))


def _verdict(browser: _Browser, page: Path) -> tuple[str, dict[str, str]]:
    session = browser.tab(page.as_uri())
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        text = browser.value(session, _RESULT)
        verdict, checks = json.loads(text) if text else ("", {})
        if verdict:
            return verdict, checks
        time.sleep(0.05)
    raise AssertionError(f"{page} comes to no verdict")
