"""The ways to a registry that are compared, all of them open at once.

MLflow as it is shipped is the limit. Our own client calls our server; MLflow's own client calls
it through our plugin; and MLflow's own client calls an MLflow server that has ours as its
registry.
"""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.peers.calling import SEARCHES
from benchmarks.peers.clients import Calls
from benchmarks.peers.filling import fill_mlflow, fill_regesta
from benchmarks.peers.mlflow_server import ENVIRONMENT, mlflow_serving
from benchmarks.peers.regesta_calls import NAMESPACE
from benchmarks.slices import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import IO

    from benchmarks.ground import Ground, Served
    from regesta_service.config import EngineName

_OURS = "benchmarks.peers.regesta_calls"
_THEIRS = "benchmarks.peers.mlflow_calls"


@dataclass(frozen=True, slots=True)
class Way:
    """A way from a client to a registry.

    Attributes:
        client: Whose client calls.
        engine: Of our server; empty for MLflow's own store.
        relayed: Whether a server of MLflow's is between.
        keeps: Whether our server keeps pages in memory, as it does unless told otherwise.
    """

    client: str
    engine: str = ""
    relayed: bool = False
    keeps: bool = True

    @property
    def through_mlflow(self) -> bool:
        """Whether MLflow's own client calls."""
        return self.client == "MLflow"

    def does(self, operation: str) -> bool:
        """Say whether an operation is of interest: what is not kept matters to searches."""
        return self.keeps or operation in SEARCHES

    def __str__(self) -> str:
        """Return what the table calls it."""
        if not self.engine:
            return "MLflow, its own store"
        if not self.through_mlflow:
            return f"our client, {self.engine}{'' if self.keeps else ', nothing kept'}"
        return f"MLflow's client, {'its server, ' if self.relayed else ''}{self.engine}"


#: MLflow's own client, server and store.
MLFLOW: Final = Way("MLflow")


@dataclass(frozen=True, slots=True)
class Open:
    """A way that is open: a client's process, and the CPU of every server behind it."""

    way: Way
    calls: Calls
    meters: Mapping[str, Callable[[], float]]

    def side(self, operation: str, seconds: float) -> Side:
        """Return the side that does one operation in slices of so many seconds."""
        return Side(str(self.way), lambda: self.calls.run(operation, seconds), self.meters)


@contextlib.contextmanager
def opened(run: Ground, engines: Sequence[EngineName], models: int) -> Iterator[list[Open]]:
    """Fill the registries and open every way to them; MLflow's own is the first.

    Each engine has a database of its own, since a server follows what others write.
    """
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((run.home / "clients.log").open("wb"))
        dsn = run.empty()
        theirs = stack.enter_context(mlflow_serving(dsn, run.home))
        fill_mlflow(dsn, models)

        def open_way(way: Way, arguments: list[str], **servers: Callable[[], float]) -> Open:
            calls = _client(way, [*arguments, str(models)], log)
            stack.callback(calls.end)
            meters: dict[str, Callable[[], float]]
            meters = {**servers, "database": run.database_cpu, "client": calls.cpu}
            return Open(way, calls, meters)

        ways = [open_way(MLFLOW, [theirs.address, theirs.address], server=theirs.cpu)]
        registries: list[tuple[EngineName, Served]] = []
        for engine in engines:
            dsn = run.migrated()
            fill_regesta(dsn, models)
            served = stack.enter_context(run.serving(dsn, engine))
            registries.append((engine, served))
        for engine, served in registries:
            uri = _uri(served)
            ways += [
                open_way(Way("ours", engine), [served.address], server=served.cpu),
                open_way(Way("MLflow", engine), [theirs.address, uri], server=served.cpu),
            ]
        # Once: beside what a server of MLflow's takes, an engine's share is not to be seen, nor
        # beside what PostgreSQL takes.
        engine, served = registries[0]
        unkept = stack.enter_context(run.serving(served.dsn, engine, keep_pages=False))
        way = Way("ours", engine, keeps=False)
        ways.append(open_way(way, [unkept.address], server=unkept.cpu))
        relay = stack.enter_context(mlflow_serving(run.empty(), run.home, _uri(served)))
        ways.append(
            open_way(
                Way("MLflow", engine, relayed=True),
                [relay.address, relay.address],
                server=served.cpu,
                relay=relay.cpu,
            )
        )
        yield ways


def _uri(served: Served) -> str:
    return f"regesta://{served.address}/{NAMESPACE}"


def _client(way: Way, arguments: list[str], log: IO[bytes]) -> Calls:
    if way.through_mlflow:
        return Calls(ENVIRONMENT / "bin" / "python", _THEIRS, arguments, log)
    return Calls(Path(sys.executable), _OURS, arguments, log)
