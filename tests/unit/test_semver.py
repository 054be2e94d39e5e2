"""Semantic versions and ranges against semver.org and two other implementations."""

from __future__ import annotations

from functools import cmp_to_key

import pytest
import semantic_version
from hypothesis import example, given
from hypothesis import strategies as st

from regesta.semver import (
    MAX_LENGTH,
    InvalidRange,
    InvalidVersion,
    Numbers,
    Range,
    Version,
    compare,
    sort_key,
)

numbers = st.integers(0, 12) | st.integers(0, 10**30)
small_numbers = st.integers(0, 3)
identifiers = numbers.map(str) | st.from_regex(
    r"[0-9]{0,2}[a-zA-Z-][0-9A-Za-z-]{0,3}", fullmatch=True
)
dotted_identifiers = st.lists(identifiers, min_size=1, max_size=3).map(".".join)
few_identifiers = st.sampled_from(
    ["0", "1", "alpha", "alpha.1", "alpha.beta", "rc", "rc.10", "1.a"]
)


@st.composite
def versions(draw, number=numbers, prerelease=dotted_identifiers, build=dotted_identifiers):
    text = ".".join(str(draw(number)) for _ in range(3))
    if draw(st.booleans()):
        text += "-" + draw(prerelease)
    if draw(st.booleans()):
        text += "+" + draw(build)
    return text


near_versions = versions(small_numbers, few_identifiers, st.just("build"))


@st.composite
def comparators(draw, *, prereleases=True):
    operator = draw(st.sampled_from(["", "=", ">", "<", ">=", "<=", "^", "~"]))
    parts = [str(part) for part in draw(st.lists(small_numbers, min_size=1, max_size=3))]
    wildcards = draw(st.integers(0, 3 - len(parts)))
    parts += draw(st.lists(st.sampled_from("xX*"), min_size=wildcards, max_size=wildcards))
    text = operator + draw(st.sampled_from(["", " "])) * bool(operator) + ".".join(parts)
    if prereleases and len(parts) - wildcards == 3 and draw(st.booleans()):
        text += "-" + draw(few_identifiers)
    return text


@st.composite
def ranges(draw, *, prereleases=True):
    comparator = comparators(prereleases=prereleases)
    alternative = st.lists(comparator, min_size=1, max_size=3).map(" ".join)
    separator = draw(st.sampled_from(["||", " || "]))
    return separator.join(draw(st.lists(alternative, min_size=1, max_size=3)))


# The lists that semver.org links to for its regular expression.
@pytest.mark.parametrize(
    "text",
    [
        "0.0.4",
        "1.2.3",
        "10.20.30",
        "1.1.2-prerelease+meta",
        "1.1.2+meta",
        "1.1.2+meta-valid",
        "1.0.0-alpha",
        "1.0.0-alpha.beta.1",
        "1.0.0-alpha0.valid",
        "1.0.0-alpha.0valid",
        "1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay",
        "1.0.0-rc.1+build.1",
        "2.0.0+build.1848",
        "1.0.0-alpha+beta",
        "1.2.3----RC-SNAPSHOT.12.9.1--.12+788",
        "1.2.3----R-S.12.9.1--.12+meta",
        "1.0.0+0.build.1-rc.10000aaa-kk-0.1",
        "99999999999999999999999.999999999999999999.99999999999999999",
        "1.0.0-0A.is.legal",
    ],
)
def test_what_semver_org_calls_valid_is_read_and_written_alike(text):
    assert text == str(Version.parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.2",
        "1.2.3-0123",
        "1.2.3-0123.0123",
        "1.1.2+.123",
        "+invalid",
        "-invalid",
        "-invalid+invalid",
        "alpha",
        "alpha.beta",
        "1.0.0-alpha_beta",
        "1.0.0-alpha..",
        "1.0.0-alpha..1",
        "01.1.1",
        "1.01.1",
        "1.1.01",
        "1.2.3.DEV",
        "1.2-SNAPSHOT",
        "1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788",
        "1.2-RC-SNAPSHOT",
        "-1.0.3-gamma+b7718",
        "+justmeta",
        "9.8.7+meta+meta",
        "9.8.7-whatever+meta+meta",
        "v1.2.3",
        "1.2.3\n",
        " 1.2.3",
        "1.2.٣",
        "1.2.3-é",
        "1.2.3-" + "a" * MAX_LENGTH,
    ],
)
def test_what_semver_org_calls_invalid_is_refused(text):
    with pytest.raises(InvalidVersion):
        Version.parse(text)
    with pytest.raises(InvalidVersion):
        sort_key(text)


@given(versions())
def test_a_version_reads_as_the_oracle_reads_it(text):
    version, oracle = Version.parse(text), semantic_version.Version(text)

    assert text == str(version)
    assert Numbers(oracle.major, oracle.minor, oracle.patch) == version.numbers
    assert oracle.prerelease == version.prerelease
    assert oracle.build == version.build


