"""What commands share that work on files alone, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from regesta.audit.cryptographic import MissingExtra
from regesta.audit.keys import InvalidKeyFile, LocalKey, read_key
from regesta.audit.notes import InvalidKey, InvalidNote
from regesta.audit.packs import InvalidPack
from regesta.audit.policies import InvalidPolicy, Policy
from regesta.cli.options import Parsed
from regesta.cli.values import InvalidValue
from regesta.merkle import InvalidProof

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@contextmanager
def told() -> Iterator[None]:
    """Say in words what is wrong with a file, and end with the exit code of bad input.

    Raises:
        click.ClickException: Something is.
    """
    try:
        yield
    except (
        InvalidKey,
        InvalidKeyFile,
        InvalidNote,
        InvalidPack,
        InvalidPolicy,
        InvalidProof,
    ) as error:
        raise click.UsageError(str(error)) from None
    except MissingExtra as error:
        raise click.ClickException(str(error)) from None


def load_policy(path: Path) -> Policy:
    """Return the policy in a file.

    Raises:
        click.UsageError: It is none.
    """
    try:
        return Policy.parse(path.read_bytes())
    except InvalidPolicy as error:
        raise click.UsageError(f"{path}: {error}") from None


def load_key(path: Path, password_file: Path | None) -> LocalKey:
    """Return the private key in a file.

    Raises:
        click.ClickException: It is none, or the password is another.
    """
    with told():
        return read_key(path, read_password(password_file))


def read_password(path: Path | None) -> bytes | None:
    """Return the password in a file, without the line break at its end; None without a file.

    Raises:
        click.UsageError: It is empty.
    """
    if path is None:
        return None
    password = path.read_bytes().rstrip(b"\r\n")
    if not password:
        raise click.UsageError(f"{path} holds no password")
    return password


def password_option(function: Any) -> Any:
    """Add `--password-file` to a command that reads or writes a key."""
    return click.option(
        "--password-file", type=FILE, metavar="FILE", help="A file with the key's password."
    )(function)


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port; a host in brackets is one of IPv6.

    Raises:
        InvalidValue: They are not HOST:PORT.
    """
    host, colon, port = text.rpartition(":")
    known = host.removeprefix("[").removesuffix("]")
    if not colon or not known or not (port.isascii() and port.isdecimal()) or len(port) > 5:  # noqa: PLR2004 - digits of 65535
        raise InvalidValue(f"{text!r} is not HOST:PORT")
    if int(port) > 65_535:  # noqa: PLR2004 - TCP's
        raise InvalidValue(f"{port} is no port")
    return known, int(port)


LISTEN = Parsed("listen", parse_listen)
