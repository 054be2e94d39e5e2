"""Resource names: what resources are addressed by, after the Google AIPs.

::

    namespaces/{namespace}
    namespaces/{namespace}/models/{model}
    namespaces/{namespace}/models/{model}/versions/{version}
    namespaces/{namespace}/models/{model}/aliases/{alias}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from regesta.names.rules import (
    InvalidName,
    check_alias,
    check_collection,
    check_comment,
    check_document,
    check_grant,
    check_hold,
    check_id,
    check_model,
    check_namespace,
    check_version_number,
    parse_version_number,
)

if TYPE_CHECKING:
    from typing import Self

# Longer than any resource name can be: an alias's has 601 characters at most.
_MAX_RESOURCE_NAME_LENGTH = 768


class _ResourceName:
    """What the resource names have in common."""

    __slots__ = ()

    #: Its form.
    PATTERN: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the resource name of this kind that a text spells.

        Raises:
            InvalidName: It spells none, or one of another kind.
        """
        name = parse(text)
        if not isinstance(name, cls):
            raise InvalidName("RESOURCE_NAME_INVALID", f"the name has the form {cls.PATTERN}")
        return name


@dataclass(frozen=True, slots=True)
class NamespaceName(_ResourceName):
    """Resource name of a namespace."""

    PATTERN = "namespaces/{namespace}"

    namespace: str

    def __post_init__(self) -> None:
        check_namespace(self.namespace)

    def __str__(self) -> str:
        return f"namespaces/{self.namespace}"


@dataclass(frozen=True, slots=True)
class ModelName(_ResourceName):
    """Resource name of a model."""

    PATTERN = "namespaces/{namespace}/models/{model}"

    namespace: str
    model: str

    def __post_init__(self) -> None:
        check_namespace(self.namespace)
        check_model(self.model)

    @property
    def parent(self) -> NamespaceName:
        """Its namespace."""
        return NamespaceName(self.namespace)

    def __str__(self) -> str:
        return f"namespaces/{self.namespace}/models/{self.model}"


@dataclass(frozen=True, slots=True)
class VersionName(_ResourceName):
    """Resource name of a version."""

    PATTERN = "namespaces/{namespace}/models/{model}/versions/{version}"

    namespace: str
    model: str
    version: int

    def __post_init__(self) -> None:
        check_namespace(self.namespace)
        check_model(self.model)
        check_version_number(self.version)

    @property
    def parent(self) -> ModelName:
        """Its model."""
        return ModelName(self.namespace, self.model)

    def __str__(self) -> str:
        return f"{self.parent}/versions/{self.version}"


@dataclass(frozen=True, slots=True)
class AliasName(_ResourceName):
    """Resource name of an alias."""

    PATTERN = "namespaces/{namespace}/models/{model}/aliases/{alias}"

    namespace: str
    model: str
    alias: str

    def __post_init__(self) -> None:
        check_namespace(self.namespace)
        check_model(self.model)
        check_alias(self.alias)

    @property
    def parent(self) -> ModelName:
        """Its model."""
        return ModelName(self.namespace, self.model)

    def __str__(self) -> str:
        return f"{self.parent}/aliases/{self.alias}"


