"""The syntax of a filter: its tree, the parser that reads it and the printer that writes it.

The grammar is that of AIP-160 (https://google.aip.dev/160 and its EBNF), narrowed so that a
filter has one meaning and every mistake an explanation::

    filter     = [ expression ] ;
    expression = factor { "AND" factor } ;
    factor     = term { "OR" term } ;              OR binds tighter than AND
    term       = [ "NOT" | "-" ] ( condition | "(" expression ")" ) ;
    condition  = field [ "." key ] comparator value ;
    comparator = "=" | "!=" | "<" | "<=" | ">" | ">=" | ":" ;

Left out of AIP-160, and refused with the way out: literals without a field, sequences of
conditions without an operator, functions, and values in parentheses.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Final, assert_never

from regesta_projections.filtering.errors import InvalidFilter, excerpt
from regesta_projections.filtering.tokens import Kind, Token, is_word, tokenize

MAX_DEPTH: Final = 50
MAX_TERMS: Final = 200


class Operator(enum.Enum):
    """How a condition compares."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    HAS = ":"


@dataclass(frozen=True, slots=True)
class Text:
    """Text without wildcards."""

    value: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """Text with wildcards: each stands for any characters, or none.

    Attributes:
        pieces: What stands before, between and behind them, so one more than there are
            wildcards; only the first and the last may be empty.
    """

    pieces: tuple[str, ...]


ANYTHING: Final = Pattern(("", ""))
"""A lone `*`."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number without quotes, as written: a text field compares its characters."""

    text: str


@dataclass(frozen=True, slots=True)
class Boolean:
    """`true` or `false` without quotes."""

    value: bool


Literal = Text | Pattern | Number | Boolean


