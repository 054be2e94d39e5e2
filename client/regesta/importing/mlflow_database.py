"""A reader of an MLflow registry in its database.

It reads tables as they are and never changes them: MLflow's own code, which would bring an old
schema up to date, is not run. All is read in one snapshot where the database has such.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from itertools import groupby, islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from regesta.importing.extras import NoRegistry, needing
from regesta.importing.records import (
    NO_STAGE,
    READY,
    AliasRecord,
    Entry,
    Happening,
    ModelRecord,
    Size,
    VersionRecord,
    WebhookRecord,
    time_of,
)
from regesta.importing.steps import Finding, Outcome

if TYPE_CHECKING:
    import sqlalchemy as sa

#: Entries that are read at once: each of their tags may have 100,000 characters.
_PAGE: Final = 100


class MlflowDatabase:
    """The registry in a database, open for reading until `close`.

    Args:
        url: As SQLAlchemy writes it: `sqlite:///mlflow.db`, `postgresql://user@host/mlflow`.
        workspace: Whose models are read, where the database has workspaces.
        identity: What the source is called; the address without user and password if left out.
        remarks: What is known already not to be in it.

    Raises:
        MissingExtra: SQLAlchemy is not installed.
        NoRegistry: There is none at this address.
    """

    def __init__(
        self,
        url: str,
        *,
        workspace: str = "default",
        identity: str = "",
        remarks: Sequence[Finding] = (),
    ) -> None:
        with needing("mlflow", "reading an MLflow database"):
            import sqlalchemy  # noqa: F401, PLC0415 - an extra

            from regesta.importing import mlflow_tables  # noqa: PLC0415 - needs the extra
        self._exit = ExitStack()
        self._remarks = remarks
        self._tables_of = mlflow_tables
        self._engine, where = _engine(url)
        self._exit.callback(self._engine.dispose)
        self.identity = identity or (where if workspace == "default" else f"{where}#{workspace}")
        with told():
            self._tables = mlflow_tables.Tables.of(self._engine, workspace)
            self._stream, self._asked = (
                self._exit.enter_context(self._engine.connect()) for _ in range(2)
            )

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._exit.close()

    def size(self) -> Size:
        """Return how many models and versions there are, deleted versions included."""
        count = self._tables.count
        models = self._asked.scalar(count(self._tables_of.MODELS)) or 0
        return Size(models, self._asked.scalar(count(self._tables_of.VERSIONS)) or 0)

    def entries(self) -> Iterator[Entry]:
        """Yield what happened, oldest first, the versions of a model in the order of numbers."""
        rows = self._stream.execute(
            self._tables.entries(), execution_options={"stream_results": True, "yield_per": _PAGE}
        )
        for page in _pages(rows.mappings(), _PAGE):
            model_tags = self._tags(
                self._tables.model_tags([row["name"] for row in page if not row["version"]])
            )
            version_tags = self._tags(
                self._tables.version_tags(
                    [(row["name"], row["version"]) for row in page if row["version"]]
                )
            )
            for row in page:
                key = (row["name"], row["version"])
                if row["version"]:
                    yield _version_entry(row, version_tags.get(key, {}))
                else:
                    yield _model_entry(row, model_tags.get((row["name"],), {}))

    def aliases(self, model: str) -> Sequence[AliasRecord]:
        """Return the aliases of a model by name."""
        query = self._tables.aliases(model)
        if query is None:
            return ()
        target_of = self._tables_of.target_of
        return [
            AliasRecord(model, row.alias, row.version, target_of(row.found, row.current_stage))
            for row in self._asked.execute(query)
        ]

    def numbers(self, model: str) -> set[int]:
        """Return the numbers that a model's versions have, deleted ones included."""
        return set(self._asked.scalars(self._tables.numbers(model)))

    def webhooks(self) -> Sequence[WebhookRecord]:
        """Return the webhooks by id."""
        query = self._tables.webhooks()
        rows = [] if query is None else list(self._asked.execute(query).mappings())
        shown = "secret" in self._tables.by_name[self._tables_of.WEBHOOKS].c if rows else True
        return [
            _webhook([dict(row) for row in group], shown=shown)
            for _, group in groupby(rows, key=lambda row: row["webhook_id"])
        ]

    def left_out(self) -> Iterator[Finding]:
        """Yield other workspaces, and what was remarked before."""
        yield from self._remarks
        elsewhere = self._tables.elsewhere()
        for workspace, models in () if elsewhere is None else self._asked.execute(elsewhere):
            yield Finding(
                Outcome.NOT_CARRIED,
                f"workspace {workspace}",
                f"{models} models",
                "import it by itself with --workspace, best into a namespace of its own",
            )

    def _tags(self, query: sa.Select[Any] | None) -> dict[tuple[Any, ...], dict[str, str]]:
        tags: dict[tuple[Any, ...], dict[str, str]] = {}
        for *owner, key, value in () if query is None else self._asked.execute(query):
            tags.setdefault(tuple(owner), {})[key] = value or ""
        return tags


