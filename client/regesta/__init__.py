"""regesta, the model registry that keeps every fact: the client.

    import regesta

    with regesta.Client("127.0.0.1:7421", token=token) as registry:
        version = registry.register("churn", source="s3://models/churn/7")
        registry.set_alias("churn@champion", version=version.version)
        assert registry.resolve("churn@champion").version == version.version

`Client` is synchronous, `AsyncClient` the same for asyncio. Answers are messages of
`regesta.v1`; what goes wrong is a `RegestaError` (see `regesta.errors`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from regesta._aio.client import AsyncClient
    from regesta._shared import Occurred
    from regesta._sync.client import DEFAULT_TARGET, Client
    from regesta.errors import (
        AlreadyExists,
        CheckpointInvalid,
        Conflict,
        DeadlineExceeded,
        ForkDetected,
        InvalidRequest,
        NotFound,
        OutOfRange,
        Overloaded,
        PermissionDenied,
        PreconditionFailed,
        RegestaError,
        ServerFailure,
        TrustError,
        Unauthenticated,
        Unavailable,
    )
    from regesta.files import UnreadableModelFile, digest_of, inspect
    from regesta.trust import Receipt, SignedCheckpoint, Trust
    from regesta.v1.flag_pb2 import Flag, FlagSeverity, Revocation
    from regesta.v1.model_pb2 import Alias, Model, ModelKind
    from regesta.v1.version_pb2 import (
        DatasetReference,
        Lineage,
        ManifestReference,
        PropertyValue,
        Signature,
        TensorSpec,
        Version,
    )

__all__ = [
    "DEFAULT_TARGET",
    "Alias",
    "AlreadyExists",
    "AsyncClient",
    "CheckpointInvalid",
    "Client",
    "Conflict",
    "DatasetReference",
    "DeadlineExceeded",
    "Flag",
    "FlagSeverity",
    "ForkDetected",
    "InvalidRequest",
    "Lineage",
    "ManifestReference",
    "Model",
    "ModelKind",
    "NotFound",
    "Occurred",
    "OutOfRange",
    "Overloaded",
    "PermissionDenied",
    "PreconditionFailed",
    "PropertyValue",
    "Receipt",
    "RegestaError",
    "Revocation",
    "ServerFailure",
    "Signature",
    "SignedCheckpoint",
    "TensorSpec",
    "Trust",
    "TrustError",
    "Unauthenticated",
    "Unavailable",
    "UnreadableModelFile",
    "Version",
    "digest_of",
    "inspect",
]

#: Where the names are. Each is imported when it is first used: whoever wants a message of
#: `regesta.v1`, as the server does, would else import both clients and gRPC with it.
_PLACES: Final = {
    "regesta._aio.client": ("AsyncClient",),
    "regesta._shared": ("Occurred",),
    "regesta._sync.client": ("DEFAULT_TARGET", "Client"),
    "regesta.errors": (
        "AlreadyExists",
        "CheckpointInvalid",
        "Conflict",
        "DeadlineExceeded",
        "ForkDetected",
        "InvalidRequest",
        "NotFound",
        "OutOfRange",
        "Overloaded",
        "PermissionDenied",
        "PreconditionFailed",
        "RegestaError",
        "ServerFailure",
        "TrustError",
        "Unauthenticated",
        "Unavailable",
    ),
    "regesta.files": ("UnreadableModelFile", "digest_of", "inspect"),
    "regesta.trust": ("Receipt", "SignedCheckpoint", "Trust"),
    "regesta.v1.flag_pb2": ("Flag", "FlagSeverity", "Revocation"),
    "regesta.v1.model_pb2": ("Alias", "Model", "ModelKind"),
    "regesta.v1.version_pb2": (
        "DatasetReference",
        "Lineage",
        "ManifestReference",
        "PropertyValue",
        "Signature",
        "TensorSpec",
        "Version",
    ),
}
_HOMES: Final = {name: module for module, names in _PLACES.items() for name in names}
#: Modules that are spoken of as attributes.
_MODULES: Final = frozenset({"errors", "files", "trust"})


if not TYPE_CHECKING:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> Any:
        """Return a public name, imported now."""
        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return found


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted({*globals(), *__all__})
