from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from google.protobuf.duration_pb2 import Duration

from regesta.v1 import event_pb2 as event_pb
from regesta.v1 import watch_service_pb2 as pb
from regesta_projections.events import ModelCreated, ModelRenamed, ModelUpdated, TagsSet
from regesta_projections.records import Cause
from regesta_service.api.reads.watch import WatchStreams
from regesta_service.domain import rejections as r
from regesta_service.domain.rejections import PermissionLost, SubscriberTooSlow
from regesta_service.reads import disclosures
from regesta_service.watch import hubs, subscriptions
from regesta_service.watch.subscriptions import Subscriptions
from tests.support.live_log import stored
from tests.support.reading import make_call

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from regesta_service.api.calls import Call
    from regesta_service.reads.read_model import ReadModel
    from tests.databases import LiveDatabase
    from tests.support.live_log import LiveLog

PARENT = "namespaces/acme"


class Server:
    """Serves subscriptions of one process."""

    def __init__(self, reads: ReadModel, **options: Any) -> None:
        subscriptions = Subscriptions(reads.tails, reads.lookups, reads.pool, **options)
        self._streams = WatchStreams(reads, subscriptions)

    async def subscribe(
        self, call: Call | None = None, **fields: Any
    ) -> AsyncGenerator[pb.SubscribeResponse, None]:
        request = pb.SubscribeRequest(**({"parent": PARENT} | fields))
        async with aclosing(self._streams.subscribe(request, call or make_call())) as messages:
            async for message in messages:
                yield pb.SubscribeResponse.FromString(message)


class Subscriber:
    """Takes messages as they come, in the background."""

    def __init__(self, messages: AsyncGenerator[pb.SubscribeResponse]) -> None:
        self.messages: list[pb.SubscribeResponse] = []
        self.error: Exception | None = None
        self._source = messages
        self._more = asyncio.Condition()
        self.task = asyncio.create_task(self._take())

    @property
    def positions(self) -> list[int]:
        return [message.event.position for message in self.messages if message.HasField("event")]

    @property
    def heartbeats(self) -> list[int]:
        return [m.heartbeat.position for m in self.messages if m.HasField("heartbeat")]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(20), self._more:
            await self._more.wait_for(lambda: condition(self) or self.task.done())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])

    async def _take(self) -> None:
        try:
            async for message in self._source:
                async with self._more:
                    self.messages.append(message)
                    self._more.notify_all()
        except Exception as error:  # noqa: BLE001 - whatever ends a stream
            self.error = error
        finally:
            async with self._more:
                self._more.notify_all()


def tag(log: LiveLog, number: int) -> int:
    return log.later("models/churn", TagsSet(tags={"n": str(number)}))


async def test_the_first_answer_comes_at_once_and_says_where_the_stream_begins(
    reads: ReadModel, churn: LiveLog
):
    async with aclosing(Server(reads).subscribe()) as messages:
        first = await anext(messages)

    assert pb.SubscribeResponse(heartbeat=pb.Heartbeat(position=churn.size)) == first


async def test_a_subscriber_gets_the_past_and_then_what_is_appended(
    reads: ReadModel, churn: LiveLog
):
    subscriber = Subscriber(Server(reads).subscribe(after_position=3))
    await subscriber.until(lambda s: len(s.positions) == churn.size - 3)
    for number in range(5):
        tag(churn, number)
        churn.commit(notify=number % 2 == 0)
    await subscriber.until(lambda s: churn.size in s.positions)
    await subscriber.stop()

    assert list(range(4, churn.size + 1)) == subscriber.positions
    assert churn.builder.records[3:] == [m.event.record for m in subscriber.messages[1:]]


async def test_without_a_position_a_subscriber_gets_only_what_is_new(
    reads: ReadModel, churn: LiveLog
):
    # The tail has seen nothing of this yet.
    await reads.tails.tail("acme")
    tag(churn, 1)
    churn.commit(notify=False)
    subscriber = Subscriber(Server(reads).subscribe())
    await subscriber.until(lambda s: s.messages)
    position = tag(churn, 2)
    churn.commit()
    await subscriber.until(lambda s: s.positions)
    await subscriber.stop()

    assert [position] == subscriber.positions


