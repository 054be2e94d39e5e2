"""Every condition that a field can answer, with every value of the catalog's pools."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from regesta_projections.filtering.fields import (
    AliasField,
    ChoiceField,
    Columns,
    Field,
    FlagField,
    IntegerField,
    NameField,
    NumberMap,
    SemverField,
    TextField,
    TextMap,
    TimeField,
    ValueMap,
)
from regesta_projections.filtering.syntax import (
    ANYTHING,
    Boolean,
    Condition,
    Literal,
    Number,
    Operator,
    Pattern,
    Text,
)
from tests.integration.filtering.catalog import (
    ALIASES,
    KEYS,
    KINDS,
    LONG_KEY,
    NAMES,
    NUMBERS,
    SEMVERS,
    TEXTS,
    TIMES,
)

HAS = [Operator.HAS]
EQUALITIES = [Operator.EQUAL, Operator.UNEQUAL]
COMPARISONS = [operator for operator in Operator if operator is not Operator.HAS]

_FLAGS: list[Literal] = [Boolean(value=True), Boolean(value=False)]
_NUMBERS: list[Literal] = [Number(repr(number)) for number in NUMBERS]
_INTEGERS = [Number(str(number)) for number in (-1, 0, 1, 7, 14, 15)]
_TIMES = [Text(time.isoformat()) for time in TIMES]
# A field of text takes them for what they look like.
_LOOKALIKES: list[Literal] = [Number("10"), Number("9"), Boolean(value=True)]


def questions(columns: Columns) -> list[Condition]:
    """Return conditions on every field of a resource."""
    return [question for name in columns.fields for question in questions_on(name, columns)]


def questions_on(name: str, columns: Columns) -> list[Condition]:
    """Return conditions on one field of a resource."""
    return list(_of(name, columns.fields[name]))


def _of(name: str, field: Field) -> Iterable[Condition]:
    presence = _ask(name, HAS, [ANYTHING])
    match field:
        case TextField():
            pool = [text for text in TEXTS if text or not field.optional]
            return [*presence, *_on_text(name, pool)]
        case NameField():
            return [*presence, *_on_text(name, [*NAMES, "CHURN", "zz"])]
        case ChoiceField():
            return [*presence, *_ask(name, EQUALITIES, _texts(KINDS))]
        case IntegerField():
            return [*presence, *_ask(name, COMPARISONS, _INTEGERS)]
        case TimeField():
            return [*presence, *_ask(name, COMPARISONS, _TIMES)]
        case FlagField():
            return _ask(name, EQUALITIES, _FLAGS)
        case SemverField():
            patterns = _ask(name, EQUALITIES, _patterns(SEMVERS))
            return [*presence, *patterns, *_ask(name, COMPARISONS, _texts(SEMVERS))]
        case AliasField():
            literals = [*_texts(ALIASES), *_patterns(ALIASES)]
            return _ask(name, [Operator.EQUAL, Operator.HAS], literals)
        case TextMap() | NumberMap() | ValueMap():
            keys = [*KEYS, LONG_KEY]
            by_key = _ask(name, HAS, [ANYTHING, *_texts(keys)])
            return [*by_key, *_ask(name, HAS, [ANYTHING], keys), *_on_entry(name, field, keys)]


def _on_text(name: str, pool: Sequence[str]) -> list[Condition]:
    compared = _ask(name, COMPARISONS, [*_texts(pool), *_LOOKALIKES])
    return [*compared, *_ask(name, EQUALITIES, _patterns(pool))]


def _on_entry(
    name: str, field: TextMap | NumberMap | ValueMap, keys: Sequence[str]
) -> list[Condition]:
    equal = [*EQUALITIES, Operator.HAS]
    texts: list[Literal] = [*_texts(TEXTS), *_patterns(TEXTS)]
    match field:
        case TextMap():
            return _ask(name, equal, [*texts, *_LOOKALIKES], keys)
        case NumberMap():
            return _ask(name, Operator, _NUMBERS, keys)
        case ValueMap():
            return [
                *_ask(name, equal, [*texts, *_FLAGS], keys),
                *_ask(name, COMPARISONS, _texts(TEXTS), keys),
                *_ask(name, Operator, _NUMBERS, keys),
            ]


def _ask(
    name: str,
    operators: Iterable[Operator],
    literals: Iterable[Literal],
    keys: Iterable[str | None] = (None,),
) -> list[Condition]:
    asked = itertools.product(keys, operators, literals)
    return [Condition(name, key, operator, literal) for key, operator, literal in asked]


def _texts(pool: Iterable[str]) -> list[Literal]:
    return [Text(text) for text in pool]


def _patterns(pool: Iterable[str]) -> list[Literal]:
    """Every beginning of a text, and of each text an end, a part, and one without a part."""
    patterns: set[tuple[str, ...]] = {
        (text[:length], "") for text in pool for length in range(len(text) + 1)
    }
    for text in filter(None, pool):
        patterns |= {("", text[1:]), ("", text[len(text) // 2 :][:1], ""), (text[:1], text[-1:])}
        patterns.add(("", text[0], text[-1], ""))
    return [Pattern(pieces) for pieces in sorted(patterns)]
