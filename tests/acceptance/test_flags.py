"""Flags and revocation, over a real channel: what they stop, who hears, and who may."""

from __future__ import annotations

from datetime import UTC
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

import regesta
from regesta.v1 import flag_pb2 as flag_pb
from regesta.v1 import flags_service_pb2 as pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import reading_pb2 as reading_pb
from regesta_projections.rebuild import rebuild
from regesta_projections.verification import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from regesta.v1 import event_pb2 as event_pb
    from tests.databases import LiveDatabase
    from tests.support.refusing import Refusing
    from tests.support.server_process import ServerProcess

CRITICAL = flag_pb.FLAG_SEVERITY_CRITICAL
DIGEST = "sha256:" + "3" * 64


def blocking(flag: str = "bias") -> flag_pb.Flag:
    return flag_pb.Flag(id=flag, severity=CRITICAL, blocking=True)


@pytest.fixture
def churn(client: regesta.Client) -> regesta.Client:
    """Three versions; the third is the champion, alone in staging and the latest."""
    for number in (1, 2, 3):
        client.register("churn", semver=f"1.{number}.0", digest="sha256:" + str(number) * 64)
    client.transition_version("churn/3", stage="staging")
    client.set_alias("churn@champion", version=3)
    return client


def refusal(call: Callable[[], Any]) -> tuple[str, dict[str, str]]:
    """Return the reason and metadata of a call that is refused in this state."""
    with pytest.raises(regesta.PreconditionFailed) as caught:
        call()
    return caught.value.reason, caught.value.metadata


#: What is stopped for a moment, by what is done to it.
BY_NAME = ("churn@champion", "churn#staging")
BY_CHOICE = ("churn@latest", "churn@^1.0")
BY_ITSELF = ("churn/3", DIGEST)


def test_a_flagged_version_is_refused_by_alias_and_stage_and_passed_over_by_choice(
    churn: regesta.Client,
):
    answer = churn.raise_flag("churn/3", flag=blocking(), reason="refuses one group")
    said = {
        "model": "churn",
        "version": "3",
        "flag": "bias",
        "severity": "CRITICAL",
        "position": str(answer.position),
        "permission": "flags.resolve",
    }
    for address in BY_NAME:
        assert ("VERSION_FLAGGED", said) == refusal(partial(churn.resolve, address))
    for address in BY_CHOICE:
        assert 2 == churn.resolve(address).version
    for address in BY_ITSELF:
        (flag,) = churn.resolve(address).flags
        assert ("bias", "refuses one group") == (flag.id, flag.reason)
    assert ["bias"] == [flag.id for flag in churn.get_version("churn/3").flags]

    churn.resolve_flag("churn/3", flag_id="bias", reason="mended")
    for address in (*BY_NAME, *BY_CHOICE, *BY_ITSELF):
        found = churn.resolve(address)
        assert (3, []) == (found.version, list(found.flags))


def test_a_flagged_model_stops_all_its_versions_but_those_named_by_themselves(
    churn: regesta.Client,
):
    answer = churn.raise_flag("churn", flag=blocking("eol"), reason="superseded")
    for address in (*BY_NAME, *BY_CHOICE):
        reason, said = refusal(partial(churn.resolve, address))
        assert ("MODEL_FLAGGED", "eol", str(answer.position)) == (
            reason,
            said["flag"],
            said["position"],
        )
    for address in BY_ITSELF:
        assert 3 == churn.resolve(address).version
    (flag,) = churn.get_model("churn").flags
    assert ("eol", "superseded") == (flag.id, flag.reason)
    # A new version is how the matter is mended, and stopped as the others are.
    assert 4 == churn.register("churn").version
    assert "MODEL_FLAGGED" == refusal(lambda: churn.resolve("churn@latest"))[0]

    churn.resolve_flag("churn", flag_id="eol")
    assert 4 == churn.resolve("churn@latest").version


def test_a_revoked_version_is_refused_in_every_form_and_still_shown(churn: regesta.Client):
    churn.revoke_version("churn/3", category="licence", reason="not ours to use")
    said = {"model": "churn", "version": "3", "category": "licence", "position": "8"}
    for address in (*BY_NAME, *BY_ITSELF):
        assert ("VERSION_REVOKED", said) == refusal(partial(churn.resolve, address))
    for address in BY_CHOICE:
        assert 2 == churn.resolve(address).version
    revoked = churn.get_version("churn/3").revoked
    assert ("licence", "not ours to use") == (revoked.category, revoked.reason)


