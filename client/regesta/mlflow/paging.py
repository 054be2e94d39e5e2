"""Pages as MLflow wants them, from pages of ours.

A token of ours leads to the page behind one; one of MLflow's says where in such a page to go on,
since a page of MLflow's may end in the middle of one of ours.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from regesta.mlflow.failing import invalid

T = TypeVar("T")

#: As many as a page of ours may have.
LARGEST: Final = 1_000


class Place(NamedTuple):
    """Where to go on: at so many entries into the page that a token of ours leads to."""

    token: str = ""
    skip: int = 0


#: A page of ours: token and size to its entries, and the token of the page behind.
Fetch = Callable[[str, int], tuple[Sequence[T], str]]


def read_place(token: str | None) -> Place:
    """Return the place that a page token means; without one the beginning.

    Raises:
        MlflowException: It is none of ours.
    """
    if not token:
        return Place()
    try:
        decoded = base64.b64decode(token)
    except (binascii.Error, TypeError, ValueError):
        raise invalid("Invalid page token, could not base64-decode") from None
    try:
        content = json.loads(decoded)
    except ValueError:
        raise invalid(f"Invalid page token, decoded value={decoded!r}") from None
    match content:
        case {"token": str(page), "skip": int(skip)} if 0 <= skip <= LARGEST:
            return Place(page, skip)
        case _:
            raise invalid(f"Invalid page token, parsed value={content}")


def write_place(place: Place) -> str:
    """Return the page token of a place."""
    return base64.b64encode(json.dumps(place._asdict()).encode()).decode()


def take(
    fetch: Fetch[T], means: Callable[[T], bool], start: Place, wanted: int, *, exact: bool
) -> tuple[list[T], str | None]:
    """Return up to so many entries that are meant, and the token of what comes behind them.

    Args:
        fetch: Fetches pages of ours.
        means: Whether an entry is meant.
        start: Where to begin.
        wanted: How many at most.
        exact: Whether every entry that is fetched is meant, so that another page of ours means
            another one of MLflow's.

    Raises:
        RegestaError: A call failed.
    """
    found: list[T] = []
    if exact and not start.skip and wanted <= LARGEST:
        entries, behind = fetch(start.token, wanted)
        if len(entries) == wanted or not behind:
            return list(entries), write_place(Place(behind)) if behind else None
    for entry, place in _walk(fetch, start, min(LARGEST, start.skip + wanted + 1)):
        if means(entry):
            if len(found) == wanted:
                return found, write_place(place)
            found.append(entry)
    return found, None


def _walk(fetch: Fetch[T], start: Place, size: int) -> Iterator[tuple[T, Place]]:
    """Yield entries and their places, from a place on."""
    token, skip = start
    while True:
        entries, behind = fetch(token, size)
        for number, entry in enumerate(entries[skip:], skip):
            yield entry, Place(token, number)
        if not behind:
            return
        token, skip = behind, 0


def expect_at_most(size: int, most: int) -> None:
    """Refuse a page that would be too large, in MLflow's words.

    Raises:
        MlflowException: It has more entries than a page may have.
    """
    if size > most:
        raise invalid(
            "Invalid value for request parameter max_results. It must be at most "
            f"{most}, but got value {size}"
        )
