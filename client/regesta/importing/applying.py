"""Takes the steps of plans through the client, or only counts them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import regesta
from regesta.errors import (
    AlreadyExists,
    Conflict,
    DeadlineExceeded,
    InvalidRequest,
    NotFound,
    OutOfRange,
    Overloaded,
    PermissionDenied,
    PreconditionFailed,
    RegestaError,
)
from regesta.importing.reports import Report
from regesta.importing.steps import Outcome, Plan, Step
from regesta.importing.touched import Touched, touched
from regesta.v1 import event_pb2

#: Refusals that concern one step: the import goes on without it.
_REFUSALS: Final = (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    NotFound,
    OutOfRange,
    PreconditionFailed,
)
#: What was asked under the same id before: it was done, though it was told in other words.
_DONE_BEFORE: Final = "REQUEST_ID_REUSED"
#: Refusals for want of a permission that concern one step only.
_PROTECTED: Final = frozenset({"ALIAS_PROTECTED"})

_ATTEMPTS: Final = 5
_PAUSE: Final = 1.0


class WrongNumber(Exception):
    """Somebody else registers versions of a model that is being imported."""


class Applier:
    """Does what plans say, one step after the other.

    Args:
        client: Writes through it.
        report: Where it is told.
        reason: Why, with every write.
    """

    def __init__(self, client: regesta.Client, report: Report, reason: str) -> None:
        self._client = client
        self._report = report
        self._reason = reason
        #: What the last step was answered.
        self.answer: Any = None

    def carry_out(self, plan: Plan) -> bool:
        """Do what a plan says, and say whether all of it was done.

        A step that is refused is told, and the rest of its plan is left.

        Raises:
            RegestaError: No step can be done: there is no permission, or no server.
            WrongNumber: A version got another number than in the source.
        """
        self._report.findings += plan.findings
        return self._all(plan.steps)

    def _all(self, steps: Iterable[Step]) -> bool:
        for step in steps:
            if self._report.dry_run:
                self._report.did(step)
                continue
            try:
                self._one(step)
            except _REFUSALS as error:
                if error.reason == _DONE_BEFORE:
                    self._report.did(step)
                    continue
                self._refused(step, error)
                self._all(step.instead)
                return False
            except PermissionDenied as error:
                if error.reason not in _PROTECTED:
                    raise
                self._refused(step, error)
                return False
            self._report.did(step)
        return True

    def _one(self, step: Step) -> None:
        self.answer = None
        claims = self._claims(step)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = getattr(self._client, step.call)(
                    **{"reason": self._reason, **step.arguments, **claims},
                    request_id=step.request_id,
                )
                break
            except (Overloaded, DeadlineExceeded) as error:
                # The same request again, so nothing is done twice.
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(error.retry_after or _PAUSE * attempt)
        self.answer = answer
        if step.call == "register_version":
            self._expect_number(step, answer)

    @staticmethod
    def _claims(step: Step) -> dict[str, Any]:
        """Return when and by whom it was done, as far as that is known."""
        claims: dict[str, Any] = {}
        if step.occurred_time is not None:
            claims["occurred_time"] = step.occurred_time
        if step.occurred_by:
            claims["occurred_by"] = step.occurred_by
        return claims

    def _expect_number(self, step: Step, version: regesta.Version) -> None:
        expected = int(step.resource.rpartition("/")[2])
        if version.version == expected:
            return
        self._client.delete_version(version.name, reason=f"not version {expected}; {self._reason}")
        raise WrongNumber(
            f"{step.resource} got the number {version.version}: somebody registers versions of"
            " this model here. It was deleted again. Let nobody write while you import, and"
            " run it again"
        )

    def _refused(self, step: Step, error: RegestaError) -> None:
        reason = f" ({error.reason})" if error.reason else ""
        self._report.found(
            Outcome.NOT_CARRIED, step.resource, step.call.replace("_", " "), f"{error}{reason}"
        )


def history_of(client: regesta.Client, name: str) -> Touched:
    """Return the folded history of a model, a version or an alias; an empty one if there is none."""
    try:
        return touched(oldest_first(client.history(name)))
    except NotFound:
        return Touched()


def oldest_first(history: Iterable[event_pb2.Event]) -> Iterator[event_pb2.Event]:
    """Return a history the other way round."""
    return reversed(list(history))
