"""Whatever is called, MLflow's own store and ours answer and refuse alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag

from tests.support.soak import times

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.mlflow_twins import Twins

_NAMES = st.sampled_from(["churn", "Churn", "fraud 2", "größe", "churn.m0123456789ab"])
_NUMBERS = st.integers(1, 4)
_ALIASES = st.sampled_from(["champion", "Champion", "test_alias", "-a", "42", "é"])
_STAGES = st.sampled_from(["None", "staging", "Production", "ARCHIVED"])
_KEYS = st.sampled_from(["team", "a/b c", "mlflow.note", "x.y"])
_VALUES = st.sampled_from(["risk", "Risk", "", "a*b", 'say "no" \\ 50%', "ü\n2"])
_TAGS = st.dictionaries(_KEYS, _VALUES, max_size=2)

_FILTERS = st.sampled_from(
    [
        "",
        "name = 'churn'",
        "name = 'fraud 2'",
        "name != 'churn'",
        "name LIKE 'c%'",
        "name LIKE '%u_n%'",
        "name ILIKE 'CH%'",
        "name IN ('churn', 'größe')",
        "tags.team = 'risk'",
        "tags.team != 'risk'",
        "tag.team LIKE 'r%'",
        "tag.team ILIKE 'r%'",
        "tags.`a/b c` = 'a*b'",
        "tags.`mlflow.note` LIKE '%'",
        "tags.team = 'risk' AND name LIKE '%r%'",
    ]
)
_VERSION_FILTERS = st.one_of(
    _FILTERS,
    st.sampled_from(
        [
            "version_number > 1",
            "version_number != 2 AND name = 'churn'",
            "run_id = 'r1'",
            "run_id != 'r1'",
            "run_id IN ('r1', 'r2')",
            "run_id LIKE 'r%'",
            "source_path = 's3://b/1'",
            "source_path LIKE 's3%1'",
            "run_id ILIKE 'R%' AND version_number <= 2",
        ]
    ),
)
_ORDERS = st.sampled_from(
    [["name ASC"], ["version_number DESC"], ["name DESC", "version_number ASC"]]
)


class _Registry(RuleBasedStateMachine):
    """Calls both stores, whatever comes."""

    make: Callable[[], Twins]

    @initialize()
    def begin(self) -> None:
        self.twins = type(self).make()

    @rule(name=_NAMES, tags=_TAGS, description=st.sampled_from([None, "good"]))
    def create_model(self, name: str, tags: dict[str, str], description: str | None) -> None:
        given = [RegisteredModelTag(key, value) for key, value in tags.items()]
        self.twins.call("create_registered_model", name, given, description)

    @rule(name=_NAMES, description=st.sampled_from(["", "better"]))
    def update_model(self, name: str, description: str) -> None:
        self.twins.call("update_registered_model", name, description)

    @rule(name=_NAMES, new_name=_NAMES)
    def rename_model(self, name: str, new_name: str) -> None:
        self.twins.call("rename_registered_model", name, new_name)

    @rule(name=_NAMES)
    def delete_model(self, name: str) -> None:
        self.twins.call("delete_registered_model", name)

    @rule(name=_NAMES, key=_KEYS, value=_VALUES)
    def tag_model(self, name: str, key: str, value: str) -> None:
        self.twins.call("set_registered_model_tag", name, RegisteredModelTag(key, value))

    @rule(name=_NAMES, key=_KEYS)
    def untag_model(self, name: str, key: str) -> None:
        self.twins.call("delete_registered_model_tag", name, key)

    @rule(
        name=_NAMES,
        source=st.sampled_from(["s3://b/1", "s3://b/2"]),
        run=st.sampled_from([None, "r1", "r2"]),
        tags=_TAGS,
        link=st.sampled_from([None, "http://run"]),
    )
    def create_version(
        self, name: str, source: str, run: str | None, tags: dict[str, str], link: str | None
    ) -> None:
        given = [ModelVersionTag(key, value) for key, value in tags.items()]
        self.twins.call("create_model_version", name, source, run, given, link)

    @rule(name=_NAMES, version=_NUMBERS)
    def update_version(self, name: str, version: int) -> None:
        self.twins.call("update_model_version", name, version, "changed")

    @rule(name=_NAMES, version=_NUMBERS, stage=_STAGES, archive=st.booleans())
    def move(self, name: str, version: int, stage: str, archive: bool) -> None:
        self.twins.call("transition_model_version_stage", name, version, stage, archive)

    @rule(name=_NAMES, version=_NUMBERS)
    def delete_version(self, name: str, version: int) -> None:
        self.twins.call("delete_model_version", name, version)

    @rule(name=_NAMES, version=_NUMBERS, key=_KEYS, value=_VALUES)
    def tag_version(self, name: str, version: int, key: str, value: str) -> None:
        self.twins.call("set_model_version_tag", name, version, ModelVersionTag(key, value))

    @rule(name=_NAMES, version=_NUMBERS, key=_KEYS)
    def untag_version(self, name: str, version: int, key: str) -> None:
        self.twins.call("delete_model_version_tag", name, version, key)

    @rule(name=_NAMES, alias=_ALIASES, version=_NUMBERS)
    def point(self, name: str, alias: str, version: int) -> None:
        self.twins.call("set_registered_model_alias", name, alias, version)

    @rule(name=_NAMES, alias=_ALIASES)
    def unpoint(self, name: str, alias: str) -> None:
        self.twins.call("delete_registered_model_alias", name, alias)

    @rule(name=_NAMES, alias=st.one_of(_ALIASES, st.just("Latest")), version=_NUMBERS)
    def look(self, name: str, alias: str, version: int) -> None:
        self.twins.call("get_registered_model", name)
        self.twins.call("get_model_version", name, version)
        self.twins.call("get_model_version_download_uri", name, version)
        self.twins.call("get_latest_versions", name)
        self.twins.call("get_model_version_by_alias", name, alias)

    @rule(where=_FILTERS, size=st.integers(1, 3))
    def search_models(self, where: str, size: int) -> None:
        self.twins.pages("search_registered_models", [size, 2], ordered=False, filter_string=where)

    @rule(where=_VERSION_FILTERS, order=_ORDERS, size=st.integers(1, 3))
    def search_versions(self, where: str, order: list[str], size: int) -> None:
        self.twins.pages(
            "search_model_versions", [size, 2], ordered=False, filter_string=where, order_by=order
        )


@pytest.mark.slow
@pytest.mark.timeout(times(120))
def test_any_calls_are_answered_alike(fresh_twins: Callable[[], Twins]) -> None:
    machine: Any = type("Registry", (_Registry,), {"make": staticmethod(fresh_twins)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=times(12),
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        ),
    )
