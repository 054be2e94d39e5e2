from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import DatabaseServer, LiveDatabase


@pytest.fixture
def blank(postgres: DatabaseServer) -> Iterator[LiveDatabase]:
    """A database with the roles, but without any migration."""
    made = postgres.blank()
    yield made
    postgres.drop(made)
