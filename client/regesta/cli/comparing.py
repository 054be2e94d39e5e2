"""Commands that explain a resource by its past: diff, blame."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import click

import regesta
from regesta.addresses import Address
from regesta.cli import blame as folding
from regesta.cli import happened
from regesta.cli.catalog import fetch
from regesta.cli.changes import show_changes
from regesta.cli.difference import BOOKKEEPING, Change, difference
from regesta.cli.documents import document
from regesta.cli.fields import join, value_text
from regesta.cli.options import MOMENT, NOW, as_of
from regesta.cli.replaying import recorded_before
from regesta.cli.session import Session, moment_of, pass_session
from regesta.cli.targets import Target, short, short_of
from regesta.cli.times import iso, local, moment_text
from regesta.errors import NotFound, OutOfRange
from regesta.names import AliasName, ModelName, VersionName

#: What two different resources never share.
_IDENTITY = BOOKKEEPING | {
    "name",
    "version",
    "create_time",
    "created_by",
    "occurred_create_time",
    "occurred_created_by",
}

_LONGEST_VALUE = 100


@click.command()
@click.argument("resource", required=False)
@click.argument("other", required=False)
@click.option(
    "--from", "before", type=MOMENT, metavar="MOMENT", help="The earlier moment: position or time."
)
@click.option(
    "--to",
    "after",
    type=MOMENT,
    default=NOW,
    metavar="MOMENT",
    help="The later one; now if left out.",
)
@pass_session
def diff(
    session: Session,
    resource: str | None,
    *,
    other: str | None,
    before: datetime | int | None,
    after: datetime | int | None,
) -> None:
    """Say what differs between two moments or two resources.

    As in: diff churn/3 --from 120 --to 2026-11-21, or: diff churn/3 churn/4. A model is
    compared with its aliases. Without RESOURCE it is everything that changed in between, as
    in: diff --from 2026-10-01 --to 2026-11-01.
    """
    if resource is None:
        if before is None:
            raise click.UsageError("name a resource, or say since when with --from")
        show_changes(session, session.client().changes(before, after))
        return
    one = _fixed(session, resource)
    if other is None:
        if before is None:
            raise click.UsageError("say since when with --from, or name another resource")
        two, ignored = one, BOOKKEEPING
    else:
        two, ignored = _fixed(session, other), _IDENTITY
        before = before if before is not None else after
    old, new = _state(session, one, before), _state(session, two, after)
    if old is None and new is None:
        # The server's own words for what is not there.
        fetch(session, two, after)
    sides = [_side(one, before, old), _side(two, after, new)]
    _show_changes(session, sides, difference(old, new, ignored=ignored))


@click.command()
@click.argument("resource")
@as_of
@pass_session
def blame(session: Session, resource: str, *, as_of: datetime | int | None) -> None:
    """Say who set each field of a resource, when and why."""
    target = _fixed(session, resource)
    moment = moment_of(target, as_of)
    name = _name_of(target)
    client = session.client(target.namespace)
    lines = _blamed(client, name, moment)
    if isinstance(name, ModelName):
        for alias in sorted(client.get_model(str(name), as_of=moment).aliases):
            found = _blamed(client, AliasName(name.namespace, name.model, alias), moment)
            lines += [replace(line, field=join("aliases", alias)) for line in found]
    if session.output.json:
        session.output.document({"fields": [_line_document(line) for line in lines]})
        return
    session.output.table(
        ("FIELD", "VALUE", "POSITION#", "WHEN", "WHO", "WHY"),
        (
            (
                (line.field, "bold"),
                _shortened(line.value),
                str(line.event.position),
                local(line.event.recorded_at),
                _who(line.event),
                _shortened(line.event.reason),
            )
            for line in lines
        ),
    )


def _who(event: happened.Happened) -> str:
    """Return who caused an event, and what an importer claims of it."""
    claim = event.claim(local)
    return f"{event.actor} ({claim})" if claim else event.actor


def _blamed(
    client: regesta.Client,
    name: ModelName | VersionName | AliasName,
    moment: datetime | int | None,
) -> list[folding.Line]:
    events = list(client.history(str(name), as_of=moment))
    try:
        return folding.blame(map(happened.read, reversed(events)))
    except folding.UnknownEvent as error:
        raise click.ClickException(str(error)) from None


def _fixed(session: Session, text: str) -> Target:
    """Return a target that means the same at every moment: stages and ranges become a version."""
    target = session.parse(text)
    if isinstance(target.subject, Address):
        return Target(target.namespace, session.version(text))
    return target


def _name_of(target: Target) -> ModelName | VersionName | AliasName:
    if isinstance(target.subject, Address):
        raise TypeError("an address is resolved before")
    return target.subject


def _state(
    session: Session, target: Target, moment: datetime | int | None
) -> dict[str, Any] | None:
    try:
        return document(fetch(session, target, moment))
    except NotFound:
        return None
    except OutOfRange:
        client = session.client(target.namespace)
        if isinstance(moment, datetime) and not recorded_before(client, moment):
            return None  # before the first event nothing was there
        raise


def _side(
    target: Target, moment: datetime | int | None, state: dict[str, Any] | None
) -> dict[str, Any]:
    """Return what is compared: the resource, the moment and its revision."""
    at = iso(moment) if isinstance(moment, datetime) else moment
    revision = None if state is None else state["etag"]
    said = f"{short(_name_of(target))} {moment_text(moment)}"
    return {"resource": str(target.subject), "at": at, "revision": revision, "said": said}


def _show_changes(session: Session, sides: list[dict[str, Any]], changes: list[Change]) -> None:
    said = [side.pop("said") for side in sides]
    if session.output.json:
        session.output.document(
            {
                "from": sides[0],
                "to": sides[1],
                "changes": [
                    {"field": change.field, "before": change.before, "after": change.after}
                    for change in changes
                ],
            }
        )
        return
    for sign, style, side, text in zip("-+", ("red", "green"), sides, said, strict=True):
        exists = "not there" if side["revision"] is None else f"revision {side['revision']}"
        session.output.line((f"{sign * 3} {text} ({exists})", style))
    for change in changes:
        session.output.line(f"  {change.field}")
        for line in _change_lines(change):
            session.output.line((f"    {line}", "red" if line.startswith("-") else "green"))
    if not changes:
        session.output.line("  nothing differs")


def _change_lines(change: Change) -> Iterator[str]:
    """Yield what went after - and what came after +; of long texts only the lines that differ."""
    before, after = change.before or "", change.after or ""
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        compared = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        # The first two lines name files; those with @ name places.
        changed = [line for line in list(compared)[2:] if not line.startswith("@")]
        yield from (f"{line[0]} {line[1:]}" for line in changed)
        return
    if change.before is not None:
        yield f"- {_shortened(change.before)}"
    if change.after is not None:
        yield f"+ {_shortened(change.after)}"


def _line_document(line: folding.Line) -> dict[str, Any]:
    return {
        "field": line.field,
        "value": line.value,
        "position": line.event.position,
        "record_time": iso(line.event.recorded_at),
        "actor": line.event.actor,
        "occurred_time": None if line.event.occurred_at is None else iso(line.event.occurred_at),
        "occurred_by": line.event.occurred_by or None,
        "reason": line.event.reason,
        "resource": short_of(line.event.stream),
    }


def _shortened(value: Any) -> str:
    text = " ".join(value_text(value).split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
