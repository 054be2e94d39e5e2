"""What changed between two moments, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

from regesta import names
from regesta.cli.documents import document
from regesta.cli.fields import value_text
from regesta.cli.session import Session
from regesta.cli.targets import short
from regesta.names import NamespaceName
from regesta.v1 import audit_service_pb2 as pb

_LONGEST_VALUE = 60


def show_changes(session: Session, changes: Iterable[pb.StateChange]) -> None:
    """Write changes: a line each in JSON, a few lines each for people."""
    any_at_all = False
    for change in changes:
        any_at_all = True
        before, after = _state(change.before), _state(change.after)
        if session.output.json:
            session.output.json_line(
                {
                    "name": change.name,
                    "changed_fields": list(change.changed_fields),
                    "first_position": change.first_position,
                    "before": before,
                    "after": after,
                }
            )
            continue
        session.output.line(
            (_short(change.name), "bold"),
            "  new" if before is None else "",
            f"  since position {change.first_position}",
        )
        for field in change.changed_fields:
            old, new = _value(before, field), _value(after, field)
            session.output.line(f"  {field}: ", (old or "-", "red"), " → ", (new or "-", "green"))
    if not any_at_all and not session.output.json:
        session.output.line("nothing differs")


def _state(state: pb.ResourceState) -> dict[str, Any] | None:
    kind = state.WhichOneof("resource")
    if kind is None:
        return None
    resource: Message = getattr(state, kind)
    return document(resource)


def _value(state: dict[str, Any] | None, field: str) -> str:
    """Return a field of a resource as text; of a map the entry behind the dot."""
    if state is None:
        return ""
    name, _, key = field.partition(".")
    value = state.get(name)
    if key and isinstance(value, dict):
        value = value.get(key)
    if value in (None, "", [], {}):
        return ""
    text = " ".join(value_text(value).split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _short(name: str) -> str:
    parsed = names.parse(name)
    return name if isinstance(parsed, NamespaceName) else short(parsed)
