"""Configuration: flags over environment over a TOML file over defaults.

Environment variables are `REGESTA_` and the name in capitals, nested with two
underscores; lists are JSON. The file is named by `--config` or `REGESTA_CONFIG`.
A name that does not exist is an error, never ignored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from regesta.audit.checkpoints import InvalidOrigin, log_origin
from regesta.audit.notes import InvalidKey, VerifierKey
from regesta.names import PRINCIPAL
from regesta_service.access.certificates import CertificateNames
from regesta_service.access.configured import ConfiguredRoles, RoleGiven
from regesta_service.access.keys import KeySet, check_url
from regesta_service.access.oidc import Issuer
from regesta_service.access.permissions import EVERY_NAMESPACE, ROLES
from regesta_service.access.tokens import TokenGrant, digest_of

CONFIG_VARIABLE = "REGESTA_CONFIG"
_PREFIX = "REGESTA_"
#: Variables of ours that are no settings of the server: those of the client, mostly.
_OTHER_VARIABLES = frozenset(
    {
        CONFIG_VARIABLE,
        "REGESTA_CA",
        "REGESTA_NAMESPACE",
        "REGESTA_PG_BINDIR",
        "REGESTA_POLICY",
        "REGESTA_TARGET",
        "REGESTA_TIMEOUT",
        "REGESTA_TOKEN",
        "REGESTA_TOKEN_FILE",
    }
)
#: Those of the tests share the prefix.
_OTHER_PREFIXES = ("REGESTA_TEST_",)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PRINCIPAL = f"^{PRINCIPAL}$"
_NAMESPACE = re.compile(r"(?:\*|[a-z][a-z0-9-]{0,62})\Z")

EngineName = Literal["grpcio", "native"]
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
Mebibytes = Annotated[int, Field(ge=0, le=1_048_576)]


class InvalidConfiguration(Exception):
    """The configuration cannot be used; the message has a line for each fault."""


def _check_role(role: str, namespaces: list[str]) -> None:
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(sorted(ROLES))}")
    for namespace in namespaces:
        if not _NAMESPACE.match(namespace):
            raise ValueError("a namespace is [a-z][a-z0-9-]{0,62}, or * for all")


class Token(BaseModel):
    """A static bearer token: whose it is and what it allows."""

    model_config = ConfigDict(extra="forbid")

    #: The principal's name, as it stands in the log.
    principal: Annotated[str, Field(pattern=_PRINCIPAL)]
    #: `sha256:` and 64 hex digits; made by `regesta-server token new`.
    digest: str | None = None
    #: The token itself, for those who keep it in a secret store; or give its digest.
    token: SecretStr | None = None
    role: str
    namespaces: list[str] = [EVERY_NAMESPACE]
    kind: Literal["user", "service_account"] = "service_account"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.digest is None) == (self.token is None):
            raise ValueError("give either digest or token")
        if self.digest is not None and not _DIGEST.match(self.digest):
            raise ValueError("digest must be sha256: and 64 hex digits")
        _check_role(self.role, self.namespaces)
        return self

    def grant(self) -> TokenGrant:
        """Return the grant this configures."""
        digest = self.digest
        if self.token is not None:
            digest = digest_of(self.token.get_secret_value())
        return TokenGrant(
            self.principal, digest or "", self.role, tuple(self.namespaces), self.kind
        )


class Role(BaseModel):
    """A role that a principal or a group has by configuration, however it proves itself."""

    model_config = ConfigDict(extra="forbid")

    #: The principal, or give a group.
    principal: Annotated[str, Field(pattern=_PRINCIPAL)] | None = None
    #: The group, with its issuer's prefix.
    group: Annotated[str, Field(min_length=1, max_length=250)] | None = None
    role: str
    namespaces: list[str] = [EVERY_NAMESPACE]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.principal is None) == (self.group is None):
            raise ValueError("give either principal or group")
        _check_role(self.role, self.namespaces)
        return self

    def given(self) -> RoleGiven:
        """Return the role this configures."""
        return RoleGiven(self.role, self.principal or "", self.group or "", tuple(self.namespaces))


class Oidc(BaseModel):
    """An issuer of OIDC tokens (JWT) that is trusted."""

    model_config = ConfigDict(extra="forbid")

    #: The claim `iss` of its tokens; its configuration is found below it.
    issuer: str
    #: What the claim `aud` must have.
    audience: Annotated[str, Field(min_length=1)]
    #: Where its keys are; without it, its configuration says so.
    jwks_url: str | None = None
    algorithms: Annotated[list[Literal["RS256", "ES256", "EdDSA"]], Field(min_length=1)] = [
        "RS256",
        "ES256",
        "EdDSA",
    ]
    #: How much clocks may differ, in seconds.
    leeway: Annotated[float, Field(ge=0, le=300)] = 60.0
    #: The claim that names the principal; take one that its owner cannot change.
    principal_claim: Annotated[str, Field(min_length=1)] = "sub"
    #: The claim that lists groups; without it, there are none.
    groups_claim: str | None = None
    #: Put before names of principals, and of groups.
    principal_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{0,60}$")] = ""
    group_prefix: Annotated[str, Field(max_length=60)] = ""
    kind: Literal["user", "service_account"] = "user"

    @model_validator(mode="after")
    def _check(self) -> Self:
        for url in (self.issuer, self.jwks_url):
            if url is not None:
                check_url(url)
        return self

    def trusted(self) -> Issuer:
        """Return the issuer this configures."""
        return Issuer(
            self.issuer,
            self.audience,
            KeySet(self.issuer, self.jwks_url or ""),
            tuple(self.algorithms),
            self.leeway,
            self.principal_claim,
            self.groups_claim or "",
            self.principal_prefix,
            self.group_prefix,
            self.kind,
        )


class Tls(BaseModel):
    """Files in PEM for serving over TLS."""

    model_config = ConfigDict(extra="forbid")

    certificate: Path
    key: Path
    #: Authorities that vouch for clients; every client then needs a certificate of theirs.
    client_ca: Path | None = None
    #: The SPIFFE trust domain of clients; then nothing but its ids is accepted.
    trust_domain: Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,255}$")] | None = None
    #: Put before names of clients.
    principal_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{0,60}$")] = ""


class Settings(BaseSettings):
    """Everything a server can be told."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", extra="forbid", validate_default=True
    )

    #: Where to listen: host:port, or `unix:` and a path. Port 0 takes a free one.
    listen: str = "127.0.0.1:7421"
    #: PostgreSQL as the service role; without it the embedded server is started.
    dsn: SecretStr | None = None
    #: PostgreSQL as the owner role, to apply migrations at start; optional.
    owner_dsn: SecretStr | None = None
    #: Where the embedded server keeps its data; the default depends on who runs it.
    data_dir: Path | None = None
    #: Let everybody do everything. Only for a laptop: listens on loopback only.
    insecure_dev: bool = False
    tokens: list[Token] = []
    #: Roles of principals and groups, however they prove themselves.
    roles: list[Role] = []
    #: Issuers of OIDC tokens that are trusted.
    oidc: list[Oidc] = []
    tls: Tls | None = None
    #: What carries calls: gRPC's own server, or pygrpc-native (`regesta[native]`).
    engine: EngineName = "grpcio"
    #: Event loop: uvloop when it is installed.
    loop: Literal["auto", "uvloop", "asyncio"] = "auto"
    #: Processes that share the port (Linux only).
    workers: Positive = 1
    #: Connections to PostgreSQL for everything but reads of the hot path.
    pool_size: Annotated[int, Field(ge=2, le=500)] = 8
    #: Mebibytes of finished answers kept in memory, of each process: of single resources and of
    #: pages. 0 keeps none.
    kept_answers_mib: Mebibytes = 64
    kept_pages_mib: Mebibytes = 128
    #: False behind a pooler in transaction mode, which also refuses start-up options.
    prepared_statements: bool = True
    #: Writes of one namespace that may wait; more are shed with RESOURCE_EXHAUSTED.
    max_waiting_writes: Positive = 4_096
    #: Unary calls under way; more are shed with RESOURCE_EXHAUSTED.
    max_calls: Positive = 2_000
    #: Events a subscriber may lag behind before it is told to resume.
    max_subscriber_lag: Positive = 1_000
    #: Name of this deployment, with which the origins of its logs begin, such as
    #: `registry.example.com`; without it, one that the database was given when it was made.
    origin: str | None = None
    #: `auto` signs checkpoints beside an embedded database, in a process of its own.
    publish: Literal["auto", "off"] = "auto"
    #: Seconds between two looks of the publisher.
    publish_interval: Annotated[float, Field(ge=0.05, le=3600)] = 1.0
    #: Witnesses of checkpoints: a verifier key, and where there is one a blank and its URL.
    witnesses: list[str] = []
    #: Seconds between two commitments to the heads of all streams, made when something was
    #: appended since the last one; 0 makes none but those that are asked for.
    heads_interval: Annotated[float, Field(ge=0)] = 86_400.0
    #: Seconds from NOT_SERVING to refusing calls, so that load balancers notice.
    drain_notice: Annotated[float, Field(ge=0)] = 0.0
    #: Seconds that calls under way get to finish while the server stops.
    drain_grace: Seconds = 10.0
    #: `info` logs calls that failed or took over a second, `debug` every call.
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.insecure_dev and (self.tokens or self.roles or self.oidc):
            raise ValueError("insecure_dev and tokens, roles or oidc exclude each other")
        if len({one.issuer for one in self.oidc}) < len(self.oidc):
            raise ValueError("each issuer of oidc stands once")
        if len({one.principal_prefix for one in self.oidc}) < len(self.oidc):
            raise ValueError(
                "each issuer of oidc needs a principal_prefix of its own,"
                " or one could name another's principals"
            )
        if self.insecure_dev and not is_local(self.listen):
            raise ValueError("insecure_dev listens on loopback or a unix socket only")
        if self.engine == "native" and self.tls is not None:
            raise ValueError(
                "the native engine has no TLS: take engine = 'grpcio', "
                "or leave tls out and end TLS in a proxy in front"
            )
        if self.origin is not None:
            try:
                log_origin(self.origin, "default")
            except InvalidOrigin as error:
                raise ValueError(str(error)) from None
        self.witness_addresses()
        if not is_local(self.listen) and ":" not in self.listen:
            raise ValueError("listen must be host:port or unix:/path")
        return self

    @property
    def client_certificates(self) -> bool:
        """Whether clients prove who they are by certificates."""
        return self.tls is not None and self.tls.client_ca is not None

    def certificate_names(self) -> CertificateNames | None:
        """Return how names in clients' certificates become principals; None without any."""
        if self.tls is None or self.tls.client_ca is None:
            return None
        return CertificateNames(self.tls.trust_domain or "", self.tls.principal_prefix)

    def issuers(self) -> list[Issuer]:
        """Return the issuers of OIDC tokens that are trusted."""
        return [one.trusted() for one in self.oidc]

    def configured_roles(self, more: Iterable[TokenGrant] = ()) -> ConfiguredRoles:
        """Return what the configuration gives to whom.

        Args:
            more: Tokens beside those of the configuration, such as the first one.
        """
        tokens = [token.grant() for token in self.tokens]
        return ConfiguredRoles(
            [grant.given() for grant in (*tokens, *more)] + [role.given() for role in self.roles]
        )

    def witness_addresses(self) -> list[tuple[VerifierKey, str]]:
        """Return the key and the URL of each witness; one that is not asked has an empty URL.

        Raises:
            ValueError: One is malformed.
        """
        witnesses = []
        for number, text in enumerate(self.witnesses):
            key, _, url = text.partition(" ")
            try:
                witnesses.append((VerifierKey.parse(key), url.strip()))
            except InvalidKey as error:
                raise ValueError(f"witnesses[{number}]: {error}") from None
        return witnesses

    def witness_keys(self) -> list[VerifierKey]:
        """Return the keys of the witnesses."""
        return [key for key, _ in self.witness_addresses()]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Say which source wins: flags, environment, file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def is_local(listen: str) -> bool:
    """Say whether an address is reached from this machine only."""
    host = listen.rpartition(":")[0].strip("[]")
    return listen.startswith("unix:") or host in {"127.0.0.1", "localhost", "::1"}


