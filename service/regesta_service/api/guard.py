"""The guard: every call of ours passes through here and nowhere else.

It awaits and parses the body itself, so that credentials are judged before, a body that
stalls ends its call, and bytes that cannot be parsed are INVALID_ARGUMENT: grpcio itself
would answer UNKNOWN with the name of a Python class. Order: admit, authenticate, receive,
parse, authorize, call, answer, log.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import psycopg
from google.protobuf.message import DecodeError, Message

from regesta_projections.archived import BodyArchived
from regesta_service.access.principals import Credentials, Principal, Unauthenticated
from regesta_service.api import errors
from regesta_service.api.authorizing import MOVES, Authorizer
from regesta_service.api.calls import DEFAULT_TIMEOUT, Answer, Call
from regesta_service.api.deadlines import Deadline, Deadlines
from regesta_service.api.errors import CallError
from regesta_service.api.methods import Method, NoNamespace
from regesta_service.domain.rejections import (
    DatabaseUnavailable,
    Draining,
    InvalidRequest,
    Overloaded,
    Rejection,
)

if TYPE_CHECKING:
    from regesta_service.access.principals import Authenticator
    from regesta_service.log.draft import Committed

#: Longest wait for a request's bytes once its headers are there, in seconds.
BODY_TIMEOUT = 2.0

# Version ff and ids of zeros are invalid. Source: W3C Trace Context, section 3.2.2.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)

#: Codes of which the security log has a line.
_REFUSED = frozenset({"PERMISSION_DENIED", "UNAUTHENTICATED"})

_OUT_OF_TIME = errors.call_error(
    grpc.StatusCode.DEADLINE_EXCEEDED,
    "DEADLINE_EXCEEDED",
    "the call took longer than its deadline; repeat a write with the same request_id",
)


@dataclass(slots=True)
class CallEnd:
    """How a call went: one line of the access log."""

    #: Path of the method.
    method: str
    #: Whether its answer is a stream.
    streams: bool = False
    #: Name of the gRPC code.
    code: str = "OK"
    #: ErrorInfo's reason; empty for OK.
    reason: str = ""
    #: Who called; empty when nobody was authenticated.
    principal: str = ""
    #: W3C traceparent; empty when there was none.
    traceparent: str = ""
    #: From the headers to the end.
    seconds: float = 0.0
    #: Where a refused call would have happened, by resource name.
    resource: str = ""
    #: The permission that it lacked.
    permission: str = ""
    #: Which rule refused it.
    why: str = ""
    #: What is known of a credential that proves nobody.
    hint: str = ""
    #: Where it came from, as its engine says it.
    peer: str = ""


class CallLog(Protocol):
    """Takes one line for each call."""

    def finished(self, end: CallEnd) -> None:
        """Take how a call went."""

    def failed(self, method: str, reference: str, error: BaseException) -> None:
        """Take a failure of ours, before the line of its call."""


class SecurityLog(Protocol):
    """Takes what those who look after security want to know."""

    def refused(self, end: CallEnd) -> None:
        """Take a call that was refused for want of credentials or permissions."""

    def glass_broken(
        self, principal: str, namespace: str, role: str, minutes: int, committed: Committed
    ) -> None:
        """Take that somebody took a role because it could not wait."""


class Context(Protocol):
    """A call as its engine gives it; grpc.aio's own context is one."""

    def invocation_metadata(self) -> Any:
        """Return the pairs of the call's metadata, or None."""

    def time_remaining(self) -> float | None:
        """Return the seconds to the caller's deadline, None if it set none."""

    async def read(self) -> Any:
        """Return the request's bytes once they are there; anything else means that none came."""

    async def abort(self, code: grpc.StatusCode, message: str, trailers: Any, /) -> Any:
        """End the call with a status, by raising what its engine wants to go up."""


