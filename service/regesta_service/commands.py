"""What the commands of `regesta-server` share: options, exit codes, how they fail."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from regesta.exporting.tiling import FolderBusy, InvalidTiles
from regesta_projections.bodies import NotInArchive
from regesta_projections.rebuild import LogNotFoldable
from regesta_service import config
from regesta_service.backup.folder import InvalidBackup
from regesta_service.backup.loading import NotEmpty, NotLoadable

if TYPE_CHECKING:
    from collections.abc import Callable

#: Exit codes: a fault of configuration, a database that cannot be had, findings.
EXIT_CONFIGURATION, EXIT_DATABASE, EXIT_FINDINGS = 2, 3, 4

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which configuration and database."""
    for option in (
        click.option("--data-dir", type=click.Path(path_type=Path), help="Embedded server's home."),
        click.option("--owner-dsn", help="PostgreSQL as the owner role, to apply migrations."),
        click.option("--dsn", help="PostgreSQL as the service role; none starts an embedded one."),
        click.option("--config", type=click.Path(path_type=Path), help="A TOML file."),
    ):
        command = option(command)
    return command


def load(**flags: Any) -> config.Settings:
    """Return the configuration; what is wrong with it ends the command."""
    file = flags.pop("config", None)
    try:
        return config.load(flags, file)
    except config.InvalidConfiguration as error:
        click.echo(f"configuration:\n{error}", err=True)
        sys.exit(EXIT_CONFIGURATION)


def namespace_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says which namespace."""
    return click.option("--namespace", default="default", show_default=True)(command)


def archive_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that says where archived bodies are."""
    return click.option(
        "--archive", type=FOLDER, help="A backup with the bodies that were archived."
    )(command)


#: What is wrong with a backup, or with what it is to be made of or restored into.
BACKUP_FAULTS = (
    FolderBusy,
    InvalidBackup,
    InvalidTiles,
    NotEmpty,
    NotLoadable,
    LogNotFoldable,
    NotInArchive,
)


def failed(error: Exception | str) -> NoReturn:
    """Say what went wrong and end."""
    click.echo(str(error), err=True)
    sys.exit(1)


def database_fault(error: Exception) -> NoReturn:
    """Say what is wrong with the database and end."""
    click.echo(f"database: {error}", err=True)
    sys.exit(EXIT_DATABASE)
