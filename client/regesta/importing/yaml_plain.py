"""YAML as a card's front matter has it: plain values, no references, no types of programs."""

from __future__ import annotations

import importlib
from datetime import date
from typing import Any

# Without types of its own, and only in an extra.
_yaml: Any = importlib.import_module("yaml")


class _Loader(_yaml.SafeLoader):  # type: ignore[misc]  # see above
    """Refuses references: with them a short text stands for a huge one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node."""
        if self.check_event(_yaml.events.AliasEvent):
            raise _yaml.YAMLError("it has references")
        return super().compose_node(parent, index)


def load(text: str) -> Any:
    """Return the value that a text in YAML has; dates as text.

    Raises:
        ValueError: It is no YAML, has references, or nests too deep.
    """
    try:
        return _plain(_yaml.load(text, Loader=_Loader))
    except (_yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split()) or "it nests too deep") from None


def dump(value: Any) -> str:
    """Return plain values in YAML, members in the order they have."""
    text: str = _yaml.safe_dump(
        value, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100
    )
    return text


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set():
            return [_plain(item) for item in value]
        case date():
            return value.isoformat()
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
