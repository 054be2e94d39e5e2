"""Printing a story: a question, the code that answers it, and the answer."""

from __future__ import annotations

import ast
import inspect
import os
import sys
import textwrap
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.demo.interrupting import Interruption

P = ParamSpec("P")
T = TypeVar("T")
E = TypeVar("E", bound=Exception)

_INDENT = "    "
_LABEL = 12
_WIDTH = 96


class NotRefused(Exception):
    """Something was allowed that must not be."""


class Telling:
    """Prints to standard output; with colours on a terminal that has not refused them.

    Args:
        interruption: Ends the story before the next question.
    """

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption
        self._colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        #: Questions answered so far.
        self.steps = 0

    def step(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Print a function's question and its code, run it and return its result.

        The question is the function's docstring, the code its body as it stands in the
        file: what is shown is what is run.
        """
        self.ask(inspect.getdoc(act) or act.__name__, _body(act))
        return act(*args, **kwargs)

    def refused(
        self, error: type[E], act: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> E:
        """Print and run a function that must be refused, and return the refusal.

        Raises:
            NotRefused: It was allowed.
        """
        try:
            self.step(act, *args, **kwargs)
        except error as refusal:
            return refusal
        raise NotRefused(f"{act.__name__} was allowed; it must be refused")

    def ask(self, question: str, code: str = "") -> None:
        """Print the next question, and the code that will answer it.

        Raises:
            Interrupted: Somebody wants the demo to end.
        """
        self._interruption.check()
        self.steps += 1
        print(f"\n{self._styled('1;36', f'{self.steps:2}  {question}')}")
        for line in code.splitlines():
            print(f"{_INDENT}{self._styled('2', f'| {line}')}")
        sys.stdout.flush()

    def say(self, label: str, text: str) -> None:
        """Print one fact of the answer, on further lines where it is long."""
        first, *more = textwrap.wrap(text, _WIDTH - _LABEL - 1, break_on_hyphens=False)
        print(f"{_INDENT}{self._styled('1', f'{label:<{_LABEL}}')} {first}")
        for line in more:
            print(f"{_INDENT}{' ' * _LABEL} {line}")
        sys.stdout.flush()

    def wrapped(self, text: str) -> None:
        """Print a long line of data, broken where the width ends."""
        for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False):
            print(f"{_INDENT}{line}")
        sys.stdout.flush()

    def title(self, text: str) -> None:
        """Print a line that stands out."""
        print(self._styled("1", text), flush=True)

    def plain(self, text: str) -> None:
        """Print a line of prose."""
        print(text, flush=True)

    def _styled(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colours else text


def _body(act: Callable[..., object]) -> str:
    """Return the lines of a function below its docstring.

    A last line that only returns what was computed before is left out, and so is the
    word `return` elsewhere.
    """
    source = textwrap.dedent(inspect.getsource(act))
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)  # noqa: S101 - for the type checker
    last = function.body[-1]
    end = last.end_lineno
    if isinstance(last, ast.Return) and isinstance(last.value, ast.Name | ast.Tuple):
        names = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
        if all(isinstance(name, ast.Name) for name in names):
            end = last.lineno - 1
    body = "\n".join(source.splitlines()[function.body[1].lineno - 1 : end])
    return "\n".join(line.removeprefix("return ") for line in textwrap.dedent(body).splitlines())
