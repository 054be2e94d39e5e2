from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from regesta.audit import keys
from regesta.audit.checkpoints import Checkpoint, sign_checkpoint
from regesta.audit.cosignatures import cosigner
from regesta.audit.notes import Note, VerifierKey, cosign
from regesta.audit.proofs import TlogProof
from regesta.merkle import (
    InvalidProof,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_inclusion,
)
from regesta.v1 import log_service_pb2 as pb
from regesta_projections.events import ModelCreated, TagsSet
from regesta_service.api.reads.log import LogProofs
from regesta_service.audit.tree import Trees
from regesta_service.domain import rejections as r
from tests.support.log_builder import LogBuilder, _insert
from tests.support.reading import make_call, reading
from tests.support.rich_log import padded_log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from regesta_service.reads.read_model import ReadModel
    from tests.databases import LiveDatabase

PARENT = "namespaces/acme"
ORIGIN = "registry.example.com/acme"

#: Two full tiles and a part of a third.
SIZE = 600

KEY = keys.generate()
WITNESS = cosigner("witness.example.com", keys.generate())


@pytest.fixture
def log(database: LiveDatabase) -> LogBuilder:
    """A log of `SIZE` events."""
    log = padded_log(SIZE)
    with psycopg.connect(database.superuser_dsn) as conn:
        log.write(conn)
    return log


@pytest.fixture
async def reads(database: LiveDatabase, log: LogBuilder) -> AsyncIterator[ReadModel]:
    async with reading(database) as reads:
        yield reads


def service(reads: ReadModel, *witnesses: VerifierKey, max_tiles: int = 100) -> LogProofs:
    return LogProofs(reads, Trees(max_tiles), witnesses)


def checkpoint(log: LogBuilder, size: int) -> Note:
    root = root_of(log.hashes[:size])
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), keys.log_signer(ORIGIN, KEY))


def publish(database: LiveDatabase, log: LogBuilder, *sizes: int) -> None:
    with psycopg.connect(database.service_dsn) as conn:
        for size in sizes:
            conn.execute(
                "INSERT INTO regesta.checkpoints (namespace_id, size, note)"
                " SELECT namespace_id, %s, %s FROM regesta.logs WHERE name = 'acme'",
                [size, str(checkpoint(log, size))],
            )


async def included(proofs: LogProofs, **fields: Any) -> pb.ProveInclusionResponse:
    return await proofs.prove_inclusion(
        pb.ProveInclusionRequest(parent=PARENT, **fields), make_call()
    )


async def consistent(proofs: LogProofs, **fields: Any) -> pb.ProveConsistencyResponse:
    return await proofs.prove_consistency(
        pb.ProveConsistencyRequest(parent=PARENT, **fields), make_call()
    )


async def receipt(proofs: LogProofs, seconds: float = 10.0, **fields: Any) -> pb.GetReceiptResponse:
    request = pb.GetReceiptRequest(parent=PARENT, **fields)
    return await proofs.get_receipt(request, make_call(seconds=seconds))


async def test_proofs_of_any_leaf_at_any_size_are_those_of_the_whole_tree(
    reads: ReadModel, log: LogBuilder
):
    chance = random.Random(1)  # noqa: S311 - not a secret
    # A cache of two tiles, so that tiles are fetched, kept and pushed out.
    small, large = service(reads, max_tiles=2), service(reads)
    cases = [(1, 1), (256, 256), (257, 257), (1, SIZE), (SIZE, SIZE), (512, 513)]
    for _ in range(40):
        size = chance.randint(1, SIZE)
        cases.append((chance.randint(1, size), size))
    for position, size in cases:
        for proofs in (small, large):
            answer = await included(proofs, position=position, size=size)

            assert size == answer.size
            assert inclusion_proof(log.hashes[:size], position - 1) == list(answer.hashes)
            assert root_of(log.hashes[:size]) == answer.root_hash
            assert leaf_hash(log.records[position - 1]) == answer.leaf_hash

            extended = await consistent(proofs, old_size=position, size=size)

            assert consistency_proof(log.hashes[:size], position) == list(extended.hashes)
            assert root_of(log.hashes[:position]) == extended.old_root_hash
            assert root_of(log.hashes[:size]) == extended.root_hash


