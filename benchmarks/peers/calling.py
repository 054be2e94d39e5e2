"""Calling a registry through its own client, from threads, as told on standard input.

Needs only the standard library: it also runs in another registry's environment.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

#: Calls that each client has in flight.
THREADS = 32

VERSIONS_A_MODEL = 100
DATASETS = 100
PAGE_SIZE = 100
ALIAS = "champion"


class Caller(Protocol):
    """Does one thing at a time to some model or version; each thread has one of its own."""

    def create_version(self) -> object:
        """Register a version of a model, with two tags."""

    def set_tag(self) -> object:
        """Give a tag of a version another value."""

    def set_alias(self) -> object:
        """Point the alias of a model to another version."""

    def get_by_alias(self) -> object:
        """Get the version that the alias of a model points to."""

    def get_latest(self) -> object:
        """Get the newest version of a model."""

    def search_by_name(self) -> object:
        """Find the versions of one model."""

    def search_by_tag(self) -> object:
        """Find the versions that have one of the data sets."""

    def next_page(self) -> object:
        """Read the next page of all versions, from the first again after the last."""


#: What is compared: how it is called in the results, and the caller's method.
OPERATIONS: dict[str, Callable[[Caller], object]] = {
    "create a version": lambda caller: caller.create_version(),
    "set a tag": lambda caller: caller.set_tag(),
    "set an alias": lambda caller: caller.set_alias(),
    "get by alias": lambda caller: caller.get_by_alias(),
    "get latest": lambda caller: caller.get_latest(),
    "search by name": lambda caller: caller.search_by_name(),
    "search by tag": lambda caller: caller.search_by_tag(),
    "read the next page": lambda caller: caller.next_page(),
}

SEARCHES = frozenset({"search by name", "search by tag", "read the next page"})


class Choosing:
    """Chooses what to do something to."""

    def __init__(self, models: int, chance: random.Random) -> None:
        self._models = models
        self._chance = chance

    def model(self) -> str:
        """Return the name of a model."""
        return model_named(self._chance.randrange(self._models))

    def version(self) -> int:
        """Return the number of a version that every model has."""
        return self._chance.randint(1, VERSIONS_A_MODEL)

    def dataset(self) -> str:
        """Return the name of a data set."""
        return f"set-{self._chance.randrange(DATASETS)}"

    def word(self) -> str:
        """Return what nobody has said before."""
        return f"{self._chance.getrandbits(64):016x}"


def model_named(number: int) -> str:
    """Return the name of a model, counted from 0."""
    return f"model-{number}"


def answer_orders(models: int, make: Callable[[Choosing], Caller]) -> None:
    """Do what each line of standard input says: `{"operation": ..., "seconds": ...}`.

    Prints a line for each: how long it took and the milliseconds of every operation, or what
    went wrong.
    """
    callers = [make(Choosing(models, random.Random(number))) for number in range(THREADS)]
    _say({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        _say(_call(callers, OPERATIONS[order["operation"]], order["seconds"]))


def _call(
    callers: list[Caller], operation: Callable[[Caller], object], seconds: float
) -> dict[str, object]:
    latencies: list[float] = []
    failures: list[str] = []
    began = time.perf_counter()
    until = began + seconds

    def keep_calling(caller: Caller) -> None:
        try:
            while (now := time.perf_counter()) < until:
                operation(caller)
                latencies.append((time.perf_counter() - now) * 1e3)
        except Exception as error:  # noqa: BLE001 - told to whoever gave the order
            failures.append(repr(error))

    threads = [threading.Thread(target=keep_calling, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        return {"failed": failures[0]}
    return {"seconds": time.perf_counter() - began, "latencies": latencies}


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
