"""AccessService: principals and the tokens that this server issues to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from regesta.v1 import access_service_pb2 as pb
from regesta_projections.evolve.streams import stream_of
from regesta_service.access.permissions import EVERY_NAMESPACE, Permission
from regesta_service.access.principals import UNBOUNDED
from regesta_service.access.registering import principal_key, token_key
from regesta_service.access.tokens import hex_digest, new_issued_token
from regesta_service.api.errors import denied
from regesta_service.api.reads.requests import principal_in
from regesta_service.api.writes.translate_access import (
    issue_token,
    register_principal,
    revoke_token,
)
from regesta_service.api.writes.writing import Writing, new_salt, now
from regesta_service.domain.rejections import TokenExceedsOwn, TokenShownOnce
from regesta_service.reads.pages import page_size_of

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.reads.pages import PageTokens
    from regesta_service.reads.tokens import TokenReads

_DEFAULT_PAGE = 100


class PrincipalCalls:
    """AccessService's calls about principals and tokens.

    Args:
        reads: Reads both.
        page_tokens: Makes and reads page tokens.
        sequencer: Carries commands out.
        answers: Finishes resources.
    """

    def __init__(
        self,
        reads: TokenReads,
        page_tokens: PageTokens,
        sequencer: Sequencer,
        answers: AnswerReader,
    ) -> None:
        self._reads = reads
        self._page_tokens = page_tokens
        service = pb.DESCRIPTOR.services_by_name["AccessService"]
        self._writing = Writing(service, sequencer, answers)

    async def register_principal(
        self, request: pb.RegisterPrincipalRequest, call: Call
    ) -> pb.RegisterPrincipalResponse:
        """Register a principal."""
        _expect_everywhere(call, Permission.ADMIN_ACCESS)
        translated = register_principal(request, new_salt)
        committed = await self._writing.submit(translated, call)
        key = principal_key(request.principal)
        principal, display = await self._reads.at(key, committed.position)
        principal.display = display
        return pb.RegisterPrincipalResponse(principal=principal, position=committed.position)

    async def list_principals(
        self, request: pb.ListPrincipalsRequest, call: Call
    ) -> pb.ListPrincipalsResponse:
        """Return a page of the principals."""
        _expect_everywhere(call, Permission.ACCESS_READ)
        place = self._page_tokens.read(request)
        limit = page_size_of(request.page_size, _DEFAULT_PAGE)
        page, end = await self._reads.principals(str(place[0]) if place else "", limit)
        token = self._page_tokens.make(request, [end]) if end else ""
        return pb.ListPrincipalsResponse(principals=page, next_page_token=token)

    async def issue_token(self, request: pb.IssueTokenRequest, call: Call) -> pb.IssueTokenResponse:
        """Issue a token, and show it this once."""
        whose = self._whose(request.principal, call)
        secret = new_issued_token()
        translated = issue_token(
            request, whose, hex_digest(secret), now(), new_salt, own_end=_own_end(call)
        )
        if not call.may(Permission.ADMIN_ACCESS, EVERY_NAMESPACE):
            _expect_within(call, translated.command.ends)
        committed = await self._writing.submit(translated, call)
        if committed.repeated:
            token = stream_of(committed.shows).rpartition("/")[2]
            raise TokenShownOnce(
                f"the token {token} was issued by this request before and shown then; it is kept"
                " nowhere: revoke it, and issue another",
                metadata={"token": token},
            )
        token, _ = await self._reads.at(token_key(translated.command.token), committed.position)
        return pb.IssueTokenResponse(token=token, secret=secret, position=committed.position)

    async def revoke_token(
        self, request: pb.RevokeTokenRequest, call: Call
    ) -> pb.RevokeTokenResponse:
        """End a token."""
        anybody = call.may(Permission.ADMIN_ACCESS, EVERY_NAMESPACE)
        principal = call.principal
        if not anybody and principal.ceiling is not UNBOUNDED and request.token != principal.token:
            raise TokenExceedsOwn("a token that is bound to a role or to namespaces ends no others")
        translated = revoke_token(request, "" if anybody else call.principal.name, new_salt)
        committed = await self._writing.submit(translated, call)
        token, _ = await self._reads.at(token_key(request.token), committed.position)
        return pb.RevokeTokenResponse(token=token, position=committed.position)

    async def list_tokens(self, request: pb.ListTokensRequest, call: Call) -> pb.ListTokensResponse:
        """Return a page of a principal's tokens."""
        whose = self._whose(request.principal, call)
        place = self._page_tokens.read(request)
        limit = page_size_of(request.page_size, _DEFAULT_PAGE)
        page, end = await self._reads.tokens(whose, str(place[0]) if place else "", limit)
        token = self._page_tokens.make(request, [end]) if end else ""
        return pb.ListTokensResponse(tokens=page, next_page_token=token)

    def _whose(self, given: str, call: Call) -> str:
        """Return the principal that a call is about; of others only an administrator asks."""
        if given:
            principal_in("principal", given)
        if given not in {"", call.principal.name}:
            _expect_everywhere(call, Permission.ADMIN_ACCESS)
        return given or call.principal.name


def _own_end(call: Call) -> datetime | None:
    """Return when the token that a call came with ends; None when it came with another proof."""
    principal = call.principal
    if not principal.token or principal.until is None:
        return None
    return datetime.fromtimestamp(principal.until, UTC)


def _expect_everywhere(call: Call, permission: Permission) -> None:
    """Return if the caller has a permission in every namespace.

    Raises:
        CallError: It has not.
    """
    if not call.may(permission, EVERY_NAMESPACE):
        raise denied(permission, EVERY_NAMESPACE, "it is needed in every namespace")


def _expect_within(call: Call, ends: datetime) -> None:
    """Refuse to let a token make one that may do more, or lasts longer, than itself.

    Whoever logs in elsewhere (OIDC, a certificate, a token of the configuration) may make
    tokens of any length that there is: he proves anew who he is when they end.

    Raises:
        TokenExceedsOwn: It would.
    """
    principal = call.principal
    if principal.ceiling is not UNBOUNDED:
        raise TokenExceedsOwn("a token that is bound to a role or to namespaces issues no others")
    own = _own_end(call)
    if own is not None and ends > own:
        raise TokenExceedsOwn("a token issues none that end later than itself")
