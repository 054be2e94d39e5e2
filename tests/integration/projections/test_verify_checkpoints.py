"""What was published binds the log, also one that was rewritten with everything beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from regesta.audit import keys
from regesta.audit.checkpoints import Checkpoint, sign_checkpoint
from regesta.merkle import root_of
from regesta_projections.events import TagsSet
from regesta_projections.verification import Kind, verify
from tests.integration.projections.insider import SIZE, Insider
from tests.support.rich_log import padded_log

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

ORIGIN = "registry.example.com/acme"
SIGNER = keys.log_signer(ORIGIN, keys.generate())


def publish(conn: psycopg.Connection, hashes: list[bytes], *sizes: int) -> None:
    for size in sizes:
        note = sign_checkpoint(Checkpoint(ORIGIN, size, root_of(hashes[:size])), SIGNER)
        conn.execute(
            "INSERT INTO regesta.checkpoints (namespace_id, size, note)"
            " SELECT namespace_id, %s, %s FROM regesta.logs",
            [size, str(note)],
        )


def test_checkpoints_of_the_log_are_as_they_must_be(insider: Insider):
    publish(insider.conn, insider.log.hashes, 1, 2, 255, 256, 257, SIZE - 1, SIZE)

    assert set() == insider.named()


def test_a_checkpoint_of_another_history_is_named(insider: Insider):
    hashes = insider.log.hashes
    publish(insider.conn, hashes, 10, 256)
    publish(insider.conn, [bytes(32), *hashes], 100, SIZE)
    publish(insider.conn, [*hashes, bytes(32)], SIZE + 1)

    assert {
        (Kind.CHECKPOINT_DIFFERS, size, f"checkpoints {size}") for size in (100, SIZE, SIZE + 1)
    } == insider.named()


def test_a_log_that_was_rewritten_with_all_beside_it_is_known_by_its_checkpoint(
    database: LiveDatabase,
):
    honest, forged = padded_log(SIZE), padded_log(SIZE - 1)
    forged.append("models/Churn", TagsSet(tags={"approved": "yes"}))
    with psycopg.connect(database.superuser_dsn) as conn:
        forged.write(conn)
        publish(conn, honest.hashes, 200, SIZE)

    report = verify(database.service_dsn, "acme")

    assert [(Kind.CHECKPOINT_DIFFERS, SIZE)] == [
        (found.kind, found.position) for found in report.findings
    ]


def test_after_a_missing_event_nothing_is_compared(insider: Insider):
    publish(insider.conn, insider.log.hashes, 100, SIZE)
    insider.run("DELETE FROM regesta.events WHERE position = 50")

    assert Kind.CHECKPOINT_DIFFERS not in insider.kinds()
