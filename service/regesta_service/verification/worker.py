"""A process that verifies, rebuilds or reads all heads for a server, and tells how far it is.

Each keeps a core busy for seconds to minutes. In a thread of the server it would hold up
every call each time by the interpreter's switch interval (measured: half of the event
loop's turns 3 ms late, one in a hundred 19 ms); in a process, and a nice one, it does not.

It reads one `Order` from standard input and writes messages to standard output, each as one
line of JSON. When nobody reads them any more it ends.
"""

from __future__ import annotations

import os
import sys
from typing import Literal, TypeAlias

import msgspec
import psycopg

from regesta_projections.archived import BodyArchived
from regesta_projections.heads.committing import Heads, HeadsUnderWay, compute_heads
from regesta_projections.rebuild import (
    LogNotFoldable,
    NamespaceUnknown,
    RebuildProgress,
    RebuildRunning,
    Rebuilt,
    rebuild,
)
from regesta_projections.verification import Report, VerifyProgress, verify

_NICENESS = 5


class Order(msgspec.Struct, frozen=True):
    """What to do."""

    work: Literal["rebuild", "verify", "heads"]
    #: Connects as the service role; it may hold a password, so it is no argument.
    dsn: str
    namespace: str


class Rebuilding(msgspec.Struct, frozen=True, tag=True):
    """A rebuild goes on."""

    progress: RebuildProgress


class RebuildDone(msgspec.Struct, frozen=True, tag=True):
    """A rebuild is done."""

    rebuilt: Rebuilt


class Verifying(msgspec.Struct, frozen=True, tag=True):
    """A check goes on."""

    progress: VerifyProgress


class VerifyDone(msgspec.Struct, frozen=True, tag=True):
    """A check is done."""

    report: Report


class ReadingHeads(msgspec.Struct, frozen=True, tag=True):
    """All heads are being read."""

    streams_read: int


class HeadsDone(msgspec.Struct, frozen=True, tag=True):
    """All heads are read."""

    heads: Heads


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The work could not be done, for a reason that is nobody's mistake."""

    reason: Literal[
        "namespace_unknown",
        "rebuild_running",
        "heads_under_way",
        "log_not_foldable",
        "bodies_archived",
        "database",
    ]


Message: TypeAlias = (
    Rebuilding | RebuildDone | Verifying | VerifyDone | ReadingHeads | HeadsDone | Failed
)


def main() -> None:
    """Do what standard input says."""
    os.nice(_NICENESS)
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    try:
        _tell(_carry_out(order))
    except BrokenPipeError:
        # The interpreter would complain when it flushes what nobody reads.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _carry_out(order: Order) -> Message:
    try:
        if order.work == "rebuild":
            return RebuildDone(
                rebuild(order.dsn, order.namespace, lambda step: _tell(Rebuilding(step)))
            )
        if order.work == "heads":
            return HeadsDone(
                compute_heads(order.dsn, order.namespace, lambda done: _tell(ReadingHeads(done)))
            )
        return VerifyDone(verify(order.dsn, order.namespace, lambda step: _tell(Verifying(step))))
    except NamespaceUnknown:
        return Failed("namespace_unknown")
    except RebuildRunning:
        return Failed("rebuild_running")
    except HeadsUnderWay:
        return Failed("heads_under_way")
    except LogNotFoldable:
        return Failed("log_not_foldable")
    except BodyArchived:
        return Failed("bodies_archived")
    except psycopg.OperationalError:
        return Failed("database")


def _tell(message: Message) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
