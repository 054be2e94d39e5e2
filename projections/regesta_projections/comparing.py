"""Says whether columns hold what a row makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from regesta_projections.row_values import Values

_TEXT: Final = frozenset({str})


def same_values(expected: Values, found: Values) -> bool:
    """Say whether a row's columns, jsonb as objects, are what was expected."""
    return expected == found and _same_kinds(expected, found)


def _same_kinds(expected: Values, found: Values) -> bool:
    """Say whether equal values are so beyond Python's True == 1, which only JSON can hide."""
    return all(
        same(right, wrong)
        for right, wrong in zip(expected, found, strict=True)
        if type(right) is dict and not _TEXT.issuperset(map(type, right.values()))
    )


def same(expected: object, found: object) -> bool:
    """Say whether PostgreSQL holds what was expected."""
    match expected:
        case bool():
            return expected is found
        case float():
            # What a double spells in decimal comes back as whole number when it is one.
            return type(found) in {int, float} and expected == float(found)  # type: ignore[arg-type]
        case int():
            return type(found) is not bool and expected == found
        case dict():
            return (
                isinstance(found, dict)
                and expected.keys() == found.keys()
                and all(same(value, found[name]) for name, value in expected.items())
            )
        case list():
            return (
                isinstance(found, list)
                and len(expected) == len(found)
                and all(map(same, expected, found))
            )
        case _:
            return expected == found
