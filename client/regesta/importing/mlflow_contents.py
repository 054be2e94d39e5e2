"""What a model or a version of MLflow's is here: its message, and what does not fit. Pure."""

from __future__ import annotations

from typing import Final

from regesta.importing.merging import MAX_TAGS, fitting_tags, fitting_text
from regesta.importing.records import READY, ModelRecord, VersionRecord
from regesta.importing.steps import Finding
from regesta.mlflow import naming
from regesta.v1 import model_pb2, version_pb2

#: A property of versions that stand for numbers of which the source knows nothing.
PLACEHOLDER: Final = "regesta.placeholder"
#: Properties for what MLflow says of a version that cannot be used yet, or never could.
STATUS: Final = "mlflow.status"
STATUS_MESSAGE: Final = "mlflow.status_message"

_DESCRIPTION: Final = 100_000
_LINE: Final = 4_096
_RUN: Final = 500
_PROPERTY: Final = 10_000


def resource_of(record: ModelRecord | VersionRecord) -> str:
    """Return what people call it."""
    if isinstance(record, ModelRecord):
        return record.name
    return f"{record.model}/{record.number}"


def fitting(
    record: ModelRecord | VersionRecord, *, name_tag: bool = False
) -> tuple[dict[str, str], str | None, tuple[Finding, ...]]:
    """Return tags and description as they can be here, and what had to be left out.

    Args:
        record: Whose.
        name_tag: Whether a tag has to say what MLflow calls the model.
    """
    resource = resource_of(record)
    tags, findings = fitting_tags(resource, record.tags, room=MAX_TAGS - name_tag)
    if name_tag and isinstance(record, ModelRecord):
        tags[naming.NAME_TAG] = record.name
    text, told = fitting_text(resource, "description", record.description, _DESCRIPTION)
    return tags, text, findings + told


def model_of(record: ModelRecord, tags: dict[str, str], text: str | None) -> model_pb2.Model:
    """Return a model to create."""
    kind = model_pb2.MODEL_KIND_PROMPT if record.is_prompt else model_pb2.MODEL_KIND_MODEL
    return model_pb2.Model(kind=kind, description=text or "", tags=tags)


def version_of(
    record: VersionRecord, tags: dict[str, str], text: str | None
) -> tuple[version_pb2.Version, tuple[Finding, ...]]:
    """Return a version to register, and what had to be left out of it."""
    resource = resource_of(record)
    source, findings = fitting_text(resource, "source", record.source, _LINE, lines=False)
    run, told = fitting_text(resource, "run", record.run_id, _RUN, lines=False)
    findings += told
    version = version_pb2.Version(source=source or "", description=text or "", tags=tags)
    if run:
        version.lineage.run = run
    for name, value in _properties(record).items():
        fitted, told = fitting_text(resource, name, value, _PROPERTY)
        findings += told
        if fitted:
            version.properties[name].string_value = fitted
    return version, findings


def placeholder() -> version_pb2.Version:
    """Return a version that only uses up a number."""
    version = version_pb2.Version()
    version.properties[PLACEHOLDER].bool_value = True
    return version


def is_placeholder(version: version_pb2.Version) -> bool:
    """Say whether a version only uses up a number."""
    return (
        version.properties[PLACEHOLDER].bool_value if PLACEHOLDER in version.properties else False
    )


def same_origin(wanted: version_pb2.Version, here: version_pb2.Version) -> bool:
    """Say whether two versions are of the same artifact and run."""
    return wanted.source == here.source and wanted.lineage.run == here.lineage.run


def status_in(version: version_pb2.Version) -> str:
    """Return what MLflow said of whether a version can be used."""
    return version.properties[STATUS].string_value if STATUS in version.properties else READY


def _properties(record: VersionRecord) -> dict[str, str]:
    return {
        naming.USER_ID: record.user,
        naming.RUN_LINK: record.run_link,
        naming.STORAGE_LOCATION: record.storage_location,
        STATUS: "" if record.status == READY else record.status,
        STATUS_MESSAGE: record.status_message,
    }
