"""Finishing a resource: what its row leaves out is appended to the row's bytes.

Protobuf merges concatenated messages: a later scalar wins, repeated fields and maps
add up. So a read never parses the stored resource; it appends a small message that
holds the full name, what other streams decide, and the free texts, which are kept
beside the log. Source: protobuf encoding, "Last One Wins".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TAG_FIELD = "tags."


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
        texts: Free texts by field: `description`, `card`, `tags.{key}`. An erased
            text is simply missing.
    """
    rest = model_pb.Model(name=name, latest_version=latest_version, aliases=aliases)
    if texts:
        _put_texts(rest, texts)
    return resource + rest.SerializeToString(deterministic=True)


def finish_version(
    resource: bytes, *, name: str, aliases: Sequence[str], texts: Mapping[str, str]
) -> bytes:
    """Return a version's serialized resource with everything in it.

    Args:
        resource: The row's bytes.
        name: The full resource name.
        aliases: The aliases that point to it.
        texts: Free texts by field: `description`, `card`, `tags.{key}`. An erased
            text is simply missing.
    """
    rest = version_pb.Version(name=name, aliases=aliases)
    if texts:
        _put_texts(rest, texts)
    return resource + rest.SerializeToString(deterministic=True)


def finish_alias(resource: bytes, *, name: str) -> bytes:
    """Return an alias's serialized resource with its full resource name."""
    return resource + model_pb.Alias(name=name).SerializeToString()


def _put_texts(rest: model_pb.Model | version_pb.Version, texts: Mapping[str, str]) -> None:
    for field, text in texts.items():
        if field == "description":
            rest.description = text
        elif field == "card":
            rest.card = text
        elif field.startswith(_TAG_FIELD):
            rest.tags[field.removeprefix(_TAG_FIELD)] = text
        else:
            raise ValueError(f"no resource has a text field {field}")
