"""Finished answers kept in memory, exact because the tail sees every event.

An answer depends on one model, its versions and aliases (one found by a digest also on what
is registered, deleted and restored anywhere in the namespace), or on all models, as a search
among them does. It is dropped when an event of these arrives. So whatever is here is what the
log says at the tail's position, or later: an answer read from the database may be ahead of
the tail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from regesta_projections.records import TYPE_PREFIX
from regesta_service.reads.events import model_of

if TYPE_CHECKING:
    from regesta_service.log.stored import StoredEvent
    from regesta_service.reads.tail import Tail

#: What identifies an answer: the kind of question, then the caller's own words.
CacheKey: TypeAlias = tuple[str | int, ...]

#: The group of answers that any version or model of the namespace may change.
ANY_MODEL = ""

#: The group of answers that any event of the namespace may change; no model has a slash.
EVERYTHING = "/"

_CHANGES_DIGESTS = frozenset(
    TYPE_PREFIX + name
    for name in (
        "VersionRegistered",
        "VersionDeleted",
        "VersionRestored",
        "ModelDeleted",
        "ModelRestored",
    )
)

_ERASES_TEXTS = TYPE_PREFIX + "PersonalDataErased"

#: What an entry costs beside its body and the texts of its key, in bytes, roughly.
_OVERHEAD = 600


class CachedAnswer(NamedTuple):
    """A finished answer but for its position."""

    #: All of the answer but its position.
    body: bytes
    #: What it was read at; it holds from there to the tail's position.
    position: int
    tail: Tail
    #: The models it depends on, and perhaps `ANY_MODEL`.
    groups: tuple[str, ...]


class Watch:
    """Notes what happens to a log while answers are being read from the database."""

    __slots__ = ("_changed", "over", "tail")

    def __init__(self, tail: Tail) -> None:
        self.tail = tail
        #: Set when nothing read meanwhile may be kept.
        self.over = False
        self._changed: dict[str, int] = {}

    def note(self, group: str, position: int) -> None:
        """Note an event."""
        self._changed[group] = position

    def unchanged_since(self, position: int, groups: tuple[str, ...]) -> bool:
        """Say whether no event after a position was seen of any of some groups."""
        return not self.over and all(self._changed.get(group, 0) <= position for group in groups)


class AnswerCache:
    """Finished answers of all namespaces, at most `max_bytes` of them.

    Looks up by `get`; everything else happens on a miss or when an event arrives.
    """

    def __init__(self, max_bytes: int = 64 << 20) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._answers: dict[CacheKey, CachedAnswer] = {}
        self._groups: dict[tuple[int, str], set[CacheKey]] = {}
        self._watches: dict[int, set[Watch]] = {}
        #: Return the answer under a key, or None.
        self.get = self._answers.get

    def __len__(self) -> int:
        return len(self._answers)

    @contextmanager
    def watching(self, tail: Tail) -> Iterator[Watch]:
        """Watch a log while answers are read; begin before the query, `put` inside."""
        watch = Watch(tail)
        watches = self._watches.setdefault(tail.namespace_id, set())
        watches.add(watch)
        try:
            yield watch
        finally:
            watches.discard(watch)

    def put(
        self,
        key: CacheKey,
        body: bytes,
        *,
        position: int,
        generation: int,
        groups: tuple[str, ...],
        watch: Watch,
    ) -> None:
        """Keep an answer, unless something has happened to it already.

        Args:
            key: What it answers.
            body: All of the answer but its position.
            position: The log's size in the snapshot it was read in.
            generation: The generation it was read from.
            groups: What it depends on.
            watch: Began before the query.
        """
        size = _size(key, body)
        if (
            size > self._max_bytes
            or generation < watch.tail.generation
            or not watch.unchanged_since(position, groups)
        ):
            return
        self._drop(key)
        self._answers[key] = CachedAnswer(body, position, watch.tail, groups)
        self._bytes += size
        for group in groups:
            self._groups.setdefault((watch.tail.namespace_id, group), set()).add(key)
        while self._bytes > self._max_bytes:
            # The one that was put first; if it is asked for, it comes back as the newest.
            self._drop(next(iter(self._answers)))

    def appended(self, tail: Tail, events: Sequence[StoredEvent]) -> None:
        """Drop what depends on the models of events; where texts were erased, everything."""
        watches = self._watches.get(tail.namespace_id, ())
        for event in events:
            if event.type == _ERASES_TEXTS:
                self.ended(tail)
                return
            groups = [model_of(event.stream), EVERYTHING]
            if event.type in _CHANGES_DIGESTS:
                groups.append(ANY_MODEL)
            for group in groups:
                self._drop_group((tail.namespace_id, group))
                for watch in watches:
                    watch.note(group, event.position)

    def rebuilt(self, tail: Tail) -> None:
        """Drop everything of a namespace."""
        for group in [group for group in self._groups if group[0] == tail.namespace_id]:
            self._drop_group(group)

    def ended(self, tail: Tail) -> None:
        """Drop everything of a namespace, and keep nothing that is being read."""
        self.rebuilt(tail)
        for watch in self._watches.pop(tail.namespace_id, ()):
            watch.over = True

    def _drop_group(self, group: tuple[int, str]) -> None:
        for key in tuple(self._groups.get(group, ())):
            self._drop(key)

    def _drop(self, key: CacheKey) -> None:
        answer = self._answers.pop(key, None)
        if answer is None:
            return
        self._bytes -= _size(key, answer.body)
        for group in answer.groups:
            place = (answer.tail.namespace_id, group)
            keys = self._groups[place]
            keys.discard(key)
            if not keys:
                del self._groups[place]


def _size(key: CacheKey, body: bytes) -> int:
    # A filter may be longer than the page that it finds.
    return len(body) + sum([len(word) for word in key if isinstance(word, str)]) + _OVERHEAD
