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
