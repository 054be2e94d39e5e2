"""What the guard does with every call, over a real channel, on each engine."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc
import psycopg
import pytest
from google.rpc import error_details_pb2, status_pb2

from regesta.v1 import watch_service_pb2 as pb
from regesta_service import engines
from regesta_service.access.permissions import Permission
from regesta_service.access.tokens import StaticTokens, TokenGrant, digest_of, new_token
from regesta_service.api import guard as guards
from regesta_service.api.errors import DETAILS_KEY
from regesta_service.api.methods import IncompleteApi, methods_of
from regesta_service.domain.rejections import GrantExceedsOwn, MomentOutOfRange, RevisionMismatch
from regesta_service.serving import Serving
from tests.support.engines import ENGINES

PATH = "/regesta.v1.WatchService/Subscribe"
READER, STRANGER = new_token(), new_token()
PARENT = "namespaces/default"


class Ends:
    """Keeps how calls ended."""

    def __init__(self):
        self.ends = []
        self.failures = []
        self.some = asyncio.Event()

    def finished(self, end):
        self.ends.append(end)
        self.some.set()

    def failed(self, method, reference, error):
        self.failures.append((method, reference, error))


class Refused:
    """Keeps which calls were refused."""

    def __init__(self):
        self.ends = []

    def refused(self, end):
        self.ends.append(end)


class Watch:
    """Answers with its next result, or raises it."""

    def __init__(self):
        self.result: Any = pb.SubscribeResponse(heartbeat=pb.Heartbeat(position=7))
        self.calls = []
        #: How often it answers in a stream.
        self.times = 1

    async def subscribe(self, request, call):  # noqa: ARG002
        self.calls.append(call)
        if isinstance(self.result, Exception):
            raise self.result
        for _ in range(self.times):
            yield self.result


class Served:
    def __init__(self, channel, watch, log, guard, server):
        self.channel, self.watch, self.log, self.guard = channel, watch, log, guard
        self.server = server

    def begin(self, body=None, token=READER, metadata=(), timeout=10):
        method = self.channel.unary_stream(PATH)
        sent = pb.SubscribeRequest(parent=PARENT).SerializeToString() if body is None else body
        headers = [("authorization", f"Bearer {token}")] if token else []
        return method(sent, timeout=timeout, metadata=(*headers, *metadata))

    async def call(self, **how):
        return [pb.SubscribeResponse.FromString(answer) async for answer in self.begin(**how)]

    async def refused(self, **how):
        with pytest.raises(grpc.RpcError) as caught:
            await self.call(**how)
        return Refusal(caught.value)


class Refusal:
    def __init__(self, error):
        self.code, self.message = error.code(), error.details()
        self.info, self.bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        self.retry = error_details_pb2.RetryInfo()
        for key, value in error.trailing_metadata():
            if key == DETAILS_KEY:
                for detail in status_pb2.Status.FromString(value).details:
                    for kind in (self.info, self.bad, self.retry):
                        detail.Unpack(kind)


@pytest.fixture(params=ENGINES)
def engine(request):
    """Each engine that is there to carry calls."""
    return request.param


@pytest.fixture
def serving(engine):
    """A function that serves a guard on an engine."""
    return partial(served_by, engine)


@asynccontextmanager
async def served_by(engine, **options):
    watch, log = Watch(), Ends()
    tokens = StaticTokens(
        [
            TokenGrant("reader", digest_of(READER), "reader", ("default",)),
            TokenGrant("stranger", digest_of(STRANGER), "admin", ("elsewhere",)),
        ]
    )
    guard = guards.Guard(methods_of([pb.DESCRIPTOR], [watch]), tokens, log, **options)
    carried = engines.made(engine, guard, None, share_port=False)
    server = Serving(carried, guard, ["regesta.v1.WatchService"])
    address = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(address) as channel:
        yield Served(channel, watch, log, guard, server)
    await server.stop(notice=0, grace=1)


async def test_an_honest_call_is_answered_and_logged_with_its_principal(serving):
    async with serving() as served:
        traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        answers = await served.call(metadata=[("traceparent", traceparent)])

    assert [answer.heartbeat.position for answer in answers] == [7]
    (end,) = served.log.ends
    assert (end.method, end.code, end.principal) == (PATH, "OK", "reader")
    assert end.traceparent == traceparent
    (call,) = served.watch.calls
    assert call.still_allowed()
    assert not call.may(Permission.CATALOG_DELETE, "default")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("authorization", "Basic abc")],
        [("authorization", "Bearer short")],
        [("authorization", f"Bearer {READER}x")],
        [("authorization", f"Bearer {READER}"), ("authorization", f"Bearer {READER}")],
        [("authorization", f"Bearer {READER} x")],
    ],
    ids=["none", "scheme", "short", "unknown", "two", "blank"],
)
async def test_a_call_without_one_good_token_is_unauthenticated(serving, headers):
    async with serving() as served:
        refusal = await served.refused(token=None, metadata=headers)

    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED
    assert refusal.info.reason == "UNAUTHENTICATED"
    assert refusal.info.domain == "regesta"
    assert READER not in refusal.message
    assert served.watch.calls == []


async def test_a_token_for_another_namespace_is_denied_whether_or_not_the_namespace_exists(serving):
    async with serving() as served:
        refusals = [
            await served.refused(
                token=STRANGER, body=pb.SubscribeRequest(parent=parent).SerializeToString()
            )
            for parent in (PARENT, "namespaces/nowhere")
        ]

    assert [refusal.code for refusal in refusals] == [grpc.StatusCode.PERMISSION_DENIED] * 2
    assert refusals[0].message == refusals[1].message
    assert refusals[0].info.metadata["permission"] == "watch.subscribe"


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xff\xff",
        pb.SubscribeRequest(parent="aaaa").SerializeToString()[:2] + b"\xff\xfe\xfd\xfc",
    ],
    ids=["garbage", "not_utf8"],
)
async def test_bytes_that_cannot_be_parsed_are_an_invalid_argument(serving, body):
    async with serving() as served:
        refusal = await served.refused(body=body)

    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.info.reason == "REQUEST_UNPARSABLE"
    assert "class" not in refusal.message


async def test_a_request_without_namespace_names_the_field(serving):
    async with serving() as served:
        refusal = await served.refused(body=b"")

    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in refusal.bad.field_violations] == ["parent"]


async def endless():
    """A body that does not come."""
    await asyncio.sleep(60)
    yield b""


async def test_credentials_are_judged_before_the_body_and_a_stalled_body_ends_the_call():
    async with served_by("grpcio") as served:
        method = served.channel.stream_stream(PATH)
        loop = asyncio.get_running_loop()
        codes = []
        for headers in ([], [("authorization", f"Bearer {READER}")]):
            began = loop.time()
            with pytest.raises(grpc.RpcError) as caught:
                async for _ in method(endless(), metadata=headers, timeout=20):
                    pass
            codes.append((caught.value.code(), loop.time() - began > guards.BODY_TIMEOUT / 2))

    assert codes == [
        (grpc.StatusCode.UNAUTHENTICATED, False),
        (grpc.StatusCode.DEADLINE_EXCEEDED, True),
    ]


@pytest.mark.parametrize("engine", ENGINES[1:])
async def test_the_native_engine_hands_over_whole_requests_only(engine):
    async with served_by(engine) as served:
        method = served.channel.stream_stream(PATH)
        with pytest.raises(grpc.RpcError) as caught:
            async for _ in method(endless(), timeout=0.5):
                pass
        refusal = await served.refused(token=None, body=bytes(10 * 1024 * 1024))

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED
    assert [end.code for end in served.log.ends] == ["UNAUTHENTICATED"]


async def test_a_rejection_becomes_its_code_reason_and_details(serving):
    async with serving() as served:
        served.watch.result = MomentOutOfRange("the log ends at 3", metadata={"end": "3"})
        out_of_range = await served.refused()
        served.watch.result = RevisionMismatch("it is at 4", retry_after=0.25)
        conflict = await served.refused()

    assert out_of_range.code is grpc.StatusCode.OUT_OF_RANGE
    assert out_of_range.message == "the log ends at 3"
    assert dict(out_of_range.info.metadata) == {"end": "3"}
    assert conflict.code is grpc.StatusCode.ABORTED
    assert conflict.retry.retry_delay.ToMilliseconds() == 250


async def test_a_refusal_says_where_also_when_a_command_refuses(serving):
    refused = Refused()
    async with serving(security=refused) as served:
        served.watch.result = GrantExceedsOwn("nobody grants what he may not do himself")
        await served.refused()
        await served.refused(token=STRANGER)
        await served.refused(token=new_token())
    assert [PARENT, PARENT, ""] == [end.resource for end in refused.ends]


async def test_a_failure_of_ours_is_logged_and_tells_the_caller_only_a_reference(serving):
    async with serving() as served:
        served.watch.result = ValueError("secret detail: SELECT 1")
        refusal = await served.refused()

    assert refusal.code is grpc.StatusCode.INTERNAL
    ((_, reference, error),) = served.log.failures
    assert refusal.info.metadata["reference"] == reference
    assert "SELECT" not in refusal.message
    assert isinstance(error, ValueError)


async def test_a_database_that_is_gone_is_unavailable(serving):
    async with serving() as served:
        served.watch.result = psycopg.OperationalError("connection to server at /secret failed")
        refusal = await served.refused()

    assert refusal.code is grpc.StatusCode.UNAVAILABLE
    assert refusal.info.reason == "DATABASE_UNAVAILABLE"
    assert "secret" not in refusal.message


async def test_a_draining_server_says_so(serving):
    async with serving() as served:
        served.guard.draining.set()
        refusal = await served.refused()

    assert refusal.code is grpc.StatusCode.UNAVAILABLE
    assert refusal.info.reason == "DRAINING"


async def test_a_request_beyond_the_size_limit_is_refused_and_the_next_is_served(serving):
    async with serving() as served:
        huge = pb.SubscribeRequest(parent="x" * (10 * 1024 * 1024)).SerializeToString()
        refusal = await served.refused(body=huge)
        answers = await served.call()

    assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(answers) == 1


async def test_readers_that_are_slow_keep_nobody_waiting_and_miss_nothing(serving):
    async with serving() as served:
        served.watch.times = 3_000
        # More of them than the loop has threads.
        slow = [aiter(served.begin(timeout=60)) for _ in range(40)]
        for stream in slow:
            await anext(stream)
        served.watch.times = 1
        async with asyncio.timeout(5):
            prompt = await served.call()
        rest = [answer async for answer in slow[0]]

    assert len(prompt) == 1
    assert len(rest) == 2_999


async def test_a_caller_that_leaves_ends_its_call(serving):
    async with serving() as served:
        served.watch.times = 10**9
        stream = served.begin()
        await stream.read()
        stream.cancel()
        async with asyncio.timeout(5):
            await served.log.some.wait()

    assert [end.code for end in served.log.ends] == ["CANCELLED"]


async def test_a_stream_ends_at_its_caller_s_deadline(serving):
    async with serving() as served:
        served.watch.times = 10**9
        stream = served.begin(timeout=0.5)
        await stream.read()
        await asyncio.sleep(0.6)
        async with asyncio.timeout(5):
            await served.log.some.wait()
            code = await stream.code()

    assert code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_stop_is_over_with_its_grace_whatever_is_open(serving):
    loop = asyncio.get_running_loop()
    async with serving() as served:
        served.watch.times = 10**9
        stream = served.begin(timeout=60)
        await stream.read()
        began = loop.time()
        await served.server.stop(notice=0, grace=0.5)
        stopped = loop.time()

    assert 0.4 < stopped - began < 3


async def test_an_unknown_method_is_unimplemented(serving):
    async with serving() as served:
        method = served.channel.unary_unary("/regesta.v1.WatchService/Nothing")
        with pytest.raises(grpc.RpcError) as caught:
            await method(b"")

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_method_without_a_function_stops_the_start():
    with pytest.raises(IncompleteApi, match="Subscribe"):
        methods_of([pb.DESCRIPTOR], [])


def test_a_function_that_does_not_stream_where_the_method_does_stops_the_start():
    class Wrong:
        async def subscribe(self, request, call):  # noqa: ARG002
            return b""

    with pytest.raises(IncompleteApi, match="streaming"):
        methods_of([pb.DESCRIPTOR], [Wrong()])
