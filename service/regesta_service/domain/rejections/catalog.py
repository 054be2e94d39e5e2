"""Refusals about models, versions, aliases, tags and namespaces."""

from __future__ import annotations

from regesta_service.domain.rejections.base import Kind, Rejection


class ModelNotFound(Rejection):
    """There is no such model."""

    kind = Kind.NOT_FOUND
    reason = "MODEL_NOT_FOUND"


class VersionNotFound(Rejection):
    """There is no such version."""

    kind = Kind.NOT_FOUND
    reason = "VERSION_NOT_FOUND"


class AliasNotFound(Rejection):
    """There is no such alias."""

    kind = Kind.NOT_FOUND
    reason = "ALIAS_NOT_FOUND"


class DocumentNotFound(Rejection):
    """There is no such document: it was never put, or was removed."""

    kind = Kind.NOT_FOUND
    reason = "DOCUMENT_NOT_FOUND"


class NamespaceNotFound(Rejection):
    """There is no such namespace, or the caller may not know of it."""

    kind = Kind.NOT_FOUND
    reason = "NAMESPACE_NOT_FOUND"


class NoVersionMatches(Rejection):
    """An address is right in form but no version is meant by it."""

    kind = Kind.NOT_FOUND
    reason = "NO_VERSION_MATCHES"


class ModelExists(Rejection):
    """A model has, or once had, this name."""

    kind = Kind.EXISTS
    reason = "MODEL_EXISTS"


class NamespaceExists(Rejection):
    """There is a namespace of this name."""

    kind = Kind.EXISTS
    reason = "NAMESPACE_EXISTS"


class SemverTaken(Rejection):
    """Another version of the model has this label."""

    kind = Kind.EXISTS
    reason = "SEMVER_TAKEN"


class ModelDeletedAlready(Rejection):
    """The model is deleted; restore it first."""

    kind = Kind.PRECONDITION
    reason = "MODEL_DELETED"


class VersionDeletedAlready(Rejection):
    """The version is deleted; restore it first."""

    kind = Kind.PRECONDITION
    reason = "VERSION_DELETED"


class VersionArchived(Rejection):
    """The version is archived, so nothing may point to it or resolve to it."""

    kind = Kind.PRECONDITION
    reason = "VERSION_ARCHIVED"


class NotDeleted(Rejection):
    """What is to be restored is not deleted."""

    kind = Kind.PRECONDITION
    reason = "NOT_DELETED"


class SemverFixed(Rejection):
    """The version has another label already, and labels stay."""

    kind = Kind.PRECONDITION
    reason = "SEMVER_FIXED"


class TooManyTags(Rejection):
    """A resource would have more tags than it may."""

    kind = Kind.PRECONDITION
    reason = "TOO_MANY_TAGS"


class RevisionMismatch(Rejection):
    """The resource is not at the revision the caller expects."""

    kind = Kind.CONFLICT
    reason = "REVISION_MISMATCH"
