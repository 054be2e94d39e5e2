"""Statements of lists are kept as text, which holds no value of a filter."""

from __future__ import annotations

from datetime import UTC, datetime
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
    conditions_of,
    count_statement,
    models_statement,
    versions_statement,
)
from regesta_service.reads.then import AsOf

BY_KEY = parse_order("", VERSION_ORDER)


def listing(filter: str = "", as_of: AsOf | None = None, **different: Any) -> Listing:
    where, found = conditions_of(filter, version_columns, as_of)
    return Listing("acme", 7, BY_KEY, 100, where, as_of=as_of, found=found)._replace(**different)


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


@pytest.mark.parametrize("model", ["churn", None])
@pytest.mark.parametrize("filter", ["", 'tags.team = "bank"', "stage = production"])
def test_moments_share_a_statement_and_each_has_its_own_values(filter: str, model: str | None):
    early, late = (listing(filter, AsOf(position)) for position in (3, 70_001))
    times = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2)]
    january, february = (listing(filter, AsOf(70_001, time)) for time in times)

    query, parameters = versions_statement(early, model)
    again, others = versions_statement(late, model)
    by_time, occurred = versions_statement(january, model)
    by_time_again, others_occurred = versions_statement(february, model)

    assert query is again
    assert by_time is by_time_again
    assert query is not by_time
    assert [3, 70_001] == [parameters["as_of"], others["as_of"]]
    assert "effective_at" not in parameters
    assert times == [occurred["effective_at"], others_occurred["effective_at"]]


def test_what_is_counted_first_is_kept_as_text_too():
    early, late = (listing('tags.team = "bank"', AsOf(position)) for position in (3, 70_001))

    query, parameters = count_statement(early, "churn")
    again, others = count_statement(late, "churn")

    assert query is again
    assert [3, 70_001] == [parameters["as_of"], others["as_of"]]
    assert query is not count_statement(early, None)[0]
    assert query is not versions_statement(early, "churn")[0]


def test_what_an_index_of_the_history_finds_matters_of_versions_of_then_alone():
    team = 'tags.team = "bank"'

    assert conditions_of(team, version_columns, AsOf(3)).found is not None
    assert conditions_of(team, model_columns, AsOf(3)).found is None
    assert conditions_of(team, version_columns).found is None


@pytest.mark.parametrize("as_of", [None, AsOf(3), AsOf(3, datetime(2026, 1, 1, tzinfo=UTC))])
def test_what_changes_the_rows_changes_the_statement(as_of: AsOf | None):
    by_time = parse_order("update_time desc", VERSION_ORDER)
    versions = [
        listing(as_of=as_of),
        listing("stage = production", as_of),
        listing("stage = production", as_of, found=None),
        listing(as_of=as_of, order=by_time),
        listing(as_of=as_of, limit=10),
        listing(as_of=as_of, show_deleted=True),
        listing(as_of=as_of, after=["churn", 3]),
    ]
    if as_of is None:  # of which there is nothing to be found
        del versions[2]

    assert len(versions) == len(texts(*versions))
    assert len(versions) == len(texts(*versions, model="churn"))
    assert texts(*versions).isdisjoint(texts(*versions, model="churn"))


def test_models_and_versions_are_listed_by_statements_of_their_own():
    models = Listing("acme", 7, parse_order("name", MODEL_ORDER), 100)

    assert models_statement(models)[0].as_string() not in texts(listing())


def test_one_filter_means_models_or_versions_by_where_it_is_asked():
    assert conditions_of("kind = MODEL", model_columns)
    with pytest.raises(InvalidFilter):
        conditions_of("kind = MODEL", version_columns)


def test_a_long_filter_is_not_kept():
    long = " OR ".join(f'source = "{"s" * 90}{number}"' for number in range(45))

    assert conditions_of("stage = a", version_columns) is conditions_of(
        "stage = a", version_columns
    )
    assert conditions_of(long, version_columns) is not conditions_of(long, version_columns)
    assert texts(listing(long)) == texts(listing(long))
