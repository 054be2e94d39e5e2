"""Failed calls: what is said about them, and the exit code."""

from __future__ import annotations

import json
import re
from typing import Any

import click

from regesta import errors
from regesta.cli.output import visible
from regesta.cli.session import Session
from regesta.errors import RegestaError

#: Exit codes; the table is in docs/reference/cli.md.
OK, FAILED, INVALID, NOT_FOUND, REFUSED, DENIED, UNAVAILABLE, FINDINGS = range(8)

_CODES: dict[type[RegestaError], int] = {
    errors.InvalidRequest: INVALID,
    errors.OutOfRange: INVALID,
    errors.NotFound: NOT_FOUND,
    errors.AlreadyExists: REFUSED,
    errors.PreconditionFailed: REFUSED,
    errors.Conflict: REFUSED,
    errors.Unauthenticated: DENIED,
    errors.PermissionDenied: DENIED,
    errors.Overloaded: UNAVAILABLE,
    errors.Unavailable: UNAVAILABLE,
    errors.DeadlineExceeded: UNAVAILABLE,
    errors.TrustError: FINDINGS,
}

#: What gRPC puts before the one thing that helps.
_LAST_ERROR = re.compile(r".*last error: (?:[A-Z]+: )?")

#: After these nobody knows whether a write was done.
_UNCERTAIN = (errors.Unavailable, errors.DeadlineExceeded, errors.ServerFailure)


def exit_code(error: RegestaError) -> int:
    """Return the exit code of a failed call."""
    return next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), FAILED)


def report(error: RegestaError, session: Session) -> None:
    """Say on stderr what went wrong and the way out."""
    advice = way_out(error, session)
    if session.output.json:
        click.echo(json.dumps(_document(error, advice), ensure_ascii=False), err=True)
        return
    for line in lines(error, session.target, advice):
        click.echo(visible(line), err=True)


def report_usage(error: click.ClickException, *, as_json: bool) -> None:
    """Say on stderr what is wrong with a command line, and how it is written."""
    message = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    usage = context.get_usage().removeprefix("Usage: ") if context else ""
    if as_json:
        document = {"code": "INVALID_ARGUMENT", "reason": "USAGE", "message": message}
        document["way_out"] = f"usage: {usage}" if usage else ""
        click.echo(json.dumps({"error": document}, ensure_ascii=False), err=True)
        return
    click.echo(visible(f"error: {message[:1].lower()}{message[1:]}"), err=True)
    if usage:
        click.echo(f"usage: {usage} (--help says more)", err=True)


def lines(error: RegestaError, target: str, advice: str) -> list[str]:
    """Return what is said to people: the reason, each field that breaks a rule, the way out."""
    message = error.message
    if isinstance(error, errors.Unavailable) and not error.reason:
        message = f"no server answers at {target}: {_LAST_ERROR.sub('', message)}"
    elif isinstance(error, errors.DeadlineExceeded) and not error.reason:
        message = "the answer did not come in time; --timeout gives it longer"
    fields = [f"  {violation.field}: {violation.description}" for violation in error.violations]
    if len(error.violations) == 1 and message == fields[0].strip():
        fields = []
    reason = f" ({error.reason})" if error.reason else ""
    return [f"error: {message}{reason}", *fields, *([advice] if advice else [])]


def way_out(error: RegestaError, session: Session) -> str:
    """Return what the caller can do now; empty when the message says it already."""
    if session.request_id and isinstance(error, _UNCERTAIN):
        again = f"--request-id {session.request_id}"
        return f"whether it was done is unknown: repeat it with {again}, it is done once at most"
    if error.retry_after is not None:
        return f"try again in {error.retry_after:g} s"
    match error:
        case errors.Unavailable() if not error.reason:
            return "start one with `regesta-server up`, or name another with --target"
        case errors.Unauthenticated():
            return "give a token with --token-file, or in REGESTA_TOKEN"
        case _:
            return ""


def _document(error: RegestaError, advice: str) -> dict[str, Any]:
    return {
        "error": {
            "code": error.code.name,
            "reason": error.reason,
            "message": error.message,
            "metadata": error.metadata,
            "violations": [
                {"field": violation.field, "description": violation.description}
                for violation in error.violations
            ],
            "way_out": advice,
        }
    }
