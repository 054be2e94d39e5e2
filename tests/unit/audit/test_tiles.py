"""Tiles: paths and bundles in one form, and the same proofs as from all leaves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regesta import merkle
from regesta.audit.encoding import InvalidText
from regesta.audit.tiles import (
    MAX_LEVEL,
    BundleRef,
    InvalidTile,
    Tile,
    TileRef,
    bundles_between,
    consistency_proof,
    consistency_tiles,
    decode_bundle,
    encode_bundle,
    entries_path,
    inclusion_proof,
    inclusion_tiles,
    parse_path,
    root,
    root_tiles,
    tile_path,
    tile_width,
    tiles_between,
)
from tests.support.audit_samples import GOLDEN, HASHES, RECORDS, SIZE
from tests.support.audit_samples import read_tile as sample_tile

MOST = 66_000
ALL = [number.to_bytes(32, "big") for number in range(MOST)]
LEVELS = [ALL]
while len(LEVELS[-1]) >= 256:
    LEVELS.append(
        [merkle.root_of(LEVELS[-1][at : at + 256]) for at in range(0, len(LEVELS[-1]) - 255, 256)]
    )

sizes = st.integers(1, 1200) | st.integers(65_000, MOST)


def read_tile(level: int, index: int, width: int) -> bytes:
    hashes = LEVELS[level][index * 256 : index * 256 + width]
    assert width == len(hashes)
    return b"".join(hashes)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("tile/0/000", TileRef(0, 0)),
        ("tile/0/x001/067", TileRef(0, 1067)),
        ("tile/0/x001/x234/067", TileRef(0, 1_234_067)),
        ("tile/2/x001/000.p/112", TileRef(2, 1000, 112)),
        ("tile/0/999.p/1", TileRef(0, 999, 1)),
        ("tile/entries/x001/x234/067", BundleRef(1_234_067)),
        ("tile/entries/000.p/255", BundleRef(0, 255)),
    ],
)
def test_a_path_is_that_of_the_specification(path, named):
    assert named == parse_path(path)
    assert path == (tile_path(*named) if isinstance(named, TileRef) else entries_path(*named))


@given(st.integers(0, MAX_LEVEL), st.integers(0, 2**55 - 1), st.integers(1, 256))
def test_a_path_is_read_as_it_was_written(level, index, width):
    assert TileRef(level, index, width) == parse_path(tile_path(level, index, width))
    assert BundleRef(index, width) == parse_path(entries_path(index, width))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "tile/0/0",
        "tile/00/000",
        "tile/8/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/../000",
        "tile/entries/../../etc/passwd",
    ],
)
def test_another_path_is_refused(path):
    with pytest.raises(InvalidText):
        parse_path(path)


def test_there_is_no_path_of_a_tile_that_cannot_be():
    for level, index, width in ((-1, 0, 1), (8, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)):
        with pytest.raises(merkle.OutOfRange):
            tile_path(level, index, width)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
def test_a_bundle_is_read_as_it_was_written(entries):
    data = encode_bundle(entries)

    assert entries == decode_bundle(data, len(entries))
    with pytest.raises(InvalidTile):
        decode_bundle(data, len(entries) + 1)
    with pytest.raises(InvalidTile):
        decode_bundle(data[:-1], len(entries))
    with pytest.raises(InvalidTile):
        decode_bundle(data + b"\0", len(entries))


def test_an_entry_fits_into_two_bytes_of_length():
    most = bytes(65_535)
    assert [most] == decode_bundle(encode_bundle([most]), 1)
    for entries in ([most + b"x"], [], [b""] * 257):
        with pytest.raises(InvalidTile):
            encode_bundle(entries)


def test_the_tiles_of_a_tree_are_those_of_the_specification():
    tiles = list(tiles_between(0, 70_000))
    assert 273 == sum(tile.level == 0 and tile.width == 256 for tile in tiles)
    assert [
        TileRef(0, 273, 112),
        TileRef(1, 0, 256),
        TileRef(1, 1, 17),
        TileRef(2, 0, 1),
    ] == tiles[273:]
    assert [TileRef(0, 0), TileRef(1, 0, 1)] == list(tiles_between(0, 256))
    assert [] == list(tiles_between(0, 0))


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_growing_adds_what_was_not_there(old, more):
    size = old + more
    before, after = set(tiles_between(0, old)), set(tiles_between(0, size))

    assert after - before == set(tiles_between(old, size))
    assert set(bundles_between(0, size)) - set(bundles_between(0, old)) == set(
        bundles_between(old, size)
    )
    assert all(tile.width == tile_width(tile.level, tile.index, size) for tile in after)
    assert sum(one.width for one in bundles_between(0, size)) == size


@settings(max_examples=20)
@given(st.data())
def test_proofs_from_tiles_are_those_from_all_leaves(data):
    size = data.draw(sizes)
    leaf = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    cache: dict[TileRef, Tile] = {}

    def cached(level: int, index: int, width: int) -> Tile:
        ref = TileRef(level, index, width)
        return cache.setdefault(ref, Tile(read_tile(*ref)))

    assert merkle.inclusion_proof(ALL[:size], leaf) == inclusion_proof(leaf, size, cached)
    assert set(cache) == inclusion_tiles(leaf, size)
    cache.clear()
    assert merkle.consistency_proof(ALL[:size], old) == consistency_proof(old, size, cached)
    assert set(cache) == consistency_tiles(old, size)
    cache.clear()
    assert merkle.root_of(ALL[:size]) == root(size, cached)
    assert set(cache) == root_tiles(size)
    assert inclusion_proof(leaf, size, read_tile) == inclusion_proof(leaf, size, cached)


def test_a_wider_tile_does_for_a_partial_one():
    wider = Tile(read_tile(0, 0, 256))
    assert inclusion_proof(3, 100, read_tile) == inclusion_proof(3, 100, lambda *_: wider)
    with pytest.raises(InvalidTile):
        inclusion_proof(3, 101, lambda *_: read_tile(0, 0, 100))


def test_a_tile_of_another_length_is_refused():
    for data in (b"", bytes(31), bytes(33), bytes(8193), bytes(8224)):
        with pytest.raises(InvalidTile):
            Tile(data)
    tile = Tile(read_tile(0, 0, 5))
    assert (5, read_tile(0, 0, 5)) == (tile.width, tile.encode())
    assert tuple(ALL[:5]) == tile.hashes
    for height, number in ((0, 5), (1, 2), (3, 0), (9, 0), (-1, 0)):
        with pytest.raises(merkle.OutOfRange):
            tile.node(height, number)


def test_what_is_outside_the_tree_is_refused():
    with pytest.raises(merkle.OutOfRange):
        inclusion_proof(5, 5, read_tile)
    with pytest.raises(merkle.OutOfRange):
        consistency_proof(0, 5, read_tile)
    with pytest.raises(merkle.OutOfRange):
        root(2**63, read_tile)
    assert merkle.EMPTY_ROOT == root(0, read_tile)
    assert frozenset() == root_tiles(0)


def test_a_proof_reads_few_tiles_of_a_large_tree():
    size = 10**15
    assert len(inclusion_tiles(size // 3, size)) <= 14
    assert len(consistency_tiles(size // 3, size)) <= 14


def test_the_tiles_of_old_are_the_same_for_ever():
    assert sample_tile(0, 1, 44) == (GOLDEN / tile_path(0, 1, 44)).read_bytes()
    assert sample_tile(1, 0, 1) == (GOLDEN / tile_path(1, 0, 1)).read_bytes()
    bundle = (GOLDEN / entries_path(1, 44)).read_bytes()
    assert RECORDS[256:] == decode_bundle(bundle, SIZE - 256)
    assert encode_bundle(RECORDS[256:]) == bundle
    assert merkle.root_of(HASHES) == root(SIZE, sample_tile)
