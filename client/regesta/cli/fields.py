"""Paths of fields within a resource, for people."""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_HUMP = re.compile(r"(?<=[a-z])[A-Z]")


def join(prefix: str, key: str) -> str:
    """Return the path of a member: `tags.team`, or `tags["cost.center"]`."""
    if not prefix:
        return key
    return f"{prefix}.{key}" if _PLAIN.fullmatch(key) else f"{prefix}[{json.dumps(key)}]"


def flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return every leaf of nested objects under its path; lists are leaves."""
    leaves: dict[str, Any] = {}
    for key, value in document.items():
        path = join(prefix, key)
        if isinstance(value, dict) and value:
            leaves |= flat(value, path)
        else:
            leaves[path] = value
    return leaves


def snake(name: str) -> str:
    """Return a field's name as the protos write it: `sizeBytes` is `size_bytes`."""
    return _HUMP.sub(lambda hump: f"_{hump[0].lower()}", name)


def value_text(value: Any) -> str:
    """Return a value for people, in one line."""
    match value:
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
