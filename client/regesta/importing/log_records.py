"""Records of another regesta's log, and the free texts that may come with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from regesta.audit import packs
from regesta.audit.packs import InvalidPack
from regesta.audit.tiled import open_files
from regesta.exporting.tiling import HEAD_PATH, TAIL_PATH
from regesta.merkle import Frontier, leaf_hash
from regesta.sealed import InvalidDisclosure, digest_at, read_disclosure

_TYPE_PREFIX: Final = "io.regesta.events.v1."
_MAX_LINE: Final = 1 << 20


class InvalidLog(ValueError):
    """This is no export of a whole log; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One event of the other log.

    Attributes:
        position: Its place, from 1.
        leaf: Its leaf hash, in hexadecimal.
        type: The short name of its type, for example `AliasSet`.
        stream: The resource, for example `models/churn/versions/3`.
        revision: Its number within the stream.
        actor: Who did it.
        time: When it happened.
        data: The event itself; free texts are digests in it.
        texts: Free texts by field, as far as the export has them.
    """

    position: int
    leaf: str
    type: str
    stream: str
    revision: int
    actor: str
    time: datetime
    data: Mapping[str, Any]
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogSummary:
    """What can be proved of the other log.

    Attributes:
        namespace: Of the log.
        size: How many events there are.
        root: Root of the Merkle tree over them, in hexadecimal.
        first: Leaf hash of the first: what the log is known by, whatever file it is in.
        checkpoint: The signed note that goes along; empty without one.
    """

    namespace: str
    size: int
    root: str
    first: str
    checkpoint: str = ""

    @property
    def identity(self) -> str:
        """What the source is called; the same for every export of one log."""
        return f"regesta:{self.namespace}@{self.first[:16]}"


@dataclass(frozen=True, slots=True)
class LogExport:
    """An export that was read through once.

    Attributes:
        summary: What can be proved of it.
        records: Yields its records from the first on, each time it is called.
    """

    summary: LogSummary
    records: Callable[[], Iterator[LogRecord]]


@contextmanager
def open_export(path: Path) -> Iterator[LogExport]:
    """Give an export to read: JSON lines of `regesta replay`, or a pack, a mirror, a backup.

    Only the last three can have free texts.

    Raises:
        InvalidLog: It is none, or does not begin with the first event.
    """
    if path.is_file() and path.suffix != ".zip":
        yield LogExport(_summed_up(_lines(path)), lambda: _records(_lines(path), iter(())))
        return
    try:
        with open_files(path) as pack:
            checkpoint = ""
            with suppress(InvalidPack):
                checkpoint = pack.read(packs.CHECKPOINT).decode()
            tail = path / TAIL_PATH if (path / HEAD_PATH).is_file() else None

            def lines() -> Iterator[bytes]:
                yield from pack.lines(packs.EVENTS)
                if tail and tail.is_file():
                    yield from _lines(tail)

            summary = _summed_up(lines(), checkpoint)
            if summary.root != (_root_in(path / HEAD_PATH) if tail else pack.manifest.root.hex()):
                raise InvalidLog(
                    f"the records in {path} do not give the root that it states: they are not"
                    " all of the log, or not as they were"
                )

            def records() -> Iterator[LogRecord]:
                return _records(lines(), pack.lines(packs.DISCLOSURES))

            yield LogExport(summary, records)
    except InvalidPack as error:
        raise InvalidLog(str(error)) from error


def _summed_up(lines: Iterator[bytes], checkpoint: str = "") -> LogSummary:
    frontier = Frontier()
    namespace = first = ""
    for line in lines:
        leaf = leaf_hash(line)
        if not frontier.size:
            record = _decoded(line, 1)
            namespace, first = record["source"].removeprefix("/namespaces/"), leaf.hex()
            if (record["subject"], record["revision"]) != ("namespace", "1"):
                raise InvalidLog("it does not begin with the first event of a log")
        frontier.append(leaf)
    if not frontier.size:
        raise InvalidLog("it is empty")
    return LogSummary(namespace, frontier.size, frontier.root().hex(), first, checkpoint)


def _records(lines: Iterator[bytes], disclosures: Iterator[bytes]) -> Iterator[LogRecord]:
    texts = _Texts(disclosures)
    for position, line in enumerate(lines, 1):
        record = _decoded(line, position)
        yield LogRecord(
            position,
            leaf_hash(line).hex(),
            record["type"].removeprefix(_TYPE_PREFIX),
            record["subject"],
            int(record["revision"]),
            record.get("occurredby") or record["authid"],
            datetime.fromisoformat(record["time"]),
            record.get("data", {}),
            texts.of(position, record.get("data", {})),
        )


class _Texts:
    """Free texts in the order of their positions, handed out with their records."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._next = self._read()

    def of(self, position: int, data: Mapping[str, Any]) -> dict[str, str]:
        """Return the texts of a record that are the original ones."""
        found: dict[str, str] = {}
        while self._next is not None and self._next[0] <= position:
            at, name, disclosure = self._next
            try:
                sealed = read_disclosure(disclosure)
            except InvalidDisclosure as error:
                raise InvalidLog(f"a text of position {at} is none: {error}") from error
            if at == position and sealed.digest == digest_at(data, name):
                found[name] = sealed.text
            else:
                raise InvalidLog(f"a text of position {at} is not the one that was recorded")
            self._next = self._read()
        return found

    def _read(self) -> tuple[int, str, str] | None:
        line = next(self._lines, None)
        if line is None:
            return None
        document = json.loads(line)
        return int(document["position"]), document["field"], document["disclosure"]


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(_MAX_LINE):
            if not line.endswith(b"\n"):
                raise InvalidLog("it has a line that is too long, or has no end")
            yield line[:-1]


def _root_in(head: Path) -> str:
    """Return the root that a backup states for its tiles and its tail together."""
    try:
        return str(json.loads(head.read_bytes())["root"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidLog(f"{head} is no head of a log: {error!r}") from error


def _decoded(line: bytes, position: int) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(line)
        if not all(name in record for name in ("source", "subject", "revision", "type", "time")):
            raise ValueError("it lacks attributes of a record")  # noqa: TRY301 - told below
    except (ValueError, TypeError) as error:
        raise InvalidLog(f"line {position} is no record: {error}") from error
    return record
