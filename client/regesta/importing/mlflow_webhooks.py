"""What to do so that a webhook of MLflow's is here, as the document that the plugin keeps. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from regesta.importing.merging import CONFLICT_WHY, KEPT_WHY
from regesta.importing.mlflow_places import Rules
from regesta.importing.records import WebhookRecord
from regesta.importing.steps import Outcome, Plan, Scribe
from regesta.importing.touched import Touched
from regesta.mlflow.naming import WEBHOOK_KEY
from regesta.names import InvalidName, check_id
from regesta.v1 import documents_service_pb2

_SEALED_WHY: Final = (
    f"it is encrypted still: give MLflow's server the key {WEBHOOK_KEY} of the source"
)
_HIDDEN_WHY: Final = "a server does not show secrets; set it anew"

#: Gives the history of a document, folded. It is asked only where something differs.
History = Callable[[], Touched]


def content_of(record: WebhookRecord) -> str:
    """Return what the document of a webhook says."""
    content: dict[str, Any] = {
        "name": record.name,
        "url": record.url,
        "events": [{"entity": entity, "action": action} for entity, action in record.events],
        "status": record.status,
    }
    if record.description:
        content["description"] = record.description
    if record.secret:
        content["secret"] = record.secret
    return json.dumps(content, sort_keys=True)


def plan_webhook(
    record: WebhookRecord,
    name: str,
    here: documents_service_pb2.Document | None,
    history: History,
    *,
    scribe: Scribe,
    rules: Rules,
) -> Plan:
    """Return the step that puts a webhook here as it is in the source.

    Args:
        record: The webhook.
        name: The resource name of its document.
        here: The document; None where there is none.
        history: That of the document.
        scribe: Makes the step.
        rules: How far to go.
    """
    resource = f"webhook {record.name or record.id}"
    try:
        check_id(record.id)
    except InvalidName as error:
        return Plan.finding(Outcome.NOT_CARRIED, resource, "webhook", error.message)
    content = content_of(record)
    if here is not None and _same(here.content, content, shown=record.is_secret_shown):
        return Plan()
    touched = history()
    if not touched.touch("content").by_import and not rules.overwrite:
        if here is None:
            return Plan.finding(Outcome.KEPT, resource, "webhook", KEPT_WHY)
        return Plan.finding(Outcome.CONFLICT, resource, "webhook", CONFLICT_WHY)
    if here is not None and here.erased:
        return Plan.finding(Outcome.KEPT, resource, "webhook", "what it says was erased here")
    etag = "0" if here is None else here.etag
    step = scribe.step(
        "put_document",
        "webhooks put",
        resource,
        {"name": name, "content": content, "etag": etag},
        revision=f"{touched.revision}/{etag}",
        at=record.created if here is None else None,
    )
    plan = Plan((step,))
    if not record.is_secret_shown:
        return plan + Plan.finding(Outcome.CHANGED, resource, "secret", _HIDDEN_WHY)
    if record.secret:
        return plan + Plan.finding(Outcome.CHANGED, resource, "secret", _SEALED_WHY)
    return plan


def plan_webhook_gone(
    here: documents_service_pb2.Document, history: History, *, scribe: Scribe, rules: Rules
) -> Plan:
    """Return the step that removes a webhook that the source has no more.

    Args:
        here: Its document.
        history: That of the document.
        scribe: Makes the step.
        rules: How far to go.
    """
    touched = history()
    if not scribe.wrote(touched.born_by) or not touched.touch("content").by_import:
        return Plan()
    resource = f"webhook {here.name.rpartition('/')[2]}"
    if not rules.delete:
        why = "it stays here; --delete removes it here too"
        return Plan.finding(Outcome.DELETED, resource, "webhook", why)
    step = scribe.step(
        "remove_document", "webhooks removed", resource, {"name": here.name, "etag": here.etag}
    )
    return Plan((step,))


def _same(here: str, wanted: str, *, shown: bool) -> bool:
    """Say whether two documents are of the same webhook; a secret that is not shown may differ."""
    if shown or here == wanted:
        return here == wanted
    try:
        known = json.loads(here)
    except ValueError:
        return False
    known.pop("secret", None)
    return bool(known == json.loads(wanted))
