"""A client process with many writers that never give up, and a subscriber at each server.

Run as a program: reads one JSON line of arguments, writes until it is told to stop by the
end of its standard input, then prints what was acknowledged and what subscribers were told.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import regesta

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: Seconds for one attempt: less than a restart takes, so that attempts are given up.
ATTEMPT = 3.0
#: Seconds for the subscribers to come to the end.
CATCH_UP = 40.0

#: Whether the write was done is unknown, or it surely was not: do it again.
AGAIN = (
    regesta.Unavailable,
    regesta.DeadlineExceeded,
    regesta.Overloaded,
    regesta.ServerFailure,
)


@dataclass
class Report:
    """What a process saw."""

    #: Request ids of acknowledged writes: the version's number, the alias's revision or
    #: the tags' position, as answered.
    versions: dict[str, tuple[str, int]] = field(default_factory=dict)
    aliases: dict[str, tuple[str, int]] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    #: How many attempts failed, by class.
    failures: dict[str, int] = field(default_factory=dict)
    #: Positions that each subscriber was told of, in order.
    told: list[list[int]] = field(default_factory=list)
    #: What should not have happened.
    surprises: list[str] = field(default_factory=list)


class Writers:
    """The writers of one process.

    Args:
        name: Of the process; begins its request ids.
        targets: The servers.
        namespace: Where to write.
    """

    def __init__(self, name: str, targets: list[str], namespace: str) -> None:
        self.name = name
        self.report = Report()
        self.stopping = asyncio.Event()
        self.clients = [
            regesta.AsyncClient(target, namespace=namespace, timeout=ATTEMPT) for target in targets
        ]

    async def write(self, number: int) -> None:
        """Register, tag and point an alias until it is time to stop."""
        model = f"model-{number % 8}"
        turn = number
        while not self.stopping.is_set():
            turn += 1
            key = f"{self.name}-{number}-{turn}"
            if not await self._turn(turn, key, model, f"writer-{self.name}-{number}"):
                return

    async def _turn(self, turn: int, key: str, model: str, alias: str) -> bool:
        """Make the three writes; say whether all were done."""
        report = self.report

        async def register(client: regesta.AsyncClient) -> Any:
            text = f"by {key}"
            return await client.register(model, request_id=f"{key}-version", description=text)

        version = await self._until_done(turn, register)
        if version is None:
            return False
        number = version.version
        report.versions[f"{key}-version"] = model, number

        async def tag(client: regesta.AsyncClient) -> Any:
            tags = {"writer": key}
            return await client.set_tags(f"{model}/{number}", tags=tags, request_id=f"{key}-tags")

        tagged = await self._until_done(turn + 1, tag)
        if tagged is None:
            return False
        report.tags[f"{key}-tags"] = tagged.position

        async def move(client: regesta.AsyncClient) -> Any:
            name = f"{model}@{alias}"
            return await client.set_alias(name, version=number, request_id=f"{key}-alias")

        moved = await self._until_done(turn, move)
        if moved is None:
            return False
        report.aliases[f"{key}-alias"] = moved.name, int(moved.etag)
        return True

    async def _until_done(
        self, turn: int, call: Callable[[regesta.AsyncClient], Awaitable[Any]]
    ) -> Any:
        """Repeat a write, at either server, until it is acknowledged; None when refused."""
        attempt = turn
        while True:
            try:
                return await call(self.clients[attempt % len(self.clients)])
            except AGAIN as error:
                failures = self.report.failures
                name = type(error).__name__
                failures[name] = failures.get(name, 0) + 1
                if isinstance(error, regesta.ServerFailure):
                    self.report.surprises.append(f"{error.code}: {error.message}")
                attempt += 1
                await asyncio.sleep(0.05)
            except regesta.RegestaError as error:
                self.report.surprises.append(f"{type(error).__name__}: {error.message}")
                return None

    async def listen(self, client: regesta.AsyncClient, told: list[int]) -> None:
        """Note what a server tells."""
        async for event in client.watch(after=0):
            told.append(event.position)  # noqa: PERF401 - it never ends

    async def run(self, writers: int) -> None:
        """Write and listen until standard input ends."""
        self.report.told = [[] for _ in self.clients]
        listeners = [
            asyncio.create_task(self.listen(client, told))
            for client, told in zip(self.clients, self.report.told, strict=True)
        ]
        writing = [asyncio.create_task(self.write(number)) for number in range(writers)]
        # The end: a position that the subscribers have to come to.
        line = await asyncio.to_thread(sys.stdin.readline)
        assert line == "stop\n"
        self.stopping.set()
        await asyncio.gather(*writing)
        print("stopped", flush=True)  # noqa: T201 - told to the test
        end = int(await asyncio.to_thread(sys.stdin.readline))
        try:
            async with asyncio.timeout(CATCH_UP):
                while any(  # noqa: ASYNC110 - a test may poll
                    not told or told[-1] < end for told in self.report.told
                ):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            reached = [told[-1] if told else 0 for told in self.report.told]
            self.report.surprises.append(f"subscribers came to {reached}, not to {end}")
        for listener in listeners:
            listener.cancel()
        for ended in await asyncio.gather(*listeners, return_exceptions=True):
            if not isinstance(ended, asyncio.CancelledError):
                self.report.surprises.append(f"a subscriber ended: {ended!r}")
        for client in self.clients:
            await client.close()


async def main() -> None:
    """Run one process."""
    arguments = json.loads(await asyncio.to_thread(sys.stdin.readline))
    writers = Writers(arguments["name"], arguments["targets"], arguments["namespace"])
    await writers.run(arguments["writers"])
    print(json.dumps(asdict(writers.report)), flush=True)  # noqa: T201 - told to the test


if __name__ == "__main__":
    asyncio.run(main())
