"""`regesta-server`: start a server, prepare its database, check it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import click
    import psycopg

    from regesta_projections import rebuild as rebuilding
    from regesta_projections import verification
    from regesta_projections.rebuild import NamespaceUnknown
    from regesta_service import config
    from regesta_service.access.permissions import ROLES
    from regesta_service.access.tokens import digest_of, new_token
    from regesta_service.database import opened
    from regesta_service.postgres import migrate as migrations
    from regesta_service.postgres.errors import PostgresError
except ModuleNotFoundError as missing:
    sys.exit(
        f"regesta-server needs {missing.name}, which the client does not bring: "
        "pip install 'regesta[server,embedded]'"
    )

if TYPE_CHECKING:
    from collections.abc import Callable

#: Exit codes: a fault of configuration, a database that cannot be had, findings.
EXIT_CONFIGURATION, EXIT_DATABASE, EXIT_FINDINGS = 2, 3, 4


def _settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which configuration and database."""
    for option in (
        click.option("--data-dir", type=click.Path(path_type=Path), help="Embedded server's home."),
        click.option("--owner-dsn", help="PostgreSQL as the owner role, to apply migrations."),
        click.option("--dsn", help="PostgreSQL as the service role; none starts an embedded one."),
        click.option("--config", type=click.Path(path_type=Path), help="A TOML file."),
    ):
        command = option(command)
    return command


def _load(**flags: Any) -> config.Settings:
    file = flags.pop("config", None)
    try:
        return config.load(flags, file)
    except config.InvalidConfiguration as error:
        click.echo(f"configuration:\n{error}", err=True)
        sys.exit(EXIT_CONFIGURATION)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="regesta")
def main() -> None:
    """Run regesta, the model registry that keeps every fact.

    Exit codes: 0 done, 1 failed, 2 configuration, 3 database, 4 findings.
    """


@main.command()
@_settings_options
@click.option("--listen", help="host:port or unix:/path; the default is 127.0.0.1:7421.")
@click.option("--insecure-dev", is_flag=True, default=None, help="No tokens, loopback only.")
@click.option("--engine", help="What carries calls: grpcio (the default) or native.")
@click.option("--workers", type=int, help="Processes that share the port.")
@click.option("--log-level", help="debug, info, warning or error.")
def up(**flags: Any) -> None:
    """Start a server, by default with a database of its own, and keep it running."""
    from regesta_service import app  # noqa: PLC0415 - grpc takes a while to import

    settings = _load(**flags)
    try:
        sys.exit(app.run(settings))
    except (PostgresError, psycopg.OperationalError) as error:
        _database_fault(error)
    except app.CannotStart as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_CONFIGURATION)


@main.command()
@_settings_options
def migrate(**flags: Any) -> None:
    """Apply the migrations that a database lacks (needs --owner-dsn, or the embedded one)."""
    settings = _load(**flags)
    try:
        if settings.owner_dsn is not None:
            applied = migrations.apply(settings.owner_dsn.get_secret_value())
        else:
            with opened(settings) as database:
                applied = list(database.applied)
    except (PostgresError, psycopg.OperationalError) as error:
        _database_fault(error)
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("nothing to apply")


def _namespace_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--namespace", default="default", show_default=True)(command)


@main.command()
@_settings_options
@_namespace_option
def verify(namespace: str, **flags: Any) -> None:
    """Check a namespace's log and projections on the database itself.

    It needs no server, and reads only: a replica or a restored backup will do.
    """
    settings = _load(**flags)
    try:
        with opened(settings) as database:
            report = verification.verify(database.service_dsn, namespace)
    except (PostgresError, psycopg.OperationalError, NamespaceUnknown) as error:
        _database_fault(error)
        return
    for finding in report.findings:
        click.echo(f"{finding.kind.name} {finding.position} {finding.subject}: {finding.detail}")
    if report.texts_erased:
        click.echo(f"{report.texts_erased} texts are erased: only their digests are left")
    click.echo(
        f"{report.events_folded} events folded, {report.rows_compared} rows and "
        f"{report.texts_compared} texts compared, {report.findings_total} findings; "
        f"root {report.root_hash.hex()} at position {report.position}"
    )
    if report.findings_total:
        sys.exit(EXIT_FINDINGS)


@main.group()
def projections() -> None:
    """Projections, on the database itself."""


@projections.command("rebuild")
@_settings_options
@_namespace_option
def projections_rebuild(namespace: str, **flags: Any) -> None:
    """Fold a namespace's log into fresh rows and put them in use; servers go on meanwhile."""
    settings = _load(**flags)
    try:
        with opened(settings) as database:
            done = rebuilding.rebuild(database.service_dsn, namespace)
    except (PostgresError, psycopg.OperationalError, NamespaceUnknown) as error:
        _database_fault(error)
        return
    except (rebuilding.RebuildRunning, rebuilding.LogNotFoldable) as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo(f"{done.position} events folded into {done.rows_written} rows")


@main.group()
def token() -> None:
    """Bearer tokens."""


@token.command("new")
@click.option("--principal", required=True, help="Whose it is; stands in the log.")
@click.option("--role", type=click.Choice(sorted(ROLES)), required=True)
def token_new(principal: str, role: str) -> None:
    """Make a token and print it once, with what to put into the configuration."""
    made = new_token()
    click.echo(f"token (keep it secret, it is shown only now):\n  {made}\n")
    click.echo("configuration:")
    click.echo(
        f'  [[tokens]]\n  principal = "{principal}"\n  role = "{role}"\n'
        f'  digest = "{digest_of(made)}"'
    )


@main.command("config")
@_settings_options
def show_config(**flags: Any) -> None:
    """Print the configuration as it is understood; secrets are masked."""
    click.echo(_load(**flags).model_dump_json(indent=2))


def _database_fault(error: Exception) -> None:
    click.echo(f"database: {error}", err=True)
    sys.exit(EXIT_DATABASE)
