"""A registry with enough in it that caches and indexes have something to do.

One model with very many versions, several with a thousand, and many with a version and
aliases of their own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.generated_log import registered, write_log
from regesta_projections import events as e
from regesta_projections.rebuild import rebuild

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMESPACE: Final = "stock"
LARGE: Final = "large"
ALIASES: Final = ("champion", "challenger", "shadow")
SMALL_VERSIONS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Stock:
    """How much there is.

    Attributes:
        large_versions: Versions of the model `LARGE`.
        small_models: Models with `SMALL_VERSIONS` each.
        aliased_models: Models with one version and all `ALIASES`.
    """

    large_versions: int
    small_models: int
    aliased_models: int

    @property
    def small(self) -> tuple[str, ...]:
        """The models with `SMALL_VERSIONS`."""
        return tuple(f"small-{number}" for number in range(self.small_models))

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every alias of the aliased models, one model after the other."""
        return tuple(f"{model}@{alias}" for model in self._aliased for alias in ALIASES)

    @property
    def _aliased(self) -> Iterator[str]:
        return (f"aliased-{number}" for number in range(self.aliased_models))

    def write(self, service_dsn: str) -> None:
        """Put it into an empty database and fold it."""
        write_log(service_dsn, NAMESPACE, self._facts())
        rebuild(service_dsn, NAMESPACE, linger=0)

    def _facts(self) -> Iterator[tuple[str, e.Event]]:
        chance = random.Random(7)
        yield "namespace", e.NamespaceCreated(name=NAMESPACE)
        yield from _model(chance, LARGE, self.large_versions)
        for model in self.small:
            yield from _model(chance, model, SMALL_VERSIONS)
        for model in self._aliased:
            yield from _model(chance, model, 1)
            for alias in ALIASES:
                yield f"models/{model}/aliases/{alias}", e.AliasSet(version=1)


def _model(chance: random.Random, model: str, versions: int) -> Iterator[tuple[str, e.Event]]:
    yield f"models/{model}", e.ModelCreated(name=model, kind="MODEL")
    for number in range(1, versions + 1):
        yield f"models/{model}/versions/{number}", registered(chance, model, number)
