"""What governs moves, as a file: lifecycles and policies in TOML.

    [[lifecycles]]
    id = "two-step"
    models = ["churn*"]
    stages = [
        { name = "draft", moves_to = ["live"] },
        { name = "live", moves_to = ["draft"], exclusive = true, displaced_to = "draft" },
    ]

    [[policies]]
    id = "prod-gate"
    stages = ["production"]
    required_tags = ["risk-class"]
    approvals = [{ count = 2, roles = ["reviewer"] }]
    evaluations = [{ dataset = "holdout", max_age = "30d", thresholds = ["auc >= 0.9"] }]

Members are those of the API's messages; ages may be written as `30d`, `12h`, `15m` or `60s`
without `_seconds` in their names, and thresholds as text.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from google.protobuf import json_format

from regesta.v1 import governance_pb2 as pb

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_AGE: Final = re.compile(r"([0-9]{1,9})([smhd])")
_THRESHOLD: Final = re.compile(r"\s*(\S(?:.*\S)?)\s*(>=|<=|==|>|<)\s*(\S+)\s*")

M = TypeVar("M", pb.Policy, pb.Lifecycle)


class InvalidPolicyFile(ValueError):
    """A file is none of these; the message says where."""


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """What a file defines, by id, in its order."""

    lifecycles: dict[str, pb.Lifecycle]
    policies: dict[str, pb.Policy]


def read_policy_file(path: Path) -> PolicyFile:
    """Return what a file defines.

    Raises:
        InvalidPolicyFile: It is no such file.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidPolicyFile(f"{path}: {error}") from None
    unknown = set(content) - {"lifecycles", "policies"}
    if unknown:
        raise InvalidPolicyFile(f"{path}: there is no [[{min(unknown)}]], but policies, lifecycles")
    lifecycles = _all(content.get("lifecycles", []), "lifecycles", pb.Lifecycle)
    policies = _all(content.get("policies", []), "policies", pb.Policy)
    if not lifecycles and not policies:
        raise InvalidPolicyFile(f"{path}: it defines no policy and no lifecycle")
    return PolicyFile(lifecycles, policies)


def _all(entries: Any, what: str, kind: type[M]) -> dict[str, M]:
    if not isinstance(entries, list):
        raise InvalidPolicyFile(f"write [[{what}]], once for each")
    found: dict[str, M] = {}
    for at, entry in enumerate(entries):
        place = f"{what}[{at}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise InvalidPolicyFile(f"{place}: it has an id, as text")
        if entry["id"] in found:
            raise InvalidPolicyFile(f"{place}: {entry['id']} is there already")
        members = {name: value for name, value in entry.items() if name != "id"}
        try:
            message = json_format.ParseDict(_plain(members), kind())
        except (json_format.ParseError, ValueError) as error:
            raise InvalidPolicyFile(f"{place} ({entry['id']}): {error}") from None
        found[entry["id"]] = message
    return found


def _plain(value: Any) -> Any:
    """Return a value as ProtoJSON has it: ages in seconds, thresholds in their parts."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain: dict[str, Any] = {}
    for name, each in value.items():
        if name in {"max_age", "approval_max_age"}:
            plain[f"{name}_seconds"] = _seconds(each)
        elif name == "thresholds" and isinstance(each, list):
            plain[name] = [_threshold(one) for one in each]
        else:
            plain[name] = _plain(each)
    return plain


def _seconds(text: Any) -> int:
    found = _AGE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError("an age is written as 30d, 12h, 15m or 60s")
    return int(found[1]) * _UNITS[found[2]]


def _threshold(text: Any) -> dict[str, Any]:
    if isinstance(text, dict):
        return text
    found = _THRESHOLD.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError('a threshold is written as "auc >= 0.9"')
    return {"metric": found[1], "operator": found[2], "value": float(found[3])}
