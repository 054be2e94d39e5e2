"""The whole service against an oracle: any order of calls, every answer, also of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

import regesta
from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import flag_pb2 as flag_pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from tests.support.oracle import MOVES, bare
from tests.support.registry_machine import (
    ALIASES,
    DISPLACE_TO,
    ETAGS,
    FLAGS,
    FROM_STAGES,
    KEYS,
    LABELS,
    MODELS,
    NAMES,
    NUMBERS,
    PICKS,
    REASONS,
    SELDOM,
    VALUES,
    VERSIONS,
    operation,
)
from tests.support.registry_reads import Reads
from tests.support.soak import times

if TYPE_CHECKING:
    from tests.databases import LiveDatabase
    from tests.support.server_process import ServerProcess

#: Versions that rollbacks expect or go back to; mostly any.
EXPECTED = st.sampled_from([None] * 5 + [1, 2, 3])


class Registry(Reads):
    """Writes at random, reads and repetitions between them."""

    @operation(1, name=NAMES, model=MODELS, reason=REASONS)
    def create_model(self, name: str, model: model_pb.Model, reason: str) -> None:
        self._write(
            lambda: self.oracle.create_model(name, model),
            lambda request_id, why: self.client.create_model(
                name, model=model, request_id=request_id, reason=why
            ),
            reason,
        )

    @operation(4, name=NAMES, version=VERSIONS, create=st.booleans(), reason=REASONS)
    def register(self, name: str, version: version_pb.Version, create: bool, reason: str) -> None:
        self._write(
            lambda: self.oracle.register(name, version, create=create),
            lambda request_id, why: self.client.register_version(
                name,
                version=version,
                allow_missing_model=create,
                request_id=request_id,
                reason=why,
            ),
            reason,
        )

    @operation(
        2,
        name=NAMES,
        model=MODELS,
        mask=st.sets(st.sampled_from(["owner", "description", "card"]), min_size=1).map(sorted),
        kind=ETAGS,
        reason=REASONS,
    )
    def update_model(
        self, name: str, model: model_pb.Model, mask: list[str], kind: str, reason: str
    ) -> None:
        etag = self._etag(kind, lambda: self.oracle.model(name).revision)
        given = model_pb.Model()
        given.CopyFrom(model)
        given.name = name
        self._write(
            lambda: self.oracle.update_model(name, given, mask, etag),
            lambda request_id, why: self.client.update_model(
                given, update_mask=mask, etag=etag, request_id=request_id, reason=why
            ),
            reason,
        )

    @operation(2, name=NAMES, new=NAMES, kind=ETAGS, reason=REASONS)
    def rename_model(self, name: str, new: str, kind: str, reason: str) -> None:
        etag = self._etag(kind, lambda: self.oracle.model(name).revision)
        self._write(
            lambda: self.oracle.rename_model(name, new, etag),
            lambda request_id, why: self.client.rename_model(
                name, new_model_id=new, etag=etag, request_id=request_id, reason=why
            ),
            reason,
        )

    @operation(1, name=NAMES, kind=ETAGS, reason=REASONS)
    def delete_model(self, name: str, kind: str, reason: str) -> None:
        etag = self._etag(kind, lambda: self.oracle.model(name).revision)
        self._write(
            lambda: self.oracle.delete_model(name, etag),
            lambda request_id, why: self.client.delete_model(
                name, etag=etag, request_id=request_id, reason=why
            ),
            reason,
        )

    @operation(3, name=NAMES, kind=ETAGS, contrary=SELDOM)
    def restore_model(self, name: str, kind: str, contrary: bool) -> None:
        deleted = [model.name for model in self.oracle.models.values() if model.deleted]
        if deleted and not contrary:
            name = deleted[0]
        etag = self._etag(kind, lambda: self.oracle.model(name).revision)
        self._write(
            lambda: self.oracle.restore_model(name, etag),
            lambda request_id, why: self.client.restore_model(
                name, etag=etag, request_id=request_id, reason=why
            ),
            "",
        )

    @operation(
        2,
        name=NAMES,
        number=NUMBERS,
        version=VERSIONS,
        mask=st.sets(st.sampled_from(["description", "card"]), min_size=1).map(sorted),
        kind=ETAGS,
    )
    def update_version(
        self, name: str, number: int, version: version_pb.Version, mask: list[str], kind: str
    ) -> None:
        number = self._some(name, number)
        etag = self._etag(kind, lambda: self.oracle.model(name).versions[number].revision)
        given = version_pb.Version()
        given.CopyFrom(version)
        given.name = f"{name}/{number}"
        self._write(
            lambda: self.oracle.update_version(name, number, given, mask, etag),
            lambda request_id, why: self.client.update_version(
                given, update_mask=mask, etag=etag, request_id=request_id, reason=why
            ),
            "",
        )

    @operation(3, name=NAMES, number=NUMBERS, semver=LABELS, kind=ETAGS)
    def label_version(self, name: str, number: int, semver: str, kind: str) -> None:
        number = self._some(name, number)
        etag = self._etag(kind, lambda: self.oracle.model(name).versions[number].revision)
        self._write(
            lambda: self.oracle.label_version(name, number, semver, etag),
            lambda request_id, why: self.client.label_version(
                f"{name}/{number}", semver=semver, etag=etag, request_id=request_id, reason=why
            ),
            "",
        )

    @operation(4, name=NAMES, number=NUMBERS, kind=ETAGS, contrary=SELDOM)
    def delete_or_restore_version(self, name: str, number: int, kind: str, contrary: bool) -> None:
        number = self._some(name, number)
        etag = self._etag(kind, lambda: self.oracle.model(name).versions[number].revision)
        version = self._present(name, number)
        restore = (version is not None and version.deleted) != contrary
        wanted = self.oracle.restore_version if restore else self.oracle.delete_version
        actual = self.client.restore_version if restore else self.client.delete_version
        self._write(
            lambda: wanted(name, number, etag),
            lambda request_id, why: actual(
                f"{name}/{number}", etag=etag, request_id=request_id, reason=why
            ),
            "",
        )

    @operation(
        6,
        name=NAMES,
        number=NUMBERS,
        pick=PICKS,
        from_stage=FROM_STAGES,
        kind=ETAGS,
        through=st.booleans(),
        displace_to=DISPLACE_TO,
    )
    def transition(
        self,
        name: str,
        number: int,
        pick: int,
        from_stage: str,
        kind: str,
        *,
        through: bool = False,
        displace_to: str = "",
    ) -> None:
        number = self._some(name, number)
        etag = self._etag(kind, lambda: self.oracle.model(name).versions[number].revision)
        version = self._present(name, number)
        present = "development" if version is None else version.stage
        # Seldom a move that is not allowed, to where it is, or to nowhere.
        stages = [*sorted(MOVES[present]) * 3, *MOVES, "nowhere"]
        stage = stages[pick % len(stages)]
        from_stage = from_stage.replace("present", present)
        displace_to = "" if displace_to == stage else displace_to
        self._write(
            lambda: self.oracle.transition(
                name, number, stage, from_stage, etag, through=through, displace_to=displace_to
            ),
            lambda request_id, why: self.client.transition_version(
                f"{name}/{number}",
                stage=stage,
                from_stage=from_stage,
                through=through,
                displace_to=displace_to,
                etag=etag,
                request_id=request_id,
                reason=why,
            ),
            "",
        )

    @operation(
        4,
        name=NAMES,
        number=st.one_of(st.none(), NUMBERS),
        tags=st.dictionaries(KEYS, VALUES, min_size=1, max_size=3),
        reason=REASONS,
    )
    def set_tags(self, name: str, number: int | None, tags: dict[str, str], reason: str) -> None:
        target = name if number is None else f"{name}/{number}"
        self._write(
            lambda: self.oracle.set_tags(name, number, tags, ""),
            lambda request_id, why: self.client.set_tags(
                target, tags=tags, request_id=request_id, reason=why
            ),
            reason,
        )

    @operation(
        2,
        name=NAMES,
        number=st.one_of(st.none(), NUMBERS),
        keys=st.lists(KEYS, min_size=1, max_size=3),
    )
    def remove_tags(self, name: str, number: int | None, keys: list[str]) -> None:
        target = name if number is None else f"{name}/{number}"
        self._write(
            lambda: self.oracle.remove_tags(name, number, keys, ""),
            lambda request_id, why: self.client.remove_tags(
                target, keys=keys, request_id=request_id, reason=why
            ),
            "",
        )

    @operation(5, name=NAMES, alias=ALIASES, number=NUMBERS, kind=ETAGS, reason=REASONS)
    def set_alias(self, name: str, alias: str, number: int, kind: str, reason: str) -> None:
        number = self._some(name, number)
        etag = self._etag(kind, lambda: self.oracle.model(name).aliases[alias].revision)
        self._write(
            lambda: self.oracle.set_alias(name, alias, number, etag),
            lambda request_id, why: self.client.set_alias(
                f"{name}@{alias}", version=number, etag=etag, request_id=request_id, reason=why
            ),
            reason,
        )

    @operation(3, name=NAMES, alias=ALIASES, kind=ETAGS)
    def remove_alias(self, name: str, alias: str, kind: str) -> None:
        etag = self._etag(kind, lambda: self.oracle.model(name).aliases[alias].revision)
        self._write(
            lambda: self.oracle.remove_alias(name, alias, etag),
            lambda request_id, why: self.client.remove_alias(
                f"{name}@{alias}", etag=etag, request_id=request_id, reason=why
            ),
            "",
        )

    @operation(
        3,
        name=NAMES,
        alias=ALIASES,
        state=st.sampled_from([(None, True), (None, False), (True, None), (False, False)]),
        kind=ETAGS,
    )
    def protect_alias(
        self, name: str, alias: str, state: tuple[bool | None, bool | None], kind: str
    ) -> None:
        protected, pinned = state
        etag = self._etag(kind, lambda: self.oracle.model(name).aliases[alias].revision)
        self._write(
            lambda: self.oracle.protect_alias(name, alias, protected, pinned, etag),
            lambda request_id, why: self.client.protect_alias(
                f"{name}@{alias}",
                protected=protected,
                pinned=pinned,
                etag=etag,
                request_id=request_id,
                reason=why,
            ),
            "",
        )

    @operation(
        3,
        moves=st.lists(
            st.tuples(NAMES, ALIASES, NUMBERS, st.sampled_from([None, None, None, 0, 1])),
            min_size=1,
            max_size=3,
        ),
        reason=REASONS,
    )
    def move_aliases(self, moves: list[tuple[str, str, int, int | None]], reason: str) -> None:
        moves = [
            (name, alias, self._some(name, number), expected)
            for name, alias, number, expected in moves
        ]

        def call(request_id: str, why: str) -> pb.MoveAliasesResponse:
            prefix = f"namespaces/{self.namespace}/models"
            answer = self.client.move_aliases(
                [
                    pb.AliasMove(
                        name=f"{prefix}/{name}/aliases/{alias}",
                        version=number,
                        expected_version=expected,
                    )
                    for name, alias, number, expected in moves
                ],
                request_id=request_id,
                reason=why,
            )
            aliases = [cast("model_pb.Alias", bare(alias)) for alias in answer.aliases]
            return pb.MoveAliasesResponse(aliases=aliases, position=answer.position)

        self._write(lambda: self.oracle.move_aliases(moves), call, reason)

    @operation(4, name=NAMES, alias=ALIASES, expected=EXPECTED, to=EXPECTED, reason=REASONS)
    def rollback_alias(
        self, name: str, alias: str, expected: int | None, to: int | None, reason: str
    ) -> None:
        self._write(
            lambda: self.oracle.rollback_alias(name, alias, expected, to),
            lambda request_id, why: self.client.rollback_alias(
                f"{name}@{alias}",
                expected_version=expected,
                to_version=to,
                request_id=request_id,
                reason=why,
            ),
            reason,
        )

    @operation(
        6,
        name=NAMES,
        stage=st.sampled_from(["staging"] * 3 + ["development"] * 2 + ["production", "archived"]),
        expected=EXPECTED,
        to=EXPECTED,
        reason=REASONS,
    )
    def rollback_stage(
        self, name: str, stage: str, expected: int | None, to: int | None, reason: str
    ) -> None:
        self._write(
            lambda: self.oracle.rollback_stage(name, stage, expected, to),
            lambda request_id, why: self.client.rollback_stage(
                name,
                stage=stage,
                expected_version=expected,
                to_version=to,
                request_id=request_id,
                reason=why,
            ),
            reason,
        )

    @operation(
        6,
        numbers=st.permutations([1, 2, 3]),
        stages=st.booleans(),
        times=st.integers(1, 3),
        room=st.sampled_from([(), (2,), (0, 2), (3,)]),
        passes=st.booleans(),
    )
    def move_on_and_back(
        self, numbers: list[int], stages: bool, times: int, room: tuple[int, ...], passes: bool
    ) -> None:
        """Let versions follow each other, so that there is something to go back to.

        The first may only pass through, which is nothing to go back to.
        """
        for at, number in enumerate(numbers):
            if stages:
                stage = "production" if passes and not at else "staging"
                self._move_to("churn", number, stage, "archived" if at in room else "")
            else:
                self.set_alias("churn", "champion", number, "", "")
        if stages and 3 in room:
            self._move_to("churn", numbers[0], "staging", "archived")
        for _ in range(times):
            if stages:
                self.rollback_stage("churn", "staging", None, None, "slow")
            else:
                self.rollback_alias("churn", "champion", None, None, "slow")

    def _move_to(self, name: str, number: int, stage: str, displace_to: str) -> None:
        self._write(
            lambda: self.oracle.transition(
                name, number, stage, "", "", through=True, displace_to=displace_to
            ),
            lambda request_id, why: self.client.transition_version(
                f"{name}/{number}",
                stage=stage,
                through=True,
                displace_to=displace_to,
                request_id=request_id,
                reason=why,
            ),
            "",
        )

    @operation(
        3,
        name=NAMES,
        number=st.one_of(st.none(), NUMBERS, NUMBERS),
        flag=FLAGS,
        kind=ETAGS,
        reason=REASONS,
    )
    def raise_flag(
        self, name: str, number: int | None, flag: flag_pb.Flag, kind: str, reason: str
    ) -> None:
        etag = self._flagged_etag(name, number, kind)
        target = name if number is None else f"{name}/{number}"
        self._write(
            lambda: self.oracle.raise_flag(name, number, flag, etag, reason),
            lambda request_id, why: self.client.raise_flag(
                target, flag=flag, etag=etag, request_id=request_id, reason=why
            ),
            reason,
        )

    @operation(4, pick=PICKS, kind=ETAGS, contrary=SELDOM)
    def resolve_flag(self, pick: int, kind: str, contrary: bool) -> None:
        """Resolve a flag that is open, or seldom one that is not."""
        opened = [
            (model.name, number, flag)
            for model in self.oracle.models.values()
            for number, flags in [
                (None, model.flags),
                *((version.number, version.flags) for version in model.versions.values()),
            ]
            for flag in flags
        ]
        name, number, flag = opened[pick % len(opened)] if opened else ("churn", 1, "drift")
        flag = "nowhere" if contrary else flag
        etag = self._flagged_etag(name, number, kind)
        target = name if number is None else f"{name}/{number}"
        self._write(
            lambda: self.oracle.resolve_flag(name, number, flag, etag),
            lambda request_id, why: self.client.resolve_flag(
                target, flag_id=flag, etag=etag, request_id=request_id, reason=why
            ),
            "",
        )

    @operation(
        1,
        name=NAMES,
        number=NUMBERS,
        category=st.sampled_from(["licence", "licence", "poisoned"]),
        kind=ETAGS,
        reason=REASONS,
    )
    def revoke(self, name: str, number: int, category: str, kind: str, reason: str) -> None:
        number = self._some(name, number)
        etag = self._flagged_etag(name, number, kind)
        self._write(
            lambda: self.oracle.revoke(name, number, category, etag, reason),
            lambda request_id, why: self.client.revoke_version(
                f"{name}/{number}",
                category=category,
                etag=etag,
                request_id=request_id,
                reason=why,
            ),
            reason,
        )

    def _flagged_etag(self, name: str, number: int | None, kind: str) -> str:
        if number is None:
            return self._etag(kind, lambda: self.oracle.model(name).revision)
        return self._etag(kind, lambda: self.oracle.model(name).versions[number].revision)

    @operation(2, pick=PICKS)
    def repeat(self, pick: int) -> None:
        if self.done:
            call, request_id, reason, answer = self.done[pick % len(self.done)]
            assert answer == call(request_id, reason)

    @operation(1, pick=PICKS)
    def reuse_a_request_id(self, pick: int) -> None:
        if self.done:
            call, request_id, reason, _ = self.done[pick % len(self.done)]
            with pytest.raises(regesta.AlreadyExists) as caught:
                call(request_id, reason + "!")
            assert caught.value.reason == "REQUEST_ID_REUSED"


@pytest.mark.slow
@pytest.mark.timeout(times(300))
def test_any_order_of_calls_answers_as_the_oracle_does(
    server: ServerProcess, server_database: LiveDatabase
):
    Registry.address, Registry.dsn = server.address, server_database.service_dsn
    run_state_machine_as_test(
        Registry,
        settings=settings(
            max_examples=times(15),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    # Every example was rebuilt and verified in this process, the last one also over the API.
    with regesta.Client(server.address, namespace=Registry.last) as client:
        before = list(client.versions(show_deleted=True))
        (*_, rebuilt) = client.rebuild_projections()
        assert rebuilt.done
        assert before == list(client.versions(show_deleted=True))
        assert [] == [found for answer in client.verify() for found in answer.findings]
