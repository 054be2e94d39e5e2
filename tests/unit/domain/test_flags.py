"""Flags and revocation: given, when, then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regesta_projections import events as e
from regesta_projections.rows import ModelKey, ModelRow, VersionKey, VersionRow
from regesta_service.domain import limits
from regesta_service.domain import rejections as r
from regesta_service.domain.aliases import SetAlias
from regesta_service.domain.flags import RaiseFlag, ResolveFlag, RevokeVersion
from regesta_service.domain.transitions import TransitionVersion
from regesta_service.domain.versions import RegisterVersion
from tests.unit.domain.specification import (
    CHURN,
    Happening,
    created,
    digest,
    given,
    moved,
    pointed,
    registered,
    sealed,
    version,
)

HERE = (created(), registered(1))
BIAS = RaiseFlag("churn", 1, "bias", "CRITICAL", True, reason=sealed("one group"))
REVOKED: Happening = version(1), e.VersionRevoked(category="licence")
DELETED: Happening = version(1), e.VersionDeleted()
#: What of a flag an error says; here it is always alice's.
SAID = {"flag": "bias", "severity": "CRITICAL", "permission": "flags.resolve"}


def raised(stream: str, flag: str = "bias", *, blocking: bool = True) -> Happening:
    """A flag was raised."""
    return stream, e.FlagRaised(flag=flag, severity="CRITICAL", blocking=blocking)


def resolved(stream: str, flag: str = "bias") -> Happening:
    """A flag was resolved."""
    return stream, e.FlagResolved(flag=flag)


def test_a_flag_is_raised_on_a_version():
    when = given(*HERE).when(BIAS)
    when.keeps(("reason", "one group"))
    event = e.FlagRaised(
        flag="bias", severity="CRITICAL", blocking=True, reason=digest("one group")
    )
    state = when.then((version(1), event), shows=VersionKey("churn", 1))

    row = state.row(VersionKey("churn", 1))
    assert isinstance(row, VersionRow)
    (flag,) = row.resource.flags
    assert ("bias", True, "alice", 4) == (flag.id, flag.blocking, flag.raised_by, flag.position)
    assert {"flags.bias": sealed("one group").digest} == row.texts


def test_a_flag_is_raised_on_a_model():
    command = RaiseFlag("CHURN", None, "eol", "INFO", False)
    state = (
        given(*HERE)
        .when(command)
        .then((CHURN, e.FlagRaised(flag="eol", severity="INFO")), shows=ModelKey("churn"))
    )

    row = state.row(ModelKey("churn"))
    assert isinstance(row, ModelRow)
    assert ["eol"] == [flag.id for flag in row.resource.flags]


def test_the_same_flag_again_changes_nothing_whatever_its_reason():
    given(*HERE, raised(version(1))).when(BIAS).then_nothing()


@pytest.mark.parametrize("change", [{"severity": "INFO"}, {"blocking": False}])
def test_a_flag_that_is_open_with_other_content_is_refused(change: dict[str, object]):
    other = replace(BIAS, **change)  # type: ignore[arg-type]  # names of its own fields
    given(*HERE, raised(version(1))).when(other).refused(
        r.FlagExists, flag="bias", severity="CRITICAL"
    )


def test_a_flag_of_the_model_is_none_of_its_versions():
    given(*HERE, raised(CHURN)).when(BIAS).then(
        (
            version(1),
            e.FlagRaised(
                flag="bias", severity="CRITICAL", blocking=True, reason=digest("one group")
            ),
        )
    )
    given(*HERE, raised(CHURN)).when(ResolveFlag("churn", 1, "bias")).refused(
        r.FlagNotFound, flag="bias"
    )


def test_so_many_flags_are_open_and_no_more():
    many = [raised(version(1), f"flag-{number}") for number in range(limits.MAX_FLAGS)]
    full = given(*HERE, *many)
    full.when(BIAS).refused(r.TooManyFlags, limit="50")
    given(*HERE, *many, resolved(version(1), "flag-7")).when(BIAS).decide()


def test_a_flag_is_resolved_and_its_id_is_free_again():
    when = given(*HERE, raised(version(1))).when(
        ResolveFlag("churn", 1, "bias", reason=sealed("mended"))
    )
    when.keeps(("reason", "mended"))
    state = when.then((version(1), e.FlagResolved(flag="bias", reason=digest("mended"))))

    row = state.row(VersionKey("churn", 1))
    assert isinstance(row, VersionRow)
    assert ([], {}) == (list(row.resource.flags), row.texts)
    given(*HERE, raised(version(1)), resolved(version(1))).when(
        replace(BIAS, severity="INFO")
    ).decide()


@pytest.mark.parametrize("past", [[], [raised(version(1)), resolved(version(1))]])
def test_a_flag_that_is_not_open_cannot_be_resolved(past: list[Happening]):
    given(*HERE, *past).when(ResolveFlag("churn", 1, "bias")).refused(r.FlagNotFound, flag="bias")


@pytest.mark.parametrize(
    "command",
    [
        replace(BIAS, expected_revision=7),
        ResolveFlag("churn", 1, "bias", expected_revision=7),
        RevokeVersion("churn", 1, "licence", expected_revision=7),
    ],
)
def test_older_knowledge_is_refused(command: RaiseFlag | ResolveFlag | RevokeVersion):
    given(*HERE).when(command).refused(r.RevisionMismatch, expected="7", actual="1")


def test_what_is_deleted_takes_no_flags():
    given(*HERE, DELETED).when(BIAS).refused(r.VersionDeletedAlready, model="churn", version="1")


@pytest.mark.parametrize("past", [[], [DELETED], [(CHURN, e.ModelDeleted())]])
def test_a_version_is_revoked_even_if_it_is_hidden(past: list[Happening]):
    when = given(*HERE, *past).when(RevokeVersion("churn", 1, "licence", reason=sealed("not ours")))
    when.keeps(("reason", "not ours"))
    event = e.VersionRevoked(category="licence", reason=digest("not ours"))
    state = when.then((version(1), event))

    row = state.row(VersionKey("churn", 1))
    assert isinstance(row, VersionRow)
    assert ("licence", "alice") == (
        row.resource.revoked.category,
        row.resource.revoked.revoked_by,
    )
    assert {"revocation": sealed("not ours").digest} == row.texts


def test_revoking_again_changes_nothing_and_never_the_category():
    state = given(*HERE, REVOKED)
    state.when(RevokeVersion("churn", 1, "licence")).then_nothing()
    state.when(RevokeVersion("churn", 1, "poisoned")).refused(
        r.VersionRevoked, model="churn", version="1", category="licence", position="4"
    )


#: What stops a version, and what is then said.
STOPPED = [
    (raised(version(1)), r.VersionFlagged, SAID | {"position": "4"}),
    (raised(CHURN), r.ModelFlagged, SAID | {"position": "4"}),
    (REVOKED, r.VersionRevoked, {"category": "licence", "position": "4"}),
]
ABOUT = {"model": "churn", "version": "1"}


@pytest.mark.parametrize(("what", "refusal", "said"), STOPPED)
def test_what_is_stopped_is_not_promoted_but_archived(
    what: Happening, refusal: type[r.Rejection], said: dict[str, str]
):
    state = given(*HERE, what)
    message = state.when(TransitionVersion("churn", 1, "staging")).refused(refusal, **ABOUT, **said)
    assert said.get("permission", "for good") in message
    given(*HERE, what).when(TransitionVersion("churn", 1, "archived")).then(
        moved(1, "development", "archived")
    )
    archived = given(*HERE, what, moved(1, "development", "archived"))
    archived.when(TransitionVersion("churn", 1, "development")).refused(refusal, **ABOUT, **said)
    # Where it is already is no move, and a move there is not is none either way.
    state.when(TransitionVersion("churn", 1, "development")).then_nothing()
    state.when(TransitionVersion("churn", 1, "production")).refused(
        r.MoveNotAllowed,
        from_stage="development",
        to_stage="production",
        moves_to="staging, archived",
    )


@pytest.mark.parametrize(("what", "refusal", "said"), STOPPED)
def test_no_alias_is_pointed_to_what_is_stopped(
    what: Happening, refusal: type[r.Rejection], said: dict[str, str]
):
    given(*HERE, what).when(SetAlias("churn", "champion", 1)).refused(refusal, **ABOUT, **said)
    # Also not where it points already.
    state = given(*HERE, pointed("champion", 1), what)
    position = str(int(said["position"]) + 1)
    state.when(SetAlias("churn", "champion", 1)).refused(
        refusal, **ABOUT, **said | {"position": position}
    )


@pytest.mark.parametrize("stream", [version(1), CHURN])
def test_a_flag_that_does_not_block_or_was_resolved_stops_nothing(stream: str):
    for past in ([raised(stream, blocking=False)], [raised(stream), resolved(stream)]):
        state = given(*HERE, *past)
        state.when(TransitionVersion("churn", 1, "staging")).then(
            moved(1, "development", "staging")
        )
        state.when(SetAlias("churn", "champion", 1)).then(pointed("champion", 1))


def test_a_flagged_model_takes_new_versions():
    given(*HERE, raised(CHURN)).when(RegisterVersion("churn", e.VersionRegistered())).then(
        registered(2)
    )


def test_of_several_reasons_the_gravest_is_told():
    every = given(*HERE, raised(version(1)), raised(CHURN), REVOKED)
    with pytest.raises(r.VersionRevoked):
        every.when(SetAlias("churn", "champion", 1)).decide()
    with pytest.raises(r.ModelFlagged):
        given(*HERE, raised(version(1)), raised(CHURN)).when(
            SetAlias("churn", "champion", 1)
        ).decide()
