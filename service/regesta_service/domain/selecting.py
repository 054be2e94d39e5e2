"""Which models something is for: exact names, beginnings of names, or all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: A model's name, or its beginning and a star.
PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\*?|\*")


class ForModels(Protocol):
    """Something that is for some models."""

    @property
    def models(self) -> Sequence[str]:
        """Names that models were created with, or beginnings ending in `*`; none means all."""


T = TypeVar("T", bound=ForModels)


def exactness(model: str, patterns: Sequence[str]) -> int:
    """Return how exactly patterns name a model, without regard to case; -1 when they do not.

    The exact name goes before a beginning, a longer beginning before a shorter, and any
    before what is for all.
    """
    if not patterns:
        return 0
    folded = model.lower()
    best = -1
    for pattern in patterns:
        text = pattern.lower()
        if not text.endswith("*"):
            if text == folded:
                # Longer than every beginning may be.
                return 1_000
        elif folded.startswith(text[:-1]):
            best = max(best, len(text))
    return best


def is_for(model: str, thing: ForModels) -> bool:
    """Say whether something is for a model."""
    return exactness(model, thing.models) >= 0


def best_for(model: str, things: Iterable[T]) -> T | None:
    """Return the one that names a model most exactly, the first of several."""
    best, found = -1, None
    for thing in things:
        how = exactness(model, thing.models)
        if how > best:
            best, found = how, thing
    return found


def overlap(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Say whether two choices are equally exact for some model: they share a pattern."""
    if not ours or not theirs:
        return not ours and not theirs
    return not {text.lower() for text in ours}.isdisjoint(text.lower() for text in theirs)
