from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from regesta_projections.filtering import InvalidFilter, parse_filter, print_filter
from regesta_projections.filtering.errors import MAX_ECHO, excerpt
from regesta_projections.filtering.syntax import (
    MAX_DEPTH,
    MAX_TERMS,
    And,
    Boolean,
    Condition,
    Node,
    Not,
    Number,
    Operator,
    Or,
    Pattern,
    Text,
)
from regesta_projections.filtering.tokens import MAX_CHARACTERS, MAX_PATTERN, MAX_WILDCARDS
from tests.unit.filtering.trees import nearly_filters, trees


def equal(field: str, literal: str) -> Condition:
    return Condition(field, None, Operator.EQUAL, Text(literal))


def attempt(text: str) -> Node | InvalidFilter | None:
    try:
        return parse_filter(text)
    except InvalidFilter as refusal:
        return refusal


A, B, C, D = (equal(field, "x") for field in "abcd")


@given(trees)
def test_a_printed_tree_reads_as_itself(tree: Node) -> None:
    assert tree == parse_filter(print_filter(tree))


@given(nearly_filters | st.text())
@example("(" * 5_000)
@example("NOT " * 2_500)
@example("-" * MAX_CHARACTERS)
@example("a=" * 5_000)
@example('"' * 9_999)
@example("'" + "\\" * 9_998)
@example("a" * (MAX_CHARACTERS + 1))
def test_any_text_is_a_filter_or_refused_with_a_position(text: str) -> None:
    read = attempt(text)
    if isinstance(read, InvalidFilter):
        assert 0 <= read.position <= len(text)
        assert f"{read.message} (at character {read.position})" == str(read)
    else:
        assert read == parse_filter(print_filter(read))


@given(st.integers(1, 200), st.sampled_from(["{}", "{} = 1 AND", "'{}'", "a LIKE {}", "a = 1 {}"]))
def test_a_refusal_repeats_little_of_the_text(length: int, template: str) -> None:
    # No message of ours has this letter.
    text = template.format("ж" * length)
    with pytest.raises(InvalidFilter) as refused:
        parse_filter(text)
    assert str(refused.value).count("ж") <= MAX_ECHO


def test_an_excerpt_is_cut_and_printable() -> None:
    assert "`short`" == excerpt("short")
    assert "`" + "a" * 39 + "…`" == excerpt("a" * 41)
    assert "`a\ufffdb`" == excerpt("a\nb")


@pytest.mark.parametrize("text", ["", " ", "\t\r\n"])
def test_an_empty_filter_has_no_tree(text: str) -> None:
    assert parse_filter(text) is None


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a = x AND b = x OR c = x", And((A, Or((B, C))))),
        ("a = x OR b = x AND c = x OR d = x", And((Or((A, B)), Or((C, D))))),
        ("(a = x AND b = x) OR c = x", Or((And((A, B)), C))),
        ("NOT a = x OR b = x", Or((Not(A), B))),
        ("-a = x AND -(b = x)", And((Not(A), Not(B)))),
        ("NOT (NOT a = x)", Not(Not(A))),
        ("((a = x))", A),
        ("a=x AND\tb='x'\nAND c = \"x\"", And((A, B, C))),
    ],
)
def test_or_binds_tighter_than_and(text: str, tree: Node) -> None:
    assert tree == parse_filter(text)


