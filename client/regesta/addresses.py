"""Addresses: how people say which version they mean.

==============================  =====================================================
``churn/3``                     version 3
``churn@champion``              the version that an alias points to
``churn#production``            the version in a stage
``churn@^1.2``                  the highest SemVer label in a range (`regesta.semver`)
``churn@latest``                the version with the highest number
``sha256:<64 hex digits>``      the version with this content
==============================  =====================================================

Any of them may follow ``namespace/`` and be followed by ``?as_of=`` with a position or a
time of RFC 3339. As a URI it is ``regesta://namespace/churn@champion``, where characters may
be percent-encoded.

**Alias or range?** What follows ``@`` is a range if it holds one of ``^ ~ < > = * . |`` or a
space, which no alias can, else ``latest`` or an alias, whose case matters. So ``churn@1.2.3``
and ``churn@1.x`` are ranges; ``churn@1`` is neither, a number being no alias: it is ``churn/1``
or ``churn@^1``.

**MLflow.** ``models:/churn/3`` and ``models:/churn@champion`` mean what they mean there. So do
``models:/churn/latest`` and ``models:/churn/Production``: MLflow takes what is no number for a
stage, in any case.

A bare ``churn`` is a model, not a version, and is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias
from urllib.parse import quote, unquote

from regesta.names import (
    InvalidName,
    check_alias,
    check_model,
    check_namespace,
    check_stage,
    check_version_number,
    parse_version_number,
)
from regesta.semver import InvalidRange, Range

#: Longest address in characters, before percent-encoding.
MAX_LENGTH: Final = 1024

_SCHEME = "regesta://"
_MLFLOW = "models:/"
_LATEST = "latest"
_AS_OF = "as_of="
_MAX_POSITION = (1 << 63) - 1

# Of the characters in an address, those that a URI may hold as they are. `#` is not one: what
# follows it would be the fragment, and ?as_of= a part of that.
_URI_SAFE = "/@:?=+"

_MARK = re.compile(r"[@#:]")
_IN_RANGES_ONLY = re.compile(r"[\^~<>=*.| ]")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_POSITION = re.compile(r"[1-9][0-9]{0,18}")
_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,9}))?(?:[Zz]|(?P<offset>[+-](?:[01][0-9]|2[0-3]):[0-5][0-9]))"
)


class InvalidAddress(ValueError):
    """A text is not an address of a version. The message does not repeat it."""


@dataclass(frozen=True, slots=True)
class Number:
    """The version with this number."""

    version: int

    def __post_init__(self) -> None:
        check_version_number(self.version)


@dataclass(frozen=True, slots=True)
class Alias:
    """The version that an alias points to."""

    alias: str

    def __post_init__(self) -> None:
        check_alias(self.alias)


@dataclass(frozen=True, slots=True)
class Stage:
    """The version in a stage."""

    stage: str

    def __post_init__(self) -> None:
        check_stage(self.stage)


@dataclass(frozen=True, slots=True)
class Latest:
    """The version with the highest number."""


@dataclass(frozen=True, slots=True)
class Digest:
    """The version whose content has this digest.

    Attributes:
        digest: `sha256:` and 64 hexadecimal digits in lower case.
    """

    digest: str

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.digest):
            raise InvalidAddress("a digest is sha256: and 64 hexadecimal digits in lower case")


Selector: TypeAlias = Number | Alias | Stage | Range | Latest | Digest


@dataclass(frozen=True, slots=True)
class Address:
    """Which version is meant, and as of when.

    Attributes:
        namespace: The namespace, or None where the context says it.
        model: The model's name; None with a `Digest` and only there.
        selector: Which of the model's versions.
        as_of: A position of the namespace's log, from 1; or a time with its zone; or None
            for the present.
    """

    namespace: str | None
    model: str | None
    selector: Selector
    as_of: datetime | int | None = None

    def __post_init__(self) -> None:
        if self.namespace is not None:
            check_namespace(self.namespace)
        if self.model is not None:
            check_model(self.model)
        if (self.model is None) != isinstance(self.selector, Digest):
            raise InvalidAddress("an address has either a model or a digest")
        if isinstance(self.as_of, datetime):
            _in_utc(self.as_of)
        elif self.as_of is not None and not 1 <= self.as_of <= _MAX_POSITION:
            raise InvalidAddress(f"a position is 1 to {_MAX_POSITION}")

    def __str__(self) -> str:
        return format(self)


def parse(text: str) -> Address:
    """Return the address that a text spells.

    Fractions of a second beyond the microsecond are cut off, which changes no answer: the
    log's times have none.

    Raises:
        InvalidAddress: It spells none; the message says what is wrong and what would do.
    """
    # Percent-encoding triples a character at most.
    if len(text) > 3 * MAX_LENGTH:
        raise InvalidAddress(f"an address has at most {MAX_LENGTH} characters")
    is_uri, is_mlflow = text.startswith(_SCHEME), text.startswith(_MLFLOW)
    body, asks_as_of, query = text.partition("?")
    if is_uri:
        body, query = _decoded(body.removeprefix(_SCHEME)), _decoded(query)
    elif is_mlflow:
        body = body.removeprefix(_MLFLOW)
    if len(body) + len(query) > MAX_LENGTH:
        raise InvalidAddress(f"an address has at most {MAX_LENGTH} characters")
    try:
        as_of = _moment(query) if asks_as_of else None
        path, selector = _selector(body, mlflow=is_mlflow)
        namespace, model = _place(path, is_digest=isinstance(selector, Digest))
        if is_uri and namespace is None:
            raise InvalidAddress(f"after {_SCHEME} comes a namespace, then / and the address")
        return Address(namespace, model, selector, as_of)
    except (InvalidName, InvalidRange) as error:
        raise InvalidAddress(str(error)) from error


def format(address: Address) -> str:  # noqa: A001 - the reverse of `parse`, read as addresses.format
    """Return an address as text, in one spelling; `parse` gives the same address again."""
    place = "" if address.namespace is None else address.namespace + "/"
    return f"{place}{address.model or ''}{_written(address.selector)}{_written_as_of(address)}"


def uri(address: Address) -> str:
    """Return an address as a URI; `parse` gives the same address again.

    Raises:
        InvalidAddress: The address has no namespace.
    """
    if address.namespace is None:
        raise InvalidAddress("the URI of a version begins with its namespace")
    return _SCHEME + quote(format(address), safe=_URI_SAFE)


def _selector(body: str, *, mlflow: bool) -> tuple[str, Selector]:
    """Split an address into what stands before its selector, and the selector."""
    if mark := _MARK.search(body):
        path, rest = body[: mark.start()], body[mark.end() :]
        match mark[0]:
            case "@":
                return path, _after_at(rest)
            case "#":
                return path, Stage(rest)
            case _:
                start = path.rfind("/") + 1
                return path[:start], Digest(body[start:])
    path, slash, last = body.rpartition("/")
    if not slash:
        raise InvalidAddress(
            "an address says which version: add /<number>, @<alias>, @<range>, @latest or"
            " #<stage> to the model's name"
        )
    if not mlflow or last[:1].isdigit():
        return path, Number(parse_version_number(last))
    return path, Latest() if last.lower() == _LATEST else Stage(last.lower())


def _after_at(text: str) -> Selector:
    if text == _LATEST:
        return Latest()
    if _IN_RANGES_ONLY.search(text):
        return Range.parse(text)
    if text.isdigit():
        raise InvalidAddress("a version's number follows a slash, as in churn/3; a range is ^3")
    return Alias(text)


def _place(path: str, *, is_digest: bool) -> tuple[str | None, str | None]:
    """Return the namespace and the model that stand before a selector."""
    match path.split("/"):
        case [""] if is_digest:
            return None, None
        case [namespace, ""] if is_digest:
            return namespace, None
        case [model] if not is_digest:
            return None, model
        case [namespace, model] if not is_digest:
            return namespace, model
        case _:
            raise InvalidAddress("an address has at most a namespace, a slash and a model's name")


def _moment(query: str) -> datetime | int:
    """Return the position or the time in a query."""
    text = query.removeprefix(_AS_OF)
    if text == query:
        raise InvalidAddress("after ? comes as_of= with a position or a time, and nothing else")
    if _POSITION.fullmatch(text):
        return int(text)
    match = _TIME.fullmatch(text)
    if match is None:
        raise InvalidAddress(
            "as_of is a position such as 1042, or a time such as 2026-11-21T04:02:00Z"
        )
    fraction = (match["fraction"] or "")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(
            f"{match['date']}T{match['clock']}.{fraction}{match['offset'] or '+00:00'}"
        )
    except ValueError as error:
        raise InvalidAddress("as_of is a day or an hour that does not exist") from error


def _in_utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise InvalidAddress("a time needs its zone")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise InvalidAddress("a time lies in the years 1 to 9999") from error


def _written(selector: Selector) -> str:
    match selector:
        case Number(version):
            return f"/{version}"
        case Alias(alias):
            return f"@{alias}"
        case Stage(stage):
            return f"#{stage}"
        case Range():
            return f"@{selector.text}"
        case Latest():
            return f"@{_LATEST}"
        case Digest(digest):
            return digest


def _written_as_of(address: Address) -> str:
    match address.as_of:
        case None:
            return ""
        case datetime() as time:
            text = _in_utc(time).isoformat().replace("+00:00", "Z")
        case position:
            text = str(position)
    return f"?{_AS_OF}{text}"


def _decoded(text: str) -> str:
    """Undo percent-encoding, once."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidAddress("percent-encoding in an address is of UTF-8") from error
