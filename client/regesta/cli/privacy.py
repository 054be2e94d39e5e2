"""Commands about texts beside the log: erase, erasure-certificate, hold."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import click

from regesta.cli.documents import document
from regesta.cli.offline import NEW_FILE
from regesta.cli.options import Write, writes
from regesta.cli.output import counted
from regesta.cli.session import Session, pass_session
from regesta.cli.times import iso, local
from regesta.errors import DeadlineExceeded
from regesta.names import HoldName, ModelName
from regesta.v1 import event_pb2, privacy_service_pb2

_ERASED = "io.regesta.events.v1.PersonalDataErased"


def _resource(session: Session, text: str) -> str:
    """Return the resource name of what a text names."""
    if "/collections/" in text:
        return str(session.document(text))
    return str(session.parse(text).subject)


@click.command(short_help="Erase free texts; the log still verifies.")
@click.option("--person", metavar="PRINCIPAL", help="Every text that this principal wrote.")
@click.option(
    "--resource",
    metavar="RESOURCE",
    help="Every text of a model, version or alias; or of a document, by its whole name.",
)
@click.option("--event", type=click.IntRange(min=1), metavar="POSITION", help="An event's texts.")
@click.option("--field", default="", metavar="FIELD", help="With --event, only this text.")
@click.option("--legal-basis", default="", metavar="TEXT", help="On what ground; no person's name.")
@click.option("--dry-run", is_flag=True, help="Only say how many texts it would be.")
@writes(etag=False)
@pass_session
def erase(
    session: Session,
    *,
    person: str | None,
    resource: str | None,
    event: int | None,
    field: str,
    legal_basis: str,
    dry_run: bool,
    write: Write,
) -> None:
    """Erase texts beside the log, for good, and say so in the log.

    As in: erase --person rosa --legal-basis "GDPR Art. 17(1)(b)". Records keep salted digests
    only, so nobody can read the texts any more, also not of the past. Holds forbid it.
    """
    if sum(one is not None for one in (person, resource, event)) != 1:
        raise click.UsageError("give one of --person, --resource and --event")
    name = None if resource is None else _resource(session, resource)
    answer = session.client().erase_texts(
        person=person,
        resource=name,
        event_position=event,
        field=field,
        legal_basis=legal_basis,
        validate_only=dry_run,
        request_id=write.request_id,
        reason=write.reason,
    )
    if session.output.json:
        session.output.document(document(answer))
        return
    erasure = answer.erasure
    more = "; there are more: repeat it with another --request-id" if answer.more else ""
    if dry_run:
        session.output.line(f"{counted(erasure.texts, 'text')} would be erased{more}")
        return
    session.output.line(
        (f"{counted(erasure.texts, 'text')} erased", "bold"),
        f" at position {answer.position}{more}",
    )


@click.command("erasure-certificate", short_help="Write what proves that texts were erased.")
@click.argument("position", type=click.IntRange(min=1))
@click.option("--out", type=NEW_FILE, metavar="FILE", help="Write it to this file.")
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="Wait for a checkpoint that covers the erasure.",
)
@pass_session
def erasure_certificate(session: Session, position: int, *, out: Path | None, wait: float) -> None:
    """Certify the erasure at POSITION: what was erased, by whom, when, on what ground.

    It holds the event's exact record and, once a checkpoint covers it, its receipt: a
    .tlog-proof that `regesta verify-proof` checks without any server.
    """
    client = session.client()
    found = list(client.events(after=position - 1, until=position))
    if not found or found[0].type != _ERASED:
        raise click.UsageError(f"the event at position {position} is no erasure")
    try:
        receipt: str | None = client.receipt(position, wait=wait).text
    except DeadlineExceeded:
        receipt = None  # no checkpoint covers it yet, or nobody signs any
    text = json.dumps(_certificate(session.namespace, found[0], receipt), indent=2)
    if out is None:
        click.echo(text)
        return
    out.write_text(text + "\n")
    if not session.output.json:
        proved = "with its receipt" if receipt else "without a receipt: no checkpoint covers it yet"
        session.output.line(f"written to {out}, {proved}")


def _certificate(namespace: str, event: event_pb2.Event, receipt: str | None) -> dict[str, Any]:
    data = json.loads(event.record)["data"]
    return {
        "format": "regesta-erasure-certificate/1",
        "namespace": namespace,
        "position": event.position,
        "erased_by": event.actor,
        "erase_time": iso(event.record_time.ToDatetime(UTC)),
        "person": data.get("person", ""),
        "stream": data.get("stream", ""),
        "event_position": int(data.get("eventPosition", 0)),
        "legal_basis": data.get("legalBasis", ""),
        "texts": len(data.get("digests", [])),
        "digests": data.get("digests", []),
        "record": event.record.decode(),
        "receipt": receipt,
    }


@click.group()
def hold() -> None:
    """Keep texts from being erased, and bodies from being archived."""


@hold.command()
@click.argument("name")
@click.option("--matter", required=True, metavar="TEXT", help="What it serves; no person's name.")
@click.option("--person", default="", metavar="PRINCIPAL", help="Hold what this principal wrote.")
@click.option("--model", default="", metavar="MODEL", help="Hold what is of this model.")
@writes(etag=False)
@pass_session
def place(
    session: Session, name: str, *, matter: str, person: str, model: str, write: Write
) -> None:
    """Place a hold; with neither --person nor --model on all texts of the namespace."""
    placed = session.client().place_hold(
        hold_id=name,
        hold=privacy_service_pb2.Hold(matter=matter, person=person, model=_model(session, model)),
        request_id=write.request_id,
        reason=write.reason,
    )
    if session.output.json:
        session.output.document(document(placed))
        return
    session.output.line(("held", "bold"), f" {_scope(placed)}: {placed.matter}")


@hold.command()
@click.argument("name")
@writes(etag=False)
@pass_session
def release(session: Session, name: str, *, write: Write) -> None:
    """End a hold."""
    status = session.client().release_hold(name, request_id=write.request_id, reason=write.reason)
    if session.output.json:
        session.output.document(document(status))
        return
    session.output.line(f"released; {counted(len(status.holds), 'hold')} in place")


@hold.command("list")
@pass_session
def list_(session: Session) -> None:
    """List the holds in place."""
    status = session.client().get_privacy_status()
    if session.output.json:
        session.output.document(document(status))
        return
    session.output.table(
        ("HOLD", "TEXTS OF", "MATTER", "PLACED BY", "SINCE"),
        (
            (
                HoldName.parse(one.name).hold,
                _scope(one),
                one.matter,
                one.created_by,
                local(one.create_time.ToDatetime(UTC)),
            )
            for one in status.holds
        ),
    )


def _model(session: Session, text: str) -> str:
    """Return the name of a model as a request has it."""
    if not text:
        return ""
    name = session.parse(text).subject
    if not isinstance(name, ModelName):
        raise click.UsageError("--model names a model")
    return name.model


def _scope(one: privacy_service_pb2.Hold) -> str:
    return one.person or (f"models/{one.model}" if one.model else "everybody")
