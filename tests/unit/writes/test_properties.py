"""Typed properties, and that what is registered is what is read."""

from __future__ import annotations

import math
import string

import pytest
from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value
from hypothesis import given as for_all
from hypothesis import strategies as st

from regesta.v1.version_pb2 import (
    DatasetReference,
    Lineage,
    ManifestReference,
    PropertyValue,
    Signature,
    TensorSpec,
    Version,
)
from regesta_projections import events as e
from regesta_projections.rows import VersionKey, VersionRow
from regesta_service.domain.limits import (
    MAX_PROPERTIES,
    MAX_PROPERTY_DEPTH,
    MAX_PROPERTY_TEXT,
)
from tests.unit.domain.specification import created, given
from tests.unit.writes.requests import content, refused_version, register

#: What a caller does not give.
_DECIDED = {"version", "stage", "create_time", "update_time", "created_by", "updated_by", "etag"}

PATH = 'version.properties["p"]'


def of(value):
    return Version(properties={"p": value})


def listed(*values):
    result = PropertyValue()
    result.list_value.SetInParent()
    result.list_value.values.extend(values)
    return result


def nested(*kinds):
    """Return a property of lists and objects within each other, the outermost first."""
    value = Value(bool_value=True)
    for kind in reversed(kinds):
        if kind == "list":
            value = Value(list_value=ListValue(values=[value]))
        else:
            value = Value(struct_value=Struct(fields={"k": value}))
    if kinds[0] == "list":
        return PropertyValue(list_value=value.list_value)
    return PropertyValue(struct_value=value.struct_value)


@pytest.mark.parametrize(
    ("given_value", "in_event"),
    [
        (PropertyValue(string_value=""), e.PropertyValue(string_value="")),
        (PropertyValue(int_value=0), e.PropertyValue(int_value="0")),
        (PropertyValue(int_value=-(2**63)), e.PropertyValue(int_value="-9223372036854775808")),
        (PropertyValue(double_value=0), e.PropertyValue(double_value="0")),
        (PropertyValue(double_value=1e-7), e.PropertyValue(double_value="1e-7")),
        (PropertyValue(bool_value=False), e.PropertyValue(bool_value=False)),
        (listed(), e.PropertyValue(list_json="[]")),
        (
            listed(Value(null_value=NULL_VALUE), Value(number_value=1.0), Value(string_value="é")),
            e.PropertyValue(list_json='[null,1,"é"]'),
        ),
        (PropertyValue(struct_value=Struct()), e.PropertyValue(struct_json="{}")),
        (
            PropertyValue(
                struct_value=Struct(
                    fields={"b": Value(bool_value=True), "a": Value(number_value=0.5)}
                )
            ),
            e.PropertyValue(struct_json='{"a":0.5,"b":true}'),
        ),
    ],
)
def test_a_value_keeps_its_type(given_value, in_event):
    assert content(of(given_value)).properties == {"p": in_event}


def test_a_value_is_of_one_of_the_kinds():
    refused_version(of(PropertyValue()), PATH)
    refused_version(of(listed(Value())), PATH)


def test_there_are_at_most_1000():
    most = {f"key-{n}": PropertyValue(bool_value=True) for n in range(MAX_PROPERTIES)}

    assert len(content(Version(properties=most)).properties) == MAX_PROPERTIES
    most["more"] = PropertyValue(bool_value=True)
    refused_version(Version(properties=most), "version.properties")


@pytest.mark.parametrize("key", ["", "k" * 251, "a\nb"])
def test_keys_keep_the_rule_of_tags(key):
    properties = {key: PropertyValue(bool_value=True)}

    refused_version(Version(properties=properties), "version.properties")


def test_a_text_is_bounded_wherever_it_stands():
    most = "é" * MAX_PROPERTY_TEXT
    wrong = [most + "x", "a\0b", "a\x7fb"]

    assert content(of(PropertyValue(string_value=most))) is not None
    assert content(of(listed(Value(string_value=most)))) is not None
    assert content(of(PropertyValue(string_value="1\n2"))) is not None
    for text in wrong:
        refused_version(of(PropertyValue(string_value=text)), PATH)
        refused_version(of(listed(Value(string_value=text))), PATH)
        struct = Struct(fields={text: Value(bool_value=True)})
        refused_version(of(PropertyValue(struct_value=struct)), PATH)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_is_finite_wherever_it_stands(number):
    refused_version(of(PropertyValue(double_value=number)), PATH)
    refused_version(of(listed(Value(number_value=number))), PATH)


