"""docs/reference/errors.md has every reason, and no other."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from regesta_service import api
from regesta_service.domain import rejections
from regesta_service.domain.rejections import Kind, Rejection

PAGE = Path(__file__).parents[3] / "docs/reference/errors.md"
API = Path(inspect.getfile(api)).parent
KINDS = list(Kind)


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def table_under(heading):
    """Return the rows of the page's table under a heading, without the table's head."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def refusals():
    return [
        thing
        for thing in vars(rejections).values()
        if isinstance(thing, type) and issubclass(thing, Rejection) and thing is not Rejection
    ]


def statuses_of_the_call():
    """Return the reasons that the API gives beside refusals, each with its code."""
    for file in sorted(API.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name(id="call_error") | ast.Attribute(attr="call_error"),
                    args=[ast.Attribute(attr=code), ast.Constant(value=reason), *_],
                ):
                    yield code, reason
                case _:
                    pass


def test_the_page_has_every_refusal_as_its_class_tells_it():
    told = [
        row(f"`{kind.reason}`", kind.kind.value, " ".join((inspect.getdoc(kind) or "").split()))
        for kind in sorted(refusals(), key=lambda kind: KINDS.index(kind.kind))
    ]

    assert told == table_under("Refusals")


def test_the_page_has_every_status_of_the_call_itself():
    told = {row(f"`{reason}`", code) for code, reason in statuses_of_the_call()}

    assert len(told) >= 6
    assert told == {row(*line.split(" | ")[:2])[2:] for line in table_under("The call itself")}


def test_every_reason_is_upper_snake_and_means_one_thing():
    reasons = [kind.reason for kind in refusals()]

    assert all(re.fullmatch(r"[A-Z]+(_[A-Z]+)*", reason) for reason in reasons)
    assert len(reasons) == len(set(reasons))
