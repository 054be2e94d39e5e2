"""A log in tiles, read as the pack of a whole log: what a mirror or a backup is verified as."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from regesta.audit import packs
from regesta.audit.packs import FileEntry, InvalidPack, Manifest, Pack, open_pack
from regesta.exporting.tiling import (
    DESCRIPTION_PATH,
    Growth,
    InvalidTiles,
    describe,
    read_checkpoint,
    read_records,
)

#: Free texts beside the tiles, those of 256 positions in one file.
TEXTS: Final = "disclosures"


class TiledPack(Pack):
    """A folder of tiles. It has no manifest; instead each tile is compared with the records.

    Args:
        path: The folder.

    Raises:
        InvalidPack: It does not say what log it holds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._faults: list[tuple[str, str, str]] = []
        try:
            said = describe(path)
        except InvalidTiles as error:
            raise InvalidPack(str(error)) from error
        if said is None:
            raise InvalidPack(f"there is no {DESCRIPTION_PATH} in {path}")
        checkpoint = read_checkpoint(path)
        self._checkpoint = checkpoint or b""
        files = {packs.EVENTS: FileEntry(0, "")}
        if checkpoint is not None:
            files[packs.CHECKPOINT] = FileEntry(0, "")
        if (path / TEXTS).is_dir():
            files[packs.DISCLOSURES] = FileEntry(0, "")
        self.names = frozenset(files)
        root = bytes.fromhex(said.root)
        self.manifest = Manifest(
            "log", said.namespace, said.origin, said.size, root, "a log in tiles", files
        )

    def read(self, name: str) -> bytes:
        """Return the checkpoint; nothing else is read whole."""
        if name == packs.CHECKPOINT and name in self.names:
            return self._checkpoint
        raise InvalidPack(f"there is no {name} in it")

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the records, or the lines of free texts."""
        if name not in self.names:
            return
        if name == packs.EVENTS:
            yield from self._records()
        elif name == packs.DISCLOSURES:
            for path in sorted((self._path / TEXTS).rglob("*.jsonl"), key=_in_order):
                yield from _lines(path)

    def digest(self, name: str) -> FileEntry:
        """Return what the manifest made here says: there is no other to compare with."""
        return self.manifest.files[name]

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """Yield kind, file and words for each tile that is not that of the records read."""
        yield from self._faults

    def _records(self) -> Iterator[bytes]:
        growth = Growth(self._path, 0, self._compare)
        try:
            for record in read_records(self._path, self.manifest.size):
                growth.add(record)
                yield record
        except InvalidTiles as error:
            raise InvalidPack(str(error)) from error
        growth.finish()

    def _compare(self, path: str, data: bytes) -> None:
        """Compare a tile with that of the records; a bundle is what the records are from."""
        if path.startswith("tile/entries/"):
            return
        try:
            found = (self._path / path).read_bytes()
        except OSError:
            self._faults.append(("FILE_MISSING", path, f"there is no {path}"))
            return
        if found != data:
            detail = f"{path} does not hold the hashes of the records"
            self._faults.append(("FILE_DIFFERS", path, detail))


@contextmanager
def open_files(path: Path) -> Iterator[Pack]:
    """Give a pack or a folder of tiles to read.

    Raises:
        InvalidPack: It is neither.
    """
    if (path / DESCRIPTION_PATH).is_file() and not (path / packs.MANIFEST).exists():
        yield TiledPack(path)
        return
    logs = sorted(found.parent for found in path.glob(f"*/{DESCRIPTION_PATH}"))
    if logs and not (path / packs.MANIFEST).exists():
        raise InvalidPack(f"{path} holds logs, each a pack of its own; verify {logs[0]}, say")
    with open_pack(path) as pack:
        yield pack


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(packs.MAX_LINE_BYTES):
            if not line.endswith(b"\n"):
                raise InvalidPack(f"{path} has a line that is too long, or has no end")
            yield line[:-1]


def _in_order(path: Path) -> tuple[int, str]:
    """Return a key by which `999` comes before `x001/000`: longer paths are larger numbers."""
    text = path.as_posix()
    return text.count("/"), text
