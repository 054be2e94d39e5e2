"""The rules that fields of requests keep, whatever the state.

A request is checked to its end, so that a caller learns all that is wrong at once.
Descriptions never repeat a caller's text; paths name a map's key if it is a valid one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from regesta import names
from regesta.names import InvalidName, ModelName, VersionName
from regesta.sealed import SealedText, seal
from regesta_service.domain import limits
from regesta_service.domain.rejections import InvalidRequest, Violation
from regesta_service.domain.texts import CLEARED, TextChange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sized

    from regesta_service.api.writes.translating import WriteRequest

#: Gives 16 random bytes, other ones each time.
SaltSource: TypeAlias = Callable[[], bytes]

#: A field's path, or its parts, put together only when it is refused: the path of a map or
#: list, the key or index, and a field below.
Place: TypeAlias = str | tuple[str, str | int] | tuple[str, int, str]

_T = TypeVar("_T")

#: How many broken rules are told at once: they travel in trailing metadata.
MAX_VIOLATIONS: Final = 10
_MAX_SHOWN_KEY: Final = 60

# Control characters, C0, DEL and C1; free text may hold tab, line feed and carriage return.
_NOT_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# 19 digits: revisions are 64-bit.
_REVISION = re.compile(r"0|[1-9][0-9]{0,18}")


class Checks:
    """Checks one request, and seals its free texts on the way.

    Each check returns what it was given in the form a command wants. What it returns for
    a field that breaks a rule means nothing: `finish` comes before the command is used.
    """

    __slots__ = ("_broken", "_new_salt", "_violations", "texts")

    def __init__(self, new_salt: SaltSource) -> None:
        #: The texts sealed so far, by digest.
        self.texts: dict[str, str] = {}
        self._new_salt = new_salt
        self._broken = 0
        self._violations: list[Violation] = []

    def finish(self) -> None:
        """Raise if a rule was broken.

        Raises:
            InvalidRequest: It names the fields, at most `MAX_VIOLATIONS`.
        """
        if not self._broken:
            return
        first = self._violations[0]
        message = f"{first.field}: {first.description}"
        if self._broken > 1:
            message += f" (and {self._broken - 1} more)"
        raise InvalidRequest(message, violations=tuple(self._violations))

    def refuse(self, place: Place, description: str) -> None:
        """Note that a field breaks a rule."""
        self._broken += 1
        if len(self._violations) < MAX_VIOLATIONS:
            self._violations.append(Violation(_path_of(place), description))

    def named(self, place: Place, check: Callable[[_T], _T], value: _T) -> _T:
        """Check a name by a function of `regesta.names`."""
        try:
            return check(value)
        except InvalidName as error:
            self.refuse(place, error.message)
            return value

    def fits(self, field: str, things: Sized, limit: int) -> bool:
        """Check how many things there are, and say whether that is few enough."""
        if len(things) > limit:
            self.refuse(field, f"has at most {limit} entries")
            return False
        return True

    def line(self, place: Place, text: str, limit: int = limits.MAX_LINE) -> str:
        """Check a text on one line."""
        if len(text) > limit or _NOT_IN_LINE.search(text):
            self.refuse(place, f"has at most {limit} characters and no control character")
        return text

    def text(self, place: Place, text: str, limit: int) -> str:
        """Check a text that may have several lines."""
        if len(text) > limit or _NOT_IN_TEXT.search(text):
            self.refuse(
                place,
                f"has at most {limit} characters and no control character but tab and line break",
            )
        return text

    def sealed(self, field: str, text: str, limit: int) -> SealedText | None:
        """Check a free text and seal it; None when it is empty."""
        return self._seal(self.text(field, text, limit)) if text else None

    def sealed_again(self, text: SealedText | None) -> SealedText | None:
        """Seal a text once more: one that is kept beside the log belongs to one event."""
        return self._seal(text.text) if text else None

    def changed(self, field: str, text: str, limit: int) -> TextChange:
        """Check what a free text is to become."""
        return self.sealed(field, text, limit) or CLEARED

    def cause(self, request: WriteRequest) -> SealedText | None:
        """Check a request's id and seal its reason."""
        self.named("request_id", names.check_request_id, request.request_id)
        return self.sealed("reason", request.reason, limits.MAX_REASON)

    def revision(self, etag: str) -> int | None:
        """Return the revision that a caller expects; None when any will do."""
        if not etag:
            return None
        if _REVISION.fullmatch(etag):
            return int(etag)
        self.refuse("etag", "is empty, or the etag of the resource as it was read")
        return None

    def tags(
        self, field: str, tags: Mapping[str, str]
    ) -> tuple[dict[str, str], dict[str, SealedText]]:
        """Check tags and part those whose values are kept beside the log."""
        inline: dict[str, str] = {}
        long: dict[str, SealedText] = {}
        if not self.fits(field, tags, limits.MAX_TAGS):
            return inline, long
        for key in tags:
            value = tags[key]
            self.named(self.key(field, key), names.check_tag_value, value)
            if len(value) > limits.MAX_INLINE_TAG_VALUE:
                long[key] = self._seal(value)
            else:
                inline[key] = value
        return inline, long

    def key(self, field: str, key: str) -> Place:
        """Check a map's key and return the place of its value."""
        try:
            names.check_tag_key(key)
        except InvalidName:
            self.refuse(
                field,
                f"a key has 1 to {names.MAX_TAG_KEY_LENGTH} characters and no control character",
            )
            return field
        return field, key

    def _seal(self, text: str) -> SealedText:
        sealed = seal(text, self._new_salt())
        self.texts[sealed.digest] = text
        return sealed


def _path_of(place: Place) -> str:
    """Return a path as text, for example `version.metrics["auc"]`."""
    if isinstance(place, str):
        return place
    field, key, *below = place
    if isinstance(key, int):
        shown = str(key)
    else:
        short = key if len(key) <= _MAX_SHOWN_KEY else key[:_MAX_SHOWN_KEY] + "…"
        # What turns text around or is not seen may stand in a key, but not in a message.
        shown = json.dumps(short, ensure_ascii=not short.isprintable())
    return ".".join([f"{field}[{shown}]", *below])


def parse_name(field: str, parse: Callable[[str], _T], text: str) -> _T:
    """Return the resource name in a field.

    Raises:
        InvalidRequest: It is none, or names something of another kind.
    """
    try:
        return parse(text)
    except InvalidName as error:
        raise InvalidRequest.of(field, error.message) from None


def model_or_version(text: str) -> ModelName | VersionName:
    """Return the name of a model or version, from a request's `name`.

    Raises:
        InvalidRequest: It is none, or names something else.
    """
    name = parse_name("name", names.parse, text)
    if not isinstance(name, ModelName | VersionName):
        raise InvalidRequest.of(
            "name", f"has the form {ModelName.PATTERN} or {VersionName.PATTERN}"
        )
    return name
