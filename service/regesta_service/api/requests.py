"""GovernanceService: policies, requests for moves, approvals and evaluations."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from regesta.names import NamespaceName, VersionName, in_namespace, parse
from regesta.v1 import governance_pb2 as governance_pb
from regesta.v1 import governance_service_pb2 as pb
from regesta_projections.rows import ResourceKey
from regesta_service.api.checking import backtested, checked
from regesta_service.api.governance import named
from regesta_service.api.reads.requests import name_in, namespace_in, position_in
from regesta_service.api.writes import translate_requests as translate
from regesta_service.api.writes.checks import Checks, parse_name
from regesta_service.api.writes.moving import request_in
from regesta_service.api.writes.translate_policies import (
    define_policy,
    policy_to_test,
    remove_policy,
)
from regesta_service.api.writes.translate_versions import displacing
from regesta_service.api.writes.writing import Writing, new_salt, now
from regesta_service.domain.aliases import SetAlias
from regesta_service.domain.moving import Mover, request_key
from regesta_service.domain.requests import Signer
from regesta_service.domain.transitions import TransitionVersion
from regesta_service.reads.pages import page_size_of
from regesta_service.reads.resources import Found, message_of

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.moving import MoveReads
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.api.writes.translating import Translated
    from regesta_service.domain.deciding import Command
    from regesta_service.log.draft import Committed
    from regesta_service.reads.backtesting import BacktestReads
    from regesta_service.reads.pages import PageTokens
    from regesta_service.reads.resources import ResourceReads
    from regesta_service.sequencing.dry_run import DryRun

_DEFAULT_PAGE = 100

#: How long one call looks through the log, at most.
_BACKTEST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Sources:
    """Where GovernanceService reads."""

    resources: ResourceReads
    moves: MoveReads
    dry_run: DryRun
    backtests: BacktestReads
    page_tokens: PageTokens


class RequestCalls:
    """GovernanceService's calls.

    Args:
        sources: Where it reads.
        sequencer: Carries commands out.
        answers: Finishes resources.
    """

    def __init__(self, sources: Sources, sequencer: Sequencer, answers: AnswerReader) -> None:
        self._from = sources
        service = pb.DESCRIPTOR.services_by_name["GovernanceService"]
        self._writing = Writing(service, sequencer, answers)

    async def define_policy(
        self, request: pb.DefinePolicyRequest, call: Call
    ) -> pb.DefinePolicyResponse:
        """Define a policy."""
        translated = define_policy(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        governance = await self._governance(translated, committed)
        name = in_namespace(translated.namespace, "policies", request.policy_id)
        policy = next(each for each in governance.policies if each.name == name)
        return pb.DefinePolicyResponse(policy=policy, position=committed.position)

    async def remove_policy(
        self, request: pb.RemovePolicyRequest, call: Call
    ) -> pb.RemovePolicyResponse:
        """Remove a policy."""
        translated = remove_policy(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        governance = await self._governance(translated, committed)
        return pb.RemovePolicyResponse(governance=governance, position=committed.position)

    async def check_transition(
        self, request: pb.CheckTransitionRequest, call: Call
    ) -> pb.CheckTransitionResponse:
        """Say whether a move would be allowed, and what is missing."""
        name = name_in("name", VersionName, request.name)
        checks = Checks(new_salt)
        translate.target(checks, request.stage, request.alias)
        displace_to = displacing(checks, request.stage, request.displace_to)
        for field in ("through", "displace_to"):
            if request.alias and getattr(request, field):
                checks.refuse(field, "is not for aliases")
        checks.finish()
        carried = request_in(request.transition_request, name.namespace)
        if not carried:
            carried = await self._from.moves.requests.newest_open(
                name.namespace, name.model, name.version, stage=request.stage, alias=request.alias
            )
        mover = Mover(call.principal.name, call.person, now(), carried)
        command: TransitionVersion | SetAlias
        if request.stage:
            holders = await self._from.moves.holders.holders(
                name.namespace, name.model, request.stage
            )
            command = TransitionVersion(
                name.model,
                name.version,
                request.stage,
                holders=holders,
                mover=mover,
                through=request.through,
                displace_to=displace_to,
            )
        else:
            command = SetAlias(name.model, request.alias, name.version, mover=mover)
        seen = await self._from.dry_run.see(name.namespace, command)
        return checked(name.namespace, command, seen)

    async def backtest_policy(
        self, request: pb.BacktestPolicyRequest, call: Call
    ) -> pb.BacktestPolicyResponse:
        """Say which moves of the past a policy would have refused."""
        namespace = namespace_in(request.parent)
        policy = policy_to_test(request, new_salt)
        # What was looked at so far must still reach a caller who soon gives up.
        seconds = min(_BACKTEST_SECONDS, call.remaining() / 2)
        done = await self._from.backtests.backtest(
            namespace,
            policy,
            after=request.after_position,
            until=request.until_position,
            ends=asyncio.get_running_loop().time() + seconds,
        )
        models = sorted({each.version.model for each in done.refusals})
        names = await self._from.resources.present_names(namespace, models)
        return backtested(namespace, done, names)

    async def request_transition(
        self, request: pb.RequestTransitionRequest, call: Call
    ) -> pb.RequestTransitionResponse:
        """Ask for a move."""
        namespace = name_in("name", VersionName, request.name).namespace
        translated = translate.request_transition(request, _asking(call, namespace))
        shown, position = await self._asked(translated, call)
        return pb.RequestTransitionResponse(request=shown, position=position)

    async def approve_transition(
        self, request: pb.ApproveTransitionRequest, call: Call
    ) -> pb.ApproveTransitionResponse:
        """Approve a move."""
        namespace, request_id = parse_name("name", translate.parse_request_name, request.name)
        version = await self._from.moves.requests.version(namespace, request_id)
        translated = translate.approve_transition(request, version, _asking(call, namespace))
        shown, position = await self._asked(translated, call)
        return pb.ApproveTransitionResponse(request=shown, position=position)

    async def reject_transition(
        self, request: pb.RejectTransitionRequest, call: Call
    ) -> pb.RejectTransitionResponse:
        """Reject a move."""
        namespace, _ = parse_name("name", translate.parse_request_name, request.name)
        translated = translate.reject_transition(request, _asking(call, namespace))
        shown, position = await self._asked(translated, call)
        return pb.RejectTransitionResponse(request=shown, position=position)

    async def cancel_transition(
        self, request: pb.CancelTransitionRequest, call: Call
    ) -> pb.CancelTransitionResponse:
        """Take a request back."""
        namespace, _ = parse_name("name", translate.parse_request_name, request.name)
        translated = translate.cancel_transition(request, _asking(call, namespace))
        shown, position = await self._asked(translated, call)
        return pb.CancelTransitionResponse(request=shown, position=position)

    async def get_transition_request(
        self, request: pb.GetTransitionRequestRequest, call: Call
    ) -> pb.GetTransitionRequestResponse:
        """Return a request, now or at a position."""
        del call
        namespace, request_id = parse_name("name", translate.parse_request_name, request.name)
        found = await self._found(namespace, request_key(request_id), request.at_position)
        shown = await self._from.moves.requests.shown(namespace, found, request_id)
        return pb.GetTransitionRequestResponse(request=shown, position=found.position)

    async def list_transition_requests(
        self, request: pb.ListTransitionRequestsRequest, call: Call
    ) -> pb.ListTransitionRequestsResponse:
        """Return a page of requests."""
        del call
        parent = parse_name("parent", parse, request.parent)
        if not isinstance(parent, NamespaceName | VersionName):
            parent = name_in("parent", NamespaceName, request.parent)
        place = self._from.page_tokens.read(request)
        page = await self._from.moves.requests.page(
            parent.namespace,
            version=parent if isinstance(parent, VersionName) else None,
            ended=request.include_ended,
            after=str(place[0]) if place else "",
            limit=page_size_of(request.page_size, _DEFAULT_PAGE),
        )
        token = self._from.page_tokens.make(request, [page.end]) if page.end else ""
        return pb.ListTransitionRequestsResponse(
            requests=page.requests, next_page_token=token, position=page.position
        )

    async def record_evaluation(
        self, request: pb.RecordEvaluationRequest, call: Call
    ) -> pb.RecordEvaluationResponse:
        """Record what was measured."""
        namespace = name_in("name", VersionName, request.name).namespace
        translated = translate.record_evaluation(request, _asking(call, namespace))
        committed = await self._writing.submit(translated, call)
        found = await self._from.resources.right_after(namespace, committed)
        known = message_of(found, governance_pb.VersionEvaluations)
        evaluation = next(
            each for each in reversed(known.evaluations) if each.position == committed.position
        )
        return pb.RecordEvaluationResponse(evaluation=evaluation, position=committed.position)

    async def get_evaluations(
        self, request: pb.GetEvaluationsRequest, call: Call
    ) -> pb.GetEvaluationsResponse:
        """Return the evaluations of a version."""
        del call
        name = name_in("name", VersionName, request.name)
        stream = await self._from.resources.stream_of(name)
        found = await self._found(
            name.namespace, ResourceKey(f"{stream}/evaluations"), request.at_position
        )
        known = message_of(found, governance_pb.VersionEvaluations)
        known.name = f"{name}/evaluations"
        return pb.GetEvaluationsResponse(evaluations=known, position=found.position)

    async def _asked(
        self, translated: Translated[Command], call: Call
    ) -> tuple[governance_pb.TransitionRequest, int]:
        committed = await self._writing.submit(translated, call)
        found = await self._from.resources.right_after(translated.namespace, committed)
        request = cast("ResourceKey", committed.shows).stream.rpartition("/")[2]
        shown = await self._from.moves.requests.shown(translated.namespace, found, request)
        return shown, committed.position

    async def _governance(
        self, translated: Translated[Command], committed: Committed
    ) -> governance_pb.Governance:
        found = await self._from.resources.right_after(translated.namespace, committed)
        return named(translated.namespace, found)

    async def _found(self, namespace: str, key: ResourceKey, at_position: int) -> Found:
        if position_in("at_position", at_position):
            return await self._from.resources.at(namespace, key, at_position)
        return await self._from.resources.get(namespace, key)


def _asking(call: Call, namespace: str) -> translate.Asking:
    signer = Signer(call.principal.name, call.person, call.roles_in(namespace), now())
    return translate.Asking(signer, new_salt)