def test_when_no_version_is_left_the_refusal_says_why(churn: regesta.Client):
    churn.revoke_version("churn/1", category="licence")
    churn.transition_version("churn/2", stage="archived")
    churn.raise_flag("churn/3", flag=blocking())
    for address in BY_CHOICE:
        assert "VERSION_FLAGGED" == refusal(partial(churn.resolve, address))[0]
    churn.revoke_version("churn/3", category="licence")
    for address in BY_CHOICE:
        assert "VERSION_REVOKED" == refusal(partial(churn.resolve, address))[0]


def test_of_a_stage_the_newest_holder_is_meant_and_never_an_older_one(churn: regesta.Client):
    churn.transition_version("churn/2", stage="staging")
    churn.raise_flag("churn/2", flag=blocking())
    assert "VERSION_FLAGGED" == refusal(lambda: churn.resolve("churn#staging"))[0]
    churn.delete_version("churn/2")
    assert 3 == churn.resolve("churn#staging").version


def test_what_was_so_then_counts_for_the_past(churn: regesta.Client):
    before = churn.position
    flagged = churn.raise_flag("churn/3", flag=blocking()).position
    churn.resolve_flag("churn/3", flag_id="bias")
    on_model = churn.raise_flag("churn", flag=blocking("eol")).position
    churn.resolve_flag("churn", flag_id="eol")
    churn.revoke_version("churn/3", category="licence")
    revoked = churn.position
    for address in BY_NAME:
        assert 3 == churn.resolve(address, as_of=before).version
        for moment, reason in (
            (flagged, "VERSION_FLAGGED"),
            (on_model, "MODEL_FLAGGED"),
            (revoked, "VERSION_REVOKED"),
        ):
            assert reason == refusal(partial(churn.resolve, address, as_of=moment))[0]
    for address in BY_CHOICE:
        assert [3, 2, 2] == [
            churn.resolve(address, as_of=at).version for at in (before, flagged, revoked)
        ]
        assert "MODEL_FLAGGED" == refusal(partial(churn.resolve, address, as_of=on_model))[0]
    for address in BY_ITSELF:
        assert 1 == len(churn.resolve(address, as_of=flagged).flags)
        assert "VERSION_REVOKED" == refusal(partial(churn.resolve, address, as_of=revoked))[0]

    # The same by when it happened, as far as is known now.
    def occurred(at: int) -> regesta.Occurred:
        (event,) = churn.events(after=at - 1, until=at)
        return regesta.Occurred(event.record_time.ToDatetime(UTC))

    assert 3 == churn.resolve("churn@champion", as_of=occurred(before)).version
    for moment, reason in ((flagged, "VERSION_FLAGGED"), (on_model, "MODEL_FLAGGED")):
        when = occurred(moment)
        for address in BY_NAME:
            assert reason == refusal(partial(churn.resolve, address, as_of=when))[0]
    assert 2 == churn.resolve("churn@latest", as_of=occurred(flagged)).version


def test_what_is_stopped_is_not_promoted(churn: regesta.Client):
    churn.raise_flag("churn/1", flag=blocking())
    churn.revoke_version("churn/2", category="licence")
    for version, reason in (("churn/1", "VERSION_FLAGGED"), ("churn/2", "VERSION_REVOKED")):
        number = int(version[-1])
        assert reason == refusal(partial(churn.transition_version, version, stage="staging"))[0]
        assert reason == refusal(partial(churn.set_alias, "churn@new", version=number))[0]
        assert "archived" == churn.transition_version(version, stage="archived").stage
    churn.raise_flag("churn", flag=blocking())
    assert (
        "MODEL_FLAGGED"
        == refusal(lambda: churn.transition_version("churn/3", stage="production"))[0]
    )
    assert "MODEL_FLAGGED" == refusal(lambda: churn.set_alias("churn@new", version=3))[0]


def test_a_server_that_did_not_hear_the_write_itself_stops_it_too(
    churn: regesta.Client, second_server: ServerProcess
):
    with regesta.Client(second_server.address, namespace=churn.namespace) as other:

        def seen_from(position: int) -> int:
            level = reading_pb.CONSISTENCY_LEVEL_AT_LEAST
            at_least = reading_pb.Consistency(level=level, position=position)
            return other.resolve_version(address="churn@champion", consistency=at_least).version

        assert 3 == seen_from(churn.position)  # kept in memory from here on
        for resource in ("churn/3", "churn"):
            raised = churn.raise_flag(resource, flag=blocking()).position
            with pytest.raises(regesta.PreconditionFailed):
                seen_from(raised)
            assert 3 == seen_from(churn.resolve_flag(resource, flag_id="bias").position)


