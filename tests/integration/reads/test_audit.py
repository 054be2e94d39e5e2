from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from regesta.merkle import root_of
from regesta.sealed import opens
from regesta.v1 import audit_service_pb2 as pb
from regesta.v1 import event_pb2 as event_pb
from regesta.v1 import reading_pb2 as reading_pb
from regesta_projections.events import (
    AliasSet,
    ModelCreated,
    ModelRenamed,
    ModelUpdated,
    TagsSet,
)
from regesta_projections.records import Cause
from regesta_service.api.errors import CallError
from regesta_service.api.reads.audit import AuditReads
from regesta_service.domain import rejections as r
from regesta_service.reads import events
from tests.support.log_builder import START, STEP
from tests.support.reading import make_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from regesta_service.reads.read_model import ReadModel
    from tests.databases import LiveDatabase
    from tests.support.live_log import LiveLog

PARENT = "namespaces/acme"
CHURN = f"{PARENT}/models/churn"


async def read_events(reads: ReadModel, **fields: Any) -> pb.ReadEventsResponse:
    request = pb.ReadEventsRequest(**({"parent": PARENT} | fields))
    return pb.ReadEventsResponse.FromString(
        await AuditReads(reads).read_events(request, make_call())
    )


async def history(reads: ReadModel, name: str = CHURN, **fields: Any) -> pb.GetHistoryResponse:
    request = pb.GetHistoryRequest(name=name, **fields)
    return pb.GetHistoryResponse.FromString(
        await AuditReads(reads).get_history(request, make_call())
    )


async def stream(reads: ReadModel, **fields: Any) -> AsyncIterator[pb.StreamEventsResponse]:
    request = pb.StreamEventsRequest(**({"parent": PARENT} | fields))
    async for answer in AuditReads(reads).stream_events(request, make_call()):
        yield pb.StreamEventsResponse.FromString(answer)


def positions(answer: Any) -> list[int]:
    return [event.position for event in answer.events]


async def test_an_event_is_given_with_its_exact_bytes_and_its_texts(
    reads: ReadModel, churn: LiveLog
):
    why, sealed = churn.builder.seal("A better sample")
    cause = Cause("bob", "user", "r-1", occurred_at=START)
    position = churn.append(
        "models/churn/versions/1",
        TagsSet(tags={"a": "1"}, reason=why),
        ("reason", sealed),
        cause=cause,
    )

    (event,) = (await read_events(reads, after_position=position - 1)).events

    assert churn.builder.records[-1] == event.record
    assert (
        position,
        "io.regesta.events.v1.TagsSet",
        "models/churn/versions/1",
        2,
        "bob",
        "r-1",
    ) == (event.position, event.type, event.stream, event.revision, event.actor, event.request_id)
    assert START == event.occurred_time.ToDatetime(START.tzinfo)
    assert START + (position - 1) * STEP == event.record_time.ToDatetime(START.tzinfo)
    assert [
        event_pb.Disclosure(
            field="reason", text="A better sample", salt=sealed.salt, digest=sealed.digest
        )
    ] == list(event.disclosures)


async def test_pages_of_events_together_are_the_log(reads: ReadModel, churn: LiveLog):
    token, found = "", []
    while True:
        page = await read_events(reads, page_size=4, page_token=token)
        found += positions(page)
        assert page.position == found[-1]
        token = page.next_page_token
        if not token:
            break

    assert list(range(1, churn.size + 1)) == found


FILTERS: list[tuple[dict[str, list[str]], list[int]]] = [
    ({"types": ["AliasSet"]}, [8]),
    ({"types": ["io.regesta.events.v1.AliasSet", "ModelCreated"]}, [2, 8, 10]),
    ({"resources": ["models/churn/versions/2"]}, [4, 6, 7]),
    ({"resources": ["models/churn"]}, [2, 3, 4, 5, 6, 7, 8, 9]),
    ({"resources": ["models/ATTRITION"]}, [2, 3, 4, 5, 6, 7, 8, 9]),
    ({"resources": [f"{CHURN}/aliases/champion", "namespace"]}, [1, 8]),
    ({"resources": ["models/churn"], "types": ["ModelCreated"]}, [2]),
    ({"resources": ["models/yet-to-come"]}, []),
    ({"actors": ["bob"]}, [10]),
]


@pytest.fixture
def filtered(churn: LiveLog) -> LiveLog:
    churn.append("models/churn", ModelRenamed(from_name="churn", to_name="attrition"))
    churn.append(
        "models/churn2", ModelCreated(name="churn2", kind="MODEL"), cause=Cause("bob", "user", "r")
    )
    return churn


@pytest.mark.parametrize(("fields", "expected"), FILTERS)
async def test_events_are_filtered_by_type_resource_and_actor(
    reads: ReadModel, filtered: LiveLog, fields: dict[str, list[str]], expected: list[int]
):
    event_filter = event_pb.EventFilter(**fields)

    page = await read_events(reads, filter=event_filter)
    streamed = [answer async for answer in stream(reads, filter=event_filter)]

    assert (expected, filtered.size) == (positions(page), page.position)
    assert expected == [position for answer in streamed for position in positions(answer)]


@pytest.mark.parametrize(
    "fields",
    [
        {"types": ["AliasMoved"]},
        {"types": ["AliasSet"] * 101},
        {"resources": ["churn"]},
        {"resources": ["namespaces/other/models/churn"]},
        {"actors": [""]},
    ],
)
async def test_a_filter_that_cannot_be_meant_is_refused(
    reads: ReadModel, churn: LiveLog, fields: dict[str, list[str]]
):
    with pytest.raises(r.InvalidRequest):
        await read_events(reads, filter=event_pb.EventFilter(**fields))


