"""Logs: one JSON object a line on standard error, facts as keys.

Never a token, a description, a reason or an artifact's content: what a caller wrote
as free text stands in the database, where it can be erased.
"""

from __future__ import annotations

import logging
import re
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson
import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from regesta_service.api.guard import CallEnd
    from regesta_service.log.draft import Committed

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


#: Lines of refusals that are written at once, and then in each second; what is more is counted.
SECURITY_BURST = 200
SECURITY_RATE = 50.0

# What may stand in a line: a caller could write anything into a field that names a resource.
_RESOURCE = re.compile(r"namespaces/[a-z0-9-]{1,63}(?:/[A-Za-z0-9._-]{1,255}){0,4}")


class SecurityLog:
    """Writes a line for each refused call and each broken glass, by the logger `security`.

    Never a token, a body or a text of the caller: whom the credential proves or the beginning
    of a token's digest, what was asked for, and which rule refused it. Refusals cost their
    caller nothing, so lines of them are bounded, and those left out are counted in the next.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._log = structlog.get_logger("security", log="security")
        self._clock = clock
        self._room = float(SECURITY_BURST)
        self._at = clock()
        self._left_out = 0

    def refused(self, end: CallEnd) -> None:
        """Write who was refused what, and why."""
        now = self._clock()
        self._room = min(SECURITY_BURST, self._room + (now - self._at) * SECURITY_RATE)
        self._at = now
        if self._room < 1:
            self._left_out += 1
            return
        self._room -= 1
        left_out, self._left_out = self._left_out, 0
        self._log.warning(
            "denied" if end.code == "PERMISSION_DENIED" else "not_authenticated",
            principal=end.principal or "unknown",
            credential=end.hint,
            method=end.method,
            resource=end.resource if _RESOURCE.fullmatch(end.resource) else "",
            permission=end.permission,
            why=end.why,
            reason=end.reason,
            peer=end.peer,
            trace=end.traceparent,
            **({"left_out": left_out} if left_out else {}),
        )

    def glass_broken(
        self, principal: str, namespace: str, role: str, minutes: int, committed: Committed
    ) -> None:
        """Write that somebody took a role because it could not wait; never left out."""
        self._log.warning(
            "glass_broken",
            principal=principal,
            namespace=namespace,
            role=role,
            minutes=minutes,
            position=committed.position,
            repeated=committed.repeated,
        )
