"""A folder of tiles grows to what it would be if it had been written at once, or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regesta.audit.packs import InvalidPack
from regesta.audit.tiles import bundles_between, entries_path, tile_path, tiles_between
from regesta.audit.verifying import verify
from regesta.exporting.tiling import (
    Description,
    FolderBusy,
    InvalidTiles,
    TileFolder,
    describe,
    read_records,
)
from regesta.merkle import leaf_hash, root_of
from tests.support.rich_log import padded_log

RECORDS = [b'{"n":%d}' % number for number in range(1_100)]
HASHES = [leaf_hash(record) for record in RECORDS]


def described(size: int, origin: str = "") -> Description:
    return Description("acme", origin, size, root_of(HASHES[:size]).hex())


def extend(folder: Path, size: int, origin: str = "") -> int:
    said = describe(folder)
    old = said.size if said else 0
    with TileFolder(folder) as tiles:
        return tiles.extend(described(size, origin), RECORDS[old:size])


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@settings(max_examples=15)
@given(st.lists(st.integers(0, len(RECORDS)), min_size=1, max_size=4).map(sorted))
def test_many_steps_end_where_one_ends(sizes: list[int]):
    with tempfile.TemporaryDirectory() as place:
        for size in sizes:
            extend(Path(place) / "steps", size)
        extend(Path(place) / "once", sizes[-1])
        found = files(Path(place) / "steps")
        assert files(Path(place) / "once") == found
        size = sizes[-1]
        tiles = {tile_path(*tile) for tile in tiles_between(0, size)}
        bundles = {entries_path(*bundle) for bundle in bundles_between(0, size)}
        assert {"regesta.json", *tiles, *bundles} == set(found)
        assert RECORDS[:size] == list(read_records(Path(place) / "steps", size))
        assert RECORDS[7:size] == list(read_records(Path(place) / "steps", size, 7))


def test_another_history_changes_nothing_that_is_shown(tmp_path: Path):
    extend(tmp_path, 300)
    before = files(tmp_path)
    forged = [*RECORDS[300:599], b"forged"]
    with TileFolder(tmp_path) as tiles, pytest.raises(InvalidTiles, match="another root"):
        tiles.extend(described(600), forged)
    assert before.items() <= files(tmp_path).items()
    extend(tmp_path, 600)
    assert RECORDS[:600] == list(read_records(tmp_path, 600))


@pytest.mark.parametrize("count", [99, 101])
def test_too_few_or_too_many_records_are_refused(tmp_path: Path, count: int):
    with TileFolder(tmp_path) as tiles, pytest.raises(InvalidTiles, match="100 events"):
        tiles.extend(described(100), RECORDS[:count])
    assert describe(tmp_path) is None


def test_a_folder_belongs_to_one_log_and_never_shrinks(tmp_path: Path):
    extend(tmp_path, 10, "registry.example.com/acme")
    with TileFolder(tmp_path) as tiles:
        with pytest.raises(InvalidTiles, match="do not extend"):
            tiles.extend(described(9), [])
        with pytest.raises(InvalidTiles, match="forger"):
            tiles.extend(described(11, "forger.example.com/acme"), RECORDS[10:11])
        with pytest.raises(InvalidTiles, match="do not extend"):
            tiles.extend(Description("other", "", 10, described(10).root), [])


def test_one_process_writes_at_a_time(tmp_path: Path):
    with TileFolder(tmp_path), pytest.raises(FolderBusy), TileFolder(tmp_path):
        pass


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format":"regesta-tiles/2"}', '{"format":"regesta-tiles/1"}']
)
def test_what_is_no_description_is_said_to_be_none(tmp_path: Path, text: str):
    (tmp_path / "regesta.json").write_text(text)
    with pytest.raises(InvalidTiles):
        describe(tmp_path)
    with pytest.raises(InvalidPack):
        verify(tmp_path)


def test_a_folder_without_signature_is_verified_to_agree_with_itself(tmp_path: Path):
    log = padded_log(300)
    with TileFolder(tmp_path) as tiles:
        wanted = Description("acme", "", log.size, root_of(log.hashes).hex())
        tiles.extend(wanted, log.records)
    report = verify(tmp_path)
    assert (True, 300, None) == (report.ok, report.events, report.trust)
    (tmp_path / "tile/0/000").unlink()
    assert ["FILE_MISSING"] == [found.kind for found in verify(tmp_path).findings]
    (tmp_path / "tile/entries/000").unlink()
    with pytest.raises(InvalidPack, match="entries/000"):
        verify(tmp_path)
