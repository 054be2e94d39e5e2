"""Register, promote, roll back and audit a real model, on a server of its own.

`make demo`. It needs no network and leaves nothing behind. It exits with 0 when
everything happened as told, 1 when something did not, 130 after Ctrl-C.
"""

from __future__ import annotations

import sys
import time

from examples.demo.detector import NoModelFile
from examples.demo.interrupting import Interrupted, Interruption
from examples.demo.server import DemoServer, ServerFailed
from examples.demo.story import StoryBroken, tell
from examples.demo.telling import NotRefused, Telling
from regesta import RegestaError

_INTERRUPTED = 130


def main() -> int:
    """Run the demo and return its exit code."""
    started, interruption = time.monotonic(), Interruption()
    telling = Telling(interruption)
    telling.title(
        "regesta: which model was in production, who put it there, and can they prove it?"
    )
    telling.plain(
        "\nA real model (the voice detector of silero-vad 6.2.3), a real server with a PostgreSQL\n"
        "of its own, and five who call it, each with a token of their own: train-pipeline may\n"
        "register, rita may approve, rosa may promote, call-center may only read, audra may read\n"
        "the whole log."
    )
    try:
        with DemoServer(interruption) as server:
            ready = time.monotonic() - started
            telling.plain(f"\nregesta-server up: serves on {server.address} after {ready:.1f} s")
            try:
                tell(telling, server)
                interruption.check()
            except (RegestaError, StoryBroken):
                print(f"\nthe server's last words:\n{server.last_words()}", file=sys.stderr)
                raise
    except Interrupted:
        print("\ninterrupted; the server is stopped and its data is gone", file=sys.stderr)
        return _INTERRUPTED
    except (NoModelFile, NotRefused, RegestaError, ServerFailed, StoryBroken) as error:
        print(f"\nthe demo failed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    seconds = time.monotonic() - started
    telling.plain(
        f"\n{telling.steps} questions in {seconds:.0f} s; server and data are gone again."
    )
    telling.plain("Next: docs/getting-started.md, or `make serve` for a server that stays.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
