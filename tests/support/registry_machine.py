"""Calls at random against one namespace, each compared with the oracle: what all have in common."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import regesta
from regesta.v1 import flag_pb2 as flag_pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify
from tests.support.oracle import Refused, Version, bare
from tests.support.oracle_writes import Oracle

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

M = TypeVar("M")

_numbers = itertools.count(1)

# What is there at the beginning is named most often: calls that are refused change nothing.
NAMES = st.sampled_from(["churn"] * 6 + ["fraud"] * 3 + ["Churn", "risk.eu-1", "leavers"])
NUMBERS = st.sampled_from([1, 1, 1, 2, 2, 3, 4])
SELDOM = st.sampled_from([False] * 5 + [True])
#: Chooses among as many things as there turn out to be.
PICKS = st.integers(0, 999)
ALIASES = st.sampled_from(["champion", "champion", "Champion_1"])
STAGES = st.sampled_from(["development", "staging", "production", "archived", "nowhere"])
FROM_STAGES = st.sampled_from(["", "", "present", "staging"])
#: Where others go; mostly they stay.
DISPLACE_TO = st.sampled_from([""] * 3 + ["archived"] * 3 + ["staging", "nowhere"])
LABELS = st.sampled_from(["0.1.0", "1.0.0", "1.0.0+b1", "1.2.0", "2.0.0-rc.1", "2.0.0"])
DIGESTS = st.sampled_from(["sha256:" + "0" * 64, "sha256:" + "f" * 64])
KEYS = st.sampled_from(["team", "team", "ключ"])
VALUES = st.sampled_from(["", "risk", "line\nline", "x" * 1_024, "y" * 1_025, "y" * 1_025])
TAGS = st.dictionaries(KEYS, VALUES, max_size=3)
TEXTS = st.sampled_from(["", "Finds customers who leave.", "# Card\n\n" + "é" * 2_000])
ETAGS = st.sampled_from([""] * 6 + ["right"] * 3 + ["wrong", "0"])
REASONS = st.sampled_from(["", "because"])
FLAGS = st.builds(
    flag_pb.Flag,
    id=st.sampled_from(["drift", "bias"]),
    severity=st.sampled_from([1, 3]),
    blocking=st.booleans(),
)
#: Every form of address, in an order in which different ones follow each other.
ADDRESSES = [
    f"{name}{rest}"
    for rest in (
        "@latest",
        "/1",
        "@champion",
        "#development",
        "@^1.0",
        "#archived",
        "/2",
        "@*",
        "#staging",
        "@>=2.0.0-rc.1",
        "@Champion_1",
        "/3",
        "@~1.0.0",
        "#production",
        "@<1.0.0",
        "#nowhere",
        "@9.x",
    )
    for name in ("churn", "fraud")
]
VERSIONS = st.builds(
    version_pb.Version,
    semver=st.one_of(st.just(""), st.just(""), LABELS),
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


#: What may happen: names of methods, as often as they are to be chosen, and their arguments.
OPERATIONS: dict[str, st.SearchStrategy[dict[str, Any]]] = {}
CHOICES: list[str] = []

F = TypeVar("F", bound="Callable[..., None]")


def operation(weight: int, **given: st.SearchStrategy[Any]) -> Callable[[F], F]:
    """Mark a method as something that may happen.

    Hypothesis tries rules a few at a time, which is good at finding odd states; here all
    of them are needed to get anywhere, so they are chosen from within one rule.
    """

    def mark(method: F) -> F:
        OPERATIONS[method.__name__] = st.fixed_dictionaries(given)
        CHOICES.extend([method.__name__] * weight)
        return method

    return mark


class RegistryMachine(RuleBasedStateMachine):
    """One namespace, called at random and compared with the oracle after each step."""

    #: The server, and its database.
    address = ""
    dsn = ""
    #: Namespace of the latest example.
    last = ""

    def __init__(self) -> None:
        super().__init__()
        self.namespace = RegistryMachine.last = f"model-{next(_numbers)}"
        self.client = regesta.Client(self.address, namespace=self.namespace)
        self.oracle = Oracle(self.namespace)
        #: Writes that went well, to be repeated.
        self.done: list[tuple[Callable[[str, str], Any], str, str, Any]] = []
        #: What was read at a position, times and all.
        self.seen: dict[tuple[int, str], Message] = {}
        self._addresses = itertools.cycle(ADDRESSES)
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

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(CHOICES), label="what")
        # Of a deleted model all is refused, so it is soon restored.
        deleted = any(model.deleted for model in self.oracle.models.values())
        if deleted and data.draw(st.integers(0, 2), label="restore") == 0:
            name = "restore_model"
        getattr(self, name)(**data.draw(OPERATIONS[name], label="with"))

    def teardown(self) -> None:
        try:
            self._check_events()
            before = self._everything()
            self._check_sound()
            # Without the pause in which the old rows are still there for who reads them.
            assert self.oracle.position == rebuild(self.dsn, self.namespace, linger=0).position
            assert before == self._everything()
            self._check_sound()
        finally:
            self.client.close()

    def _check_sound(self) -> None:
        # In this process: for the API the server starts one each time.
        report = verify(self.dsn, self.namespace)
        assert (self.oracle.position, []) == (report.position, list(report.findings))

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

    def _some(self, name: str, number: int) -> int:
        """Return a number of a version that is there, but for high ones."""
        try:
            count = len(self.oracle.model(name).versions)
        except Refused:
            count = 0
        return number if number > 3 or not count else 1 + (number - 1) % count

    def _present(self, name: str, number: int) -> Version | None:
        """Return a version if it is there."""
        try:
            return self.oracle.model(name).versions.get(number)
        except Refused:
            return None

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
        shown = oracle.position % 4 != 0
        listed = client.list_models(page_size=1_000, show_deleted=shown)
        assert oracle.position == listed.position
        assert [
            oracle.show_model(model) for model in oracle.visible_models(show_deleted=shown)
        ] == list(map(bare, listed.models))
        assert [
            oracle.show_version(model, version)
            for model, version in oracle.visible_versions(show_deleted=True)
        ] == list(map(bare, client.versions(show_deleted=True)))
        self._look_about()

    def _look_about(self) -> None:
        """Ask for other things each time: all forms of address and all kinds, now and before."""
        oracle, client = self.oracle, self.client
        for _ in range(3):
            address = next(self._addresses)
            self._agree(partial(oracle.resolve, address), partial(client.resolve, address))
        at = max(1, oracle.position * 3 // 4)
        self._agree(
            partial(oracle.resolve, address, at), partial(client.resolve, address, as_of=at)
        )
        model = list(oracle.models.values())[oracle.position % len(oracle.models)]
        versions = client.list_versions(model.name, show_deleted=True).versions
        assert [
            oracle.show_version(model, model.versions[number])
            for number in sorted(model.versions, reverse=True)
        ] == list(map(bare, versions))
        raised = [(resource, flag.id) for resource, flags in oracle.flagged() for flag in flags]
        assert raised == [(one.resource, one.flag.id) for one in client.flags()]
        names = [one.name for one in oracle.models.values()]
        latest = client.list_latest_versions(names)
        assert oracle.position == latest.position
        assert [
            oracle.show_version(one, version)
            for one in oracle.models.values()
            for version in one.latest_by_stage()
        ] == list(map(bare, latest.versions))
        aliases = client.list_aliases(model.name).aliases
        assert [oracle.show_alias(model, name) for name in model.pointing()] == list(
            map(bare, aliases)
        )

    def _check_events(self) -> None:
        """Check that positions and revisions have no gaps."""
        revisions: Counter[str] = Counter()
        expected = []
        for position, stream in enumerate(self.oracle.streams, 1):
            revisions[stream] += 1
            expected.append((position, stream, revisions[stream]))
        events = [(event.position, event.stream, event.revision) for event in self.client.events()]
        assert expected == events
