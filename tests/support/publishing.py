"""A log that was published up to a point and has grown since, and what people do to it."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import psycopg

from regesta.audit import keys
from regesta.audit.checkpoints import Checkpoint, open_checkpoint
from regesta.audit.notes import Note
from regesta_service.audit.memory import Memory
from regesta_service.audit.publisher import Publisher
from tests.support.writing import NAMESPACE, register, sequencing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.databases import LiveDatabase

DEPLOYMENT = "registry.example.com"
ORIGIN = f"{DEPLOYMENT}/{NAMESPACE}"
KEY = keys.generate()
VERIFIER = keys.log_verifier(ORIGIN, KEY)


def write(dsn: str, count: int, name: str = "w", models: int = 4) -> None:
    """Register versions, some at a time, by the real write path."""

    async def main() -> None:
        async with sequencing(dsn) as submit:
            await asyncio.gather(
                *(submit(register(f"model-{n % models}"), f"{name}-{n}") for n in range(count))
            )

    asyncio.run(main())


@dataclass(frozen=True)
class Desk:
    """A publisher's place: where its memory is, and which database it publishes."""

    dsn: str
    directory: Path

    def look(self, **options: Any) -> dict[str, Any]:
        """Start a publisher, look once, stop it, and return the alarms."""
        with Memory(self.directory) as memory:
            publisher = Publisher(self.dsn, [KEY], memory, **{"origin": DEPLOYMENT} | options)
            try:
                publisher.look()
                return publisher.alarms
            finally:
                publisher.close()

    def notes(self, namespace: str = NAMESPACE) -> list[str]:
        """Return a namespace's checkpoints in the database, by size."""
        with psycopg.connect(self.dsn) as conn:
            rows = conn.execute(
                "SELECT c.note FROM regesta.checkpoints AS c JOIN regesta.logs AS l"
                " USING (namespace_id) WHERE l.name = %s ORDER BY c.size",
                [namespace],
            ).fetchall()
        return [note for (note,) in rows]

    def checkpoints(self) -> list[Checkpoint]:
        """Return them opened with our key."""
        return [open_checkpoint(Note.parse(note), [VERIFIER]) for note in self.notes()]

    def remembered(self) -> int:
        """Return the size that is remembered."""
        found = Memory(self.directory).recall(NAMESPACE)
        return found.size if found else 0

    def moved(self, database: LiveDatabase, directory: Path) -> Desk:
        """Return a publisher with a copy of this memory at another database."""
        shutil.copytree(self.directory, directory)
        return Desk(database.service_dsn, directory)


class Superuser:
    """Somebody to whom neither grants nor triggers apply."""

    def __init__(self, database: LiveDatabase) -> None:
        self.conn = psycopg.connect(database.superuser_dsn, autocommit=True)
        for table in ("events", "events_000000", "tiles", "requests", "checkpoints"):
            self.run(f"ALTER TABLE regesta.{table} DISABLE TRIGGER ALL")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.conn.close()

    def run(self, statement: str, *parameters: object) -> int:
        """Do anything; return how many rows it was done to."""
        return self.conn.execute(statement, parameters).rowcount

    def edit(self, position: int) -> int:
        """Change one word of a record; its leaf hash follows by itself."""
        return self.run(
            "UPDATE regesta.events SET record = convert_to("
            "replace(convert_from(record, 'UTF8'), 's3://bucket', 's3://forged'), 'UTF8')"
            " WHERE position = %s",
            position,
        )

    def delete(self, first: int, last: int) -> int:
        return self.run("DELETE FROM regesta.events WHERE position BETWEEN %s AND %s", first, last)

    def shift(self, first: int, by: int) -> int:
        """Give rows other positions, and keep their order."""
        away = 1_000_000
        move = "UPDATE regesta.events SET position = position + %s WHERE position >= %s"
        self.run(move, away, first)
        return self.run(move, by - away, away)


__all__ = ["DEPLOYMENT", "KEY", "ORIGIN", "VERIFIER", "Desk", "Superuser", "write"]