async def test_a_search_through_a_long_log_stops_now_and_then(
    reads: ReadModel, filtered: LiveLog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(events, "WINDOW", 3)
    event_filter = event_pb.EventFilter(types=["AliasSet"])

    token, found = "", []
    while True:
        page = await read_events(reads, filter=event_filter, page_token=token)
        found.append(positions(page))
        token = page.next_page_token
        if not token:
            break

    assert [[], [], [8], []] == found
    streamed = [answer async for answer in stream(reads, filter=event_filter)]
    assert [3, 6, 9, 10] == [answer.position for answer in streamed]


async def test_a_stream_of_events_is_the_log_in_pieces(reads: ReadModel, churn: LiveLog):
    for number in range(1_200):
        churn.later("models/churn", TagsSet(tags={"n": str(number)}))
    churn.commit()

    answers = [answer async for answer in stream(reads, after_position=5)]
    some = [answer async for answer in stream(reads, after_position=5, until_position=7)]

    assert list(range(6, churn.size + 1)) == [p for answer in answers for p in positions(answer)]
    assert all(len(answer.events) <= 500 for answer in answers)
    assert churn.size == answers[-1].position
    assert [6, 7] == [p for answer in some for p in positions(answer)]


async def test_a_stream_of_long_events_is_cut_by_bytes(reads: ReadModel, churn: LiveLog):
    for _ in range(5):
        free, sealed = churn.builder.seal("x" * 400_000)
        churn.later("models/churn", ModelUpdated(card=free), ("card", sealed))
    churn.commit()

    answers = [answer async for answer in stream(reads, after_position=churn.size - 5)]

    assert [2, 2, 1] == [len(answer.events) for answer in answers]
    assert all(len(event.disclosures) == 1 for answer in answers for event in answer.events)


async def test_a_stream_ends_when_its_permission_does_or_the_server_drains(
    reads: ReadModel, churn: LiveLog
):
    request = pb.StreamEventsRequest(parent=PARENT)
    with pytest.raises(CallError):
        async for _ in AuditReads(reads).stream_events(request, make_call(allowed=lambda: False)):
            pass
    draining = asyncio.Event()
    draining.set()
    with pytest.raises(r.Draining):
        async for _ in AuditReads(reads).stream_events(request, make_call(draining=draining)):
            pass


@pytest.mark.parametrize(
    "fields",
    [{"after_position": 99}, {"until_position": 99}, {"after_position": 99, "until_position": 3}],
)
async def test_a_stream_beyond_the_end_is_refused(
    reads: ReadModel, churn: LiveLog, fields: dict[str, int]
):
    with pytest.raises(r.MomentOutOfRange):
        async for _ in stream(reads, **fields):
            pass


async def test_a_history_is_newest_first_and_goes_by_any_name(reads: ReadModel, filtered: LiveLog):
    assert [9, 2] == positions(await history(reads))
    assert [9, 2] == positions(await history(reads, f"{PARENT}/models/attrition"))
    assert [7, 6, 4] == positions(await history(reads, f"{CHURN}/versions/2"))
    assert [8] == positions(await history(reads, f"{CHURN}/aliases/champion"))
    answer = await history(reads, include_children=True)
    assert (list(range(9, 1, -1)), filtered.size) == (positions(answer), answer.position)


async def test_a_history_is_paged_and_can_end_at_a_moment(reads: ReadModel, filtered: LiveLog):
    as_of = reading_pb.Moment(position=7)
    fields: dict[str, Any] = {"include_children": True, "page_size": 3}
    token, found = "", []
    while True:
        page = await history(reads, as_of=as_of, page_token=token, **fields)
        found.append(positions(page))
        assert 7 == page.position
        token = page.next_page_token
        if not token:
            break

    assert [[7, 6, 5], [4, 3, 2]] == found


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        (f"{PARENT}/models/fraud", r.ModelNotFound),
        (f"{CHURN}/versions/9", r.VersionNotFound),
        (f"{CHURN}/aliases/blue", r.AliasNotFound),
        (PARENT, r.InvalidRequest),
        ("churn", r.InvalidRequest),
    ],
)
async def test_the_history_of_what_does_not_exist_is_refused(
    reads: ReadModel, churn: LiveLog, name: str, refusal: type[r.Rejection]
):
    with pytest.raises(refusal):
        await history(reads, name)


async def test_texts_are_given_as_far_as_they_were_not_erased(
    reads: ReadModel, churn: LiveLog, database: LiveDatabase
):
    free, sealed = churn.builder.seal("Alice trained it")
    why, sealed_why = churn.builder.seal("Better words")
    churn.append(
        "models/churn",
        ModelUpdated(description=free, reason=why),
        ("description", sealed),
        ("reason", sealed_why),
    )
    (event, *_) = (await history(reads)).events
    assert ["description", "reason"] == [disclosure.field for disclosure in event.disclosures]
    first = event.disclosures[0]
    assert opens(first.digest, first.salt, first.text)

    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute("DELETE FROM regesta.disclosures WHERE field = 'description'")

    (event, *_) = (await history(reads)).events
    assert ["reason"] == [disclosure.field for disclosure in event.disclosures]
    assert sealed.digest.encode() in event.record


async def test_the_head_is_the_root_over_all_records(reads: ReadModel, churn: LiveLog):
    churn.append("models/churn/aliases/blue", AliasSet(version=1))

    head = await AuditReads(reads).get_head(pb.GetHeadRequest(parent=PARENT), make_call())

    assert (churn.size, root_of(churn.builder.hashes)) == (head.position, head.root_hash)
