"""MLflow's own store as the oracle of ours: every call is made of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.store.entities.paged_list import PagedList

if TYPE_CHECKING:
    from mlflow.store.model_registry.abstract_store import AbstractStore

#: When the databases' own words follow in a message of MLflow's, they are not compared.
_THEIR_DATABASE = " Error: "


class Twins:
    """Both stores."""

    def __init__(self, ours: AbstractStore, theirs: AbstractStore) -> None:
        self.ours = ours
        self.theirs = theirs

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call both, compare what they answer or refuse, and return our answer.

        Raises:
            AssertionError: They differ.
        """
        ours, our_words = _outcome(self.ours, method, arguments, named)
        _, their_words = _outcome(self.theirs, method, arguments, named)
        assert our_words == their_words, (method, arguments, named)
        return ours

    def refused(self, method: str, *arguments: Any, **named: Any) -> tuple[str, str]:
        """Call both, which must refuse alike, and return code and message."""
        _, words = _outcome(self.ours, method, arguments, named)
        assert words == _outcome(self.theirs, method, arguments, named)[1]
        assert isinstance(words, tuple), f"{method} was not refused"
        return words

    def pages(
        self, method: str, sizes: list[int], *, ordered: bool = True, **named: Any
    ) -> list[Any]:
        """Turn all pages of both, which must be alike, and return what ours show.

        Args:
            method: The search.
            sizes: Of the pages, in turn.
            ordered: Whether the order must be the same too; names that differ in case or are
                none of ours sort elsewhere here.
            named: Arguments of the search.
        """
        ours, our_sizes = _turned(self.ours, method, sizes, named)
        theirs, their_sizes = _turned(self.theirs, method, sizes, named)
        assert our_sizes == their_sizes, (method, named)
        if ordered:
            assert ours == theirs, (method, named)
        assert sorted(ours, key=str) == sorted(theirs, key=str), (method, named)
        return ours


def _turned(
    store: Any, method: str, sizes: list[int], named: dict[str, Any]
) -> tuple[list[Any], list[int]]:
    """Return what all pages of a search show, and their sizes."""
    shown: list[Any] = []
    lengths: list[int] = []
    token = None
    while not lengths or token:
        size = sizes[len(lengths) % len(sizes)]
        page = getattr(store, method)(max_results=size, page_token=token, **named)
        shown += described(page)
        lengths.append(len(page))
        token = page.token
    return shown, lengths


def _outcome(store: Any, method: str, arguments: Any, named: Any) -> tuple[Any, Any]:
    try:
        answer = getattr(store, method)(*arguments, **named)
    except MlflowException as error:
        message = str(error.message).partition(_THEIR_DATABASE)[0]
        return None, (error.error_code, message)
    return answer, described(answer)


def described(answer: Any) -> Any:
    """Return all of an answer that does not depend on clock and caller."""
    match answer:
        case PagedList():
            return [described(entry) for entry in answer]
        case list():
            return sorted((described(entry) for entry in answer), key=str)
        case RegisteredModel():
            latest = sorted(
                (version.current_stage, int(version.version))
                for version in answer.latest_versions or ()
            )
            return {
                "name": answer.name,
                "description": answer.description or None,
                "tags": answer._tags,
                "aliases": {alias: int(version) for alias, version in answer.aliases.items()},
                "latest": latest,
            }
        case ModelVersion():
            return {
                "name": answer.name,
                "version": int(answer.version),
                "description": answer.description or None,
                "stage": answer.current_stage,
                "source": answer.source or None,
                "run_id": answer.run_id or None,
                "run_link": answer.run_link or None,
                "status": (answer.status, answer.status_message),
                "tags": answer.tags,
            }
        case _:
            return answer
