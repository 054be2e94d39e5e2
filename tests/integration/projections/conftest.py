from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.projections.insider import SIZE, Insider
from tests.support.rich_log import padded_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import LiveDatabase


@pytest.fixture
def insider(database: LiveDatabase) -> Iterator[Insider]:
    """A log of `SIZE` events, honest so far."""
    insider = Insider(database, padded_log(SIZE))
    yield insider
    insider.close()
