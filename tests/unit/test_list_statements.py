"""Statements of lists are kept as text, which holds no value of a filter."""

from __future__ import annotations

from typing import Any

import pytest

from regesta_projections.filtering import (
    MODEL_ORDER,
    VERSION_ORDER,
    InvalidFilter,
    model_columns,
    parse_order,
    version_columns,
)
from regesta_service.reads.list_statements import (
    Listing,
    filter_of_now,
    models_statement,
    versions_statement,
)

BY_KEY = parse_order("", VERSION_ORDER)


def listing(filter: str = "", **different: Any) -> Listing:
    return Listing("acme", 7, BY_KEY, 100, filter_of_now(filter, version_columns))._replace(
        **different
    )


def texts(*listings: Listing, model: str | None = None) -> set[str]:
    return {versions_statement(one, model)[0].as_string() for one in listings}


def test_filters_of_one_form_share_a_statement_and_each_has_its_own_values():
    bank, shop = listing('tags.team = "bank"'), listing('tags.team = "shop"')

    query, parameters = versions_statement(bank, None)
    again, others = versions_statement(shop, None)

    assert query is again
    assert ["bank" in str(parameters), "shop" in str(parameters)] == [True, False]
    assert ["bank" in str(others), "shop" in str(others)] == [False, True]
    assert "bank" not in query.as_string()


def test_what_changes_the_rows_changes_the_statement():
    by_time = parse_order("update_time desc", VERSION_ORDER)
    versions = [
        listing(),
        listing("stage = production"),
        listing(order=by_time),
        listing(limit=10),
        listing(show_deleted=True),
        listing(after=["churn", 3]),
    ]

    assert len(versions) == len(texts(*versions))
    assert len(versions) == len(texts(*versions, model="churn"))
    assert texts(*versions).isdisjoint(texts(*versions, model="churn"))


def test_models_and_versions_are_listed_by_statements_of_their_own():
    models = Listing("acme", 7, parse_order("name", MODEL_ORDER), 100)

    assert models_statement(models)[0].as_string() not in texts(listing())


def test_one_filter_means_models_or_versions_by_where_it_is_asked():
    assert filter_of_now("kind = MODEL", model_columns)
    with pytest.raises(InvalidFilter):
        filter_of_now("kind = MODEL", version_columns)


def test_a_long_filter_is_not_kept():
    long = " OR ".join(f'source = "{"s" * 90}{number}"' for number in range(45))

    assert filter_of_now("stage = a", version_columns) is filter_of_now(
        "stage = a", version_columns
    )
    assert filter_of_now(long, version_columns) is not filter_of_now(long, version_columns)
    assert texts(listing(long)) == texts(listing(long))
