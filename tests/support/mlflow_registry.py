"""Real MLflow registries on SQLite, made by MLflow's own store."""

from __future__ import annotations

import os
import shutil
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

# Read when MLflow is imported: a test tells nobody that it runs.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")


class MlflowRegistry:
    """A registry in a file, empty at first.

    Args:
        path: The file.
        template: A registry that was made before, to be copied: making the tables takes MLflow
            seconds.
    """

    def __init__(self, path: Path, template: Path | None = None) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415

            if template is not None:
                shutil.copy(template, path)
            self.store = SqlAlchemyStore(self.url)

    def model(self, name: str, *, description: str | None = None, **tags: str) -> None:
        """Create a model, or a prompt."""
        from mlflow.entities.model_registry import RegisteredModelTag  # noqa: PLC0415

        given = [RegisteredModelTag(key, value) for key, value in tags.items()]
        self.store.create_registered_model(name, tags=given, description=description)

    def version(self, name: str, source: str = "s3://models/1", **given: Any) -> int:
        """Create a version and return its number; `tags` is a mapping."""
        from mlflow.entities.model_registry import ModelVersionTag  # noqa: PLC0415

        tags = [ModelVersionTag(key, value) for key, value in given.pop("tags", {}).items()]
        return int(self.store.create_model_version(name, source, tags=tags, **given).version)

    def tag(self, name: str, version: int, key: str, value: str) -> None:
        """Set a tag of a version."""
        from mlflow.entities.model_registry import ModelVersionTag  # noqa: PLC0415

        self.store.set_model_version_tag(name, str(version), ModelVersionTag(key, value))

    def stage(self, name: str, version: int, stage: str) -> None:
        """Move a version."""
        self.store.transition_model_version_stage(
            name, str(version), stage, archive_existing_versions=False
        )

    def alias(self, name: str, alias: str, version: int) -> None:
        """Point an alias."""
        self.store.set_registered_model_alias(name, alias, str(version))

    def sql(self, *statements: str) -> None:
        """Do to the tables what MLflow's code would not."""
        with closing(sqlite3.connect(self.path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()


def make_tables(url: str) -> None:
    """Make the tables of a registry in a database, by MLflow's own word for what they are."""
    import sqlalchemy as sa  # noqa: PLC0415
    from mlflow.store.db.base_sql_model import Base  # noqa: PLC0415
    from mlflow.store.model_registry.dbmodels import models  # noqa: PLC0415

    wanted = {one.__tablename__ for one in vars(models).values() if hasattr(one, "__tablename__")}
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name in wanted:
                connection.execute(sa.schema.CreateTable(table))
    engine.dispose()
