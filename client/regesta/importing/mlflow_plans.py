"""What to do so that a model, a version, an alias is here as it is in MLflow. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from regesta.importing.merging import (
    TagChanges,
    Verdict,
    chunks,
    judge,
    merge_tags,
    telling,
)
from regesta.importing.mlflow_contents import (
    fitting,
    is_placeholder,
    model_of,
    placeholder,
    resource_of,
    same_origin,
    status_in,
    version_of,
)
from regesta.importing.mlflow_places import Place, Rules
from regesta.importing.records import NO_STAGE, ModelRecord, VersionRecord
from regesta.importing.steps import (
    Outcome,
    Plan,
    Scribe,
    Step,
    model_name,
    version_name,
)
from regesta.importing.touched import Touch, Touched, Value
from regesta.mlflow import naming
from regesta.v1 import model_pb2, version_pb2

#: More numbers in a row that the source does not have are not filled.
MAX_GAP: Final = 10_000

#: Gives the history of a resource, folded. It is asked only where something differs.
History = Callable[[], Touched]

Resource = model_pb2.Model | version_pb2.Version


class Planner:
    """Makes the plans of one source.

    Args:
        scribe: Makes the steps.
        rules: How far to go.
    """

    def __init__(self, scribe: Scribe, rules: Rules) -> None:
        self._scribe = scribe
        self._rules = rules

    def model(self, record: ModelRecord, place: Place) -> Plan:
        """Return the steps that make a model here as it is in the source."""
        if not place.id:
            return place.plan
        is_derived = place.id != record.name and (
            place.found is None or naming.NAME_TAG in place.found.model.tags
        )
        tags, text, findings = fitting(record, name_tag=is_derived)
        plan = place.plan + Plan((), findings)
        if place.found is None:
            return plan + self._created(record, place.id, tags, text)
        touched = place.found.touched
        here = place.found.model
        if record.is_prompt != (here.kind == model_pb2.MODEL_KIND_PROMPT):
            why = "what kind a model is never changes here"
            plan += Plan.finding(Outcome.NOT_CARRIED, record.name, "whether it is a prompt", why)
        return plan + self._merged(
            record.name, here.name, here, tags=tags, text=text, history=lambda: touched
        )

    def version(
        self,
        record: VersionRecord,
        model: str,
        latest: int,
        here: version_pb2.Version | None,
        history: History,
    ) -> Plan:
        """Return the steps that make a version here as it is in the source, but for its stage.

        Args:
            record: The version.
            model: The id of its model here.
            latest: The highest number that the model has here.
            here: The version of that number; None where there is none yet.
            history: That of `here`.
        """
        tags, text, findings = fitting(record)
        if here is None:
            return Plan((), findings) + self._registered(record, model, latest, tags, text)
        wanted, _ = version_of(record, {}, None)
        if record.is_deleted:
            return Plan()
        resource = resource_of(record)
        if is_placeholder(here):
            why = "its number was used up when the source did not show it"
            return Plan.finding(Outcome.NOT_CARRIED, resource, "version", why)
        if not same_origin(wanted, here):
            return Plan.finding(Outcome.CONFLICT, resource, "version", "it is another version here")
        plan = Plan((), findings)
        if record.status != status_in(here):
            why = f"its status is {record.status} by now; what was registered stays as it was"
            plan += Plan.finding(Outcome.NOT_CARRIED, resource, "status", why)
        name = version_name(model, record.number)
        plan += self._merged(resource, name, here, tags=tags, text=text, history=history)
        if record.stage == NO_STAGE and not here.HasField("delete_time"):
            plan += self._staged(record, name, here, history)
        return plan

    def settled(
        self, record: VersionRecord, model: str, here: version_pb2.Version, history: History
    ) -> Plan:
        """Return the steps that delete a version or move it to its stage, as in the source."""
        name = version_name(model, record.number)
        if not record.is_deleted:
            wanted, _ = version_of(record, {}, None)
            if here.HasField("delete_time") or not same_origin(wanted, here):
                return Plan()  # told when the version was looked at
            return self._staged(record, name, here, history)
        if here.HasField("delete_time"):
            return Plan()
        wanted, _ = version_of(record, {}, None)
        # Registered as one that was deleted already: only the second half is missing.
        is_half_done = same_origin(wanted, here)
        verdict = judge(
            source=True, here=False, touch=_deletion(history()), overwrite=self._rules.overwrite
        )
        if verdict is not Verdict.SET:
            return telling(verdict, resource_of(record), "version, live here")
        if not is_half_done and not self._rules.delete:
            return _left(resource_of(record), "version")
        return Plan((self._deleted("version", record, name, here.etag),))

    def version_gone(self, name: str, here: version_pb2.Version, history: History) -> Plan:
        """Return the step that deletes a version whose number the source does not have (any more).

        Args:
            name: The model, as the source calls it.
            here: The version, which is not deleted.
            history: Its own.
        """
        touched = history()
        resource = f"{name}/{here.version}"
        if not self._scribe.wrote(touched.born_by) or not touched.touch("deleted").by_import:
            return Plan()
        if not is_placeholder(here) and not self._rules.delete:
            return _left(resource, "version")
        step = self._scribe.step(
            "delete_version",
            "versions deleted",
            resource,
            {"name": here.name, "etag": here.etag},
        )
        return Plan((step,))

    def model_gone(self, here: model_pb2.Model, model: str, history: History) -> Plan:
        """Return the step that deletes a model that the source has no more."""
        touched = history()
        if not self._scribe.wrote(touched.born_by) or not touched.touch("deleted").by_import:
            return Plan()
        resource = naming.name_of(model, dict(here.tags))
        if not self._rules.delete:
            return _left(resource, "model")
        step = self._scribe.step(
            "delete_model", "models deleted", resource, {"name": here.name, "etag": here.etag}
        )
        return Plan((step,))

    def _created(
        self, record: ModelRecord, model: str, tags: dict[str, str], text: str | None
    ) -> Plan:
        first, *rest = chunks(tags) if tags else ({},)
        steps = [
            self._scribe.step(
                "create_model",
                "models created",
                record.name,
                {"model_id": model, "model": model_of(record, first, text)},
                at=record.created,
            )
        ]
        steps += [
            self._more_tags(record.name, model_name(model), part, record.created) for part in rest
        ]
        return Plan(tuple(steps))

    def _registered(
        self,
        record: VersionRecord,
        model: str,
        latest: int,
        tags: dict[str, str],
        text: str | None,
    ) -> Plan:
        resource, name = resource_of(record), version_name(model, record.number)
        gap = range(latest + 1, record.number)
        if len(gap) > MAX_GAP:
            why = (
                f"the {len(gap):,} numbers before it are not there; at most {MAX_GAP:,} are filled"
            )
            return Plan.finding(Outcome.NOT_CARRIED, resource, "version", why)
        first, *rest = chunks(tags) if tags else ({},)
        version, findings = version_of(record, first, text)
        step = self._scribe.step(
            "register_version",
            "versions registered",
            resource,
            {"parent": model_name(model), "version": version},
            revision=str(record.number),
            at=record.created,
            by=record.user,
            instead=tuple(self._used_up(record.model, model, record.number)),
        )
        filled = [one for number in gap for one in self._used_up(record.model, model, number)]
        more = [self._more_tags(resource, name, part, record.created) for part in rest]
        return Plan((*filled, step, *more), findings)

    def _used_up(self, name: str, model: str, number: int) -> Iterator[Step]:
        """Yield the steps by which a number is used up that the source does not have."""
        resource = f"{name}/{number}"
        yield self._scribe.step(
            "register_version",
            "numbers used up",
            resource,
            {"parent": model_name(model), "version": placeholder()},
            revision=str(number),
        )
        yield self._scribe.step(
            "delete_version", "", resource, {"name": version_name(model, number)}, revision="1"
        )

    def _merged(
        self,
        resource: str,
        name: str,
        here: Resource,
        *,
        tags: Mapping[str, str],
        text: str | None,
        history: History,
    ) -> Plan:
        """Return the steps that bring tags and description of what is there already."""
        is_deleted = here.HasField("delete_time")
        text = here.description if text is None else text
        if not is_deleted and text == here.description and dict(here.tags) == tags:
            return Plan()
        touched = history()
        steps: list[Step] = []
        kind = "model" if isinstance(here, model_pb2.Model) else "version"
        if is_deleted:
            verdict = judge(
                source=False, here=True, touch=_deletion(touched), overwrite=self._rules.overwrite
            )
            if verdict is not Verdict.SET:
                return telling(verdict, resource, f"{kind}, deleted here")
            steps.append(
                self._on(f"restore_{kind}", f"{kind}s restored", resource, here, {"name": name})
            )
        verdict = judge(text, here.description, _texts(touched), overwrite=self._rules.overwrite)
        if verdict is Verdict.SET:
            changed: Resource = type(here)(name=here.name, description=text)
            steps.append(
                self._on(
                    f"update_{kind}",
                    "descriptions changed",
                    resource,
                    here,
                    {kind: changed, "update_mask": ["description"]},
                )
            )
        changes = merge_tags(resource, tags, here.tags, touched, overwrite=self._rules.overwrite)
        steps += self._tagged(resource, name, here, changes)
        return Plan(tuple(steps), changes.findings) + telling(verdict, resource, "description")

    def _tagged(
        self, resource: str, name: str, here: Resource, changes: TagChanges
    ) -> Iterator[Step]:
        for part in chunks(changes.to_set):
            yield self._on("set_tags", "tags set", resource, here, {"name": name, "tags": part})
        if changes.to_remove:
            keys = list(changes.to_remove)
            yield self._on(
                "remove_tags", "tags removed", resource, here, {"name": name, "keys": keys}
            )

    def _staged(
        self, record: VersionRecord, name: str, here: version_pb2.Version, history: History
    ) -> Plan:
        wanted = naming.stage_id(record.stage)
        if wanted == here.stage:
            return Plan()
        touched = history()
        if record.stage == NO_STAGE:
            # A version that was never moved is in the first stage of its lifecycle.
            wanted = touched.born_in or wanted
        verdict = judge(wanted, here.stage, touched.touch("stage"), overwrite=self._rules.overwrite)
        if verdict is not Verdict.SET:
            return telling(verdict, resource_of(record), "stage")
        step = self._on(
            "transition_version",
            "versions moved to their stage",
            resource_of(record),
            here,
            {"name": name, "stage": wanted, "through": True},
            at=record,
        )
        return Plan((step,))

    def _deleted(self, kind: str, record: VersionRecord, name: str, etag: str) -> Step:
        return self._scribe.step(
            f"delete_{kind}",
            f"{kind}s deleted",
            resource_of(record),
            {"name": name, "etag": etag},
            at=record.updated,
        )

    def _more_tags(self, resource: str, name: str, tags: Mapping[str, str], at: Any) -> Step:
        # What does not fit into the first event; counted with what it belongs to.
        return self._scribe.step("set_tags", "", resource, {"name": name, "tags": tags}, at=at)

    def _on(
        self,
        call: str,
        what: str,
        resource: str,
        here: Resource,
        arguments: Mapping[str, Any],
        *,
        at: VersionRecord | None = None,
    ) -> Step:
        """Return a step on something that is there, planned for its revision."""
        return self._scribe.step(
            call,
            what,
            resource,
            arguments,
            revision=here.etag,
            at=None if at is None else at.updated,
        )


def _deletion(touched: Touched) -> Touch:
    """Return who deleted or restored a resource last; an import made it live."""
    touch = touched.touch("deleted")
    return Touch(touch.by_import, bool(touch.base))


def _texts(touched: Touched) -> Touch:
    """Return who set a description last; one that was never set is empty."""
    touch = touched.touch("description")
    base: Value = "" if touch.base is None else touch.base
    return Touch(touch.by_import, base)


def _left(resource: str, what: str) -> Plan:
    return Plan.finding(
        Outcome.DELETED, resource, what, "it stays here; --delete deletes it here too"
    )