@pytest.mark.parametrize(
    ("written", "literal"),
    [
        ("churn", Text("churn")),
        ('"churn"', Text("churn")),
        ("'chu*'", Pattern(("chu", ""))),
        ("chu*", Pattern(("chu", ""))),
        ("*", Pattern(("", ""))),
        ("'*urn*'", Pattern(("", "urn", ""))),
        ("*.onnx", Pattern(("", ".onnx"))),
        ("s3://*/churn/*", Pattern(("s3://", "/churn/", ""))),
        ("'a***b'", Pattern(("a", "b"))),
        ("a**", Pattern(("a", ""))),
        ("***", Pattern(("", ""))),
        (r"'*\**'", Pattern(("", "*", ""))),
        ("4*2", Pattern(("4", "2"))),
        ("AND*", Pattern(("AND", ""))),
        (r'"chu\*"', Text("chu*")),
        (r'"chu\**"', Pattern(("chu*", ""))),
        (r'"a\\b\"c\'d"', Text("a\\b\"c'd")),
        ('"a\nb"', Text("a\nb")),
        ("42", Number("42")),
        ("-0.5e-3", Number("-0.5e-3")),
        ('"42"', Text("42")),
        ("007", Text("007")),
        ("1.2.3", Text("1.2.3")),
        ("true", Boolean(value=True)),
        ("false", Boolean(value=False)),
        ('"true"', Text("true")),
        ("True", Text("True")),
        ("2026-01-31T12:00:00.5+01:00", Text("2026-01-31T12:00:00.5+01:00")),
        ("sha256:0123", Text("sha256:0123")),
        ("s3://bucket/a%20b/*", Pattern(("s3://bucket/a%20b/", ""))),
        ("größe", Text("größe")),
    ],
)
def test_a_value_is_read_as_written(written: str, literal: object) -> None:
    tree = parse_filter(f"(a = {written})")
    assert isinstance(tree, Condition)
    assert literal == tree.literal


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("tags.team = x", "team"),
        ("tags.f1-score = x", "f1-score"),
        ("tags.2026 = x", "2026"),
        ("tags.AND = x", "AND"),
        ('tags."a.b c" = x', "a.b c"),
        ("tags.'*' = x", "*"),
        (r'tags."\"" = x', '"'),
        ('tags."" = x', ""),
    ],
)
def test_a_key_stands_behind_a_dot(text: str, key: str) -> None:
    tree = parse_filter(text)
    assert isinstance(tree, Condition)
    assert ("tags", key) == (tree.field, tree.key)


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("churn", 0, "alone is no condition"),
        ("Victor Hugo", 0, "alone is no condition"),
        ('"churn"', 0, "begins with a field"),
        ("a b = 'unclosed", 0, "alone is no condition"),
        ("a = 1 b = 2", 6, "AND or OR is missing"),
        ("(a = 1) (b = 2)", 8, "AND or OR is missing"),
        ("a = 1 and b = 2", 6, "AND in capitals"),
        ("a = 1 Or b = 2", 6, "OR in capitals"),
        ("not a = 1", 0, "NOT in capitals"),
        ("size(tags) = 1", 0, "no functions"),
        ("create_time > now()", 14, "no functions"),
        ("name LIKE 'chu%'", 5, 'name = "*churn*"'),
        ("name ilike 'chu%'", 5, 'name = "*churn*"'),
        ("stage IN ('a', 'b')", 6, "OR stage"),
        ("semver IS NULL", 7, "NOT semver:*"),
        ("version BETWEEN 1 AND 2", 8, "AND version <= 7"),
        ("a == 1", 2, "write ="),
        ("a <> 1", 2, "write !="),
        ("a => 1", 2, "write >="),
        ("a =~ 'x.*'", 2, "no regular expressions"),
        ("a = 1 && b = 2", 6, "write AND"),
        ("a = 1 || b = 2", 6, "write OR"),
        ("!a", 0, "write NOT"),
        ("a = (1 OR 2)", 4, "repeat the field"),
        ("a, b", 1, "no lists"),
        ("a = [1]", 4, "`[`"),
        ("a = 1 = 2", 6, "compares once"),
        ("tags:team = x", 10, "tags.team"),
        ("tags.a.b = x", 6, 'in quotes, as in tags."a.b"'),
        ("tags. = x", 6, "a key is missing"),
        ("a =", 3, "a value is missing"),
        ("a = AND b = 1", 4, "a value is missing"),
        ("a = 1 AND", 9, "missing at the end"),
        ("a = 1 OR OR b = 1", 9, "missing before `OR`"),
        ("NOT NOT a = 1", 4, "missing before `NOT`"),
        ("AND a = 1", 0, "missing before `AND`"),
        ("()", 1, "missing before `)`"),
        ("(a = 1", 0, "never closed"),
        ("a = 1)", 5, "never opened"),
        ("a = 'x", 4, "never closed"),
        (r"a = 'x\'", 4, "never closed"),
        (r"a = 'x\n'", 6, "after \\ comes"),
        ('a = "x\\', 6, "after \\ comes"),
        ("a = b OR c = '*" + "x*" * MAX_WILDCARDS + "'", 13, "at most 10 wildcards"),
        ("a = *" + "x*" * MAX_WILDCARDS, 4, "at most 10 wildcards"),
        ("a = '*" + "x" * (MAX_PATTERN + 1) + "'", 4, "at most 1000 characters"),
        ("* = x", 0, "fields have no wildcard"),
        ("a = 'x\x00'", 6, "U+0000"),
        ("a = '\ud800'", 5, "surrogate"),
        ("a\u00a0= 1", 1, "no meaning here"),
        ("a = 1;", 5, "`;`"),
        ("é & 1", 2, "`&`"),
    ],
)
def test_a_mistake_is_explained_where_it_is(text: str, position: int, part: str) -> None:
    with pytest.raises(InvalidFilter) as refused:
        parse_filter(text)
    assert position == refused.value.position
    assert part in refused.value.message