def load(flags: dict[str, Any], file: Path | None = None) -> Settings:
    """Return the settings of this process.

    Args:
        flags: What the command line says; None values say nothing.
        file: A TOML file; without it `REGESTA_CONFIG` may name one.

    Raises:
        InvalidConfiguration: A file cannot be read, a name does not exist or a value
            is not possible.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    path = file or (Path(named) if named else None)
    if path is not None and not path.is_file():
        raise InvalidConfiguration(f"the configuration file {path} does not exist")
    _refuse_unknown_variables()
    given = {name: value for name, value in flags.items() if value is not None}

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        loaded = FromFile(**given)
    except ValidationError as error:
        raise InvalidConfiguration("\n".join(_faults(error))) from None
    except ValueError as error:
        raise InvalidConfiguration(f"{path or 'the environment'}: {error}") from None
    # An instance of the module's own class: settings travel to spawned workers.
    return Settings.model_construct(**dict(loaded))


def _refuse_unknown_variables() -> None:
    known = set(Settings.model_fields)
    for variable in os.environ:
        name = variable.removeprefix(_PREFIX).split("__")[0].lower()
        if (
            variable.startswith(_PREFIX)
            and variable not in _OTHER_VARIABLES
            and not variable.startswith(_OTHER_PREFIXES)
            and name not in known
        ):
            raise InvalidConfiguration(f"{variable}: there is no such setting")


def _faults(error: ValidationError) -> list[str]:
    """Return a line for each fault, without the values: they may be secrets."""
    return [
        f"{'.'.join(str(part) for part in fault['loc']) or 'settings'}: {fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    ]
