"""key=value on the command line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.cli.values import (
    InvalidValue,
    parse_dataset,
    parse_metric,
    parse_pair,
    parse_property,
)
from regesta.properties import property_value
from regesta.v1.version_pb2 import DatasetReference


@given(key=st.text(min_size=1).filter(lambda key: "=" not in key), value=st.text())
def test_a_pair_is_what_stands_on_both_sides_of_the_first_equals_sign(key, value):
    assert (key, value) == parse_pair(f"{key}={value}")


@pytest.mark.parametrize("text", ["", "key", "=value"])
def test_a_pair_without_key_or_sign_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_pair(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("k=3", 3),
        ("k=-3", -3),
        ("k=0", 0),
        ("k=9223372036854775807", (1 << 63) - 1),
        ("k=-9223372036854775808", -(1 << 63)),
        ("k=0.5", 0.5),
        ("k=1e-2", 0.01),
        ("k=true", True),
        ("k=false", False),
        ("k=True", "True"),
        ("k=007", "007"),
        ("k=1.2.3", "1.2.3"),
        ("k=nan", "nan"),
        ("k=1_000", "1_000"),
        ("k=", ""),
        ("k=a=b", "a=b"),
        ('k:="3"', "3"),
        ("k:=3", 3),
        ("k:=true", True),
        ("k:=[1, [2]]", [1, [2]]),
        ('k:={"a": {"b": null}}', {"a": {"b": None}}),
    ],
)
def test_a_property_has_the_type_that_its_text_shows(text, value):
    key, found = parse_property(text)
    assert ("k", value, type(value)) == (key, found, type(found))
    property_value(found)


@pytest.mark.parametrize(
    "text",
    [
        "k",
        "=3",
        "k:=",
        "k:=null",
        "k:={",
        "k:=NaN",
        "k=9223372036854775808",
        "k:=9223372036854775808",
        "k=" + "9" * 5000,
    ],
)
def test_a_property_without_a_value_that_can_be_kept_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_property(text)


def test_a_metric_is_a_number():
    assert ("auc", 0.93) == parse_metric("auc=0.93")
    with pytest.raises(InvalidValue):
        parse_metric("auc=high")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://a,b", DatasetReference(name="s3://a,b")),
        ("d,role=training", DatasetReference(name="d", role="training")),
        (
            "d=1,x,digest=md5:ab,role=test",
            DatasetReference(name="d=1,x", digest="md5:ab", role="test"),
        ),
    ],
)
def test_a_dataset_is_a_name_and_what_is_known_of_it(text, expected):
    assert expected == parse_dataset(text)


@pytest.mark.parametrize("text", ["", ",role=test"])
def test_a_dataset_without_a_name_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_dataset(text)
