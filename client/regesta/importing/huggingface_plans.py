"""What to do so that a Hugging Face repository is here as a version of a model. Pure.

A version is of one content: the listing of all files with their hashes has a digest, and a
repository whose content is here already is left alone. So a repository that is imported again
after it has changed becomes the next version.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from regesta.importing.huggingface import Repository
from regesta.importing.merging import chunks, fitting_tags, fitting_text
from regesta.importing.steps import (
    Finding,
    Outcome,
    Plan,
    Scribe,
    Step,
    model_name,
    version_name,
)
from regesta.names import MAX_TAG_VALUE_LENGTH
from regesta.v1 import governance_pb2, model_pb2, version_pb2

#: The tag of a model that says what it is called on the hub.
REPOSITORY: Final = "huggingface.repository"
#: The tag of a version that lists its files, as `sha256sum` does.
LISTING: Final = "huggingface.files"
#: Tags of facts of a card begin so, but for the licence.
PREFIX: Final = "huggingface."
LICENSE: Final = "license"
#: The media type of a listing.
LISTING_TYPE: Final = "text/plain"
#: Where evaluations of a card are said to be from.
EVALUATOR: Final = "model card"

#: Facts that have a place of their own, and their members in a card.
_OWN: Final = frozenset({"model-index"})
_CARD: Final = 1_000_000
_LINE: Final = 4_096
_SHORT: Final = 500
_METRICS: Final = 200
_UNWANTED: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is here of a repository.

    Attributes:
        exists: Whether its model is.
        latest: The highest number that the model has.
        known: The number of the version with its content; 0 for none.
        is_deleted: Whether that is deleted.
    """

    exists: bool = False
    latest: int = 0
    known: int = 0
    is_deleted: bool = False


def model_id_of(repository: Repository) -> str:
    """Return the id of a repository's model: `org--name`, as caches call it."""
    readable = _UNWANTED.sub("-", repository.name.replace("/", "--")).lstrip("-._")
    return readable[:255] or "model"


def plan_repository(repository: Repository, standing: Standing, scribe: Scribe) -> Plan:
    """Return the steps that register what is in a repository, unless it is here."""
    resource, model = repository.name, model_id_of(repository)
    left_out = tuple(
        Finding(Outcome.NOT_CARRIED, resource, path, why)
        for path, why in sorted(repository.left_out.items())
    )
    if standing.is_deleted:
        why = "its content is that of a version that is deleted here"
        kept = Finding(Outcome.KEPT, resource, f"version {standing.known}", why)
        return Plan((), (*left_out, kept))
    steps: list[Step] = []
    if not standing.exists:
        steps.append(
            scribe.step(
                "create_model",
                "models created",
                resource,
                {
                    "model_id": model,
                    "model": model_pb2.Model(
                        kind=_kind(repository), tags={REPOSITORY: repository.name}
                    ),
                },
            )
        )
    number = standing.known or standing.latest + 1
    tags, findings = fitting_tags(resource, _tags(repository))
    first, *rest = chunks(tags) if tags else ({},)
    version, told = _version(repository, first)
    name = version_name(model, number)
    label = f"{resource}/{number}"
    if not standing.known:
        steps.append(
            scribe.step(
                "register_version",
                "versions registered",
                label,
                {"parent": model_name(model), "version": version},
                revision=str(number),
            )
        )
    # What may be missing of a version that is there: done once, however often it is asked for.
    steps += [scribe.step("set_tags", "", label, {"name": name, "tags": part}) for part in rest]
    evaluations, unread = _evaluations(repository)
    steps += [
        scribe.step("record_evaluation", "", label, {"name": name, "evaluation": one})
        for one in evaluations
    ]
    return Plan(tuple(steps), left_out + findings + told + unread)


def _kind(repository: Repository) -> model_pb2.ModelKind.ValueType:
    if repository.kind == "datasets":
        return model_pb2.MODEL_KIND_DATASET
    if repository.adapter_base is not None:
        return model_pb2.MODEL_KIND_ADAPTER
    return model_pb2.MODEL_KIND_MODEL


