"""Proofs out of the stored tree, for any size that the log has had.

Full tiles lie in `regesta.tiles`; what is beyond the last full one is read from the leaf
hashes of the events, and from the roots of the tiles below. Hashes of a log never change, so
what was read once is kept, a bounded number of tiles for all namespaces of a process.

Source: RFC 9162, sections 2.1.3 and 2.1.4; C2SP tlog-tiles for the cut into tiles.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

from regesta.audit import tiles
from regesta.audit.tiles import Tile, TileRef
from regesta.merkle import HASH_BYTES, TILE_WIDTH
from regesta_service.domain.rejections import LogDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import psycopg

    Connection: TypeAlias = psycopg.AsyncConnection[Any]

#: Most tiles kept; one has 40 KB once all its inner nodes are known.
MAX_TILES: Final = 1_024
_MAX_ROOTS: Final = 4_096

_Key: TypeAlias = tuple[int, int, int]
T = TypeVar("T")


class InclusionProof(NamedTuple):
    """That a leaf is in the tree of some size."""

    leaf_hash: bytes
    #: Lowest level first.
    hashes: list[bytes]
    root: bytes


class ConsistencyProof(NamedTuple):
    """That a tree extends an earlier one."""

    hashes: list[bytes]
    old_root: bytes
    root: bytes


class _Missing(Exception):
    """A tile is not at hand."""


class Trees:
    """The trees of all namespaces; share one in a process.

    Sizes and leaves must be those of the log: whoever calls has looked at its head.

    Args:
        max_tiles: Most tiles kept in memory, of all namespaces together.
    """

    def __init__(self, max_tiles: int = MAX_TILES) -> None:
        self._tiles: OrderedDict[_Key, Tile] = OrderedDict()
        self._max_tiles = max_tiles
        self._roots: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    async def inclusion(
        self,
        connection: Connection,
        namespace_id: int,
        leaf: int,
        size: int,
        root: bytes | None = None,
    ) -> InclusionProof:
        """Return the proof that a leaf is in the tree.

        Args:
            connection: Read from if something is not at hand.
            namespace_id: Whose tree.
            leaf: Number of the leaf, from 0.
            size: Size of the tree, above `leaf` and at most that of the log.
            root: What the root at that size is known to be, for example signed to be.

        Raises:
            LogDamaged: The stored tree has not that root, or lacks hashes.
        """
        await self._check_root(connection, namespace_id, size, root)

        def prove(read: tiles.ReadTile) -> InclusionProof:
            index, number = divmod(leaf, TILE_WIDTH)
            width = tiles.tile_width(0, index, size)
            tile = read(0, index, width)
            found = tile.node(0, number) if isinstance(tile, Tile) else tile
            return InclusionProof(
                found, tiles.inclusion_proof(leaf, size, read), self._root(namespace_id, size, read)
            )

        def needed() -> Iterable[TileRef]:
            index = leaf // TILE_WIDTH
            own = TileRef(0, index, tiles.tile_width(0, index, size))
            return {own, *tiles.inclusion_tiles(leaf, size), *tiles.root_tiles(size)}

        return await self._made(connection, namespace_id, prove, needed)

    async def consistency(
        self,
        connection: Connection,
        namespace_id: int,
        old_size: int,
        size: int,
        root: bytes | None = None,
    ) -> ConsistencyProof:
        """Return the proof that the tree extends what it was at an earlier size.

        Args:
            connection: Read from if something is not at hand.
            namespace_id: Whose tree.
            old_size: From 1.
            size: At least `old_size`, and at most that of the log.
            root: What the root at `size` is known to be.

        Raises:
            LogDamaged: As for `inclusion`.
        """
        await self._check_root(connection, namespace_id, size, root)

        def prove(read: tiles.ReadTile) -> ConsistencyProof:
            return ConsistencyProof(
                tiles.consistency_proof(old_size, size, read),
                self._root(namespace_id, old_size, read),
                self._root(namespace_id, size, read),
            )

        def needed() -> Iterable[TileRef]:
            return {
                *tiles.consistency_tiles(old_size, size),
                *tiles.root_tiles(old_size),
                *tiles.root_tiles(size),
            }

        return await self._made(connection, namespace_id, prove, needed)

    async def root(self, connection: Connection, namespace_id: int, size: int) -> bytes:
        """Return the root at a size.

        Raises:
            LogDamaged: The stored tree lacks hashes.
        """
        return await self._made(
            connection,
            namespace_id,
            lambda read: self._root(namespace_id, size, read),
            lambda: tiles.root_tiles(size),
        )

    async def tile(self, connection: Connection, namespace_id: int, ref: TileRef) -> bytes:
        """Return the hashes of a tile that the log has.

        Raises:
            LogDamaged: The stored tree lacks hashes.
        """
        tile = await self._made(connection, namespace_id, lambda read: read(*ref), lambda: (ref,))
        hashes = tile.encode() if isinstance(tile, Tile) else tile
        return hashes[: ref.width * HASH_BYTES]

    def forget(self, namespace_id: int) -> None:
        """Forget a namespace's tree: the database was set back, or repaired."""
        for key in [key for key in self._tiles if key[0] == namespace_id]:
            del self._tiles[key]
        for place in [place for place in self._roots if place[0] == namespace_id]:
            del self._roots[place]

    async def _check_root(
        self, connection: Connection, namespace_id: int, size: int, root: bytes | None
    ) -> None:
        if root is None or self._roots.get((namespace_id, size)) == root:
            return
        if await self.root(connection, namespace_id, size) == root:
            return
        # What is kept may be of a history that a backup has replaced.
        self.forget(namespace_id)
        if await self.root(connection, namespace_id, size) != root:
            raise LogDamaged(
                f"the stored tree of {size} events does not lead to the root that it must have; "
                "verify names what differs",
                metadata={"size": str(size)},
            )

    async def _made(
        self,
        connection: Connection,
        namespace_id: int,
        make: Callable[[tiles.ReadTile], T],
        needed: Callable[[], Iterable[TileRef]],
    ) -> T:
        """Return what `make` makes of tiles at hand; fetch those `needed` if some are not."""
        kept = self._tiles

        def read(level: int, index: int, width: int) -> Tile:
            key = (namespace_id, level, index)
            tile = kept.get(key)
            if tile is None or tile.width < width:
                raise _Missing
            kept.move_to_end(key)
            return tile

        try:
            return make(read)
        except _Missing:
            # All of them, held here: others may push them out of what is kept.
            held = await self._fetch(connection, namespace_id, needed())
        return make(lambda level, index, _: held[level, index])

    async def _fetch(
        self, connection: Connection, namespace_id: int, refs: Iterable[TileRef]
    ) -> dict[tuple[int, int], Tile]:
        widest: dict[tuple[int, int], int] = {}
        for level, index, width in refs:
            widest[level, index] = max(width, widest.get((level, index), 0))
        held: dict[tuple[int, int], Tile] = {}
        for place, width in widest.items():
            tile = self._tiles.get((namespace_id, *place))
            if tile is not None and tile.width >= width:
                held[place] = tile
        absent = [place for place in widest if place not in held]
        read = await _read_full(connection, namespace_id, absent)
        for place in absent:
            hashes = read.get(place)
            if hashes is None:
                hashes = await _read_part(connection, namespace_id, *place, widest[place])
            if len(hashes) < widest[place] * HASH_BYTES:
                raise LogDamaged(
                    f"{tiles.tile_path(*place, widest[place])} is not all there; "
                    "verify names what is missing",
                    metadata={"tile": tiles.tile_path(*place, widest[place])},
                )
            held[place] = Tile(hashes)
        self._keep(namespace_id, held)
        return held

    def _keep(self, namespace_id: int, held: dict[tuple[int, int], Tile]) -> None:
        for place, tile in held.items():
            key = (namespace_id, *place)
            known = self._tiles.get(key)
            if known is None or known.width < tile.width:
                self._tiles[key] = tile
            self._tiles.move_to_end(key)
        while len(self._tiles) > self._max_tiles:
            self._tiles.popitem(last=False)

    def _root(self, namespace_id: int, size: int, read: tiles.ReadTile) -> bytes:
        root = self._roots.get((namespace_id, size))
        if root is None:
            root = self._roots[namespace_id, size] = tiles.root(size, read)
            if len(self._roots) > _MAX_ROOTS:
                self._roots.popitem(last=False)
        return root


