"""Checks the rows of answered requests against the events that carry their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from regesta_projections.events import StageChanged
from regesta_projections.records import TYPE_PREFIX
from regesta_projections.request_keys import request_key
from regesta_projections.verification.findings import Findings, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from regesta_projections.verification.records import ReadLine

_STAGE_CHANGED: Final = TYPE_PREFIX + StageChanged.__name__


class AnsweredRequest(NamedTuple):
    """A row of `regesta.requests`, but for the fingerprint, which nothing tells."""

    key: UUID
    position: int
    events: int
    stream: str


class _Run(NamedTuple):
    """Neighbouring events of one request."""

    actor: str
    request_id: str
    last: int
    streams: tuple[str, ...]
    #: The versions that others made room for, which need no event of their own if they are where
    #: they should be; with `/` at the end for any version of a model, where bodies are archived.
    room_for: tuple[str, ...]


class RequestCheck:
    """Goes through events and rows side by side, both in the order of positions.

    A request's events are neighbours, and its row names the last of them. It shows what it did
    something to, or a version that others made room for. Rows of requests that had nothing to
    change name no event.

    Args:
        answered: Every row, by position.
        size: Position of the log's last event.
    """

    def __init__(self, answered: Iterator[tuple[Any, ...]], size: int, findings: Findings) -> None:
        self._answered = answered
        self._size = size
        self._findings = findings
        self._next = self._advance()
        self._run: _Run | None = None

    def add(self, read: ReadLine) -> None:
        """Take up the next event."""
        envelope, line = read.envelope, read.line
        streams: tuple[str, ...]
        if envelope is not None:
            actor, request_id, streams = (
                envelope.authid,
                envelope.correlationid,
                (envelope.subject,),
            )
        elif read.is_archived:
            # The columns are all that is left to tell.
            actor, request_id, streams = line.actor, line.request_id, (line.stream,)
        else:
            return
        run, room_for = self._run, _room_for(read)
        if run is not None and run.request_id == request_id and run.actor == actor:
            streams, room_for = (*run.streams, *streams), (*run.room_for, *room_for)
        elif run is not None:
            self._compare(run)
        self._run = _Run(actor, request_id, read.line.position, streams, room_for)

    def finish(self) -> None:
        """Compare the last request, and name the rows that are left."""
        if self._run is not None:
            self._compare(self._run)
        while self._next is not None:
            self._extra(self._next)
            self._next = self._advance()

    def _compare(self, run: _Run) -> None:
        key = request_key(run.actor, run.request_id)
        found = False
        while (row := self._next) is not None and row.position <= run.last:
            if row.key == key:
                found = True
                self._compare_row(run, row)
            else:
                self._extra(row)
            self._next = self._advance()
        if not found:
            self._findings.add(
                Kind.REQUEST_MISSING,
                f"requests {key}",
                f"events up to this one were caused by request {run.request_id}",
                position=run.last,
            )

    def _compare_row(self, run: _Run, row: AnsweredRequest) -> None:
        if (row.position, row.events) != (run.last, len(run.streams)):
            self._differs(
                row, f"its {len(run.streams)} events end at {run.last}, not {row.events} of them"
            )
        elif row.stream not in run.streams and not _is_in(run.room_for, row.stream):
            self._differs(row, f"it shows {row.stream}, to which it did nothing")

    def _differs(self, row: AnsweredRequest, detail: str) -> None:
        self._findings.add(
            Kind.REQUEST_DIFFERS, f"requests {row.key}", detail, position=row.position
        )

    def _extra(self, row: AnsweredRequest) -> None:
        self._findings.add(
            Kind.REQUEST_EXTRA,
            f"requests {row.key}",
            f"it is said to have appended {row.events} events",
            position=row.position,
        )

    def _advance(self) -> AnsweredRequest | None:
        """Return the next row that names events."""
        for line in self._answered:
            row = AnsweredRequest(*line)
            if row.events:
                return row
            if not 0 <= row.position <= self._size:
                self._differs(row, f"it was decided at {row.position} of {self._size}")
        return None


def _room_for(read: ReadLine) -> tuple[str, ...]:
    """Return the version that a version made room for, by its stream."""
    versions = read.line.stream.rpartition("/")[0]
    match read.event:
        case StageChanged(displaced_by=by) if by:
            return (f"{versions}/{by}",)
        case None if read.is_archived and read.line.type == _STAGE_CHANGED:
            return (f"{versions}/",)
        case _:
            return ()


def _is_in(room_for: tuple[str, ...], stream: str) -> bool:
    return stream in room_for or stream[: stream.rfind("/") + 1] in room_for
