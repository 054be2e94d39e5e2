"""Options that many commands share, and the types of their values."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import click

import regesta
from regesta.cli.session import Session
from regesta.cli.times import InvalidMoment, parse_moment
from regesta.cli.values import InvalidValue

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])

NOW = "now"


class Parsed(click.ParamType, Generic[T]):  # type: ignore[type-arg]  # generic only of late
    """The type of an option whose text a function understands."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """Return the value of a text; a value is returned as it is."""
        if not isinstance(value, str):
            given: T = value
            return given
        try:
            return self._parse(value)
        except (InvalidValue, InvalidMoment) as error:
            self.fail(str(error), param, ctx)


MOMENT = Parsed("moment", parse_moment)


def known_now(function: Function) -> Function:
    """Add `--known-now` to a read; `occurred` puts it together with `--as-of`."""
    return click.option(
        "--known-now",
        is_flag=True,
        help="With --as-of TIME: by when it happened, as far as is known now.",
    )(function)


def occurred(
    as_of: datetime | int | None, *, known_now: bool
) -> datetime | int | regesta.Occurred | None:
    """Return the moment that the two options mean together.

    Raises:
        click.UsageError: They do not go together.
    """
    if not known_now:
        return as_of
    if not isinstance(as_of, datetime):
        raise click.UsageError("--known-now goes with --as-of and a time")
    return regesta.Occurred(as_of)


@dataclass(frozen=True, slots=True)
class Write:
    """Why a write is made, under which id, and on which knowledge."""

    reason: str
    request_id: str
    etag: str = ""


def as_of(function: Function) -> Function:
    """Add `--as-of` to a read."""
    return click.option(
        "--as-of",
        type=MOMENT,
        metavar="MOMENT",
        help="Look at this moment: a position, a time, or a date.",
    )(function)


def ways(function: Function) -> Function:
    """Add `--through` and `--displace-to` to a move."""
    displaces = click.option(
        "--displace-to",
        default="",
        metavar="STAGE",
        help="Move whatever else is there to this stage.",
    )
    through = click.option(
        "--through", is_flag=True, help="Take the steps between, if there is no direct move."
    )
    return through(displaces(function))


def writes(*, etag: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of a write; the function gets them as `write`.

    Args:
        etag: Whether there is a resource whose revision can be demanded.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(
            *args: Any, reason: str, request_id: str | None, etag: str = "", **rest: Any
        ) -> None:
            write = Write(reason, request_id or str(uuid.uuid4()), etag)
            click.get_current_context().ensure_object(Session).request_id = write.request_id
            function(*args, write=write, **rest)

        options = [
            click.option("--reason", default="", metavar="TEXT", help="Why; kept with the event."),
            click.option(
                "--request-id",
                metavar="ID",
                help="Your own id of this write: repeating it never does it twice.",
            ),
        ]
        if etag:
            options.append(
                click.option(
                    "--etag",
                    default="",
                    metavar="REVISION",
                    help="Refuse unless the resource is at this revision.",
                )
            )
        decorated: Callable[..., None] = run
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate
