"""Fixtures for tests of what reads: a growing log, and a read model over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from regesta_projections.events import AliasSet, ModelCreated, StageChanged, VersionRegistered
from tests.support.live_log import LiveLog
from tests.support.reading import reading

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from regesta_service.reads.read_model import ReadModel
    from tests.databases import LiveDatabase


@pytest.fixture
def log(database: LiveDatabase) -> Iterator[LiveLog]:
    """A namespace `acme` in which nothing has happened yet."""
    log = LiveLog(database)
    yield log
    log.close()


@pytest.fixture
async def reads(database: LiveDatabase, log: LiveLog) -> AsyncIterator[ReadModel]:
    """What a server process reads by; hears of appends from the database only."""
    async with reading(database) as reads:
        yield reads


@pytest.fixture
def churn(log: LiveLog) -> LiveLog:
    """The model `churn` with three versions; 2 is in production and champion."""
    log.later("models/churn", ModelCreated(name="churn", kind="MODEL", owner="fraud-team"))
    for version, semver in ((1, "1.0.0"), (2, "1.2.0"), (3, "2.0.0-rc.1")):
        log.later(
            f"models/churn/versions/{version}",
            VersionRegistered(
                version=version,
                semver=semver,
                stage="development",
                source=f"s3://models/churn/{version}",
                digest="sha256:" + f"{version:x}" * 64,
            ),
        )
    for from_stage, to_stage in (("development", "staging"), ("staging", "production")):
        log.later("models/churn/versions/2", StageChanged(from_stage=from_stage, to_stage=to_stage))
    log.later("models/churn/aliases/champion", AliasSet(version=2))
    log.commit()
    return log
