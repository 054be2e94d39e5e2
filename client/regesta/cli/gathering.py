"""Evidence gathered from a server: events, proofs and texts, under one checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import regesta
from regesta.audit import tiles
from regesta.audit.checkpoints import Checkpoint
from regesta.audit.notes import Note
from regesta.errors import NotFound, PreconditionFailed, RegestaError
from regesta.merkle import leaf_hash, verify_inclusion
from regesta.names import AliasName, ModelName, VersionName
from regesta.v1 import event_pb2, heads_service_pb2

#: Tiles of 8 kB that are kept while proofs are made.
_TILES_KEPT = 4_096

#: Events that decide moves: requests, approvals, and what they must meet.
_DECIDING: Final = (
    "TransitionRequested",
    "TransitionApproved",
    "TransitionRejected",
    "TransitionCancelled",
    "TransitionExpired",
    "TransitionCompleted",
    "PolicyDefined",
    "PolicyRemoved",
    "LifecycleDefined",
    "LifecycleRemoved",
)


@dataclass(frozen=True, slots=True)
class End:
    """The tree that everything is proved to be in.

    Attributes:
        size: Number of its leaves.
        root: Its root.
        origin: Of the log; empty while nobody has signed.
        note: The signed checkpoint; empty while nobody has signed.
        verifier_keys: What the server says that it is signed with: not to be believed by itself.
    """

    size: int
    root: bytes
    origin: str = ""
    note: str = ""
    verifier_keys: tuple[str, ...] = ()


@dataclass(slots=True)
class Gathered:
    """What goes into a pack.

    Attributes:
        subject: What it is evidence of, in words.
        events: By position, with the texts that may be read.
        heads: That streams are complete; None where nothing was committed to.
    """

    subject: str
    events: list[event_pb2.Event] = field(default_factory=list)
    heads: heads_service_pb2.ProveStreamHeadResponse | None = None


def end_of(client: regesta.Client) -> End:
    """Return the latest checkpoint, or the log's head while nobody has signed one.

    Raises:
        InvalidNote: The server's checkpoint is none.
        RegestaError: A call failed.
    """
    try:
        answer = client.get_checkpoint()
    except NotFound as error:
        if error.reason != "CHECKPOINT_NOT_FOUND":
            raise
        head = client.get_head()
        return End(head.position, head.root_hash)
    checkpoint = Checkpoint.parse(Note.parse(answer.note).text)
    keys = tuple(answer.publisher.verifier_keys)
    return End(checkpoint.size, checkpoint.root, checkpoint.origin, answer.note, keys)


def of_resource(
    client: regesta.Client, name: ModelName | VersionName | AliasName, end: End
) -> Gathered:
    """Gather all that happened to a resource.

    Of a model everything below it too; of a version also its model, and each alias that ever
    pointed to it, from first to last. Of both also the requests for their moves with every
    approval, and the policies and lifecycles of the namespace, by which they were decided.

    Raises:
        RegestaError: A call failed.
    """
    gathered = Gathered(str(name).removeprefix(f"namespaces/{client.namespace}/"))
    model = f"models/{name.model}"
    every = list(client.events(until=end.size, resources=[model]))
    match name:
        case ModelName():
            gathered.events = every
        case VersionName():
            suffix = f"/versions/{name.version}"
            if not any(event.stream.endswith(suffix) for event in every):
                return gathered  # its model's events are no evidence of a version nobody made
            aliases = _aliases_of(every, name.version)
            gathered.events = _of_streams(
                every,
                lambda stream: (
                    _is_model(stream)
                    or stream.endswith(suffix)
                    or f"{suffix}/" in stream
                    or stream in aliases
                ),
            )
        case AliasName():
            suffix = f"/aliases/{name.alias}"
            gathered.events = _of_streams(every, lambda stream: stream.endswith(suffix))
    # Requests name a model by the name it was created with, as streams do.
    first = gathered.events[0].stream.split("/")[1] if gathered.events else ""
    if gathered.events:
        _commit(client, gathered, end)
    if first and not isinstance(name, AliasName):
        gathered.events += _decisions(client, first, name, end)
        gathered.events.sort(key=lambda event: event.position)
    return gathered


def _decisions(
    client: regesta.Client, model: str, name: ModelName | VersionName, end: End
) -> list[event_pb2.Event]:
    """Return the events of the requests for a resource's moves, and of what governs moves."""
    found = list(client.events(until=end.size, types=_DECIDING))
    asked = {
        event.stream
        for event in found
        if event.type.endswith(".TransitionRequested") and _is_for(event, model, name)
    }
    return [event for event in found if event.stream in asked or event.stream == "governance"]


