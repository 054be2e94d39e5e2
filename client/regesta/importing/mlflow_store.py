"""MLflow's own access to a registry, database or server alike.

It is the store under MLflow's client: the client itself denies that there are prompts.
"""

from __future__ import annotations

from typing import Any

from regesta.importing.extras import NoRegistry, needing


def registry_store(url: str) -> tuple[Any, type[Exception]]:
    """Return the store of a registry, and the exception that it raises.

    A database gets MLflow's tables, or those of its present version, if it lacks them.

    Args:
        url: As MLflow takes it: `sqlite:///…`, `http://…`.

    Raises:
        MissingExtra: MLflow is not installed.
        NoRegistry: It has no store for such an address.
    """
    with needing("mlflow", "MLflow's registry"):
        from mlflow import MlflowClient  # noqa: PLC0415 - an extra, and four seconds to import
        from mlflow.exceptions import MlflowException  # noqa: PLC0415
    try:
        client: Any = MlflowClient(tracking_uri=url, registry_uri=url)
        return client._get_registry_client().store, MlflowException  # noqa: SLF001 - see above
    except MlflowException as error:
        raise NoRegistry(str(error)) from None
