"""Packs: part of a log or all of it, in files that verify without any server.

A pack is a folder, or a zip file of one. What is in it:

    manifest.json       what it is, and size and SHA-256 of every other file
    events.jsonl        the exact bytes of records, one a line, by position
    proofs.jsonl        for each of these lines its position and inclusion proof; a pack of a
                        whole log has none, as its root can be computed
    checkpoint          the signed note whose tree everything is proved to be in
    checkpoints/SIZE    earlier ones of the same log
    consistency.jsonl   where there are proofs.jsonl: that each earlier one is a prefix
    heads.json          lines of a commitment to heads: that no event of a stream is missing
    disclosures.jsonl   free texts, as far as whoever made the pack may and wants to show them

and what is for people: README.md, policy.txt, timeline.html, verify.html. docs/audit/packs.md
describes each file.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final, Literal, Protocol, Self, cast

from regesta.disk import sync_directory
from regesta.merkle import HASH_BYTES

FORMAT: Final = "regesta-pack/1"
MANIFEST: Final = "manifest.json"
EVENTS: Final = "events.jsonl"
PROOFS: Final = "proofs.jsonl"
CHECKPOINT: Final = "checkpoint"
EARLIER: Final = "checkpoints/"
CONSISTENCY: Final = "consistency.jsonl"
HEADS: Final = "heads.json"
DISCLOSURES: Final = "disclosures.jsonl"

#: Files that are read whole may have so many bytes; a manifest of 100,000 files has fewer.
MAX_DOCUMENT_BYTES: Final = 32 << 20
#: A disclosure is base64 of a text of at most 100,000 characters.
MAX_LINE_BYTES: Final = 4 << 20
#: More entries than any pack of ours has are refused before they are looked at.
MAX_FILES: Final = 100_000

_BLOCK = 1 << 20

#: All of a log from its first event on, or some of its events.
Kind = Literal["log", "events"]


class InvalidPack(ValueError):
    """This is no pack, or one that cannot be read; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a manifest says of a file."""

    bytes: int
    #: In hexadecimal.
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a pack says of itself; nothing of it is to be believed unless it is proved.

    Attributes:
        kind: `log` has every event from position 1 to `size`; `events` has some, with proofs.
        namespace: Whose log.
        origin: Of the log; empty when no checkpoint has been signed.
        size: Number of leaves of the tree that all is proved to be in.
        root: Its root, 32 bytes.
        subject: What the pack was made of, in words.
        files: Every other file.
    """

    kind: Kind
    namespace: str
    origin: str
    size: int
    root: bytes
    subject: str = ""
    files: Mapping[str, FileEntry] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the file."""
        document = {
            "format": FORMAT,
            "kind": self.kind,
            "namespace": self.namespace,
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "subject": self.subject,
            "files": {
                name: {"bytes": entry.bytes, "sha256": entry.sha256}
                for name, entry in sorted(self.files.items())
            },
        }
        return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Return what `encode` wrote.

        Raises:
            InvalidPack: It is no manifest, or one of another format.
        """
        document = json_object(data, MANIFEST)
        if document.get("format") != FORMAT:
            raise InvalidPack(f"{MANIFEST} is not of the format {FORMAT}")
        try:
            files = {
                _checked_name(name): FileEntry(_number(entry["bytes"]), str(entry["sha256"]))
                for name, entry in document["files"].items()
            }
            return cls(
                _kind(document["kind"]),
                str(document["namespace"]),
                str(document["origin"]),
                _number(document["size"]),
                _root(document["root"]),
                str(document.get("subject", "")),
                files,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, InvalidPack):
                raise
            raise InvalidPack(f"{MANIFEST} lacks a field, or has a wrong one") from error


class _Container(Protocol):
    """Where files are: a folder or a zip file."""

    def names(self) -> list[str]: ...

    def open(self, name: str) -> AbstractContextManager[BinaryIO]: ...


