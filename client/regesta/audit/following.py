"""Records one after the other: what an auditor checks of each without the rest of the log.

A record must be written in the one form of RFC 8785 (so that every reader of it reads the
same), belong to the namespace, and follow the record before it in its stream; and a free text
must be the one whose digest the record holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from regesta.sealed import InvalidDisclosure, digest_at, read_disclosure

#: Stands once in a record for each free text; other text cannot hold it, as JSON escapes
#: quotation marks.
_DIGEST_MARK: Final = b'"_sd":["'

_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode

#: Largest whole number that every reader of JSON keeps (RFC 7493, section 2.2).
_MAX_INTEGER: Final = (1 << 53) - 1


class Fault(NamedTuple):
    """Something that is not as it must be."""

    #: UPPER_SNAKE; the table is in docs/audit/packs.md.
    kind: str
    #: The event's position, or 0 when it is not about one event.
    position: int
    #: The stream or file it is about.
    subject: str
    #: What was expected and found, in one sentence.
    detail: str


class Disclosed(NamedTuple):
    """A free text that is shown with a pack."""

    position: int
    field: str
    disclosure: str


class Following:
    """Follows the records of one log in the order of their positions.

    Attributes:
        begun_late: Streams whose first record here is not their first.
        backwards: How many records say that they were recorded before the one in front.
        texts: How many disclosed texts were the original ones.
        withheld: How many digests came without their text.
    """

    def __init__(self, namespace: str, *, whole: bool) -> None:
        self._source = f"/namespaces/{namespace}"
        self._whole = whole
        self._recorded = ""
        #: Revision and leaf hash, in hexadecimal, of each stream's last record.
        self._ends: dict[str, tuple[int, str]] = {}
        self.begun_late: set[str] = set()
        self.backwards = 0
        self.texts = 0
        self.withheld = 0

    @property
    def streams(self) -> int:
        """How many streams the records belong to."""
        return len(self._ends)

    def see(
        self, position: int, record: bytes, leaf: bytes, disclosed: Iterable[Disclosed] = ()
    ) -> Iterator[Fault]:
        """Yield what is wrong with the next record.

        Args:
            position: Its place in the log.
            record: Its exact bytes.
            leaf: Their leaf hash.
            disclosed: The free texts shown with it.
        """
        try:
            envelope = _decode(record.decode())
        except (ValueError, RecursionError):
            envelope = None
        if not isinstance(envelope, dict):
            yield Fault("RECORD_UNREADABLE", position, "", "the record is not a JSON object")
            return
        subject = str(envelope.get("subject"))
        if not _is_canonical(envelope, record):
            yield Fault(
                "RECORD_NOT_CANONICAL", position, subject, "it is not in the form of RFC 8785"
            )
        if envelope.get("source") != self._source:
            found = envelope.get("source")
            yield Fault("RECORD_FOREIGN", position, subject, f"it belongs to {found!r}")
        yield from self._chain(position, subject, envelope, leaf)
        recorded = str(envelope.get("recordedtime"))
        # Times of one form and length compare as text does; ours have six digits or none.
        if _comparable(recorded) < _comparable(self._recorded):
            self.backwards += 1
        self._recorded = recorded
        yield from self._texts(position, subject, envelope.get("data"), record, disclosed)

    def _chain(
        self, position: int, stream: str, envelope: dict[str, Any], leaf: bytes
    ) -> Iterator[Fault]:
        said, previous = envelope.get("revision"), envelope.get("prev", "")
        revision = int(said) if isinstance(said, str) and said.isdecimal() else 0
        end = self._ends.get(stream)
        self._ends[stream] = revision, leaf.hex()
        if end is None:
            if not self._whole and revision > 1:
                self.begun_late.add(stream)
                return
            end = 0, ""
        if revision != end[0] + 1:
            yield Fault(
                "REVISION_GAP", position, stream, f"revision {end[0] + 1} was to come, not {said}"
            )
        elif previous != end[1]:
            yield Fault(
                "PREVIOUS_DIFFERS", position, stream, "prev is not the hash of the event before"
            )

    def _texts(
        self,
        position: int,
        stream: str,
        data: object,
        record: bytes,
        disclosed: Iterable[Disclosed],
    ) -> Iterator[Fault]:
        held = record.count(_DIGEST_MARK)
        shown = 0
        for text in disclosed:
            wanted = digest_at(data, text.field) if isinstance(data, dict) else None
            try:
                digest = read_disclosure(text.disclosure).digest
            except InvalidDisclosure as error:
                yield Fault("TEXT_DIFFERS", position, stream, f"{text.field}: {error}")
                continue
            if digest != wanted:
                detail = f"the text of {text.field} is not the one whose digest the record holds"
                yield Fault("TEXT_DIFFERS", position, stream, detail)
                continue
            shown += 1
        self.texts += shown
        self.withheld += max(held - shown, 0)


def _comparable(time: str) -> str:
    """Return a time of RFC 3339 in UTC so that its text sorts as the time does."""
    return time.removesuffix("Z").ljust(26, "." if len(time) == _WHOLE_SECOND else "0")


_WHOLE_SECOND: Final = len("2026-11-28T05:20:21Z")


def _is_canonical(envelope: dict[str, Any], record: bytes) -> bool:
    """Say whether a record is its own canonical form; a record holds no fractions."""
    try:
        line = _encode(envelope).encode()
    except UnicodeEncodeError:
        return False
    if line == record:
        return _has_plain_numbers(envelope.get("data"))
    # Names that are not in the basic plane sort otherwise in UTF-16.
    return not record.isascii() and _encode_utf16(envelope).encode() == record


def _has_plain_numbers(value: object) -> bool:
    match value:
        case dict():
            return all(map(_has_plain_numbers, value.values()))
        case list():
            return all(map(_has_plain_numbers, value))
        case float():
            return False
        case int():
            return -_MAX_INTEGER <= value <= _MAX_INTEGER
        case _:
            return True


def _encode_utf16(value: object) -> str:
    match value:
        case dict():
            names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
            inner = (f"{_encode(name)}:{_encode_utf16(value[name])}" for name in names)
            return "{" + ",".join(inner) + "}"
        case list():
            return "[" + ",".join(map(_encode_utf16, value)) + "]"
        case _:
            return _encode(value)
