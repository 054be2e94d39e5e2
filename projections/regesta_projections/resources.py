"""Kinds of resources that need no columns of their own.

They are found by their stream, listed by what they belong to, their kind and their state, and
read whole, so all of them share the table `resources`. A kind is a pattern of streams and the
message that its events fold into. What is searched by its content has a table of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from regesta.names import DOCUMENT, PRINCIPAL, TOKEN
from regesta.v1 import access_pb2 as access_pb
from regesta.v1 import comments_service_pb2 as comments_pb
from regesta.v1 import documents_service_pb2 as documents_pb
from regesta.v1 import governance_pb2 as governance_pb
from regesta_projections.rows import ResourceKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message

#: What governs the moves in a namespace.
GOVERNANCE: Final = ResourceKey("governance")
ACCESS_STREAM: Final = "access"

# What streams of principals and tokens begin with.
_PRINCIPALS: Final = "principals/"
_TOKENS: Final = "tokens/"


class Place(NamedTuple):
    """Where a resource is listed."""

    #: The kind's name.
    kind: str
    #: Stream of the resource that it belongs to; empty when to none.
    parent: str
    #: A word of its kind's own, for example `open`; empty without one.
    state: str


def _nothing(_: str, __: Message) -> str:
    return ""


def _model_of(stream: str, _: Message) -> str:
    return "/".join(stream.split("/", 2)[:2])


def _version_of(stream: str, _: Message) -> str:
    return stream.rpartition("/")[0]


def _requested(_: str, message: Message) -> str:
    return cast("governance_pb.TransitionRequest", message).version


def _request_state(_: str, message: Message) -> str:
    request = cast("governance_pb.TransitionRequest", message)
    return "open" if request.state == governance_pb.TransitionRequest.STATE_OPEN else "ended"


def _above(stream: str, _: Message) -> str:
    return stream.rsplit("/", 2)[0]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource."""

    #: Singular, in lower case.
    name: str
    #: What its streams look like, in full.
    streams: re.Pattern[str]
    message: type[Message]
    #: Returns the stream that a resource belongs to, from its own stream and its message.
    parent: Callable[[str, Message], str] = _nothing
    #: Returns its state, likewise.
    state: Callable[[str, Message], str] = _nothing


def principal_stream(principal: str) -> str:
    """Return the stream of a principal."""
    return _PRINCIPALS + principal


def token_stream(token: str) -> str:
    """Return the stream of a token."""
    return _TOKENS + token


def collection_stream(collection: str) -> str:
    """Return what streams of documents in a collection begin with, and are listed by."""
    return f"collections/{collection}"


def document_key(collection: str, document: str) -> ResourceKey:
    """Return the key of a document."""
    return ResourceKey(f"{collection_stream(collection)}/documents/{document}")


def _document_state(_: str, document: Any) -> str:
    return "removed" if document.HasField("delete_time") else ""


def _owner(_: str, token: Any) -> str:
    return principal_stream(token.principal)


def _token_state(_: str, token: Any) -> str:
    return "revoked" if token.HasField("revoke_time") else "issued"


KINDS: Final = (
    Kind("governance", re.compile(GOVERNANCE.stream), governance_pb.Governance),
    Kind(
        "stage_holder",
        re.compile(r"models/[^/]+/stages/[^/]+"),
        governance_pb.StageHolder,
        parent=_model_of,
    ),
    Kind(
        "evaluations",
        re.compile(r"models/[^/]+/versions/[0-9]+/evaluations"),
        governance_pb.VersionEvaluations,
        parent=_version_of,
    ),
    Kind(
        "request",
        re.compile(r"requests/[a-z0-9-]+"),
        governance_pb.TransitionRequest,
        parent=_requested,
        state=_request_state,
    ),
    Kind(
        "comment",
        re.compile(r"models/[^/]+/(versions/[0-9]+/)?comments/[a-z2-7]{10}"),
        comments_pb.Comment,
        parent=_above,
    ),
    Kind(
        "document",
        re.compile(f"collections/{DOCUMENT}/documents/{DOCUMENT}"),
        documents_pb.Document,
        _above,
        _document_state,
    ),
    Kind("access", re.compile(ACCESS_STREAM), access_pb.Access),
    Kind("principal", re.compile(_PRINCIPALS + PRINCIPAL), access_pb.Principal),
    Kind("token", re.compile(_TOKENS + TOKEN), access_pb.Token, _owner, _token_state),
)


@lru_cache(maxsize=4_096)
def _found(stream: str) -> Kind | None:
    return next((kind for kind in KINDS if kind.streams.fullmatch(stream)), None)


def is_one(stream: str) -> bool:
    """Say whether a stream is one of these kinds'."""
    return _found(stream) is not None


def kind_of(stream: str) -> Kind:
    """Return the kind of a stream.

    Raises:
        ValueError: It is none of these kinds'.
    """
    kind = _found(stream)
    if kind is None:
        raise ValueError(f"{stream} is of no known kind")
    return kind


def place_of(stream: str, message: Message) -> Place:
    """Return where a resource is listed."""
    kind = kind_of(stream)
    return Place(kind.name, kind.parent(stream, message), kind.state(stream, message))
