from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.old_log import OldLog

if TYPE_CHECKING:
    from tests.databases import LiveDatabase


@pytest.fixture
def old(database: LiveDatabase, tmp_path: Path) -> OldLog:
    return OldLog.made(database, tmp_path)
