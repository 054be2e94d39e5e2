"""A server from its start to its end: database, processes, signals, drain."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import multiprocessing.connection
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from regesta.audit.keys import read_key
from regesta_service import engines, logs, wiring
from regesta_service.access.tokens import InsecureDev, StaticTokens, TokenGrant
from regesta_service.audit import child, running
from regesta_service.config import is_local
from regesta_service.database import Opened, first_token, opened
from regesta_service.engines import AddressInUse, EngineMissing
from regesta_service.engines.grpcio import certificate_of
from regesta_service.serving import Serving
from regesta_service.stopping import STOPPING

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractContextManager
    from multiprocessing.process import BaseProcess
    from pathlib import Path
    from typing import Any

    from regesta_service.access.principals import Authenticator
    from regesta_service.config import Settings

_log = structlog.get_logger("app")

#: New objects after which cycles among them are looked for.
_COLLECTED_OBJECTS = 50_000

#: Seconds between two looks at the embedded PostgreSQL, and looks in vain before it is given up.
_LOOK_SECONDS = 1.0
_LOOKS = 3


class CannotStart(Exception):
    """The server cannot start as it is configured; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one process serves; it travels to spawned workers."""

    settings: Settings
    service_dsn: str
    grants: tuple[TokenGrant, ...]
    share_port: bool

    def authenticator(self) -> Authenticator:
        """Return who judges credentials."""
        if self.settings.insecure_dev:
            return InsecureDev()
        return StaticTokens(self.grants, self.settings.configured_roles(self.grants))


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit code.

    Raises:
        CannotStart: The configuration does not allow it.
        PostgresError: The database cannot be had.
    """
    try:
        engines.require(settings.engine)
    except EngineMissing as error:
        raise CannotStart(str(error)) from None
    logs.configure(settings.log_level)
    if settings.engine == "native" and not is_local(settings.listen):
        _say("the native engine bounds neither bodies nor connections: docs/security.md")
    if settings.workers > 1 and settings.listen.endswith(":0"):
        raise CannotStart("workers share a port, so listen must name one")
    with opened(settings) as database:
        if database.joined:
            _say(f"joined the PostgreSQL that another process runs in {database.home}")
        job = Job(settings, database.service_dsn, _grants(settings, database), settings.workers > 1)
        try:
            with _publishing(settings, database):
                if settings.workers == 1:
                    return _run_loop(settings, _serve(job, database))
                return _supervise(job, database)
        except AddressInUse as error:
            raise CannotStart(str(error)) from None


def _grants(settings: Settings, database: Opened) -> tuple[TokenGrant, ...]:
    """Return who may call; a first start of an embedded server makes an administrator."""
    if settings.insecure_dev:
        _say("insecure development mode: everybody may do everything")
        return ()
    if settings.tokens or settings.roles:
        return tuple(token.grant() for token in settings.tokens)
    if database.home is None:
        raise CannotStart(
            "no tokens are configured, so nobody could call: "
            "make one with `regesta-server token new`, or use --insecure-dev on a laptop"
        )
    path, _, grant = first_token(database.home)
    _say(f"the administrator's token is in {path}")
    return (grant,)


def _publishing(settings: Settings, database: Opened) -> AbstractContextManager[None]:
    """Return what signs the log of an embedded database while the server runs."""
    if settings.publish == "off" or database.home is None or database.joined:
        return contextlib.nullcontext()
    home = database.home / "publisher"
    key = home / "key.pem"
    running.make_key(key)
    what = running.Publication(
        database.service_dsn,
        home / "memory",
        origin=settings.origin,
        interval=settings.publish_interval,
        witnesses=tuple(settings.witness_addresses()),
    )
    _say(f"checkpoints are signed with the key in {key}")
    return child.beside(_publish, what, key, settings.log_level)


