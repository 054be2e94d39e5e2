"""Checks the stored Merkle tree against one that is computed from the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from regesta.merkle import HASH_BYTES, TILE_WIDTH, Frontier, InvalidFrontier, root_of
from regesta_projections.verification.findings import Findings, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from regesta.merkle import FilledTile

_TILES: Final = """
SELECT t.level, t.index, t.root, t.hashes
FROM unnest(%s::smallint[], %s::bigint[]) AS wanted (level, index)
JOIN regesta.tiles AS t ON t.level = wanted.level AND t.index = wanted.index
WHERE t.namespace_id = %s
"""
_EXTRA_TILES: Final = """
SELECT level, index FROM regesta.tiles
WHERE namespace_id = %s AND (index + 1)::numeric * 256::numeric ^ (level + 1) > %s
ORDER BY level, index LIMIT 1001
"""


class TreeCheck:
    """The tree over a log's records, grown beside the reading of them.

    Once an event is missing no later hash has a place, so nothing after it is compared; the
    missing event is a finding already.

    Attributes:
        frontier: Over the records so far.
    """

    def __init__(
        self, conn: psycopg.Connection[Any], namespace_id: int, findings: Findings
    ) -> None:
        self.frontier = Frontier()
        self._conn = conn
        self._namespace_id = namespace_id
        self._findings = findings
        # Of each level, the hashes that no full tile holds yet.
        self._loose: list[list[bytes]] = [[]]
        self._broken = False

    @property
    def is_broken(self) -> bool:
        """Whether an event is missing, so that the tree ends here."""
        return self._broken

    def stop(self) -> None:
        """Compare nothing from here on: the next event is missing."""
        self._broken = True

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Add the hashes of the next records, and compare the tiles that are full by them."""
        if self._broken:
            return
        self._loose[0] += hashes
        filled = self.frontier.extend(hashes)
        if not filled:
            return
        stored = self._fetch(filled)
        for tile in filled:
            if tile.level + 1 == len(self._loose):
                self._loose.append([])
            self._loose[tile.level + 1].append(tile.root)
            expected = b"".join(self._loose[tile.level][:TILE_WIDTH])
            del self._loose[tile.level][:TILE_WIDTH]
            self._compare(tile, expected, stored.get((tile.level, tile.index)))

    def finish(self, size: int, frontier: bytes) -> None:
        """Compare the frontier in the log's row, and look for tiles beyond the tree."""
        extra = self._conn.execute(_EXTRA_TILES, [self._namespace_id, size]).fetchall()
        for level, index in extra:
            self._findings.add(
                Kind.TILE_EXTRA, _tile_name(level, index), f"a tree of {size} leaves lacks it"
            )
        if self._broken or size != self.frontier.size:
            return
        try:
            stored = Frontier.decode(size, frontier).roots
        except InvalidFrontier as error:
            self._findings.add(Kind.FRONTIER_DIFFERS, "logs", str(error))
            return
        for (first, last), found, root in zip(
            _intervals(size), stored, self.frontier.roots, strict=True
        ):
            if found != root:
                self._findings.add(
                    Kind.FRONTIER_DIFFERS,
                    "logs",
                    f"positions {first} to {last} have root {root.hex()}, not {found.hex()}",
                )

    def _fetch(self, filled: Iterable[FilledTile]) -> dict[tuple[int, int], tuple[bytes, bytes]]:
        levels = [tile.level for tile in filled]
        indexes = [tile.index for tile in filled]
        with self._conn.cursor(binary=True) as cursor:
            cursor.execute(_TILES, [levels, indexes, self._namespace_id])
            return {(level, index): (root, hashes) for level, index, root, hashes in cursor}

    def _compare(
        self, tile: FilledTile, expected: bytes, stored: tuple[bytes, bytes] | None
    ) -> None:
        name = _tile_name(tile.level, tile.index)
        if stored is None:
            self._findings.add(Kind.TILE_MISSING, name, "it is full")
            return
        root, hashes = stored
        if root == tile.root and hashes == expected:
            return
        # A tile that agrees with itself but not with the records tells which were changed.
        if tile.level == 0 and root != tile.root and root_of(_split(hashes)) == root:
            self._name_changed_records(tile.index, expected, hashes)
            return
        what = "root" if hashes == expected else "hashes"
        self._findings.add(Kind.TILE_DIFFERS, name, f"its {what} are not those of the records")

    def _name_changed_records(self, index: int, expected: bytes, stored: bytes) -> None:
        pairs = zip(_split(expected), _split(stored), strict=True)
        for position, (computed, held) in enumerate(pairs, index * TILE_WIDTH + 1):
            if computed != held:
                self._findings.add(
                    Kind.RECORD_CHANGED,
                    "events",
                    f"its hash is {computed.hex()}, and was {held.hex()} when it was appended",
                    position=position,
                )


def _tile_name(level: int, index: int) -> str:
    return f"tiles {level}/{index}"


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def _intervals(size: int) -> list[tuple[int, int]]:
    """Return the first and last position under each root of a frontier."""
    intervals = []
    first = 1
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            intervals.append((first, first + (1 << level) - 1))
            first += 1 << level
    return intervals
