"""Permissions, and the roles that bundle them.

Each method of the API names its permission in its descriptor (`regesta.v1.permission`);
a role is a set of permissions, granted in one namespace or in all of them.
"""

from __future__ import annotations

from enum import StrEnum

#: A grant in every namespace, and the only one for what concerns no single one.
EVERY_NAMESPACE = "*"


class Permission(StrEnum):
    """What a caller may do."""

    CATALOG_READ = "catalog.read"
    CATALOG_REGISTER = "catalog.register"
    CATALOG_ALIAS = "catalog.alias"
    CATALOG_PROTECT = "catalog.protect"
    CATALOG_DELETE = "catalog.delete"
    COMMENTS_WRITE = "comments.write"
    DOCUMENTS_READ = "documents.read"
    DOCUMENTS_WRITE = "documents.write"
    LIFECYCLE_TRANSITION = "lifecycle.transition"
    GOVERNANCE_DEFINE = "governance.define"
    REQUESTS_WRITE = "requests.write"
    REQUESTS_APPROVE = "requests.approve"
    EVALUATIONS_WRITE = "evaluations.write"
    FLAGS_RAISE = "flags.raise"
    FLAGS_RESOLVE = "flags.resolve"
    VERSIONS_REVOKE = "versions.revoke"
    WATCH_SUBSCRIBE = "watch.subscribe"
    AUDIT_READ = "audit.read"
    PROOFS_READ = "proofs.read"
    PROOFS_COSIGN = "proofs.cosign"
    AUDIT_COMMIT = "audit.commit"
    PRIVACY_ERASE = "privacy.erase"
    PRIVACY_HOLD = "privacy.hold"
    PRIVACY_RETAIN = "privacy.retain"
    ACCESS_SELF = "access.self"
    ACCESS_READ = "access.read"
    ACCESS_BREAK_GLASS = "access.break_glass"
    ADMIN_ACCESS = "admin.access"
    ADMIN_LOG = "admin.log"
    ADMIN_NAMESPACES = "admin.namespaces"
    ADMIN_PROJECTIONS = "admin.projections"


#: What everybody may do who proves who he is, in any role or none: see what he may do, and
#: have tokens of his own.
ANYBODY = frozenset({Permission.ACCESS_SELF})

_READER = ANYBODY | {
    Permission.CATALOG_READ,
    Permission.WATCH_SUBSCRIBE,
    Permission.PROOFS_READ,
}
_ASKING = frozenset(
    {Permission.REQUESTS_WRITE, Permission.EVALUATIONS_WRITE, Permission.COMMENTS_WRITE}
)

ROLES: dict[str, frozenset[Permission]] = {
    "reader": _READER,
    "registrar": _READER | _ASKING | {Permission.CATALOG_REGISTER, Permission.FLAGS_RAISE},
    "reviewer": _READER | _ASKING | {Permission.REQUESTS_APPROVE, Permission.FLAGS_RAISE},
    # Operates what others registered: what its calls need beyond reading comes with them.
    "operator": _READER,
    "maintainer": _READER
    | _ASKING
    | {
        Permission.REQUESTS_APPROVE,
        Permission.CATALOG_REGISTER,
        Permission.CATALOG_ALIAS,
        Permission.CATALOG_PROTECT,
        Permission.CATALOG_DELETE,
        Permission.DOCUMENTS_READ,
        Permission.DOCUMENTS_WRITE,
        Permission.LIFECYCLE_TRANSITION,
        Permission.GOVERNANCE_DEFINE,
        Permission.FLAGS_RAISE,
        Permission.FLAGS_RESOLVE,
        Permission.VERSIONS_REVOKE,
    },
    "auditor": _READER | {Permission.AUDIT_READ, Permission.ACCESS_READ},
    # Sees sizes and hashes, nothing of what they are of.
    "witness": ANYBODY | {Permission.PROOFS_READ, Permission.PROOFS_COSIGN},
    # May take another role for at most an hour, and be seen to.
    "breakglass": ANYBODY | {Permission.ACCESS_BREAK_GLASS},
    "admin": frozenset(Permission),
}
