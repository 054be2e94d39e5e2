"""`regesta-server archive`: let bodies that were released give way to their hashes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import psycopg

from regesta.audit.policies import InvalidPolicy, Policy
from regesta_projections.rebuild import NamespaceUnknown
from regesta_service.backup import archiving
from regesta_service.backup.archiving import CannotArchive
from regesta_service.commands import (
    BACKUP_FAULTS,
    FILE,
    FOLDER,
    database_fault,
    failed,
    load,
    namespace_option,
    settings_options,
)
from regesta_service.database import opened
from regesta_service.domain.rejections import Rejection
from regesta_service.postgres.errors import PostgresError

_MEBIBYTE = 1 << 20


@click.command()
@settings_options
@namespace_option
@click.option(
    "--backup", "folder", type=FOLDER, required=True, help="A backup with all of these bodies."
)
@click.option("--policy", type=FILE, help="Whose signatures the backup's checkpoint must have.")
@click.option("--dry-run", is_flag=True, help="Check everything, and change nothing.")
@click.option(
    "--compact", is_flag=True, help="Give the space back to the disk; appends wait meanwhile."
)
def archive(
    *,
    folder: Path,
    namespace: str,
    policy: Path | None,
    dry_run: bool,
    compact: bool,
    **flags: Any,
) -> None:
    """Let the bodies that were released give way to their hashes, in the log itself.

    `regesta retention release` says up to where. The backup is verified first, with the
    signature of its checkpoint, and each of its records compared with the log; holds and
    retention are looked at again. Servers go on meanwhile. Without --policy the keys count that
    the publisher has noted in the database. Needs --owner-dsn, or the embedded database.

    A run that was stopped goes on where it was, and a second one finds nothing to do.
    """
    settings = load(**flags)
    try:
        judging = Policy.parse(policy.read_bytes()) if policy is not None else None
        with opened(settings) as database:
            if database.owner_dsn is None:
                raise click.UsageError("only the owner changes rows of the log: give --owner-dsn")
            done = archiving.archive(
                database.owner_dsn, folder, namespace, judging, dry_run=dry_run
            )
            _say(done, namespace, dry_run=dry_run, compact=compact)
            if compact and not dry_run:
                for table in archiving.compact(database.owner_dsn):
                    click.echo(
                        f"{table.table} written anew: {table.before / _MEBIBYTE:,.1f} MiB before,"
                        f" {table.after / _MEBIBYTE:,.1f} MiB after"
                    )
    except (PostgresError, psycopg.OperationalError, NamespaceUnknown) as error:
        database_fault(error)
    except Rejection as refusal:
        failed(f"{refusal.reason}: {refusal.message}")
    except (*BACKUP_FAULTS, CannotArchive, InvalidPolicy, OSError) as error:
        failed(error)


def _say(done: archiving.Archived, namespace: str, *, dry_run: bool, compact: bool) -> None:
    would = "would give" if dry_run else "gave"
    click.echo(
        f"{namespace}: bodies are released up to position {done.through}, and the backup is signed"
        f" up to {done.checkpoint_size}"
    )
    click.echo(
        f"{done.bodies} bodies {would} way to their hashes, {done.before} had done so before;"
        f" {done.bytes_freed / _MEBIBYTE:,.1f} MiB of records freed"
    )
    if done.bodies and not dry_run and not compact:
        click.echo(
            "the database uses this space again for new rows; --compact gives it back to the disk"
        )