class Pack:
    """A pack to read. Files are read as streams; nothing is unpacked.

    Attributes:
        manifest: What it says of itself.
    """

    def __init__(self, container: _Container) -> None:
        self._container = container
        self.names = frozenset(container.names())
        self.manifest = Manifest.parse(self.read(MANIFEST))

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def read(self, name: str) -> bytes:
        """Return a file of at most `MAX_DOCUMENT_BYTES`.

        Raises:
            InvalidPack: There is none, or it is larger.
        """
        with self._open(name) as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
        if len(data) > MAX_DOCUMENT_BYTES:
            raise InvalidPack(f"{name} has more than {MAX_DOCUMENT_BYTES >> 20} MiB")
        return data

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a file without their newline; none if there is no such file.

        Raises:
            InvalidPack: A line has more than `MAX_LINE_BYTES`, or the last one has no newline.
        """
        if name not in self:
            return
        with self._open(name) as file:
            reader = io.BufferedReader(cast("io.RawIOBase", file), _BLOCK)
            while line := reader.readline(MAX_LINE_BYTES):
                if not line.endswith(b"\n"):
                    raise InvalidPack(f"{name} has a line that is too long, or has no end")
                yield line[:-1]

    def digest(self, name: str) -> FileEntry:
        """Return what a manifest should say of a file.

        Raises:
            InvalidPack: There is none, or it cannot be read.
        """
        digest, size = sha256(), 0
        with self._open(name) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
        return FileEntry(size, digest.hexdigest())

    def faults(self) -> Iterator[tuple[str, str, str]]:
        """Yield kind, file and words for what was found wrong while the events were read."""
        yield from ()

    @contextmanager
    def _open(self, name: str) -> Iterator[BinaryIO]:
        if name not in self.names:
            raise InvalidPack(f"there is no {name} in it")
        try:
            with self._container.open(name) as file:
                yield file
        except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError) as error:
            raise InvalidPack(f"{name} cannot be read: {error}") from error
        except RuntimeError as error:  # an entry with a password
            raise InvalidPack(f"{name} cannot be read: {error}") from error


@contextmanager
def open_pack(path: Path) -> Iterator[Pack]:
    """Give a pack to read.

    Raises:
        InvalidPack: It is neither a folder nor a zip file with a manifest.
    """
    if path.is_dir():
        yield Pack(_Folder(path))
        return
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InvalidPack(f"{path} is neither a folder nor a zip file: {error}") from error
    with archive:
        yield Pack(_Archive(archive))


class PackWriter:
    """A pack being written: beside its place, and put there once it is whole.

    Give files one by one with `file`, then call `finish`; without that, nothing is left.

    Args:
        path: Where it goes; a zip file if the name ends in ``.zip``, else a folder.

    Raises:
        FileExistsError: There is something already.
    """

    def __init__(self, path: Path) -> None:
        if path.exists():
            raise FileExistsError(f"{path} is there already")
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        self._files: dict[str, FileEntry] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def file(self, name: str) -> Iterator[BinaryIO]:
        """Give a file to write."""
        target = self._folder / _checked_name(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            counting = _Counting(file)
            yield cast("BinaryIO", counting)
        self._files[name] = FileEntry(counting.size, counting.digest.hexdigest())

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole."""
        with self.file(name) as file:
            file.write(data)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, with the files that were given, and put the pack into its place."""
        whole = Manifest(
            manifest.kind,
            manifest.namespace,
            manifest.origin,
            manifest.size,
            manifest.root,
            manifest.subject,
            self._files,
        )
        (self._folder / MANIFEST).write_bytes(whole.encode())
        if self._path.suffix == ".zip":
            packed = self._folder / ".zip"
            _zip(self._folder, [MANIFEST, *sorted(self._files)], packed)
            packed.replace(self._path)
        else:
            self._folder.chmod(0o755)
            for name in (MANIFEST, *self._files):
                with (self._folder / name).open("rb") as file:
                    os.fsync(file.fileno())
            self._folder.rename(self._path)
        sync_directory(self._path.parent)


def json_object(data: bytes, what: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        InvalidPack: It is none.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidPack(f"{what} is not JSON") from error
    if not isinstance(value, dict):
        raise InvalidPack(f"{what} is not a JSON object")
    return value


class _Folder:
    """A pack in a folder. Links are not followed: they lead to files that are not the pack's."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> list[str]:
        names = []
        for folder, _, files in os.walk(self._root):
            within = Path(folder).relative_to(self._root)
            names += [(within / name).as_posix() for name in files]
            if len(names) > MAX_FILES:
                raise InvalidPack(f"it has more than {MAX_FILES} files")
        return names

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        descriptor = os.open(self._root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidPack(f"{name} is not a file")
            yield cast("BinaryIO", file)


class _Archive:
    """A pack in a zip file; a folder that all of it lies in is passed over."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        entries = [one.filename for one in archive.infolist() if not one.is_dir()]
        if len(entries) > MAX_FILES:
            raise InvalidPack(f"it has more than {MAX_FILES} files")
        if len(set(entries)) < len(entries):
            raise InvalidPack("it has two files of the same name")
        first = entries[0].split("/")[0] + "/" if entries else ""
        self._within = first if all(name.startswith(first) for name in entries) else ""

    def names(self) -> list[str]:
        names = (one.filename for one in self._archive.infolist() if not one.is_dir())
        return [name.removeprefix(self._within) for name in names]

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        with self._archive.open(self._within + name) as file:
            yield cast("BinaryIO", file)


class _Counting:
    """A file that knows its size and digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.digest = sha256()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self.digest.update(data)
        return self._file.write(data)

    def writelines(self, lines: Iterator[bytes]) -> None:
        for line in lines:
            self.write(line)


def _zip(folder: Path, names: list[str], target: Path) -> None:
    with target.open("xb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            for name in names:
                archive.write(folder / name, name)
        file.flush()
        with suppress(OSError):  # a file system without it
            os.fsync(file.fileno())


def _checked_name(name: str) -> str:
    """Return a file's name if it names one below the pack."""
    parts = PurePosixPath(name).parts
    if not parts or name != "/".join(parts) or parts[0] == "/" or ".." in parts or "\\" in name:
        raise InvalidPack(f"{name!r} is no name of a file in a pack")
    return name


def _kind(value: object) -> Kind:
    match value:
        case "log" | "events":
            return value
        case _:
            raise ValueError("not a kind of pack")


def _root(value: str) -> bytes:
    root = bytes.fromhex(value)
    if len(root) != HASH_BYTES:
        raise ValueError("not a root")
    return root


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a number")
    return value
