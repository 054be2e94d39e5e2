"""What to do so that an event of another log happens here. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from regesta.importing.log_calls import CALLS, Call, Stream
from regesta.importing.log_records import LogRecord
from regesta.importing.steps import Finding, Outcome, Plan, Scribe, Step

#: Events that other events bring with them.
BROUGHT: Final = frozenset({"NamespaceCreated", "StageTaken"})

#: Events that no call of an importer makes, and why.
LEFT_OUT: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("RoleGranted", "RoleRevoked", "PrincipalRegistered", "TokenIssued", "TokenRevoked"),
        "who may do what is for each deployment to say",
    ),
    **dict.fromkeys(
        ("HeadsCommitted", "KeyRotated", "KeyCompromised", "LogForked", "LogWitnessed"),
        "it is about the other log itself",
    ),
    **dict.fromkeys(
        (
            "TransitionRequested",
            "TransitionApproved",
            "TransitionRejected",
            "TransitionCancelled",
            "TransitionExpired",
            "TransitionCompleted",
        ),
        "an approval is the approver's own; nobody can give it for them",
    ),
    **dict.fromkeys(
        ("HoldPlaced", "HoldReleased", "RetentionDefined", "BodiesReleased"),
        "it is about what is kept there; decide it anew here",
    ),
    "PersonalDataErased": "what was erased there is not in an export either",
}

#: Why a text of an event is not here.
WITHHELD: Final = "the export has no free texts; a pack or a backup has"


class LogPlanner:
    """Makes the plan of each event, in the order of the other log.

    Args:
        scribe: Makes the steps.
        namespace: Into which it is imported.
    """

    def __init__(self, scribe: Scribe, namespace: str) -> None:
        self._scribe = scribe
        self._namespace = namespace
        #: How many events have a reason that the export has not, by type.
        self.reasons_withheld: Counter[str] = Counter()
        #: How many events of a stream did not happen here.
        self._missed: dict[str, int] = {}
        self._models_missed: set[str] = set()
        #: Stages that take one version only: what leaves them for another is moved by that one.
        self._exclusive: set[str] = set()
        #: How many stages a version is only passing through, on the way to the next event of it.
        self._passed: dict[str, int] = {}
        #: Ids of comments here, by those in the other log.
        self._comments: dict[str, str] = {}

    def plan(self, record: LogRecord) -> Plan:
        """Return the step that does what an event says, or why there is none."""
        stream = Stream.parse(record.stream)
        resource = stream.short or record.stream
        if record.type in BROUGHT or self._is_brought(record):
            return Plan()
        make = CALLS.get(record.type)
        why = LEFT_OUT.get(record.type, "" if make else "this program does not know such events")
        if stream.model in self._models_missed:
            why = "its model is not here"
        if make is None or why:
            return self._left(record, resource, why)
        call = make(record, stream)
        findings = tuple(
            Finding(Outcome.NOT_CARRIED, resource, f"{field} of {record.type}", WITHHELD)
            for field in call.withheld
        )
        if not call.name:
            self.missed(record)
            return Plan((), findings)
        step = self._scribe.step(
            call.name,
            record.type,
            resource,
            self._arguments(record, stream, call),
            identity=record.leaf,
            at=record.time,
            by=record.actor,
        )
        return Plan((step,), findings + tuple(_unclaimed(record, step, resource)))

    def missed(self, record: LogRecord) -> None:
        """Take note that an event did not happen here."""
        self._missed[record.stream] = self._missed.get(record.stream, 0) + 1
        if record.type == "ModelCreated":
            self._models_missed.add(Stream.parse(record.stream).model)

    def commented(self, record: LogRecord, name: str) -> None:
        """Take note of what a comment is called here."""
        self._comments[Stream.parse(record.stream).comment] = name.rpartition("/")[2]

    def _arguments(self, record: LogRecord, stream: Stream, call: Call) -> dict[str, Any]:
        """Return what a call is given here: names of this namespace, a revision, the reason."""
        arguments = dict(call.arguments)
        if not stream.model and "name" in arguments:
            arguments["name"] = f"namespaces/{self._namespace}/{arguments['name']}"
        if stream.comment:
            self._rename_comment(arguments, record, stream)
        if call.etag:
            arguments["etag"] = self._etag(record)
        if self._passed.pop(record.stream, 0):
            arguments["through"] = True
        if record.texts.get("reason"):
            arguments["reason"] = record.texts["reason"]
        elif record.data.get("reason") and "reason" not in call.withheld:
            self.reasons_withheld[record.type] += 1
        return arguments

    def _is_brought(self, record: LogRecord) -> bool:
        """Say whether the event comes with another one: a version makes room for another."""
        if record.type == "LifecycleDefined":
            stages = record.data.get("stages", ())
            self._exclusive |= {stage["name"] for stage in stages if stage.get("exclusive")}
        if record.type == "StageChanged" and record.data.get("passing"):
            self._passed[record.stream] = self._passed.get(record.stream, 0) + 1
            return True
        if record.type == "StageChanged" and record.data.get("displacedBy"):
            return record.data.get("fromStage") in self._exclusive
        if record.type == "VersionRolledBack" and "toStage" in record.data:
            return int(record.data.get("version", 0)) != Stream.parse(record.stream).version
        return False

    def _left(self, record: LogRecord, resource: str, why: str) -> Plan:
        self.missed(record)
        return Plan((), (Finding(Outcome.NOT_CARRIED, resource, record.type, why),))

    def _etag(self, record: LogRecord) -> str:
        """Return the revision that a resource must have: nobody else has written to it."""
        if record.type == "AliasSet" and not record.data.get("previousVersion"):
            return "0"
        missing = self._missed.get(record.stream, 0) + self._passed.get(record.stream, 0)
        return str(record.revision - 1 - missing)

    def _rename_comment(self, arguments: dict[str, Any], record: LogRecord, stream: Stream) -> None:
        if record.type == "CommentEdited":
            comment = self._comments.get(stream.comment, stream.comment)
            arguments["name"] = f"{stream.name}/comments/{comment}"
        elif "reply_to" in arguments:
            replied = arguments["reply_to"]
            arguments["reply_to"] = self._comments.get(replied, replied)


def _unclaimed(record: LogRecord, step: Step, resource: str) -> Iterator[Finding]:
    """Yield what the other log says of an event and no claim can say."""
    if step.occurred_time is None:
        why = "it is later than now, so it has the time of the import"
        yield Finding(Outcome.CHANGED, resource, f"time of {record.type}", why)
    if step.occurred_by != record.actor:
        why = "it is too long or no line of text, so it has the actor of the import"
        yield Finding(Outcome.CHANGED, resource, f"actor of {record.type}", why)
