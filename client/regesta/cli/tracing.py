"""The command that follows a decision back: trace."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from regesta.addresses import Address
from regesta.audit.traces import Trace, TracedEvent
from regesta.cli.failing import FINDINGS
from regesta.cli.happened import claimed
from regesta.cli.offline import NEW_FILE
from regesta.cli.options import as_of
from regesta.cli.output import Cell
from regesta.cli.session import Session, address_of, moment_of, pass_session
from regesta.cli.targets import short_of
from regesta.merkle import InvalidProof
from regesta.names import ModelName


@click.command()
@click.argument("address")
@as_of
@click.option("--out", type=NEW_FILE, metavar="FILE", help="Write it there, as JSON with proofs.")
@pass_session
def trace(
    session: Session, address: str, *, as_of: datetime | int | None, out: Path | None
) -> None:
    """Say which version an address meant at a moment, who decided that, and what it was made of.

    For example churn@champion or churn#production. Every event that decided comes with a proof
    that it is in the log, checked here; with --out and --json they are in the answer.
    """
    target = session.parse(address)
    if isinstance(target.subject, ModelName):
        raise click.UsageError("say which version: churn/3, churn@champion, churn#production …")
    subject = target.subject
    text = str(subject) if isinstance(subject, Address) else address_of(subject)
    client = session.client(target.namespace)
    try:
        found = client.trace(text, as_of=moment_of(target, as_of))
    except InvalidProof as error:
        click.echo(f"error: an event is not shown to be in the log: {error}", err=True)
        click.get_current_context().exit(FINDINGS)
    made = found.document()
    if out is not None:
        out.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if session.output.json:
        session.output.document(made)
        return
    session.output.facts(f"{address} as of position {found.position:,}", _rows(found))


def _rows(found: Trace) -> list[tuple[str, Cell]]:
    rows: list[tuple[str, Cell]] = [
        ("version", short_of(found.version) if found.version else "none")
    ]
    if found.version:
        rows.append(("stage", found.stage))
    if found.decision is not None:
        rows += _event_rows("decided", found.decision)
    if found.registration is not None:
        if found.registration is not found.decision:
            rows += _event_rows("registered", found.registration)
        rows += _origin_rows(found.registration)
    for move in found.moves:
        if found.decision is None or move.position != found.decision.position:
            said = f"{move.data.get('fromStage', '')} to {move.data.get('toStage', '')}"
            rows += _event_rows(said, move)
    return rows


def _event_rows(title: str, event: TracedEvent) -> list[tuple[str, Cell]]:
    envelope = event.envelope
    said = f"{event.type} at position {event.position:,} by {envelope.get('authid', '')}"
    rows: list[tuple[str, Cell]] = [(title, f"{said}, {envelope.get('recordedtime', '')}")]
    at = envelope.get("time")
    claim = claimed(
        "happened",
        "done",
        None if at == envelope.get("recordedtime") else str(at),
        str(envelope.get("occurredby", "")),
    )
    if claim:
        rows.append(("  claimed", claim))
    if reason := event.texts.get("reason"):
        rows.append(("  why", reason))
    rows.append(("  request", str(envelope.get("correlationid", ""))))
    if traceparent := envelope.get("traceparent"):
        rows.append(("  trace", traceparent.split("-")[1]))
    inclusion = event.inclusion
    if inclusion is not None:
        by = "a signed checkpoint" if inclusion.receipt else "the log's own root"
        rows.append(("  proved", f"in the first {inclusion.size:,} events, by {by}"))
    return rows


def _origin_rows(registration: TracedEvent) -> list[tuple[str, Cell]]:
    data = registration.data
    lineage = data.get("lineage", {})
    rows: list[tuple[str, Cell]] = [
        (name, str(data[name])) for name in ("source", "digest") if data.get(name)
    ]
    rows += [
        (name, str(lineage[name])) for name in ("run", "repository", "commit") if name in lineage
    ]
    rows += [
        ("data", f"{one.get('name', '')} {one.get('role', '')} {one.get('digest', '')}".strip())
        for one in lineage.get("datasets", [])
    ]
    rows += [("parent", parent) for parent in lineage.get("parents", [])]
    if params := data.get("params"):
        rows.append(("params", ", ".join(f"{key}={value}" for key, value in params.items())))
    return rows