@dataclass(frozen=True, slots=True)
class Condition:
    """A field, or an entry of a map field, compared with a literal.

    Attributes:
        start: Offset of the field in the text it was parsed from; no part of equality.
        literal_start: Offset of the literal, likewise.
    """

    field: str
    key: str | None
    operator: Operator
    literal: Literal
    start: int = attribute(default=0, compare=False)
    literal_start: int = attribute(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """True where the operand is not."""

    operand: Node


@dataclass(frozen=True, slots=True)
class And:
    """True where all of two or more operands are."""

    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True where any of two or more operands is."""

    operands: tuple[Node, ...]


Node = Condition | Not | And | Or


def parse_filter(text: str) -> Node | None:
    """Return the tree of a filter, or None for an empty one, which matches everything.

    Args:
        text: At most 10,000 characters, `MAX_TERMS` conditions, parentheses `MAX_DEPTH` deep.

    Raises:
        InvalidFilter: The text is not of the language or exceeds these limits.
    """
    return _Parser(tokenize(text)).filter()


def print_filter(node: Node | None) -> str:
    """Return a text that `parse_filter` reads as this tree.

    It has the fewest parentheses, so it nests no deeper than a text the tree was read from; text
    is always in quotes, so it can be longer.
    """
    match node:
        case None:
            return ""
        case Condition():
            key = "" if node.key is None else "." + _printed_key(node.key)
            return f"{node.field}{key} {node.operator.value} {_printed_literal(node.literal)}"
        case Not():
            return "NOT " + _nested(node.operand, Condition)
        case And():
            return " AND ".join(_nested(operand, Condition, Not, Or) for operand in node.operands)
        case Or():
            return " OR ".join(_nested(operand, Condition, Not) for operand in node.operands)
        case _:
            assert_never(node)


def _nested(node: Node, *bare: type[Node]) -> str:
    """Print an operand, in parentheses unless its kind is one that stands `bare` there."""
    printed = print_filter(node)
    return printed if isinstance(node, bare) else f"({printed})"


def _printed_key(key: str) -> str:
    return key if is_word(key) else f'"{_escaped(key)}"'


def _printed_literal(literal: Literal) -> str:
    match literal:
        case Text():
            return f'"{_escaped(literal.value)}"'
        case Pattern():
            return f'"{"*".join(map(_escaped, literal.pieces))}"'
        case Number():
            return literal.text
        case Boolean():
            return "true" if literal.value else "false"
        case _:
            assert_never(literal)


def _escaped(text: str) -> str:
    return re.sub(r'[\\"*]', r"\\\g<0>", text)


_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_KEYWORDS = frozenset({"AND", "OR", "NOT"})
_SQL_WORDS = {
    "LIKE": 'there is no LIKE; write name = "*churn*", with * for any text',
    "ILIKE": 'there is no ILIKE; write name = "*churn*", with * for any text (names ignore case)',
    "IN": 'there is no IN; write (stage = "staging" OR stage = "production")',
    "IS": "there is no IS NULL; write NOT semver:* for what has no value, semver:* for what has",
    "BETWEEN": "there is no BETWEEN; write version >= 3 AND version <= 7",
    "CONTAINS": 'there is no CONTAINS; write tags:team for a key, name = "*churn*" for a part',
    "HAS": "there is no HAS; write tags:team",
}


class _Parser:
    """Recursive descent over the tokens; one method for each rule of the grammar."""

    def __init__(self, tokens: Iterator[Token]) -> None:
        self._tokens = tokens
        self._next: Token | None = None
        self._depth = 0
        self._terms = 0

    def filter(self) -> Node | None:
        if self._peek().kind is Kind.END:
            return None
        node = self._expression()
        token = self._peek()
        if token.kind is not Kind.END:
            raise self._out_of_place(token)
        return node

    def _expression(self) -> Node:
        operands = [self._factor()]
        while self._take_keyword("AND"):
            operands.append(self._factor())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _factor(self) -> Node:
        operands = [self._term()]
        while self._take_keyword("OR"):
            operands.append(self._term())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _term(self) -> Node:
        if self._peek().kind is Kind.MINUS:
            self._take()
            return Not(self._simple())
        if self._take_keyword("NOT"):
            return Not(self._simple())
        return self._simple()

    def _simple(self) -> Node:
        opening = self._peek()
        if opening.kind is not Kind.OPEN:
            return self._condition()
        self._take()
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidFilter(f"parentheses nest at most {MAX_DEPTH} deep", opening.start)
        node = self._expression()
        closing = self._take()
        if closing.kind is Kind.END:
            raise InvalidFilter("this parenthesis is never closed", opening.start)
        if closing.kind is not Kind.CLOSE:
            raise self._out_of_place(closing)
        self._depth -= 1
        return node

    def _condition(self) -> Condition:
        name = self._field()
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise InvalidFilter(f"a filter has at most {MAX_TERMS} conditions", name.start)
        key = self._key(name)
        comparator = self._take()
        if comparator.kind is not Kind.COMPARATOR:
            raise self._no_comparator(name, comparator)
        token = self._take()
        return Condition(
            name.text, key, Operator(comparator.text), self._literal(token), name.start, token.start
        )

    def _field(self) -> Token:
        token = self._take()
        if token.kind is Kind.WORD and token.text not in _KEYWORDS:
            return token
        if token.kind is Kind.STRING:
            raise InvalidFilter(
                'a condition begins with a field, without quotes: name = "churn"', token.start
            )
        if token.kind is Kind.END:
            raise InvalidFilter("a condition is missing at the end", token.start)
        raise InvalidFilter(
            f"a condition such as stage = production is missing before {excerpt(token.text)}",
            token.start,
        )

    def _key(self, name: Token) -> str | None:
        if self._peek().kind is not Kind.DOT:
            return None
        self._take()
        token = self._take()
        if token.kind not in {Kind.WORD, Kind.STRING}:
            raise InvalidFilter('behind the dot a key is missing, as in tags."team"', token.start)
        if self._peek().kind is Kind.DOT:
            raise InvalidFilter(
                f'keys have no parts; put a key with dots in quotes, as in {name.text[:20]}."a.b"',
                self._peek().start,
            )
        return token.text

    def _literal(self, token: Token) -> Literal:
        if token.kind is Kind.STRING:
            return Pattern(token.pieces) if token.pieces else Text(token.text)
        if token.kind is Kind.OPEN:
            raise InvalidFilter(
                "a value has no parentheses; repeat the field: (stage = a OR stage = b)",
                token.start,
            )
        if token.kind is not Kind.VALUE or token.text in _KEYWORDS:
            raise InvalidFilter("behind the comparator a value is missing", token.start)
        following = self._peek()
        if following.kind is Kind.OPEN and following.start == token.end:
            raise InvalidFilter("there are no functions; write the value itself", token.start)
        if token.pieces:
            return Pattern(token.pieces)
        if token.text in {"true", "false"}:
            return Boolean(token.text == "true")
        return Number(token.text) if _NUMBER.fullmatch(token.text) else Text(token.text)

    def _no_comparator(self, name: Token, token: Token) -> InvalidFilter:
        """Explain what stands where a comparator should."""
        if token.kind is Kind.OPEN and token.start == name.end:
            return InvalidFilter("there are no functions in a filter", name.start)
        if name.text.upper() in _KEYWORDS:
            return InvalidFilter(f"write {name.text.upper()} in capitals", name.start)
        if token.kind is Kind.WORD and (instead := _SQL_WORDS.get(token.text.upper())):
            return InvalidFilter(instead, token.start)
        return InvalidFilter(
            f"{excerpt(name.text)} alone is no condition; write which field it is compared with, "
            'as in name = "churn*"',
            name.start,
        )

    def _out_of_place(self, token: Token) -> InvalidFilter:
        """Explain a token behind a complete condition that continues nothing."""
        if token.kind is Kind.WORD and token.text.upper() in _KEYWORDS - {token.text}:
            return InvalidFilter(f"write {token.text.upper()} in capitals", token.start)
        if token.kind is Kind.CLOSE:
            return InvalidFilter("this parenthesis was never opened", token.start)
        if token.kind is Kind.COMPARATOR:
            return InvalidFilter(
                "a condition compares once; an entry of a map is written tags.team = risk",
                token.start,
            )
        return InvalidFilter("between two conditions AND or OR is missing", token.start)

    def _take_keyword(self, keyword: str) -> bool:
        token = self._peek()
        if token.kind is Kind.WORD and token.text == keyword:
            self._take()
            return True
        return False

    def _peek(self) -> Token:
        if self._next is None:
            self._next = next(self._tokens)
        return self._next

    def _take(self) -> Token:
        token = self._peek()
        # The end is never passed, so there is always a token to complain about.
        if token.kind is not Kind.END:
            self._next = None
        return token
