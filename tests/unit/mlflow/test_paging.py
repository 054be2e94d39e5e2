from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException

from regesta.mlflow.paging import Place, read_place, take, write_place


def _served(entries: list[int], most: int):
    """Return a server's pages of some entries, none longer than `most`."""

    def fetch(token: str, size: int) -> tuple[Sequence[int], str]:
        start = int(token or 0)
        end = start + min(size, most)
        return entries[start:end], str(end) if end < len(entries) else ""

    return fetch


@given(
    st.lists(st.integers(0, 9), max_size=60),
    st.integers(1, 20),
    st.lists(st.integers(1, 25), min_size=1, max_size=4),
    st.booleans(),
)
def test_pages_of_any_sizes_give_every_entry_once(
    entries: list[int], most: int, sizes: list[int], exact: bool
) -> None:
    def means(entry: int) -> bool:
        return exact or entry % 2 == 0

    got, token, turn = [], None, 0
    while turn == 0 or token:
        wanted = sizes[turn % len(sizes)]
        page, token = take(_served(entries, most), means, read_place(token), wanted, exact=exact)
        assert len(page) == wanted or token is None
        got += page
        turn += 1
    assert got == [entry for entry in entries if means(entry)]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40), st.integers(1, 40))
def test_a_token_means_that_something_follows(entries: list[int], wanted: int) -> None:
    page, token = take(_served(entries, 7), lambda entry: entry < 5, Place(), wanted, exact=False)
    follows = len([entry for entry in entries if entry < 5]) > len(page)
    assert (token is not None) == follows


def test_a_page_that_is_exact_costs_one_call() -> None:
    calls = []

    def fetch(token: str, size: int) -> tuple[Sequence[int], str]:
        calls.append((token, size))
        return list(range(size)), "next"

    page, token = take(fetch, lambda _: True, Place(), 5, exact=True)
    assert (page, calls) == ([0, 1, 2, 3, 4], [("", 5)])
    assert token == write_place(Place("next"))


def test_a_token_leads_back() -> None:
    assert read_place(write_place(Place("abc", 3))) == Place("abc", 3)
    assert read_place(None) == read_place("") == Place()


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("evilhax", "could not base64-decode"),
        ("Z2FyYmFnZQ==", "decoded value"),
        ("eyJvZmZzZXQiOiAyfQ==", "parsed value"),  # {"offset": 2}, a token of MLflow's own store
        (write_place(Place("x", -1)), "parsed value"),
    ],
)
def test_other_tokens_are_refused_as_mlflow_does(token: str, why: str) -> None:
    with pytest.raises(MlflowException, match=f"Invalid page token, {why}") as refused:
        read_place(token)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
