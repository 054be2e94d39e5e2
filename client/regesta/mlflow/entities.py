"""Our resources as MLflow's entities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlflow.entities.model_registry import (
    ModelVersion,
    ModelVersionTag,
    RegisteredModel,
    RegisteredModelAlias,
    RegisteredModelTag,
)

from regesta.mlflow.naming import (
    NAME_TAG,
    RUN_LINK,
    STORAGE_LOCATION,
    USER_ID,
    alias_of,
    stage_of,
)

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from regesta.v1 import model_pb2, version_pb2


def milliseconds(time: Timestamp) -> int:
    """Return a time as MLflow counts it: milliseconds since 1970."""
    return int(time.seconds) * 1_000 + time.nanos // 1_000_000


def last_part(name: str) -> str:
    """Return the last part of a resource name."""
    return name.rpartition("/")[2]


def model_id_of(version: version_pb2.Version) -> str:
    """Return the id of a version's model."""
    return version.name.split("/")[3]


def registered_model(
    name: str, model: model_pb2.Model, latest: Iterable[version_pb2.Version]
) -> RegisteredModel:
    """Return a model as MLflow knows it.

    MLflow counts a new version and the move of one as changes of their model; the latest version
    of each stage tells when that was.

    Args:
        name: What MLflow calls it.
        model: The model.
        latest: The latest version in each stage.
    """
    versions = [model_version(name, version) for version in latest]
    changed = milliseconds(_happened(model, "occurred_update_time", "update_time"))
    return RegisteredModel(
        name,
        creation_timestamp=milliseconds(_happened(model, "occurred_create_time", "create_time")),
        last_updated_timestamp=max(
            [changed, *(version.last_updated_timestamp or 0 for version in versions)]
        ),
        description=model.description or None,
        latest_versions=versions,
        tags=[RegisteredModelTag(k, v) for k, v in model.tags.items() if k != NAME_TAG],
        aliases=[
            RegisteredModelAlias(alias_of(alias), number)
            for alias, number in sorted(model.aliases.items())
        ],
    )


def model_version(name: str, version: version_pb2.Version) -> ModelVersion:
    """Return a version as MLflow knows it.

    Args:
        name: What MLflow calls its model.
        version: The version.
    """
    return ModelVersion(
        name,
        version.version,  # type: ignore[arg-type]  # a number, as MLflow's own store gives it
        milliseconds(_happened(version, "occurred_create_time", "create_time")),
        milliseconds(_happened(version, "occurred_update_time", "update_time")),
        version.description or None,
        _property(version, USER_ID) or version.created_by or None,
        stage_of(version.stage),
        version.source or None,
        version.lineage.run or None,
        tags=[ModelVersionTag(key, value) for key, value in version.tags.items()],
        run_link=_property(version, RUN_LINK),
        aliases=[alias_of(alias) for alias in version.aliases],
    )


def download_uri(version: version_pb2.Version) -> str:
    """Return where a version's artifacts are, which of a copy is where the first one's are."""
    return _property(version, STORAGE_LOCATION) or version.source


def _property(version: version_pb2.Version, name: str) -> str | None:
    if name not in version.properties:  # reading would add it
        return None
    return version.properties[name].string_value or None


def _happened(
    resource: model_pb2.Model | version_pb2.Version, claimed: str, recorded: str
) -> Timestamp:
    """Return when something happened: as an importer claims, or else as recorded."""
    time: Timestamp = getattr(resource, claimed if resource.HasField(claimed) else recorded)  # type: ignore[arg-type]
    return time
