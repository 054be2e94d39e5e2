"""Conditions in CEL: compiled against a vocabulary, weighed within a budget, never trusted.

CEL (https://cel.dev) has no loops and no I/O, and the official implementation, used here,
checks types when it compiles, stops an evaluation at its budget of iterations, and matches
regular expressions in linear time (RE2). On top of that a text is short, and the two macros
that build lists, `map` and `filter`, are off: nested, they double what they are given until
memory is gone. `exists`, `exists_one` and `all` stay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from cel_expr_python import cel
from google.protobuf import descriptor_pool

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Longest condition, in bytes of UTF-8.
MAX_CONDITION_BYTES: Final = 4_096

_MAX_MESSAGE: Final = 300

_CONFIG: Final = """
name: regesta
stdlib:
  exclude_macros: [map, filter]
"""

# What the implementation says, without its frame: `INVALID_ARGUMENT: ERROR: <input>:1:8: `.
_FRAME: Final = re.compile(r"\A(?:[A-Z_]+: )?(?:ERROR: )?(?:<input>:)?")
_CODE: Final = re.compile(r"\s*\[[A-Z_]+\]\Z")


class InvalidCondition(ValueError):
    """A text is no condition; the message says where and why, in CEL's words."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a condition came to."""

    holds: bool
    #: Why it could not be weighed, for example a key that is missing; empty when it could.
    #: A condition that cannot be weighed does not hold.
    error: str = ""
    #: Whether it was ended because it took too long.
    spent: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition."""

    text: str
    _expression: Any

    def weigh(self, facts: Mapping[str, Any]) -> Outcome:
        """Say whether it holds of some facts: a value for each variable of its vocabulary."""
        try:
            value = self._expression.eval(data=dict(facts))
        except RuntimeError as error:
            # The budget of iterations; other faults come back as a value.
            return Outcome(holds=False, error=_brief(str(error)), spent=True)
        if value.type() == cel.Type.ERROR:
            return Outcome(holds=False, error=_brief(str(value.value())))
        return Outcome(holds=value.value() is True)


class Vocabulary:
    """The variables that conditions of one purpose may speak of.

    Args:
        variables: CEL types by name: `string`, `int`, `double`, `bool`, `timestamp`,
            `list(string)`, or the full name of a protobuf message, or a list of those.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = dict(variables)
        self._env = cel.NewEnv(
            descriptor_pool.Default(),
            cel.NewEnvConfigFromYaml(_CONFIG),
            {name: _type(text) for name, text in variables.items()},
        )
        self.compile = lru_cache(maxsize=1_024)(self._compile)

    def _compile(self, text: str) -> Condition:
        """Return a condition; the same text is compiled once.

        Raises:
            InvalidCondition: It is too long, no CEL, speaks of what it may not, or does not
                come to true or false.
        """
        if len(text.encode()) > MAX_CONDITION_BYTES:
            raise InvalidCondition(f"has at most {MAX_CONDITION_BYTES} bytes")
        try:
            expression = self._env.compile(text)
        except (RuntimeError, ValueError) as error:
            raise InvalidCondition(f"is no condition: {_brief(str(error))}") from None
        if expression.return_type() != cel.Type.BOOL:
            raise InvalidCondition("must come to true or false")
        return Condition(text, expression)


_TYPES: Final = {
    "string": cel.Type.STRING,
    "int": cel.Type.INT,
    "double": cel.Type.DOUBLE,
    "bool": cel.Type.BOOL,
    "timestamp": cel.Type.TIMESTAMP,
}


def _type(text: str) -> Any:
    if text.startswith("list("):
        return cel.Type.List(_type(text[len("list(") : -1]))
    return _TYPES.get(text) or cel.Type(text)


def _brief(message: str) -> str:
    """Return the first line of what CEL says, as ours."""
    line = _CODE.sub("", message.splitlines()[0] if message else "it cannot be weighed")
    said = _FRAME.sub("", line)[:_MAX_MESSAGE]
    # It repeats a part of the text, which may hold what turns text around or is not seen.
    return said if said.isprintable() else said.encode("unicode_escape").decode()[:_MAX_MESSAGE]