def test_the_order_is_that_of_semver_org():
    # semver.org 2.0.0, items 11.2 to 11.4, and 9 before 10.
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.9.0",
        "1.10.0",
        "2.0.0",
        "2.1.0",
        "2.1.1",
    ]

    shuffled = [Version.parse(text) for text in reversed(ordered)]

    assert ordered == [str(version) for version in sorted(shuffled, key=sort_key)]
    assert ordered == [str(version) for version in sorted(shuffled, key=cmp_to_key(compare))]


def test_the_form_of_a_key_never_changes():
    # Committed: keys are stored in an index.
    assert sort_key("1.10.0") == "01102100" + "10~"
    assert sort_key("1.2.3-rc.1.x-y+build") == "011012013src!n011sx-y!"


@given(versions() | near_versions, versions() | near_versions)
@example("1.0.0-a", "1.0.0-a.0")
@example("1.0.0-a", "1.0.0-a-")
@example("1.0.0-a.b", "1.0.0-a-.b")
@example("1.0.0-9", "1.0.0-10")
@example("1.0.0-9", "1.0.0--")
@example("1.0.0", "1.0.0-zzz")
def test_keys_and_comparison_have_the_order_of_the_oracle(left, right):
    # The oracle counts build metadata, which semver.org's item 10 leaves out.
    a, b = (semantic_version.Version(text.partition("+")[0]) for text in (left, right))
    expected = (a > b) - (a < b)
    left_key, right_key = sort_key(left).encode(), sort_key(right).encode()

    assert expected == compare(Version.parse(left), Version.parse(right))
    assert expected == (left_key > right_key) - (left_key < right_key)


@given(versions())
def test_a_key_of_a_release_and_no_other_ends_in_a_tilde(text):
    version = Version.parse(text)

    assert sort_key(version).endswith("~") == (not version.prerelease)
    assert sort_key(version).isascii()
    assert sort_key(text) == sort_key(version)


# semantic_version judges prereleases otherwise than npm (it lets 1.2.3 match =1.2.3-rc), and
# refuses an operator before a lone wildcard: there node-semver's answers below decide.
@given(ranges(prereleases=False), versions(small_numbers, few_identifiers))
def test_a_release_matches_as_the_oracle_has_it(text, version):
    release = version.partition("+")[0].partition("-")[0]
    version_range = Range.parse(text)
    oracle = semantic_version.NpmSpec(version_range.text)

    expected = oracle.match(semantic_version.Version(release))
    assert expected == version_range.matches(Version.parse(release))


@given(ranges(), near_versions)
def test_the_bounds_admit_exactly_what_matches(text, version_text):
    version, version_range = Version.parse(version_text), Range.parse(text)
    key = sort_key(version)

    bounds = version_range.prerelease_bounds() if version.prerelease else version_range.bounds()
    assert version_range.matches(version) == any(low <= key < high for low, high in bounds)


@given(ranges())
def test_bounds_are_in_order_and_apart(text):
    version_range = Range.parse(text)

    for bounds in (version_range.bounds(), version_range.prerelease_bounds()):
        keys = [key for pair in bounds for key in pair]
        assert sorted(set(keys)) == keys
        assert all(key.isascii() and key.isprintable() for key in keys)


@given(ranges())
def test_a_range_reads_back_from_its_text(text):
    version_range = Range.parse(text)

    again = Range.parse(version_range.text)
    assert version_range == again
    assert version_range.text == again.text == str(again)
    assert version_range.bounds() == again.bounds()


