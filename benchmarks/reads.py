"""Resolve beside a bare gRPC echo of the same answer: from memory, and not."""

from __future__ import annotations

import random
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import grpc

from benchmarks.echo import Echo
from benchmarks.figures import Figure, Goal, number
from benchmarks.load import Load, Plan
from benchmarks.requests import RESOLVE, Resolves
from benchmarks.slices import Measured, Side, in_turns
from benchmarks.stock import NAMESPACE

if TYPE_CHECKING:
    from benchmarks.effort import Effort
    from benchmarks.ground import Ground, Served

_HOT = 64
_WHAT = "Resolve by alias"


def compare_reads(ground: Ground, served: Served, effort: Effort) -> list[Figure]:
    """Resolve aliases of the stock: a few over and over, and each once."""
    addresses = list(effort.stock.addresses)
    # Neighbours in the log would be neighbours in the database's pages.
    random.Random(3).shuffle(addresses)
    hot = Resolves(NAMESPACE, tuple(addresses[:_HOT]))
    cold = Resolves(NAMESPACE, tuple(addresses[_HOT:]))
    with ExitStack() as stack:
        echo = stack.enter_context(Echo(RESOLVE, _answer(served, next(iter(hot)))))
        plans = [
            Plan(echo.address, RESOLVE, hot),
            Plan(served.address, RESOLVE, hot),
            Plan(served.address, RESOLVE, cold),
        ]
        loads = [stack.enter_context(Load(plan)) for plan in plans]
        meters = {"service": served.cpu, "database": ground.database_cpu}
        runs = [lambda load=load: load.run(effort.slice_seconds) for load in loads]
        sides = [
            Side("echo", runs[0], {"service": echo.cpu}),
            Side("cached", runs[1], meters),
            Side("missed", runs[2], meters),
        ]
        limit, cached, missed = in_turns(sides, effort.turns)
        asked = sum(sample.operations for sample in missed.samples)
    return [
        Figure("bare gRPC echo: CPU of the server", limit.cpu_each("service"), "µs/op"),
        Figure("bare gRPC echo: rate at 64 in flight", limit.rate, "op/s"),
        *_figures(f"{_WHAT}, from memory", cached, limit, Goal(1.3)),
        *_figures(f"{_WHAT}, not in memory", missed, limit, Goal(2)),
        Figure(
            f"{_WHAT}, not in memory: CPU of PostgreSQL",
            missed.cpu_each("database"),
            "µs/op",
            note="" if asked < len(addresses) else "some addresses were asked for twice",
        ),
    ]


def _answer(served: Served, request: bytes) -> bytes:
    with grpc.insecure_channel(served.address) as channel:
        call: Any = channel.unary_unary(RESOLVE)
        answer: bytes = call(request, timeout=30)
    return answer


def _figures(what: str, ours: Measured, limit: Measured, goal: Goal) -> list[Figure]:
    return [
        Figure(
            f"{what}: CPU of the service",
            ours.cpu_each("service"),
            "µs/op",
            f"bare echo, {number(limit.cpu_each('service'))}",
            ours.ratio(limit, lambda sample: sample.cpu_each("service")),
            goal,
        ),
        Figure(
            f"{what}: rate at 64 in flight",
            ours.rate,
            "op/s",
            f"bare echo, {number(limit.rate)}",
            ours.ratio(limit, lambda sample: sample.rate),
        ),
        Figure(f"{what}: 99th percentile", ours.percentile(99), "ms"),
    ]