def _publish(what: running.Publication, key: Path, log_level: str) -> None:
    """Publish in a spawned process."""
    logs.configure(log_level)
    with child.waiting_for_signals(parent=True) as wait:
        try:
            sys.exit(running.publish(what, [read_key(key)], wait))
        except running.CANNOT_RUN as error:
            _log.error("publisher_cannot_run", problem=str(error))
            sys.exit(1)


def _run_loop(settings: Settings, main: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine on the event loop that is configured, and return what it returns."""
    factory = None
    if settings.loop != "asyncio":
        try:
            import uvloop  # noqa: PLC0415 - not on every platform
        except ImportError:
            if settings.loop == "uvloop":
                main.close()
                raise CannotStart("uvloop is not installed; use loop = 'asyncio'") from None
        else:
            factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


async def _serve(job: Job, database: Opened | None = None) -> int:
    """Serve in this process until a signal says to stop; return the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, stop.set)
    settings = job.settings
    certificates = certificate_of if settings.client_certificates else None
    async with wiring.wired(settings, job.service_dsn, job.authenticator(), certificates) as parts:
        engine = engines.made(settings.engine, parts.guard, settings.tls, share_port=job.share_port)
        serving = Serving(engine, parts.guard, parts.services)
        _spare_the_collector()
        address = await serving.start(settings.listen)
        _say(f"regesta serves on {address}")
        lost = False
        if database is not None:
            lost = await _watch(database, stop)
        await stop.wait()
        await serving.stop(notice=settings.drain_notice, grace=settings.drain_grace)
        await parts.drain(0 if lost else settings.drain_grace)
    _log.info("stopped")
    return int(lost)


def _spare_the_collector() -> None:
    """Let the cyclic collector look at less, and less often: it took a tenth of a write.

    What is loaded now stays for good, and calls leave hardly any cycles behind. The bound is
    in objects that are made and not given back.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_OBJECTS, 20, 20)


async def _watch(database: Opened, stop: asyncio.Event) -> bool:
    """Return once it is time to stop; say whether that is because the database is gone.

    An embedded PostgreSQL ends with the process that started it. A server that goes on
    without one would refuse every call and seem to be alive.
    """
    in_vain = 0
    while not stop.is_set():
        in_vain = 0 if await asyncio.to_thread(database.alive) else in_vain + 1
        if in_vain >= _LOOKS:
            _log.error("database_ended", home=str(database.home))
            stop.set()
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await stop.wait()
    return False


def _work(job: Job) -> None:
    """Serve in a spawned process."""
    logs.configure(job.settings.log_level)
    try:
        _run_loop(job.settings, _serve(job))
    except AddressInUse as error:
        sys.exit(str(error))


def _supervise(job: Job, database: Opened) -> int:
    """Run several workers; when one ends by itself, end them all and fail.

    They are spawned, never forked: gRPC does not survive a fork.
    """
    context = multiprocessing.get_context("spawn")
    workers: list[BaseProcess] = [
        context.Process(target=_work, args=(job,), name=f"worker-{number}")
        for number in range(job.settings.workers)
    ]
    # Workers have their own handlers; this process only waits for them.
    previous = {number: signal.signal(number, lambda *_: None) for number in STOPPING}
    for worker in workers:
        worker.start()
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        for worker in workers:
            if worker.is_alive():
                worker.terminate()

    for number in STOPPING:
        signal.signal(number, stop)
    try:
        while all(worker.is_alive() for worker in workers) and database.alive():
            multiprocessing.connection.wait([worker.sentinel for worker in workers], timeout=1)
        failed = not stopping
        stop()
        for worker in workers:
            worker.join(job.settings.drain_notice + job.settings.drain_grace + 30)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if failed:
        _log.error("worker_ended", codes=[worker.exitcode for worker in workers])
    return int(failed)


def _say(line: str) -> None:
    """Tell whoever started the server; scripts read these lines, so they are flushed."""
    print(line, flush=True)  # noqa: T201 - this is the program's output
