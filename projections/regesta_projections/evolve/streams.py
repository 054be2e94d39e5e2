"""Streams: the names under which resources have their events, and their row keys.

`models/{model}`, `models/{model}/versions/{number}`, `models/{model}/aliases/{alias}`,
`namespace`, `log` and `privacy`; `{model}` is the name the model was created with. Those of
resources without columns of their own are in `regesta_projections.resources`.
"""

from __future__ import annotations

from regesta_projections import resources
from regesta_projections.rows import (
    LOG,
    NAMESPACE,
    PRIVACY,
    AliasKey,
    LogKey,
    ModelKey,
    NamespaceKey,
    PrivacyKey,
    ResourceKey,
    StreamKey,
    VersionKey,
)

NAMESPACE_STREAM = "namespace"
LOG_STREAM = "log"
PRIVACY_STREAM = "privacy"
_MODEL_PARTS = 2
_CHILD_PARTS = 4


class UnknownStream(ValueError):
    """A stream's name has none of the forms this build knows."""


def stream_of(key: StreamKey) -> str:
    """Return the stream of a row that has one of its own."""
    match key:
        case ModelKey():
            return f"models/{key.model}"
        case VersionKey():
            return f"models/{key.model}/versions/{key.number}"
        case AliasKey():
            return f"models/{key.model}/aliases/{key.alias}"
        case NamespaceKey():
            return NAMESPACE_STREAM
        case LogKey():
            return LOG_STREAM
        case PrivacyKey():
            return PRIVACY_STREAM
        case ResourceKey():
            return key.stream


def below(model: str, part: str) -> ResourceKey:
    """Return the key of a resource below a model, by what follows the model's stream."""
    return ResourceKey(f"models/{model}/{part}")


def key_of(stream: str) -> StreamKey:
    """Return what a stream identifies.

    Raises:
        UnknownStream: It has no form that this build knows.
    """
    if stream == NAMESPACE_STREAM:
        return NAMESPACE
    if stream == LOG_STREAM:
        return LOG
    if stream == PRIVACY_STREAM:
        return PRIVACY
    parts = stream.split("/")
    if parts[0] == "models":
        if len(parts) == _MODEL_PARTS:
            return ModelKey(parts[1])
        if len(parts) == _CHILD_PARTS and parts[2] == "versions" and parts[3].isdecimal():
            return VersionKey(parts[1], int(parts[3]))
        if len(parts) == _CHILD_PARTS and parts[2] == "aliases":
            return AliasKey(parts[1], parts[3])
    if resources.is_one(stream):
        return ResourceKey(stream)
    raise UnknownStream(stream)