def test_subscribers_hear_of_flags_and_revocation(server: ServerProcess, churn: regesta.Client):
    heard: list[event_pb.Event] = []
    enough = Event()

    def listen() -> None:
        with regesta.Client(server.address, namespace=churn.namespace) as listener:
            for event in listener.watch(after=churn.position):
                heard.append(event)
                if len(heard) == 3:
                    enough.set()
                    return

    after = churn.position
    thread = Thread(target=listen, daemon=True)
    thread.start()
    churn.raise_flag("churn", flag=blocking(), reason="superseded")
    churn.resolve_flag("churn", flag_id="bias")
    churn.revoke_version("churn/1", category="licence")
    assert enough.wait(20)
    thread.join(20)
    assert [
        ("FlagRaised", "models/churn", after + 1),
        ("FlagResolved", "models/churn", after + 2),
        ("VersionRevoked", "models/churn/versions/1", after + 3),
    ] == [(event.type.rsplit(".")[-1], event.stream, event.position) for event in heard]
    assert ["superseded"] == [text.text for text in heard[0].disclosures]


def test_open_flags_are_listed_page_by_page(churn: regesta.Client):
    churn.create_model("Attrition", model=model_pb.Model())
    for resource, flag, stops in (
        ("churn/3", "b", True),
        ("churn/3", "a", False),
        ("churn/1", "c", False),
        ("churn", "d", True),
        ("Attrition", "e", False),
    ):
        churn.raise_flag(
            resource, flag=flag_pb.Flag(id=flag, severity=CRITICAL, blocking=stops), reason=flag
        )
    every = [
        ("Attrition", "e"),
        ("churn", "d"),
        ("churn/1", "c"),
        ("churn/3", "b"),
        ("churn/3", "a"),
    ]

    def short(found: pb.RaisedFlag) -> tuple[str, str]:
        name = found.resource.partition("/models/")[2].replace("/versions", "")
        assert found.flag.reason == found.flag.id
        return name, found.flag.id

    assert every == [short(found) for found in churn.flags()]
    assert [("churn", "d"), ("churn/3", "b")] == [
        short(found) for found in churn.flags(blocking_only=True)
    ]
    for size in (1, 2, 4):
        pages, token = [], ""
        while True:
            page = churn.list_flags(page_size=size, page_token=token)
            assert len(page.flags) <= size
            assert churn.position == page.position
            pages += [short(found) for found in page.flags]
            token = page.next_page_token
            if not token:
                break
        assert every == pages
    churn.delete_version("churn/1")
    assert every == [short(found) for found in churn.flags()]


def test_flags_and_revocation_are_found_by_searches_of_now_and_then(churn: regesta.Client):
    before = churn.position
    churn.raise_flag("churn/1", flag=blocking())
    churn.raise_flag("churn", flag=blocking())
    churn.revoke_version("churn/2", category="licence")
    then = churn.position
    churn.resolve_flag("churn/1", flag_id="bias")
    churn.resolve_flag("churn", flag_id="bias")

    def numbers(where: str, as_of: int | None = None) -> list[int]:
        return sorted(found.version for found in churn.versions("", where, as_of=as_of))

    assert [] == numbers("flagged = true")
    assert [2] == numbers("revoked = true")
    assert ([1], [2]) == (numbers("flagged = true", then), numbers("revoked = true", then))
    assert [2, 3] == numbers("flagged = false", then)
    assert [] == numbers("flagged = true OR revoked = true", before)
    assert ["churn"] == [
        found.name.rsplit("/")[-1] for found in churn.models("flagged = true", as_of=then)
    ]
    assert [] == list(churn.models("flagged = true"))


def test_an_id_is_made_for_a_flag_without_one_and_a_repetition_gives_the_same(
    churn: regesta.Client,
):
    flag = flag_pb.Flag(severity=flag_pb.FLAG_SEVERITY_INFO)
    first = churn.raise_flag("churn/3", flag=flag, request_id="one")
    other = churn.raise_flag("churn/3", flag=flag, request_id="two")
    assert first.flag.id != other.flag.id
    assert ("4", 2) == (other.etag, len(churn.get_version("churn/3").flags))
    churn.resolve_flag("churn/3", flag_id=first.flag.id)
    assert first == churn.raise_flag("churn/3", flag=flag, request_id="one")
    assert [other.flag.id] == [found.id for found in churn.get_version("churn/3").flags]


def test_an_erased_reason_is_gone_and_the_flag_stays(churn: regesta.Client):
    answer = churn.raise_flag("churn/3", flag=blocking(), reason="rosa said so")
    churn.erase_texts(event_position=answer.position, legal_basis="GDPR Art. 17(1)(b)")
    (flag,) = churn.get_version("churn/3").flags
    assert ("bias", "") == (flag.id, flag.reason)
    (listed,) = churn.flags()
    assert "" == listed.flag.reason
    assert "VERSION_FLAGGED" == refusal(lambda: churn.resolve("churn@champion"))[0]


