"""Semantic Versioning 2.0.0: versions, ranges, and keys that sort in SQL.

A range is written as for npm: comparators joined by spaces (all hold) and by ``||`` (one
holds). A comparator is

- ``1.2.3`` or ``=1.2.3``: that version;
- ``>1.2.3``, ``>=1.2.3``, ``<1.2.3``, ``<=1.2.3``;
- ``1.2``, ``1.2.x``, ``1.x``, ``*``: any version with these numbers;
- ``~1.2.3``: at least that, and the same major and minor number;
- ``^1.2.3``: at least that, and the same numbers up to the first that is not zero.

A version before a release (``2.0.0-rc.1``) is found only by those who ask for it: some
comparator of the same alternative must name a prerelease of the same three numbers.

Where npm is lenient this module refuses: hyphen ranges, ``~>``, a leading ``v``, an empty
range or alternative, and build metadata, which has no order.

Source: semver.org 2.0.0; node-semver's README, "Ranges" and "Prerelease Tags".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

#: Longest version and longest range in characters. A number's digits are counted in two
#: hexadecimal ones, and the number after 99...9 has one digit more.
MAX_LENGTH: Final = 250

#: Above the key of every version.
_END: Final = "~"

# Key of a release after its three numbers; above "n" and "s", which begin an identifier.
_RELEASE: Final = "~"

# Ends an identifier of letters; below every character of one, so "rc" < "rc1" < "rca".
_STOP: Final = "!"

# Right after a key K and before all others above it: no key goes on with a space.
_AFTER: Final = " "

_NUMBER = r"0|[1-9][0-9]*"
_IDENTIFIER = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_PRERELEASE = rf"-(?P<prerelease>{_IDENTIFIER}(?:\.{_IDENTIFIER})*)"
_VERSION = re.compile(
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})(?:{_PRERELEASE})?"
    r"(?:\+(?P<build>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_COMPARATOR = re.compile(
    rf"(?P<operator>\^|~|>=|<=|>|<|=|)(?P<major>{_NUMBER}|[xX*])"
    rf"(?:\.(?P<minor>{_NUMBER}|[xX*])(?:\.(?P<patch>{_NUMBER}|[xX*])(?:{_PRERELEASE})?)?)?"
)
_SPACE_AFTER_OPERATOR = re.compile(r"([\^~<>=]) +(?=[0-9xX*])")


class InvalidVersion(ValueError):
    """A text is not a version of Semantic Versioning 2.0.0."""


class InvalidRange(ValueError):
    """A text is not a range of versions."""


class Numbers(NamedTuple):
    """The three numbers of a version."""

    major: int
    minor: int
    patch: int


@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version.

    Equality is of the whole text; precedence, which ignores build metadata, is in `compare`
    and `sort_key`.

    Attributes:
        numbers: Major, minor and patch.
        prerelease: Identifiers after the hyphen; empty for a release.
        build: Identifiers after the plus sign.
    """

    numbers: Numbers
    prerelease: tuple[str, ...] = ()
    build: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Version:
        """Return the version that a text spells.

        Raises:
            InvalidVersion: It is not ``MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]`` as
                semver.org has it, or longer than `MAX_LENGTH`.
        """
        match = _VERSION.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if match is None:
            raise InvalidVersion(
                "a version is MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD] after semver.org,"
                f" such as 1.4.0-rc.1, of at most {MAX_LENGTH} characters"
            )
        return cls(
            Numbers(int(match["major"]), int(match["minor"]), int(match["patch"])),
            _identifiers(match["prerelease"]),
            _identifiers(match["build"]),
        )

    def __str__(self) -> str:
        prerelease = "-" + ".".join(self.prerelease) if self.prerelease else ""
        build = "+" + ".".join(self.build) if self.build else ""
        return f"{_dotted(self.numbers)}{prerelease}{build}"


def compare(left: Version, right: Version) -> int:
    """Return -1, 0 or 1 as `left` comes before, with or after `right` in precedence.

    Source: semver.org 2.0.0, item 11.
    """
    a, b = _precedence(left), _precedence(right)
    return (a > b) - (a < b)


def sort_key(version: Version | str) -> str:
    """Return a text whose byte order is the order of precedence of versions.

    For an index of ``COLLATE "C"``. Versions that differ in build metadata only share a key.
    The form is stored, so it never changes.

    Raises:
        InvalidVersion: `version` is a text and does not spell one.
    """
    if isinstance(version, str):
        version = Version.parse(version)
    key = _prefix(version.numbers)
    if not version.prerelease:
        return key + _RELEASE
    return key + "".join(
        f"n{_number_key(part)}" if part.isdigit() else f"s{part}{_STOP}"
        for part in version.prerelease
    )


class _Span(NamedTuple):
    """What one alternative of a range admits.

    Attributes:
        low: First key admitted.
        high: First key above, not admitted.
        prereleases: Numbers whose prereleases are admitted too.
    """

    low: str
    high: str
    prereleases: frozenset[Numbers]


@dataclass(frozen=True, slots=True)
class Range:
    """A set of versions, written as for npm; made by `parse`.

    Attributes:
        text: The range with single spaces; two ranges are equal when their texts are.
    """

    text: str
    _spans: tuple[_Span, ...] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Range:
        """Return the range that a text spells.

        Raises:
            InvalidRange: It is none, or longer than `MAX_LENGTH`.
        """
        if len(text) > MAX_LENGTH:
            raise InvalidRange(f"a range has at most {MAX_LENGTH} characters")
        alternatives = [
            _SPACE_AFTER_OPERATOR.sub(r"\1", part).split(" ") for part in text.split("||")
        ]
        cleaned = [[part for part in parts if part] for parts in alternatives]
        if not all(cleaned):
            raise InvalidRange("a range is not empty, nor is a side of ||")
        return cls(
            " || ".join(" ".join(parts) for parts in cleaned),
            tuple(_intersection([_comparator(part) for part in parts]) for parts in cleaned),
        )

    def matches(self, version: Version) -> bool:
        """Return whether the range admits a version."""
        key = sort_key(version)
        return any(
            span.low <= key < span.high
            and (not version.prerelease or version.numbers in span.prereleases)
            for span in self._spans
        )

    def bounds(self) -> list[tuple[str, str]]:
        """Return the intervals of `sort_key` in which the range admits every release.

        Returns:
            Pairs of the first key admitted and the first key above, in order and apart from
            each other. Prereleases between them are not admitted unless `prerelease_bounds`
            says so; a key of a release ends in ``~`` and no other does.
        """
        return _union([(span.low, span.high) for span in self._spans])

    def prerelease_bounds(self) -> list[tuple[str, str]]:
        """Return the intervals of `sort_key` in which the range admits every prerelease.

        Returns:
            As `bounds`; empty for a range that names no prerelease.
        """
        return _union(
            [
                (max(span.low, key), min(span.high, key + _RELEASE))
                for span in self._spans
                for key in map(_prefix, span.prereleases)
            ]
        )

    def __str__(self) -> str:
        return self.text


def _comparator(text: str) -> _Span:
    """Return what one comparator admits."""
    match = _COMPARATOR.fullmatch(text)
    if match is None:
        raise InvalidRange(
            "a range is made of comparators such as ^1.2, ~1.2.3, >=1.0, <2.0.0-rc.1, 1.x or"
            " 1.2.3, joined by spaces (and) or || (or)"
        )
    given = _given_numbers(match["major"], match["minor"], match["patch"])
    prerelease = _identifiers(match["prerelease"])
    if prerelease and len(given) < len(Numbers._fields):
        raise InvalidRange("a prerelease follows three numbers")
    numbers = _filled(given)
    low, high = _interval(match["operator"], given, Version(numbers, prerelease))
    return _Span(low, high, frozenset({numbers}) if prerelease else frozenset())


def _interval(operator: str, given: tuple[int, ...], floor: Version) -> tuple[str, str]:
    """Return the first key that a comparator admits, and the first above.

    Args:
        operator: What stands before the numbers.
        given: The numbers that were written; fewer than three stand for a set of versions.
        floor: The least version of that set.
    """
    least = sort_key(floor) if given else ""
    if len(given) == len(Numbers._fields):
        below, above, next_least = least, least + _AFTER, least + _AFTER
    else:
        # Prereleases of the next numbers are above `<=1.2`, but not found by `>1.2`.
        below, above = _prefix(given), _prefix_above(given)
        next_least = sort_key(Version(_filled(_next(given)))) if given else _END
    match operator:
        case "" | "=":
            return least, above
        case ">=":
            return least, _END
        case ">":
            return next_least, _END
        case "<":
            return "", below
        case "<=":
            return "", above
        case "~":
            return least, _prefix_above(given[:2])
        case _:
            # ^: the first number that is not zero stays, or else the last that was written.
            kept = next((at for at, number in enumerate(given) if number), len(given) - 1)
            return least, _prefix_above(given[: kept + 1])


def _given_numbers(*parts: str | None) -> tuple[int, ...]:
    """Return the numbers before the first wildcard; wildcards alone may follow one."""
    written = [part for part in parts if part is not None]
    given = tuple(int(part) for part in written if part not in ("x", "X", "*"))
    if any(part in ("x", "X", "*") for part in written[: len(given)]):
        raise InvalidRange("no number follows x or *")
    return given


def _filled(given: tuple[int, ...]) -> Numbers:
    return Numbers(*given, *(0,) * (len(Numbers._fields) - len(given)))


def _next(given: tuple[int, ...]) -> tuple[int, ...]:
    return (*given[:-1], given[-1] + 1)


def _prefix(numbers: tuple[int, ...]) -> str:
    """Return what the keys of all versions with these first numbers begin with."""
    return "".join(_number_key(str(number)) for number in numbers)


def _prefix_above(given: tuple[int, ...]) -> str:
    """Return the first key above all versions with these first numbers."""
    return _prefix(_next(given)) if given else _END


def _intersection(spans: list[_Span]) -> _Span:
    return _Span(
        max(span.low for span in spans),
        min(span.high for span in spans),
        frozenset[Numbers]().union(*(span.prereleases for span in spans)),
    )


def _union(intervals: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the same keys as intervals that are in order, apart and not empty."""
    joined: list[tuple[str, str]] = []
    for low, high in sorted(intervals):
        if low >= high:
            continue
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def _precedence(version: Version) -> tuple[Numbers, bool, list[tuple[bool, int, str]]]:
    parts = [(False, int(p), "") if p.isdigit() else (True, 0, p) for p in version.prerelease]
    return version.numbers, not version.prerelease, parts


def _number_key(digits: str) -> str:
    """Return digits behind their count, so that 9 comes before 10 in text order."""
    return f"{len(digits):02x}{digits}"


def _identifiers(text: str | None) -> tuple[str, ...]:
    return tuple(text.split(".")) if text else ()


def _dotted(numbers: Numbers) -> str:
    return ".".join(map(str, numbers))
