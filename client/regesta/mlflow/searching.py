"""Searches of MLflow's: its whole grammar, carried out by ours as far as that goes.

MLflow's own parser reads the filter, so it is always the grammar of the MLflow that is
installed. What our filters can say is asked of the server; it may find more than was meant
(LIKE has a pattern that ours can only widen), and never less. Every entity is then looked at
once more by the words of the filter themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.prompt.constants import IS_PROMPT_TAG_KEY
from mlflow.utils.search_utils import SearchUtils

from regesta.mlflow.failing import invalid
from regesta.mlflow.naming import NAME_TAG, id_is_name, model_ids
from regesta.names import NOT_IN_LINE

#: Longer values of tags are not compared by the server, see docs/reference/filters.md.
_LONGEST_VALUE: Final = 1_024
_MOST_WILDCARDS: Final = 10
_MOST_ALTERNATIVES: Final = 50
_LONGEST_FILTER: Final = 9_000


class Clause(NamedTuple):
    """One comparison of a filter, as MLflow's parser gives it."""

    kind: str
    key: str
    comparator: str
    value: Any

    @classmethod
    def of(cls, parsed: Mapping[str, Any]) -> Clause:
        """Return a comparison from the parser's own form of it."""
        return cls(parsed["type"], parsed["key"], parsed["comparator"].upper(), parsed["value"])

    @property
    def about_prompts(self) -> bool:
        """Whether it asks for prompts or for what is none."""
        return self.kind == "tag" and self.key == IS_PROMPT_TAG_KEY


def expect_comparable_tag(clause: Clause) -> None:
    """Refuse what is no comparison of a tag, or none that MLflow's own store knows.

    Raises:
        MlflowException: It is of something else, or compares otherwise.
    """
    if clause.kind != "tag":
        raise invalid(f"Invalid token type: {clause.kind}")
    if clause.comparator not in {"=", "!=", "LIKE", "ILIKE"}:
        raise invalid(f"Invalid comparator for tag: {clause.comparator}")


@dataclass(frozen=True, slots=True)
class Search:
    """What a search asks for."""

    #: For the server.
    filter: str
    order_by: str
    #: Whether the server's filter says all of it.
    exact: bool
    #: What says whether an entity is meant.
    means: Callable[[Any], bool]
    #: The one name that is asked for, if the filter says so.
    name: str | None = None


def asks_for_prompts(clauses: Sequence[Clause]) -> bool:
    """Return whether a search is for prompts; without a word of them it is not."""
    for clause in clauses:
        if clause.about_prompts:
            value = str(clause.value).lower()
            return (clause.comparator, value) in {("=", "true"), ("!=", "false")}
    return False


def search_for_models(clauses: Sequence[Clause], order_by: str) -> Search:
    """Return the search for models that some comparisons mean."""
    return _search(clauses, order_by, _model_condition, _model_value)


def search_for_versions(clauses: Sequence[Clause], order_by: str) -> Search:
    """Return the search for versions that some comparisons mean."""
    return _search(clauses, order_by, _version_condition, _version_value)


def _search(
    clauses: Sequence[Clause],
    order_by: str,
    condition: Callable[[Clause], tuple[str, bool]],
    value_of: Callable[[Any, Clause], Any],
) -> Search:
    prompts = asks_for_prompts(clauses)
    is_prompt = f'tags."{IS_PROMPT_TAG_KEY}" = "true"'
    conditions = [is_prompt if prompts else f"NOT {is_prompt}"]
    # Without prompts their tag is no more asked for, as in MLflow.
    rest = [clause for clause in clauses if prompts or not clause.about_prompts]
    name, exact, length = None, True, len(conditions[0])
    for clause in rest:
        if clause.kind == "attribute" and clause.key == "name" and clause.comparator == "=":
            name = clause.value if name in {None, clause.value} else ""
        text, says_all = condition(clause)
        if length + len(text) > _LONGEST_FILTER:
            says_all = False
        elif text:
            conditions.append(text)
            length += len(text)
        exact = exact and says_all

    def means(entity: Any) -> bool:
        return all(_holds(value_of(entity, clause), clause) for clause in rest)

    return Search(" AND ".join(conditions), order_by, exact, means, name)


def _holds(value: Any, clause: Clause) -> bool:
    """Return whether a value is as a comparison says; a missing one never is, as in SQL."""
    if value is None:
        return False
    if clause.comparator in {"IN", "NOT IN"}:
        return (value in set(clause.value)) is (clause.comparator == "IN")
    wanted = int(clause.value) if isinstance(value, int) else clause.value
    return bool(SearchUtils.get_comparison_func(clause.comparator)(value, wanted))


def _model_value(model: RegisteredModel, clause: Clause) -> Any:
    # `_tags` are all of them; `tags` leaves out those of prompts.
    return model._tags.get(clause.key) if clause.kind == "tag" else model.name  # noqa: SLF001


def _version_value(version: ModelVersion, clause: Clause) -> Any:
    if clause.kind == "tag":
        return version.tags.get(clause.key)
    match clause.key:
        case "name":
            return version.name
        case "run_id":
            return version.run_id
        case "source_path":
            return version.source
        case _:
            return int(version.version)