async def test_there_is_no_gap_and_no_repeat_while_the_past_is_read(
    reads: ReadModel, churn: LiveLog, monkeypatch: pytest.MonkeyPatch
):
    """Subscribers join at any time while events are appended in both ways."""
    monkeypatch.setattr(subscriptions, "CHUNK", 7)
    server = Server(reads)
    subscribers: list[Subscriber] = []
    for number in range(150):
        first = churn.size + 1
        for _ in range(number % 4 + 1):
            tag(churn, number)
        await asyncio.to_thread(churn.commit, notify=number % 3 == 0)
        if number % 2:
            reads.tails.offer("acme", stored(churn, first))
        if number % 10 == 0:
            subscribers.append(Subscriber(server.subscribe(after_position=number)))
        await asyncio.sleep(0)
    for subscriber in subscribers:
        await subscriber.until(lambda s: churn.size in s.positions)
        await subscriber.stop()

    for place, subscriber in enumerate(subscribers):
        assert list(range(place * 10 + 1, churn.size + 1)) == subscriber.positions


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"types": ["ModelCreated"]}, [2, 11]),
        ({"types": ["io.regesta.events.v1.ModelRenamed"]}, [9]),
        ({"resources": ["models/attrition"]}, [2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ({"resources": ["models/fraud"]}, [11]),
        ({"actors": ["bob"], "types": ["ModelCreated"]}, [11]),
        ({"resources": ["models/churn/versions/2", "models/fraud"]}, [4, 6, 7, 11]),
    ],
)
async def test_past_and_present_are_filtered_alike(
    reads: ReadModel, churn: LiveLog, fields: dict[str, list[str]], expected: list[int]
):
    churn.append("models/churn", ModelRenamed(from_name="churn", to_name="attrition"))
    event_filter = event_pb.EventFilter(**fields)
    server = Server(reads)
    early = Subscriber(server.subscribe(after_position=churn.size, filter=event_filter))
    await early.until(lambda s: s.messages)
    churn.append("models/churn", TagsSet(tags={"a": "1"}))
    churn.append(
        "models/fraud", ModelCreated(name="fraud", kind="MODEL"), cause=Cause("bob", "user", "r")
    )
    late = Subscriber(server.subscribe(after_position=0, filter=event_filter))
    await late.until(lambda s: s.positions == expected)
    new = [position for position in expected if position > 9]
    await early.until(lambda s: s.positions == new)
    await early.stop()
    await late.stop()

    assert (expected, new) == (late.positions, early.positions)


async def test_heartbeats_come_while_nothing_matches_and_say_how_far_the_stream_is(
    reads: ReadModel, churn: LiveLog
):
    subscriber = Subscriber(
        Server(reads).subscribe(
            filter=event_pb.EventFilter(types=["ModelDeleted"]),
            heartbeat_interval=Duration(seconds=1),
        )
    )
    await subscriber.until(lambda s: s.messages)
    begin = churn.size
    tag(churn, 1)
    churn.commit()
    await subscriber.until(lambda s: len(s.heartbeats) == 3)
    await subscriber.stop()

    assert [begin, churn.size, churn.size] == subscriber.heartbeats
    assert [] == subscriber.positions


async def test_texts_come_with_live_events_and_with_past_ones(reads: ReadModel, churn: LiveLog):
    server = Server(reads)
    live = [Subscriber(server.subscribe()) for _ in range(3)]
    for subscriber in live:
        await subscriber.until(lambda s: s.messages)
    for words in ("one", "two"):
        free, sealed = churn.builder.seal(words)
        churn.later("models/churn", ModelUpdated(description=free), ("description", sealed))
        tag(churn, 1)
    churn.commit()
    past = Subscriber(server.subscribe(after_position=churn.size - 4))

    for subscriber in (*live, past):
        await subscriber.until(lambda s: len(s.positions) == 4)
        await subscriber.stop()
        assert [["one"], [], ["two"], []] == [
            [disclosure.text for disclosure in message.event.disclosures]
            for message in subscriber.messages[1:]
        ]


async def test_an_event_is_serialized_once_for_all_its_subscribers(
    reads: ReadModel, churn: LiveLog, monkeypatch: pytest.MonkeyPatch
):
    serialized: list[int] = []
    serialize = disclosures.event_bytes

    def counting(event: Any, texts: Any = ()) -> bytes:
        serialized.append(event.position)
        return serialize(event, texts)

    monkeypatch.setattr(hubs, "event_bytes", counting)
    server = Server(reads)
    many = [Subscriber(server.subscribe()) for _ in range(20)]
    for subscriber in many:
        await subscriber.until(lambda s: s.messages)
    position = tag(churn, 1)
    churn.commit()
    for subscriber in many:
        await subscriber.until(lambda s: s.positions)
        await subscriber.stop()

    assert [position] == serialized


async def test_a_slow_subscriber_is_closed_and_can_resume_without_loss(
    reads: ReadModel, churn: LiveLog
):
    server = Server(reads, max_events=10)
    async with aclosing(server.subscribe()) as slow:
        await anext(slow)
        quick = Subscriber(server.subscribe())
        await quick.until(lambda s: s.messages)
        first = tag(churn, 0)
        churn.commit()
        # It takes one event and then does something else for a while.
        assert first == (await anext(slow)).event.position
        for number in range(30):
            tag(churn, number)
            churn.commit()
            await quick.until(lambda s: churn.size in s.positions)

        closing = (await anext(slow)).closing
        with pytest.raises(SubscriberTooSlow):
            await anext(slow)
    assert (first, "TOO_SLOW") == (closing.position, closing.reason)
    resumed = Subscriber(server.subscribe(after_position=closing.position))
    await resumed.until(lambda s: churn.size in s.positions)
    await resumed.stop()
    await quick.stop()

    assert list(range(first, churn.size + 1)) == quick.positions
    assert list(range(first + 1, churn.size + 1)) == resumed.positions


