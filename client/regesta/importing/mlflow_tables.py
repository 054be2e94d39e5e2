"""MLflow's tables, and the queries over them.

Only the columns that are there are asked for, so that the tables of any version of MLflow since
its 1.0 can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from regesta.importing.extras import NoRegistry
from regesta.importing.records import DELETED, NO_STAGE, Target

MODELS: Final = "registered_models"
VERSIONS: Final = "model_versions"
MODEL_TAGS: Final = "registered_model_tags"
VERSION_TAGS: Final = "model_version_tags"
ALIASES: Final = "registered_model_aliases"
WEBHOOKS: Final = "webhooks"
WEBHOOK_EVENTS: Final = "webhook_events"

#: The workspace that models are in where nobody has made others.
DEFAULT_WORKSPACE: Final = "default"

_MODEL_COLUMNS: Final = ("name", "creation_time", "description")
_VERSION_COLUMNS: Final = (
    "version",
    "creation_time",
    "last_updated_time",
    "description",
    "user_id",
    "current_stage",
    "source",
    "storage_location",
    "run_id",
    "run_link",
    "status",
    "status_message",
)
_WEBHOOK_COLUMNS: Final = (
    "webhook_id",
    "name",
    "url",
    "status",
    "description",
    "secret",
    "creation_timestamp",
)


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one registry.

    Attributes:
        by_name: Those that are there.
        workspace: Whose rows are read, where tables know workspaces.
    """

    by_name: dict[str, sa.Table]
    workspace: str = DEFAULT_WORKSPACE

    @classmethod
    def of(cls, engine: sa.Engine, workspace: str = DEFAULT_WORKSPACE) -> Tables:
        """Return the tables that a database has.

        Raises:
            NoRegistry: Those of models and versions are not among them.
        """
        there = set(sa.inspect(engine).get_table_names())
        if not {MODELS, VERSIONS} <= there:
            raise NoRegistry(f"this database has no tables {MODELS} and {VERSIONS}")
        wanted = (
            *(MODELS, VERSIONS, MODEL_TAGS, VERSION_TAGS, ALIASES),
            *(WEBHOOKS, WEBHOOK_EVENTS),
        )
        found = sa.MetaData()
        found.reflect(engine, only=[name for name in wanted if name in there], resolve_fks=False)
        return cls(dict(found.tables), workspace)

    def entries(self) -> sa.Select[Any]:
        """Return what happened, oldest first.

        A model's versions come in the order of their numbers, after the model, whatever their
        times say; the time of a row is the latest up to it.
        """
        models, versions = self.by_name[MODELS], self.by_name[VERSIONS]
        told = sa.union_all(
            sa.select(models.c.name, sa.literal(0).label("version"), models.c.creation_time).where(
                *self._here(models)
            ),
            sa.select(versions.c.name, versions.c.version, versions.c.creation_time).where(
                *self._here(versions)
            ),
        ).subquery()
        created = sa.select(
            told.c.name,
            told.c.version,
            sa.func.max(sa.func.coalesce(told.c.creation_time, 0))
            .over(partition_by=told.c.name, order_by=told.c.version)
            .label("at"),
        ).cte("created")
        settled_at = sa.func.coalesce(versions.c.last_updated_time, 0)
        happened = sa.union_all(
            sa.select(created, sa.literal(0).label("late")),
            sa.select(
                created.c.name,
                created.c.version,
                sa.case((settled_at > created.c.at, settled_at), else_=created.c.at),
                sa.literal(1),
            )
            .join(versions, self._of(versions, created))
            .where(versions.c.current_stage != NO_STAGE),
        ).subquery()
        return (
            sa.select(happened.c.late, happened.c.name, happened.c.version)
            .add_columns(*_columns(models, _MODEL_COLUMNS[1:], "model_"))
            .add_columns(*_columns(versions, _VERSION_COLUMNS[1:], ""))
            .select_from(
                happened.outerjoin(
                    models,
                    sa.and_(
                        happened.c.version == 0,
                        models.c.name == happened.c.name,
                        *self._here(models),
                    ),
                ).outerjoin(versions, self._of(versions, happened))
            )
            .order_by(happened.c.at, happened.c.late, happened.c.name, happened.c.version)
        )

    def model_tags(self, names: Sequence[str]) -> sa.Select[Any] | None:
        """Return the tags of some models; None where models have none."""
        tags = self.by_name.get(MODEL_TAGS)
        if tags is None:
            return None
        return sa.select(tags.c.name, tags.c.key, tags.c.value).where(
            tags.c.name.in_(names), *self._here(tags)
        )

    def version_tags(self, keys: Sequence[tuple[str, int]]) -> sa.Select[Any] | None:
        """Return the tags of some versions, given by name and number; None where they have none."""
        tags = self.by_name.get(VERSION_TAGS)
        if tags is None:
            return None
        # Not as tuples, which not every database compares.
        either = [sa.and_(tags.c.name == name, tags.c.version == number) for name, number in keys]
        return sa.select(tags.c.name, tags.c.version, tags.c.key, tags.c.value).where(
            sa.or_(*either), *self._here(tags)
        )

    def aliases(self, name: str) -> sa.Select[Any] | None:
        """Return a model's aliases with the stage of what they point to; None without such."""
        aliases, versions = self.by_name.get(ALIASES), self.by_name[VERSIONS]
        if aliases is None:
            return None
        return (
            sa.select(aliases.c.alias, aliases.c.version, versions.c.current_stage)
            .add_columns(versions.c.version.label("found"))
            .select_from(aliases.outerjoin(versions, self._of(versions, aliases)))
            .where(aliases.c.name == name, *self._here(aliases))
            .order_by(aliases.c.alias)
        )

    def numbers(self, name: str) -> sa.Select[Any]:
        """Return the numbers of a model's versions."""
        versions = self.by_name[VERSIONS]
        return sa.select(versions.c.version).where(versions.c.name == name, *self._here(versions))

    def webhooks(self) -> sa.Select[Any] | None:
        """Return the webhooks, each with one of its events a row; None without such."""
        hooks, events = self.by_name.get(WEBHOOKS), self.by_name.get(WEBHOOK_EVENTS)
        if hooks is None or events is None:
            return None
        living = [hooks.c.deleted_timestamp.is_(None)] if "deleted_timestamp" in hooks.c else []
        return (
            sa.select(*_columns(hooks, _WEBHOOK_COLUMNS, ""), events.c.entity, events.c.action)
            .select_from(hooks.outerjoin(events, hooks.c.webhook_id == events.c.webhook_id))
            .where(*living, *self._here(hooks))
            .order_by(hooks.c.webhook_id, events.c.entity, events.c.action)
        )

    def count(self, table: str) -> sa.Select[Any]:
        """Return how many rows of the workspace a table has."""
        counted = self.by_name[table]
        return sa.select(sa.func.count()).select_from(counted).where(*self._here(counted))

    def elsewhere(self) -> sa.Select[Any] | None:
        """Return the other workspaces and how many models each has; None without workspaces."""
        models = self.by_name[MODELS]
        if "workspace" not in models.c:
            return None
        return (
            sa.select(models.c.workspace, sa.func.count())
            .where(models.c.workspace != self.workspace)
            .group_by(models.c.workspace)
            .order_by(models.c.workspace)
        )

    def _here(self, table: sa.Table) -> list[sa.ColumnElement[bool]]:
        return [table.c.workspace == self.workspace] if "workspace" in table.c else []

    def _of(self, versions: sa.Table, keys: Any) -> sa.ColumnElement[bool]:
        same = (versions.c.name == keys.c.name, versions.c.version == keys.c.version)
        return sa.and_(*same, *self._here(versions))


