"""Carrying a release out: bodies that a backup holds give way to their hashes in the log.

Nothing is taken on trust. The backup is verified as `regesta verify` does it, with the signature
of its checkpoint; every record in it is hashed and compared with the log's own hash of that
position; and in the transaction that changes rows the release, the retention and the holds are
looked at again. The database's own triggers let nothing else through.

A run that is killed has done whole batches; the next one goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psycopg
from psycopg import sql

from regesta.audit.notes import VerifierKey
from regesta.audit.policies import Log, Policy
from regesta.audit.verifying import verify
from regesta.exporting.tiling import InvalidTiles, describe, read_records
from regesta.merkle import Frontier, leaf_hash
from regesta.v1.privacy_service_pb2 import PrivacyStatus
from regesta_projections.bodies import released_through
from regesta_projections.rebuild import NamespaceUnknown
from regesta_service.domain.retention import check_age, check_holds, no_retention
from regesta_service.reads.retention import (
    COVERED,
    RECORDED_AT,
    STATUS,
    covered_parameters,
    spared_by,
)

if TYPE_CHECKING:
    from pathlib import Path

    Connection = psycopg.Connection[Any]

#: Rows changed in one transaction.
BATCH: Final = 4_096


class CannotArchive(RuntimeError):
    """The release cannot be carried out; the message says why. No row was changed for it."""


@dataclass(frozen=True, slots=True)
class Archived:
    """What was done.

    Attributes:
        through: Up to where bodies are released.
        bodies: How many gave way to their hashes now.
        before: How many had done so before.
        bytes_freed: By how much the records became shorter.
        checkpoint_size: Of the checkpoint that the backup was verified under.
    """

    through: int
    bodies: int
    before: int
    bytes_freed: int
    checkpoint_size: int


class Compacted(NamedTuple):
    """A table that was written anew, and its size in bytes before and after."""

    table: str
    before: int
    after: int


def archive(
    owner_dsn: str,
    folder: Path,
    namespace: str,
    policy: Policy | None = None,
    *,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Archived:
    """Replace the bodies that were released by their hashes.

    Args:
        owner_dsn: The owner role, or a login that may become it.
        folder: A backup with all of these bodies.
        namespace: Whose.
        policy: Whose signatures the backup's checkpoint must have; None means the keys that the
            publisher has noted in the database.
        dry_run: Check everything and change nothing.
        progress: Told the position that was reached, after each batch.

    Raises:
        NamespaceUnknown: There is no such namespace.
        CannotArchive: Nothing is released, the backup does not verify or is not of this log, or
            the history has not been folded so far.
        Rejection: Retention or a hold forbids it by now.
    """
    with psycopg.connect(owner_dsn, autocommit=True, prepare_threshold=None) as conn:
        conn.execute(_BECOME_OWNER)
        work = _Archiving(conn, namespace)
        signed = work.verify(folder / namespace, policy)
        return work.carry_out(dry_run=dry_run, progress=progress, signed=signed)


def compact(owner_dsn: str) -> Iterator[Compacted]:
    """Write the tables that hold archived rows anew, which gives their space back to the disk.

    Each is locked meanwhile: whoever reads or appends waits.
    """
    with psycopg.connect(owner_dsn, autocommit=True, prepare_threshold=None) as conn:
        conn.execute(_BECOME_OWNER)
        for (name,) in conn.execute(_PARTITIONS).fetchall():
            table = sql.Identifier("regesta", name)
            first = conn.execute(_HOLDS_ARCHIVED.format(table=table)).fetchone()
            if first is None:
                continue
            before = _size(conn, name)
            conn.execute(_COMPACT.format(table=table))
            yield Compacted(name, before, _size(conn, name))


class _Archiving:
    def __init__(self, conn: Connection, namespace: str) -> None:
        row = conn.execute(_LOG, [namespace]).fetchone()
        if row is None:
            raise NamespaceUnknown(f"there is no namespace {namespace}")
        self._conn = conn
        self._namespace = namespace
        self._id: int = row[0]
        self.through = released_through(conn, self._id)
        if not self.through:
            raise CannotArchive(
                f"no bodies of {namespace} are released: `regesta retention release` does it"
            )
        self._folder: Path | None = None

    def verify(self, folder: Path, policy: Policy | None) -> int:
        """Check the backup by itself, and against the release; return how far it is signed."""
        try:
            said = describe(folder)
        except InvalidTiles as error:
            raise CannotArchive(f"{folder}: {error}") from error
        if said is None:
            raise CannotArchive(f"{folder} is no backup of a log: `regesta-server backup` makes it")
        release = self._status().release
        if said.size < max(self.through, release.checkpoint_size):
            raise CannotArchive(
                f"the signed part of {folder} has {said.size} records, and the release came under"
                f" {release.checkpoint_size}: run `regesta-server backup` first"
            )
        report = verify(folder, policy or self._noted_policy())
        if not report.ok:
            first = next(iter(report.findings), None)
            raise CannotArchive(f"{folder} does not verify: {first.detail if first else 'see it'}")
        if report.trust is None or not report.trust.accepted:
            raise CannotArchive(f"{folder} has no checkpoint that is signed as it must be")
        frontier = Frontier()
        records = islice(read_records(folder, said.size), release.checkpoint_size)
        while some := list(islice(records, BATCH)):
            frontier.extend([leaf_hash(one) for one in some])
        if frontier.root() != release.root_hash:
            raise CannotArchive(f"{folder} is of another history than the one that was released")
        self._folder = folder
        return report.size

    def carry_out(self, *, dry_run: bool, progress: Callable[[int], None], signed: int) -> Archived:
        """Change the rows, some thousand in a transaction."""
        assert self._folder is not None  # noqa: S101 - verified before
        bodies = before = freed = position = 0
        records = read_records(self._folder, self.through)
        while some := list(islice(records, BATCH)):
            with self._conn.transaction():
                self._check_again()
                done, shorter = self._replace(position, some, dry_run=dry_run)
            bodies += done
            before += len(some) - done
            freed += shorter
            position += len(some)
            progress(position)
        return Archived(self.through, bodies, before, freed, signed)

    def _check_again(self) -> None:
        """Refuse what is not allowed by now; nobody places a hold before the batch is over."""
        status = self._status(lock=True)
        if not status.retention.keep_days:
            raise no_retention()
        row = self._conn.execute(RECORDED_AT, [self._id, self.through]).fetchone()
        check_age(status, self.through, row[0] if row else None, datetime.now(UTC))
        covered = self._conn.execute(
            COVERED, covered_parameters(self._id, self.through, status.holds)
        ).fetchall()
        check_holds(status, spared_by(status.holds, covered))
        cursor = self._conn.execute(_CURSOR, [self._id]).fetchone()
        if cursor is None or cursor[0] < self.through:
            raise CannotArchive(
                f"the history of {self._namespace} has not been folded up to {self.through} yet:"
                " let a server run for a moment"
            )

    def _replace(self, after: int, records: list[bytes], *, dry_run: bool) -> tuple[int, int]:
        """Replace bodies; return how many, and by how much they became shorter."""
        bounds = [self._id, after, after + len(records)]
        stored = self._conn.execute(_STORED, bounds, binary=True).fetchall()
        expected = [(after + at, leaf_hash(one)) for at, one in enumerate(records, 1)]
        if stored != expected:
            place = next(
                (one[0] for one, other in zip(expected, stored, strict=False) if one != other),
                after + len(stored) + 1,
            )
            raise CannotArchive(
                f"the backup and the log differ at position {place}:"
                " `regesta-server verify` says which of them is wrong"
            )
        row = self._conn.execute(_BODIES, bounds).fetchone() or (0, 0)
        if row[0] and not dry_run:
            self._conn.execute(_REPLACE, bounds)
        return row[0], row[1]

    def _status(self, *, lock: bool = False) -> PrivacyStatus:
        row = self._conn.execute(STATUS + (_LOCKED if lock else ""), [self._id]).fetchone()
        return PrivacyStatus.FromString(row[0] if row else b"")

    def _noted_policy(self) -> Policy:
        row = self._conn.execute(_KEYS, [self._id]).fetchone()
        keys = [VerifierKey.parse(key) for key in (row[0] if row else ())]
        if not keys:
            raise CannotArchive("no publisher has noted its key: give --policy")
        return Policy(tuple(Log(key) for key in keys))


def _size(conn: Connection, table: str) -> int:
    row = conn.execute(_SIZE, [table]).fetchone()
    return int(row[0]) if row else 0


_BECOME_OWNER: Final = "SET ROLE regesta_owner"
_LOG: Final = "SELECT namespace_id FROM regesta.logs WHERE name = %s"
_KEYS: Final = "SELECT verifier_keys FROM regesta.publishers WHERE namespace_id = %s"
# An append that changes holds or retention writes this row, so it waits.
_LOCKED: Final = " FOR SHARE OF s"
_CURSOR: Final = """
SELECT c.position FROM regesta.logs AS l
JOIN regesta.history_cursors AS c
    ON c.namespace_id = l.namespace_id AND c.generation = l.generation
WHERE l.namespace_id = %s
"""
_STORED: Final = """
SELECT position, leaf_hash FROM regesta.events
WHERE namespace_id = %s AND position > %s AND position <= %s ORDER BY position
"""
# 33 bytes stay of each.
_BODIES: Final = """
SELECT count(*), COALESCE(sum(octet_length(record) - 33), 0)::bigint FROM regesta.events
WHERE namespace_id = %s AND position > %s AND position <= %s AND get_byte(record, 0) <> 0
"""
_REPLACE: Final = """
UPDATE regesta.events SET record = '\\x00'::bytea || leaf_hash
WHERE namespace_id = %s AND position > %s AND position <= %s AND get_byte(record, 0) <> 0
"""
_PARTITIONS: Final = """
SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'regesta.events'::regclass ORDER BY c.relname
"""
_HOLDS_ARCHIVED: Final = sql.SQL("SELECT FROM {table} WHERE get_byte(record, 0) = 0 LIMIT 1")
_COMPACT: Final = sql.SQL("VACUUM (FULL, ANALYZE) {table}")
_SIZE: Final = "SELECT pg_total_relation_size(format('regesta.%%I', %s::text)::regclass)"
