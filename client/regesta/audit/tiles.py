"""The tree as files that never change, and proofs out of them.

A tile of level 0 holds up to 256 leaf hashes; one of level n + 1 the roots of up to 256 full
tiles of level n. A full tile is 8,192 bytes; at the right edge of a tree of some size stand
partial ones, whose width is part of their name.

    read_tile(level, index, width) -> bytes              # 32 * width bytes, or a `Tile`
    inclusion_proof(leaf, size, read_tile)               # as merkle.inclusion_proof
    consistency_proof(old_size, size, read_tile)
    root(size, read_tile)

Who reads tiles asynchronously asks first which ones are needed (`inclusion_tiles`,
`consistency_tiles`, `root_tiles`), fetches them, and gives a lookup as `read_tile`. Who reads
a tile many times keeps it as a `Tile`, which hashes its inner nodes once.

Source: C2SP tlog-tiles v0.1.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from regesta.audit.encoding import MAX_NUMBER, InvalidText
from regesta.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_SIZE,
    TILE_HEIGHT,
    TILE_WIDTH,
    LeafRange,
    Node,
    OutOfRange,
    consistency_ranges,
    inclusion_ranges,
    join_roots,
    node_hash,
    perfect_subtrees,
)

TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
#: The length of an entry stands before it in two bytes.
MAX_ENTRY_BYTES: Final = 65_535
CHECKPOINT_PATH: Final = "checkpoint"
#: Levels of tiles that a tree of 2**63 - 1 leaves has; paths of higher ones are refused.
MAX_LEVEL: Final = 7

_PREFIX_BYTES = 2
_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


class InvalidTile(ValueError):
    """The bytes of a tile or of a bundle have the wrong length."""


class TileRef(NamedTuple):
    """Names a tile of hashes.

    Attributes:
        level: From 0, where the leaf hashes are.
        index: Number of the tile within its level, from 0.
        width: Number of hashes, 1 to 256; below 256 the tile is a partial one.
    """

    level: int
    index: int  # type: ignore[assignment]  # hides tuple's method, which has no use here
    width: int = TILE_WIDTH


class BundleRef(NamedTuple):
    """Names a bundle of entries: those of the leaves in a tile of level 0."""

    index: int  # type: ignore[assignment]  # as above
    width: int = TILE_WIDTH


class Tile:
    """A tile with its inner nodes, hashed when the first of a level is asked for.

    About 40 KB when all of a full tile's nodes are known.
    """

    __slots__ = ("_levels",)

    def __init__(self, hashes: bytes) -> None:
        """Take a tile apart.

        Raises:
            InvalidTile: It is not 1 to 256 hashes of 32 bytes.
        """
        count, rest = divmod(len(hashes), HASH_BYTES)
        if rest or not 1 <= count <= TILE_WIDTH:
            raise InvalidTile(f"a tile is 1 to {TILE_WIDTH} hashes, not {len(hashes)} bytes")
        self._levels = [[hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]]

    @property
    def width(self) -> int:
        """Number of hashes."""
        return len(self._levels[0])

    @property
    def hashes(self) -> Sequence[bytes]:
        """The hashes, in order."""
        return tuple(self._levels[0])

    def encode(self) -> bytes:
        """Return the tile's bytes."""
        return b"".join(self._levels[0])

    def node(self, height: int, number: int) -> bytes:
        """Return the root over 2**height hashes, from hash ``number * 2**height`` on.

        Raises:
            OutOfRange: Not all of them are in the tile.
        """
        if not 0 <= height <= TILE_HEIGHT or not 0 <= number < self.width >> height:
            raise OutOfRange(f"node {number} of height {height} is not in a tile of {self.width}")
        while len(self._levels) <= height:
            below = iter(self._levels[-1])
            self._levels.append([node_hash(*pair) for pair in zip(below, below, strict=False)])
        return self._levels[height][number]


#: Returns a tile by level, index and width; given a width below 256, a wider tile will do.
ReadTile = Callable[[int, int, int], "bytes | Tile"]


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile: ``tile/0/x001/067``, or ``tile/0/x001/067.p/112``.

    Raises:
        OutOfRange: There can be no such tile.
    """
    if not 0 <= level <= MAX_LEVEL:
        raise OutOfRange(f"a tile has a level from 0 to {MAX_LEVEL}, not {level}")
    return f"tile/{level}/{_index_path(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a bundle of entries: ``tile/entries/x001/067``.

    Raises:
        OutOfRange: There can be no such bundle.
    """
    return f"tile/entries/{_index_path(index, width)}"


