"""The import of another regesta's log, event by event."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import regesta
from regesta.errors import PermissionDenied
from regesta.importing.applying import Applier, history_of
from regesta.importing.log_calls import Stream
from regesta.importing.log_plans import LEFT_OUT, WITHHELD, LogPlanner
from regesta.importing.log_records import LogExport, LogRecord
from regesta.importing.reports import Report
from regesta.importing.steps import Finding, Outcome, Plan, Scribe, Step, is_imported, under

#: Is told how many events were looked at, and of how many.
Progress = Callable[[int, int], None]

_MISMATCH = "REVISION_MISMATCH"


def import_log(
    client: regesta.Client,
    export: LogExport,
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Let the events of another log happen here, and return what was done.

    Each has a request id of its own, made of its record. So a run that was broken off is begun
    anew and does nothing twice, and a later export of the same log brings what is new in it. A
    resource that people have written to here since is left, and told.

    Args:
        client: Of the namespace to import into.
        export: The log.
        now: The time.
        dry_run: Whether nothing is written.
        progress: Is told how far it is.

    Raises:
        InvalidLog: The export is none.
        RegestaError: The import cannot go on.
        WrongNumber: Somebody else registers versions of an imported model.
    """
    run = _Run(client, export, now, dry_run=dry_run)
    for record in export.records():
        run.event(record)
        if progress:
            progress(record.position, export.summary.size)
    return run.finished()


class _Run:
    def __init__(
        self, client: regesta.Client, export: LogExport, now: datetime, *, dry_run: bool
    ) -> None:
        summary = export.summary
        self._client = client
        self._scribe = Scribe(summary.identity, now)
        self._planner = LogPlanner(self._scribe, client.namespace)
        self._report = Report(summary.identity, dry_run)
        self._report.facts |= {
            "events": summary.size,
            "root_hash": summary.root,
            "checkpoint": summary.checkpoint or None,
        }
        # Without a word of its own: a reason belongs to a flag, a request id says the rest.
        self._applier = Applier(client, self._report, "")
        #: Why the first write is made: it says what the way back can be proved by.
        self._reason = f"imported from {summary.identity}: {summary.size} events"
        self._reason += f", root {summary.root}"
        #: Events that are left out for the same cause are told together.
        self._left_out: Counter[str] = Counter()

    def event(self, record: LogRecord) -> None:
        plan = self._planner.plan(record)
        if record.type in LEFT_OUT:
            self._left_out[record.type] += 1
            return
        self._report.findings += plan.findings
        for step in plan.steps:
            self._step(record, step)

    def finished(self) -> Report:
        for kind, count in sorted(self._left_out.items()):
            self._report.found(Outcome.NOT_CARRIED, kind, f"{count} events", LEFT_OUT[kind])
        for kind, count in sorted(self._planner.reasons_withheld.items()):
            self._report.found(Outcome.NOT_CARRIED, kind, f"reasons of {count}", WITHHELD)
        return self._report

    def _step(self, record: LogRecord, step: Step) -> None:
        if self._reason:
            own = step.arguments.get("reason")
            step = under(step, reason=f"{own}\n{self._reason}" if own else self._reason)
            self._reason = ""
        before = len(self._report.findings)
        done = self._applier.carry_out(Plan((step,)))
        refusal = self._report.findings[-1] if len(self._report.findings) > before else None
        if refusal and _MISMATCH in refusal.why and self._is_untouched(record, step):
            # Something that should have come with an earlier event did not: the revision is
            # another, and yet nobody else has written.
            self._report.findings.pop()
            done = self._applier.carry_out(Plan((under(step, etag=""),)))
        elif refusal and _MISMATCH in refusal.why:
            self._report.findings[-1] = Finding(
                Outcome.CONFLICT, refusal.resource, record.type, "people wrote to it here since"
            )
        if not done:
            self._planner.missed(record)
        elif record.type == "CommentAdded" and self._applier.answer is not None:
            self._planner.commented(record, self._applier.answer.name)

    def _is_untouched(self, record: LogRecord, step: Step) -> bool:
        """Say whether no people have written here to what a step is about."""
        if Stream.parse(record.stream).model:
            return not history_of(self._client, step.arguments["name"]).by_people
        try:
            here = list(self._client.events(resources=[record.stream]))
        except PermissionDenied:
            # Who may not read the log cannot know whose change it was: it counts as people's.
            return False
        # A policy or a lifecycle is one of many in a stream.
        key = next((field for field in ("policy", "lifecycle") if field in record.data), "")
        return not any(
            not is_imported(event.request_id)
            and (not key or json.loads(event.record)["data"].get(key) == record.data[key])
            for event in here
        )
