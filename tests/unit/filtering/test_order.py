from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta_projections.filtering import (
    MODEL_ORDER,
    VERSION_ORDER,
    InvalidOrder,
    SortFields,
    parse_order,
)

NOW = dt.datetime(2026, 11, 21, 12, 0, 0, 5, dt.timezone(dt.timedelta(hours=2)))


@pytest.mark.parametrize(
    ("text", "sortable", "clause"),
    [
        ("", MODEL_ORDER, 'ORDER BY "m"."model" COLLATE "C"'),
        (" ", VERSION_ORDER, 'ORDER BY "v"."model" COLLATE "C", "v"."number"'),
        (
            "name desc",
            MODEL_ORDER,
            'ORDER BY "m"."name_key" COLLATE "C" DESC, "m"."model" COLLATE "C" DESC',
        ),
        (
            "create_time DESC,model",
            VERSION_ORDER,
            'ORDER BY "v"."created_at" DESC, "m"."name_key" COLLATE "C",'
            ' "v"."model" COLLATE "C", "v"."number"',
        ),
        (
            " model asc , version\tdesc ",
            VERSION_ORDER,
            'ORDER BY "m"."name_key" COLLATE "C", "v"."number" DESC, "v"."model" COLLATE "C" DESC',
        ),
    ],
)
def test_an_order_ends_with_the_primary_key(text: str, sortable: SortFields, clause: str) -> None:
    assert clause == parse_order(text, sortable).sql().as_string(None)


def test_only_an_order_by_label_joins_the_labels() -> None:
    assert "" == parse_order("model, version desc", VERSION_ORDER).join.as_string(None)
    joined = parse_order("semver", VERSION_ORDER).join.as_string(None)
    assert joined.startswith("LEFT JOIN regesta.version_labels AS l ON ")


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("colour", 0, "versions have no order by `colour`; there are create_time, model"),
        ("model,  stage", 8, "no order by `stage`"),
        ("model,", 6, "one field"),
        (",model", 0, "one field"),
        ("model,,version", 6, "one field"),
        ("model down", 6, "asc or desc"),
        ("model desc desc", 0, "one field"),
        ("-model", 0, "one field"),
        ("model, model desc", 6, "named twice"),
        ("model\x00", 0, "one field"),
        ("x" * 1_001, 1_000, "at most 1000 characters"),
        ("ж" * 300, 0, "no order by `" + "ж" * 39 + "…`;"),
    ],
)
def test_what_is_no_order_is_refused(text: str, position: int, part: str) -> None:
    with pytest.raises(InvalidOrder) as refused:
        parse_order(text, VERSION_ORDER)
    assert position == refused.value.position
    assert part in refused.value.message


@given(st.text() | st.text("modelversndc ,\t"))
def test_any_text_is_an_order_or_refused(text: str) -> None:
    try:
        order = parse_order(text, VERSION_ORDER)
    except InvalidOrder as refusal:
        place = refusal.position
    else:
        place = 0
        assert len(order.keys) >= 2
    assert 0 <= place <= len(text)


def test_a_place_survives_json_and_names_its_time_in_utc() -> None:
    order = parse_order("create_time", VERSION_ORDER)
    place = order.key_of([NOW, "churn", 3])
    assert ["2026-11-21T10:00:00.000005+00:00", "churn", 3] == place
    assert [NOW, "churn", 3] == list(order.keyset(place).params.values())


def test_an_order_in_one_direction_pages_by_comparing_rows() -> None:
    up = parse_order("version", VERSION_ORDER).keyset([3, "churn"])
    down = parse_order("version desc", VERSION_ORDER).keyset([3, "churn"])
    columns = '("v"."number", "v"."model" COLLATE "C")'
    values = "(%(after_0)s::bigint, %(after_1)s::text)"
    assert f"({columns} > {values})" == up.sql.as_string(None)
    assert f"({columns} < {values})" == down.sql.as_string(None)


def test_an_order_in_two_directions_pages_from_a_range_of_its_first_key() -> None:
    mixed = parse_order("version desc, model", VERSION_ORDER).keyset([3, "churn", "churn"])

    assert mixed.sql.as_string(None).startswith('("v"."number" <= %(after_0)s::bigint AND (')


@pytest.mark.parametrize(
    "place",
    [
        [],
        ["2026-11-21T10:00:00+00:00", "churn"],
        ["2026-11-21T10:00:00+00:00", "churn", 3, 4],
        ["2026-11-21T10:00:00", "churn", 3],
        ["yesterday", "churn", 3],
        [7, "churn", 3],
        ["2026-11-21T10:00:00+00:00", 7, 3],
        ["2026-11-21T10:00:00+00:00", "chu\x00rn", 3],
        ["2026-11-21T10:00:00+00:00", "chu\ud800rn", 3],
        ["2026-11-21T10:00:00+00:00", "churn", "3"],
        ["2026-11-21T10:00:00+00:00", "churn", True],
        ["2026-11-21T10:00:00+00:00", "churn", 2**63],
        ["2026-11-21T10:00:00+00:00", None, 3],
    ],
)
def test_a_place_in_another_order_is_refused(place: list[object]) -> None:
    with pytest.raises(InvalidOrder, match="another order"):
        parse_order("create_time", VERSION_ORDER).keyset(place)


def test_only_what_json_holds_becomes_a_place() -> None:
    with pytest.raises(TypeError, match="bytes"):
        parse_order("version", VERSION_ORDER).key_of([3, b"churn"])
