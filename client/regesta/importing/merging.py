"""What to do about a field that differs: the source changed, people changed it here, or both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from regesta.importing.steps import Finding, Outcome, Plan
from regesta.importing.touched import TAG, Erased, Touch, Touched, Value
from regesta.names import (
    MAX_TAG_VALUE_LENGTH,
    NOT_IN_LINE,
    NOT_IN_TEXT,
    InvalidName,
    check_tag_key,
)

#: Tags of one resource.
MAX_TAGS: Final = 1_000
#: Longer values stand beside the record of an event, of which there is so much room.
_INLINE: Final = 1_024
_RECORD_BYTES: Final = 40_000
_REQUEST_BYTES: Final = 4_000_000
#: What a long value takes up in a record.
_DIGEST_BYTES: Final = 80

KEPT_WHY: Final = "it was changed here, and not in the source"
CONFLICT_WHY: Final = "it was changed in the source and here; --overwrite takes the source's word"
ERASED_WHY: Final = "its text was erased here, or may not be read"


class Verdict(Enum):
    """What to do about a field."""

    SAME = auto()
    SET = auto()
    KEPT = auto()
    CONFLICT = auto()
    ERASED = auto()


def judge(source: Value, here: Value, touch: Touch, *, overwrite: bool) -> Verdict:
    """Say what to do about a field.

    Args:
        source: Its value in the source; None when it has none.
        here: Its value here; likewise.
        touch: Who set it last, and what an import had set it to.
        overwrite: Whether the source's word counts for what both changed.
    """
    if source == here:
        return Verdict.SAME
    if touch.base is Erased.ERASED:
        # An erased text does not come back, whoever asks.
        return Verdict.ERASED
    if touch.by_import:
        return Verdict.SET
    # What an import never set and the source does not have is none of its business.
    if overwrite and not (source is None and touch.base is None):
        return Verdict.SET
    return Verdict.KEPT if source == touch.base else Verdict.CONFLICT


def finding(verdict: Verdict, resource: str, what: str) -> Finding | None:
    """Return what is to be told of a verdict; None when it needs no word."""
    match verdict:
        case Verdict.KEPT:
            return Finding(Outcome.KEPT, resource, what, KEPT_WHY)
        case Verdict.ERASED:
            return Finding(Outcome.KEPT, resource, what, ERASED_WHY)
        case Verdict.CONFLICT:
            return Finding(Outcome.CONFLICT, resource, what, CONFLICT_WHY)
        case Verdict.SAME | Verdict.SET:
            return None


def telling(verdict: Verdict, resource: str, what: str) -> Plan:
    """Return a plan that only tells what is to be told of a verdict."""
    told = finding(verdict, resource, what)
    return Plan((), (told,)) if told else Plan()


@dataclass(frozen=True, slots=True)
class TagChanges:
    """What is to become of the tags of a resource."""

    to_set: Mapping[str, str]
    to_remove: tuple[str, ...]
    findings: tuple[Finding, ...]


def merge_tags(
    resource: str,
    source: Mapping[str, str],
    here: Mapping[str, str],
    touched: Touched,
    *,
    overwrite: bool,
) -> TagChanges:
    """Return what is to become of tags; those that only people here set are left alone."""
    to_set: dict[str, str] = {}
    to_remove: list[str] = []
    findings: list[Finding] = []
    for key in sorted({*source, *here}):
        wanted, touch = source.get(key), touched.touch(TAG + key)
        verdict = judge(wanted, here.get(key), touch, overwrite=overwrite)
        if verdict is Verdict.SET and wanted is None:
            if touch.base is not None:
                to_remove.append(key)
        elif verdict is Verdict.SET and wanted is not None:
            to_set[key] = wanted
        elif wanted is not None or touch.base is not None:
            told = finding(verdict, resource, f"tag {key}")
            findings += [told] if told else []
    return TagChanges(to_set, tuple(to_remove), tuple(findings))


def chunks(tags: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield tags in parts that fit into an event and a request each; none for no tags."""
    part: dict[str, str] = {}
    record = request = 0
    for key, value in tags.items():
        size = _bytes(key) + _bytes(value)
        inline = size if len(value) <= _INLINE else _bytes(key) + _DIGEST_BYTES
        if part and (record + inline > _RECORD_BYTES or request + size > _REQUEST_BYTES):
            yield part
            part, record, request = {}, 0, 0
        part[key] = value
        record, request = record + inline, request + size
    if part:
        yield part


def fitting_tags(
    resource: str, tags: Mapping[str, str], *, room: int = MAX_TAGS
) -> tuple[dict[str, str], tuple[Finding, ...]]:
    """Return tags as they can be here, and what had to be changed or left out."""
    fitting: dict[str, str] = {}
    findings: list[Finding] = []
    for key, value in sorted(tags.items()):
        try:
            check_tag_key(key)
        except InvalidName as error:
            findings.append(_not_carried(resource, f"tag {key!r}", error.message))
            continue
        if len(fitting) >= room:
            findings.append(_not_carried(resource, f"tag {key}", f"there is room for {room} tags"))
            continue
        text, told = fitting_text(resource, f"tag {key}", value, MAX_TAG_VALUE_LENGTH)
        findings += told
        if text is not None:
            fitting[key] = text
    return fitting, tuple(findings)


def fitting_text(
    resource: str, what: str, text: str, limit: int, *, lines: bool = True
) -> tuple[str | None, tuple[Finding, ...]]:
    r"""Return a text as it can be here: control characters are written out, as in `\x1b`.

    Args:
        resource: Whose text it is.
        what: Which.
        text: The text.
        limit: How many characters there may be; of a longer text nothing is taken.
        lines: Whether it may have several lines.

    Returns:
        The text, None when there is no room for it; and what is to be told.
    """
    forbidden = NOT_IN_TEXT if lines else NOT_IN_LINE
    clean = forbidden.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    if len(clean) > limit:
        return None, (_not_carried(resource, what, f"there is room for {limit:,} characters"),)
    if clean == text:
        return clean, ()
    why = "control characters in it are written out"
    return clean, (Finding(Outcome.CHANGED, resource, what, why),)


def _not_carried(resource: str, what: str, why: str) -> Finding:
    return Finding(Outcome.NOT_CARRIED, resource, what, why)


def _bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass"))
