"""Where a registry is and how to speak to it, from the URI that MLflow is given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from regesta.names import InvalidName, check_namespace

_FORM: Final = "regesta://host:port/namespace"
_PORT: Final = 7421
_OPTIONS: Final = ("tls", "ca", "timeout", "forward")
_YES_NO: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

#: Seconds after which a call is given up, repeats included.
TIMEOUT: Final = 30.0
_LONGEST_TIMEOUT: Final = 3_600


class InvalidUri(ValueError):
    """A URI of a registry says nothing that can be connected to."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach a namespace of a registry."""

    #: `host:port`.
    target: str
    namespace: str
    #: False for the clear, True for TLS with the system's roots, or a PEM file of roots.
    tls: bool | Path = False
    #: Bearer token of this process; None for a server in development mode.
    token: str | None = None
    #: Seconds.
    timeout: float = TIMEOUT
    #: Whether a server of MLflow's passes on the bearer token that its own caller sent, so that
    #: the registry knows who acts.
    forward: bool = True


def parse_uri(uri: str, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in `regesta://host:port/namespace?option=value`.

    Without a port it is 7421, without a namespace `default`. Options are `tls` (true or false),
    `ca` (path of a PEM file of roots; implies TLS), `timeout` (seconds) and `forward` (true or
    false). A token never stands in a URI, since MLflow logs it: it comes from `REGESTA_TOKEN`,
    or from the file that `REGESTA_TOKEN_FILE` names; `REGESTA_CA` is as good as `ca`.

    Args:
        uri: What MLflow was given.
        environment: In place of the process's own variables.

    Raises:
        InvalidUri: It has another form, or an option makes no sense.
    """
    variables = os.environ if environment is None else environment
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port or _PORT
    except ValueError as error:
        raise InvalidUri(f"a registry's URI has the form {_FORM}: {error}") from None
    if parts.scheme != "regesta" or not host or parts.fragment:
        raise InvalidUri(f"a registry's URI has the form {_FORM}")
    if parts.username or parts.password:
        raise InvalidUri(
            "a URI is no place for a credential, since it is logged: set REGESTA_TOKEN"
        )
    options = _options(parts.query)
    ca = options.get("ca") or variables.get("REGESTA_CA")
    return Settings(
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        _namespace(parts.path),
        tls=Path(ca) if ca else _yes_or_no(options, "tls", default=False),
        token=_token(variables),
        timeout=_seconds(options.get("timeout")),
        forward=_yes_or_no(options, "forward", default=True),
    )


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise InvalidUri(f"a registry's URI has the options {', '.join(_OPTIONS)}")
        if name in options:
            raise InvalidUri(f"the option {name} stands twice in the registry's URI")
        options[name] = value
    return options


def _namespace(path: str) -> str:
    namespace = path.strip("/") or "default"
    try:
        return check_namespace(namespace)
    except InvalidName as error:
        raise InvalidUri(f"a registry's URI has the form {_FORM}, and {error.message}") from None


def _yes_or_no(options: Mapping[str, str], name: str, *, default: bool) -> bool:
    given = options.get(name)
    if given is None:
        return default
    answer = _YES_NO.get(given.lower())
    if answer is None:
        raise InvalidUri(f"the option {name} of a registry's URI is true or false")
    return answer


def _seconds(given: str | None) -> float:
    if given is None:
        return TIMEOUT
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_TIMEOUT:  # NaN too
        raise InvalidUri(
            f"the option timeout of a registry's URI is seconds, {_LONGEST_TIMEOUT} at most"
        )
    return seconds


def _token(variables: Mapping[str, str]) -> str | None:
    token = variables.get("REGESTA_TOKEN")
    if token:
        return token
    path = variables.get("REGESTA_TOKEN_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidUri(f"REGESTA_TOKEN_FILE cannot be read: {error.strerror}") from None
