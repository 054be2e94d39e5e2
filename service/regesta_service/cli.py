"""`regesta-server`: start a server, prepare its database, check it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

try:
    import click
    import psycopg

    from regesta.audit.keys import read_key
    from regesta.audit.policies import InvalidPolicy, Policy
    from regesta_projections import rebuild as rebuilding
    from regesta_projections import verification
    from regesta_projections.archived import BodyArchived
    from regesta_projections.bodies import NotInArchive
    from regesta_projections.rebuild import NamespaceUnknown
    from regesta_service import archive_command, logs
    from regesta_service.access.permissions import ROLES
    from regesta_service.access.tokens import digest_of, new_token
    from regesta_service.audit import child, running
    from regesta_service.audit.memory import Memory
    from regesta_service.backup import replaying, restoring
    from regesta_service.backup import writing as backups
    from regesta_service.commands import (
        BACKUP_FAULTS,
        EXIT_CONFIGURATION,
        EXIT_FINDINGS,
        FILE,
        FOLDER,
        archive_option,
        database_fault,
        failed,
        load,
        namespace_option,
        settings_options,
    )
    from regesta_service.database import opened, scratch_database
    from regesta_service.postgres import migrate as migrations
    from regesta_service.postgres.errors import PostgresError
    from regesta_service.stopping import Stopped, stoppable
except ModuleNotFoundError as missing:
    sys.exit(
        f"regesta-server needs {missing.name}, which the client does not bring: "
        "pip install 'regesta[server,embedded]'"
    )

if TYPE_CHECKING:
    from regesta_service.config import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="regesta")
def main() -> None:
    """Run regesta, the model registry that keeps every fact.

    Exit codes: 0 done, 1 failed, 2 configuration, 3 database, 4 findings.
    """


@main.command()
@settings_options
@click.option("--listen", help="host:port or unix:/path; the default is 127.0.0.1:7421.")
@click.option("--insecure-dev", is_flag=True, default=None, help="No tokens, loopback only.")
@click.option("--engine", help="What carries calls: grpcio (the default) or native.")
@click.option("--workers", type=int, help="Processes that share the port.")
@click.option("--log-level", help="debug, info, warning or error.")
def up(**flags: Any) -> None:
    """Start a server, by default with a database of its own, and keep it running."""
    try:
        with stoppable():
            _up(load(**flags))
    except Stopped:
        click.echo("stopped before it served", err=True)


def _up(settings: Settings) -> NoReturn:
    from regesta_service import app  # noqa: PLC0415 - grpc takes a while to import

    try:
        sys.exit(app.run(settings))
    except (PostgresError, psycopg.OperationalError) as error:
        database_fault(error)
    except app.CannotStart as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_CONFIGURATION)


@main.command()
@settings_options
def migrate(**flags: Any) -> None:
    """Apply the migrations that a database lacks (needs --owner-dsn, or the embedded one)."""
    settings = load(**flags)
    try:
        if settings.owner_dsn is not None:
            applied = migrations.apply(settings.owner_dsn.get_secret_value())
        else:
            with opened(settings) as database:
                applied = list(database.applied)
    except (PostgresError, psycopg.OperationalError) as error:
        database_fault(error)
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("nothing to apply")


@main.command()
@settings_options
@click.option("--key", type=FILE, help="The key to sign with: PKCS#8 PEM, mode 0600.")
@click.option("--also-key", "also_keys", type=FILE, multiple=True, help="Sign with this one too.")
@click.option("--make-key", is_flag=True, help="Make the key if there is none.")
@click.option("--password-file", type=FILE, help="Holds the password of the keys.")
@click.option(
    "--memory",
    type=click.Path(path_type=Path),
    required=True,
    help="Directory of this publisher's own, outside of the database's reach.",
)
@click.option("--namespace", "namespaces", multiple=True, help="Only this one; all by default.")
@click.option("--origin", help="Name of this deployment, as in registry.example.com.")
@click.option("--read-dsn", help="Read the rows here, for example from a synchronous standby.")
@click.option("--witness", "witnesses", multiple=True, help="Verifier key, blank, URL.")
@click.option("--interval", "publish_interval", type=float, help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.option("--resume", metavar="NAMESPACE", help="Clear its alarm, and end.")
def publish(
    *,
    key: Path | None,
    also_keys: tuple[Path, ...],
    make_key: bool,
    password_file: Path | None,
    memory: Path,
    namespaces: tuple[str, ...],
    read_dsn: str | None,
    witnesses: tuple[str, ...],
    once: bool,
    resume: str | None,
    **flags: Any,
) -> None:
    """Sign checkpoints of what was re-read and re-hashed, as a process of its own.

    It refuses to sign a log that is shorter than what it signed before (ROLLBACK), another
    history (FORK), or rows that are not as they were appended (TAMPER), and says which. Such
    an alarm stands until --resume: exit code 4.
    """
    if resume is not None:
        cleared = Memory(memory).clear_alarm(resume)
        click.echo(f"{resume} is looked at again" if cleared else f"{resume} has no alarm")
        return
    if key is None:
        raise click.UsageError("name the key to sign with: --key FILE")
    settings = load(witnesses=list(witnesses) or None, **flags)
    logs.configure(settings.log_level)
    try:
        password = password_file.read_bytes().rstrip(b"\r\n") if password_file else None
        if make_key:
            running.make_key(key, password)
        keys = [read_key(path, password) for path in (key, *also_keys)]
        with opened(settings) as database, child.waiting_for_signals() as wait:
            what = running.Publication(
                database.service_dsn,
                memory,
                origin=settings.origin,
                namespaces=namespaces or None,
                read_dsn=read_dsn,
                interval=settings.publish_interval,
                witnesses=tuple(settings.witness_addresses()),
            )
            sys.exit(running.publish(what, keys, wait, once=once))
    except (PostgresError, psycopg.OperationalError) as error:
        database_fault(error)
    except running.CANNOT_RUN as error:
        click.echo(str(error), err=True)
        sys.exit(EXIT_CONFIGURATION)


@main.command()
@settings_options
@namespace_option
@archive_option
def verify(namespace: str, archive: Path | None, **flags: Any) -> None:
    """Check a namespace's log and projections on the database itself.

    It needs no server, and reads only: a replica or a restored backup will do.
    """
    settings = load(**flags)
    try:
        with opened(settings) as database:
            report = verification.verify(database.service_dsn, namespace, archive=archive)
    except (PostgresError, psycopg.OperationalError, NamespaceUnknown) as error:
        database_fault(error)
    except NotInArchive as error:
        failed(error)
    for finding in report.findings:
        click.echo(f"{finding.kind.name} {finding.position} {finding.subject}: {finding.detail}")
    if report.texts_erased:
        click.echo(f"{report.texts_erased} texts are erased: only their digests are left")
    if report.bodies_archived:
        click.echo(
            f"{report.bodies_archived} bodies are in an archive only: {report.rows_not_compared}"
            " rows, the texts and columns of these events, and commitments to heads were not"
            " compared; --archive FOLDER compares them"
        )
    click.echo(
        f"{report.events_folded} events folded, {report.rows_compared} rows and "
        f"{report.texts_compared} texts compared, {report.findings_total} findings; "
        f"root {report.root_hash.hex()} at position {report.position}"
    )
    if report.findings_total:
        sys.exit(EXIT_FINDINGS)


@main.command()
@settings_options
@click.argument("folder", type=FOLDER)
@click.option("--from-archive", type=FOLDER, help="A backup with the bodies that were archived.")
def backup(folder: Path, from_archive: Path | None, **flags: Any) -> None:
    """Bring a backup of all logs up to date; servers go on meanwhile.

    FOLDER holds each log in tiles (C2SP tlog-tiles) and beside them free texts, answered
    requests and checkpoints. What it has is kept, but for texts that were erased. What is
    stored must give the roots that were signed, else nothing is named in the backup.
    """
    settings = load(**flags)
    try:
        with opened(settings) as database:
            done = backups.back_up(
                database.service_dsn, folder, settings.origin, archive=from_archive
            )
    except (PostgresError, psycopg.OperationalError) as error:
        database_fault(error)
    except BACKUP_FAULTS as error:
        failed(error)
    for log in done:
        click.echo(
            f"{log.namespace}: {log.added} events added, {log.size} in all,"
            f" {log.signed} of them signed; {log.files_written} files written"
        )


@main.command()
@settings_options
@click.argument("folder", type=FOLDER)
@click.option("--into", help="PostgreSQL as the service role, in place of --dsn.")
@click.option("--policy", type=FILE, help="Whose signatures each log's checkpoint must have.")
def restore(folder: Path, into: str | None, policy: Path | None, **flags: Any) -> None:
    """Load a backup into an empty database, fold it, and check all of it.

    A backup that does not give the roots that were signed leaves the database empty. Findings
    of the last check end with exit code 4.
    """
    settings = load(**flags | ({"dsn": into} if into else {}))
    judging = None
    try:
        if policy is not None:
            judging = Policy.parse(policy.read_bytes())
        with opened(settings) as database:
            done = restoring.restore(database.service_dsn, folder, judging)
    except (PostgresError, psycopg.OperationalError) as error:
        database_fault(error)
    except (*BACKUP_FAULTS, InvalidPolicy, OSError) as error:
        failed(error)
    for log in done:
        click.echo(
            f"{log.namespace}: {log.size} events restored, {log.signed} of them signed;"
            f" {log.report.findings_total} findings, root {log.report.root_hash.hex()}"
        )
        for finding in log.report.findings:
            click.echo(
                f"{finding.kind.name} {finding.position} {finding.subject}: {finding.detail}"
            )
    if any(log.report.findings_total for log in done):
        sys.exit(EXIT_FINDINGS)


@main.command()
@settings_options
@namespace_option
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, exists=True),
    required=True,
    help="JSON lines, a pack of a log, a folder of tiles, or a backup.",
)
@click.option("--compare", is_flag=True, help="Compare the rows with the database's own.")
@click.option("--scratch-dsn", help="An empty database as the service role; none makes one.")
def replay(
    source: Path, namespace: str, *, compare: bool, scratch_dsn: str | None, **flags: Any
) -> None:
    """Fold an exported log into a scratch database, and compare its rows with the original's.

    The scratch database is an embedded one that is gone afterwards, unless --scratch-dsn names
    another. Differences end with exit code 4.
    """
    settings = load(**flags)
    try:
        with contextlib.ExitStack() as stack:
            original = stack.enter_context(opened(settings)).service_dsn if compare else None
            scratch = scratch_dsn or stack.enter_context(scratch_database())
            records = stack.enter_context(replaying.records_in(source, namespace))
            done = replaying.replay(records, namespace, scratch, original)
    except (PostgresError, psycopg.OperationalError, NamespaceUnknown) as error:
        database_fault(error)
    except (*BACKUP_FAULTS, OSError) as error:
        failed(error)
    for difference in done.differences:
        click.echo(difference)
    click.echo(
        f"{done.exported} exported events folded, and {done.followed} that followed;"
        f" {done.rows} rows compared, {done.differences_total} differences"
    )
    if done.differences_total:
        sys.exit(EXIT_FINDINGS)


@main.group()
def projections() -> None:
    """Projections, on the database itself."""


@projections.command("rebuild")
@settings_options
@namespace_option
@archive_option
def projections_rebuild(namespace: str, archive: Path | None, **flags: Any) -> None:
    """Fold a namespace's log into fresh rows and put them in use; servers go on meanwhile."""
    settings = load(**flags)
    try:
        with opened(settings) as database:
            done = rebuilding.rebuild(database.service_dsn, namespace, archive=archive)
    except (PostgresError, psycopg.OperationalError, NamespaceUnknown) as error:
        database_fault(error)
    except BodyArchived as error:
        failed(f"{error}: give the backup that has it, --archive FOLDER")
    except (rebuilding.RebuildRunning, rebuilding.LogNotFoldable, NotInArchive) as error:
        failed(error)
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
@settings_options
def show_config(**flags: Any) -> None:
    """Print the configuration as it is understood; secrets are masked."""
    click.echo(load(**flags).model_dump_json(indent=2))


main.add_command(archive_command.archive)
