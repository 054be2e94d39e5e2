"""Logs: one JSON object a line on standard error, facts as keys.

Never a token, a description, a reason or an artifact's content: what a caller wrote
as free text stands in the database, where it can be erased.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import orjson
import structlog

if TYPE_CHECKING:
    from regesta_service.api.guard import CallEnd

#: A call that takes longer is worth a line though it succeeded.
SLOW_SECONDS = 1.0

#: Codes that say that something is wrong on this side.
_OURS = frozenset({"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS"})


def _json(value: Any, **_: Any) -> bytes:
    return orjson.dumps(value, default=str)


class _Libraries(logging.Handler):
    """Writes what libraries say as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        structlog.get_logger("library").log(
            record.levelno,
            "library_said",
            name=record.name,
            said=record.getMessage(),
            exc_info=record.exc_info,
        )


def configure(level: str) -> None:
    """Set logging up for this process.

    Args:
        level: `debug`, `info`, `warning` or `error`.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(logging.WARNING, getattr(logging, level.upper())),
        force=True,
        handlers=[_Libraries()],
    )


class AccessLog:
    """Writes a line for each call that failed or took long; at debug for every call.

    A write that succeeded is an event, with its actor and time: the log of events says
    more of it than a line here could.

    Args:
        level: As for `configure`. A line that would be filtered is not even made: the
            hot path is a call that succeeds.
    """

    def __init__(self, level: str) -> None:
        self._log = structlog.get_logger("access")
        self._all = level == "debug"

    def finished(self, end: CallEnd) -> None:
        """Write how a call went."""
        if end.code == "OK":
            # A stream lasts as long as its caller likes.
            slow = end.seconds > SLOW_SECONDS and not end.streams
            if not slow and not self._all:
                return
            write = self._log.info if slow else self._log.debug
        elif end.code in _OURS:
            write = self._log.warning
        else:
            write = self._log.info
        service, _, name = end.method[1:].partition("/")
        write(
            "call",
            service=service,
            method=name,
            code=end.code,
            reason=end.reason,
            principal=end.principal,
            ms=round(end.seconds * 1e3, 3),
            trace=end.traceparent,
        )

    def failed(self, method: str, reference: str, error: BaseException) -> None:
        """Write a failure of ours with its trace."""
        self._log.error("call_failed", method=method, reference=reference, exc_info=error)