# Answers of node-semver 7.8.4.
@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.2.3", "1.2.3 1.2.3+build", "1.2.4 1.2.3-rc.1"),
        ("=1.2.3-rc.1", "1.2.3-rc.1", "1.2.3 1.2.3-rc.2"),
        ("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0 1.2.3-rc 1.3.0-rc 2.0.0-0"),
        ("^0.2.3", "0.2.3 0.2.10", "0.3.0 0.2.2 0.3.0-0"),
        ("^0.0.3", "0.0.3", "0.0.4 0.0.2"),
        ("^0.0.0", "0.0.0", "0.0.1"),
        ("^1.2", "1.2.0 1.3.0", "1.1.9 2.0.0"),
        ("^0.0", "0.0.0 0.0.9", "0.1.0"),
        ("^0", "0.0.0 0.9.0", "1.0.0"),
        ("^0.x", "0.0.1 0.9.0", "1.0.0"),
        ("^1.x", "1.0.0 1.9.0", "2.0.0 0.9.0"),
        ("^*", "0.0.0 9.9.9", "1.0.0-rc"),
        ("^1.2.3-beta.2", "1.2.3-beta.2 1.2.3-rc 1.2.3 1.9.0", "1.2.3-beta.1 1.2.4-beta.2 2.0.0"),
        ("^0.0.3-beta", "0.0.3-beta 0.0.3-pr.2 0.0.3", "0.0.4 0.0.4-0"),
        ("~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0 1.2.4-rc"),
        ("~1.2", "1.2.0 1.2.9", "1.3.0"),
        ("~1", "1.0.0 1.9.0", "2.0.0"),
        ("~0", "0.9.0", "1.0.0"),
        ("~*", "0.0.0 9.9.9", "9.9.9-rc"),
        ("~1.2.3-beta.2", "1.2.3-beta.4 1.2.3 1.2.9", "1.2.4-beta.2 1.3.0"),
        ("1.2.x", "1.2.0 1.2.9", "1.3.0 1.2.0-rc"),
        ("1.X.*", "1.0.0 1.9.9", "2.0.0 2.0.0-rc"),
        ("*", "0.0.0 9.9.9", "0.0.0-rc"),
        (">1.2", "1.3.0 2.0.0", "1.2.0 1.2.9 1.3.0-rc"),
        (">1", "2.0.0", "1.9.9"),
        (">1.2.3", "1.2.4", "1.2.3 1.2.4-rc"),
        (">1.2.3-alpha.3", "1.2.3-alpha.7 1.2.3 3.4.5", "3.4.5-alpha.9 1.2.3-alpha.3"),
        (">=1.2", "1.2.0", "1.1.9"),
        ("<1.2", "1.1.9", "1.2.0 1.2.0-rc"),
        ("<=1.2", "1.2.9", "1.3.0 1.3.0-0"),
        ("<=1.2.3", "1.2.3", "1.2.4 1.2.3-rc"),
        ("<2.0.0-rc.1", "1.9.0 2.0.0-beta", "2.0.0-rc.1 2.0.0 1.9.0-rc"),
        (">*", "", "0.0.0 9.9.9"),
        ("<*", "", "0.0.0 9.9.9"),
        (">=* <=*", "0.0.0 9.9.9", "1.0.0-rc"),
        (">=1.0 <2", "1.0.0 1.9.9", "0.9.9 2.0.0"),
        (">=1.0.0-rc.1 <1.0.0", "1.0.0-rc.1 1.0.0-rc.2", "1.0.0 1.0.0-beta 0.9.0"),
        (">1.2 <1.3.0-rc", "", "1.3.0-beta 1.2.9"),
        ("<1.2 >=1.2.0-rc", "", "1.2.0-rc.1 1.1.0"),
        (">2 <1", "", "1.5.0 0.5.0 2.5.0"),
        ("1.2.7 || >=1.2.9 <2.0.0", "1.2.7 1.2.9 1.4.6", "1.2.8 2.0.0"),
        ("^1 || ^2", "1.0.0 2.9.9", "0.9.0 3.0.0"),
    ],
)
def test_a_range_admits_what_npm_admits(text, inside, outside):
    version_range = Range.parse(text)

    judged = {v: version_range.matches(Version.parse(v)) for v in (inside + " " + outside).split()}
    assert dict.fromkeys(inside.split(), True) | dict.fromkeys(outside.split(), False) == judged


def test_a_wide_alternative_hides_no_prerelease_of_another():
    # node-semver drops the first alternative here, and the prerelease with it.
    assert Range.parse(">=1.0.0-rc || *").matches(Version.parse("1.0.0-rc"))


def test_touching_bounds_are_joined():
    one, three = sort_key("1.0.0"), Range.parse("<3").bounds()[0][1]

    assert Range.parse("^2 || ^1").bounds() == [(one, "012"), (sort_key("2.0.0"), three)]
    assert Range.parse(">=1.0.0 <2.5.0 || ^2").bounds() == [(one, three)]
    assert Range.parse("^2.0.0-rc").prerelease_bounds() == [
        (sort_key("2.0.0-rc"), sort_key("2.0.0"))
    ]


def test_spaces_do_not_tell_ranges_apart():
    assert Range.parse(">=1.0 <2 || 3.x") == Range.parse("  >=  1.0   < 2||3.x ")
    assert Range.parse("  >=  1.0   < 2||3.x ").text == ">=1.0 <2 || 3.x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "||",
        "1 ||",
        "1 || || 2",
        "1|2",
        "|||",
        "1.2.3 - 2.0.0",
        "~>1.2",
        "v1.2.3",
        "=v1",
        ">>1",
        "> =1",
        "!1",
        "1.2.3.4",
        "01.2",
        "1.x.3",
        "x.1",
        "1.x-rc",
        "1.2-rc",
        "1.2.3-",
        "1.2.3-01",
        "1.2.3+build",
        ">=1.2.3+build",
        "1,2",
        "1\t2",
        "1\n",
        "1.2.٣",
        "latest",
        ">",
        "^ ",
        "1 " * 130,
    ],
)
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InvalidRange):
        Range.parse(text)


def test_the_largest_numbers_stay_in_order():
    nines = "9" * (MAX_LENGTH - 5)
    version = Version.parse(f"{nines}.0.0")

    assert Range.parse(f"^{nines}").matches(version)
    assert not Range.parse(f"^{nines[1:]}").matches(version)
    assert Range.parse(">=1").matches(version)