def _engine(url: str) -> tuple[sa.Engine, str]:
    """Return an engine that only reads, and the address without secrets."""
    import sqlalchemy as sa  # noqa: PLC0415 - an extra
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise NoRegistry(str(error)) from None
    if address.get_backend_name() == "sqlite":
        path = Path(address.database or "").absolute()
        if not path.is_file():
            raise NoRegistry(f"there is no file {path}")
        uri = f"file:{quote(str(path))}?mode=ro"

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(uri, uri=True, check_same_thread=False)

        return sa.create_engine("sqlite://", creator=connect, poolclass=NullPool), f"sqlite:{path}"
    host = address.host or address.query.get("host", "")
    port = address.port or address.query.get("port", "")
    where = f"{address.get_backend_name()}://{host}{port and f':{port}'}/{address.database}"
    options: dict[str, Any] = {}
    if address.get_backend_name() == "postgresql":
        if address.drivername == "postgresql" and not find_spec("psycopg2"):
            address = address.set(drivername="postgresql+psycopg")
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with needing("mlflow", f"a database of {address.get_backend_name()} and its driver"):
        return sa.create_engine(address, poolclass=NullPool, execution_options=options), where


@contextmanager
def told() -> Iterator[None]:
    """Say that a database cannot be read in place of SQLAlchemy's own errors.

    Raises:
        NoRegistry: It cannot.
    """
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - an extra

    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise NoRegistry(f"the database cannot be read: {cause}") from None


def _pages(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(rows)
    while page := list(islice(rest, size)):
        yield page


def _webhook(rows: Sequence[Mapping[str, Any]], *, shown: bool) -> WebhookRecord:
    row = rows[0]
    return WebhookRecord(
        row["webhook_id"],
        row["name"] or "",
        row["url"] or "",
        [(one["entity"], one["action"]) for one in rows if one["entity"]],
        row["status"] or "ACTIVE",
        row["description"] or "",
        row["secret"] or "",
        shown,
        time_of(row["creation_timestamp"]),
    )


def _model_entry(row: Mapping[str, Any], tags: Mapping[str, str]) -> Entry:
    return Entry(
        Happening.CREATED,
        ModelRecord(
            row["name"],
            time_of(row["model_creation_time"]),
            row["model_description"] or "",
            tags,
        ),
    )


def _version_entry(row: Mapping[str, Any], tags: Mapping[str, str]) -> Entry:
    return Entry(
        Happening.SETTLED if row["late"] else Happening.REGISTERED,
        VersionRecord(
            row["name"],
            row["version"],
            time_of(row["creation_time"]),
            time_of(row["last_updated_time"]),
            row["description"] or "",
            row["user_id"] or "",
            row["current_stage"] or NO_STAGE,
            row["source"] or "",
            row["storage_location"] or "",
            row["run_id"] or "",
            row["run_link"] or "",
            row["status"] or READY,
            row["status_message"] or "",
            tags,
        ),
    )
