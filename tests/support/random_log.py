"""A log that grows at random, and an oracle that answers from all of it.

The writer appends events that make sense; the oracle folds the whole log up to a position,
without tables, caches or indexes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regesta.v1 import catalog_service_pb2 as pb
from regesta_projections.events import (
    AliasRemoved,
    AliasSet,
    Event,
    FlagRaised,
    FlagResolved,
    ModelCreated,
    ModelDeleted,
    ModelRenamed,
    ModelRestored,
    ModelUpdated,
    StageChanged,
    TagsSet,
    VersionDeleted,
    VersionRegistered,
    VersionRestored,
    VersionRevoked,
)
from regesta_projections.evolve import evolve, keys_of
from regesta_projections.finishing import finish_model, finish_version
from regesta_projections.records import read_record
from regesta_projections.rows import (
    AliasKey,
    AliasRow,
    Key,
    ModelKey,
    ModelRow,
    NameKey,
    NameRow,
    Row,
    Rows,
    VersionKey,
    VersionRow,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from tests.support.live_log import LiveLog

MODELS = ("a", "b", "c")
ALIASES = ("champion", "Champion")
STAGES = ("development", "staging", "production", "archived")
DIGESTS = tuple(f"sha256:{digit * 64}" for digit in "12")
TEXT = "A description of some length"


class Writer:
    """Appends events that make sense, chosen at random."""

    def __init__(self, log: LiveLog, chance: random.Random) -> None:
        self.log = log
        self.chance = chance
        for model in MODELS:
            log.later(f"models/{model}", ModelCreated(name=model, kind="MODEL"))
            self._register(model)
        log.commit()

    def write(self) -> None:
        """Add one event."""
        model = self.chance.choice(MODELS)
        row = self._model(model)
        number = self.chance.randint(1, row.last_version)
        version = self.log.builder.rows[VersionKey(model, number)]
        assert isinstance(version, VersionRow)
        match self.chance.randrange(12):
            case 0:
                self._register(model)
            case 1 | 2:
                alias = self.chance.choice(ALIASES)
                self._point(model, alias, number)
            case 3 | 4:
                stage = self.chance.choice(STAGES)
                self._later(
                    version, StageChanged(from_stage=version.resource.stage, to_stage=stage)
                )
            case 5:
                event: Event = VersionRestored() if version.deleted else VersionDeleted()
                self._later(version, event)
            case 6:
                self._later(row, ModelRestored() if row.deleted else ModelDeleted())
                if not row.deleted:
                    self._later(row, ModelRestored())
            case 7:
                name = f"{model}{self.chance.randrange(3)}"
                self._later(row, ModelRenamed(from_name=row.name, to_name=name))
            case 8 | 9 as kind:
                self._flag(version if kind == 8 else row)
            case 10 if self.chance.random() < 0.2:
                self._later(version, VersionRevoked(category="licence"))
            case _:
                free, sealed = self.log.builder.seal(f"{TEXT} {self.chance.random()}")
                self.log.later(
                    f"models/{model}", ModelUpdated(description=free), ("description", sealed)
                )
                self._later(version, TagsSet(tags={"n": str(self.chance.random())}))

    def _model(self, model: str) -> ModelRow:
        row = self.log.builder.rows[ModelKey(model)]
        assert isinstance(row, ModelRow)
        return row

    def _register(self, model: str) -> None:
        number = self._model(model).last_version + 1
        self.log.later(
            f"models/{model}/versions/{number}",
            VersionRegistered(
                version=number,
                semver=f"1.{number}.0",
                stage="development",
                digest=self.chance.choice(DIGESTS),
            ),
        )

    def _point(self, model: str, alias: str, number: int) -> None:
        row = self.log.builder.rows.get(AliasKey(model, alias))
        before = row.number if isinstance(row, AliasRow) else None
        stream = f"models/{model}/aliases/{alias}"
        if before and self.chance.random() < 0.3:
            self.log.later(stream, AliasRemoved(previous_version=before))
        else:
            self.log.later(stream, AliasSet(version=number, previous_version=before or 0))

    def _flag(self, row: ModelRow | VersionRow) -> None:
        """Raise a flag and resolve it again, mostly not at once."""
        if row.resource.flags:
            self._later(row, FlagResolved(flag="drift"))
            return
        free, sealed = self.log.builder.seal(f"{TEXT} {self.chance.random()}")
        stream = f"models/{row.model}"
        if isinstance(row, VersionRow):
            stream += f"/versions/{row.number}"
        event = FlagRaised(flag="drift", severity="INFO", blocking=True, reason=free)
        self.log.later(stream, event, ("reason", sealed))

    def _later(self, row: ModelRow | VersionRow, event: Event) -> None:
        stream = f"models/{row.model}"
        if isinstance(row, VersionRow):
            stream += f"/versions/{row.number}"
        self.log.later(stream, event)


class Oracle:
    """Answers by folding the whole log, without tables, caches or indexes."""

    def __init__(self, log: LiveLog) -> None:
        self.texts = {sealed.digest: sealed.text for *_, sealed in log.builder.disclosures}
        self.states: list[dict[Key, Row | None]] = [{}]
        for position, record in enumerate(log.builder.records, 1):
            recorded = read_record(record, position)
            state = dict(self.states[-1])
            for key in keys_of(recorded):
                state.setdefault(key, None)
            rows = Rows(state)
            evolve(rows, recorded)
            state.update({row.key: row for row in rows.changed()})
            self.states.append(state)

    def get_model(self, name: str, position: int) -> pb.GetModelResponse | None:
        state = self.states[position]
        row = self._named(state, name)
        if row is None:
            return None
        answer = finish_model(
            row.resource.SerializeToString(),
            name=f"namespaces/acme/models/{row.name}",
            latest_version=row.last_version,
            aliases={alias.alias: alias.resource.version for alias in _pointing(state, row.model)},
            texts=self._texts(row),
        )
        return pb.GetModelResponse(model=_parsed(pb.GetModelResponse, answer), position=position)

    def list_models(self, position: int) -> pb.ListModelsResponse:
        """Return all models that are there, by name."""
        rows = [row for row in self.states[position].values() if isinstance(row, ModelRow)]
        live = sorted((row for row in rows if not row.deleted), key=lambda row: row.name)
        models = [self.get_model(row.name, position) for row in live]
        return pb.ListModelsResponse(
            models=[found.model for found in models if found], position=position
        )

    def list_versions(self, name: str, position: int) -> pb.ListVersionsResponse | None:
        """Return the versions of a model that are there, newest first; None without the model."""
        state = self.states[position]
        model = self._named(state, name)
        if model is None:
            return None
        rows = [row for row in _listed(state) if row.model == model.model]
        rows.sort(key=lambda row: -row.number)
        return pb.ListVersionsResponse(
            versions=self._versions(state, rows, position), position=position
        )

    def search_versions(self, stage: str, position: int) -> pb.SearchVersionsResponse:
        """Return all versions in a stage that are there, by model and number."""
        state = self.states[position]
        rows = [row for row in _listed(state) if row.resource.stage == stage]
        rows.sort(key=lambda row: (row.model, row.number))
        return pb.SearchVersionsResponse(
            versions=self._versions(state, rows, position), position=position
        )

    def _versions(
        self, state: dict[Key, Row | None], rows: Iterable[VersionRow], position: int
    ) -> list[Any]:
        found = [self._version(state, row, position) for row in rows]
        return [answer.version for answer in found if answer]

    def resolve(self, address: str, position: int) -> pb.ResolveVersionResponse | None:
        """Return what an address means; None when it is refused."""
        state = self.states[position]
        if address.startswith("sha256:"):
            versions = [
                row
                for row in state.values()
                if isinstance(row, VersionRow) and row.resource.digest == address
            ]
            live = [row for row in versions if not row.deleted and not _of(state, row).deleted]
            newest = max(live, key=_age, default=None)
            if newest is not None and newest.resource.HasField("revoked"):
                return None
            return self._version(state, newest, position)
        name, _, selector = address.partition("@")
        name, _, stage = name.partition("#")
        name, _, number = name.partition("/")
        model = self._named(state, name)
        if model is None or model.deleted:
            return None
        versions = [
            row
            for row in state.values()
            if isinstance(row, VersionRow) and row.model == model.model
        ]
        live = [row for row in versions if not row.deleted]
        usable = [row for row in live if _usable(row)]
        if number:
            chosen = [
                row
                for row in live
                if row.number == int(number) and not row.resource.HasField("revoked")
            ]
        elif _blocked(model):
            return None
        elif stage:
            holders = [row for row in live if row.resource.stage == stage]
            last = max(holders, key=lambda row: row.stage_position, default=None)
            return self._version(state, last if last and _usable(last) else None, position)
        elif selector in ("latest", "^1.0"):
            # Labels go up with numbers here.
            return self._version(
                state, max(usable, key=lambda row: row.number, default=None), position
            )
        else:
            pointed = {
                alias.resource.version
                for alias in _pointing(state, model.model)
                if alias.alias == selector
            }
            chosen = [row for row in usable if row.number in pointed]
        return self._version(state, chosen[0] if chosen else None, position)

    def _version(
        self, state: dict[Key, Row | None], row: VersionRow | None, position: int
    ) -> pb.ResolveVersionResponse | None:
        if row is None:
            return None
        answer = finish_version(
            row.resource.SerializeToString(),
            name=f"namespaces/acme/models/{_of(state, row).name}/versions/{row.number}",
            aliases=[
                alias.alias
                for alias in _pointing(state, row.model)
                if alias.resource.version == row.number
            ],
            texts=self._texts(row),
        )
        return pb.ResolveVersionResponse(
            version=_parsed(pb.ResolveVersionResponse, answer), position=position
        )

    def _named(self, state: dict[Key, Row | None], name: str) -> ModelRow | None:
        named = state.get(NameKey(name.lower()))
        row = state[ModelKey(named.model)] if isinstance(named, NameRow) else None
        assert row is None or isinstance(row, ModelRow)
        return row

    def _texts(self, row: ModelRow | VersionRow) -> dict[str, str]:
        return {field: self.texts[digest] for field, digest in row.texts.items()}


def _blocked(row: ModelRow | VersionRow) -> bool:
    return any(flag.blocking for flag in row.resource.flags)


def _usable(row: VersionRow) -> bool:
    stopped = _blocked(row) or row.resource.HasField("revoked")
    return row.resource.stage != "archived" and not stopped


def _listed(state: dict[Key, Row | None]) -> list[VersionRow]:
    return [
        row
        for row in state.values()
        if isinstance(row, VersionRow) and not row.deleted and not _of(state, row).deleted
    ]


def _parsed(kind: Any, resource: bytes) -> Any:
    field = kind.DESCRIPTOR.fields[0]
    return getattr(kind(), field.name).__class__.FromString(resource)


def _pointing(state: dict[Key, Row | None], model: str) -> list[AliasRow]:
    rows = [
        row
        for row in state.values()
        if isinstance(row, AliasRow) and row.model == model and row.number
    ]
    return sorted(rows, key=lambda row: row.alias)


def _of(state: dict[Key, Row | None], row: VersionRow) -> ModelRow:
    model = state[ModelKey(row.model)]
    assert isinstance(model, ModelRow)
    return model


def _age(row: VersionRow) -> tuple[int, int, str, int]:
    created = row.resource.create_time
    return created.seconds, created.nanos, row.model, row.number
