"""A server that wants credentials, for tests of who may do what."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import regesta
from regesta_service.access.tokens import new_token
from tests.support.server_process import ServerProcess, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.databases import LiveDatabase

TEAM = "team-a"


@dataclass
class Guarded:
    """A server, tokens of its configuration, and clients of them."""

    process: ServerProcess
    #: By principal.
    tokens: Mapping[str, str]
    stack: contextlib.ExitStack = field(repr=False)
    #: What clients' names are relative to.
    namespace: str = TEAM

    def client(self, principal: str = "", *, token: str = "", **how: Any) -> regesta.Client:
        """Return a client of a principal of the configuration, or with a token."""
        made = regesta.Client(
            self.process.address,
            token=token or self.tokens[principal],
            **({"namespace": self.namespace} | how),
        )
        return self.stack.enter_context(made)

    def security(self) -> list[dict[str, Any]]:
        """Return the lines of the security log so far."""
        lines = [json.loads(line) for line in self.process.logged if line.startswith("{")]
        return [line for line in lines if line.get("log") == "security"]

    def outputs(self) -> str:
        """Return all that the server said so far, anywhere."""
        return "\n".join([*self.process.said, *self.process.logged])


@contextlib.contextmanager
def guarded(
    folder: Path,
    database: LiveDatabase,
    principals: Mapping[str, tuple[str, list[str]]],
    more: str = "",
    tokens: Mapping[str, str] | None = None,
) -> Iterator[Guarded]:
    """Yield a server whose configuration has a token for each of some principals.

    Args:
        folder: For its configuration.
        database: Where it works.
        principals: Role and namespaces of each.
        more: More of the configuration, in TOML; what is not in a table comes first.
        tokens: The principals' tokens, to have the same ones twice; made when left out.
    """
    tokens = tokens or {name: new_token() for name in principals}
    tables = [
        f'[[tokens]]\nprincipal = "{name}"\nrole = "{role}"\ntoken = "{tokens[name]}"\n'
        f'namespaces = {namespaces}\nkind = "user"\n'
        for name, (role, namespaces) in principals.items()
    ]
    file = folder / f"regesta-{len(list(folder.iterdir()))}.toml"
    file.write_text("\n".join([more, *tables]))
    with (
        serving("--config", str(file), "--dsn", database.service_dsn) as process,
        contextlib.ExitStack() as stack,
    ):
        yield Guarded(process, tokens, stack)
