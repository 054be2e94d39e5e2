from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta_service.backup.writing import back_up
from tests.support.publishing import DEPLOYMENT, Desk, write
from tests.support.rich_log import padded_log

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

RICH = "rich"
RICH_SIZE = 600


@dataclass(frozen=True)
class Original:
    """A database with two published logs, and a folder for its backup."""

    database: LiveDatabase
    desk: Desk
    folder: Path

    @property
    def dsn(self) -> str:
        return self.database.service_dsn

    def back_up(self):
        return back_up(self.dsn, self.folder, DEPLOYMENT)

    def publish(self) -> None:
        assert {} == self.desk.look()


@pytest.fixture
def original(database: LiveDatabase, tmp_path: Path) -> Original:
    """One log was written by the real write path, the other holds every kind of event."""
    write(database.service_dsn, 20)
    with psycopg.connect(database.service_dsn) as conn:
        padded_log(RICH_SIZE, RICH).write(conn)
    made = Original(database, Desk(database.service_dsn, tmp_path / "memory"), tmp_path / "backup")
    made.publish()
    return made
