"""What a command is about: a model, a version, an alias, or an address to resolve."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from regesta import addresses, names
from regesta.addresses import Address, Alias, InvalidAddress, Number
from regesta.names import AliasName, CommentName, DocumentName, InvalidName, ModelName, VersionName

#: An `Address` has to be resolved first: a stage, a range, `latest` or a digest.
Subject: TypeAlias = ModelName | VersionName | AliasName | Address

_SELECTS = re.compile(r"[@#:?]")


class InvalidTarget(ValueError):
    """A text names nothing that a command could be about."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is meant, and the moment that its address names."""

    namespace: str
    subject: Subject
    as_of: datetime | int | None = None


def parse_target(text: str, namespace: str) -> Target:
    """Return what a text names.

    Args:
        text: `churn`, `churn/3`, `churn@champion`, `churn#production`, `churn@^1.2`,
            `churn@latest`, `sha256:…`; with `namespace/` before and `?as_of=` after it if
            need be; a URI `regesta://…` or `models:/…`; or a resource name.
        namespace: Stands in where the text names none.

    Raises:
        InvalidTarget: It has none of these forms; the message says what would do.
    """
    try:
        if text.startswith("namespaces/"):
            return _named(text)
        if text.startswith("models/"):
            return _named(f"namespaces/{namespace}/{text}")
        place, _, last = text.rpartition("/")
        if _SELECTS.search(text) or (place and last.isdigit()):
            return _addressed(addresses.parse(text), namespace)
        return _of(ModelName(place or namespace, last))
    except (InvalidName, InvalidAddress) as error:
        raise InvalidTarget(str(error)) from None


def parse_comment(text: str, namespace: str) -> CommentName | None:
    """Return the comment that a text names, as `churn/comments/ID` or `churn/3/comments/ID`.

    Returns:
        None when it names something else.

    Raises:
        InvalidTarget: It is no comment on a model, or on a version by its number.
    """
    above, found, comment = text.rpartition("/comments/")
    if not found:
        return None
    parent = parse_target(above, namespace).subject
    if not isinstance(parent, ModelName | VersionName):
        raise InvalidTarget("a comment is one on a model, or on a version by its number")
    try:
        return CommentName(parent, comment)
    except InvalidName as error:
        raise InvalidTarget(str(error)) from None


def parse_document(text: str, namespace: str) -> DocumentName:
    """Return the document that a text names, as `webhooks/w1` or by its resource name.

    Raises:
        InvalidTarget: It is none.
    """
    try:
        if text.startswith("namespaces/"):
            return DocumentName.parse(text)
        collection, found, document = text.partition("/")
        if not found:
            raise InvalidTarget("write a document as collection/document, as in webhooks/w1")
        return DocumentName(namespace, collection, document)
    except InvalidName as error:
        raise InvalidTarget(str(error)) from None


def short(name: ModelName | VersionName | AliasName) -> str:
    """Return how people write a resource of the present namespace."""
    match name:
        case ModelName():
            return name.model
        case VersionName():
            return f"{name.model}/{name.version}"
        case AliasName():
            return f"{name.model}@{name.alias}"


def short_of(resource: str) -> str:
    """Return the short form of a resource name or a stream; others stay as they are."""
    try:
        full = resource if resource.startswith("namespaces/") else f"namespaces/n/{resource}"
        name = names.parse(full)
    except InvalidName:
        return resource
    return resource if isinstance(name, names.NamespaceName) else short(name)


def _named(text: str) -> Target:
    name = names.parse(text)
    if isinstance(name, names.NamespaceName):
        raise InvalidTarget("name a model, a version or an alias, not a namespace")
    return _of(name)


def _of(name: ModelName | VersionName | AliasName) -> Target:
    return Target(name.namespace, name)


def _addressed(address: Address, default: str) -> Target:
    namespace = address.namespace or default
    match address.selector:
        case Number(version) if address.model is not None:
            return Target(namespace, VersionName(namespace, address.model, version), address.as_of)
        case Alias(alias) if address.model is not None:
            return Target(namespace, AliasName(namespace, address.model, alias), address.as_of)
        case _:
            bare = Address(None, address.model, address.selector)
            return Target(namespace, bare, address.as_of)
