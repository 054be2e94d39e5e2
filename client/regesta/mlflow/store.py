"""The registry store that MLflow finds for `regesta://…`.

It answers as MLflow's own store does: the same checks, error codes and messages, the same orders
and pages. What differs is said in docs/mlflow.md; most of it is what a registry that keeps its
history cannot forget.
"""

from __future__ import annotations

from regesta.mlflow.models import ModelCalls
from regesta.mlflow.versions import VersionCalls
from regesta.mlflow.webhooks import WebhookCalls


class RegestaStore(VersionCalls, ModelCalls, WebhookCalls):
    """MLflow's registry, kept by regesta.

    MLflow makes one for `regesta://host:port/namespace`, see `regesta.mlflow.settings`.
    """
