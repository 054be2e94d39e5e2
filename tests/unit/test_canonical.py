"""Canonical JSON against RFC 8785 and an independent implementation of it."""

from __future__ import annotations

import enum
import json
import math
import struct
from datetime import UTC, datetime

import msgspec
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from regesta_projections.canonical import (
    MAX_INTEGER,
    NotCanonical,
    decimal_text,
    decimal_value,
    encode,
    encode_json,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
integers = st.integers(-MAX_INTEGER, MAX_INTEGER)
# Names on both sides of the surrogates, whose order differs between UTF-8 and UTF-16.
names = texts | st.sampled_from(["\ufb33", "\U0001f600", "\ue000", "\U00010000", "a\U0010ffff"])


def json_values(scalars: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.recursive(
        scalars,
        lambda parts: st.lists(parts, max_size=5) | st.dictionaries(names, parts, max_size=5),
        max_leaves=20,
    )


values = json_values(st.none() | st.booleans() | integers | texts)
values_with_floats = json_values(
    st.none() | integers | texts | st.floats(allow_nan=False, allow_infinity=False)
)


class Colour(enum.Enum):
    RED = "red"


class Shade(msgspec.Struct, frozen=True, omit_defaults=True):
    tone: str
    alpha: int | None = None
    Zeta: str | msgspec.UnsetType = msgspec.UNSET
    beyond: str = msgspec.field(default="", name="\U0001f600")
    before: str = msgspec.field(default="", name="\ufb33")


class Tagged(msgspec.Struct, tag_field="kind", tag="tagged"):
    shade: Shade
    a: list[Shade]
    colour: Colour


@given(values)
@example({"\U0001f600": 1, "\ufb33": 2, "é": 3, "\r": 4, "a": {"\U0001f600": 1, "\uffff": 2}})
def test_records_are_written_as_the_oracle_writes_them(value):
    assert rfc8785.dumps(value) == encode(value)


@given(values_with_floats)
def test_any_json_is_written_as_the_oracle_writes_it(value):
    assert rfc8785.dumps(value) == encode_json(value)


@given(values)
def test_what_was_written_reads_back(value):
    assert value == json.loads(encode(value))


@pytest.mark.parametrize("character", [chr(code) for code in range(0x21)] + list('"\\/\x7f\u2028'))
def test_control_characters_are_escaped_as_in_the_rfc(character):
    assert rfc8785.dumps({character: character}) == encode({character: character})


def test_the_example_of_the_rfc_is_written_as_there():
    # RFC 8785, section 3.2.2, without its floating point numbers; 3.2.4 gives the bytes.
    value = {
        "string": '€$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }

    expected = (
        b'{"literals":[null,true,false],"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert expected == encode(value)


def test_members_are_sorted_by_utf16_as_in_the_rfc():
    # RFC 8785, section 3.2.3.
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }

    expected = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert expected == list(json.loads(encode(value)))
    assert expected == list(json.loads(encode_json(value)))


def test_fields_of_a_struct_are_sorted_whatever_their_declaration():
    shade = Shade("warm", 3, "z", "emoji", "dalet")

    expected = '{"Zeta":"z","alpha":3,"tone":"warm","\U0001f600":"emoji","\ufb33":"dalet"}'
    assert expected.encode() == encode(shade)


def test_a_tag_is_sorted_among_the_fields():
    tagged = Tagged(Shade("warm"), [Shade("cold", 1)], Colour.RED)

    expected = (
        b'{"a":[{"alpha":1,"tone":"cold"}],"colour":"red","kind":"tagged","shade":{"tone":"warm"}}'
    )
    assert expected == encode(tagged)


def test_times_are_written_in_utc_and_raw_parts_verbatim():
    time = datetime(2026, 11, 21, 4, 2, 3, 500, tzinfo=UTC)

    expected = b'{"data":{"a":1},"time":"2026-11-21T04:02:03.000500Z"}'
    assert expected == encode({"time": time, "data": msgspec.Raw(encode({"a": 1}))})


@pytest.mark.parametrize(
    "value",
    [
        0.0,
        1.5,
        math.nan,
        [{"deep": [math.nan]}],
        {"a": 0.0},
        (0.0,),
        Shade("warm", 0.0),  # type: ignore[arg-type]  # what a type checker would have found
        MAX_INTEGER + 1,
        {"a": [-MAX_INTEGER - 1]},
        Shade("warm", 2**53),
        {1: "one"},
        {"a": {None: 1}},
        {"a": {1, 2}},
        pytest.param(object(), id="object()"),
        "\ud800",
        {"\ud800": 1},
        {"a": "\udfff"},
    ],
    ids=repr,
)
def test_what_records_may_not_hold_is_refused(value):
    with pytest.raises(NotCanonical):
        encode(value)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, [-math.inf], 2**53, {1: 2}, "\ud800", {"\ud800": 1}, {1, 2}, b"bytes"],
    ids=repr,
)
def test_what_is_not_json_is_refused(value):
    with pytest.raises(NotCanonical):
        encode_json(value)


@pytest.mark.parametrize("write", [encode, encode_json])
def test_bottomless_nesting_is_refused(write):
    value: list[object] = []
    value.append(value)

    with pytest.raises(NotCanonical):
        write(value)


# RFC 8785, appendix B: bit patterns and how ECMAScript writes them.
@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "-0"),  # ours; ECMAScript drops the sign
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_decimal_text_is_that_of_the_rfc(bits, text):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))

    assert text == decimal_text(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_survives_as_text_to_the_last_bit(number):
    restored = decimal_value(decimal_text(number))

    assert struct.pack(">d", number) == struct.pack(">d", restored)


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: number != 0))
def test_decimal_text_is_what_the_oracle_writes(number):
    assert rfc8785.dumps(number) == decimal_text(number).encode()


def test_a_whole_number_has_no_decimal_point():
    assert decimal_text(3) == "3"
    assert decimal_text(1e20) == "100000000000000000000"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_only_finite_numbers_have_a_decimal_text(number):
    with pytest.raises(ValueError, match="finite"):
        decimal_text(number)


@pytest.mark.parametrize(
    "text",
    ["", "nan", "inf", "-Infinity", "1_0", " 1", "1\n", "01", "+1", ".5", "5.", "0x1", "1e", "٣"],
)
def test_other_notations_are_no_decimal_value(text):
    with pytest.raises(ValueError, match="not a decimal number"):
        decimal_value(text)


def test_a_decimal_beyond_doubles_is_refused():
    with pytest.raises(ValueError, match="too large"):
        decimal_value("1e309")
    with pytest.raises(ValueError, match="not a decimal number"):
        decimal_value("9" * 65)
