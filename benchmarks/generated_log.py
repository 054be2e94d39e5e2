"""Writes a long log straight into a database, without a server.

Of a busy registry unless told otherwise: 60 % registrations with three parameters, two metrics
and two tags; the rest tags, moves to another stage and aliases, 95 % of them on one of a
model's last five versions.
"""

from __future__ import annotations

import itertools
import random
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import psycopg

from regesta.merkle import Frontier, leaf_hash
from regesta_projections import events as e
from regesta_projections.records import TYPE_PREFIX, Cause, write_record
from regesta_projections.request_keys import request_key

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE = "busy"
_START = datetime(2026, 1, 1, tzinfo=UTC)
_STEP = timedelta(milliseconds=7)
_CHUNK = 20_000
_EVENTS_A_MODEL = 200

_COPY_EVENTS = """
COPY regesta.events (namespace_id, position, record, stream, revision, type, actor,
    recorded_at, request_id) FROM STDIN (FORMAT BINARY)
"""
_EVENT_TYPES = ("int4", "int8", "bytea", "text", "int8", "text", "text", "timestamptz", "text")
_COPY_REQUESTS = """
COPY regesta.requests (namespace_id, key, fingerprint, position, events, stream)
FROM STDIN (FORMAT BINARY)
"""
_REQUEST_TYPES = ("int4", "uuid", "bytea", "int8", "int2", "text")
_ADD_TILE = """
INSERT INTO regesta.tiles (namespace_id, level, index, root, hashes) VALUES (%s, %s, %s, %s, %s)
"""


def facts(count: int, seed: int = 1) -> Iterator[tuple[str, e.Event]]:
    """Yield `count` streams and events in an order that a server could have written."""
    chance = random.Random(seed)
    yield "namespace", e.NamespaceCreated(name=NAMESPACE)
    models = [f"model-{number:05}" for number in range(max(1, count // _EVENTS_A_MODEL))]
    for model in models:
        yield (
            f"models/{model}",
            e.ModelCreated(name=model, kind="MODEL", owner="risk", tags={"team": "risk"}),
        )
    last = dict.fromkeys(models, 0)
    aliases: dict[str, int] = {}
    for _ in range(count - len(models) - 1):
        model = chance.choice(models)
        if last[model] == 0 or chance.random() < 0.6:
            last[model] += 1
            yield f"models/{model}/versions/{last[model]}", registered(chance, model, last[model])
            continue
        number = _some_version(chance, last[model])
        kind = chance.random()
        if kind < 0.5:
            tags = {"validated": chance.choice(("yes", "no")), "by": f"user-{chance.randrange(50)}"}
            yield f"models/{model}/versions/{number}", e.TagsSet(tags=tags)
        elif kind < 0.8:
            stage = chance.choice(("staging", "production"))
            moved = e.StageChanged(from_stage="development", to_stage=stage)
            yield f"models/{model}/versions/{number}", moved
        else:
            stream = f"models/{model}/aliases/{chance.choice(('champion', 'challenger'))}"
            yield stream, e.AliasSet(version=number, previous_version=aliases.get(stream, 0))
            aliases[stream] = number


def _some_version(chance: random.Random, last: int) -> int:
    if chance.random() < 0.05:
        return chance.randint(1, last)
    return chance.randint(max(1, last - 4), last)


def registered(chance: random.Random, model: str, number: int) -> e.VersionRegistered:
    """Return the registration of a version with facts of a usual amount."""
    return e.VersionRegistered(
        version=number,
        source=f"s3://models/{model}/{number}/model.onnx",
        digest=f"sha256:{chance.getrandbits(256):064x}",
        size_bytes=str(chance.randrange(1, 10**9)),
        stage="development",
        params={
            "learning_rate": f"{chance.random():.5f}",
            "depth": str(chance.randrange(12)),
            "epochs": "30",
        },
        metrics={"auc": repr(chance.random()), "loss": repr(chance.random())},
        tags={"framework": "onnx", "dataset": f"set-{chance.randrange(100)}"},
        lineage=e.Lineage(run=f"run-{chance.getrandbits(48):012x}"),
    )


class _Writer:
    """Puts events into a log that nobody else writes."""

    def __init__(self, conn: psycopg.Connection[Any], namespace: str, namespace_id: int) -> None:
        self._conn = conn
        self._source = f"/namespaces/{namespace}"
        self._namespace_id = namespace_id
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._frontier = Frontier()
        self._levels: list[list[bytes]] = [[]]
        self._time = _START

    @property
    def size(self) -> int:
        """How many events it has written."""
        return self._frontier.size

    def write(self, entries: list[tuple[str, e.Event]]) -> None:
        """Append a chunk and commit it."""
        lines, requests, hashes = [], [], []
        for position, (stream, event) in enumerate(entries, self._frontier.size + 1):
            self._time += _STEP
            cause = Cause(f"user-{position % 50}", "user", f"0198c0de-0000-7000-{position:017x}")
            revision, previous = self._heads.get(stream, (0, b""))
            record = write_record(
                event,
                source=self._source,
                stream=stream,
                revision=revision + 1,
                previous=previous,
                recorded_at=self._time,
                cause=cause,
            )
            hashes.append(leaf_hash(record))
            self._heads[stream] = revision + 1, hashes[-1]
            lines.append(
                (
                    self._namespace_id,
                    position,
                    record,
                    stream,
                    revision + 1,
                    TYPE_PREFIX + event.__class__.__name__,
                    cause.actor,
                    self._time,
                    cause.request_id,
                )
            )
            key = request_key(cause.actor, cause.request_id)
            fingerprint = sha256(record).digest()[:16]
            requests.append((self._namespace_id, key, fingerprint, position, 1, stream))
        with self._conn.transaction():
            self._copy(_COPY_EVENTS, _EVENT_TYPES, lines)
            self._copy(_COPY_REQUESTS, _REQUEST_TYPES, requests)
            self._add_tiles(hashes)
            self._conn.execute(
                "UPDATE regesta.logs SET size = %s, frontier = %s, recorded_at = %s"
                " WHERE namespace_id = %s",
                [self._frontier.size, self._frontier.encode(), self._time, self._namespace_id],
            )

    def _copy(self, statement: Any, types: tuple[str, ...], lines: list[Any]) -> None:
        with self._conn.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            for line in lines:
                copy.write_row(line)

    def _add_tiles(self, hashes: list[bytes]) -> None:
        self._levels[0] += hashes
        for tile in self._frontier.extend(hashes):
            waiting = self._levels[tile.level]
            if tile.level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[tile.level + 1].append(tile.root)
            self._conn.execute(
                _ADD_TILE,
                [self._namespace_id, tile.level, tile.index, tile.root, b"".join(waiting[:256])],
            )
            del waiting[:256]


def write_log(dsn: str, namespace: str, entries: Iterator[tuple[str, e.Event]]) -> int:
    """Write a log into a namespace, which must not exist yet, and return its size.

    Args:
        dsn: The service's role.
        namespace: Its name.
        entries: Streams and events; the first says that the namespace was created.
    """
    with psycopg.connect(dsn, autocommit=True) as conn:
        cursor = conn.execute(
            "INSERT INTO regesta.logs (name) VALUES (%s) RETURNING namespace_id", [namespace]
        )
        [(namespace_id,)] = cursor.fetchall()
        writer = _Writer(conn, namespace, namespace_id)
        while chunk := list(itertools.islice(entries, _CHUNK)):
            writer.write(chunk)
        return writer.size


if __name__ == "__main__":
    write_log(sys.argv[1], NAMESPACE, facts(int(sys.argv[2])))
