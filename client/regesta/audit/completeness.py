"""Whether all events of some streams are in a pack, by a commitment to heads.

The file `heads.json` of a pack names the position of an event `HeadsCommitted` that is in the
pack too, and for some streams their line in the tree of heads with its path:

    {"position": 812, "lines": [{"line": "{...}", "index": 7, "path": ["base64", ...]}, ...]}
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from regesta.audit.encoding import InvalidText, from_base64
from regesta.audit.following import Fault
from regesta.audit.heads import Commitment, HeadLine, InvalidHeads, ProvedLine, open_line
from regesta.audit.packs import HEADS, InvalidPack, json_object
from regesta.merkle import InvalidProof

#: Lines that a pack may have; their streams' hashes are kept while records are read.
MAX_LINES: Final = 100_000


class HeadsCheck:
    """Compares the events of a pack with what was committed to.

    Attributes:
        position: Of the log, up to which streams are shown to be complete; 0 without.
        complete: How many streams are.
    """

    def __init__(self, data: bytes | None) -> None:
        self.position = 0
        self.complete = 0
        self._at = 0
        self._lines: list[ProvedLine] = []
        if data is not None:
            self._at, self._lines = _read(data)
        self._record = b""
        #: Leaf hashes by revision, of the streams that have a line.
        self._hashes: dict[str, list[bytes]] = {name: [] for name in map(_stream, self._lines)}

    def see(self, position: int, record: bytes, leaf: bytes) -> None:
        """Take up a record of the pack, which was shown to be in the log."""
        if not self._lines:
            return
        if position == self._at:
            self._record = record
        try:
            hashes = self._hashes.get(json.loads(record)["subject"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if hashes is not None:
            hashes.append(leaf)

    def faults(self) -> Iterator[Fault]:
        """Yield what is missing, once all records were seen."""
        if not self._lines:
            return
        try:
            commitment = Commitment.of_record(self._record)
        except InvalidHeads:
            detail = f"no commitment to heads is at position {self._at}"
            yield Fault("HEADS_INVALID", self._at, HEADS, detail)
            return
        self.position = commitment.position
        for proved in self._lines:
            try:
                line = open_line(proved, commitment)
            except (InvalidHeads, InvalidProof) as error:
                yield Fault("HEADS_INVALID", self._at, _stream(proved), str(error))
                continue
            fault = self._compare(line)
            if fault is None:
                self.complete += 1
            else:
                yield fault

    def _compare(self, line: HeadLine) -> Fault | None:
        hashes = self._hashes[line.stream]
        if len(hashes) < line.revision:
            detail = f"{line.revision} events were committed to, and {len(hashes)} are here"
        elif hashes[line.revision - 1] != line.leaf:
            detail = f"revision {line.revision} is not the one committed to"
        else:
            return None
        return Fault("EVENTS_WITHHELD", 0, line.stream, detail)


def _read(data: bytes) -> tuple[int, list[ProvedLine]]:
    document = json_object(data, HEADS)
    try:
        lines = [
            ProvedLine(
                one["line"].encode(),
                int(one["index"]),
                tuple(from_base64(text) for text in one["path"]),
            )
            for one in document["lines"]
        ]
        if len(lines) > MAX_LINES:
            raise InvalidPack(f"{HEADS} has more than {MAX_LINES} lines")
        return int(document["position"]), lines
    except (AttributeError, InvalidText, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InvalidPack):
            raise
        raise InvalidPack(f"{HEADS} lacks a field, or has a wrong one") from error


def _stream(proved: ProvedLine) -> str:
    """Return the stream that a line names; nothing is shown of it yet."""
    try:
        return HeadLine.parse(proved.line).stream
    except InvalidHeads:
        return ""
