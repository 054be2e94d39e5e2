"""Refusals of a filter or an order, with the place in the text that caused them."""

from __future__ import annotations

from typing import Final

MAX_ECHO: Final = 40
"""Characters of the caller's text that a message repeats at most: enough to recognise, too few
to carry a secret or a payload into a log."""


class InvalidExpression(ValueError):
    """A text is not of the language.

    Attributes:
        message: What is wrong and what to write instead, in fixed words around at most
            `MAX_ECHO` characters of the text.
        position: Where, as an offset in characters (not bytes) from 0; the length of the text
            when something is missing at its end.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position})")
        self.message = message
        self.position = position


class InvalidFilter(InvalidExpression):
    """A `filter` is not of the language, too large, or asks what a field cannot answer."""


class InvalidOrder(InvalidExpression):
    """An `order_by` names something there is no order by, or a page's key does not fit it."""


def excerpt(text: str) -> str:
    """Return a piece of the caller's text for a message: quoted, printable, at most `MAX_ECHO`."""
    shown = text if len(text) <= MAX_ECHO else text[: MAX_ECHO - 1] + "…"
    return "`" + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown) + "`"
