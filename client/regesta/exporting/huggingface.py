"""A version written out as the card of a Hugging Face repository, with its history beside it.

    README.md       the card; its front matter has the version's facts
    regesta.json    the version as it is here, and every event of it and its model

Files of the model are not copied: the registry has never had them, only where they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format

from regesta.disk import write_atomically
from regesta.importing.huggingface import CARD, front_matter_and_text
from regesta.importing.huggingface_plans import (
    LICENSE,
    LISTING,
    PREFIX,
    REPOSITORY,
    fact_of,
)
from regesta.v1 import event_pb2, governance_pb2, model_pb2, version_pb2

HISTORY: Final = "regesta.json"


def card_of(
    model: model_pb2.Model,
    version: version_pb2.Version,
    evaluations: Iterable[governance_pb2.Evaluation],
) -> str:
    """Return the card of a version: its own text below a front matter made of its facts.

    Facts that the card states itself and the version does not are kept.

    Raises:
        MissingExtra: PyYAML is not installed.
    """
    from regesta.importing.yaml_plain import dump  # noqa: PLC0415 - needs the extra

    stated, text = front_matter_and_text(version.card)
    facts = {**stated, **facts_of(version)}
    index = model_index(model, version, evaluations)
    if index and not stated.get("model-index"):
        facts["model-index"] = index
    body = text or f"# {model.name.rpartition('/')[2]}\n\n{version.description}\n"
    return f"---\n{dump(facts)}---\n{body}" if facts else body


def facts_of(version: version_pb2.Version) -> dict[str, Any]:
    """Return the facts that tags and lineage state, as a front matter has them."""
    facts: dict[str, Any] = {}
    for key, text in sorted(version.tags.items()):
        if key == LICENSE:
            facts[LICENSE] = text
        elif key.startswith(PREFIX) and key not in {LISTING, REPOSITORY}:
            facts[key.removeprefix(PREFIX)] = fact_of(text)
    parents = list(version.lineage.parents)
    if parents and "base_model" not in facts:
        facts["base_model"] = parents[0] if len(parents) == 1 else parents
    datasets = [dataset.name for dataset in version.lineage.datasets]
    if datasets and "datasets" not in facts:
        facts["datasets"] = datasets
    return facts


def model_index(
    model: model_pb2.Model,
    version: version_pb2.Version,
    evaluations: Iterable[governance_pb2.Evaluation],
) -> list[dict[str, Any]]:
    """Return evaluations and metrics as the results of a card; none when there are none."""
    results = [_result(one.dataset, one.metrics, one.source) for one in evaluations]
    if version.metrics:
        results.append(_result("training", version.metrics, ""))
    return [{"name": model.name.rpartition("/")[2], "results": results}] if results else []


def write_repository(
    folder: Path,
    card: str,
    model: model_pb2.Model,
    version: version_pb2.Version,
    history: Iterable[event_pb2.Event],
) -> None:
    """Write the card and the history into a folder, made if need be.

    Raises:
        OSError: It cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "model": json_format.MessageToDict(model, preserving_proto_field_name=True),
        "version": json_format.MessageToDict(version, preserving_proto_field_name=True),
        "events": [_event(event) for event in history],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder / HISTORY, text.encode("utf-8", "surrogatepass"))
    write_atomically(folder / CARD, card.encode())


def _event(event: event_pb2.Event) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(event.record)
    return {
        "position": event.position,
        "record": record,
        "texts": {disclosure.field: disclosure.text for disclosure in event.disclosures},
    }


def _result(dataset: str, metrics: Mapping[str, float], source: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "task": {"type": "other"},
        "dataset": {"name": dataset, "type": dataset},
        "metrics": [{"type": name, "value": value} for name, value in sorted(metrics.items())],
    }
    if source:
        result["source"] = {"url": source, "name": "evaluation"}
    return result
