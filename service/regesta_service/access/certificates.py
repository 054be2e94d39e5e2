"""Identities of clients that prove who they are by a certificate (mTLS).

TLS itself proves that the caller holds the key, and that an authority of the configuration
vouches for it. Here only its names are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from regesta.names import InvalidName, check_principal
from regesta_service.access.principals import Principal, Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from regesta_service.access.configured import ConfiguredRoles

_SPIFFE: Final = "spiffe://"
_NAMES: Final = "x509_subject_alternative_name"
_COMMON_NAME: Final = "x509_common_name"


def names_in(auth_context: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names in the certificate of a call, as gRPC gives its parts.

    First those with a scheme (SPIFFE ids), then other subject alternative names, and the
    common name only when there are none: it is not meant for identities any more (RFC 6125,
    section 6.4.4).
    """
    alternative = [_text(value) for value in auth_context.get(_NAMES, ())]
    if alternative:
        return tuple(sorted(alternative, key=lambda name: "://" not in name))
    return tuple(_text(value) for value in auth_context.get(_COMMON_NAME, ()))


class CertificateNames:
    """Makes principals of names in certificates.

    Args:
        trust_domain: The SPIFFE trust domain whose ids are accepted, and then nothing else
            is; empty accepts any name but SPIFFE ids.
        prefix: Put before each name, so that it cannot be taken for another's.
    """

    def __init__(self, trust_domain: str = "", prefix: str = "") -> None:
        self._domain = f"{_SPIFFE}{trust_domain}/" if trust_domain else ""
        self._prefix = prefix
        self._known: dict[tuple[str, ...], Principal] = {}

    def principal(self, names: tuple[str, ...], roles: ConfiguredRoles) -> Principal:
        """Return whom a certificate's names mean.

        A SPIFFE id `spiffe://example.org/ci/train` of the trust domain is `ci@train`: no id
        holds an `@`, so no two ids come to one name. Other names are taken as they are.

        Raises:
            Unauthenticated: None of them can be a principal's name.
        """
        known = self._known.get(names)
        if known is not None:
            return known
        name = next((found for one in names if (found := self._name(one))), "")
        if not name:
            raise Unauthenticated("the certificate has no name that can be a principal's")
        principal = roles.principal(name, "service_account")
        if len(self._known) >= 1_000:  # noqa: PLR2004 - clients come and go, memory stays
            self._known.clear()
        self._known[names] = principal
        return principal

    def _name(self, text: str) -> str:
        if self._domain:
            if not text.startswith(self._domain) or "@" in text:
                return ""
            text = text.removeprefix(self._domain).replace("/", "@")
        try:
            return check_principal(self._prefix + text)
        except InvalidName:
            return ""


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