@dataclass(frozen=True, slots=True)
class HoldName:
    """Resource name of a hold on texts."""

    PATTERN: ClassVar[str] = "namespaces/{namespace}/holds/{hold}"

    namespace: str
    hold: str

    def __post_init__(self) -> None:
        check_namespace(self.namespace)
        check_hold(self.hold)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name of a hold that a text spells.

        Raises:
            InvalidName: It spells none.
        """
        match text.split("/") if len(text) <= _MAX_RESOURCE_NAME_LENGTH else []:
            case ["namespaces", namespace, "holds", hold]:
                return cls(namespace, hold)
            case _:
                raise InvalidName("RESOURCE_NAME_INVALID", f"the name has the form {cls.PATTERN}")

    @property
    def parent(self) -> NamespaceName:
        """Its namespace."""
        return NamespaceName(self.namespace)

    def __str__(self) -> str:
        return f"{self.parent}/holds/{self.hold}"


def in_namespace(namespace: str, collection: str, part: str) -> str:
    """Return ``namespaces/{namespace}/{collection}/{part}``."""
    return f"namespaces/{namespace}/{collection}/{part}"


def parse_in_namespace(collection: str, text: str) -> tuple[str, str]:
    """Return namespace and last part of a name like ``namespaces/{namespace}/policies/{policy}``.

    Raises:
        InvalidName: It has another form, or its parts break their rules.
    """
    match text.split("/") if len(text) <= _MAX_RESOURCE_NAME_LENGTH else []:
        case ["namespaces", namespace, found, part] if found == collection:
            return check_namespace(namespace), check_id(part)
        case _:
            form = in_namespace("{namespace}", collection, "{id}")
            raise InvalidName("RESOURCE_NAME_INVALID", f"the name has the form {form}")


@dataclass(frozen=True, slots=True)
class CommentName:
    """Resource name of a comment on a model or a version."""

    PATTERN: ClassVar[str] = (
        "namespaces/{namespace}/models/{model}[/versions/{version}]/comments/{comment}"
    )

    parent: ModelName | VersionName
    comment: str

    def __post_init__(self) -> None:
        check_comment(self.comment)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name of a comment that a text spells.

        Raises:
            InvalidName: It spells none.
        """
        parent, found, comment = text.rpartition("/comments/")
        name = parse(parent) if found else None
        if not isinstance(name, ModelName | VersionName):
            raise InvalidName("RESOURCE_NAME_INVALID", f"the name has the form {cls.PATTERN}")
        return cls(name, comment)

    @property
    def namespace(self) -> str:
        """The namespace of its model."""
        return self.parent.namespace

    @property
    def model(self) -> str:
        """The name of its model."""
        return self.parent.model

    def __str__(self) -> str:
        return f"{self.parent}/comments/{self.comment}"


@dataclass(frozen=True, slots=True)
class DocumentName:
    """Resource name of a document in a collection."""

    PATTERN: ClassVar[str] = "namespaces/{namespace}/collections/{collection}/documents/{document}"

    namespace: str
    collection: str
    document: str

    def __post_init__(self) -> None:
        check_namespace(self.namespace)
        check_collection(self.collection)
        check_document(self.document)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name of a document that a text spells.

        Raises:
            InvalidName: It spells none.
        """
        match text.split("/") if len(text) <= _MAX_RESOURCE_NAME_LENGTH else []:
            case ["namespaces", namespace, "collections", collection, "documents", document]:
                return cls(namespace, collection, document)
            case _:
                raise InvalidName("RESOURCE_NAME_INVALID", f"the name has the form {cls.PATTERN}")

    def __str__(self) -> str:
        return (
            f"namespaces/{self.namespace}/collections/{self.collection}/documents/{self.document}"
        )


@dataclass(frozen=True, slots=True)
class GrantName:
    """Resource name of a grant of a role."""

    PATTERN: ClassVar[str] = "namespaces/{namespace}/grants/{grant}"

    namespace: str
    grant: str

    def __post_init__(self) -> None:
        check_namespace(self.namespace)
        check_grant(self.grant)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name of a grant that a text spells.

        Raises:
            InvalidName: It spells none.
        """
        match text.split("/") if len(text) <= _MAX_RESOURCE_NAME_LENGTH else []:
            case ["namespaces", namespace, "grants", grant]:
                return cls(namespace, grant)
            case _:
                raise InvalidName("RESOURCE_NAME_INVALID", f"the name has the form {cls.PATTERN}")

    def __str__(self) -> str:
        return f"namespaces/{self.namespace}/grants/{self.grant}"


ResourceName: TypeAlias = NamespaceName | ModelName | VersionName | AliasName


def parse(text: str) -> ResourceName:
    """Return the resource name that a text spells; ``str`` of it is the text again.

    Raises:
        InvalidName: It spells none, or a part of it breaks its own rule.
    """
    parts = text.split("/") if len(text) <= _MAX_RESOURCE_NAME_LENGTH else []
    match parts:
        case ["namespaces", namespace]:
            return NamespaceName(namespace)
        case ["namespaces", namespace, "models", model]:
            return ModelName(namespace, model)
        case ["namespaces", namespace, "models", model, "versions", version]:
            return VersionName(namespace, model, parse_version_number(version))
        case ["namespaces", namespace, "models", model, "aliases", alias]:
            return AliasName(namespace, model, alias)
        case _:
            raise InvalidName(
                "RESOURCE_NAME_INVALID",
                f"a resource name has the form {NamespaceName.PATTERN}, {ModelName.PATTERN},"
                f" {VersionName.PATTERN} or {AliasName.PATTERN}",
            )