async def test_without_a_checkpoint_the_size_is_the_logs_own(reads: ReadModel):
    answer = await included(service(reads), position=1)

    assert (SIZE, "") == (answer.size, answer.checkpoint)


async def test_the_default_size_is_the_latest_checkpoints_if_that_covers_the_event(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 300, 500)
    proofs = service(reads)

    covered, beyond = await included(proofs, position=400), await included(proofs, position=501)

    assert (500, str(checkpoint(log, 500))) == (covered.size, covered.checkpoint)
    assert (SIZE, "") == (beyond.size, beyond.checkpoint)
    assert 500 == (await consistent(proofs, old_size=300)).size


async def test_tiles_are_their_hashes_at_every_width(reads: ReadModel, log: LogBuilder):
    proofs = service(reads)

    async def tile(**fields: int) -> bytes:
        request = pb.GetTileRequest(parent=PARENT, **fields)
        return (await proofs.get_tile(request, make_call())).hashes

    assert b"".join(log.hashes[:256]) == await tile(level=0, index=0)
    assert b"".join(log.hashes[256:300]) == await tile(level=0, index=1, width=44)
    assert b"".join(log.hashes[512:600]) == await tile(level=0, index=2, width=88)
    assert b"".join(log.hashes[512:522]) == await tile(level=0, index=2, width=10)
    roots = root_of(log.hashes[:256]) + root_of(log.hashes[256:512])
    assert roots == await tile(level=1, index=0, width=2)


TILES_OUTSIDE: list[tuple[dict[str, int], str]] = [
    ({"level": 0, "index": 2}, "OUTSIDE_TREE"),
    ({"level": 0, "index": 2, "width": 89}, "OUTSIDE_TREE"),
    ({"level": 1, "index": 0}, "OUTSIDE_TREE"),
    ({"level": 60, "index": 0, "width": 1}, "OUTSIDE_TREE"),
    ({"level": -1, "index": 0}, "INVALID_FIELD"),
    ({"level": 0, "index": -1}, "INVALID_FIELD"),
    ({"level": 0, "index": 0, "width": 257}, "INVALID_FIELD"),
]


async def test_a_tile_that_the_log_has_not_is_refused(reads: ReadModel):
    for fields, reason in TILES_OUTSIDE:
        with pytest.raises(r.Rejection) as refused:
            await service(reads).get_tile(pb.GetTileRequest(parent=PARENT, **fields), make_call())

        assert reason == refused.value.reason, fields


OUTSIDE = [
    (0, 0, "INVALID_FIELD"),
    (-1, 0, "INVALID_FIELD"),
    (1, -1, "INVALID_FIELD"),
    (SIZE + 1, 0, "OUTSIDE_TREE"),
    (1, SIZE + 1, "OUTSIDE_TREE"),
    (11, 10, "OUTSIDE_TREE"),
    ((1 << 63) - 1, 0, "OUTSIDE_TREE"),
]


async def test_what_lies_outside_of_the_tree_is_refused(reads: ReadModel):
    proofs = service(reads)
    for position, size, reason in OUTSIDE:
        for asked in (
            included(proofs, position=position, size=size),
            consistent(proofs, old_size=position, size=size),
        ):
            with pytest.raises(r.Rejection) as refused:
                await asked

            assert reason == refused.value.reason, (position, size)


