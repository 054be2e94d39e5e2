"""A writer in a process of its own: registers versions until it is told to stop, or is killed.

``python -m tests.support.writer_process DSN NAME FIRST COUNT`` writes the requests NAME-FIRST and
following, each acknowledged on a line of its own as ``request-id position``.
"""

from __future__ import annotations

import asyncio
import sys

from regesta_service.domain.rejections import DatabaseUnavailable
from regesta_service.logs import configure
from tests.support.writing import Submitter, register, sequencing

#: Writes that are under way at a time.
WAITING = 16

#: So many requests go to each model.
MODELS = 5

_RETRY_SECONDS = 0.05


async def write(submit: Submitter, name: str, number: int) -> None:
    """Make one request until it is answered, as the SDK does."""
    request_id = f"{name}-{number}"
    while True:
        try:
            answer = await submit(register(f"model-{number % MODELS}"), request_id)
        except DatabaseUnavailable:
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            # One write of a whole line: what a killed process said can be trusted.
            sys.stdout.write(f"{request_id} {answer.position}\n")
            sys.stdout.flush()
            return


async def main(dsn: str, name: str, first: int, count: int) -> None:
    """Write the requests, some at a time."""
    numbers = iter(range(first, first + count))

    async def caller(submit: Submitter) -> None:
        for number in numbers:
            await write(submit, name, number)

    async with sequencing(dsn, max_batch=7) as submit:
        await asyncio.gather(*(caller(submit) for _ in range(WAITING)))


if __name__ == "__main__":
    # Standard output is for acknowledgements alone.
    configure("error")
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
