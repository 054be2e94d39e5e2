"""The connection to a registry, and which model there a name of MLflow's means."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from regesta import Client, NotFound
from regesta.mlflow.acting import NOBODY, Caller, caller
from regesta.mlflow.entities import last_part
from regesta.mlflow.failing import no_model
from regesta.mlflow.naming import id_is_name, model_ids, name_of

if TYPE_CHECKING:
    from regesta.mlflow.settings import Settings
    from regesta.v1 import model_pb2

#: Connections of other people's tokens that are kept.
_CLIENTS: Final = 64
#: Names whose ids are remembered.
_NAMES: Final = 10_000


class Registry:
    """A namespace of a registry, for whoever is behind the call being made.

    MLflow's own store shows everybody's writes at once, so every read here waits for all that
    was done before it, whichever server it was done through.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: OrderedDict[str | None, Client] = OrderedDict()
        self._lock = threading.Lock()
        self._process = os.getpid()
        #: Where along its row a name was found last.
        self._ids: OrderedDict[str, str] = OrderedDict()
        #: What MLflow calls the models whose id is not their name; that never changes while
        #: they have the id.
        self._names: OrderedDict[str, str] = OrderedDict()

    @property
    def target(self) -> str:
        """`host:port`."""
        return self._settings.target

    def caller(self) -> Caller:
        """Return who is behind the call being made."""
        return caller() if self._settings.forward else NOBODY

    def client(self) -> Client:
        """Return the client that speaks for whoever is behind the call being made."""
        token = self.caller().token or self._settings.token
        with self._lock:
            if self._process != os.getpid():  # a fork; its parent's connections are not its own
                self._process = os.getpid()
                self._clients.clear()
            client = self._clients.get(token)
            if client is None:
                client = self._clients[token] = self._connect(token)
                if len(self._clients) > _CLIENTS:
                    self._clients.popitem(last=False)
            else:
                self._clients.move_to_end(token)
            return client

    def _connect(self, token: str | None) -> Client:
        settings = self._settings
        return Client(
            settings.target,
            token=token,
            namespace=settings.namespace,
            tls=settings.tls,
            timeout=settings.timeout,
            fresh=True,
        )

    def model(self, name: str) -> model_pb2.Model:
        """Return the model that MLflow calls so.

        Raises:
            MlflowException: There is none.
            RegestaError: A call failed.
        """
        remembered = self._ids.get(name)
        if remembered is not None:
            model = self.holder(remembered)
            if model is not None:
                return model
        for model_id in model_ids(name):
            try:
                model = self.holder(model_id)
            except NotFound:
                break
            if model is not None:
                _remember(self._ids, name, model_id)
                return model
        raise no_model(name)

    def holder(self, model_id: str) -> model_pb2.Model | None:
        """Return the model that has an id now; None when it was deleted, renamed or is a twin's.

        Raises:
            NotFound: None has it, or ever had.
        """
        model = self.client().get_model(model_id)
        gone = model.HasField("delete_time") or last_part(model.name) != model_id
        return None if gone else model

    def likely_id(self, name: str) -> str:
        """Return the id under which a name was found last, or else the first that it may have.

        Whoever uses it must look whether the answer is of that model, and ask `model` if not.
        """
        return self._ids.get(name) or next(model_ids(name))

    def name(self, model_id: str) -> str:
        """Return what MLflow calls the model of an id, whose tags are not at hand."""
        if id_is_name(model_id):
            return model_id
        name = self._names.get(model_id)
        if name is None:
            model = self.client().get_model(model_id)
            name = name_of(model_id, dict(model.tags))
            _remember(self._names, model_id, name)
        return name


def _remember(memory: OrderedDict[str, str], key: str, value: str) -> None:
    memory[key] = value
    if len(memory) > _NAMES:
        memory.popitem(last=False)
