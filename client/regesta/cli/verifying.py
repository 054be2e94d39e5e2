"""The command that checks a log twice: by the server, and by this client itself."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

import regesta
from regesta.cli.failing import FINDINGS
from regesta.cli.log_check import Discovery, LogCheck
from regesta.cli.offline import FILE
from regesta.cli.output import Output, counted
from regesta.cli.packed import verify_pack
from regesta.cli.session import Session, pass_session


class Advance(Protocol):
    """Shows how many events are done, and of how many."""

    def __call__(self, done: int, total: int) -> None:
        """Show it."""


@dataclass(slots=True)
class ServerReport:
    """What the server found out about its log and its projections."""

    events_folded: int = 0
    rows_compared: int = 0
    texts_compared: int = 0
    position: int = 0
    root_hash: bytes = b""
    texts_erased: int = 0
    heads_checked: int = 0
    bodies_archived: int = 0
    rows_not_compared: int = 0
    findings_total: int = 0
    findings: list[Discovery] = field(default_factory=list)


@click.command()
@click.argument("pack", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--policy",
    type=FILE,
    metavar="FILE",
    help="Whose signatures make a pack's checkpoint count.",
)
@click.option(
    "--known",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A checkpoint that you kept; the pack must extend it. May be repeated.",
)
@pass_session
def verify(
    session: Session, pack: Path | None, policy: Path | None, known: tuple[Path, ...]
) -> None:
    """Check a pack without any server; or the whole log of the namespace, twice.

    With PACK, a folder or a zip file, nothing else is read but --policy and --known: records,
    proofs, signatures, chains and texts are checked here. See docs/audit/packs.md.

    Without PACK the server checks records, texts and every projected row against a fresh fold.
    Then this client reads every record, computes the Merkle root by itself and compares it with
    the server's, and checks revisions, chains of hashes and texts. It cannot where bodies are
    archived; it says so then.

    Findings end with exit code 7.
    """
    if pack is not None:
        verify_pack(session, pack, policy, known)
        return
    if policy is not None or known:
        raise click.UsageError("--policy and --known are for a pack")
    verify_log(session)


def verify_log(session: Session) -> None:
    """Check the log of the namespace, and everything that is derived from it, twice."""
    client = session.client()
    # The end of the log is asked for before the server's check, which goes as far at least.
    total = client.get_head().position
    with _progress("the server checks", session.output) as advance:
        server = _server_check(client, total, advance)
    own = None
    if not server.bodies_archived:
        with _progress("this client checks", session.output) as advance:
            own = _own_check(client, server, advance)
    if session.output.json:
        session.output.document(_document(server, own))
    else:
        _show(session.output, server, own)
    if server.findings_total or (own is not None and own.findings_total):
        click.get_current_context().exit(FINDINGS)


def _server_check(client: regesta.Client, total: int, advance: Advance) -> ServerReport:
    report = ServerReport()
    for answer in client.verify():
        report.events_folded = answer.events_folded
        report.rows_compared = answer.rows_compared
        report.texts_compared = answer.texts_compared
        report.findings += (
            Discovery(found.kind, found.position, found.subject, found.detail)
            for found in answer.findings
        )
        if answer.done:
            report.position, report.root_hash = answer.position, answer.root_hash
            report.texts_erased = answer.texts_erased
            report.heads_checked = answer.heads_checked
            report.bodies_archived = answer.bodies_archived
            report.rows_not_compared = answer.rows_not_compared
            report.findings_total = answer.findings_total
        advance(answer.events_folded, max(total, answer.events_folded))
    return report


def _own_check(client: regesta.Client, server: ServerReport, advance: Advance) -> LogCheck:
    """Read the log up to its head, comparing roots where the server stopped and at the head."""
    head = client.get_head()
    check = LogCheck(client.namespace)
    compared = False
    for event in client.events(until=head.position):
        check.see(event)
        if check.events == server.position:
            check.compare_root(server.position, server.root_hash, "the server's check")
            compared = True
        advance(check.events, head.position)
    if not compared:
        check.compare_root(server.position, server.root_hash, "the server's check")
    check.compare_root(head.position, head.root_hash, "the head of the log")
    return check


def _document(server: ServerReport, own: LogCheck | None) -> dict[str, Any]:
    said = asdict(server) | {"root_hash": server.root_hash.hex()}
    if own is None:
        return {"server": said, "client": None, "ok": not server.findings_total}
    return {
        "server": said,
        "client": {
            "events_hashed": own.events,
            "streams_checked": own.streams,
            "texts_opened": own.texts,
            "root_hash": own.frontier.root().hex(),
            "findings_total": own.findings_total,
            "findings": [asdict(finding) for finding in own.findings],
        },
        "ok": not server.findings_total and not own.findings_total,
    }


def _show(output: Output, server: ServerReport, own: LogCheck | None) -> None:
    output.line(
        ("server", "bold"),
        f"  {server.events_folded:,} events folded, {server.rows_compared:,} rows and"
        f" {server.texts_compared:,} texts compared: ",
        _verdict(server.findings_total, partly=own is None),
    )
    if own is None:
        output.line(
            ("archived", "yellow"),
            f" {server.bodies_archived:,} bodies are in an archive only: {server.rows_not_compared:,}"
            " rows, texts and heads were not compared, and this client hashed nothing. `regesta"
            " verify FOLDER` checks the archive, `regesta-server verify --archive FOLDER` the rest",
        )
        output.line(("root", "bold"), f"    {server.root_hash.hex()} at position {server.position}")
    else:
        output.line(
            ("client", "bold"),
            f"  {own.events:,} events hashed, {own.streams:,} chains followed,"
            f" {own.texts:,} texts opened: ",
            _verdict(own.findings_total),
        )
        output.line(("root", "bold"), f"    {own.frontier.root().hex()} at position {own.events}")
    if server.heads_checked:
        output.line(
            ("heads", "bold"), f"   {server.heads_checked:,} commitments to all heads made anew"
        )
    if server.texts_erased:
        # No finding: erasing is allowed. But a text that goes unnoticed was not erased in order.
        output.line(
            ("erased", "yellow"),
            f"  {counted(server.texts_erased, 'text')}, of which the digests are left",
        )
    for who, findings in (("server", server.findings), ("client", own.findings if own else ())):
        for found in findings:
            where = f" at position {found.position}" if found.position else ""
            output.line(
                (f"{who}: {found.kind}", "red"), f"{where}: {found.subject}: {found.detail}"
            )


def _verdict(findings: int, *, partly: bool = False) -> tuple[str, str]:
    if not findings and partly:
        return "nothing wrong in what could be compared", "yellow"
    if not findings:
        return "as it must be", "green"
    return f"{findings:,} finding{'s' if findings > 1 else ''}", "red"


@contextlib.contextmanager
def _progress(said: str, output: Output) -> Iterator[Advance]:
    """Give a bar on stderr where somebody looks at it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = output.json or not sys.stderr.isatty()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task(said, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance
