"""Which rows were changed, when the rows of a log do not come to its head.

An edit of a record changes its leaf hash too, which PostgreSQL computes; but what it was when
it was appended is told by others: by the tile that holds it, by the next event of its stream
(`prev`), or by the projected row that its stream ends in. Where none of them can tell, the
subtree of the head that differs still bounds the place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString, NamedTuple

import msgspec

from regesta.audit import tiles
from regesta.merkle import HASH_BYTES, TILE_WIDTH, Frontier
from regesta_projections.archived import BodyArchived, hash_of
from regesta_projections.evolve.streams import UnknownStream, key_of
from regesta_projections.records import read_envelope
from regesta_projections.rows import AliasKey, ModelKey, NamespaceKey, VersionKey
from regesta_service.audit import stored

if TYPE_CHECKING:
    import psycopg

    from regesta_service.audit.stored import Head

    Connection = psycopg.Connection[Any]


class Changed(NamedTuple):
    """Where rows were changed, and how that is known."""

    first: int
    last: int
    detail: str


def changed_rows(conn: Connection, head: Head, signed: int) -> Changed:
    """Return the narrowest place that rows beyond `signed` tell of a change in."""
    hashes = [
        hash_of(line.record)
        for some in stored.lines(conn, head.namespace_id, signed + 1, head.size)
        for line in some
    ]
    return (
        _by_tile(conn, head, signed, hashes)
        or _by_stream(conn, head, signed, hashes)
        or _by_subtree(conn, head, signed)
    )


def _by_tile(conn: Connection, head: Head, signed: int, hashes: list[bytes]) -> Changed | None:
    """Compare with the tiles that were filled when the rows were appended."""
    read = stored.StoredTiles(conn, head.namespace_id).read
    for index in range(signed // TILE_WIDTH, head.size // TILE_WIDTH):
        tile = read(0, index, TILE_WIDTH)
        for number in range(len(tile) // HASH_BYTES):
            at = index * TILE_WIDTH + number
            held = tile[number * HASH_BYTES : (number + 1) * HASH_BYTES]
            if at >= signed and held != hashes[at - signed]:
                return Changed(
                    at + 1,
                    at + 1,
                    f"the record hashes to {hashes[at - signed].hex()}, and was {held.hex()} "
                    "when it was appended",
                )
    return None


def _by_stream(conn: Connection, head: Head, signed: int, hashes: list[bytes]) -> Changed | None:
    """Compare with what the rest of each stream says."""
    rows = conn.execute(_STREAMS, [head.namespace_id, signed, head.size])
    for position, stream, revision in rows.fetchall():
        held = _held(conn, head.namespace_id, stream, revision)
        computed = hashes[position - signed - 1]
        if held is not None and held != computed:
            return Changed(
                position,
                position,
                f"the record hashes to {computed.hex()}, and {stream} knows it as {held.hex()}",
            )
    return None


def _by_subtree(conn: Connection, head: Head, signed: int) -> Changed:
    """Return the first subtree of the head that is not what is stored under it."""
    read = stored.StoredTiles(conn, head.namespace_id).read
    first = 1
    for number, level in enumerate(
        level for level in reversed(range(head.size.bit_length())) if head.size >> level & 1
    ):
        last = first + (1 << level) - 1
        known = Frontier.decode(last, b"".join(head.frontier.roots[: number + 1]))
        try:
            differs = tiles.root(last, read) != known.root()
        except tiles.InvalidTile:
            differs = True
        if differs:
            break
        first = last + 1
    else:
        first, last = 1, head.size
    return Changed(
        max(first, signed + 1), last, "these rows do not come to what the log's head says"
    )


def _held(conn: Connection, namespace_id: int, stream: str, revision: int) -> bytes | None:
    """Return the leaf hash that others know an event by; None when nobody can tell."""
    row = conn.execute(_NEXT, [namespace_id, stream, revision + 1]).fetchone()
    if row is not None:
        try:
            return bytes.fromhex(read_envelope(bytes(row[0])).prev)
        except (msgspec.DecodeError, ValueError, BodyArchived):
            return None
    try:
        key = key_of(stream)
    except UnknownStream:
        return None
    query: LiteralString
    names: list[str | int]
    match key:
        case ModelKey():
            query, names = _MODEL, [key.model]
        case VersionKey():
            query, names = _VERSION, [key.model, key.number]
        case AliasKey():
            query, names = _ALIAS, [key.model, key.alias]
        case NamespaceKey():
            query, names = _NAMESPACE, []
        case _:
            return None
    row = conn.execute(query, [namespace_id, revision, *names]).fetchone()
    return None if row is None else bytes(row[0])


_STREAMS: Final = """
SELECT position, stream, revision FROM regesta.events
WHERE namespace_id = %s AND position > %s AND position <= %s ORDER BY position
"""
_NEXT: Final = """
SELECT record FROM regesta.events WHERE namespace_id = %s AND stream = %s AND revision = %s
"""
_MODEL: Final = """
SELECT r.leaf_hash FROM regesta.logs AS l
JOIN regesta.models AS r ON r.namespace_id = l.namespace_id AND r.generation = l.generation
WHERE l.namespace_id = %s AND r.revision = %s AND r.model = %s
"""
_VERSION: Final = """
SELECT r.leaf_hash FROM regesta.logs AS l
JOIN regesta.versions AS r ON r.namespace_id = l.namespace_id AND r.generation = l.generation
WHERE l.namespace_id = %s AND r.revision = %s AND r.model = %s AND r.number = %s
"""
_ALIAS: Final = """
SELECT r.leaf_hash FROM regesta.logs AS l
JOIN regesta.aliases AS r ON r.namespace_id = l.namespace_id AND r.generation = l.generation
WHERE l.namespace_id = %s AND r.revision = %s AND r.model = %s AND r.alias = %s
"""
_NAMESPACE: Final = """
SELECT r.leaf_hash FROM regesta.logs AS l
JOIN regesta.namespaces AS r ON r.namespace_id = l.namespace_id AND r.generation = l.generation
WHERE l.namespace_id = %s AND r.revision = %s
"""
