"""What differs between two states of a resource."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from regesta.cli.fields import flat

#: Fields that change with every event and so say nothing.
BOOKKEEPING = frozenset({"etag", "update_time", "updated_by", "occurred_update_time"})

_MAPS = frozenset({"tags", "params", "metrics", "properties"})
_EMPTY: tuple[Any, ...] = (None, "", 0, [], {})


@dataclass(frozen=True, slots=True)
class Change:
    """A field that differs; None where it is not there."""

    field: str
    before: Any
    after: Any


def difference(
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *,
    ignored: Container[str] = BOOKKEEPING,
) -> list[Change]:
    """Return the fields that differ, in the order of the resource.

    Args:
        before: A resource as a document; None when it did not exist.
        after: The other.
        ignored: Fields of the resource that are left out.
    """
    old, new = _leaves(before, ignored), _leaves(after, ignored)
    changes = []
    for field in dict.fromkeys([*old, *new]):
        one, other = old.get(field), new.get(field)
        if one != other or type(one) is not type(other):
            changes.append(Change(field, one, other))
    return changes


def _leaves(document: dict[str, Any] | None, ignored: Container[str]) -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, value in (document or {}).items():
        if name not in ignored:
            found = flat({name: value})
            # In a map an empty text or zero is a value; elsewhere it is the absence of one.
            keep = name in _MAPS and value
            leaves |= {path: leaf for path, leaf in found.items() if keep or leaf not in _EMPTY}
    return leaves
