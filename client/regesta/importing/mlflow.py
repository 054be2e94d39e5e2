"""The import of an MLflow registry, from its first model to its last alias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import regesta
from regesta.errors import InvalidRequest, NotFound, PermissionDenied
from regesta.importing.applying import Applier, history_of
from regesta.importing.mlflow_aliases import plan_alias, plan_alias_gone
from regesta.importing.mlflow_contents import is_placeholder, version_of
from regesta.importing.mlflow_places import Found, Place, Rules, place_of, short
from regesta.importing.mlflow_plans import Planner
from regesta.importing.mlflow_webhooks import (
    plan_webhook,
    plan_webhook_gone,
)
from regesta.importing.records import (
    NO_STAGE,
    Entry,
    Happening,
    MlflowSource,
    ModelRecord,
    VersionRecord,
)
from regesta.importing.reports import Report
from regesta.importing.steps import (
    PREFIX,
    Outcome,
    Scribe,
    alias_name,
    model_name,
    version_name,
)
from regesta.importing.touched import Touch, Touched, touched
from regesta.mlflow import naming
from regesta.names import InvalidName
from regesta.v1 import documents_service_pb2, model_pb2, version_pb2

#: Is told how many models and versions were looked at, and of how many.
Progress = Callable[[int, int], None]

#: Stages to which no alias can be pointed any more.
_CLOSED = frozenset({"archived"})


@dataclass(slots=True)
class _Standing:
    """A model of the source, here.

    Attributes:
        id: Its id; empty when it is left out.
        latest: The highest number it has, with what a dry run only thinks of.
        real: The highest number that it has here.
        seen: The number of the version that was looked at last.
        aliases: What its aliases pointed to when the import came to it.
        is_new: Whether this import made it.
    """

    id: str
    latest: int = 0
    real: int = 0
    seen: int = 0
    aliases: dict[str, int] = field(default_factory=dict)
    is_new: bool = True


def import_mlflow(
    client: regesta.Client,
    source: MlflowSource,
    *,
    now: datetime,
    rules: Rules | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Bring what an MLflow registry holds, and return what was done.

    A run that was broken off is gone on with by another one; one over a source that has changed
    brings what changed. Memory grows with the number of models, by some hundred bytes each.

    Args:
        client: Of the namespace to import into.
        source: The registry.
        now: The time; what the source claims to be later is claimed without a time.
        rules: How far to go.
        dry_run: Whether nothing is written.
        progress: Is told how far it is.

    Raises:
        RegestaError: The import cannot go on.
        WrongNumber: Somebody else registers versions of an imported model meanwhile.
    """
    return _Run(client, source, now, rules or Rules(), dry_run=dry_run).all(
        progress or (lambda _done, _total: None)
    )


