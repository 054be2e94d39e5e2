"""Models and versions written into an MLflow registry, through MLflow's own code.

Numbers agree: where a number is that of no version that lives, MLflow makes a version and
deletes it again. What is there already is brought up to date and never deleted, so an export that
was broken off is gone on with by another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import regesta
from regesta.errors import PermissionDenied
from regesta.exporting.mlflow_contents import Outgoing, outgoing_model, outgoing_version
from regesta.importing.extras import NoRegistry
from regesta.importing.mlflow_store import registry_store
from regesta.importing.records import NO_STAGE
from regesta.importing.reports import Report
from regesta.importing.steps import Outcome
from regesta.mlflow import naming
from regesta.mlflow.naming import WEBHOOKS
from regesta.v1 import model_pb2, version_pb2

#: Is told how many models were written.
Progress = Callable[[int], None]

#: The file that stands for a registry in a folder.
DATABASE: Final = "mlflow.db"
#: Where a version is that only uses up a number.
_NOWHERE: Final = "regesta://placeholder"
_NO_SUCH: Final = "RESOURCE_DOES_NOT_EXIST"

_NO_PLACE: Final = "MLflow has no place for it"


def registry_at(target: str) -> str:
    """Return the address of a registry: as it is given, or of the database in a folder.

    Raises:
        OSError: The folder cannot be made.
    """
    if "://" in target:
        return target
    folder = Path(target).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / DATABASE}"


def export_mlflow(
    client: regesta.Client,
    target: str,
    *,
    progress: Progress | None = None,
) -> Report:
    """Write the models of a namespace into an MLflow registry, and return what was done.

    Args:
        client: Of the namespace.
        target: The registry: a database or a server, or a folder that gets a database.
        progress: Is told how far it is.

    Raises:
        MissingExtra: MLflow is not installed.
        NoRegistry: The registry cannot be written to.
        RegestaError: A call here failed.
    """
    report = Report(f"namespaces/{client.namespace}")
    there, refusal = registry_store(registry_at(target))
    try:
        there.search_registered_models(max_results=1)
    except refusal as error:
        raise NoRegistry(str(error)) from None
    export = _Export(client, there, report, refusal)
    for number, model in enumerate(client.models(order_by="create_time", show_deleted=True), 1):
        export.model(model)
        report.facts["models"] = number
        if progress:
            progress(number)
    return export.finished()


class _Export:
    def __init__(
        self, client: regesta.Client, there: Any, report: Report, refusal: type[Exception]
    ) -> None:
        from mlflow.entities import model_registry  # noqa: PLC0415 - an extra

        self._model_tag: Any = model_registry.RegisteredModelTag
        self._version_tag: Any = model_registry.ModelVersionTag
        self._client = client
        self._there = there
        self._report = report
        self._refusal = refusal
        #: What was lost, and how often.
        self._lost: Counter[str] = Counter()
        self._deleted = 0
        #: Models whose next number there is beyond what is to be made.
        self._ahead: set[str] = set()

    def model(self, model: model_pb2.Model) -> None:
        """Write a model and all that belongs to it."""
        name = naming.name_of(model.name.rpartition("/")[2], dict(model.tags))
        if model.HasField("delete_time"):
            self._deleted += 1
            return
        out = outgoing_model(model)
        self._lost.update(out.lost)
        is_new = False
        with self._told(name, "model") as told:
            is_new = self._model(name, out)
        if told:
            return
        self._versions(name, model, out, is_new=is_new)
        self._aliases(name, model)

    def finished(self) -> Report:
        """Return the report, with what was lost."""
        if self._has_webhooks():
            why = "MLflow gives webhooks ids of its own; set them up anew there"
            self._report.found(Outcome.NOT_CARRIED, "webhooks", "all of them", why)
        for what, count in sorted(self._lost.items()):
            self._report.found(Outcome.NOT_CARRIED, what, f"{count:,} of them", _NO_PLACE)
        why = "MLflow has no place for it; it stays here"
        self._report.found(Outcome.KEPT, "history", "who did what when", why)
        if self._deleted:
            self._report.found(Outcome.KEPT, "deleted models", f"{self._deleted} of them", why)
        return self._report

    def _has_webhooks(self) -> bool:
        try:
            return bool(self._client.list_documents(WEBHOOKS, page_size=1).documents)
        except PermissionDenied:
            return False

    def _model(self, name: str, out: Outgoing) -> bool:
        """Make a model, or bring it up to date; say whether it is new."""
        try:
            old = self._there.get_registered_model(name)
        except self._refusal as error:
            if getattr(error, "error_code", "") != _NO_SUCH:
                raise
            old = None
        if old is None:
            tags = [self._model_tag(key, value) for key, value in out.tags.items()]
            self._there.create_registered_model(name, tags, out.description or None)
            self._report.counts["models created"] += 1
        elif (old.description or "") != out.description:
            self._there.update_registered_model(name, out.description)
        known = out.tags if old is None else old.tags
        for key, value in sorted(out.tags.items()):
            if known.get(key) != value:
                self._there.set_registered_model_tag(name, self._model_tag(key, value))
        return old is None

    def _versions(self, name: str, model: model_pb2.Model, out: Outgoing, *, is_new: bool) -> None:
        last = 0
        for version in self._client.versions(model.name, order_by="version"):
            sent = outgoing_version(version, is_prompt=out.is_prompt)
            self._lost.update(sent.lost)
            with self._told(f"{name}/{version.version}", "version"):
                self._version(name, version, sent)
                last = version.version
        if not is_new or last == model.latest_version:
            return
        # Only now is it known that nobody has used these numbers up before.
        with self._told(f"{name}/{model.latest_version}", "number"):
            self._until(name, model.latest_version, _NOWHERE, {})
            self._there.delete_model_version(name, str(model.latest_version))

    def _version(self, name: str, version: version_pb2.Version, out: Outgoing) -> None:
        try:
            there = self._there.get_model_version(name, str(version.version))
        except self._refusal as error:
            if getattr(error, "error_code", "") != _NO_SUCH:
                raise
            there = None
        if there is None and name in self._ahead:
            raise self._refusal("not tried: numbers there go on beyond it, and each try takes one")
        if there is None:
            given = {
                "run_id": out.run_id or None,
                "run_link": out.run_link or None,
                "description": out.description or None,
                "tags": [self._version_tag(key, value) for key, value in out.tags.items()],
            }
            there = self._until(name, version.version, out.source, given)
            self._report.counts["versions created"] += 1
        elif there.source != out.source:
            self._report.found(
                Outcome.CONFLICT, f"{name}/{version.version}", "version", "it is another one there"
            )
            return
        self._up_to_date(name, there, out)

    def _up_to_date(self, name: str, there: Any, out: Outgoing) -> None:
        number = str(there.version)
        for key, value in sorted(out.tags.items()):
            if there.tags.get(key) != value:
                self._there.set_model_version_tag(name, number, self._version_tag(key, value))
        if (there.description or "") != out.description:
            self._there.update_model_version(name, number, out.description)
        if (there.current_stage or NO_STAGE) != out.stage:
            self._there.transition_model_version_stage(
                name, number, out.stage, archive_existing_versions=False
            )
            self._report.counts["versions moved to their stage"] += 1

    def _until(self, name: str, number: int, source: str, given: dict[str, Any]) -> Any:
        """Make versions until one has a number, and delete those before it."""
        while True:
            # MLflow says only with the version itself which number is the next.
            made = self._there.create_model_version(name, source, **given)
            if int(made.version) == number:
                return made
            self._there.delete_model_version(name, str(made.version))
            if int(made.version) > number:
                self._ahead.add(name)
                raise self._refusal("its number was used there before")
            self._report.counts["numbers used up"] += 1

    def _aliases(self, name: str, model: model_pb2.Model) -> None:
        with self._told(name, "aliases"):
            there = dict(self._there.get_registered_model(name).aliases)
        for alias, number in sorted(model.aliases.items()):
            called = naming.alias_of(alias)
            if str(there.get(called, "")) == str(number):
                continue
            with self._told(f"{name}@{called}", "alias"):
                self._there.set_registered_model_alias(name, called, str(number))
                self._report.counts["aliases set"] += 1

    @contextmanager
    def _told(self, resource: str, what: str) -> Iterator[list[str]]:
        """Tell what MLflow refuses, and go on."""
        told: list[str] = []
        try:
            yield told
        except self._refusal as error:
            told.append(str(error))
            self._report.found(Outcome.NOT_CARRIED, resource, what, str(error))