def _model_condition(clause: Clause) -> tuple[str, bool]:
    return (
        _tag_condition(clause) if clause.kind == "tag" else (_name_condition("name", clause), False)
    )


def _version_condition(clause: Clause) -> tuple[str, bool]:
    if clause.kind == "tag":
        return _tag_condition(clause)
    match clause.key:
        case "name":
            # A name that is asked for alone is the parent that is searched.
            return "", clause.comparator == "="
        case "run_id":
            return _text_condition("run", clause)
        case "source_path":
            return _text_condition("source", clause)
        case _:
            return f"version {clause.comparator} {int(clause.value)}", True


def _tag_condition(clause: Clause) -> tuple[str, bool]:
    if NOT_IN_LINE.search(clause.key):
        return "", False
    key = _quoted(clause.key)
    if clause.comparator == "=" and _comparable(clause.value):
        return f"tags.{key} = {_quoted(clause.value)}", True
    return f"tags:{key}", False


def _text_condition(field: str, clause: Clause) -> tuple[str, bool]:
    match clause.comparator:
        case "=" if clause.value == "":
            return "", False  # MLflow's is nothing or missing, ours is missing
        case "=" if _comparable(clause.value):
            return f"{field} = {_quoted(clause.value)}", True
        case "IN" if _listable(clause.value):
            return _one_of(field, clause.value), True
        case "LIKE":
            pattern = _pattern(clause.value)
            return (f"{field} = {pattern}", False) if pattern else ("", False)
        case _:
            return "", False


def _name_condition(field: str, clause: Clause) -> str:
    """Return what finds at least the models of a name; ours have no regard to case."""
    match clause.comparator:
        case "=":
            return _named(field, clause.value)
        case "IN" if len(clause.value) <= _MOST_ALTERNATIVES // 2:
            return "(" + " OR ".join(_named(field, name) for name in clause.value) + ")"
        case "LIKE" | "ILIKE":
            pattern = _pattern(clause.value)
            return f'({field} = {pattern} OR tags:"{NAME_TAG}")' if pattern else ""
        case _:
            return ""


def _named(field: str, name: str) -> str:
    ids = model_ids(name)
    plain = f"{field} = {_quoted(next(ids))} OR " if id_is_name(name) else ""
    # The derived ids of one name begin alike, and contain no character to be escaped.
    return f'({plain}{field} = "{next(ids) if plain else next(model_ids(name))}*")'


def _one_of(field: str, values: Sequence[str]) -> str:
    return "(" + " OR ".join(f"{field} = {_quoted(value)}" for value in values) + ")"


def _comparable(value: str) -> bool:
    return len(value) <= _LONGEST_VALUE and not NOT_IN_LINE.search(value)


def _listable(values: Sequence[str]) -> bool:
    return len(values) <= _MOST_ALTERNATIVES and all(map(_comparable, values)) and "" not in values


def _quoted(value: str) -> str:
    return '"' + re.sub(r'([\\"*])', r"\\\1", value) + '"'


def _pattern(like: str) -> str:
    """Return the value that finds at least what a pattern of LIKE matches; empty for all."""
    parts = re.split("[%_]+", like)
    if len(parts) > _MOST_WILDCARDS + 1 or not any(parts) or not _comparable(like):
        return ""
    return '"' + "*".join(_quoted(part)[1:-1] for part in parts) + '"'


#: MLflow's keys of orders, and our fields.
_MODEL_ORDERS: Final = {
    "name": "name",
    "timestamp": "update_time",
    "last_updated_timestamp": "update_time",
}
_VERSION_ORDERS: Final = {
    "name": "model",
    "version_number": "version",
    "creation_timestamp": "create_time",
    "last_updated_timestamp": "update_time",
}


def order_of_models(order_by: Sequence[str] | None) -> str:
    """Return our order for one of MLflow's; by name in the end.

    Raises:
        MlflowException: It has an unknown field, or one twice.
    """
    parsed = [SearchUtils.parse_order_by_for_search_registered_models(by) for by in order_by or ()]
    return _order(parsed, _MODEL_ORDERS, order_by, ("name asc",))


def order_of_versions(parsed: Sequence[tuple[str, bool]], order_by: Sequence[str]) -> str:
    """Return our order for one of MLflow's; by name and falling number in the end."""
    return _order(parsed, _VERSION_ORDERS, order_by, ("model asc", "version desc"))


def _order(
    parsed: Sequence[tuple[str, bool]],
    fields: Mapping[str, str],
    order_by: Sequence[str] | None,
    rest: Sequence[str],
) -> str:
    chosen: dict[str, str] = {}
    for key, ascending in parsed:
        field = fields[key]
        if field in chosen:
            # Without a code, as in MLflow.
            raise MlflowException(f"`order_by` contains duplicate fields: {order_by}")
        chosen[field] = f"{field} {'asc' if ascending else 'desc'}"
    behind = [part for part in rest if part.split()[0] not in chosen]
    return ", ".join([*chosen.values(), *behind])