# An object costs three messages a level, so protobuf's own limit of 100 allows 32 and no more.
@pytest.mark.parametrize("kinds", [["list"], ["struct"], ["list", "struct"]])
def test_lists_and_objects_may_be_nested_32_deep(kinds):
    kinds = kinds * MAX_PROPERTY_DEPTH

    assert content(of(nested(*kinds[:MAX_PROPERTY_DEPTH]))) is not None


@pytest.mark.parametrize("kinds", [["list"], ["list", "struct"], ["struct", "list"]])
def test_lists_and_objects_are_not_nested_deeper(kinds):
    kinds = kinds * (MAX_PROPERTY_DEPTH + 1)

    refused_version(of(nested(*kinds[: MAX_PROPERTY_DEPTH + 1])), PATH)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\t\n\r"), max_size=20
)
LINES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
KEYS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
VALUES = st.recursive(
    st.just(Value(null_value=NULL_VALUE))
    # Negative zero loses its sign in JSON (RFC 8785).
    | NUMBERS.map(lambda number: Value(number_value=number or 0.0))
    | TEXTS.map(lambda text: Value(string_value=text))
    | st.booleans().map(lambda value: Value(bool_value=value)),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda values: Value(list_value=ListValue(values=values)))
        | st.dictionaries(LINES, inner, max_size=3).map(
            lambda fields: Value(struct_value=Struct(fields=fields))
        )
    ),
    max_leaves=8,
)
PROPERTIES = (
    TEXTS.map(lambda text: PropertyValue(string_value=text))
    | st.integers(-(2**63), 2**63 - 1).map(lambda number: PropertyValue(int_value=number))
    | NUMBERS.map(lambda number: PropertyValue(double_value=number))
    | st.booleans().map(lambda value: PropertyValue(bool_value=value))
    | st.lists(VALUES, max_size=3).map(
        lambda values: PropertyValue(list_value=ListValue(values=values))
    )
    | st.dictionaries(LINES, VALUES, max_size=3).map(
        lambda fields: PropertyValue(struct_value=Struct(fields=fields))
    )
)
SHAS = st.text(string.digits + "abcdef", min_size=64, max_size=64).map("sha256:".__add__)
SIZES = st.integers(0, 2**63 - 1)
SPECS = st.lists(
    st.builds(
        TensorSpec,
        name=LINES,
        data_type=LINES,
        shape=st.lists(st.integers(-1, 2**63 - 1), max_size=3),
        optional=st.booleans(),
    ),
    max_size=3,
)
VERSIONS = st.builds(
    Version,
    semver=st.sampled_from(["", "1.2.3-rc.1+b"]),
    source=LINES,
    digest=st.just("") | SHAS,
    size_bytes=SIZES,
    manifest=st.none()
    | st.builds(ManifestReference, digest=SHAS, size_bytes=SIZES, media_type=LINES, uri=LINES),
    signature=st.none() | st.builds(Signature, inputs=SPECS, outputs=SPECS, params=SPECS),
    properties=st.dictionaries(KEYS, PROPERTIES, max_size=3),
    params=st.dictionaries(KEYS, TEXTS, max_size=3),
    metrics=st.dictionaries(KEYS, NUMBERS, max_size=3),
    lineage=st.none()
    | st.builds(
        Lineage,
        run=LINES,
        repository=LINES,
        commit=LINES,
        parents=st.lists(LINES, max_size=3),
        datasets=st.lists(
            st.builds(DatasetReference, name=LINES, digest=st.just("md5:x"), role=LINES),
            max_size=2,
        ),
    ),
    tags=st.dictionaries(KEYS, TEXTS, max_size=3),
)


@for_all(VERSIONS)
def test_what_is_registered_is_what_is_folded_from_the_record(version):
    when = given(created()).when(register(version).command)
    (fact,) = when.decide().facts

    after = when.then((fact.stream, fact.event))

    row = after.row(VersionKey("churn", 1))
    assert isinstance(row, VersionRow)
    found = row.resource.ListFields()
    assert version.ListFields() == [item for item in found if item[0].name not in _DECIDED]
