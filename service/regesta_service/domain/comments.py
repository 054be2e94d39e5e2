"""Commenting on models and versions."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from regesta_projections import events as e
from regesta_projections.evolve.streams import below
from regesta_service.domain.deciding import Decision, Fact, Wanted
from regesta_service.domain.finding import expect_revision, live_model, live_version
from regesta_service.domain.rejections import CommentNotFound, CommentNotYours
from regesta_service.domain.texts import beside, free_text

if TYPE_CHECKING:
    from regesta.sealed import SealedText
    from regesta.v1 import comments_service_pb2 as comments_pb
    from regesta_projections.rows import ModelRow, ResourceKey, ResourceRow, Rows

#: Random bytes that make 10 characters of base32: 50 bits.
_ID_BYTES: Final = 7
_ID_LENGTH: Final = 10

# A principal after an `@` that no word runs into, as an address of mail would. A full stop
# or the like at its end belongs to the sentence.
_MENTION: Final = re.compile(r"(?<![\w.@+-])@([A-Za-z0-9](?:[A-Za-z0-9._@-]{0,126}[A-Za-z0-9])?)")


def comment_id(random: bytes) -> str:
    """Return the id of a comment made of random bytes, at least 7."""
    return base64.b32encode(random[:_ID_BYTES]).decode().lower()[:_ID_LENGTH]


def mentions_in(text: str) -> tuple[str, ...]:
    """Return the principals that a text names with an `@`, each once, in their order."""
    return tuple(dict.fromkeys(_MENTION.findall(text)))


@dataclass(frozen=True, slots=True)
class AddComment:
    """Comment on a model or a version."""

    model: str
    #: The version's number; None for the model itself.
    number: int | None
    #: The new comment's id.
    comment: str
    text: SealedText
    mentions: tuple[str, ...] = ()
    #: The id of the comment that it answers; empty when it begins a thread.
    reply_to: str = ""
    reason: SealedText | None = None

    def wants(self) -> tuple[Wanted, ...]:
        """Return what is commented on, and both comments."""
        return _wanted(self.model, self.number, self.comment, self.reply_to)

    def decide(self, rows: Rows) -> Decision:
        """Add it, or refuse with COMMENT_NOT_FOUND when there is nothing to answer.

        Raises:
            ValueError: There is a comment of this id, of 50 random bits: a fault of theirs.
        """
        model = _commented(rows, self.model, self.number)
        if self.reply_to:
            _found(rows, model, self.number, self.reply_to)
        key = _key(model, self.number, self.comment)
        if rows.get(key) is not None:
            raise ValueError("a comment has this id already")
        event = e.CommentAdded(
            comment=self.comment,
            reply_to=self.reply_to,
            mentions=self.mentions,
            text=free_text(self.text),
            reason=free_text(self.reason),
        )
        texts = beside(("text", self.text), ("reason", self.reason))
        return Decision((Fact(key.stream, event, texts),), key)


@dataclass(frozen=True, slots=True)
class EditComment:
    """Change what a comment says.

    It always is a change: the salted digest of the present text does not tell whether the new
    one is the same.
    """

    model: str
    number: int | None
    comment: str
    text: SealedText
    mentions: tuple[str, ...] = ()
    expected_revision: int | None = None
    reason: SealedText | None = None
    #: Who asks for it.
    author: str = ""

    def wants(self) -> tuple[Wanted, ...]:
        """Return what is commented on, and the comment."""
        return _wanted(self.model, self.number, self.comment)

    def decide(self, rows: Rows) -> Decision:
        """Change it, or refuse with COMMENT_NOT_FOUND or COMMENT_NOT_YOURS."""
        model = _commented(rows, self.model, self.number)
        row = _found(rows, model, self.number, self.comment)
        thing = f"{_thing(model, self.number)}/comments/{self.comment}"
        if cast("comments_pb.Comment", row.resource).created_by != self.author:
            raise CommentNotYours(
                f"{thing} was said by somebody else; answer it instead",
                metadata={"comment": self.comment},
            )
        expect_revision(thing, row.revision, self.expected_revision)
        event = e.CommentEdited(
            text=free_text(self.text), mentions=self.mentions, reason=free_text(self.reason)
        )
        texts = beside(("text", self.text), ("reason", self.reason))
        return Decision((Fact(row.stream, event, texts),), row.key)


def _wanted(model: str, number: int | None, *comments: str) -> tuple[Wanted, ...]:
    parts = tuple(_part(number, comment) for comment in comments if comment)
    return (Wanted(model, versions=() if number is None else (number,), below=parts),)


def _part(number: int | None, comment: str) -> str:
    """Return what follows the model's stream in that of a comment."""
    version = "" if number is None else f"versions/{number}/"
    return f"{version}comments/{comment}"


def _key(model: ModelRow, number: int | None, comment: str) -> ResourceKey:
    return below(model.model, _part(number, comment))


def _thing(model: ModelRow, number: int | None) -> str:
    version = "" if number is None else f"/versions/{number}"
    return f"models/{model.name}{version}"


def _commented(rows: Rows, name: str, number: int | None) -> ModelRow:
    """Return the model; it and the version, if one is meant, are not deleted."""
    model = live_model(rows, name)
    if number is not None:
        live_version(rows, model, number)
    return model


def _found(rows: Rows, model: ModelRow, number: int | None, comment: str) -> ResourceRow:
    row = rows.get(_key(model, number, comment))
    if row is None:
        raise CommentNotFound(
            f"{_thing(model, number)} has no comment {comment}",
            metadata={"model": model.name, "comment": comment},
        )
    return row
