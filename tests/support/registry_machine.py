"""Calls at random against one namespace, each compared with the oracle: what all have in common."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

import regesta
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.rebuild import rebuild
from tests.support.oracle import RANGES, Refused, bare
from tests.support.oracle_writes import Oracle

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

M = TypeVar("M")

_numbers = itertools.count(1)

# What is there at the beginning is named most often: calls that are refused change nothing.
NAMES = st.sampled_from(["churn", "churn", "Churn", "fraud", "fraud", "risk.eu-1", "leavers"])
NUMBERS = st.sampled_from([1, 1, 2, 2, 3, 4, 5])
ALIASES = st.sampled_from(["champion", "challenger"])
STAGES = st.sampled_from(["development", "staging", "production", "archived", "nowhere"])
LABELS = st.sampled_from(["0.1.0", "1.0.0", "1.0.0+b1", "1.2.0", "2.0.0-rc.1", "2.0.0"])
DIGESTS = st.sampled_from(["sha256:" + "0" * 64, "sha256:" + "f" * 64])
KEYS = st.sampled_from(["team", "a note", "ключ"])
VALUES = st.sampled_from(["", "risk", "line\nline", "x" * 1_024, "y" * 1_025, "z" * 5_000])
TAGS = st.dictionaries(KEYS, VALUES, max_size=3)
TEXTS = st.sampled_from(["", "Finds customers who leave.", "# Card\n\n" + "é" * 2_000])
ETAGS = st.sampled_from(["", "", "", "", "right", "right", "wrong", "0"])
REASONS = st.sampled_from(["", "because"])
ADDRESSES = st.one_of(
    st.builds("{}/{}".format, NAMES, NUMBERS),
    st.builds("{}@{}".format, NAMES, ALIASES),
    st.builds("{}#{}".format, NAMES, STAGES),
    st.builds("{}@{}".format, NAMES, st.sampled_from(sorted(RANGES))),
    st.builds("{}@latest".format, NAMES),
    DIGESTS,
)
VERSIONS = st.builds(
    version_pb.Version,
    semver=st.one_of(st.just(""), LABELS),
    digest=st.one_of(st.just(""), DIGESTS),
    source=st.sampled_from(["", "s3://models/churn"]),
    metrics=st.dictionaries(st.just("auc"), st.sampled_from([0.1, 0.5, 0.9]), max_size=1),
    params=st.dictionaries(st.just("lr"), st.just("0.1"), max_size=1),
    tags=TAGS,
    description=TEXTS,
    card=TEXTS,
)
MODELS = st.builds(
    model_pb.Model,
    kind=st.sampled_from([0, 1, 2]),
    owner=st.sampled_from(["", "risk-team"]),
    description=TEXTS,
    card=TEXTS,
    tags=TAGS,
)


class RegistryMachine(RuleBasedStateMachine):
    """One namespace, called at random and compared with the oracle after each step."""

    #: The server, and its database.
    address = ""
    dsn = ""

    def __init__(self) -> None:
        super().__init__()
        self.namespace = f"model-{next(_numbers)}"
        self.client = regesta.Client(self.address, namespace=self.namespace)
        self.oracle = Oracle(self.namespace)
        #: Writes that went well, to be repeated.
        self.done: list[tuple[Callable[[str, str], Any], str, str, Any]] = []
        #: What was read at a position, times and all.
        self.seen: dict[tuple[int, str], Message] = {}
        #: The position at which everything was compared last.
        self._looked_at = 0

    @initialize(versions=st.lists(VERSIONS, min_size=5, max_size=5))
    def begin(self, versions: list[version_pb.Version]) -> None:
        self.client.create_namespace(self.namespace)
        for name, version in zip(["churn"] * 3 + ["fraud"] * 2, versions, strict=True):
            with suppress(Refused):
                self.oracle.register(name, version, create=True)
                self.client.register_version(name, version=version, allow_missing_model=True)
        self.oracle.set_alias("churn", "champion", 1, "")
        self.client.set_alias("churn@champion", version=1)

    def teardown(self) -> None:
        try:
            self._check_events()
            before = self._everything()
            assert self._findings() == []
            # Without the pause in which the old rows are still there for who reads them.
            assert self.oracle.position == rebuild(self.dsn, self.namespace, linger=0).position
            assert before == self._everything()
            assert self._findings() == []
        finally:
            self.client.close()

    def _findings(self) -> list[Any]:
        answers = list(self.client.verify())
        assert answers[-1].done
        assert answers[-1].position == self.oracle.position
        return [finding for answer in answers for finding in answer.findings]

    def _everything(self) -> list[Any]:
        return [
            *self.client.models(show_deleted=True),
            *self.client.versions(show_deleted=True),
            *(
                alias
                for model in self.oracle.models
                for alias in self.client.list_aliases(model).aliases
            ),
        ]

    def _agree(self, expected: Callable[[], M], actual: Callable[[], Any]) -> M | None:
        """Compare a call with the oracle; return what both answered, None when refused."""
        refusal = ""
        try:
            answer = expected()
        except Refused as refused:
            refusal = str(refused)
        if refusal:
            with pytest.raises(regesta.RegestaError) as caught:
                actual()
            assert refusal == caught.value.reason
            return None
        assert answer == bare(actual())
        return answer

    def _write(
        self, expected: Callable[[], Any], actual: Callable[[str, str], Any], reason: str
    ) -> None:
        """Compare a write; `actual` takes a request id and a reason."""
        request_id = f"r{len(self.done)}-{self.oracle.position}"
        answers: list[Any] = []

        def call() -> Any:
            answers.append(actual(request_id, reason))
            return answers[0]

        if self._agree(expected, call) is not None:
            self.done.append((actual, request_id, reason, answers[0]))

    def _etag(self, kind: str, revision: Callable[[], int]) -> str:
        """Return an etag that is right, wrong or anything else."""
        try:
            present = revision()
        except (KeyError, Refused):
            present = 1
        return {"right": str(present), "wrong": str(present + 1)}.get(kind, kind)

    # What holds after each step.

    @invariant()
    def every_list_shows_what_the_oracle_has(self) -> None:
        oracle, client = self.oracle, self.client
        assert oracle.position == client.get_head().position
        if oracle.position == self._looked_at:
            return
        self._looked_at = oracle.position
        for shown in (True, False):
            listed = client.list_models(page_size=1_000, show_deleted=shown)
            assert oracle.position == listed.position
            assert [
                oracle.show_model(model) for model in oracle.visible_models(show_deleted=shown)
            ] == list(map(bare, listed.models))
        for model in oracle.models.values():
            listed_versions = client.list_versions(model.name, show_deleted=True).versions
            assert [
                oracle.show_version(model, model.versions[number])
                for number in sorted(model.versions, reverse=True)
            ] == list(map(bare, listed_versions))
            assert [oracle.show_alias(model, alias) for alias in model.pointing()] == list(
                map(bare, client.list_aliases(model.name).aliases)
            )

    def _check_events(self) -> None:
        """Check that positions and revisions have no gaps."""
        revisions: dict[str, int] = {}
        for place, event in enumerate(self.client.events(), 1):
            revisions[event.stream] = revisions.get(event.stream, 0) + 1
            assert (place, event.stream, revisions[event.stream]) == (
                event.position,
                self.oracle.streams[place - 1],
                event.revision,
            )