def _tags(repository: Repository) -> dict[str, str]:
    """Return the facts of a card, each as a tag; what is no text is written as JSON."""
    tags = {
        key if key == LICENSE else f"{PREFIX}{key}": fact_text(value)
        for key, value in repository.facts.items()
        if key not in _OWN
    }
    if len(repository.listing) <= MAX_TAG_VALUE_LENGTH:
        tags[LISTING] = repository.listing
    return tags


def fact_text(value: Any) -> str:
    """Return a fact as the value of a tag: JSON, but for texts that nobody can take for it."""
    if isinstance(value, str) and fact_of(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def fact_of(text: str) -> Any:
    """Return the fact that the value of a tag says."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _version(
    repository: Repository, tags: Mapping[str, str]
) -> tuple[version_pb2.Version, tuple[Finding, ...]]:
    resource, facts = repository.name, repository.facts
    source = repository.folder.as_uri()
    if repository.commit and "/" in repository.name:
        source = f"hf://{repository.name}@{repository.commit}"
    card, findings = fitting_text(resource, "card", repository.card, _CARD)
    if LISTING not in tags and len(repository.listing) > MAX_TAG_VALUE_LENGTH:
        why = "there is no room for so long a list; its digest is here"
        findings += (Finding(Outcome.NOT_CARRIED, resource, "list of files", why),)
    parents = list(dict.fromkeys([*_texts(facts.get("base_model")), repository.adapter_base or ""]))
    hub = "/" in repository.name
    lineage = version_pb2.Lineage(
        repository=f"https://huggingface.co/{repository.name}" if hub else "",
        commit=repository.commit,
        parents=[one for one in parents if one and len(one) <= _LINE],
        datasets=[
            version_pb2.DatasetReference(name=one, role="training")
            for one in _texts(facts.get("datasets"))
            if len(one) <= _LINE
        ],
    )
    version = version_pb2.Version(
        source=source[:_LINE],
        digest=repository.digest,
        size_bytes=repository.size,
        manifest=version_pb2.ManifestReference(
            digest=repository.digest,
            size_bytes=len(repository.listing.encode()),
            media_type=LISTING_TYPE,
        ),
        lineage=lineage if lineage.ByteSize() else None,
        card=card or "",
        tags=tags,
    )
    return version, findings


def _texts(value: Any) -> list[str]:
    """Return a fact that is a text or a list of such."""
    return [str(one) for one in (value if isinstance(value, list) else [value]) if one]


def _evaluations(
    repository: Repository,
) -> tuple[list[governance_pb2.Evaluation], tuple[Finding, ...]]:
    """Return the results that a card tells, and those that are no numbers."""
    found: list[governance_pb2.Evaluation] = []
    unread: list[Finding] = []
    for result in _results(repository.facts.get("model-index")):
        dataset = result.get("dataset")
        dataset = dataset if isinstance(dataset, dict) else {}
        parts = [str(dataset.get(key) or "") for key in ("name", "config", "split")]
        named = " ".join(part for part in parts if part) or str(dataset.get("type") or "unnamed")
        metrics: dict[str, float] = {}
        for metric in _mappings(result.get("metrics")):
            kind = str(metric.get("type") or metric.get("name") or "metric")
            value = metric.get("value")
            number = _number(value)
            if number is not None and len(metrics) < _METRICS:
                metrics[kind] = number
            else:
                why = "its value is no number; the card has it"
                unread.append(
                    Finding(Outcome.CHANGED, repository.name, f"metric {kind} on {named}", why)
                )
        if metrics:
            source = result.get("source")
            url = source.get("url") if isinstance(source, dict) else None
            found.append(
                governance_pb2.Evaluation(
                    dataset=_line(named),
                    dataset_digest=_line(str(dataset.get("revision") or "")),
                    method="benchmark",
                    evaluator=EVALUATOR,
                    metrics=metrics,
                    source=url if isinstance(url, str) else "",
                )
            )
    return found, tuple(unread)


def _results(index: Any) -> Iterator[Mapping[str, Any]]:
    for model in _mappings(index):
        yield from _mappings(model.get("results"))


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    """Return a finite number; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _line(text: str) -> str:
    return " ".join(text.split())[:_SHORT]