def parse_path(path: str) -> TileRef | BundleRef:
    """Return what a path names.

    Raises:
        InvalidText: It is not what `tile_path` or `entries_path` writes.
    """
    found = _PATH.fullmatch(path)
    if not found:
        raise InvalidText(f"{path!r} is no path of a tile")
    level, index = found["level"], int(found["index"].replace("/", "").replace("x", ""))
    width = int(found["width"] or TILE_WIDTH)
    try:
        is_entries = level == "entries"
        own = entries_path(index, width) if is_entries else tile_path(int(level), index, width)
    except OutOfRange as error:
        raise InvalidText(f"{path!r} names no tile: {error}") from error
    if own != path:
        raise InvalidText(f"{path!r} should be {own}")
    return BundleRef(index, width) if is_entries else TileRef(int(level), index, width)


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Return entries one after the other, each after its length in two bytes.

    Raises:
        InvalidTile: There are none or more than 256, or one is above 65,535 bytes.
    """
    bundled = list(entries)
    if not 1 <= len(bundled) <= TILE_WIDTH:
        raise InvalidTile(f"a bundle holds 1 to {TILE_WIDTH} entries, not {len(bundled)}")
    parts: list[bytes] = []
    for entry in bundled:
        if len(entry) > MAX_ENTRY_BYTES:
            raise InvalidTile(f"an entry has at most {MAX_ENTRY_BYTES} bytes, not {len(entry)}")
        parts += (len(entry).to_bytes(_PREFIX_BYTES, "big"), entry)
    return b"".join(parts)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """Return the entries of a bundle.

    Args:
        data: The bundle.
        width: Number of entries that it must hold.

    Raises:
        InvalidTile: It holds more, fewer, or is cut off.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        begin = at + _PREFIX_BYTES
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > len(data) or begin > len(data):
            raise InvalidTile(f"the bundle is cut off in entry {len(entries)}")
        entries.append(data[begin:at])
    if len(entries) != width:
        raise InvalidTile(f"the bundle holds {len(entries)} entries, not {width}")
    return entries


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes a tile has in a tree of some size: 0 to 256."""
    hashes = size >> TILE_HEIGHT * level
    return max(0, min(TILE_WIDTH, hashes - index * TILE_WIDTH))


def tiles_between(old_size: int, size: int) -> Iterator[TileRef]:
    """Yield the tiles that a tree of `size` has and one of `old_size` has not.

    Lower levels first, and in order within a level; with an `old_size` of 0, all tiles.
    """
    level = 0
    while size >> TILE_HEIGHT * level:
        hashes, had = size >> TILE_HEIGHT * level, old_size >> TILE_HEIGHT * level
        if hashes > had:
            for index in range(had // TILE_WIDTH, -(-hashes // TILE_WIDTH)):
                yield TileRef(level, index, tile_width(level, index, size))
        level += 1


def bundles_between(old_size: int, size: int) -> Iterator[BundleRef]:
    """Yield the bundles that a log of `size` has and one of `old_size` has not."""
    if size > old_size:
        for index in range(old_size // TILE_WIDTH, -(-size // TILE_WIDTH)):
            yield BundleRef(index, tile_width(0, index, size))


def inclusion_proof(leaf: int, size: int, read_tile: ReadTile) -> list[bytes]:
    """Return the audit path of a leaf; see `merkle.inclusion_proof`.

    Raises:
        OutOfRange: `leaf` is not in a tree of that size.
        InvalidTile: A tile that was read has the wrong length.
    """
    return _hashes(inclusion_ranges(leaf, _checked(size)), size, read_tile)


def consistency_proof(old_size: int, size: int, read_tile: ReadTile) -> list[bytes]:
    """Return the proof that a tree extends an older one; see `merkle.consistency_proof`.

    Raises:
        OutOfRange: `old_size` is 0 or above `size`.
        InvalidTile: A tile that was read has the wrong length.
    """
    return _hashes(consistency_ranges(old_size, _checked(size)), size, read_tile)


def root(size: int, read_tile: ReadTile) -> bytes:
    """Return the root of the tree of some size.

    Raises:
        InvalidTile: A tile that was read has the wrong length.
    """
    return _hashes([_whole(size)], size, read_tile)[0] if size else EMPTY_ROOT


def inclusion_tiles(leaf: int, size: int) -> frozenset[TileRef]:
    """Return the tiles that `inclusion_proof` reads, with their widths."""
    return _tiles(inclusion_ranges(leaf, _checked(size)), size)


def consistency_tiles(old_size: int, size: int) -> frozenset[TileRef]:
    """Return the tiles that `consistency_proof` reads, with their widths."""
    return _tiles(consistency_ranges(old_size, _checked(size)), size)


def root_tiles(size: int) -> frozenset[TileRef]:
    """Return the tiles that `root` reads, with their widths."""
    return _tiles([_whole(size)], size) if size else frozenset()


def _hashes(ranges: Iterable[LeafRange], size: int, read_tile: ReadTile) -> list[bytes]:
    tiles: dict[TileRef, Tile] = {}

    def hash_of(node: Node) -> bytes:
        ref, height, number = _place(node, size)
        if ref not in tiles:
            tiles[ref] = _read(ref, read_tile)
        return tiles[ref].node(height, number)

    return [join_roots([hash_of(node) for node in perfect_subtrees(one)]) for one in ranges]


def _tiles(ranges: Iterable[LeafRange], size: int) -> frozenset[TileRef]:
    return frozenset(_place(node, size)[0] for one in ranges for node in perfect_subtrees(one))


def _place(node: Node, size: int) -> tuple[TileRef, int, int]:
    """Return the tile that a node is in, and its height and number within that tile."""
    level, height = divmod(node.level, TILE_HEIGHT)
    per_tile = TILE_WIDTH >> height
    index, number = divmod(node.number, per_tile)
    return TileRef(level, index, tile_width(level, index, size)), height, number


def _read(ref: TileRef, read_tile: ReadTile) -> Tile:
    read = read_tile(*ref)
    tile = read if isinstance(read, Tile) else Tile(read)
    if tile.width < ref.width:
        raise InvalidTile(f"{tile_path(*ref)} has {tile.width} hashes")
    return tile


def _index_path(index: int, width: int) -> str:
    if not 0 <= index <= MAX_NUMBER // TILE_WIDTH or not 1 <= width <= TILE_WIDTH:
        raise OutOfRange(f"there is no tile {index} of {width} hashes")
    parts = [f"{index % 1000:03}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(reversed(parts)) + partial


def _whole(size: int) -> LeafRange:
    return LeafRange(0, _checked(size))


def _checked(size: int) -> int:
    if not 0 <= size <= MAX_SIZE:
        raise OutOfRange(f"a tree has 0 to {MAX_SIZE} leaves, not {size}")
    return size
