"""The security log: what a line has, and how many there may be."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from regesta_service.access.granting import ACCESS
from regesta_service.api.guard import CallEnd
from regesta_service.log.draft import Committed
from regesta_service.logs import SECURITY_BURST, SECURITY_RATE, SecurityLog


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(**what: str) -> CallEnd:
    end = CallEnd("/regesta.v1.CatalogService/GetModel", code="PERMISSION_DENIED", principal="rosa")
    for name, value in what.items():
        setattr(end, name, value)
    return end


def test_refusals_are_written_up_to_a_rate_and_then_counted():
    clock = Clock()
    log = SecurityLog(clock)
    with capture_logs() as lines:
        for _ in range(1_000):
            log.refused(refused())
        assert SECURITY_BURST == len(lines)
        clock.now = 1.0
        for _ in range(1_000):
            log.refused(refused())
    assert SECURITY_BURST + SECURITY_RATE == len(lines)
    assert 1_000 - SECURITY_BURST == lines[SECURITY_BURST]["left_out"]


def test_a_broken_glass_is_never_left_out():
    log = SecurityLog(Clock())
    with capture_logs() as lines:
        for _ in range(1_000):
            log.refused(refused())
        log.glass_broken("max", "team-a", "admin", 5, Committed(7, ACCESS, None, "team-a"))
    assert ("glass_broken", "warning", 7) == tuple(
        lines[-1][name] for name in ("event", "log_level", "position")
    )


@pytest.mark.parametrize(
    ("resource", "shown"),
    [
        ("namespaces/team-a/models/churn/aliases/champion", True),
        ("namespaces/team-a", True),
        ("namespaces/team-a/models/" + "x" * 300, False),
        ("namespaces/team-a/models/churn\nforged line", False),
        ("a text of a caller", False),
    ],
)
def test_a_resource_stands_there_if_it_is_one(resource, shown):
    with capture_logs() as lines:
        SecurityLog(Clock()).refused(refused(resource=resource))
    assert (resource if shown else "") == lines[0]["resource"]


def test_whoever_was_not_authenticated_is_unknown():
    with capture_logs() as lines:
        end = refused(code="UNAUTHENTICATED", principal="", hint="token:0123abcd")
        SecurityLog(Clock()).refused(end)
    assert ("not_authenticated", "unknown", "token:0123abcd") == tuple(
        lines[0][name] for name in ("event", "principal", "credential")
    )