async def _read_full(
    connection: Connection, namespace_id: int, places: list[tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    """Return the hashes of those tiles that are full."""
    levels, indexes = [level for level, _ in places], [index for _, index in places]
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_FULL, [levels, indexes, namespace_id])
        return {(level, index): hashes for level, index, hashes in await cursor.fetchall()}


async def _read_part(
    connection: Connection, namespace_id: int, level: int, index: int, width: int
) -> bytes:
    """Return the first hashes of a tile that is not full; fewer if they are not there."""
    first = index * TILE_WIDTH
    async with connection.cursor(binary=True) as cursor:
        if level == 0:
            await cursor.execute(_LEAVES, [namespace_id, first + 1, first + width])
        else:
            await cursor.execute(_NODES, [namespace_id, level - 1, first, first + width - 1])
        return b"".join(hash_ for (hash_,) in await cursor.fetchall())


_FULL = """
SELECT t.level, t.index, t.hashes FROM regesta.tiles AS t
JOIN unnest(%s::smallint[], %s::bigint[]) AS w (level, index)
    ON w.level = t.level AND w.index = t.index
WHERE t.namespace_id = %s
"""

_LEAVES = """
SELECT leaf_hash FROM regesta.events
WHERE namespace_id = %s AND position BETWEEN %s AND %s ORDER BY position
"""

_NODES = """
SELECT root FROM regesta.tiles
WHERE namespace_id = %s AND level = %s AND index BETWEEN %s AND %s ORDER BY index
"""
