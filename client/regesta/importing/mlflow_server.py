"""A reader of an MLflow registry behind a server, through MLflow's own code.

A server gives pages in orders of its own. So they are laid into a database on disk, in tables
like MLflow's, and read from there as any other: in the order in which things happened, and with
no more memory than a page takes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from regesta.importing.extras import NoRegistry
from regesta.importing.mlflow_database import MlflowDatabase
from regesta.importing.mlflow_store import registry_store
from regesta.importing.records import PROMPT_TAG
from regesta.importing.steps import Finding, Outcome

#: Models or versions that are asked for at once.
_PAGE: Final = 200
_PROMPTS: Final = f"tag.`{PROMPT_TAG}` = 'true'"
#: A source that begins so names another version, and the files are elsewhere.
_BY_NAME: Final = "models:/"


@contextmanager
def mlflow_server(url: str, *, identity: str = "") -> Iterator[MlflowDatabase]:
    """Give a reader of what a server has now.

    Versions that were deleted are not shown by a server: their numbers are missing.

    Args:
        url: `http://…` or `https://…`; credentials as MLflow's client takes them.
        identity: What the source is called; the address without user and password if left out.

    Raises:
        MissingExtra: MLflow is not installed.
        NoRegistry: The server does not answer, or not as MLflow does.
    """
    store, refusal = registry_store(url)
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    where = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="regesta-import-")))
        spool = folder / "mlflow.db"
        try:
            remarks = _lay_down(store, spool, refusal)
        except refusal as error:
            raise NoRegistry(f"{where}: {error}") from None
        yield stack.enter_context(
            MlflowDatabase(
                f"sqlite:///{spool}", identity=identity or f"mlflow:{where}", remarks=remarks
            )
        )


def _lay_down(store: Any, spool: Path, refusal: type[Exception]) -> Sequence[Finding]:
    """Lay what a server shows into a database; return what it does not show."""
    import sqlalchemy as sa  # noqa: PLC0415 - an extra

    from regesta.importing import mlflow_tables as tables  # noqa: PLC0415

    engine = sa.create_engine(f"sqlite:///{spool}")
    by_name = tables.spool_tables(engine)

    def put(table: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            # What moved to another page meanwhile is met twice.
            connection.execute(by_name[table].insert().prefix_with("OR REPLACE"), rows)

    with engine.begin() as connection:
        for page in _pages(store.search_registered_models):
            put(tables.MODELS, [_model(model) for model in page])
            put(tables.MODEL_TAGS, [_tag(m.name, tag) for m in page for tag in m.tags.items()])
            put(
                tables.ALIASES,
                [
                    {"name": model.name, "alias": alias, "version": int(number)}
                    for model in page
                    for alias, number in (model.aliases or {}).items()
                ],
            )
        for page in _pages(store.search_model_versions):
            put(tables.VERSIONS, [_version(store, version) for version in page])
            put(
                tables.VERSION_TAGS,
                [
                    _tag(version.name, tag) | {"version": int(version.version)}
                    for version in page
                    for tag in version.tags.items()
                ],
            )
        hooks, remarks = _webhooks(store, refusal)
        put(tables.WEBHOOKS, [_webhook(hook) for hook in hooks])
        put(
            tables.WEBHOOK_EVENTS,
            [
                {
                    "webhook_id": hook.webhook_id,
                    "entity": event.entity.value,
                    "action": event.action.value,
                }
                for hook in hooks
                for event in hook.events
            ],
        )
    engine.dispose()
    return remarks


def _pages(search: Callable[..., Any]) -> Iterator[Any]:
    """Yield pages of models or versions, and then of prompts, which are not among them."""
    for wanted in (None, _PROMPTS):
        token = None
        while True:
            page = search(filter_string=wanted, max_results=_PAGE, page_token=token)
            yield page
            token = page.token
            if not token:
                break


def _webhooks(store: Any, refusal: type[Exception]) -> tuple[list[Any], Sequence[Finding]]:
    """Return the webhooks, and why they are not all of them."""
    found: list[Any] = []
    token = None
    try:
        while True:
            page = store.list_webhooks(page_token=token)
            found += page
            token = page.token
            if not token:
                return found, ()
    except (AttributeError, NotImplementedError):
        return [], ()  # an older MLflow has none
    except refusal as error:
        if getattr(error, "error_code", "") == "ENDPOINT_NOT_FOUND":
            return [], ()
        return found, [Finding(Outcome.NOT_CARRIED, "webhooks", "all of them", str(error))]


def _webhook(hook: Any) -> dict[str, Any]:
    return {
        "webhook_id": hook.webhook_id,
        "name": hook.name,
        "url": hook.url,
        "status": str(getattr(hook.status, "value", hook.status)),
        "description": hook.description,
        "creation_timestamp": hook.creation_timestamp,
    }


def _model(model: Any) -> dict[str, Any]:
    return {
        "name": model.name,
        "creation_time": model.creation_timestamp,
        "description": model.description,
    }


def _tag(name: str, tag: tuple[str, str]) -> dict[str, Any]:
    key, value = tag
    return {"name": name, "key": key, "value": value}


def _version(store: Any, version: Any) -> dict[str, Any]:
    source = version.source or ""
    location = source
    if source.startswith(_BY_NAME):
        location = store.get_model_version_download_uri(version.name, version.version)
    return {
        "name": version.name,
        "version": int(version.version),
        "creation_time": version.creation_timestamp,
        "last_updated_time": version.last_updated_timestamp,
        "description": version.description,
        "user_id": version.user_id,
        "current_stage": version.current_stage,
        "source": source,
        "storage_location": location,
        "run_id": version.run_id,
        "run_link": version.run_link,
        "status": version.status,
        "status_message": version.status_message,
    }