def test_conditions_and_literals_know_where_they_stand() -> None:
    tree = parse_filter("  a = 1 AND   tags.x != 'y'")
    assert isinstance(tree, And)
    assert [(2, 6), (14, 24)] == [
        (node.start, node.literal_start) for node in tree.operands if isinstance(node, Condition)
    ]


def test_as_much_as_is_promised_is_read() -> None:
    deep = "(" * MAX_DEPTH + "a = x" + ")" * MAX_DEPTH
    many = " OR ".join(["a = x"] * MAX_TERMS)
    beside = " AND ".join(["(a = x)"] * (MAX_DEPTH + 1))
    assert A == parse_filter(deep)
    assert And((A,) * (MAX_DEPTH + 1)) == parse_filter(beside)
    assert Or((A,) * MAX_TERMS) == parse_filter(many)
    assert A == parse_filter("a = x".ljust(MAX_CHARACTERS))
    for pieces in (
        ("", *"x" * (MAX_WILDCARDS - 1), ""),
        ("", "x" * MAX_PATTERN, ""),
        # What is compared but once may be longer.
        ("x" * (MAX_PATTERN + 1), ""),
    ):
        tree = parse_filter(f"a = '{'*'.join(pieces)}'")
        assert isinstance(tree, Condition)
        assert Pattern(pieces) == tree.literal


def test_more_than_is_promised_is_refused() -> None:
    deep = "(" * (MAX_DEPTH + 1) + "a = x" + ")" * (MAX_DEPTH + 1)
    many = " OR ".join(["a = x"] * (MAX_TERMS + 1))
    for text, position in ((deep, MAX_DEPTH), (many, len(many) - 5)):
        with pytest.raises(InvalidFilter, match="at most") as refused:
            parse_filter(text)
        assert position == refused.value.position
    with pytest.raises(InvalidFilter, match="at most 10000 characters"):
        parse_filter("a = x".ljust(MAX_CHARACTERS + 1))


def test_the_deepest_tree_can_be_printed_and_read_again() -> None:
    text = "NOT (" * MAX_DEPTH + "a = x OR b = x AND c = x" + ")" * MAX_DEPTH
    tree = parse_filter(text)
    assert tree == parse_filter(print_filter(tree))


@pytest.mark.parametrize(
    "unit", ["(", "-(", "a=", "'\\", "\\", '"a" ', "x", "a.", " ", "a=1 AND ", "*", "'a*"]
)
def test_the_longest_texts_take_a_bounded_time(unit: str) -> None:
    text = (unit * MAX_CHARACTERS)[:MAX_CHARACTERS]
    began = time.process_time()
    attempt(text)
    # Quadratic behaviour would take seconds; it is some ten milliseconds.
    assert time.process_time() - began < 1