async def test_a_partial_tile_that_was_kept_serves_smaller_and_larger_trees(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    proofs = service(reads)
    await included(proofs, position=SIZE, size=SIZE)
    for number in range(300):
        log.append("models/Churn/versions/1", TagsSet(tags={"n": str(number)}))
    await asyncio.to_thread(_rewrite, database, log)

    for size in (SIZE - 1, SIZE, SIZE + 300):
        answer = await included(proofs, position=SIZE - 1, size=size)
        verify_inclusion(
            log.hashes[SIZE - 2], SIZE - 2, size, answer.hashes, root_of(log.hashes[:size])
        )


async def test_proofs_out_of_an_edited_tile_do_not_verify(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 550)
    with psycopg.connect(database.superuser_dsn) as conn:
        conn.execute("ALTER TABLE regesta.tiles DISABLE TRIGGER ALL")
        conn.execute(
            "UPDATE regesta.tiles SET hashes = overlay(hashes PLACING decode('00', 'hex') FROM 9)"
            " WHERE level = 0 AND index = 1"
        )
    root = root_of(log.hashes[:550])
    # The tile's own root lies above it, so only what needs its inside is wrong.
    answer = await included(service(reads), position=1)
    verify_inclusion(log.hashes[0], 0, 550, answer.hashes, root)

    answer = await included(service(reads), position=300)

    with pytest.raises(InvalidProof):
        verify_inclusion(log.hashes[299], 299, 550, answer.hashes, root)


async def test_a_log_that_was_replaced_does_not_lead_to_its_checkpoint(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 550)
    warm = service(reads)
    await included(warm, position=1)
    other = LogBuilder("acme", actor="mallory")
    other.append("models/a", ModelCreated(name="a", kind="MODEL"))
    other.extend(("models/a", TagsSet(tags={"n": str(n)})) for n in range(SIZE - 2))
    await asyncio.to_thread(_rewrite, database, other)

    with pytest.raises(r.LogDamaged):
        await included(service(reads), position=1, size=550)

    # What was kept of the old log is forgotten once a checkpoint of the new one is met.
    publish(database, other, 560)
    answer = await included(warm, position=1)
    verify_inclusion(other.hashes[0], 0, 560, answer.hashes, root_of(other.hashes[:560]))


async def test_a_receipt_is_a_file_that_verifies_by_itself(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 300, 500)

    answer = await receipt(service(reads), position=280)

    proof = TlogProof.parse(answer.receipt)
    opened = proof.open(leaf_hash(log.records[279]), [keys.log_verifier(ORIGIN, KEY)])
    assert (300, 279) == (opened.size, proof.index)
    assert answer.leaf_hash == log.hashes[279]


async def test_a_receipt_can_be_had_under_a_later_checkpoint(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 300, 500)
    proofs = service(reads)

    assert 500 == (await receipt(proofs, position=280, size=500)).size
    with pytest.raises(r.CheckpointNotFound):
        await receipt(proofs, position=280, size=499)
    with pytest.raises(r.OutsideTree):
        await receipt(proofs, position=301, size=300)


async def test_a_receipt_prefers_the_checkpoint_that_was_cosigned(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 300, 400, 500)
    proofs = service(reads, VerifierKey.parse(WITNESS.vkey))
    line = cosign(checkpoint(log, 400), WITNESS).signatures[-1].line

    added = await proofs.add_cosignature(
        pb.AddCosignatureRequest(parent=PARENT, size=400, signatures=line), make_call()
    )

    assert str(checkpoint(log, 400)) + line == added.note
    assert 400 == (await receipt(proofs, position=280)).size


async def test_a_receipt_waits_for_its_checkpoint_and_says_so_when_there_is_none(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 300)
    proofs = service(reads)
    request = pb.GetReceiptRequest(parent=PARENT, position=301)
    with pytest.raises(r.ReceiptNotReady) as refused:
        await proofs.get_receipt(request, make_call())
    assert {"size": "300"} == refused.value.metadata

    request.wait.FromSeconds(20)
    with pytest.raises(r.ReceiptNotReady):
        # The answer comes before the call's deadline, so that it can say why.
        await proofs.get_receipt(request, make_call(seconds=0.4))

    waiting = asyncio.gather(*(proofs.get_receipt(request, make_call()) for _ in range(5)))
    await asyncio.sleep(0.15)
    publish(database, log, 301)
    assert {301} == {answer.size for answer in await waiting}


async def test_an_alarm_of_the_publisher_is_told_and_ends_the_waiting(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 300)
    with psycopg.connect(database.service_dsn) as conn:
        conn.execute(
            "INSERT INTO regesta.publishers (namespace_id, verifier_keys, alarm_kind,"
            " alarm_position, alarm_last_position, alarm_detail, alarm_at)"
            " SELECT namespace_id, %s, 'TAMPER', 310, 312, 'changed', now() FROM regesta.logs",
            [[keys.log_verifier(ORIGIN, KEY).vkey]],
        )
    proofs = service(reads)

    told = await proofs.get_checkpoint(pb.GetCheckpointRequest(parent=PARENT), make_call())

    alarm = told.publisher.alarm
    assert (300, "TAMPER", 310, 312, "changed") == (
        told.size,
        alarm.kind,
        alarm.position,
        alarm.last_position,
        alarm.detail,
    )
    assert alarm.HasField("time")
    assert not told.publisher.HasField("seen_time")
    # What is under a checkpoint has its receipt; for the rest nobody need wait.
    assert 300 == (await receipt(proofs, position=300)).size
    request = pb.GetReceiptRequest(parent=PARENT, position=301)
    request.wait.FromSeconds(20)
    with pytest.raises(r.PublishingStopped) as refused:
        async with asyncio.timeout(5):
            await proofs.get_receipt(request, make_call())
    assert {"alarm": "TAMPER", "position": "310", "last_position": "312"} == refused.value.metadata
    with pytest.raises(r.PublishingStopped):
        await proofs.get_checkpoint(pb.GetCheckpointRequest(parent=PARENT, size=301), make_call())


async def test_a_receipt_of_what_has_not_happened_is_refused(reads: ReadModel):
    with pytest.raises(r.OutsideTree):
        await receipt(service(reads), position=SIZE + 1)


@pytest.mark.parametrize("what", ["stranger", "other text", "malformed", "no such size"])
async def test_only_a_known_witness_adds_to_a_checkpoint(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder, what: str
):
    publish(database, log, 300, 400)
    proofs = service(reads, VerifierKey.parse(WITNESS.vkey))
    stranger = cosigner("stranger.example.com", keys.generate())
    right = cosign(checkpoint(log, 300), WITNESS).signatures[-1].line
    size, lines, refusal = {
        "stranger": (
            300,
            cosign(checkpoint(log, 300), stranger).signatures[-1].line,
            r.WitnessUnknown,
        ),
        "other text": (400, right, r.InvalidRequest),
        "malformed": (300, "— nobody\n", r.InvalidRequest),
        "no such size": (301, right, r.CheckpointNotFound),
    }[what]
    request = pb.AddCosignatureRequest(parent=PARENT, size=size, signatures=lines)

    with pytest.raises(refusal):
        await proofs.add_cosignature(request, make_call())

    with psycopg.connect(database.service_dsn) as conn:
        notes = conn.execute("SELECT note FROM regesta.checkpoints ORDER BY size").fetchall()
    assert [(str(checkpoint(log, size)),) for size in (300, 400)] == notes


async def test_the_first_cosignature_of_a_witness_stays(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 300)
    proofs = service(reads, VerifierKey.parse(WITNESS.vkey))
    times = [WITNESS, cosigner(WITNESS.name, WITNESS.key, lambda: 4_000_000_000.0)]
    notes = []
    for signer in times:
        line = cosign(checkpoint(log, 300), signer).signatures[-1].line
        request = pb.AddCosignatureRequest(parent=PARENT, size=300, signatures=line)
        notes.append((await proofs.add_cosignature(request, make_call())).note)

    assert notes[0] == notes[1]
    assert 2 == len(Note.parse(notes[1]).signatures)


async def test_checkpoints_are_given_latest_exactly_and_all_in_order(
    reads: ReadModel, database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 300, 400)
    proofs = service(reads)

    async def get(**fields: Any) -> int:
        request = pb.GetCheckpointRequest(parent=PARENT, **fields)
        return (await proofs.get_checkpoint(request, make_call())).size

    assert [400, 400, 300] == [await get(), await get(size=350), await get(size=300, exact=True)]
    for fields in ({"size": 401}, {"size": 350, "exact": True}):
        with pytest.raises(r.CheckpointNotFound):
            await get(**fields)

    seen = []
    stream = proofs.watch_checkpoints(
        pb.WatchCheckpointsRequest(parent=PARENT, after_size=299), make_call()
    )
    async for answer in stream:
        seen.append(answer.size)
        if answer.size == 400:
            publish(database, log, 500)
        if answer.size == 500:
            break
    await stream.aclose()
    assert [300, 400, 500] == seen


async def test_a_watch_with_nothing_to_tell_says_that_it_lives(reads: ReadModel):
    stream = service(reads).watch_checkpoints(
        pb.WatchCheckpointsRequest(parent=PARENT, after_size=7), make_call()
    )
    first = await anext(stream)
    await stream.aclose()

    assert ("", 7) == (first.note, first.size)


def test_a_checkpoint_gains_signatures_and_changes_in_nothing_else(
    database: LiveDatabase, log: LogBuilder
):
    publish(database, log, 300)
    line = cosign(checkpoint(log, 300), WITNESS).signatures[-1].line
    update = "UPDATE regesta.checkpoints SET note = "
    for role, statement in (
        (database.service_dsn, f"{update} replace(note, 'registry', 'forgery')"),
        (database.service_dsn, f"{update} note || 'text'"),
        (database.service_dsn, f"{update} note || E'\\n'"),
        (database.service_dsn, "DELETE FROM regesta.checkpoints"),
        (database.owner_dsn, "DELETE FROM regesta.checkpoints"),
        (database.owner_dsn, "TRUNCATE regesta.checkpoints"),
        (database.owner_dsn, "UPDATE regesta.checkpoints SET size = size + 1"),
        (database.service_dsn, "UPDATE regesta.checkpoints SET published_at = now()"),
        (
            database.superuser_dsn,
            "SET session_replication_role = replica;"
            f" {update} replace(note, 'registry', 'forgery')",
        ),
    ):
        with pytest.raises(psycopg.Error), psycopg.connect(role) as conn:
            conn.execute(statement)
    with psycopg.connect(database.service_dsn) as conn:
        conn.execute("UPDATE regesta.checkpoints SET note = note || %s", [line])


def test_what_is_no_checkpoint_of_that_size_is_not_stored(database: LiveDatabase, log: LogBuilder):
    note = str(checkpoint(log, 300))
    for size, text in ((301, note), (300, note.rpartition("— ")[0]), (300, f"{note}more\n")):
        with (
            pytest.raises(psycopg.errors.CheckViolation),
            psycopg.connect(database.service_dsn) as conn,
        ):
            conn.execute(
                "INSERT INTO regesta.checkpoints (namespace_id, size, note) VALUES (1, %s, %s)",
                [size, text],
            )


def _rewrite(database: LiveDatabase, log: LogBuilder) -> None:
    """Make another log of the namespace, as somebody who restores a backup does."""
    with psycopg.connect(database.superuser_dsn) as conn:
        ((namespace_id,),) = conn.execute("SELECT namespace_id FROM regesta.logs").fetchall()
        for table in ("events", "events_000000", "tiles", "requests"):
            conn.execute(f"ALTER TABLE regesta.{table} DISABLE TRIGGER ALL")
        conn.execute("DELETE FROM regesta.events; DELETE FROM regesta.tiles")
        for table, columns, lines in log._contents():
            if table in {"events", "tiles"}:
                with conn.cursor() as cursor:
                    cursor.executemany(
                        _insert(table, columns), [(namespace_id, *line) for line in lines]
                    )
        conn.execute(
            "UPDATE regesta.logs SET size = %s, frontier = %s", [log.size, log.frontier.encode()]
        )
