"""YAML as a card's front matter has it: plain values, no references, no types of programs."""

from __future__ import annotations

from datetime import date
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Refuses references: with them a short text stands for a huge one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node."""
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("it has references")
        return super().compose_node(parent, index)


def load(text: str) -> Any:
    """Return the value that a text in YAML has; dates as text.

    Raises:
        ValueError: It is no YAML, has references, or nests too deep.
    """
    try:
        return _plain(yaml.load(text, Loader=_Loader))  # noqa: S506 - it is a safe one
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split()) or "it nests too deep") from None


def dump(value: Any) -> str:
    """Return plain values in YAML, members in the order they have."""
    text: str = yaml.safe_dump(
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
