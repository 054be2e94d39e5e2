"""The publisher of an embedded database: a process of its own that a server starts.

It ends with the server, is started again if it ends by itself, and looks once more before it
stops, so that everything that was acknowledged is signed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = structlog.get_logger("publisher")

#: Seconds that it gets to look once more.
_STOP_SECONDS: Final = 30.0

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


@contextlib.contextmanager
def beside(target: Callable[..., Any], *arguments: Any) -> Iterator[None]:
    """Run a function in a process beside this one for as long as the block lasts.

    It is spawned, never forked: neither gRPC nor a connection to PostgreSQL survives a fork.

    Args:
        target: Ends on SIGTERM.
        arguments: Its arguments; they travel.
    """
    context = multiprocessing.get_context("spawn")
    stop = threading.Event()
    running: list[Any] = []

    def start() -> Any:
        process = context.Process(target=target, args=arguments, name="publisher", daemon=True)
        process.start()
        running[:] = [process]
        return process

    def keep() -> None:
        process, pause = running[0], _FIRST_PAUSE
        while True:
            process.join()
            if stop.wait(pause):
                return
            _log.error("publisher_ended", code=process.exitcode, restarted_after=pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            process = start()

    start()
    keeper = threading.Thread(target=keep, name="publisher", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        process = running[0]
        process.terminate()
        process.join(_STOP_SECONDS)
        if process.is_alive():
            process.kill()
        keeper.join(_FIRST_PAUSE)


@contextlib.contextmanager
def waiting_for_signals(*, parent: bool = False) -> Iterator[Callable[[float], bool]]:
    """Yield a function that waits some seconds and returns whether it is time to stop.

    Args:
        parent: Stop on SIGTERM and when the parent process has ended, whatever ends it, and
            leave SIGINT to it; otherwise stop on either signal.
    """
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    watched = [told]
    if parent and (above := multiprocessing.parent_process()) is not None:
        watched.append(above.sentinel)

    def stop(*_: object) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(tell, b".")

    # Not a threading.Event: a handler that sets one can wait for itself.
    handlers = {signal.SIGTERM: stop, signal.SIGINT: signal.SIG_IGN if parent else stop}
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield lambda seconds: bool(select.select(watched, [], [], seconds)[0])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(told)
        os.close(tell)
