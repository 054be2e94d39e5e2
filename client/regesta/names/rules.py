"""What things may be called.

Every check returns what it was given, or raises `InvalidName`, whose message never repeats
the refused text: a name may come from a stranger and go to a log or a terminal.
"""

from __future__ import annotations

import re
from typing import Final

from regesta.semver import InvalidVersion, Version

#: Versions are counted in 32 bits, in the protocol as in the database.
MAX_VERSION_NUMBER: Final = (1 << 31) - 1
MAX_TAG_KEY_LENGTH: Final = 250
MAX_TAG_VALUE_LENGTH: Final = 100_000

#: What a principal may be called, and how grants and tokens are named; as patterns.
PRINCIPAL: Final = "[A-Za-z0-9][A-Za-z0-9._@-]{0,127}"
TOKEN: Final = "[0-9a-f]{16}"  # noqa: S105 - a pattern of ids
#: What collections and the documents in them are called.
DOCUMENT: Final = "[a-z0-9][a-z0-9-]{0,62}"

# 63: a DNS label; a namespace becomes part of host names.
_LABEL = re.compile(r"[a-z][a-z0-9-]{0,62}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# 255: as long as a model's name, and what MLflow allows.
_ALIAS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,254}")
_RESERVED_ALIAS = re.compile(r"latest|v?[0-9]+", re.IGNORECASE)
_PRINCIPAL = re.compile(PRINCIPAL)
_HEX_ID = re.compile(TOKEN)
_COMMENT = re.compile(r"[a-z2-7]{10}")
_DOCUMENT = re.compile(DOCUMENT)
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

#: What a line of text has none of: control characters of Unicode, and halves of surrogate pairs,
#: which UTF-8 cannot hold.
NOT_IN_LINE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
#: What a text of several lines has none of: the same but for tabs and line breaks.
NOT_IN_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class InvalidName(ValueError):
    """A text cannot be the name it was given as.

    Attributes:
        reason: In UPPER_SNAKE, for programs: `MODEL_NAME_INVALID`.
        message: The rule that was broken, for people; does not repeat the text.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def check_namespace(name: str) -> str:
    """Return a namespace's name: ``[a-z][a-z0-9-]{0,62}``."""
    if not _LABEL.fullmatch(name):
        raise InvalidName(
            "NAMESPACE_NAME_INVALID",
            "a namespace's name is 1 to 63 of a-z, 0-9 and -, and begins with a letter",
        )
    return name


def check_model(name: str) -> str:
    """Return a model's name: ``[A-Za-z0-9][A-Za-z0-9._-]{0,254}``."""
    if not _MODEL.fullmatch(name):
        raise InvalidName(
            "MODEL_NAME_INVALID",
            "a model's name is 1 to 255 of A-Z, a-z, 0-9, '.', '_' and '-', and begins with"
            " a letter or digit",
        )
    return name


def model_key(name: str) -> str:
    """Return what two names of one model have in common: the name in lower case.

    Names are ASCII, so lower case is the same everywhere, in the database too.
    """
    return check_model(name).lower()


def check_version_number(number: int) -> int:
    """Return a version's number: 1 to `MAX_VERSION_NUMBER`."""
    if not 1 <= number <= MAX_VERSION_NUMBER:
        raise InvalidName(
            "VERSION_NUMBER_INVALID", f"a version's number is 1 to {MAX_VERSION_NUMBER}"
        )
    return number


def parse_version_number(text: str) -> int:
    """Return the number that a text spells in plain decimal digits, as in `check_version_number`.

    Zeros in front are refused, so that a version has one spelling.
    """
    return check_version_number(int(text) if _NUMBER.fullmatch(text) else 0)


def check_alias(name: str) -> str:
    """Return an alias: ``[A-Za-z0-9_][A-Za-z0-9_-]{0,254}``, not reserved.

    Case matters: `Champion` and `champion` are two. Reserved, in any case, are `latest`, which
    is computed, and numbers with or without a `v` in front, which would pass for versions.
    """
    if not _ALIAS.fullmatch(name):
        raise InvalidName(
            "ALIAS_INVALID",
            "an alias is 1 to 255 of A-Z, a-z, 0-9, _ and -, and does not begin with -",
        )
    if _RESERVED_ALIAS.fullmatch(name):
        raise InvalidName(
            "ALIAS_RESERVED",
            "latest and numbers such as 3 or v3 are no aliases: they mean versions already",
        )
    return name


