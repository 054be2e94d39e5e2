"""Addresses of versions, as people write them."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from regesta import addresses
from regesta.addresses import (
    MAX_LENGTH,
    Address,
    Alias,
    Digest,
    InvalidAddress,
    Latest,
    Number,
    Selector,
    Stage,
    parse,
    uri,
)
from regesta.names import MAX_VERSION_NUMBER, InvalidName
from regesta.semver import Range

HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

namespaces = st.none() | st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True)
models = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", fullmatch=True)
labels = st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True)
aliases = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,254}", fullmatch=True).filter(
    lambda text: text.lower() != "latest" and not text.lower().removeprefix("v").isdigit()
)
comparators = st.sampled_from(
    ["^1.2", "~0.2.3", ">=1.0", "<2", "=1.2.3", "1.x", "1.2.3", "*", "<=2.0.0-rc.1", "^1.0.0-a-b"]
)
ranges = st.lists(
    st.lists(comparators, min_size=1, max_size=4).map(" ".join), min_size=1, max_size=4
).map(lambda alternatives: Range.parse(" || ".join(alternatives)))
selectors: st.SearchStrategy[Selector] = (
    st.integers(1, MAX_VERSION_NUMBER).map(Number)
    | aliases.map(Alias)
    | labels.map(Stage)
    | st.just(Latest())
    | ranges
)
digests = st.binary(min_size=32, max_size=32).map(lambda data: Digest("sha256:" + data.hex()))
zones = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
# Hypothesis adds the zones.
times = st.datetimes(
    datetime(1, 1, 3),  # noqa: DTZ001
    datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=zones,
)
moments = st.none() | st.integers(1, 2**63 - 1) | times
all_addresses = st.builds(Address, namespaces, models, selectors, moments) | st.builds(
    Address, namespaces, st.none(), digests, moments
)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("churn/3", Address(None, "churn", Number(3))),
        ("churn@champion", Address(None, "churn", Alias("champion"))),
        ("churn#production", Address(None, "churn", Stage("production"))),
        ("churn@^1.2", Address(None, "churn", Range.parse("^1.2"))),
        ("churn@1.2.3", Address(None, "churn", Range.parse("1.2.3"))),
        ("churn@=1.2.3", Address(None, "churn", Range.parse("=1.2.3"))),
        ("churn@~1.2", Address(None, "churn", Range.parse("~1.2"))),
        ("churn@>=1.0 <2", Address(None, "churn", Range.parse(">=1.0 <2"))),
        ("churn@1.x || ^2", Address(None, "churn", Range.parse("1.x || ^2"))),
        ("churn@*", Address(None, "churn", Range.parse("*"))),
        ("churn@latest", Address(None, "churn", Latest())),
        (f"sha256:{HEX}", Address(None, None, Digest(f"sha256:{HEX}"))),
        ("team/churn/3", Address("team", "churn", Number(3))),
        ("team/churn@champion", Address("team", "churn", Alias("champion"))),
        ("team/churn#production", Address("team", "churn", Stage("production"))),
        ("team/churn@^1.2", Address("team", "churn", Range.parse("^1.2"))),
        ("team/churn@latest", Address("team", "churn", Latest())),
        (f"team/sha256:{HEX}", Address("team", None, Digest(f"sha256:{HEX}"))),
        ("3/4", Address(None, "3", Number(4))),
        ("team/3/4", Address("team", "3", Number(4))),
        ("sha256/1", Address(None, "sha256", Number(1))),
        ("Credit_Risk-v1.2/3", Address(None, "Credit_Risk-v1.2", Number(3))),
        ("churn@1x", Address(None, "churn", Alias("1x"))),
        ("churn@x", Address(None, "churn", Alias("x"))),
        ("churn@X", Address(None, "churn", Alias("X"))),
        ("churn@Champion", Address(None, "churn", Alias("Champion"))),
        ("churn@Champion_1", Address(None, "churn", Alias("Champion_1"))),
        ("churn@_", Address(None, "churn", Alias("_"))),
        ("churn@1_2", Address(None, "churn", Alias("1_2"))),
        ("churn@V1-2", Address(None, "churn", Alias("V1-2"))),
        ("churn#latest", Address(None, "churn", Stage("latest"))),
        ("churn/3?as_of=1042", Address(None, "churn", Number(3), 1042)),
        ("churn@a?as_of=2026-11-21T12:00:00Z", Address(None, "churn", Alias("a"), NOON)),
        ("churn@a?as_of=2026-11-21t14:30:00.000+02:30", Address(None, "churn", Alias("a"), NOON)),
        (
            "team/churn#live?as_of=2026-11-21T12:00:00.123456789z",
            Address("team", "churn", Stage("live"), NOON.replace(microsecond=123456)),
        ),
        (f"sha256:{HEX}?as_of=7", Address(None, None, Digest(f"sha256:{HEX}"), 7)),
        ("regesta://team/churn@champion", Address("team", "churn", Alias("champion"))),
        ("regesta://team/churn/3?as_of=7", Address("team", "churn", Number(3), 7)),
        ("regesta://team/churn#live", Address("team", "churn", Stage("live"))),
        ("regesta://team/churn%23live?as_of=7", Address("team", "churn", Stage("live"), 7)),
        (
            "regesta://team/churn@%3E%3D1.0%20%3C2?as_of=2026-11-21T12%3A00%3A00%2B00:00",
            Address("team", "churn", Range.parse(">=1.0 <2"), NOON),
        ),
        (f"regesta://team/sha256:{HEX}", Address("team", None, Digest(f"sha256:{HEX}"))),
        ("models:/churn/3", Address(None, "churn", Number(3))),
        ("models:/churn@champion", Address(None, "churn", Alias("champion"))),
        ("models:/churn@test_Alias", Address(None, "churn", Alias("test_Alias"))),
        ("models:/churn/latest", Address(None, "churn", Latest())),
        ("models:/churn/Production", Address(None, "churn", Stage("production"))),
        ("models:/team/churn/3?as_of=7", Address("team", "churn", Number(3), 7)),
    ],
)
def test_an_address_means(text, address):
    assert address == parse(text)


@given(all_addresses)
@example(Address("a" * 63, "a" * 255, Alias("A" * 255), NOON))
@example(Address("a" * 63, "a" * 255, Range.parse(" ".join(["<=2.0.0-rc.1"] * 18)), NOON))
def test_an_address_reads_back(address):
    text = addresses.format(address)

    assert address == parse(text)
    assert text == str(address) == addresses.format(parse(text))
    assert len(text) <= MAX_LENGTH


@given(all_addresses)
def test_an_address_with_a_namespace_reads_back_from_its_uri(address):
    if address.namespace is None:
        with pytest.raises(InvalidAddress):
            uri(address)
    else:
        assert address == parse(uri(address))
        assert uri(address).isascii()


@pytest.mark.parametrize(
    ("address", "text", "uri_text"),
    [
        (
            Address("team", "churn", Stage("live"), 7),
            "team/churn#live?as_of=7",
            "regesta://team/churn%23live?as_of=7",
        ),
        (
            Address("team", "churn", Range.parse(">=1.0  <2"), NOON),
            "team/churn@>=1.0 <2?as_of=2026-11-21T12:00:00Z",
            "regesta://team/churn@%3E=1.0%20%3C2?as_of=2026-11-21T12:00:00Z",
        ),
        (
            Address("team", None, Digest("sha256:" + HEX)),
            f"team/sha256:{HEX}",
            f"regesta://team/sha256:{HEX}",
        ),
    ],
)
def test_an_address_has_one_spelling(address, text, uri_text):
    assert text == addresses.format(address)
    assert uri_text == uri(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "churn",
        "team/churn/",
        "churn/",
        "/3",
        "//3",
        "team//3",
        "a/b/c/3",
        "churn/0",
        "churn/03",
        "churn/-1",
        "churn/+1",
        "churn/2147483648",
        "churn/v3",
        "churn/٣",
        "churn/latest",
        "churn/Production",
        "churn@",
        "@champion",
        "churn@1",
        "churn@v3",
        "churn@V3",
        "churn@Latest",
        "churn@LATEST",
        "churn@a@b",
        "churn@a#b",
        "churn@a/3",
        "churn@-a",
        "churn@foo.bar",
        "churn@v1.2.3",
        "churn@1.2.3.4",
        "churn@1.2.3+build",
        "churn@1.0 - 2.0",
        "churn#",
        "churn#Production",
        "churn#a#b",
        "churn#a@b",
        "ch urn/3",
        "churn/3\n",
        "chürn/3",
        ".churn/3",
        "../3",
        "Team/churn/3",
        "team/churn/3/4",
        "sha256:",
        "sha256:" + HEX[1:],
        "sha256:" + HEX.upper(),
        "sha512:" + HEX,
        f"churn/sha256:{HEX}/3",
        f"a/b/sha256:{HEX}",
        f"churn@sha256:{HEX}",
        "https://example.com/churn/3",
        "file:///etc/passwd",
        "regesta://",
        "regesta://team",
        "regesta://churn/3",
        "regesta://churn@champion",
        f"regesta://sha256:{HEX}",
        "regesta://team/churn@%zz",
        "regesta://team/churn@%ff",
        "regesta://team/churn%252F3",
        "regesta://team/churn/3%3Fas_of=7",
        "regesta://models:/team/churn/3",
        "REGESTA://team/churn/3",
        "models:/",
        "models://churn/3",
        "models:/churn",
        "models:/churn/03",
        "models:/churn/Pro duction",
        "models:/regesta://team/churn/3",
        "team%2Fchurn/3",
        "churn/3?",
        "churn/3?as_of",
        "churn/3?as_of=",
        "churn/3?as_of=0",
        "churn/3?as_of=-1",
        "churn/3?as_of=01",
        "churn/3?as_of=9223372036854775808",
        "churn/3?as_of=7&as_of=8",
        "churn/3?as_of=7#live",
        "churn/3?as_of=now",
        "churn/3?as_of=2026-11-21",
        "churn/3?as_of=2026-11-21T12:00:00",
        "churn/3?as_of=2026-11-21 12:00:00Z",
        "churn/3?as_of=2026-02-30T12:00:00Z",
        "churn/3?as_of=2026-11-21T24:00:01Z",
        "churn/3?as_of=2026-11-21T12:00:60Z",
        "churn/3?as_of=2026-11-21T12:00:00+24:00",
        "churn/3?as_of=2026-11-21T12:00:00+05:60",
        "churn/3?as_of=2026-11-21T12:00:00.1234567890Z",
        "churn/3?as_of=20261121T120000Z",
        "churn/3?as_of=0000-01-01T00:00:00Z",
        "churn/3?as_of=0001-01-01T00:00:00+01:00",
        "churn/3?as_of=9999-12-31T23:59:59-01:00",
        "churn/3?at=7",
        "churn/3?AS_OF=7",
        "?as_of=7",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InvalidAddress):
        parse(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("churn", "add /<number>"),
        ("churn@3", "churn/3"),
        ("churn@v3", "latest and numbers"),
        ("churn/3?at=7", "as_of="),
        ("regesta://churn/3", "namespace"),
        ("churn@foo.bar", "comparators"),
    ],
)
def test_a_refusal_says_what_would_do(text, hint):
    with pytest.raises(InvalidAddress) as refusal:
        parse(text)

    assert hint in str(refusal.value)


@given(st.text(max_size=40) | st.from_regex(r"[a-z0-9/@#:?=^~.*%-]{0,60}", fullmatch=True))
def test_any_text_is_an_address_or_refused(text):
    with suppress(InvalidAddress):
        address = parse(text)

        assert address == parse(addresses.format(address))


@pytest.mark.parametrize(
    "text",
    ["{}", "{}/{}", "x@{}", "x@1.{}", "x#{}", "{}:x", "x/1?{}", "x/1?as_of={}", "regesta://{}"],
)
def test_a_refusal_does_not_repeat_what_it_refused(text):
    with pytest.raises(InvalidAddress) as refusal:
        parse(text.replace("{}", "CANARY\x1b[31m"))

    assert "canary" not in str(refusal.value).lower()


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_000_000,
        "regesta://" + "%41" * 1_100,
        "churn@" + "^" * 1_000,
        "churn@" + " " * 1_000,
        "churn@1" + ".x" * 500,
        "churn@1.2.3-" + "a-" * 500,
        "churn@" + "1||" * 330,
        "churn@" + ">= " * 330,
        "/" * 1_024,
        "churn/" + "9" * 1_000,
        "churn/3?as_of=" + "9" * 1_000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_is_refused_at_once(text):
    start = time.perf_counter()

    with pytest.raises(InvalidAddress):
        parse(text)

    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "build",
    [
        lambda: Address("team", None, Latest()),
        lambda: Address("team", "churn", Digest("sha256:" + HEX)),
        lambda: Address("team", "churn", Latest(), 0),
        lambda: Address("team", "churn", Latest(), datetime(2026, 1, 1)),  # noqa: DTZ001
        lambda: Digest("sha256:" + HEX.upper()),
    ],
    ids=["no model", "model and digest", "position 0", "time without zone", "upper case"],
)
def test_no_address_is_built_that_has_no_meaning(build):
    with pytest.raises(InvalidAddress):
        build()


@pytest.mark.parametrize(
    "build",
    [
        lambda: Address("Team", "churn", Latest()),
        lambda: Address("team", "a/b", Latest()),
        lambda: Alias("latest"),
        lambda: Stage("Live"),
        lambda: Number(0),
    ],
    ids=["namespace", "model", "alias", "stage", "number"],
)
def test_no_address_is_built_from_an_invalid_name(build):
    with pytest.raises(InvalidName):
        build()
