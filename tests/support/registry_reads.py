"""Rules that read, now and as of the past."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st

from regesta.v1 import version_pb2 as version_pb
from tests.support.oracle import Refused, bare
from tests.support.registry_machine import (
    ADDRESSES,
    ALIASES,
    DIGESTS,
    KEYS,
    NAMES,
    NUMBERS,
    PICKS,
    STAGES,
    RegistryMachine,
    operation,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.oracle import Model, Version


def _telling(state: Any) -> Any:
    """Return a resource without what changes whenever something happened to it."""
    told = type(state)()
    told.CopyFrom(state)
    told.ClearField("etag")
    return told


class Reads(RegistryMachine):
    """Reads at random."""

    @operation(1, name=NAMES, number=NUMBERS, alias=ALIASES)
    def get(self, name: str, number: int, alias: str) -> None:
        self._read(name, number, alias, None)

    @operation(3, name=NAMES, number=NUMBERS, alias=ALIASES, pick=PICKS)
    def get_as_of(self, name: str, number: int, alias: str, pick: int) -> None:
        self._read(name, number, alias, 1 + pick % self.oracle.position)

    def _read(self, name: str, number: int, alias: str, at: int | None) -> None:
        oracle = self.oracle
        self._agree(
            lambda: oracle.show_model(oracle.model(name, at)),
            lambda: self._same(self.client.get_model(name, as_of=at), at),
        )

        def version() -> version_pb.Version:
            model = oracle.model(name, at)
            return oracle.show_version(model, oracle.version(model, number))

        self._agree(
            version, lambda: self._same(self.client.get_version(f"{name}/{number}", as_of=at), at)
        )
        self._agree(
            lambda: oracle.show_alias(oracle.model(name, at), alias),
            lambda: self._same(self.client.get_alias(f"{name}@{alias}", as_of=at), at),
        )

    def _same(self, answer: Any, at: int | None) -> Any:
        """Compare with what was read as of the same position before, times and all."""
        position = self.oracle.position if at is None else at
        assert answer == self.seen.setdefault((position, answer.name), answer)
        return answer

    @operation(2, address=st.one_of(DIGESTS, st.sampled_from(ADDRESSES)), pick=PICKS)
    def resolve(self, address: str, pick: int) -> None:
        at = 1 + pick % self.oracle.position
        self._agree(lambda: self.oracle.resolve(address), lambda: self.client.resolve(address))
        self._agree(
            lambda: self.oracle.resolve(address, at),
            lambda: self.client.resolve(f"{address}?as_of={at}"),
        )

    @operation(1, name=NAMES, pick=PICKS)
    def get_as_of_a_time(self, name: str, pick: int) -> None:
        stamps = [event.record_time for event in self.client.events()]
        times = [stamp.ToNanoseconds() for stamp in stamps]
        at = 1 + pick % len(times)
        moment = stamps[at - 1].ToDatetime(tzinfo=UTC)
        last = max(place for place, time in enumerate(times, 1) if time <= times[at - 1])
        self._agree(
            lambda: self.oracle.show_model(self.oracle.model(name, last)),
            lambda: self.client.get_model(name, as_of=moment),
        )

    @operation(1, shown=st.booleans(), stage=STAGES, alias=ALIASES, key=KEYS, name=NAMES)
    def search(self, shown: bool, stage: str, alias: str, key: str, name: str) -> None:
        self._search(shown, (stage, alias, key, name), None)

    @operation(
        2, shown=st.booleans(), stage=STAGES, alias=ALIASES, key=KEYS, name=NAMES, pick=PICKS
    )
    def search_as_of(
        self, *, shown: bool, stage: str, alias: str, key: str, name: str, pick: int
    ) -> None:
        at = 1 + pick % self.oracle.position
        self._search(shown, (stage, alias, key, name), at)
        self._lists_as_of(at, shown)

    def _search(self, shown: bool, values: tuple[str, str, str, str], at: int | None) -> None:
        stage, alias, key, name = values
        visible = self.oracle.visible_versions(show_deleted=shown, at=at)
        conditions: dict[str, Callable[[Model, Version], bool]] = {
            f"stage = {stage}": lambda _, v: v.stage == stage,
            f"alias = {alias}": lambda m, v: m.pointing().get(alias) == v.number,
            f'tags:"{key}"': lambda _, v: key in v.tags,
            f'tags."{key}" = risk': lambda _, v: v.tags.get(key) == "risk",
            "metrics.auc >= 0.5 OR semver:*": lambda _, v: (
                v.content.metrics.get("auc", 0) >= 0.5 or v.semver != ""
            ),
            f"NOT model = {name} AND version > 1": lambda m, v: (
                m.name.lower() != name.lower() and v.number > 1
            ),
        }
        for where, finds in conditions.items():
            expected = [self.oracle.show_version(m, v) for m, v in visible if finds(m, v)]
            found = self.client.versions(where=where, show_deleted=shown, as_of=at)
            assert expected == list(map(bare, found)), where
        models = self.oracle.visible_models(show_deleted=shown, at=at)
        expected_models = [
            self.oracle.show_model(m) for m in models if key in m.tags and (m.owner or m.versions)
        ]
        where = f'tags:"{key}" AND (owner:* OR latest_version > 0)'
        found_models = self.client.models(where, show_deleted=shown, as_of=at)
        assert expected_models == list(map(bare, found_models))

    def _lists_as_of(self, at: int, shown: bool) -> None:
        oracle, client = self.oracle, self.client
        models = oracle.visible_models(show_deleted=shown, at=at)
        assert [oracle.show_model(model) for model in models] == list(
            map(bare, client.models(show_deleted=shown, as_of=at))
        )
        for model in models:
            page = client.list_versions(model.name, page_size=2, show_deleted=True, as_of=at)
            numbers = sorted(model.versions, reverse=True)[:2]
            assert [oracle.show_version(model, model.versions[number]) for number in numbers] == (
                list(map(bare, page.versions))
            )
            aliases = client.list_aliases(model.name, as_of=at).aliases
            assert [oracle.show_alias(model, name) for name in model.pointing()] == list(
                map(bare, aliases)
            )

    @operation(1, first=PICKS, second=PICKS)
    def difference(self, first: int, second: int) -> None:
        since, until = sorted(1 + pick % self.oracle.position for pick in (first, second))
        before, after = self._states(since), self._states(until)
        shown = {
            change.name: tuple(self._state(state) for state in (change.before, change.after))
            for change in self.client.changes(since, until)
        }
        touched = {
            stream for stream in self.oracle.streams[since:until] if stream.startswith("models/")
        }
        expected = {}
        for stream in touched:
            pair = before.get(stream), after[stream]
            if pair[0] is None or _telling(pair[0]) != _telling(pair[1]):
                expected[pair[1].name] = pair
        assert expected == shown

    def _states(self, at: int) -> dict[str, Any]:
        """Return every resource of a position by its stream, as the API shows it."""
        oracle = self.oracle
        states: dict[str, Any] = {}
        for first, model in oracle.past[at].items():
            states[f"models/{first}"] = oracle.show_model(model)
            for number, version in model.versions.items():
                shown = oracle.show_version(model, version)
                states[f"models/{first}/versions/{number}"] = shown
            for name, alias in model.aliases.items():
                states[f"models/{first}/aliases/{name}"] = oracle.show_alias(model, name, alias)
        return states

    def _state(self, state: Any) -> Any:
        kind = state.WhichOneof("resource")
        return bare(getattr(state, kind)) if kind else None

    @operation(1, name=NAMES, children=st.booleans())
    def history(self, name: str, children: bool) -> None:
        try:
            stream = f"models/{self.oracle.model(name).first}"
        except Refused:
            return
        expected = [
            place
            for place, happened in enumerate(self.oracle.streams, 1)
            if happened == stream or (children and happened.startswith(f"{stream}/"))
        ]
        events = list(self.client.history(name, include_children=children))
        assert expected[::-1] == [event.position for event in events]