def check_hold(name: str) -> str:
    """Return the name of a hold: ``[a-z0-9][a-z0-9-]{0,62}``."""
    if not _ID.fullmatch(name):
        raise InvalidName(
            "HOLD_NAME_INVALID",
            "a hold is named by 1 to 63 of a-z, 0-9 and '-', beginning with no '-'",
        )
    return name


def check_id(text: str) -> str:
    """Return the id of a lifecycle, a policy and the like: ``[a-z0-9][a-z0-9-]{0,62}``."""
    if not _ID.fullmatch(text):
        raise InvalidName(
            "ID_INVALID",
            "an id is 1 to 63 of a-z, 0-9 and -, and begins with a letter or digit",
        )
    return text


def check_comment(name: str) -> str:
    """Return the id of a comment: ``[a-z2-7]{10}``."""
    if not _COMMENT.fullmatch(name):
        raise InvalidName("COMMENT_ID_INVALID", "a comment's id is 10 of a-z and 2-7")
    return name


def check_collection(name: str) -> str:
    """Return the id of a collection of documents: ``[a-z0-9][a-z0-9-]{0,62}``."""
    if not _DOCUMENT.fullmatch(name):
        raise InvalidName(
            "COLLECTION_ID_INVALID",
            "a collection's id is 1 to 63 of a-z, 0-9 and -, and begins with a letter or digit",
        )
    return name


def check_document(name: str) -> str:
    """Return the id of a document: ``[a-z0-9][a-z0-9-]{0,62}``."""
    if not _DOCUMENT.fullmatch(name):
        raise InvalidName(
            "DOCUMENT_ID_INVALID",
            "a document's id is 1 to 63 of a-z, 0-9 and -, and begins with a letter or digit",
        )
    return name


def check_principal(name: str) -> str:
    """Return a principal's name: ``[A-Za-z0-9][A-Za-z0-9._@-]{0,127}``."""
    if not _PRINCIPAL.fullmatch(name):
        raise InvalidName(
            "PRINCIPAL_NAME_INVALID",
            "a principal is named by 1 to 128 of A-Z, a-z, 0-9, '.', '_', '@' and '-', and begins"
            " with a letter or digit",
        )
    return name


def check_grant(name: str) -> str:
    """Return the id of a grant: 16 hex digits."""
    if not _HEX_ID.fullmatch(name):
        raise InvalidName("GRANT_NAME_INVALID", "a grant is named by 16 hex digits in lower case")
    return name


def check_token(name: str) -> str:
    """Return the id of a token: 16 hex digits."""
    if not _HEX_ID.fullmatch(name):
        raise InvalidName("TOKEN_NAME_INVALID", "a token is named by 16 hex digits in lower case")
    return name


def check_stage(name: str) -> str:
    """Return a stage's name: ``[a-z][a-z0-9-]{0,62}``."""
    if not _LABEL.fullmatch(name):
        raise InvalidName(
            "STAGE_INVALID",
            "a stage's name is 1 to 63 of a-z, 0-9 and -, and begins with a letter",
        )
    return name


def check_semver(label: str) -> str:
    """Return a SemVer label: a version after semver.org 2.0.0 of at most 250 characters."""
    try:
        Version.parse(label)
    except InvalidVersion as error:
        raise InvalidName("SEMVER_INVALID", str(error)) from error
    return label


def check_tag_key(key: str) -> str:
    """Return a tag's key: 1 to 250 characters without control characters."""
    if not 1 <= len(key) <= MAX_TAG_KEY_LENGTH or NOT_IN_LINE.search(key):
        raise InvalidName(
            "TAG_KEY_INVALID",
            f"a tag's key has 1 to {MAX_TAG_KEY_LENGTH} characters and no control character",
        )
    return key


def check_tag_value(value: str) -> str:
    """Return a tag's value: up to 100,000 characters, only tab and line break being control."""
    if len(value) > MAX_TAG_VALUE_LENGTH or NOT_IN_TEXT.search(value):
        raise InvalidName(
            "TAG_VALUE_INVALID",
            f"a tag's value has at most {MAX_TAG_VALUE_LENGTH} characters and no control"
            " character but tab and line break",
        )
    return value


def check_request_id(request_id: str) -> str:
    """Return the id of a write: ``[A-Za-z0-9._:-]{1,64}``."""
    if not _REQUEST_ID.fullmatch(request_id):
        raise InvalidName(
            "REQUEST_ID_INVALID", "a request id is 1 to 64 of A-Z, a-z, 0-9, '.', '_', ':' and '-'"
        )
    return request_id
