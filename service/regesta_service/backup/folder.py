"""What a backup is made of.

backup.json               format, the deployment's origin, and the namespaces in their order
NAMESPACE/                a log in tiles: see `regesta.exporting.tiling`
    tail.jsonl            records after the tiles, which nobody had signed yet
    head.json             size and root of all of it, and the generation of its rows
    disclosures/000.jsonl free texts of 256 positions
    requests/000.jsonl    answered requests of 256 positions, with their fingerprints
    checkpoints/000.jsonl every signed note of 256 sizes
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from regesta.audit.tiles import entries_path
from regesta.disk import write_atomically
from regesta.exporting.tiling import HEAD_PATH, TAIL_PATH
from regesta.merkle import TILE_WIDTH
from regesta.names import InvalidName, check_namespace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMAT: Final = "regesta-backup/1"
INDEX_PATH: Final = "backup.json"
DISCLOSURES: Final = "disclosures"
REQUESTS: Final = "requests"
CHECKPOINTS: Final = "checkpoints"


class InvalidBackup(ValueError):
    """A folder is no backup, or one that does not hold together; the message says where."""


@dataclass(frozen=True, slots=True)
class Index:
    """Which logs a backup has.

    Attributes:
        origin: Of the deployment.
        namespaces: In the order in which they were created.
    """

    origin: str
    namespaces: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Write it."""
        document = {"format": FORMAT, **asdict(self)}
        write_atomically(folder / INDEX_PATH, (json.dumps(document, indent=2) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> Index:
        """Return that of a folder.

        Raises:
            InvalidBackup: There is none.
        """
        try:
            document = json.loads((folder / INDEX_PATH).read_bytes())
            if document["format"] != FORMAT:
                raise InvalidBackup(f"{folder / INDEX_PATH} is not of the format {FORMAT}")
            names = tuple(document["namespaces"])
            for name in names:
                check_namespace(name)
            return cls(str(document["origin"]), names)
        except (OSError, ValueError, KeyError, TypeError, InvalidName) as error:
            if isinstance(error, InvalidBackup):
                raise
            raise InvalidBackup(f"{folder} is no backup: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a log in a backup.

    Attributes:
        size: Records in tiles and tail together.
        root: Merkle root over them, in hexadecimal.
        generation: Of the rows that were in use.
    """

    size: int
    root: str
    generation: int

    def write(self, folder: Path) -> None:
        """Write it."""
        write_atomically(folder / HEAD_PATH, (json.dumps(asdict(self), indent=2) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> Head:
        """Return that of a log's folder.

        Raises:
            InvalidBackup: There is none.
        """
        try:
            document = json.loads((folder / HEAD_PATH).read_bytes())
            return cls(int(document["size"]), str(document["root"]), int(document["generation"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidBackup(f"{folder / HEAD_PATH} is no head of a log: {error!r}") from error


def write_lines(
    folder: Path, kind: str, lines: Iterable[tuple[int, dict[str, Any]]], first: int = 0
) -> int:
    """Write objects by position, those of 256 positions in one file, and return how many files.

    Files that say the same already are left alone, those with nothing to say are removed: what
    was erased in the database is erased here, too.

    Args:
        folder: Of a log.
        kind: Name of the folder for them.
        lines: Position and object, by position.
        first: The first file to look at; those before stay as they are.
    """
    written: set[Path] = set()
    changed = 0
    for index, group in groupby(lines, lambda line: (line[0] - 1) // TILE_WIDTH):
        path = _path(folder / kind, index)
        data = b"".join(
            json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            for _, line in group
        )
        written.add(path)
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
            changed += 1
    for path in list(_files(folder / kind)):
        if path not in written and _index(folder / kind, path) >= first:
            path.unlink()
            changed += 1
    return changed


def read_lines(folder: Path, kind: str) -> Iterator[dict[str, Any]]:
    """Yield the objects that `write_lines` wrote, by position.

    Raises:
        InvalidBackup: A line is no object.
    """
    base = folder / kind
    for path in sorted(_files(base), key=lambda path: _index(base, path)):
        with path.open("rb") as file:
            for line in file:
                try:
                    document = json.loads(line)
                except ValueError as error:
                    raise InvalidBackup(f"{path} has a line that is not JSON") from error
                if not isinstance(document, dict):
                    raise InvalidBackup(f"{path} has a line that is no object")
                yield document


def read_tail(folder: Path) -> Iterator[bytes]:
    """Yield the records after the tiles."""
    path = folder / TAIL_PATH
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")


def _path(base: Path, index: int) -> Path:
    return base / f"{entries_path(index).removeprefix('tile/entries/')}.jsonl"


def _files(base: Path) -> Iterator[Path]:
    return base.rglob("*.jsonl") if base.is_dir() else iter(())


def _index(base: Path, path: Path) -> int:
    """Return the number of a file; -1 for one that is not ours."""
    text = path.relative_to(base).as_posix().removesuffix(".jsonl")
    digits = text.replace("/", "").replace("x", "")
    return int(digits) if digits.isdecimal() else -1
