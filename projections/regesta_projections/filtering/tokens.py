"""The tokens of a filter.

What follows a comparator is read by other rules than the rest: a bare value may hold colons,
dots and a leading minus (`create_time > 2026-01-01T00:00:00Z`, `metrics.loss < -0.5`,
`source = s3://bucket/*`), which elsewhere are operators.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from regesta_projections.filtering.errors import InvalidFilter, excerpt

MAX_CHARACTERS: Final = 10_000
MAX_WILDCARDS: Final = 10
"""In one value; a run of them is one."""
MAX_PATTERN: Final = 1_000
"""Characters of a value with a wildcard before its end: each row's text is searched for them."""

UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""What no text in PostgreSQL holds."""


class Kind(enum.Enum):
    """What a token is."""

    WORD = "word"
    """A field, a key or a keyword."""
    VALUE = "value"
    """A value without quotes, after a comparator."""
    STRING = "string"
    COMPARATOR = "comparator"
    DOT = "."
    MINUS = "-"
    OPEN = "("
    CLOSE = ")"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter.

    Attributes:
        text: Its characters; of a string, what it means, without quotes and escapes.
        start: Offset of its first character.
        end: Offset behind its last.
        pieces: Of a value with wildcards what stands before, between and behind them; empty
            without.
    """

    kind: Kind
    text: str
    start: int
    end: int
    pieces: tuple[str, ...] = ()


_SPACE = re.compile(r"[ \t\r\n]*")
_WORD = re.compile(r"\w[\w-]*")
_VALUE = re.compile(r"[\w.:/@+*~^#%-]+")
_COMPARATOR = re.compile(r"!=|<=|>=|[=<>:]")
_PLAIN = re.compile(r"[^\\\"'*]+")
_MARKS = {".": Kind.DOT, "-": Kind.MINUS, "(": Kind.OPEN, ")": Kind.CLOSE}
_ESCAPED = frozenset("\\\"'*")
_STARS = re.compile(r"\*+")
_FOREIGN = {
    "==": "write = for equality",
    "<>": "write != for inequality",
    "=<": "write <=",
    "=>": "write >=",
    "=~": 'there are no regular expressions; write name = "*churn*", with * for any text',
    "!~": 'there are no regular expressions; write NOT name = "*churn*", with * for any text',
    "&&": "write AND",
    "||": "write OR",
    "!": "write NOT",
    "~": 'there are no regular expressions; write name = "*churn*", with * for any text',
    ",": "there are no lists; write conditions with OR between them",
    "*": "a * is part of a value, as in name = chu*; fields have no wildcard",
}
# != is ours, though it begins like the foreign !.
_FOREIGN_OPERATOR = re.compile("(?!!=)(?:" + "|".join(map(re.escape, _FOREIGN)) + ")")


def tokenize(text: str) -> Iterator[Token]:
    """Yield the tokens of a filter, the last of kind `END`.

    They are read as they are asked for, so that of several mistakes the first is met first.

    Args:
        text: At most `MAX_CHARACTERS` characters.

    Raises:
        InvalidFilter: It is longer, has a character no stored text can have (U+0000, a lone
            surrogate), or something in it is no token.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidFilter(f"a filter has at most {MAX_CHARACTERS} characters", MAX_CHARACTERS)
    if bad := UNSTORABLE.search(text):
        raise InvalidFilter("no stored text holds U+0000 or a lone surrogate", bad.start())
    after_comparator = False
    position = _skip_space(text, 0)
    while position < len(text):
        token = _value(text, position) if after_comparator else _other(text, position)
        yield token
        after_comparator = token.kind is Kind.COMPARATOR
        position = _skip_space(text, token.end)
    yield Token(Kind.END, "", len(text), len(text))


def is_word(text: str) -> bool:
    """Return whether a key needs no quotes."""
    return _WORD.fullmatch(text) is not None


def _skip_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _other(text: str, start: int) -> Token:
    """Read a token where no value is expected."""
    if foreign := _FOREIGN_OPERATOR.match(text, start):
        raise InvalidFilter(_FOREIGN[foreign.group()], start)
    if text[start] in "\"'":
        return _string(text, start, wildcard=False)
    if mark := _MARKS.get(text[start]):
        return Token(mark, text[start], start, start + 1)
    for kind, pattern in ((Kind.COMPARATOR, _COMPARATOR), (Kind.WORD, _WORD)):
        if found := pattern.match(text, start):
            return Token(kind, found.group(), start, found.end())
    raise _unexpected(text, start)


def _value(text: str, start: int) -> Token:
    """Read a token behind a comparator."""
    if text[start] in "\"'":
        return _string(text, start, wildcard=True)
    if text[start] in "()":
        return Token(_MARKS[text[start]], text[start], start, start + 1)
    found = _VALUE.match(text, start)
    if not found:
        raise _unexpected(text, start)
    word = found.group()
    pieces = _STARS.split(word)
    return Token(Kind.VALUE, word, start, found.end(), _bounded(pieces, start))


def _string(text: str, start: int, *, wildcard: bool) -> Token:
    """Read a string in quotes; `wildcard` says whether a bare `*` has a meaning in it."""
    quote = text[start]
    pieces: list[str] = []
    parts: list[str] = []
    position = start + 1
    while position < len(text):
        if plain := _PLAIN.match(text, position):
            parts.append(plain.group())
            position = plain.end()
            continue
        character, following = text[position], text[position + 1 : position + 2]
        if character == quote:
            pieces.append("".join(parts))
            meant = "*".join(pieces)
            return Token(Kind.STRING, meant, start, position + 1, _bounded(pieces, start))
        if wildcard and (stars := _STARS.match(text, position)):
            pieces.append("".join(parts))
            parts.clear()
            position = stars.end()
            continue
        if character == "\\":
            if following not in _ESCAPED:
                raise InvalidFilter("after \\ comes one of \\ \" ' *", position)
            parts.append(following)
        else:
            parts.append(character)
        position += 2 if character == "\\" else 1
    raise InvalidFilter("this quote is never closed", start)


def _bounded(pieces: list[str], start: int) -> tuple[str, ...]:
    """Return the pieces of a value that has wildcards, and nothing of one without."""
    if len(pieces) == 1:
        return ()
    if len(pieces) > MAX_WILDCARDS + 1:
        raise InvalidFilter(f"a value has at most {MAX_WILDCARDS} wildcards *", start)
    # The beginning of a text is compared once, however long; an index may find it.
    is_prefix = len(pieces) == 2 and not pieces[1]  # noqa: PLR2004  what is before, and nothing
    if not is_prefix and sum(map(len, pieces)) > MAX_PATTERN:
        raise InvalidFilter(
            f"a value with a wildcard * before its end has at most {MAX_PATTERN} characters", start
        )
    return tuple(pieces)


def _unexpected(text: str, position: int) -> InvalidFilter:
    return InvalidFilter(
        f"{excerpt(text[position])} has no meaning here; put text with such characters in quotes",
        position,
    )