def test_log_tables_and_heads_agree_after_flags(
    churn: regesta.Client, server_database: LiveDatabase
):
    churn.raise_flag("churn/3", flag=blocking(), reason="one")
    churn.raise_flag("churn", flag=blocking(), reason="two")
    churn.raise_flag("churn/1", flag=blocking())
    churn.resolve_flag("churn/1", flag_id="bias", reason="three")
    churn.revoke_version("churn/2", category="licence", reason="four")
    churn.commit_heads()
    shown = [*churn.versions(), *churn.models(), *churn.flags()]
    then = list(churn.versions(as_of=churn.position))
    dsn, namespace = server_database.service_dsn, churn.namespace
    assert () == verify(dsn, namespace).findings
    rebuild(dsn, namespace, linger=0)
    assert () == verify(dsn, namespace).findings
    assert shown == [*churn.versions(), *churn.models(), *churn.flags()]
    assert then == list(churn.versions(as_of=churn.position)) == list(churn.versions())
    churn.commit_heads()
    assert () == verify(dsn, namespace).findings


def test_bad_requests_about_flags_change_nothing(refusing: Refusing):
    flag, raising = blocking(), pb.RaiseFlagRequest
    strange = flag_pb.Flag.FromString(b"\x10\x63")  # a severity that there is not
    for name, request, fields in (
        ("no severity", raising(flag=flag_pb.Flag(id="a")), ("flag.severity",)),
        ("strange severity", raising(flag=strange), ("flag.severity",)),
        ("id", raising(flag=flag_pb.Flag(id="A", severity=CRITICAL)), ("flag.id",)),
        ("long id", raising(flag=flag_pb.Flag(id="a" * 64, severity=CRITICAL)), ("flag.id",)),
        ("etag", raising(flag=flag, etag="x"), ("etag",)),
        ("reason", raising(flag=flag, reason="a\0"), ("reason",)),
    ):
        request.name, request.request_id = refusing.version, name.replace(" ", "-")
        refusing.invalid("RaiseFlag", request, *fields)
    for name in (refusing.parent, f"{refusing.model}/aliases/champion", "churn"):
        request = raising(name=name, flag=flag, request_id="name")
        refusing.call("RaiseFlag", request)
    resolving = pb.ResolveFlagRequest(name=refusing.version, flag_id="-", request_id="id")
    refusing.invalid("ResolveFlag", resolving, "flag_id")
    for category in ("", " ", "two\nlines", "x" * 101):
        revoking = pb.RevokeVersionRequest(
            name=refusing.version, category=category, request_id="category"
        )
        refusing.invalid("RevokeVersion", revoking, "category")
    revoking = pb.RevokeVersionRequest(name=refusing.model, category="licence", request_id="m")
    refusing.invalid("RevokeVersion", revoking, "name")
    listing = pb.ListFlagsRequest(parent=refusing.parent, page_token="x")
    refusing.refused("ListFlags", listing, "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")


def test_refusals_about_flags_have_their_codes(refusing: Refusing):
    missing = pb.ResolveFlagRequest(name=refusing.version, flag_id="drift", request_id="1")
    refusing.refused("ResolveFlag", missing, "NOT_FOUND", "FLAG_NOT_FOUND")
    refusing.client.raise_flag("churn/1", flag=blocking("drift"))
    other = pb.RaiseFlagRequest(
        name=refusing.version,
        flag=flag_pb.Flag(id="drift", severity=CRITICAL),
        request_id="2",
    )
    refusing.refused("RaiseFlag", other, "ALREADY_EXISTS", "FLAG_EXISTS")
    stale = pb.RaiseFlagRequest(
        name=refusing.version, flag=blocking("more"), etag="1", request_id="3"
    )
    refusing.refused("RaiseFlag", stale, "ABORTED", "REVISION_MISMATCH")
    for number in range(49):
        refusing.client.raise_flag("churn/1", flag=blocking(f"flag-{number}"))
    full = pb.RaiseFlagRequest(name=refusing.version, flag=blocking("more"), request_id="4")
    refusing.refused("RaiseFlag", full, "FAILED_PRECONDITION", "TOO_MANY_FLAGS")
    refusing.client.revoke_version("churn/1", category="licence")
    again = pb.RevokeVersionRequest(name=refusing.version, category="other", request_id="5")
    refusing.refused("RevokeVersion", again, "FAILED_PRECONDITION", "VERSION_REVOKED")
    refusing.check_sound()