async def test_many_bytes_close_a_slow_subscriber_too(reads: ReadModel, churn: LiveLog):
    server = Server(reads, max_bytes=100_000)
    async with aclosing(server.subscribe()) as slow:
        await anext(slow)
        waiting = asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0.05)
        quick = Subscriber(server.subscribe())
        await quick.until(lambda s: s.messages)
        for _ in range(5):
            free, sealed = churn.builder.seal("x" * 90_000)
            churn.append("models/churn", ModelUpdated(card=free), ("card", sealed))
            await quick.until(lambda s: churn.size in s.positions)
        await waiting
        assert "TOO_SLOW" == (await anext(slow)).closing.reason
    await quick.stop()


async def test_a_draining_server_says_where_to_go_on(reads: ReadModel, churn: LiveLog):
    draining = asyncio.Event()
    subscriber = Subscriber(Server(reads).subscribe(make_call(draining=draining)))
    await subscriber.until(lambda s: s.messages)
    tag(churn, 1)
    churn.commit()
    await subscriber.until(lambda s: s.positions)

    draining.set()
    await subscriber.until(lambda s: s.error)

    closing = subscriber.messages[-1].closing
    assert (churn.size, "DRAINING") == (closing.position, closing.reason)
    assert isinstance(subscriber.error, r.Draining)


async def test_a_lost_permission_ends_a_stream_before_the_next_event(
    reads: ReadModel, churn: LiveLog
):
    allowed = True
    subscriber = Subscriber(Server(reads).subscribe(make_call(allowed=lambda: allowed)))
    await subscriber.until(lambda s: s.messages)

    allowed = False
    tag(churn, 1)
    churn.commit()
    await subscriber.until(lambda s: s.error)

    assert [] == subscriber.positions
    assert "PERMISSION_LOST" == subscriber.messages[-1].closing.reason
    assert isinstance(subscriber.error, PermissionLost)


async def test_a_lost_permission_is_noticed_without_events(
    reads: ReadModel, churn: LiveLog, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(subscriptions, "RECHECK", 0.05)
    allowed = True
    subscriber = Subscriber(Server(reads).subscribe(make_call(allowed=lambda: allowed)))
    await subscriber.until(lambda s: s.messages)

    allowed = False
    await subscriber.until(lambda s: s.error)

    assert isinstance(subscriber.error, PermissionLost)


async def test_a_restarted_database_loses_and_repeats_nothing(
    reads: ReadModel, churn: LiveLog, database: LiveDatabase
):
    start = churn.size
    subscriber = Subscriber(Server(reads).subscribe())
    await subscriber.until(lambda s: s.messages)
    with psycopg.connect(database.superuser_dsn, autocommit=True) as admin:
        for number in range(6):
            free, sealed = churn.builder.seal(str(number))
            churn.append("models/churn", ModelUpdated(description=free), ("description", sealed))
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> %s AND pid <> pg_backend_pid()",
                [database.name, churn._connection.info.backend_pid],
            )
            await asyncio.sleep(0.03)
    await subscriber.until(lambda s: churn.size in s.positions)
    await subscriber.stop()

    assert list(range(start + 1, churn.size + 1)) == subscriber.positions
    assert [str(number) for number in range(6)] == [
        message.event.disclosures[0].text
        for message in subscriber.messages
        if message.HasField("event")
    ]


async def test_a_log_that_was_set_back_ends_its_streams(
    reads: ReadModel, churn: LiveLog, database: LiveDatabase
):
    subscriber = Subscriber(Server(reads).subscribe())
    await subscriber.until(lambda s: s.messages)
    with psycopg.connect(database.service_dsn, autocommit=True) as connection:
        connection.execute("UPDATE regesta.logs SET size = 1, frontier = substr(frontier, 1, 32)")

    await subscriber.until(lambda s: s.error)

    assert isinstance(subscriber.error, r.DatabaseUnavailable)


async def test_nothing_is_kept_for_a_subscriber_that_left(reads: ReadModel, churn: LiveLog):
    server = Server(reads)
    subscribers = [Subscriber(server.subscribe()) for _ in range(3)]
    for subscriber in subscribers:
        await subscriber.until(lambda s: s.messages)
    tail = await reads.tails.tail("acme")
    assert 3 == tail.subscribers

    for subscriber in subscribers:
        await subscriber.stop()

    assert (0, False) == (tail.subscribers, tail.watched)
    assert {} == server._streams._subscriptions._hubs


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"after_position": 1_000}, r.MomentOutOfRange),
        ({"after_position": -1}, r.InvalidRequest),
        ({"heartbeat_interval": Duration(seconds=301)}, r.InvalidRequest),
        ({"heartbeat_interval": Duration(nanos=1)}, r.InvalidRequest),
        ({"parent": "models/churn"}, r.InvalidRequest),
        ({"parent": "namespaces/other"}, r.NamespaceNotFound),
        ({"filter": event_pb.EventFilter(types=["Nothing"])}, r.InvalidRequest),
    ],
)
async def test_what_cannot_be_subscribed_to_is_refused(
    reads: ReadModel, churn: LiveLog, fields: dict[str, Any], refusal: type[r.Rejection]
):
    with pytest.raises(refusal):
        await anext(Server(reads).subscribe(**fields))
