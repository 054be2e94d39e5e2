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
        visible = self.oracle.visible_versions(show_deleted=shown)
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
            found = self.client.versions(where=where, show_deleted=shown)
            assert expected == list(map(bare, found)), where
        models = self.oracle.visible_models(show_deleted=shown)
        expected_models = [
            self.oracle.show_model(m) for m in models if key in m.tags and (m.owner or m.versions)
        ]
        where = f'tags:"{key}" AND (owner:* OR latest_version > 0)'
        assert expected_models == list(map(bare, self.client.models(where, show_deleted=shown)))

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
