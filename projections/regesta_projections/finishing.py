"""Finishing a resource: what its row leaves out is appended to the row's bytes.

Protobuf merges concatenated messages: a later scalar wins, repeated fields and maps
add up. So a read never parses the stored resource; it appends a small message that
holds the full name, what other streams decide, and the free texts, which are kept
beside the log. Source: protobuf encoding, "Last One Wins".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.evolve.flags import FLAG_FIELD, REVOCATION_FIELD
from regesta_projections.wire import part, varint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TAG_FIELD = "tags."

_NAME_TAG = part(version_pb.Version.NAME_FIELD_NUMBER, b"")[:-1]
_ALIASES = version_pb.Version.ALIASES_FIELD_NUMBER

M = TypeVar("M", model_pb.Model, version_pb.Version)


def finish_model(
    resource: bytes,
    *,
    name: str,
    latest_version: int,
    aliases: Mapping[str, int],
    texts: Mapping[str, str],
) -> bytes:
    """Return a model's serialized resource with everything in it.

    Args:
        resource: The row's bytes.
        name: The full resource name; it replaces the row's short one.
        latest_version: The highest version number given out.
        aliases: Each alias and the version it points to.
        texts: Free texts by field: `description`, `card`, `tags.{key}`, `flags.{id}`. An
            erased text is simply missing.
    """
    rest = model_pb.Model(name=name, latest_version=latest_version, aliases=aliases)
    if texts:
        resource = _put_texts(resource, rest, texts)
    return resource + rest.SerializeToString(deterministic=True)


def finish_version(
    resource: bytes, *, name: str, aliases: Sequence[str], texts: Mapping[str, str]
) -> bytes:
    """Return a version's serialized resource with everything in it.

    Args:
        resource: The row's bytes.
        name: The full resource name.
        aliases: The aliases that point to it.
        texts: Free texts by field: `description`, `card`, `tags.{key}`, `flags.{id}`,
            `revocation`. An erased text is simply missing.
    """
    if not texts:
        # Most of a page, and a message for each takes more than twice as long.
        encoded = name.encode()
        named = resource + _NAME_TAG + varint(len(encoded)) + encoded
        if not aliases:
            return named
        return named + b"".join([part(_ALIASES, alias.encode()) for alias in aliases])
    rest = version_pb.Version(name=name, aliases=aliases)
    resource = _put_texts(resource, rest, texts)
    return resource + rest.SerializeToString(deterministic=True)


def finish_alias(resource: bytes, *, name: str) -> bytes:
    """Return an alias's serialized resource with its full resource name."""
    return resource + model_pb.Alias(name=name).SerializeToString()


def _put_texts(resource: bytes, rest: M, texts: Mapping[str, str]) -> bytes:
    """Put texts into what is appended; return the row's bytes, with the reasons of its flags."""
    reasons: dict[str, str] = {}
    for field, text in texts.items():
        if field == "description":
            rest.description = text
        elif field == "card":
            rest.card = text
        elif field.startswith(_TAG_FIELD):
            rest.tags[field.removeprefix(_TAG_FIELD)] = text
        elif field.startswith(FLAG_FIELD):
            reasons[field.removeprefix(FLAG_FIELD)] = text
        elif field == REVOCATION_FIELD and isinstance(rest, version_pb.Version):
            rest.revoked.reason = text
        else:
            raise ValueError(f"no resource has a text field {field}")
    return _with_reasons(resource, type(rest), reasons) if reasons else resource


def _with_reasons(resource: bytes, kind: type[M], reasons: Mapping[str, str]) -> bytes:
    """Return a resource with the reasons of its flags.

    Repeated messages that are appended are further ones, so it has to be parsed. Few resources
    have open flags.
    """
    message = kind.FromString(resource)
    for flag in message.flags:
        flag.reason = reasons.get(flag.id, "")
    return message.SerializeToString(deterministic=True)