class Guard:
    """Serves a table of methods.

    Args:
        methods: By path, from `methods_of`.
        authenticator: Judges credentials.
        log: Takes a line for each call.
        max_calls: How many unary calls may be under way at once; more are shed.
        explain: Returns the refusal of a read in a namespace that met an archived body.
        authorizer: Decides what the configuration does not allow; by itself it allows nothing.
        security: Takes a line for each refusal.
        certificate_of: Returns the names in the certificate of a call's peer.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        authenticator: Authenticator,
        log: CallLog,
        *,
        max_calls: int = 2_000,
        explain: Callable[[str, BodyArchived], Awaitable[Rejection]] | None = None,
        authorizer: Authorizer | None = None,
        security: SecurityLog | None = None,
        certificate_of: Callable[[Context], tuple[str, ...]] | None = None,
    ) -> None:
        self._explain = explain
        self._authenticator = authenticator
        self._authorizer = authorizer or Authorizer(authenticator)
        self._log = log
        self._security = security
        self._certificate_of = certificate_of
        self._max_calls = max_calls
        self._under_way = 0
        self._deadlines = Deadlines()
        #: What is served, by path.
        self.methods = methods
        #: Set once the server drains.
        self.draining = asyncio.Event()

    async def unary(self, method: Method, context: Context) -> bytes:
        """Return the serialized answer, or raise what `context.abort` does."""
        time = asyncio.get_running_loop().time
        # uvloop's clock stands still while callbacks run, so it cannot time a call.
        began, started = time(), perf_counter()
        end = CallEnd(method.path, method.streams)
        request: Message | None = None
        deadline = self._deadlines.watch(began + BODY_TIMEOUT)
        try:
            principal = self._recalled(context, end) or await self._authenticated(context)
            self._admit(principal, end)
            self._under_way += 1
            try:
                body = await context.read()
                request = _parsed(method, body)
                left = context.time_remaining()
                deadline.at = began + min(left or DEFAULT_TIMEOUT, DEFAULT_TIMEOUT)
                call = await self._authorize(method, request, body, principal, end)
                call.deadline = deadline.at
                try:
                    return _bytes_of(await method.function(request, call))
                except BodyArchived as archived:
                    raise await self._refusal(method, request, archived) from None
            finally:
                self._under_way -= 1
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            failure = self._failure(method, request, error, end)
        except asyncio.CancelledError:
            if not deadline.passed:
                end.code = "CANCELLED"
                raise
            failure = self._late(deadline, began, end)
        finally:
            self._deadlines.end(deadline)
            end.seconds = perf_counter() - started
            self._finished(end, context)
        raise await _aborted(context, failure)

    async def stream(self, method: Method, context: Context) -> AsyncGenerator[bytes]:
        """Yield serialized answers, or raise what `context.abort` does."""
        time = asyncio.get_running_loop().time
        # uvloop's clock stands still while callbacks run, so it cannot time a call.
        began, started = time(), perf_counter()
        end = CallEnd(method.path, method.streams)
        request: Message | None = None
        deadline = self._deadlines.watch(began + BODY_TIMEOUT)
        try:
            principal = self._recalled(context, end) or await self._authenticated(context)
            self._admit(principal, end)
            body = await context.read()
            request = _parsed(method, body)
            self._deadlines.end(deadline)
            # gRPC itself ends a stream at the caller's deadline; without one it has no end.
            left = context.time_remaining()
            until = None if left is None else began + left
            call = await self._authorize(method, request, body, principal, end)
            call.deadline = until
            try:
                async for answer in method.function(request, call):
                    yield _bytes_of(answer)
            except BodyArchived as archived:
                raise await self._refusal(method, request, archived) from None
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            failure = self._failure(method, request, error, end)
        except asyncio.CancelledError:
            if not deadline.passed:
                end.code = "CANCELLED"
                raise
            failure = self._late(deadline, began, end)
        except GeneratorExit:
            end.code = "CANCELLED"
            raise
        else:
            return
        finally:
            self._deadlines.end(deadline)
            end.seconds = perf_counter() - started
            self._finished(end, context)
        raise await _aborted(context, failure)

    def _late(self, deadline: Deadline, began: float, end: CallEnd) -> CallError:
        """Return the status of a call whose time was over."""
        deadline.task.uncancel()
        if deadline.at == began + BODY_TIMEOUT:
            failure = errors.call_error(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                "REQUEST_STALLED",
                f"the request did not come within {BODY_TIMEOUT:g} seconds of its headers",
            )
        else:
            failure = _OUT_OF_TIME
        end.code, end.reason = failure.code.name, failure.reason
        return failure

    def _recalled(self, context: Context, end: CallEnd) -> Principal | None:
        """Judge a call by its headers alone, as far as nobody has to be asked."""
        metadata = context.invocation_metadata() or ()
        end.traceparent = _traceparent_of(metadata)
        certificate = self._certificate_of(context) if self._certificate_of is not None else ()
        return self._authenticator.recall(Credentials(metadata, certificate))

    async def _authenticated(self, context: Context) -> Principal:
        """Judge a call by its headers alone; whoever floods the door does not wait inside."""
        self._expect_room()
        metadata = context.invocation_metadata() or ()
        certificate = self._certificate_of(context) if self._certificate_of is not None else ()
        self._under_way += 1
        try:
            return await self._authenticator.authenticate(Credentials(metadata, certificate))
        finally:
            self._under_way -= 1

    def _admit(self, principal: Principal, end: CallEnd) -> None:
        """Refuse a call when there is no room for it."""
        end.principal = principal.name
        if self.draining.is_set():
            raise Draining("the server is about to stop; try another or try again", retry_after=1)
        self._expect_room()

    def _expect_room(self) -> None:
        if self._under_way >= self._max_calls:
            raise Overloaded("too many calls are under way; try again", retry_after=0.5)

    async def _authorize(
        self, method: Method, request: Message, body: bytes, principal: Principal, end: CallEnd
    ) -> Call:
        """Return a call once it was found that its caller may make it; without a deadline."""
        try:
            namespace = method.namespace(request)
        except NoNamespace as error:
            raise InvalidRequest.of(error.field, "must begin with namespaces/{namespace}") from None
        permission = method.permission
        # Without a scope the servicer shows only what the principal may see.
        if principal.may(permission, namespace) or (
            not method.scope and principal.places(permission)
        ):
            allowed = self._authorizer.still(method, principal, namespace)
        else:
            allowed = self._authorizer.recalled(
                method, body, principal, namespace
            ) or await self._authorizer.by_grant(method, request, body, principal, namespace)
        if permission in MOVES:
            principal = await self._authorizer.standing(principal, namespace)
        return Call(principal, end.traceparent, None, self.draining, allowed)

    def _finished(self, end: CallEnd, context: Context) -> None:
        """Log how a call went; of a refusal, also who was refused what, and why."""
        if end.code in _REFUSED and self._security is not None:
            peer: Callable[[], str] | None = getattr(context, "peer", None)
            end.peer = peer() if peer is not None else ""
            self._security.refused(end)
        self._log.finished(end)

    async def _refusal(self, method: Method, request: Message, archived: BodyArchived) -> Exception:
        """Return what a caller is told whose call needs a body that is in an archive only."""
        if self._explain is None:
            return archived
        return await self._explain(method.namespace(request), archived)

    def _failure(
        self, method: Method, request: Message | None, error: Exception, end: CallEnd
    ) -> CallError:
        """Return the status for an exception; what is not foreseen is logged."""
        failure = _foreseen(error)
        if failure is None:
            reference = secrets.token_hex(6)
            self._log.failed(method.path, reference, error)
            failure = errors.internal(reference)
        end.code, end.reason = failure.code.name, failure.reason
        if end.code in _REFUSED:
            end.permission = failure.permission or str(method.permission)
            end.why, end.hint = failure.why or failure.reason, failure.hint
            if request is not None:
                end.resource = method.resource(request)
        return failure


def _foreseen(error: Exception) -> CallError | None:
    match error:
        case CallError():
            return error
        case Rejection():
            return errors.rejected(error)
        case Unauthenticated():
            return errors.unauthenticated(str(error), error.hint)
        case TimeoutError():
            return _OUT_OF_TIME
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return errors.rejected(
                DatabaseUnavailable(
                    "the database does not answer; repeat a write with the same request_id",
                    retry_after=1,
                )
            )
        case _:
            return None


def _parsed(method: Method, body: Any) -> Message:
    """Return the request in a message's bytes."""
    if not isinstance(body, bytes):
        raise errors.call_error(
            grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MISSING", "the call has no request message"
        )
    try:
        return method.request.FromString(body)
    except DecodeError:
        raise errors.call_error(
            grpc.StatusCode.INVALID_ARGUMENT,
            "REQUEST_UNPARSABLE",
            "the request is not a message of the method's type, or holds text that is not UTF-8",
        ) from None


def _bytes_of(answer: Answer) -> bytes:
    return answer if isinstance(answer, bytes) else answer.SerializeToString()


def _traceparent_of(metadata: tuple[tuple[str, str | bytes], ...]) -> str:
    """Return a W3C traceparent if there is a well-formed one."""
    for key, value in metadata:
        if key == "traceparent" and isinstance(value, str) and _TRACEPARENT.fullmatch(value):
            return value
    return ""


async def _aborted(context: Context, failure: CallError) -> Exception:
    """End a call with a status; engines want their own exception to go up."""
    try:
        await context.abort(failure.code, failure.message, ((errors.DETAILS_KEY, failure.details),))
    except Exception as aborted:  # noqa: BLE001 - whatever the engine raises
        return aborted
    return failure
