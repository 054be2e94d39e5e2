"""`make demo`: it tells its story, fast, and leaves nothing behind whatever happens."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-u", "-m", "examples.demo"]
LONGEST = 60.0

PROC = Path("/proc")

pytestmark = pytest.mark.skipif(not (PROC / "self" / "cmdline").exists(), reason="needs /proc")


class Run(NamedTuple):
    """What a run of the demo came to."""

    code: int
    out: str
    err: str
    seconds: float


def processes_of(place: Path) -> list[str]:
    """Return the command lines of processes that were started for a directory."""
    found = []
    for file in PROC.glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if str(place) in line:
            found.append(line)
    return found


def start(command: list[str], place: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(command: list[str], place: Path) -> Run:
    began = time.monotonic()
    process = start(command, place)
    out, err = process.communicate(timeout=2 * LONGEST)
    return Run(process.returncode, out, err, time.monotonic() - began)


def assert_nothing_is_left(place: Path) -> None:
    assert [] == processes_of(place)
    assert [] == list(place.iterdir())


@pytest.fixture
def place(open_directory: Path) -> Path:
    """Where the demo puts everything."""
    made = open_directory / "tmp"
    made.mkdir()
    made.chmod(0o755)
    return made


def masked(line: str) -> str:
    """Return a line without what differs from run to run: hashes, ids, numbers."""
    return re.sub(r"[0-9a-f]{8}[0-9a-f-]*…?|[0-9][0-9.,:]*", "#", line).strip()


def excerpt() -> list[str]:
    """Return the lines of the demo that the README shows."""
    text = (ROOT / "README.md").read_text()
    shown = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(shown) == 1
    lines = [masked(line) for line in shown[0].splitlines()]
    return [line for line in lines if line and line != "…"]


def test_the_demo_tells_its_story_and_the_readme_quotes_it(place: Path):
    told = run(DEMO, place)
    assert (0, "") == (told.code, told.err)
    assert told.seconds < LONGEST
    assert "\033" not in told.out
    for claim in (
        r"refused      PERMISSION_DENIED",
        r"champion     version 1; the service loads voice-detector/1",
        r"verified     \d+ events folded, \d+ rows compared, 0 findings",
        r"verify       [A-Z_]+ at position \d+",
        r"server and data are gone again",
    ):
        assert re.search(claim, told.out), claim
    lines = {masked(line) for line in told.out.splitlines()}
    assert [] == [line for line in excerpt() if line not in lines]
    assert_nothing_is_left(place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_behind(place: Path, number: signal.Signals):
    process = start(DEMO, place)
    assert process.stdout is not None
    for line in process.stdout:
        if "What exactly is this version?" in line:
            break
    assert processes_of(place)
    process.send_signal(number)
    _, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert_nothing_is_left(place)


def test_interrupted_while_the_server_starts_it_leaves_nothing_behind(place: Path):
    process = start(DEMO, place)
    deadline = time.monotonic() + LONGEST
    while not any("postgres" in line for line in processes_of(place)):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LONGEST)
    assert process.returncode == 130
    # An initdb whose server is gone ends when it misses its directory, a moment later.
    while processes_of(place) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert_nothing_is_left(place)


def test_a_failure_is_told_and_leaves_nothing_behind(place: Path):
    without_model = (
        "import sys; from examples.demo import story, __main__ as demo; "
        "story.FIRST = 'none.onnx'; sys.exit(demo.main())"
    )
    failed = run([sys.executable, "-c", without_model], place)
    assert failed.code == 1
    assert "the demo failed: NoModelFile: there is no none.onnx; `make setup`" in failed.err
    assert "Traceback" not in failed.err
    assert_nothing_is_left(place)
