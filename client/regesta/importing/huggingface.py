"""A reader of Hugging Face repositories on disk: their card, their files, where they come from.

Nothing in a repository is run or loaded, git neither: files are hashed, the card is read as text
and its front matter as plain YAML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from regesta.files import digest_of
from regesta.importing.extras import needing

CARD: Final = "README.md"
ADAPTER: Final = "adapter_config.json"

#: How caches call a repository: `models--org--name`.
_CACHED: Final = re.compile(r"(models|datasets|spaces)--(.+)")
_FRONT_MATTER: Final = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_REMOTE: Final = re.compile(r"^\s*url\s*=\s*(\S+)", re.MULTILINE)
_ON_THE_HUB: Final = re.compile(
    r"https?://(?:[^@/]*@)?(?:hf\.co|huggingface\.co)/(.+?)(?:\.git)?/?"
)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")

#: A card of the longest that a version may have, and more than any has.
_MAX_CARD_BYTES: Final = 8_000_000
_MAX_CONFIG_BYTES: Final = 1_000_000
#: Folders of programs, not of the repository.
_NOT_FILES: Final = frozenset({".git", ".cache"})


class NoRepository(Exception):
    """A folder is no repository, or cannot be read as one; the message says why."""


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """A file of a repository: where it lies in it, its size in bytes, its SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as it lies on disk.

    Attributes:
        name: `org/name` where that is known, else the folder's name.
        folder: Where it lies, absolute.
        kind: `models` or `datasets`.
        card: The whole text of its card, front matter included; empty without one.
        facts: The front matter.
        files: By path.
        commit: The commit that is checked out; empty when nobody knows.
        adapter_base: What an adapter is an adapter of; None for what is no adapter.
        left_out: Files that are not among those, and why.
    """

    name: str
    folder: Path
    kind: str
    card: str
    facts: Mapping[str, Any]
    files: Sequence[RepositoryFile]
    commit: str = ""
    adapter_base: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def listing(self) -> str:
        """Every file's hash and path, as `sha256sum` writes and checks them."""
        return "".join(f"{file.sha256}  {file.path}\n" for file in self.files)

    @property
    def digest(self) -> str:
        """The digest of the listing, which stands for all of the content."""
        return f"sha256:{sha256(self.listing.encode()).hexdigest()}"

    @property
    def size(self) -> int:
        """Size of all files together, in bytes."""
        return sum(file.size for file in self.files)


def read_repository(folder: Path) -> Repository:
    """Return the repository in a folder, or the one that a cache has under it.

    Raises:
        NoRepository: There is none.
        MissingExtra: PyYAML is not installed.
        OSError: A file cannot be read.
    """
    folder = folder.absolute()
    kind, name = "models", ""
    cached = _CACHED.fullmatch(folder.name)
    root = _snapshot(folder) if cached else folder
    if cached:
        kind, name = cached[1], cached[2].replace("--", "/", 1)
    if not root.is_dir():
        raise NoRepository(f"{folder} is no folder")
    # What a cache shows of files are links to where it keeps them.
    left_out: dict[str, str] = {}
    files = sorted(_files(root, folder, left_out), key=lambda file: file.path)
    if not files:
        raise NoRepository(f"there are no files in {folder}")
    there = {file.path for file in files}
    card = _card(root) if CARD in there else ""
    return Repository(
        name or _name_in_git(folder) or folder.name,
        folder,
        kind,
        card,
        front_matter_and_text(card)[0],
        files,
        root.name if cached and _COMMIT.fullmatch(root.name) else _commit_in_git(folder),
        _adapter_base(root) if ADAPTER in there else None,
        left_out,
    )


def front_matter_and_text(card: str) -> tuple[dict[str, Any], str]:
    """Return the facts at the head of a card and the text below; no facts without a head.

    Raises:
        NoRepository: The head is no YAML, or no mapping.
        MissingExtra: PyYAML is not installed.
    """
    head = _FRONT_MATTER.match(card)
    if head is None:
        return {}, card
    with needing("huggingface", "the front matter of a card"):
        from regesta.importing.yaml_plain import load  # noqa: PLC0415 - needs the extra
    try:
        facts = load(head[1])
    except ValueError as error:
        raise NoRepository(f"the front matter of {CARD} cannot be read: {error}") from None
    if not isinstance(facts, dict | None):
        raise NoRepository(f"the front matter of {CARD} is no mapping")
    named = {str(key): value for key, value in (facts or {}).items()}
    return named, card[head.end() :].removeprefix("\r").removeprefix("\n")


def _snapshot(folder: Path) -> Path:
    """Return the files of a cached repository: what `main` is, or the only ones there are."""
    main = folder / "refs" / "main"
    if main.is_file():
        commit = main.read_text(encoding="ascii", errors="replace").strip()
        if _COMMIT.fullmatch(commit) and (folder / "snapshots" / commit).is_dir():
            return folder / "snapshots" / commit
    snapshots = sorted(path for path in (folder / "snapshots").glob("*") if path.is_dir())
    if len(snapshots) != 1:
        raise NoRepository(f"{folder} does not say which of {len(snapshots)} snapshots is meant")
    return snapshots[0]


def _files(
    root: Path, within: Path, left_out: dict[str, str], below: str = ""
) -> Iterator[RepositoryFile]:
    """Yield the files below a folder; links that lead out of the repository are not followed."""
    for path in sorted((root / below).iterdir()):
        name = f"{below}{path.name}"
        if path.name in _NOT_FILES and not below:
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(within.resolve()):
            left_out[name] = "it is a link out of the repository"
        elif path.is_symlink() and path.is_dir():
            left_out[name] = "it is a link to a folder"
        elif path.is_dir():
            yield from _files(root, within, left_out, f"{name}/")
        elif path.is_file() and "\n" not in name:
            digest = digest_of(path).removeprefix("sha256:")
            yield RepositoryFile(name, path.stat().st_size, digest)
        else:
            left_out[name] = "it is no plain file, or has a line break in its name"


def _card(root: Path) -> str:
    path = root / CARD
    if path.stat().st_size > _MAX_CARD_BYTES:
        raise NoRepository(f"{path} has more than {_MAX_CARD_BYTES:,} bytes")
    return path.read_text(encoding="utf-8", errors="replace")


def _adapter_base(root: Path) -> str | None:
    path = root / ADAPTER
    if path.stat().st_size > _MAX_CONFIG_BYTES:
        return ""
    try:
        config = json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except ValueError:
        return ""
    base = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    return base if isinstance(base, str) else ""


def _name_in_git(folder: Path) -> str:
    """Return `org/name` from where a clone came from; empty when that says nothing."""
    config = folder / ".git" / "config"
    if not config.is_file():
        return ""
    for remote in _REMOTE.findall(config.read_text(encoding="utf-8", errors="replace")):
        found = _ON_THE_HUB.fullmatch(remote)
        if found:
            return found[1].removeprefix("datasets/")
    return ""


def _commit_in_git(folder: Path) -> str:
    """Return the commit that is checked out, read from git's files; empty when unknown."""
    git = folder / ".git"
    head = _line(git / "HEAD")
    if not head.startswith("ref: "):
        return head if _COMMIT.fullmatch(head) else ""
    ref = head.removeprefix("ref: ")
    if ".." in ref or ref.startswith("/"):
        return ""
    commit = _line(git / ref)
    if not commit:
        packed = git / "packed-refs"
        lines = packed.read_text(errors="replace").splitlines() if packed.is_file() else []
        commit = next((line.split(" ")[0] for line in lines if line.endswith(f" {ref}")), "")
    return commit if _COMMIT.fullmatch(commit) else ""


def _line(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
