"""Signals that ask a server to stop while it does not serve yet."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

#: What asks a server to stop.
STOPPING = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """A signal came. Not an `Exception`: nothing on the way out may take it for a fault."""


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Leave what is inside, in order, by `Stopped` when a signal says so; to the main thread only.

    A start may last as long as an initdb and a recovery, and has processes of its own to end.
    What serves has its own handlers, in place of these.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        for each in STOPPING:
            # Another signal must not disturb what the first one ends. Not SIG_IGN, which
            # processes that are started would inherit.
            signal.signal(each, lambda *_: None)
        raise Stopped

    previous = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