def spool_tables(engine: sa.Engine) -> dict[str, sa.Table]:
    """Make tables like MLflow's, with the columns that are read, in an empty database."""
    made = sa.MetaData()
    name = sa.Column("name", sa.String, primary_key=True)
    number = sa.Column("version", sa.Integer, primary_key=True)
    key = sa.Column("key", sa.String, primary_key=True)
    value = sa.Column("value", sa.Text)
    times = {"creation_time", "last_updated_time"}

    def others(names: Sequence[str]) -> list[sa.Column[Any]]:
        return [sa.Column(one, sa.BigInteger if one in times else sa.Text) for one in names]

    columns_of: dict[str, list[sa.Column[Any]]] = {
        MODELS: [name, *others(_MODEL_COLUMNS[1:])],
        VERSIONS: [name, number, *others(_VERSION_COLUMNS[1:])],
        MODEL_TAGS: [name, key, value],
        VERSION_TAGS: [name, number, key, value],
        ALIASES: [
            name,
            sa.Column("alias", sa.String, primary_key=True),
            sa.Column("version", sa.Integer),
        ],
        WEBHOOKS: [
            sa.Column("webhook_id", sa.String, primary_key=True),
            *(sa.Column(one, sa.Text) for one in ("name", "url", "status", "description")),
            sa.Column("creation_timestamp", sa.BigInteger),
        ],
        WEBHOOK_EVENTS: [
            sa.Column(one, sa.String, primary_key=True)
            for one in ("webhook_id", "entity", "action")
        ],
    }
    for table, columns in columns_of.items():
        sa.Table(table, made, *(column.copy() for column in columns))
    made.create_all(engine)
    return dict(made.tables)


def target_of(found: int | None, stage: str | None) -> Target:
    """Return what an alias points to, from the row of its version."""
    if found is None:
        return Target.MISSING
    return Target.DELETED if stage == DELETED else Target.LIVE


def _columns(table: sa.Table, names: Sequence[str], prefix: str) -> list[sa.ColumnElement[Any]]:
    return [
        (table.c[name] if name in table.c else sa.null()).label(prefix + name) for name in names
    ]
