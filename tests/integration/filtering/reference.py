"""Reads the examples of docs/reference/filters.md."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

from tests.integration.filtering.catalog import Catalog, Model, Version

TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "filters.md").read_text("utf-8")


def tables(header: str) -> list[list[str]]:
    """Return the rows of all tables with a header, each as its cells; code loses its marks."""
    rows: list[list[str]] = []
    wanted = False
    for line in TEXT.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if not cells:
            wanted = False
        elif cells == [cell.strip() for cell in header.split("|")]:
            wanted = True
        elif wanted and not re.fullmatch(r"[-| ]+", line):
            rows.append([re.sub(r"\A`([^`]*)`\Z", r"\1", cell) for cell in cells])
    return rows


def names(cell: str) -> list[str]:
    """Return what a cell with commas lists."""
    return [name.strip() for name in cell.split(",") if name.strip()]


def example_catalog() -> Catalog:
    """Return the models and versions of the page."""
    found = re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert found
    example = json.loads(found[1])
    numbers = [address.split("/") for address in example["versions"]]
    models = {
        name: _model(name, facts, sum(model == name for model, _ in numbers))
        for name, facts in example["models"].items()
    }
    versions = [
        _version(models[address.split("/")[0]], int(address.split("/")[1]), facts)
        for address, facts in example["versions"].items()
    ]
    return Catalog(tuple(models.values()), tuple(versions))


def _model(name: str, facts: dict[str, Any], last_version: int) -> Model:
    return Model(
        model=name,
        name=name,
        kind=facts["kind"],
        owner=facts.get("owner", ""),
        last_version=last_version,
        aliases=facts.get("aliases", {}),
        **_common(facts),
    )


def _version(model: Model, number: int, facts: dict[str, Any]) -> Version:
    return Version(
        model=model,
        number=number,
        semver=facts.get("semver"),
        stage=facts["stage"],
        source=facts.get("source", ""),
        digest=facts.get("digest"),
        run=facts.get("run"),
        properties=facts.get("properties", {}),
        params=facts.get("params", {}),
        metrics=facts.get("metrics", {}),
        revoked=facts.get("revoked", False),
        **_common(facts),
    )


def _common(facts: dict[str, Any]) -> dict[str, Any]:
    created = dt.datetime.fromisoformat(facts["create_time"])
    return {
        "tags": facts.get("tags", {}),
        "long_tags": frozenset[str](),
        "deleted": facts.get("deleted", False),
        "flagged": facts.get("flagged", False),
        "created_at": created,
        "updated_at": created,
        "created_by": facts["created_by"],
    }
