"""Following a decision back: from an address to the events that decided what it means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from regesta import addresses
from regesta._sync.calls import Calls
from regesta.addresses import Address, Alias, Stage
from regesta.audit.traces import (
    Inclusion,
    Trace,
    TracedEvent,
    check_inclusion,
    moved_alias,
    registered,
    stage_moves,
)
from regesta.errors import DeadlineExceeded, PreconditionFailed
from regesta.trust import received
from regesta.v1 import event_pb2


def trace_address(
    calls: Calls,
    address: str,
    *,
    as_of: datetime | int | None,
    proofs: bool,
    timeout: float | None,
) -> Trace:
    """Return the trace of an address; see `Client.trace`."""
    parsed = addresses.parse(address)
    namespace = parsed.namespace or calls.namespace
    moment = as_of if parsed.as_of is None else parsed.as_of
    bare = str(Address(namespace, parsed.model, parsed.selector))
    decision: TracedEvent | None = None
    if isinstance(parsed.selector, Alias):
        alias = f"namespaces/{namespace}/models/{parsed.model}/aliases/{parsed.selector.alias}"
        position = _position(calls, alias, moment, timeout)
        decision = moved_alias(_history(calls, alias, position, timeout))
        number = decision.data.get("version", 0) if decision else 0
        version = f"namespaces/{namespace}/models/{parsed.model}/versions/{number}"
    else:
        version = (calls.resolve_version(address=bare, as_of=moment, timeout=timeout)).name
        position = _position(calls, version, moment, timeout)
        # Pinned: without a moment the answers above may be of different ones.
        version = (calls.resolve_version(address=bare, as_of=position, timeout=timeout)).name
        number = int(version.rsplit("/", 1)[1])
    if not number:
        trace = Trace(address, position, "", decision)
    else:
        events = _history(calls, version, position, timeout)
        moves = stage_moves(events)
        registration = registered(events)
        if isinstance(parsed.selector, Stage):
            decision = moves[-1] if moves else registration
        trace = Trace(address, position, version, decision, registration, moves)
    return _proved(calls, namespace, trace, timeout) if proofs else trace


def _position(calls: Calls, name: str, as_of: datetime | int | None, timeout: float | None) -> int:
    """Return the position that a moment is; None is the end of the log."""
    page = calls.get_history(name, as_of=as_of, page_size=1, timeout=timeout)
    return page.position


def _history(calls: Calls, name: str, position: int, timeout: float | None) -> list[TracedEvent]:
    """Return a resource's events up to a position, oldest first."""
    events: list[TracedEvent] = []
    token = ""
    while True:
        page = calls.get_history(
            name, as_of=position, page_size=1_000, page_token=token, timeout=timeout
        )
        events += map(_traced, page.events)
        token = page.next_page_token
        if not token:
            return events[::-1]


def _traced(event: event_pb2.Event) -> TracedEvent:
    texts = {disclosure.field: disclosure.text for disclosure in event.disclosures}
    return TracedEvent(event.position, event.record, texts)


def _proved(calls: Calls, namespace: str, trace: Trace, timeout: float | None) -> Trace:
    """Return a trace whose events have proofs."""
    proved: dict[int, TracedEvent] = {}
    for event in trace.events():
        inclusion = _inclusion(calls, namespace, event, timeout)
        check_inclusion(event.position, event.record, inclusion)
        proved[event.position] = TracedEvent(event.position, event.record, event.texts, inclusion)
    decision, registration = trace.decision, trace.registration
    return Trace(
        trace.address,
        trace.position,
        trace.version,
        proved[decision.position] if decision else None,
        proved[registration.position] if registration else None,
        _all(proved, trace.moves),
    )


def _all(proved: dict[int, TracedEvent], events: Sequence[TracedEvent]) -> tuple[TracedEvent, ...]:
    return tuple(proved[event.position] for event in events)


def _inclusion(
    calls: Calls, namespace: str, event: TracedEvent, timeout: float | None
) -> Inclusion:
    """Return a receipt where a checkpoint covers the event, else a proof in the log's tree."""
    parent = f"namespaces/{namespace}"
    try:
        answer = calls.get_receipt(event.position, parent=parent, timeout=timeout)
    except (DeadlineExceeded, PreconditionFailed):
        found = calls.prove_inclusion(event.position, parent=parent, timeout=timeout)
        return Inclusion(found.size, found.root_hash, tuple(found.hashes), "")
    proof = received(event.position, answer).proof
    checkpoint = proof.lead(answer.leaf_hash)
    return Inclusion(checkpoint.size, checkpoint.root, proof.path, answer.receipt)
