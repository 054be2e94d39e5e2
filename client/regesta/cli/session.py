"""What all commands of one run share: where the server is, and how to answer."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import overload

import click

import regesta
from regesta import names
from regesta.addresses import Address
from regesta.audit.policies import Policy
from regesta.cli.output import Output
from regesta.cli.targets import InvalidTarget, Target, parse_comment, parse_document, parse_target
from regesta.names import CommentName, DocumentName, ModelName, VersionName

#: Seconds that a call may take when nobody says otherwise.
DEFAULT_TIMEOUT = 30.0


#: What reads can look at: what had been recorded, or what had happened.
Moment = datetime | int | regesta.Occurred


@dataclass(slots=True)
class Session:
    """The global options, and the connections that they make."""

    target: str = regesta.DEFAULT_TARGET
    token: str | None = None
    namespace: str = "default"
    tls: bool | Path = False
    timeout: float = DEFAULT_TIMEOUT
    #: A trust policy, by which checkpoints are judged.
    trust: Policy | None = None
    output: Output = field(default_factory=Output)
    #: The id of the write under way, to be told when its fate is unknown.
    request_id: str = ""
    resources: ExitStack = field(default_factory=ExitStack)
    _clients: dict[str, regesta.Client] = field(default_factory=dict)

    def client(self, namespace: str | None = None) -> regesta.Client:
        """Return the client of a namespace; None means the namespace of this session.

        Its reads are fresh, since what came before may have been somebody's write.
        """
        namespace = namespace or self.namespace
        if namespace not in self._clients:
            self._clients[namespace] = self.resources.enter_context(
                regesta.Client(
                    self.target,
                    token=self.token,
                    namespace=namespace,
                    tls=self.tls,
                    channels=1,
                    timeout=self.timeout,
                    fresh=True,
                    trust=self.trust,
                )
            )
        return self._clients[namespace]

    def parse(self, text: str) -> Target:
        """Return what an argument names.

        Raises:
            click.UsageError: It names nothing.
        """
        try:
            return parse_target(text, self.namespace)
        except InvalidTarget as error:
            raise click.UsageError(str(error)) from None

    def comment(self, text: str) -> CommentName | None:
        """Return the comment that an argument names; None when it names something else.

        Raises:
            click.UsageError: It names nothing.
        """
        try:
            return parse_comment(text, self.namespace)
        except InvalidTarget as error:
            raise click.UsageError(str(error)) from None

    def document(self, text: str) -> DocumentName:
        """Return the document that an argument names.

        Raises:
            click.UsageError: It names none.
        """
        try:
            return parse_document(text, self.namespace)
        except InvalidTarget as error:
            raise click.UsageError(str(error)) from None

    def model(self, text: str) -> ModelName:
        """Return the model that an argument names.

        Raises:
            click.UsageError: It names something else.
        """
        subject = self.parse(text).subject
        if not isinstance(subject, ModelName):
            raise click.UsageError("name a model here, without a version or an alias")
        return subject

    def version(self, text: str) -> VersionName:
        """Return the version that an argument means now, asking the server if need be.

        Raises:
            click.UsageError: It means none.
        """
        target = self.parse(text)
        match target.subject:
            case ModelName():
                raise click.UsageError("name a version here, as in churn/3 or churn@champion")
            case VersionName():
                return target.subject
            case _:
                return VersionName.parse(self.resolve(target).name)

    def resolve(self, target: Target, as_of: Moment | None = None) -> regesta.Version:
        """Return the version that a target means as of a moment."""
        subject = target.subject
        address = str(subject) if isinstance(subject, Address) else address_of(subject)
        return self.client(target.namespace).resolve(address, as_of=moment_of(target, as_of))


@overload
def moment_of(target: Target, as_of: datetime | int | None) -> datetime | int | None: ...
@overload
def moment_of(target: Target, as_of: Moment | None) -> Moment | None: ...
def moment_of(target: Target, as_of: Moment | None) -> Moment | None:
    """Return the moment that an option or an address names; None is now.

    Raises:
        click.UsageError: Both name one.
    """
    if target.as_of is not None and as_of is not None:
        raise click.UsageError("the address has a moment already: leave out --as-of")
    return as_of if target.as_of is None else target.as_of


def address_of(name: ModelName | VersionName | names.AliasName) -> str:
    """Return the address of a resource; a model's is that of its latest version."""
    match name:
        case ModelName():
            return f"{name.model}@latest"
        case VersionName():
            return f"{name.model}/{name.version}"
        case names.AliasName():
            return f"{name.model}@{name.alias}"


pass_session = click.make_pass_decorator(Session)
