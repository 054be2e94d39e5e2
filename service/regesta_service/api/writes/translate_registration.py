"""The registration of a version, as a command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from regesta import names
from regesta.names import ModelName
from regesta_projections import events as e
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.claims import claim_in
from regesta_service.api.writes.translate_properties import (
    translate_number,
    translate_properties,
)
from regesta_service.api.writes.translating import Translated, expect_to_fit
from regesta_service.domain import limits
from regesta_service.domain.texts import beside, free_text, free_texts
from regesta_service.domain.versions import RegisterVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from regesta.v1 import catalog_service_pb2 as pb
    from regesta.v1 import version_pb2 as version_pb
    from regesta_service.api.writes.checks import SaltSource

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_ANY_DIGEST = re.compile(r"[^:]+:.+")

# What a tensor's size is when it is free.
_FREE = -1


def register_version(
    request: pb.RegisterVersionRequest, now: datetime, new_salt: SaltSource
) -> Translated[RegisterVersion]:
    """Translate.

    Args:
        request: What a caller sent.
        now: What time it is, in UTC.
        new_salt: For the free texts.

    Raises:
        InvalidRequest: A field breaks a rule.
        EventTooLarge: It does not fit into an event.
    """
    checks = Checks(new_salt)
    parent = parse_name("parent", ModelName.parse, request.parent)
    given = request.version
    tags, long_tags = checks.tags("version.tags", given.tags)
    description = checks.sealed("version.description", given.description, limits.MAX_DESCRIPTION)
    card = checks.sealed("version.card", given.card, limits.MAX_CARD)
    reason = checks.cause(request)
    content = e.VersionRegistered(
        semver=_semver(checks, given.semver),
        source=checks.line("version.source", given.source, limits.MAX_SOURCE),
        digest=_digest(checks, "version.digest", given.digest),
        size_bytes=_size(checks, "version.size_bytes", given.size_bytes),
        manifest=_manifest(checks, given.manifest) if given.HasField("manifest") else None,
        signature=_signature(checks, given.signature) if given.HasField("signature") else None,
        properties=translate_properties(checks, "version.properties", given.properties),
        params=_params(checks, given.params),
        metrics=_metrics(checks, given.metrics),
        lineage=_lineage(checks, given.lineage) if given.HasField("lineage") else None,
        tags=tags,
        long_tags=free_texts(long_tags),
        description=free_text(description),
        card=free_text(card),
        reason=free_text(reason),
    )
    claim = claim_in(checks, request, now)
    checks.finish()
    expect_to_fit(request, content)
    texts = beside(
        ("description", description), ("card", card), ("reason", reason), long_tags=long_tags
    )
    command = RegisterVersion(parent.model, content, texts, request.allow_missing_model)
    return Translated(parent.namespace, command, request, checks.texts, claim)


def _semver(checks: Checks, label: str) -> str:
    return checks.named("version.semver", names.check_semver, label) if label else ""


def _digest(checks: Checks, field: str, digest: str) -> str:
    if digest and not _SHA256.fullmatch(digest):
        checks.refuse(field, "is sha256: and 64 hexadecimal digits, in lower case")
    return digest


def _size(checks: Checks, field: str, size_bytes: int) -> str:
    """Return a size as an event holds it; nothing when it is unknown."""
    if size_bytes < 0:
        checks.refuse(field, "is not negative")
    return str(size_bytes) if size_bytes else ""


def _params(checks: Checks, params: Mapping[str, str]) -> dict[str, str]:
    if not checks.fits("version.params", params, limits.MAX_PARAMS):
        return {}
    # By key: `items` of protobuf's maps is twice as slow.
    return {
        key: checks.text(checks.key("version.params", key), params[key], limits.MAX_PARAM_VALUE)
        for key in params
    }


def _metrics(checks: Checks, metrics: Mapping[str, float]) -> dict[str, str]:
    if not checks.fits("version.metrics", metrics, limits.MAX_METRICS):
        return {}
    return {
        key: translate_number(checks, checks.key("version.metrics", key), metrics[key])
        for key in metrics
    }


def _manifest(checks: Checks, manifest: version_pb.ManifestReference) -> e.ManifestReference:
    field = "version.manifest"
    if not manifest.digest:
        checks.refuse(f"{field}.digest", "is required: a manifest is named by its digest")
    return e.ManifestReference(
        digest=_digest(checks, f"{field}.digest", manifest.digest),
        size_bytes=_size(checks, f"{field}.size_bytes", manifest.size_bytes),
        media_type=checks.line(f"{field}.media_type", manifest.media_type),
        uri=checks.line(f"{field}.uri", manifest.uri),
    )


def _signature(checks: Checks, signature: version_pb.Signature) -> e.Signature:
    field = "version.signature"
    return e.Signature(
        inputs=_specs(checks, f"{field}.inputs", signature.inputs),
        outputs=_specs(checks, f"{field}.outputs", signature.outputs),
        params=_specs(checks, f"{field}.params", signature.params),
    )


def _specs(
    checks: Checks, field: str, specs: Iterable[version_pb.TensorSpec]
) -> tuple[e.TensorSpec, ...]:
    specs = tuple(specs)
    if not checks.fits(field, specs, limits.MAX_TENSOR_SPECS):
        return ()
    return tuple(_spec(checks, field, at, spec) for at, spec in enumerate(specs))


def _spec(checks: Checks, field: str, at: int, spec: version_pb.TensorSpec) -> e.TensorSpec:
    shape = spec.shape
    if shape and min(shape) < _FREE:
        checks.refuse((field, at, "shape"), "holds sizes, or -1 where a size is free")
    return e.TensorSpec(
        name=checks.line((field, at, "name"), spec.name),
        data_type=checks.line((field, at, "data_type"), spec.data_type),
        shape=tuple(map(str, shape)),
        optional=spec.optional,
    )


def _lineage(checks: Checks, lineage: version_pb.Lineage) -> e.Lineage:
    field = "version.lineage"
    return e.Lineage(
        run=checks.line(f"{field}.run", lineage.run, limits.MAX_LINEAGE_RUN),
        repository=checks.line(f"{field}.repository", lineage.repository),
        commit=checks.line(f"{field}.commit", lineage.commit),
        parents=tuple(
            checks.line((f"{field}.parents", at), parent)
            for at, parent in enumerate(lineage.parents)
        ),
        datasets=tuple(
            _dataset(checks, f"{field}.datasets", at, dataset)
            for at, dataset in enumerate(lineage.datasets)
        ),
    )


def _dataset(
    checks: Checks, field: str, at: int, dataset: version_pb.DatasetReference
) -> e.DatasetReference:
    if dataset.digest and not _ANY_DIGEST.fullmatch(dataset.digest):
        checks.refuse((field, at, "digest"), "has the form algorithm:value")
    return e.DatasetReference(
        name=checks.line((field, at, "name"), dataset.name),
        digest=checks.line((field, at, "digest"), dataset.digest),
        role=checks.line((field, at, "role"), dataset.role),
    )
