"""Packages that only some importers need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtra(Exception):
    """A package is not installed; the message names the command that installs it."""


class NoRegistry(Exception):
    """There is no MLflow registry where one was said to be, or it cannot be read."""


@contextmanager
def needing(extra: str, purpose: str) -> Iterator[None]:
    """Say what to install when an import within the block finds no package.

    Args:
        extra: The extra that brings the package.
        purpose: What it is needed for: a subject of `needs`.

    Raises:
        MissingExtra: A package is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtra(f"{purpose} needs: pip install 'regesta[{extra}]' ({error})") from error
