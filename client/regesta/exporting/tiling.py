"""A log as a folder of files that never change, after C2SP tlog-tiles.

    with TileFolder(Path("mirror")) as folder:       # holds the folder against other writers
        folder.extend(description, records, note)     # only what is new is written

    checkpoint                    the signed note; absent while nobody has signed
    regesta.json                  format, namespace, origin, size and root
    tile/entries/000, ...         256 records each, each after its length in two bytes
    tile/0/000, tile/1/000, ...   256 hashes each
    tile/0/001.p/44, ...          what is at the right edge, in so many hashes

Every hash is computed here from the records, and the root is compared before anything is
named that was not there: a folder never shows a log that does not hold together.

Source: C2SP tlog-tiles v0.1.0.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from regesta.audit.tiles import (
    CHECKPOINT_PATH,
    MAX_LEVEL,
    InvalidTile,
    decode_bundle,
    encode_bundle,
    entries_path,
    root,
    tile_path,
    tile_width,
)
from regesta.disk import EVERYBODY, try_lock, write_atomically
from regesta.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, leaf_hash, root_of

FORMAT: Final = "regesta-tiles/1"
DESCRIPTION_PATH: Final = "regesta.json"
#: Beside the tiles of a backup: the records that nobody had signed yet, and the end of them all.
TAIL_PATH: Final = "tail.jsonl"
HEAD_PATH: Final = "head.json"
_LOCK_PATH = ".lock"


class InvalidTiles(ValueError):
    """A folder is no log in tiles, is damaged, or is of another log; the message says which."""


class FolderBusy(RuntimeError):
    """Another process writes this folder."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a folder says of itself; it is believed where the tiles agree.

    Attributes:
        namespace: Whose log.
        origin: Of the log; empty while no checkpoint has been signed.
        size: Number of records.
        root: Merkle root over them, in hexadecimal.
    """

    namespace: str
    origin: str
    size: int
    root: str

    def encode(self) -> bytes:
        """Return the file."""
        return (json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n").encode()

    @classmethod
    def parse(cls, data: bytes) -> Description:
        """Return what `encode` wrote.

        Raises:
            InvalidTiles: It is something else.
        """
        try:
            document = json.loads(data)
            if document.pop("format") != FORMAT:
                raise InvalidTiles(f"{DESCRIPTION_PATH} is not of the format {FORMAT}")
            made = cls(**document)
            if type(made.size) is not int or made.size < 0 or len(bytes.fromhex(made.root)) != 32:  # noqa: PLR2004 - bytes of SHA-256
                raise InvalidTiles(f"{DESCRIPTION_PATH} has a wrong size or root")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, InvalidTiles):
                raise
            raise InvalidTiles(f"{DESCRIPTION_PATH} is no description: {error}") from error
        return made


def describe(folder: Path) -> Description | None:
    """Return what a folder says of itself; None if nothing was ever written to it.

    Raises:
        InvalidTiles: It says something that is none.
    """
    try:
        return Description.parse((folder / DESCRIPTION_PATH).read_bytes())
    except FileNotFoundError:
        return None


def read_records(folder: Path, size: int, after: int = 0) -> Iterator[bytes]:
    """Yield the records after a position up to a size.

    Raises:
        InvalidTiles: A bundle is missing or damaged.
    """
    for index in range(after // TILE_WIDTH, -(-size // TILE_WIDTH)):
        records = _read_bundle(folder, index, tile_width(0, index, size))
        yield from records[max(after - index * TILE_WIDTH, 0) :]


def read_checkpoint(folder: Path) -> bytes | None:
    """Return the signed note of a folder, if there is one."""
    try:
        return (folder / CHECKPOINT_PATH).read_bytes()
    except FileNotFoundError:
        return None


class TileFolder:
    """A folder that grows with a log. Enter it to keep other writers away.

    Args:
        path: The folder; made if it is not there.

    Attributes:
        path: The same.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1

    def __enter__(self) -> Self:
        """Take the folder.

        Raises:
            FolderBusy: Another process has it.
            InvalidTiles: It holds other things than a log.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if describe(self.path) is None and any(
            entry.name not in {_LOCK_PATH, "tile"} for entry in self.path.iterdir()
        ):
            raise InvalidTiles(f"{self.path} holds other things than a log in tiles")
        lock = try_lock(self.path / _LOCK_PATH, EVERYBODY)
        if lock is None:
            raise FolderBusy(f"another process writes {self.path}")
        self._lock = lock
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the folder back."""
        os.close(self._lock)

    def extend(
        self, wanted: Description, records: Iterable[bytes], note: bytes | None = None
    ) -> int:
        """Add the records that the folder lacks, and return how many files were written.

        All of it is on disk before the description and the checkpoint name it. If the call
        fails, the folder shows the log that it showed before.

        Args:
            wanted: The log as it shall be: its size, and the root that the records must give.
            records: Those after the size that the folder has.
            note: The checkpoint of that size; None leaves the folder without one.

        Raises:
            InvalidTiles: The records do not give this root, are too few or too many, or the
                folder is of another log or of a longer one.
        """
        had = describe(self.path)
        old = had.size if had else 0
        if had is not None and (had.namespace != wanted.namespace or wanted.size < old):
            raise InvalidTiles(
                f"{self.path} has {old} events of {had.namespace},"
                f" which {wanted.size} of {wanted.namespace} do not extend"
            )
        if had is not None and had.origin and wanted.origin not in {"", had.origin}:
            raise InvalidTiles(f"{self.path} is of the log {had.origin}, not {wanted.origin}")
        writing = _Writing(self.path)
        growth = Growth(self.path, old, writing.put)
        for record in records:
            growth.add(record)
        if growth.size != wanted.size:
            raise InvalidTiles(f"the log has {wanted.size} events, and {growth.size} came")
        if growth.size > old:
            growth.finish()
        computed = root(wanted.size, self._read_tile).hex()
        if computed != wanted.root:
            raise InvalidTiles(
                f"the records give another root than the one of size {wanted.size}:"
                f" {computed}, not {wanted.root}"
            )
        # One wait for the disk instead of one a file: nothing names the new files yet.
        os.sync()
        write_atomically(self.path / DESCRIPTION_PATH, wanted.encode())
        if note is not None:
            write_atomically(self.path / CHECKPOINT_PATH, note)
        writing.remove_stale()
        return len(writing.paths)

    def _read_tile(self, level: int, index: int, width: int) -> bytes:
        return _read(self.path / tile_path(level, index, width))