def _is_for(event: event_pb2.Event, model: str, name: ModelName | VersionName) -> bool:
    data = json.loads(event.record)["data"]
    is_version = not isinstance(name, VersionName) or data.get("version") == name.version
    return bool(data.get("model") == model and is_version)


def of_period(client: regesta.Client, after: int, until: int, end: End) -> Gathered:
    """Gather everything that was recorded after one position up to another.

    Raises:
        RegestaError: A call failed.
    """
    last = min(until, end.size)
    gathered = Gathered(f"positions {after + 1} to {last}")
    if last > after:
        gathered.events = list(client.events(after=after, until=last))
    return gathered


class Prover:
    """Makes proofs out of tiles, each of which is asked for once.

    Args:
        client: The server.
        end: The tree.
    """

    def __init__(self, client: regesta.Client, end: End) -> None:
        self._client = client
        self._end = end
        self._tiles: dict[tuple[int, int, int], tiles.Tile] = {}

    def inclusion(self, event: event_pb2.Event) -> list[bytes]:
        """Return the audit path of an event, which leads to the tree's root.

        Raises:
            InvalidProof: It does not: the server does not hold what it signed.
            RegestaError: A call failed.
        """
        leaf = event.position - 1
        path = tiles.inclusion_proof(leaf, self._end.size, self._read)
        verify_inclusion(leaf_hash(event.record), leaf, self._end.size, path, self._end.root)
        return path

    def consistency(self, old_size: int) -> list[bytes]:
        """Return the proof that the tree extends an earlier one.

        Raises:
            OutOfRange: It was larger.
            RegestaError: A call failed.
        """
        return tiles.consistency_proof(old_size, self._end.size, self._read)

    def _read(self, level: int, index: int, width: int) -> tiles.Tile:
        key = level, index, width
        tile = self._tiles.get(key)
        if tile is None:
            if len(self._tiles) >= _TILES_KEPT:
                self._tiles.clear()
            answer = self._client.get_tile(level=level, index=index, width=width)
            tile = self._tiles[key] = tiles.Tile(answer.hashes)
        return tile


def disclosed(
    events: Sequence[event_pb2.Event], wanted: Callable[[str], bool]
) -> Iterator[tuple[int, event_pb2.Disclosure]]:
    """Yield the texts of events whose fields are wanted."""
    for event in events:
        for text in event.disclosures:
            if wanted(text.field):
                yield event.position, text


def _commit(client: regesta.Client, gathered: Gathered, end: End) -> None:
    """Add the last commitment to heads, if the tree holds it."""
    streams = {event.stream for event in gathered.events}
    model = next(iter(sorted(streams))).split("/")[1]
    try:
        answer = client.prove_stream_head(f"models/{model}", include_children=True)
    except (PreconditionFailed, NotFound):
        return
    except RegestaError as error:
        # A server of before knows no commitments: its packs say so by having none.
        if error.code.name != "UNIMPLEMENTED":
            raise
        return
    if answer.event.position > end.size:
        return
    lines = [one for one in answer.lines if json.loads(one.line)["stream"] in streams]
    if not lines:
        return
    del answer.lines[:]
    answer.lines.extend(lines)
    gathered.heads = answer
    gathered.events = sorted([*gathered.events, answer.event], key=lambda event: event.position)


def _aliases_of(events: Collection[event_pb2.Event], version: int) -> set[str]:
    """Return the streams of aliases that ever pointed to a version."""
    return {
        event.stream
        for event in events
        if "/aliases/" in event.stream
        and event.type.endswith((".AliasSet", ".VersionRolledBack"))
        and json.loads(event.record)["data"].get("version") == version
    }


def _of_streams(
    events: Collection[event_pb2.Event], wanted: Callable[[str], bool]
) -> list[event_pb2.Event]:
    return [event for event in events if wanted(event.stream)]


def _is_model(stream: str) -> bool:
    return stream.count("/") == 1
