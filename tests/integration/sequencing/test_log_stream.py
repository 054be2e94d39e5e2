"""What the log says of itself is written as everything else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from regesta_projections.rows import LOG, LogRow
from regesta_service.domain.log import CommitHeads, RecordWitness
from regesta_service.domain.models import CreateModel
from regesta_service.domain.rejections import RevisionMismatch
from tests.support.writing import Submitter, check_log

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

ROOT = bytes(range(32))


async def test_its_row_is_made_changed_and_seen_by_others(
    submit: Submitter, other: Submitter, database: LiveDatabase
) -> None:
    first = await submit(CommitHeads(position=1, streams=1, root=ROOT))
    assert (LOG, 2) == (first.shows, first.position)
    await submit(CreateModel("churn"))
    second = await other(CommitHeads(position=3, streams=3, root=ROOT))
    third = await submit(RecordWitness(checkpoint="note", expected_revision=2))
    assert isinstance(third.row, LogRow)
    assert (5, 3, "note") == (
        third.position,
        third.row.resource.heads.heads_position,
        third.row.resource.witnessed_checkpoint,
    )
    assert 4 == second.position
    with pytest.raises(RevisionMismatch):
        await other(RecordWitness(checkpoint="another", expected_revision=2))
    check_log(database.service_dsn)


async def test_the_same_commitment_again_is_answered_and_not_repeated(submit: Submitter) -> None:
    command = CommitHeads(position=1, streams=1, root=ROOT)
    first = await submit(command, "heads-1")
    again = await submit(command, "heads-1")
    late = await submit(command, "heads-2")
    assert (2, False) == (first.position, first.repeated)
    assert (2, True, "acme") == (again.position, again.repeated, again.name)
    assert 2 == late.position
