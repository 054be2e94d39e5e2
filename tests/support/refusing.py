"""A namespace with a little in it, and a check that a call is refused and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import regesta
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.verification import verify
from tests.support.wire import Outcome, Wire

if TYPE_CHECKING:
    from google.protobuf.message import Message

DIGEST = "sha256:" + "a" * 64


@dataclass(frozen=True, slots=True)
class Refusing:
    """A namespace whose head must stay where it is.

    It holds `churn` with version 1, labelled 1.0.0, and the alias `champion`.
    """

    client: regesta.Client
    wire: Wire
    #: Of the server's database.
    dsn: str

    @property
    def parent(self) -> str:
        """Its resource name."""
        return f"namespaces/{self.client.namespace}"

    @property
    def model(self) -> str:
        """Resource name of `churn`."""
        return f"{self.parent}/models/churn"

    @property
    def version(self) -> str:
        """Resource name of its version 1."""
        return f"{self.model}/versions/1"

    def fill(self) -> None:
        """Put in what is there."""
        self.client.register_version(
            "churn",
            version=version_pb.Version(semver="1.0.0", digest=DIGEST),
            allow_missing_model=True,
        )
        self.client.set_alias("churn@champion", version=1)

    def check_sound(self) -> None:
        """Check log and projections, in this process: the API starts one for it each time."""
        assert () == tuple(verify(self.dsn, self.client.namespace).findings)

    def call(self, method: str, request: Message | bytes) -> Outcome:
        """Make a call that must be refused and must not change anything."""
        head = self.client.get_head()
        outcome = self.wire.call(method, request)
        assert outcome.code.name != "OK", outcome
        assert head == self.client.get_head()
        return outcome

    def refused(self, method: str, request: Message | bytes, code: str, reason: str) -> Outcome:
        """Make a call that must be refused with this code and reason."""
        outcome = self.call(method, request)
        assert (code, reason, "regesta") == (outcome.code.name, outcome.reason, outcome.domain)
        return outcome

    def invalid(self, method: str, request: Message | bytes, *fields: str) -> Outcome:
        """Make a call that must be refused because of these fields."""
        outcome = self.refused(method, request, "INVALID_ARGUMENT", "INVALID_FIELD")
        assert fields == outcome.fields
        assert all(outcome.descriptions)
        return outcome
