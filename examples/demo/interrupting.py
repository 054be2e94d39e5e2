"""Ctrl-C and SIGTERM, heard at moments when nothing is half done."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


class Interrupted(Exception):
    """Somebody wants the demo to end."""


class Interruption:
    """Notes that a signal came; `check` acts on it.

    A KeyboardInterrupt would come anywhere, also inside gRPC's callbacks, where it is lost.
    """

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._asked = True

    def check(self) -> None:
        """Return if nobody wants the demo to end.

        Raises:
            Interrupted: Somebody does.
        """
        if self._asked:
            raise Interrupted
