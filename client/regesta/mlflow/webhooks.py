"""MLflow's calls about webhooks, which its own server sends.

Each webhook is a document of the namespace, so its changes are in the history like everything
else. Its secret is encrypted before it leaves the process, with the key that MLflow names for
its own database: `MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY`.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cryptography.fernet import Fernet, InvalidToken
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_STATE, RESOURCE_DOES_NOT_EXIST
from mlflow.store.entities.paged_list import PagedList

from regesta import NotFound, PermissionDenied
from regesta.mlflow.calling import Calling, answering
from regesta.mlflow.entities import milliseconds
from regesta.mlflow.failing import invalid
from regesta.mlflow.naming import WEBHOOK_KEY, WEBHOOKS, webhook_document
from regesta.mlflow.paging import read_place, take

if TYPE_CHECKING:
    from mlflow.entities.webhook import Webhook, WebhookEvent, WebhookStatus

    from regesta.v1 import documents_service_pb2

_logger = logging.getLogger(__name__)

_PAGE: Final = 100
_LARGEST_PAGE: Final = 1_000


class WebhookCalls(Calling):
    """The part of the store that is about webhooks."""

    @answering
    def create_webhook(
        self,
        name: str,
        url: str,
        events: list[WebhookEvent],
        description: str | None = None,
        secret: str | None = None,
        status: WebhookStatus | None = None,
    ) -> Webhook:
        """Keep a new webhook."""
        _check({"name": name, "url": url, "events": events})
        content: dict[str, Any] = {
            "name": name,
            "url": url,
            "events": _written(events),
            "status": status.value if status else "ACTIVE",
        }
        if description is not None:
            content["description"] = description
        if secret is not None:
            content["secret"] = _encrypted(secret)
        return self._put(str(uuid.uuid4()), content, etag="0")

    @answering
    def get_webhook(self, webhook_id: str) -> Webhook:
        """Return a webhook."""
        return _webhook(self._document(webhook_id))

    @answering
    def list_webhooks(
        self, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Webhook]:
        """Return a page of all webhooks, the newest first."""
        return self._page(None, max_results, page_token)

    @answering
    def list_webhooks_by_event(
        self, event: WebhookEvent, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList[Webhook]:
        """Return a page of the webhooks that hear an event, the newest first."""
        try:
            return self._page(event, max_results, page_token)
        except PermissionDenied as error:
            _warn_once(error.message)
            return PagedList([], None)

    @answering
    def update_webhook(
        self,
        webhook_id: str,
        name: str | None = None,
        description: str | None = None,
        url: str | None = None,
        events: list[WebhookEvent] | None = None,
        secret: str | None = None,
        status: WebhookStatus | None = None,
    ) -> Webhook:
        """Change what is given of a webhook."""
        document = self._document(webhook_id)
        given = {"name": name, "url": url, "events": events}
        _check({field: value for field, value in given.items() if value is not None})
        changes = {
            "name": name,
            "description": description,
            "url": url,
            "events": None if events is None else _written(events),
            "secret": None if secret is None else _encrypted(secret),
            "status": None if status is None else status.value,
        }
        content = json.loads(document.content)
        content |= {field: value for field, value in changes.items() if value is not None}
        return self._put(webhook_id, content, etag=document.etag)

    @answering
    def delete_webhook(self, webhook_id: str) -> None:
        """Remove a webhook."""
        document = self._document(webhook_id)
        self._client.remove_document(document.name, **self._claims())

    def _document(self, webhook_id: str) -> documents_service_pb2.Document:
        try:
            return self._client.get_document(
                webhook_document(self._client.namespace, str(uuid.UUID(webhook_id)))
            )
        except (NotFound, ValueError):
            raise MlflowException(
                f"Webhook with ID {webhook_id} not found.", RESOURCE_DOES_NOT_EXIST
            ) from None

    def _put(self, webhook_id: str, content: dict[str, Any], *, etag: str) -> Webhook:
        return _webhook(
            self._client.put_document(
                webhook_document(self._client.namespace, webhook_id),
                content=json.dumps(content, sort_keys=True),
                etag=etag,
                **self._claims(),
            )
        )

    def _page(
        self, event: WebhookEvent | None, max_results: int | None, page_token: str | None
    ) -> PagedList[Webhook]:
        size = max_results or _PAGE
        if not 1 <= size <= _LARGEST_PAGE:
            raise invalid("max_results must be between 1 and 1000.")
        start = read_place(page_token)

        def fetch(token: str, size: int) -> tuple[Sequence[documents_service_pb2.Document], str]:
            page = self._client.list_documents(WEBHOOKS, page_size=size, page_token=token)
            kept = [document for document in page.documents if not document.erased]
            return kept, page.next_page_token

        def hears(document: documents_service_pb2.Document) -> bool:
            return event is None or _written([event])[0] in json.loads(document.content)["events"]

        found, token = take(fetch, hears, start, size, exact=event is None)
        return PagedList([_webhook(document) for document in found], token)


@functools.cache
def _warn_once(why: str) -> None:
    """Say that no webhook is sent: MLflow asks for them at every event, of most registries in vain."""
    _logger.warning("webhooks are not sent, since they may not be read here: %s", why)


def _webhook(document: documents_service_pb2.Document) -> Webhook:
    from mlflow.entities import webhook as entities  # noqa: PLC0415 - older releases have none

    content = json.loads(document.content)
    return entities.Webhook(
        webhook_id=document.name.rpartition("/")[2],
        name=content["name"],
        url=content["url"],
        events=[
            entities.WebhookEvent(
                entity=entities.WebhookEntity(event["entity"]),
                action=entities.WebhookAction(event["action"]),
            )
            for event in content["events"]
        ],
        creation_timestamp=milliseconds(document.create_time),
        last_updated_timestamp=milliseconds(document.update_time),
        description=content.get("description"),
        status=entities.WebhookStatus(content["status"]),
        secret=_decrypted(content["secret"]) if "secret" in content else None,
    )


def _check(given: Mapping[str, Any]) -> None:
    """Refuse what MLflow's own store refuses."""
    from mlflow.utils import validation  # noqa: PLC0415 - older releases lack these checks

    checks: dict[str, Callable[[Any], object]] = {
        "name": validation._validate_webhook_name,  # noqa: SLF001
        "url": validation._validate_webhook_url,  # noqa: SLF001
        "events": validation._validate_webhook_events,  # noqa: SLF001
    }
    for field, value in given.items():
        checks[field](value)


def _written(events: Iterable[WebhookEvent]) -> list[dict[str, str]]:
    return [{"entity": event.entity.value, "action": event.action.value} for event in events]


@functools.cache
def _cipher(key: str | None) -> Fernet:
    # Without a key MLflow makes one up too, so secrets last as long as the process.
    return Fernet(key or Fernet.generate_key())


def _encrypted(secret: str) -> str:
    return _cipher(os.environ.get(WEBHOOK_KEY)).encrypt(secret.encode()).decode()


def _decrypted(secret: str) -> str:
    try:
        return _cipher(os.environ.get(WEBHOOK_KEY)).decrypt(secret.encode()).decode()
    except InvalidToken:
        raise MlflowException(
            "The secret of a webhook was encrypted with another key; set"
            f" {WEBHOOK_KEY} to that key in every server that shares this registry",
            INVALID_STATE,
        ) from None
