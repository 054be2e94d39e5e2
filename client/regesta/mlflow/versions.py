"""MLflow's calls about versions of models."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlflow.entities.model_registry import ModelVersion
from mlflow.entities.model_registry.model_version_stages import (
    ALL_STAGES,
    DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS,
    get_canonical_stage,
)
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.artifact.utils.models import _parse_model_uri
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry import (
    SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT,
    SEARCH_MODEL_VERSION_MAX_RESULTS_THRESHOLD,
)
from mlflow.utils.search_utils import SearchModelVersionUtils
from mlflow.utils.validation import (
    _validate_model_alias_name,
    _validate_model_name,
    _validate_model_version_tag,
    _validate_tag_name,
)

from regesta import InvalidRequest, NotFound, PreconditionFailed
from regesta.mlflow.calling import Calling, answering, version_number
from regesta.mlflow.entities import download_uri, last_part, model_id_of, model_version
from regesta.mlflow.failing import invalid, no_alias, no_version
from regesta.mlflow.naming import RUN_LINK, STORAGE_LOCATION, alias_id, stage_id
from regesta.mlflow.paging import expect_at_most, read_place, take
from regesta.mlflow.searching import (
    Clause,
    expect_comparable_tag,
    order_of_versions,
    search_for_versions,
)
from regesta.names import InvalidName
from regesta.v1 import version_pb2

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersionTag

_LATEST = "latest"


class VersionCalls(Calling):
    """The part of the store that is about versions."""

    @answering
    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Sequence[ModelVersionTag] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,  # noqa: ARG002 - MLflow's own store ignores it too
        model_id: str | None = None,
    ) -> ModelVersion:
        """Register a version; its number is the next of its model."""
        _validate_model_name(name)
        for tag in tags or ():
            _validate_model_version_tag(tag.key, tag.value)
        location, run_id = self._origin(source, run_id)
        if not run_id and model_id:
            run_id = _logged_model(model_id).source_run_id
        model = self._registry.model(name)
        asked = version_pb2.Version(
            source=source or "",
            description=description or "",
            tags={tag.key: str(tag.value) for tag in tags or ()},
        )
        if run_id:
            asked.lineage.run = run_id
        if run_link:
            asked.properties[RUN_LINK].string_value = run_link
        if location and location != source:
            asked.properties[STORAGE_LOCATION].string_value = location
        made = self._client.register_version(model.name, version=asked, **self._claims())
        return model_version(name, made)

    def _origin(self, source: str, run_id: str | None) -> tuple[str, str | None]:
        """Return where the artifacts of a source are, and the run that they come from."""
        if not source or urllib.parse.urlparse(source).scheme != "models":
            return source, run_id
        try:
            parsed: Any = _parse_model_uri(source)
            if getattr(parsed, "model_id", None) is None:
                return self.get_model_version_download_uri(parsed.name, parsed.version), run_id
            logged = _logged_model(parsed.model_id)
        except Exception as error:
            raise MlflowException(
                "Unable to fetch model from model URI source artifact location "
                f"'{source}'.Error: {error}"
            ) from error
        return logged.artifact_location, run_id or logged.source_run_id

    @answering
    def update_model_version(
        self, name: str, version: int | str, description: str | None = None
    ) -> ModelVersion:
        """Change the description."""
        found = self._version(name, version)
        changed = self._client.update_version(
            version_pb2.Version(name=found.name, description=description or ""),
            update_mask=["description"],
            **self._claims(),
        )
        return model_version(name, changed)

    @answering
    def transition_model_version_stage(
        self, name: str, version: int | str, stage: str, archive_existing_versions: bool
    ) -> ModelVersion:
        """Move a version to a stage; with it, if asked, whatever else is there to Archived."""
        if archive_existing_versions and (
            get_canonical_stage(stage) not in DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS
        ):
            raise MlflowException(
                "Model version transition cannot archive existing model versions because "
                f"'{stage}' is not an Active stage. Valid stages are "
                f"{DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS}"
            )
        wanted = stage_id(get_canonical_stage(stage))
        found = self._version(name, version)
        moved = self._client.transition_version(
            found.name,
            stage=wanted,
            through=True,
            displace_to=stage_id("Archived") if archive_existing_versions else "",
            **self._claims(),
        )
        return model_version(name, moved)

    @answering
    def delete_model_version(self, name: str, version: int | str) -> None:
        """Delete a version and the aliases that point to it; its number stays taken."""
        found = self._version(name, version)
        parent = found.name.rpartition("/versions/")[0]
        for alias in found.aliases:
            self._client.remove_alias(f"{parent}/aliases/{alias}", **self._claims())
        self._client.delete_version(found.name, **self._claims())

    @answering
    def get_model_version(self, name: str, version: int | str) -> ModelVersion:
        """Return a version, also one that was revoked or flagged."""
        return model_version(name, self._version(name, version))

    @answering
    def get_model_version_download_uri(self, name: str, version: int | str) -> str:
        """Return where a version's artifacts are; of one that was revoked nothing is said."""
        _validate_model_name(name)
        number = version_number(version)
        found = self._resolved(name, number)
        if found is None:
            kept = self._kept(name, number)
            found = self._client.resolve_version(f"{model_id_of(kept)}/{number}")
        return download_uri(found)

    @answering
    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = SEARCH_MODEL_VERSION_MAX_RESULTS_DEFAULT,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Return a page of the versions that a filter means."""
        _expect_page_size(max_results)
        parsed = SearchModelVersionUtils.parse_search_filter(filter_string)
        clauses = [_of_versions(Clause.of(clause)) for clause in parsed]
        search = search_for_versions(clauses, _order(order_by))
        start = read_place(page_token)
        parent = ""
        if search.name is not None:
            try:
                parent = self._registry.model(search.name).name
            except MlflowException:
                return PagedList([], None)

        def fetch(token: str, size: int) -> tuple[list[ModelVersion], str]:
            page = self._client.search_versions(
                parent,
                filter=search.filter,
                order_by=search.order_by,
                page_size=size,
                page_token=token,
            )
            return [self._found(version) for version in page.versions], page.next_page_token

        found, token = take(fetch, search.means, start, max_results, exact=search.exact)
        return PagedList(found, token)

    @answering
    def get_latest_versions(
        self, name: str, stages: Sequence[str] | None = None
    ) -> list[ModelVersion]:
        """Return the latest version in each of some stages, or in each that has one."""
        wanted = {get_canonical_stage(stage) for stage in stages or ALL_STAGES}
        _validate_model_name(name)
        model_id = last_part(self._registry.model(name).name)
        latest = self._latest([model_id]).get(model_id, ())
        versions = [model_version(name, version) for version in latest]
        return [version for version in versions if version.current_stage in wanted]

    @answering
    def set_model_version_tag(self, name: str, version: int | str, tag: ModelVersionTag) -> None:
        """Set a tag of a version."""
        _validate_model_name(name)
        version_number(version)
        _validate_model_version_tag(tag.key, tag.value)
        found = self._version(name, version)
        self._client.set_tags(found.name, tags={tag.key: str(tag.value)}, **self._claims())

    @answering
    def delete_model_version_tag(self, name: str, version: int | str, key: str) -> None:
        """Remove a tag of a version; one that is not there is no error."""
        _validate_model_name(name)
        version_number(version)
        _validate_tag_name(key)
        found = self._version(name, version)
        self._client.remove_tags(found.name, keys=[key], **self._claims())

    @answering
    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Return the version that an alias points to, or the newest one for `latest`."""
        _validate_model_name(name)
        _validate_model_alias_name(alias)
        if alias.lower() == _LATEST:
            versions = self.get_latest_versions(name)
            if not versions:
                raise MlflowException(
                    f"Latest version not found for model {name}.", RESOURCE_DOES_NOT_EXIST
                )
            return max(versions, key=lambda version: int(version.version))
        try:
            wanted = alias_id(alias)
        except InvalidName:
            self._registry.model(name)
            raise no_alias(alias) from None
        return model_version(name, self._aliased(name, alias, wanted))

    def _aliased(self, name: str, alias: str, wanted: str) -> version_pb2.Version:
        """Return the version that an alias of ours points to."""
        likely = self._registry.likely_id(name)
        try:
            found = self._client.resolve_version(f"{likely}@{wanted}")
            if model_id_of(found) == likely:
                return found
        except (NotFound, PreconditionFailed):
            pass
        model_id = last_part(self._registry.model(name).name)
        try:
            return self._client.resolve_version(f"{model_id}@{wanted}")
        except NotFound:
            raise no_alias(alias) from None
        except PreconditionFailed as error:
            if error.reason == "VERSION_DELETED":
                raise no_version(name, error.metadata.get("version", "")) from None
            if error.reason != "VERSION_ARCHIVED":
                raise
        # MLflow's aliases know nothing of stages.
        pointed = self._client.get_alias(f"{model_id}@{wanted}")
        return self._client.get_version(f"{model_id}/{pointed.version}")

    def _version(self, name: str, version: int | str) -> version_pb2.Version:
        """Return the version that MLflow means.

        Raises:
            MlflowException: There is none, or it was deleted.
        """
        _validate_model_name(name)
        number = version_number(version)
        return self._resolved(name, number) or self._kept(name, number)

    def _resolved(self, name: str, number: int) -> version_pb2.Version | None:
        """Return a version that resolves under the likely id of its model; one call tells both."""
        likely = self._registry.likely_id(name)
        try:
            found = self._client.resolve_version(f"{likely}/{number}")
        except (NotFound, PreconditionFailed, InvalidRequest):
            return None
        return found if model_id_of(found) == likely else None

    def _kept(self, name: str, number: int) -> version_pb2.Version:
        """Return a version, also one that does not resolve.

        Raises:
            MlflowException: There is none, or it was deleted.
        """
        try:
            model_id = last_part(self._registry.model(name).name)
            found = self._client.get_version(f"{model_id}/{number}")
        except (MlflowException, NotFound, InvalidRequest):
            raise no_version(name, number) from None
        if found.HasField("delete_time"):
            raise no_version(name, number)
        return found

    def _found(self, version: version_pb2.Version) -> ModelVersion:
        return model_version(self._registry.name(model_id_of(version)), version)

    def _await_model_version_creation(self, mv: ModelVersion, await_creation_for: int) -> None:
        """Return at once: a version that was registered is ready."""


