from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from tests.support.writing import Submitter, sequencing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.databases import LiveDatabase


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Keep tracebacks of faults that are meant from being printed, which takes seconds."""
    with capture_logs():
        yield


@pytest_asyncio.fixture
async def submit(database: LiveDatabase) -> AsyncIterator[Submitter]:
    """Submits commands to a sequencer on the test's database."""
    async with sequencing(database.service_dsn) as submitter:
        yield submitter


@pytest_asyncio.fixture
async def other(database: LiveDatabase) -> AsyncIterator[Submitter]:
    """A second sequencer on the same database, as another process has it."""
    async with sequencing(database.service_dsn) as submitter:
        yield submitter
