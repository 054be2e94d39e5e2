"""Public keys of an issuer (JWKS, RFC 7517): fetched, kept, and fetched anew.

An issuer that does not answer stops nobody at once: its keys stay in use for a day. A token
with a key that is not known makes us ask again, but not more than every half minute.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from regesta_service.access.principals import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Callable

_log = structlog.get_logger("security", log="security")

_DISCOVERY: Final = "/.well-known/openid-configuration"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_TIMEOUT: Final = 5.0
_MAX_BYTES: Final = 1 << 20
_MAX_KEYS: Final = 100
#: Shorter RSA keys are not trusted. Source: NIST SP 800-131A.
_MIN_RSA_BITS: Final = 2048


class KeysUnavailable(Exception):
    """An issuer's keys cannot be had; the message says why, without its answer."""


class InsecureUrl(ValueError):
    """An address is neither https nor on this machine."""


def check_url(url: str) -> str:
    """Return an address to fetch keys from.

    Raises:
        InsecureUrl: Somebody on the way could change what is fetched.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return url
    raise InsecureUrl("an issuer's address is https, or http on this machine")


class KeySet:
    """The keys of one issuer.

    Args:
        issuer: Its name, which is also where its configuration is found.
        url: Where its keys are; empty asks its configuration.
        refresh: Seconds after which keys are fetched anew.
        cooldown: Least seconds between two attempts that unknown keys cause.
        stale: Seconds for which keys are used though the issuer does not answer.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        issuer: str,
        url: str = "",
        *,
        refresh: float = 300.0,
        cooldown: float = 30.0,
        stale: float = 86_400.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._url = url
        self._refresh = refresh
        self._cooldown = cooldown
        self._stale = stale
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: object, algorithm: str) -> jwt.PyJWK:
        """Return the key that a token names, for an algorithm.

        Raises:
            Unauthenticated: There is none, or the keys cannot be had.
        """
        age = self._age()
        if age is None or age > self._stale:
            await self._try_fetch()
        elif age > self._refresh:
            # In the background: calls go on with what is known.
            self._begin_fetch()
        key = self._known(kid, algorithm)
        if key is None:
            await self._try_fetch()
            key = self._known(kid, algorithm)
        age = self._age()
        if age is None or age > self._stale:
            raise Unauthenticated("the keys of the token's issuer cannot be had")
        if key is None:
            raise Unauthenticated("the token's key is none of its issuer's")
        return key

    def _age(self) -> float | None:
        return None if self._fetched_at is None else self._clock() - self._fetched_at

    def _known(self, kid: object, algorithm: str) -> jwt.PyJWK | None:
        if kid is None:
            fitting = [key for key in self._keys.values() if key.algorithm_name == algorithm]
            return fitting[0] if len(fitting) == 1 else None
        key = self._keys.get(kid) if isinstance(kid, str) else None
        return key if key is not None and key.algorithm_name == algorithm else None

    async def _try_fetch(self) -> None:
        """Fetch the keys unless that was tried just now; one fetch serves all who wait."""
        task = self._begin_fetch()
        if task is not None:
            await asyncio.shield(task)

    def _begin_fetch(self) -> asyncio.Task[None] | None:
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        now = self._clock()
        if self._tried_at is not None and now - self._tried_at < self._cooldown:
            return None
        self._tried_at = now
        self._fetching = asyncio.get_running_loop().create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            # The timeout of a socket is for each piece; an answer may come in many.
            async with asyncio.timeout(2 * _TIMEOUT):
                keys = await asyncio.to_thread(_keys_of, self._issuer, self._url)
        except (KeysUnavailable, TimeoutError) as error:
            _log.warning("issuer_keys_unavailable", issuer=self._issuer, why=str(error))
            return
        self._keys = keys
        self._fetched_at = self._clock()


class _NoRedirects(HTTPRedirectHandler):
    """Refuses to be sent elsewhere: the address that is configured is the one that is trusted."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Return no request, so the answer is an error."""


_OPENER: Final = build_opener(_NoRedirects)


def _keys_of(issuer: str, url: str) -> dict[str, jwt.PyJWK]:
    """Fetch the keys of an issuer, by their ids; in a thread, since it blocks."""
    if not url:
        found = _fetched(issuer.rstrip("/") + _DISCOVERY)
        if found.get("issuer") != issuer:
            raise KeysUnavailable("its configuration is that of another issuer")
        url = str(found.get("jwks_uri", ""))
    listed = _fetched(url).get("keys")
    if not isinstance(listed, list):
        raise KeysUnavailable("its answer has no keys")
    keys: dict[str, jwt.PyJWK] = {}
    for number, entry in enumerate(listed[:_MAX_KEYS]):
        key = _usable(entry)
        if key is not None:
            keys[str(entry.get("kid", f"key {number}"))] = key
    return keys


def _usable(entry: object) -> jwt.PyJWK | None:
    """Return a key to verify signatures with; None for any other, such as one to encrypt with."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(entry)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    match key.key:
        case RSAPublicKey():
            fits = key.algorithm_name == "RS256" and key.key.key_size >= _MIN_RSA_BITS
        case EllipticCurvePublicKey():
            fits = key.algorithm_name == "ES256" and isinstance(key.key.curve, SECP256R1)
        case Ed25519PublicKey():
            fits = key.algorithm_name == "EdDSA"
        case _:
            fits = False
    return key if fits else None


def _fetched(url: str) -> dict[str, Any]:
    """Return the JSON object at an address."""
    try:
        request = Request(check_url(url), headers={"Accept": "application/json"})  # noqa: S310 - checked
        with _OPENER.open(request, timeout=_TIMEOUT) as answer:
            content = answer.read(_MAX_BYTES + 1)
    except (URLError, OSError, InsecureUrl) as error:
        raise KeysUnavailable(type(error).__name__) from None
    if len(content) > _MAX_BYTES:
        raise KeysUnavailable(f"its answer has more than {_MAX_BYTES} bytes")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise KeysUnavailable("its answer is no JSON") from None
    if not isinstance(found, dict):
        raise KeysUnavailable("its answer is no JSON object")
    return found
