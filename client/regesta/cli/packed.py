"""Checking a pack: what is said about it, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from regesta.audit.policies import Verdict
from regesta.audit.verifying import Report, verify
from regesta.cli.failing import FINDINGS
from regesta.cli.offline import load_policy, told
from regesta.cli.output import Output, counted
from regesta.cli.session import Session
from regesta.cli.times import iso


def verify_pack(session: Session, path: Path, policy: Path | None, known: Iterable[Path]) -> None:
    """Check a pack, say what came of it, and end with its exit code."""
    judging = None if policy is None else load_policy(policy)
    with told():
        report = verify(path, judging, [note.read_bytes() for note in known])
    if session.output.json:
        session.output.document(_document(report))
    else:
        _show(session.output, path, report)
    if not report.ok:
        click.get_current_context().exit(FINDINGS)


def _document(report: Report) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "kind": report.kind,
        "namespace": report.namespace,
        "origin": report.origin,
        "size": report.size,
        "root_hash": report.root.hex(),
        "events": report.events,
        "streams": report.streams,
        "streams_begun_late": report.begun_late,
        "streams_complete": report.complete_streams,
        "complete_up_to": report.heads_position,
        "texts_opened": report.texts,
        "texts_withheld": report.withheld,
        "checkpoints_extended": report.prefixes,
        "times_backwards": report.backwards,
        "trust": None if report.trust is None else _trust(report.trust),
        "findings_total": report.findings_total,
        "findings": [finding._asdict() for finding in report.findings],
    }


def _trust(verdict: Verdict) -> dict[str, Any]:
    seen = verdict.existed_by
    return {
        "accepted": verdict.accepted,
        "signed_by": [one.key.vkey for one in verdict.signed_by],
        "cosigned_by": sorted(verdict.cosigned_by),
        "missing": list(verdict.missing),
        "existed_by": None if seen is None else iso(datetime.fromtimestamp(seen, UTC)),
        "problems": list(verdict.problems),
    }


def _show(output: Output, path: Path, report: Report) -> None:
    what = "all events" if report.kind == "log" else "events"
    rows: list[tuple[str, str | tuple[str, str]]] = [
        ("log", f"{report.origin or report.namespace}, {counted(report.size, 'event')}"),
        ("root", report.root.hex()),
        (what, f"{report.events:,} of {counted(report.streams, 'stream')}"),
        ("texts", f"{report.texts:,} opened, {report.withheld:,} withheld or erased"),
        ("signature", _signature(report)),
    ]
    if report.prefixes:
        rows.append(("extends", counted(report.prefixes, "earlier checkpoint")))
    if report.complete_streams:
        rows.append(
            (
                "complete",
                f"{counted(report.complete_streams, 'stream')} without any other event up to"
                f" position {report.heads_position}",
            )
        )
    if report.begun_late:
        rows.append(
            (
                "begin late",
                f"{counted(report.begun_late, 'stream')}, of which the first events are not here",
            )
        )
    if report.backwards:
        rows.append(("times", (f"{report.backwards:,} run backwards", "yellow")))
    output.facts(str(path), rows)
    for found in report.findings:
        where = f" at position {found.position}" if found.position else ""
        about = f"{found.subject}: " if found.subject else ""
        output.line((found.kind, "red"), f"{where}: {about}{found.detail}")
    if report.ok:
        output.line(("as it must be", "green"))
    else:
        output.line((counted(report.findings_total, "finding"), "red"))


def _signature(report: Report) -> str | tuple[str, str]:
    trust = report.trust
    if trust is None:
        return "not judged: give --policy to say whose you trust", "yellow"
    if not trust.accepted:
        return "not trusted", "red"
    names = ", ".join(one.key.name for one in trust.signed_by)
    witnesses = ", ".join(sorted(trust.cosigned_by))
    return f"{names}, witnessed by {witnesses}" if witnesses else names, "green"
