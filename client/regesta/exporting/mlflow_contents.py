"""What MLflow's registry has room for of a model or a version here, and what it has not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from regesta.importing.mlflow_contents import STATUS, STATUS_MESSAGE
from regesta.importing.records import NO_STAGE, PROMPT_TAG
from regesta.mlflow import naming
from regesta.v1 import model_pb2, version_pb2

#: Stages that MLflow knows.
_STAGES: Final = frozenset(naming.STAGES.values())
#: Properties that are something of MLflow's own.
_OWN: Final = frozenset(
    {naming.RUN_LINK, naming.STORAGE_LOCATION, naming.USER_ID, STATUS, STATUS_MESSAGE}
)
#: Characters that MLflow's tables have room for.
_RUN: Final = 32
_LINK: Final = 500
_SOURCE: Final = 500
_DESCRIPTION: Final = 5_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A model or a version as MLflow takes it.

    Attributes:
        tags: Its tags, with the one that makes it a prompt.
        is_prompt: Whether it is one.
        description: Its description.
        source: Of a version, where the artifact is.
        run_id: Of a version, its run.
        run_link: Of a version, where that run is.
        stage: Of a version, what MLflow calls its stage.
        lost: What there is no place for, in words.
    """

    tags: Mapping[str, str]
    is_prompt: bool
    description: str
    source: str = ""
    run_id: str = ""
    run_link: str = ""
    stage: str = NO_STAGE
    lost: tuple[str, ...] = field(default=())


def outgoing_model(model: model_pb2.Model) -> Outgoing:
    """Return a model as MLflow takes it."""
    tags = {key: text for key, text in model.tags.items() if key != naming.NAME_TAG}
    is_prompt = model.kind == model_pb2.MODEL_KIND_PROMPT
    if is_prompt:
        tags[PROMPT_TAG] = "true"
    kinds = {model_pb2.MODEL_KIND_MODEL, model_pb2.MODEL_KIND_PROMPT}
    lost = [
        what
        for what, is_there in (
            ("kind", model.kind not in kinds),
            ("owner", model.owner),
            ("card", model.card),
            ("flags", model.flags),
            ("former names", model.former_names),
            ("description, too long", len(model.description) > _DESCRIPTION),
        )
        if is_there
    ]
    description = model.description if len(model.description) <= _DESCRIPTION else ""
    return Outgoing(tags, is_prompt, description, lost=tuple(lost))


def outgoing_version(version: version_pb2.Version, *, is_prompt: bool) -> Outgoing:
    """Return a version as MLflow takes it.

    Args:
        version: The version.
        is_prompt: Whether its model is a prompt.
    """
    tags = dict(version.tags)
    if is_prompt:
        tags[PROMPT_TAG] = "true"
    stage = naming.stage_of(version.stage)
    source = version.source if len(version.source) <= _SOURCE else ""
    run = version.lineage.run if len(version.lineage.run) <= _RUN else ""
    link = _property(version, naming.RUN_LINK)
    return Outgoing(
        tags,
        is_prompt,
        version.description if len(version.description) <= _DESCRIPTION else "",
        # MLflow wants one; this one leads back to where the version was.
        source or f"regesta://{version.name.removeprefix('namespaces/')}",
        run,
        link if len(link) <= _LINK else "",
        stage if stage in _STAGES else NO_STAGE,
        tuple(_lost(version, stage)),
    )


def _lost(version: version_pb2.Version, stage: str) -> Iterator[str]:
    for field_ in ("semver", "digest", "size_bytes", "card", "flags", "params", "metrics"):
        if getattr(version, field_):
            yield field_.replace("_", " ")
    for field_ in ("manifest", "signature", "revoked"):
        if version.HasField(field_):  # type: ignore[arg-type]  # the three are fields
            yield field_
    lineage = version.lineage
    if lineage.repository or lineage.commit or lineage.parents or lineage.datasets:
        yield "lineage beyond the run"
    if any(name not in _OWN for name in version.properties):
        yield "properties"
    yield from _lost_texts(version)
    if stage not in _STAGES:
        yield f"stage {version.stage}"


def _lost_texts(version: version_pb2.Version) -> Iterator[str]:
    if len(version.source) > _SOURCE:
        yield "source, too long"
    if len(version.lineage.run) > _RUN:
        yield "run, too long"
    if len(version.description) > _DESCRIPTION:
        yield "description, too long"
    if _property(version, naming.USER_ID) or version.occurred_created_by:
        yield "who registered it"
    location = _property(version, naming.STORAGE_LOCATION)
    if location and location != version.source:
        yield "storage location"


def _property(version: version_pb2.Version, name: str) -> str:
    return version.properties[name].string_value if name in version.properties else ""
