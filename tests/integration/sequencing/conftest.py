from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """Keep tracebacks of faults that are meant from being printed, which takes seconds."""
    with capture_logs():
        yield
