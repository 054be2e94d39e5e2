"""What to do so that an alias is here as it is in MLflow. Pure."""

from __future__ import annotations

from collections.abc import Callable

from regesta.importing.merging import Verdict, judge, telling
from regesta.importing.mlflow_places import Rules
from regesta.importing.records import AliasRecord, Target
from regesta.importing.steps import Outcome, Plan, Scribe, alias_name
from regesta.importing.touched import Touched
from regesta.mlflow import naming
from regesta.names import InvalidName

#: Gives the history of a resource, folded. It is asked only where something differs.
History = Callable[[], Touched]


def plan_alias(
    record: AliasRecord, model: str, here: int, history: History, *, scribe: Scribe, rules: Rules
) -> Plan:
    """Return the step that points an alias as it points in the source.

    Args:
        record: The alias.
        model: The id of its model here.
        here: The version that it points to here; 0 for none.
        history: That of the alias here.
        scribe: Makes the step.
        rules: How far to go.
    """
    resource = f"{record.model}@{record.alias}"
    if record.target is not Target.LIVE:
        why = f"it points to version {record.number}, which is {record.target}"
        return Plan.finding(Outcome.NOT_CARRIED, resource, "alias", why)
    try:
        alias = naming.alias_id(record.alias)
    except InvalidName as error:
        return Plan.finding(Outcome.NOT_CARRIED, resource, "alias", error.message)
    if here == record.number:
        return Plan()
    touched = history()
    verdict = judge(
        record.number, here or None, touched.touch("version"), overwrite=rules.overwrite
    )
    if verdict is not Verdict.SET:
        return telling(verdict, resource, "alias")
    step = scribe.step(
        "set_alias",
        "aliases set",
        resource,
        {"name": alias_name(model, alias), "version": record.number},
        revision=str(touched.revision),
    )
    return Plan((step,))


def plan_alias_gone(name: str, model: str, alias: str, history: History, *, scribe: Scribe) -> Plan:
    """Return the step that removes an alias that the source has no more.

    Args:
        name: The model, as the source calls it.
        model: Its id here.
        alias: The alias here.
        history: That of the alias.
        scribe: Makes the step.
    """
    touched = history()
    touch = touched.touch("version")
    if not touch.by_import or touch.base is None:
        return Plan()
    step = scribe.step(
        "remove_alias",
        "aliases removed",
        f"{name}@{naming.alias_of(alias)}",
        {"name": alias_name(model, alias)},
        revision=str(touched.revision),
    )
    return Plan((step,))
