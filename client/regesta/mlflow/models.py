"""MLflow's calls about registered models, and about the aliases of their versions."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlflow.entities.model_registry import RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.prompt.registry_utils import handle_resource_already_exist_error, has_prompt_tag
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry import (
    SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT,
    SEARCH_REGISTERED_MODEL_MAX_RESULTS_THRESHOLD,
)
from mlflow.utils import validation
from mlflow.utils.search_utils import SearchModelUtils
from mlflow.utils.validation import (
    _validate_model_alias_name,
    _validate_model_name,
    _validate_model_renaming,
    _validate_registered_model_tag,
    _validate_tag_name,
)

from regesta import AlreadyExists, NotFound, PreconditionFailed
from regesta.mlflow.calling import Calling, answering, version_number
from regesta.mlflow.entities import last_part, registered_model
from regesta.mlflow.failing import invalid, no_version
from regesta.mlflow.naming import NAME_TAG, alias_id, model_ids, name_of
from regesta.mlflow.paging import expect_at_most, read_place, take
from regesta.mlflow.searching import (
    Clause,
    expect_comparable_tag,
    order_of_models,
    search_for_models,
)
from regesta.names import InvalidName
from regesta.v1 import model_pb2

if TYPE_CHECKING:
    from mlflow.entities.model_registry import RegisteredModelTag


class ModelCalls(Calling):
    """The part of the store that is about models."""

    @answering
    def create_registered_model(
        self,
        name: str,
        tags: Sequence[RegisteredModelTag] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,  # noqa: ARG002 - of one vendor's service
    ) -> RegisteredModel:
        """Create a model; of the kind prompt if its tags say so."""
        _validate_model_name(name)
        for tag in tags or ():
            _validate_registered_model_tag(tag.key, tag.value)
        texts = {tag.key: str(tag.value) for tag in tags or ()}
        is_prompt = has_prompt_tag(texts)
        kind = model_pb2.MODEL_KIND_PROMPT if is_prompt else model_pb2.MODEL_KIND_MODEL
        for model_id in model_ids(name):
            named = {} if model_id == name else {NAME_TAG: name}
            asked = model_pb2.Model(kind=kind, description=description or "", tags=texts | named)
            try:
                made = self._client.create_model(model_id, model=asked, **self._claims())
            except AlreadyExists:
                taken = self._registry.holder(model_id)
                if taken is not None:
                    handle_resource_already_exist_error(
                        name, has_prompt_tag(dict(taken.tags)), is_prompt
                    )
            else:
                return registered_model(name, made, ())
        raise AssertionError  # the row of ids has no end

    @answering
    def update_registered_model(
        self,
        name: str,
        description: str | None,
        deployment_job_id: str | None = None,  # noqa: ARG002 - of one vendor's service
    ) -> RegisteredModel:
        """Change the description."""
        _validate_model_name(name)
        model = self._registry.model(name)
        changed = self._client.update_model(
            model_pb2.Model(name=model.name, description=description or ""),
            update_mask=["description"],
            **self._claims(),
        )
        return self._entity(name, changed)

    @answering
    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a model another name; the old one is free then, for MLflow."""
        _validate_model_renaming(new_name)
        _validate_model_name(name)
        model = self._registry.model(name)
        if new_name == name:
            return self._entity(name, model)
        if self._exists(new_name):
            raise _taken(new_name)
        for model_id in model_ids(new_name):
            try:
                renamed = self._client.rename_model(
                    model.name, new_model_id=model_id, **self._claims()
                )
            except AlreadyExists:
                if self._registry.holder(model_id) is not None:
                    raise _taken(new_name) from None
            else:
                return self._entity(new_name, self._named(renamed, model_id, new_name))
        raise AssertionError  # the row of ids has no end

    @answering
    def delete_registered_model(self, name: str) -> None:
        """Delete a model. We only hide it: its history stays, and it can be restored."""
        _validate_model_name(name)
        self._client.delete_model(self._registry.model(name).name, **self._claims())

    @answering
    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return a model with the latest version in each stage."""
        _validate_model_name(name)
        return self._entity(name, self._registry.model(name))

    @answering
    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = SEARCH_REGISTERED_MODEL_MAX_RESULTS_DEFAULT,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return a page of the models that a filter means."""
        expect_at_most(max_results, SEARCH_REGISTERED_MODEL_MAX_RESULTS_THRESHOLD)
        parsed = SearchModelUtils.parse_search_filter(filter_string)
        clauses = [_of_models(Clause.of(clause)) for clause in parsed]
        search = search_for_models(clauses, order_of_models(order_by))
        start = read_place(page_token)

        def fetch(token: str, size: int) -> tuple[Sequence[model_pb2.Model], str]:
            page = self._client.search_models(
                filter=search.filter, order_by=search.order_by, page_size=size, page_token=token
            )
            return page.models, page.next_page_token

        def means(model: model_pb2.Model) -> bool:
            return search.means(registered_model(_name(model), model, ()))

        models, token = take(fetch, means, start, max_results, exact=search.exact)
        latest = self._latest([last_part(model.name) for model in models])
        found = [
            registered_model(_name(model), model, latest.get(last_part(model.name), ()))
            for model in models
        ]
        return PagedList(found, token)

    @answering
    def set_registered_model_tag(self, name: str, tag: RegisteredModelTag) -> None:
        """Set a tag of a model."""
        _validate_model_name(name)
        _validate_registered_model_tag(tag.key, tag.value)
        model = self._registry.model(name)
        self._client.set_tags(model.name, tags={tag.key: str(tag.value)}, **self._claims())

    @answering
    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag of a model; one that is not there is no error."""
        _validate_model_name(name)
        _validate_tag_name(key)
        self._client.remove_tags(self._registry.model(name).name, keys=[key], **self._claims())

    @answering
    def set_registered_model_alias(self, name: str, alias: str, version: int | str) -> None:
        """Point an alias to a version."""
        _validate_model_name(name)
        _validate_model_alias_name(alias)
        _expect_not_reserved(alias)
        number = version_number(version)
        try:
            model = self._registry.model(name)
        except MlflowException:
            raise no_version(name, number) from None
        try:
            self._client.set_alias(
                f"{model.name}/aliases/{_alias(alias)}", version=number, **self._claims()
            )
        except NotFound:
            raise no_version(name, number) from None
        except PreconditionFailed as error:
            if error.reason != "VERSION_DELETED":
                raise
            raise no_version(name, number) from None

    @answering
    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Remove an alias; one that is not there is no error."""
        _validate_model_name(name)
        _validate_model_alias_name(alias)
        model = self._registry.model(name)
        with contextlib.suppress(NotFound):
            self._client.remove_alias(f"{model.name}/aliases/{_alias(alias)}", **self._claims())

    def _exists(self, name: str) -> bool:
        try:
            self._registry.model(name)
        except MlflowException:
            return False
        return True

    def _named(self, model: model_pb2.Model, model_id: str, name: str) -> model_pb2.Model:
        """Make a renamed model's tag agree with its new name."""
        if model_id == name:
            if NAME_TAG in model.tags:
                self._client.remove_tags(model.name, keys=[NAME_TAG], **self._claims())
        elif model.tags.get(NAME_TAG) != name:
            self._client.set_tags(model.name, tags={NAME_TAG: name}, **self._claims())
        return model

    def _entity(self, name: str, model: model_pb2.Model) -> RegisteredModel:
        model_id = last_part(model.name)
        return registered_model(name, model, self._latest([model_id]).get(model_id, ()))


def _expect_not_reserved(alias: str) -> None:
    """Refuse what means a version already; older releases do so with the other rules of names."""
    check = getattr(validation, "_validate_model_alias_name_reserved", None)
    if check is not None:
        check(alias)


def _taken(name: str) -> MlflowException:
    return MlflowException(
        f"Registered Model (name={name}) already exists.", RESOURCE_ALREADY_EXISTS
    )


def _of_models(clause: Clause) -> Clause:
    """Return a comparison of models that makes sense, or refuse it as MLflow's own store does."""
    if clause.kind == "attribute":
        if clause.key != "name":
            raise invalid(f"Invalid attribute name: {clause.key}")
        if clause.comparator not in {"=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"}:
            raise invalid(f"Invalid comparator for attribute: {clause.comparator}")
    else:
        expect_comparable_tag(clause)
    return clause


def _name(model: model_pb2.Model) -> str:
    return name_of(last_part(model.name), dict(model.tags))


def _alias(alias: str) -> str:
    try:
        return alias_id(alias)
    except InvalidName as error:
        raise invalid(f"Invalid alias name: '{alias}'. {error.message}") from None