def _expect_page_size(size: Any) -> None:
    if not isinstance(size, int) or size < 1:
        raise invalid(
            f"Invalid value for max_results. It must be a positive integer, but got {size}"
        )
    expect_at_most(size, SEARCH_MODEL_VERSION_MAX_RESULTS_THRESHOLD)


def _order(order_by: Sequence[str] | None) -> str:
    """Return our order for one of MLflow's; without one, what changed last comes first."""
    wanted = order_by or ("last_updated_timestamp DESC", "name ASC", "version_number DESC")
    parsed = [
        SearchModelVersionUtils.parse_order_by_for_search_model_versions(clause)
        for clause in wanted
    ]
    return order_of_versions([(key, ascending) for _, key, ascending in parsed], wanted)


def _of_versions(clause: Clause) -> Clause:
    """Return a comparison of versions that makes sense, or refuse it as MLflow's store does."""
    key, comparator, value = clause.key, clause.comparator, clause.value
    known = SearchModelVersionUtils
    if clause.kind != "attribute":
        expect_comparable_tag(clause)
        return clause
    if key not in known.VALID_SEARCH_ATTRIBUTE_KEYS:
        raise invalid(f"Invalid attribute name: {key}")
    if key in known.NUMERIC_ATTRIBUTES:
        if comparator not in known.VALID_NUMERIC_ATTRIBUTE_COMPARATORS:
            raise invalid(f"Invalid comparator for attribute {key}: {comparator}")
        try:
            number = None if isinstance(value, float) else int(value)
        except (TypeError, ValueError):
            number = None
        if number is None:
            raise invalid(f"Invalid value for numeric attribute '{key}': {value!r}")
        return clause._replace(value=number)
    if comparator not in known.VALID_STRING_ATTRIBUTE_COMPARATORS or (
        comparator in {"IN", "NOT IN"} and key not in {"run_id", "name"}
    ):
        raise invalid(f"Invalid comparator for attribute: {comparator}")
    return clause


def _logged_model(model_id: str) -> Any:
    """Return a model that a run has logged."""
    from mlflow.tracking.client import MlflowClient  # noqa: PLC0415 - it imports stores itself

    return MlflowClient().get_logged_model(model_id)