class _Run:
    def __init__(
        self,
        client: regesta.Client,
        source: MlflowSource,
        now: datetime,
        rules: Rules,
        *,
        dry_run: bool,
    ) -> None:
        self._client = client
        self._source = source
        self._rules = rules
        self._scribe = Scribe(source.identity, now)
        self._planner = Planner(self._scribe, rules)
        self._report = Report(source.identity, dry_run)
        self._applier = Applier(client, self._report, f"imported from {source.identity}")
        self._standing: dict[str, _Standing] = {}
        #: Ids that are taken, in lower case: a dry run makes no model that could be found.
        self._taken: dict[str, str] = {}

    def all(self, progress: Progress) -> Report:
        size = self._source.size()
        total, done = size.models + size.versions, 0
        self._report.facts |= {"models": size.models, "versions": size.versions}
        for entry in self._source.entries():
            self._entry(entry)
            if entry.happening is not Happening.SETTLED:
                done += 1
                progress(done, total)
        for name, standing in self._standing.items():
            if standing.id:
                self._aliases(name, standing)
                if not standing.is_new:
                    self._numbers_gone(name, standing)
        self._models_gone()
        self._webhooks()
        self._report.findings += self._source.left_out()
        return self._report

    def _entry(self, entry: Entry) -> None:
        match entry.record:
            case ModelRecord() as model:
                self._standing[model.name] = self._model(model)
            case VersionRecord() as version:
                standing = self._standing.get(version.model)
                if standing is None:
                    self._report.found(
                        Outcome.NOT_CARRIED,
                        f"{version.model}/{version.number}",
                        "version",
                        "its model is not in the source",
                    )
                elif standing.id and entry.happening is Happening.SETTLED:
                    self._settled(version, standing)
                elif standing.id:
                    self._version(version, standing)

    def _model(self, record: ModelRecord) -> _Standing:
        place = place_of(record, self._look, self._scribe, self._rules)
        done = self._applier.carry_out(self._planner.model(record, place))
        if place.found is None:
            if not (place.id and done):
                return _Standing("")
            self._taken[place.id.lower()] = place.id
            return _Standing(place.id)
        here = place.found.model
        if place.found.is_deleted and not self._is_restored(place):
            return _Standing("")
        latest = here.latest_version
        return _Standing(place.id, latest, latest, aliases=dict(here.aliases), is_new=False)

    def _is_restored(self, place: Place) -> bool:
        found = self._here(place.id)
        return found is not None and not found.HasField("delete_time")

    def _version(self, record: VersionRecord, standing: _Standing) -> None:
        self._gap(record, standing)
        here = None
        if record.number <= standing.latest:
            here = self._version_here(standing, record)
        plan = self._planner.version(
            record,
            standing.id,
            standing.latest,
            here,
            partial(self._version_history, standing, record),
        )
        self._applier.carry_out(plan)
        if here is None and plan.steps:
            standing.latest = record.number
            if not self._report.dry_run:
                standing.real = record.number

    def _gap(self, record: VersionRecord, standing: _Standing) -> None:
        """Finish what a run that was broken off had begun with numbers before this one."""
        gap = range(standing.seen + 1, min(record.number, standing.real + 1))
        standing.seen = record.number
        for number in gap:
            here = self._client.get_version(version_name(standing.id, number))
            if is_placeholder(here) and not here.HasField("delete_time"):
                history = partial(history_of, self._client, here.name)
                self._applier.carry_out(self._planner.version_gone(record.model, here, history))

    def _settled(self, record: VersionRecord, standing: _Standing) -> None:
        here = self._version_here(standing, record)
        if here is None:
            return  # it was told that it could not be registered
        if naming.stage_id(record.stage) in _CLOSED:
            self._aliases(record.model, standing, number=record.number)
        history = partial(self._version_history, standing, record)
        self._applier.carry_out(self._planner.settled(record, standing.id, here, history))

    def _version_here(
        self, standing: _Standing, record: VersionRecord
    ) -> version_pb2.Version | None:
        if standing.real < record.number <= standing.latest:
            # A dry run has registered nothing: it looks at what would be there.
            version, _ = version_of(record, {}, None)
            version.stage = naming.stage_id(NO_STAGE)
            return version
        try:
            return self._client.get_version(version_name(standing.id, record.number))
        except NotFound:
            return None

    def _aliases(self, name: str, standing: _Standing, *, number: int = 0) -> None:
        """Bring the aliases of a model, or those of one version."""
        wanted = set()
        for record in self._source.aliases(name):
            try:
                alias = naming.alias_id(record.alias)
            except InvalidName:
                alias = ""
            wanted.add(alias)
            if number not in (0, record.number):
                continue
            here = standing.aliases.get(alias, 0)
            plan = plan_alias(
                record,
                standing.id,
                here,
                partial(self._alias_history, standing, alias),
                scribe=self._scribe,
                rules=self._rules,
            )
            if number and not plan.steps:
                continue  # what speaks against it is told in its turn
            if self._applier.carry_out(plan) and plan.steps:
                standing.aliases[alias] = record.number
        if number:
            return
        for alias in sorted(standing.aliases.keys() - wanted):
            history = partial(self._alias_history, standing, alias)
            self._applier.carry_out(
                plan_alias_gone(name, standing.id, alias, history, scribe=self._scribe)
            )

    def _numbers_gone(self, name: str, standing: _Standing) -> None:
        """Look for versions whose numbers the source does not have."""
        there = self._source.numbers(name)
        for version in self._client.versions(model_name(standing.id)):
            if version.version not in there:
                history = partial(history_of, self._client, version.name)
                self._applier.carry_out(self._planner.version_gone(name, version, history))

    def _models_gone(self) -> None:
        """Look for models that the source does not have."""
        there = {standing.id for standing in self._standing.values()}
        # A model that is left out has a name, and its own row of ids.
        names = set(self._standing)
        for model in self._client.models():
            id_ = short(model.name)
            if id_ not in there and naming.name_of(id_, dict(model.tags)) not in names:
                self._applier.carry_out(
                    self._planner.model_gone(
                        model, id_, partial(history_of, self._client, model.name)
                    )
                )

    def _webhooks(self) -> None:
        """Bring the webhooks, as documents."""
        records = self._source.webhooks()
        names = {naming.webhook_document(self._client.namespace, one.id): one for one in records}
        for name, record in names.items():
            history = partial(self._document_history, name)
            here = self._document(name)
            self._applier.carry_out(
                plan_webhook(record, name, here, history, scribe=self._scribe, rules=self._rules)
            )
        token = ""
        while True:
            page = self._client.list_documents(naming.WEBHOOKS, page_size=100, page_token=token)
            for document in page.documents:
                if document.name not in names:
                    history = partial(self._document_history, document.name)
                    self._applier.carry_out(
                        plan_webhook_gone(document, history, scribe=self._scribe, rules=self._rules)
                    )
            token = page.next_page_token
            if not token:
                return

    def _document_history(self, name: str) -> Touched:
        stream = name.partition(f"namespaces/{self._client.namespace}/")[2]
        try:
            return touched(self._client.events(resources=[stream]))
        except PermissionDenied:
            # Who may not read the log cannot know whose change it was: it counts as people's.
            is_there = self._document(name) is not None
            return Touched(fields={"content": Touch(by_import=not is_there)})

    def _document(self, name: str) -> documents_service_pb2.Document | None:
        try:
            return self._client.get_document(name)
        except (NotFound, InvalidRequest):
            return None

    def _look(self, model: str) -> Found | None:
        here = self._here(model)
        if here is not None:
            return Found(here, history_of(self._client, here.name))
        taken = self._taken.get(model.lower())
        if taken is None:
            return None
        return Found(model_pb2.Model(name=f"models/{taken}"), Touched(PREFIX))

    def _here(self, model: str) -> model_pb2.Model | None:
        try:
            return self._client.get_model(model_name(model))
        except NotFound:
            return None

    def _version_history(self, standing: _Standing, record: VersionRecord) -> Touched:
        if standing.real < record.number:
            return Touched()
        return history_of(self._client, version_name(standing.id, record.number))

    def _alias_history(self, standing: _Standing, alias: str) -> Touched:
        if standing.is_new and alias not in standing.aliases:
            return Touched()
        return history_of(self._client, alias_name(standing.id, alias))