class Growth:
    """Tiles and bundles that come into being while a log grows.

    Args:
        path: The folder that holds the log up to `size`.
        size: Where it begins.
        put: Takes each file that has come into being: its path within the folder, its content.

    Attributes:
        size: Number of records so far.
    """

    def __init__(self, path: Path, size: int, put: Callable[[str, bytes], None]) -> None:
        self.size = size
        self._put = put
        bundle = size // TILE_WIDTH
        width = tile_width(0, bundle, size)
        #: Records of the bundle that is not full yet.
        self._entries = _read_bundle(path, bundle, width) if width else []
        #: Of each level, the hashes of the tile that is not full yet.
        self._hashes = [list(map(leaf_hash, self._entries))]
        for level in range(1, MAX_LEVEL + 1):
            index = size >> TILE_HEIGHT * (level + 1)
            width = tile_width(level, index, size)
            data = _read(path / tile_path(level, index, width)) if width else b""
            if len(data) != width * HASH_BYTES:
                raise InvalidTiles(f"{tile_path(level, index, width)} has {len(data)} bytes")
            self._hashes.append(
                [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
            )

    def add(self, record: bytes) -> None:
        """Take up the next record."""
        self._entries.append(record)
        self._hashes[0].append(leaf_hash(record))
        self.size += 1
        if len(self._entries) == TILE_WIDTH:
            self._put(entries_path(self.size // TILE_WIDTH - 1), encode_bundle(self._entries))
            self._entries.clear()
            self._fill(0)

    def finish(self) -> None:
        """Put what is at the right edge."""
        if self._entries:
            width = len(self._entries)
            self._put(entries_path(self.size // TILE_WIDTH, width), encode_bundle(self._entries))
        for level, hashes in enumerate(self._hashes):
            if hashes:
                index = self.size >> TILE_HEIGHT * (level + 1)
                self._put(tile_path(level, index, len(hashes)), b"".join(hashes))

    def _fill(self, level: int) -> None:
        """Put a full tile, and go on with the one above it."""
        hashes = self._hashes[level]
        index = (self.size >> TILE_HEIGHT * (level + 1)) - 1
        self._put(tile_path(level, index), b"".join(hashes))
        self._hashes[level + 1].append(root_of(hashes))
        hashes.clear()
        if len(self._hashes[level + 1]) == TILE_WIDTH:
            self._fill(level + 1)


class _Writing:
    """Writes files beside their places and puts them there; it does not wait for the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.paths: set[str] = set()

    def put(self, path: str, data: bytes) -> None:
        target = self._path / path
        self.paths.add(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}")
        beside.write_bytes(data)
        beside.replace(target)

    def remove_stale(self) -> None:
        """Remove the partial forms of what has grown or is full now."""
        for path in self.paths:
            whole, _, width = path.partition(".p/")
            partial = self._path / f"{whole}.p"
            if not partial.is_dir():
                continue
            if not width:
                shutil.rmtree(partial)
                continue
            for other in partial.iterdir():
                if other.name != width:
                    other.unlink()


def _read_bundle(folder: Path, index: int, width: int) -> list[bytes]:
    path = entries_path(index, width)
    try:
        return decode_bundle(_read(folder / path), width)
    except InvalidTile as error:
        raise InvalidTiles(f"{path}: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidTiles(f"{path} cannot be read: {error.strerror}") from error
