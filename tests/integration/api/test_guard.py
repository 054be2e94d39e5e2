"""What the guard does with every call, over a real channel."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import grpc
import psycopg
import pytest
from google.rpc import error_details_pb2, status_pb2

from regesta.v1 import watch_service_pb2 as pb
from regesta_service.access.permissions import Permission
from regesta_service.access.tokens import StaticTokens, TokenGrant, digest_of, new_token
from regesta_service.api import guard as guards
from regesta_service.api.errors import DETAILS_KEY
from regesta_service.api.methods import IncompleteApi, methods_of
from regesta_service.domain.rejections import MomentOutOfRange, RevisionMismatch
from regesta_service.serving import Serving

PATH = "/regesta.v1.WatchService/Subscribe"
READER, STRANGER = new_token(), new_token()
PARENT = "namespaces/default"


class Ends:
    """Keeps how calls ended."""

    def __init__(self):
        self.ends = []
        self.failures = []

    def finished(self, end):
        self.ends.append(end)

    def failed(self, method, reference, error):
        self.failures.append((method, reference, error))


class Watch:
    """Answers with its next result, or raises it."""

    def __init__(self):
        self.result: Any = pb.SubscribeResponse(heartbeat=pb.Heartbeat(position=7))
        self.calls = []

    async def subscribe(self, request, call):  # noqa: ARG002
        self.calls.append(call)
        if isinstance(self.result, Exception):
            raise self.result
        yield self.result


class Served:
    def __init__(self, channel, watch, log, guard):
        self.channel, self.watch, self.log, self.guard = channel, watch, log, guard

    async def call(self, body=None, token=READER, metadata=(), timeout=10):
        method = self.channel.unary_stream(PATH)
        sent = pb.SubscribeRequest(parent=PARENT).SerializeToString() if body is None else body
        headers = [("authorization", f"Bearer {token}")] if token else []
        answers = method(sent, timeout=timeout, metadata=(*headers, *metadata))
        return [pb.SubscribeResponse.FromString(answer) async for answer in answers]

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


@asynccontextmanager
async def serving(**options):
    watch, log = Watch(), Ends()
    tokens = StaticTokens(
        [
            TokenGrant("reader", digest_of(READER), "reader", ("default",)),
            TokenGrant("stranger", digest_of(STRANGER), "admin", ("elsewhere",)),
        ]
    )
    guard = guards.Guard(methods_of([pb.DESCRIPTOR], [watch]), tokens, log, **options)
    server = Serving(guard, ["regesta.v1.WatchService"], None, share_port=False)
    address = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(address) as channel:
        yield Served(channel, watch, log, guard)
    await server.stop(notice=0, grace=1)


async def test_an_honest_call_is_answered_and_logged_with_its_principal():
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
async def test_a_call_without_one_good_token_is_unauthenticated(headers):
    async with serving() as served:
        refusal = await served.refused(token=None, metadata=headers)

    assert refusal.code is grpc.StatusCode.UNAUTHENTICATED
    assert refusal.info.reason == "UNAUTHENTICATED"
    assert refusal.info.domain == "regesta"
    assert READER not in refusal.message
    assert served.watch.calls == []


async def test_a_token_for_another_namespace_is_denied_whether_or_not_the_namespace_exists():
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
async def test_bytes_that_cannot_be_parsed_are_an_invalid_argument(body):
    async with serving() as served:
        refusal = await served.refused(body=body)

    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.info.reason == "REQUEST_UNPARSABLE"
    assert "class" not in refusal.message


async def test_a_request_without_namespace_names_the_field():
    async with serving() as served:
        refusal = await served.refused(body=b"")

    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in refusal.bad.field_violations] == ["parent"]


async def test_credentials_are_judged_before_the_body_and_a_stalled_body_ends_the_call():
    async def endless():
        await asyncio.sleep(60)
        yield b""

    async with serving() as served:
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


async def test_a_rejection_becomes_its_code_reason_and_details():
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


async def test_a_failure_of_ours_is_logged_and_tells_the_caller_only_a_reference():
    async with serving() as served:
        served.watch.result = ValueError("secret detail: SELECT 1")
        refusal = await served.refused()

    assert refusal.code is grpc.StatusCode.INTERNAL
    ((_, reference, error),) = served.log.failures
    assert refusal.info.metadata["reference"] == reference
    assert "SELECT" not in refusal.message
    assert isinstance(error, ValueError)


async def test_a_database_that_is_gone_is_unavailable():
    async with serving() as served:
        served.watch.result = psycopg.OperationalError("connection to server at /secret failed")
        refusal = await served.refused()

    assert refusal.code is grpc.StatusCode.UNAVAILABLE
    assert refusal.info.reason == "DATABASE_UNAVAILABLE"
    assert "secret" not in refusal.message


async def test_a_draining_server_says_so():
    async with serving() as served:
        served.guard.draining.set()
        refusal = await served.refused()

    assert refusal.code is grpc.StatusCode.UNAVAILABLE
    assert refusal.info.reason == "DRAINING"


async def test_a_request_beyond_the_size_limit_is_refused_and_the_next_is_served():
    async with serving() as served:
        huge = pb.SubscribeRequest(parent="x" * (10 * 1024 * 1024)).SerializeToString()
        refusal = await served.refused(body=huge)
        answers = await served.call()

    assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(answers) == 1


async def test_an_unknown_method_is_unimplemented():
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
