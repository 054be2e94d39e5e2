"""What the parts of the store have in common: the registry, and how its errors are told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypedDict, TypeVar

from mlflow.store.model_registry.abstract_store import AbstractStore
from mlflow.utils.validation import _validate_model_version

from regesta.errors import RegestaError
from regesta.mlflow.entities import model_id_of
from regesta.mlflow.failing import failure
from regesta.mlflow.registry import Registry
from regesta.mlflow.settings import parse_uri

if TYPE_CHECKING:
    from regesta import Client
    from regesta.v1 import version_pb2

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Calling")


class Claims(TypedDict, total=False):
    """What a write says of whom it is made for."""

    occurred_by: str


class Calling(AbstractStore):
    """A store of MLflow's on a registry of ours.

    Args:
        store_uri: `regesta://host:port/namespace`, see `settings.parse_uri`.
        tracking_uri: Where runs are tracked; MLflow's own methods ask it for them.

    Raises:
        InvalidUri: The URI has another form.
    """

    def __init__(self, store_uri: str | None = None, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self._uri = store_uri or ""
        self._tracking = tracking_uri
        self._registry = Registry(parse_uri(self._uri))

    def __reduce__(self) -> tuple[type[Calling], tuple[str, str | None]]:
        """Send the address to another process, not the connections."""
        return type(self), (self._uri, self._tracking)

    @property
    def _client(self) -> Client:
        return self._registry.client()

    def _claims(self) -> Claims:
        """Return what a write says of the user whom MLflow's server vouches for."""
        user = self._registry.caller().user
        return {"occurred_by": user} if user else {}

    def _latest(self, model_ids: Sequence[str]) -> dict[str, list[version_pb2.Version]]:
        """Return the latest version in each stage, by model."""
        latest: dict[str, list[version_pb2.Version]] = {}
        rest = list(model_ids)
        while rest:
            answer = self._client.list_latest_versions(models=rest)
            for version in answer.versions:
                latest.setdefault(model_id_of(version), []).append(version)
            rest = list(answer.unanswered)
        return latest


def version_number(version: int | str) -> int:
    """Return the number that MLflow's clients give as either.

    Raises:
        MlflowException: It is none.
    """
    _validate_model_version(version)  # older releases return nothing
    return int(version)


def answering(
    method: Callable[Concatenate[S, P], R],
) -> Callable[Concatenate[S, P], R]:
    """Make a method tell errors of ours as MLflow would."""

    @functools.wraps(method)
    def told(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except RegestaError as error:
            raise failure(error, self._registry.target) from error

    return told
