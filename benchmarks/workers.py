"""Processes that work when they are told to, so that what they use is counted apart."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from benchmarks.processes import own_cpu

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

_END_SECONDS = 30.0


class WorkFailed(RuntimeError):
    """A worker could not do what it was told, so its figures say nothing."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a worker sends instead of a result."""

    message: str


class Worker:
    """A spawned process (never forked: gRPC does not survive it); a context manager.

    Args:
        target: Runs in the process. It sends one word when it is ready, which is `ready`,
            and answers orders until `orders` ends.
        arguments: Travel to the process.
    """

    def __init__(self, target: Callable[..., None], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self.ready = self.hear()
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the process."""
        self.end()

    def end(self) -> None:
        """End the process; again is harmless."""
        self._pipe.close()
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def cpu(self) -> float:
        """Return the CPU seconds that it has used."""
        return own_cpu(self._process.pid or 0)

    def tell(self, order: object) -> None:
        """Give an order; `hear` waits for what comes of it."""
        self._pipe.send(order)

    def hear(self) -> Any:
        """Return what the worker says next.

        Raises:
            WorkFailed: It says that it could not, or has ended.
        """
        try:
            said = self._pipe.recv()
        except EOFError:
            raise WorkFailed(f"{self._process.name} has ended") from None
        if isinstance(said, Failure):
            raise WorkFailed(said.message)
        return said

    def ask(self, order: object) -> Any:
        """Give an order and return what comes of it.

        Raises:
            WorkFailed: It could not.
        """
        self.tell(order)
        return self.hear()


def orders(pipe: Connection, ready: object = None) -> Iterator[Any]:
    """Yield, inside a worker, what it is told, until nobody tells it anything any more."""
    pipe.send(ready)
    while True:
        try:
            order = pipe.recv()
        except EOFError:
            return
        yield order
