"""A log of some months ago, published, with a history and a backup: what retention is for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from regesta.audit.policies import Log, Policy
from regesta_projections.rebuild import rebuild
from regesta_service.backup.archiving import Archived, archive
from regesta_service.backup.writing import BackedUp, back_up
from regesta_service.domain.privacy import PlaceHold
from regesta_service.domain.retention import DefineRetention, ReleaseBodies
from regesta_service.reads.retention import RetentionReads
from tests.support.publishing import DEPLOYMENT, VERIFIER, Desk
from tests.support.reading import NamespacesOf
from tests.support.rich_log import padded_log
from tests.support.writing import NAMESPACE, register, sequencing

if TYPE_CHECKING:
    from regesta_service.domain.deciding import Command
    from tests.databases import LiveDatabase

#: Events of the log, and up to where its bodies are released.
SIZE, THROUGH = 600, 512

POLICY = Policy((Log(VERIFIER),))

#: Who defines the retention, and who releases bodies.
ANN, BEN = "ann", "ben"


@dataclass(frozen=True)
class OldLog:
    """The log, its publisher, and the folder of its backup."""

    database: LiveDatabase
    desk: Desk
    folder: Path

    @classmethod
    def made(cls, database: LiveDatabase, place: Path, size: int = SIZE) -> OldLog:
        """Write it: every kind of event first, then tags; fold and publish it."""
        with psycopg.connect(database.service_dsn) as conn:
            padded_log(size, NAMESPACE).write(conn)
        rebuild(database.service_dsn, NAMESPACE, linger=0)
        old = cls(database, Desk(database.service_dsn, place / "memory"), place / "backup")
        assert {} == old.desk.look()
        return old

    @property
    def dsn(self) -> str:
        return self.database.service_dsn

    def do(self, command: Command, actor: str = ANN) -> int:
        """Have a command carried out; return its position."""

        async def main() -> int:
            async with sequencing(self.dsn) as submit:
                return (await submit(command, actor=actor)).position

        return asyncio.run(main())

    def define(self, keep_days: int = 100, actor: str = ANN) -> int:
        return self.do(DefineRetention(keep_days), actor)

    def write(self, count: int) -> int:
        """Append young events; return the last position."""

        async def main() -> int:
            async with sequencing(self.dsn) as submit:
                done = await asyncio.gather(
                    *(submit(register("young"), f"young-{n}") for n in range(count))
                )
                return max(one.position for one in done)

        return asyncio.run(main())

    def hold(self, person: str = "", model: str = "") -> int:
        return self.do(PlaceHold("case-9", "9 O 1/26", person, model))

    def release(self, through: int | datetime = THROUGH, actor: str = BEN) -> int:
        """Release bodies, as the API does it."""

        async def main() -> int:
            kwargs = {"autocommit": True}
            async with (
                AsyncConnectionPool(self.dsn, min_size=1, max_size=1, kwargs=kwargs) as pool,
                sequencing(self.dsn) as submit,
            ):
                found = await RetentionReads(NamespacesOf(pool), pool).releasable(
                    NAMESPACE, through
                )
                command = ReleaseBodies(
                    found.through,
                    actor,
                    datetime.now(UTC),
                    found.recorded_at,
                    found.checkpoint_size,
                    found.checkpoint_root,
                    found.spared,
                )
                return (await submit(command, actor=actor)).position

        return asyncio.run(main())

    def back_up(self, folder: Path | None = None, **options: Any) -> BackedUp:
        """Sign what there is and bring the backup up to date."""
        assert {} == self.desk.look()
        done = back_up(self.dsn, folder or self.folder, DEPLOYMENT, **options)
        return next(log for log in done if log.namespace == NAMESPACE)

    def archive(self, **options: Any) -> Archived:
        return archive(
            self.database.owner_dsn, self.folder, NAMESPACE, **{"policy": POLICY} | options
        )

    def released(self) -> OldLog:
        """Define, release and back up: all but the archiving itself."""
        self.define()
        self.release()
        self.back_up()
        return self

    def archived(self) -> OldLog:
        self.released().archive()
        return self

    def events(self, columns: str = "*") -> list[tuple[Any, ...]]:
        """Return rows of the log, by position."""
        with psycopg.connect(self.dsn) as conn:
            query = f"SELECT {columns} FROM regesta.events ORDER BY position"  # noqa: S608
            return conn.execute(query.encode()).fetchall()

    def bodiless(self) -> list[int]:
        """Return the positions whose bodies are archived."""
        return [
            position
            for position, record in self.events("position, record")
            if record[:1] == b"\x00"
        ]
