"""What governs moves: lifecycles, defined and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta.names import ModelName, in_namespace
from regesta.v1 import governance_pb2 as governance_pb
from regesta.v1 import lifecycle_service_pb2 as pb
from regesta_projections.resources import GOVERNANCE
from regesta_service.api.reads.requests import freshness_of, name_in, namespace_in, position_in
from regesta_service.api.writes.translate_governance import define_lifecycle, remove_lifecycle
from regesta_service.api.writes.writing import Writing, new_salt, now
from regesta_service.domain.lifecycle import chosen
from regesta_service.domain.rejections import InvalidRequest
from regesta_service.reads.consistency import reach
from regesta_service.reads.past import model_named
from regesta_service.reads.refusals import model_not_found
from regesta_service.reads.resources import Found, message_of

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.log.draft import Committed
    from regesta_service.reads.read_model import ReadModel
    from regesta_service.reads.resources import ResourceReads


class GovernanceCalls:
    """LifecycleService's calls about what governs.

    Args:
        resources: Reads what governs.
        reads: Says how fresh an answer is.
        pool: Finds a model by its name.
        sequencer: Carries commands out.
        answers: Finishes resources.
    """

    def __init__(
        self,
        resources: ResourceReads,
        reads: ReadModel,
        pool: AsyncConnectionPool,
        sequencer: Sequencer,
        answers: AnswerReader,
    ) -> None:
        self._resources = resources
        self._reads = reads
        self._pool = pool
        service = pb.DESCRIPTOR.services_by_name["LifecycleService"]
        self._writing = Writing(service, sequencer, answers)

    async def define_lifecycle(
        self, request: pb.DefineLifecycleRequest, call: Call
    ) -> pb.DefineLifecycleResponse:
        """Define a lifecycle."""
        translated = define_lifecycle(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        governance = await self.as_of(translated.namespace, committed)
        name = in_namespace(translated.namespace, "lifecycles", translated.command.lifecycle)
        lifecycle = next(each for each in governance.lifecycles if each.name == name)
        return pb.DefineLifecycleResponse(lifecycle=lifecycle, position=committed.position)

    async def remove_lifecycle(
        self, request: pb.RemoveLifecycleRequest, call: Call
    ) -> pb.RemoveLifecycleResponse:
        """Remove a lifecycle."""
        translated = remove_lifecycle(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        governance = await self.as_of(translated.namespace, committed)
        return pb.RemoveLifecycleResponse(governance=governance, position=committed.position)

    async def get_governance(
        self, request: pb.GetGovernanceRequest, call: Call
    ) -> pb.GetGovernanceResponse:
        """Return what governs a namespace, now or at a position."""
        del call
        namespace = namespace_in(request.parent)
        if position_in("at_position", request.at_position):
            found = await self._resources.at(namespace, GOVERNANCE, request.at_position)
        else:
            found = await self._resources.get(namespace, GOVERNANCE)
        return pb.GetGovernanceResponse(governance=named(namespace, found), position=found.position)

    async def get_lifecycle(
        self, request: pb.GetLifecycleRequest, call: Call
    ) -> pb.GetLifecycleResponse:
        """Return the stages of a namespace or model, and the moves between them."""
        namespace = namespace_in(request.parent)
        model = await self._first_name(namespace, request.model) if request.model else ""
        tail = await self._reads.tails.tail(namespace)
        await reach(tail, self._reads.lookups, freshness_of(request), call.remaining)
        found = await self._resources.get(namespace, GOVERNANCE)
        lifecycle = chosen(message_of(found, governance_pb.Governance), model)
        return pb.GetLifecycleResponse(
            stages=[
                pb.Stage(
                    name=stage.name,
                    moves_to=stage.moves_to,
                    resolvable=stage.resolvable,
                    exclusive=stage.exclusive,
                    displaced_to=stage.displaced_to,
                )
                for stage in lifecycle.stages
            ],
            position=found.position,
            lifecycle=in_namespace(namespace, "lifecycles", lifecycle.id) if lifecycle.id else "",
        )

    async def as_of(self, namespace: str, committed: Committed) -> governance_pb.Governance:
        """Return what governs right after a write."""
        return named(namespace, await self._resources.right_after(namespace, committed))

    async def _first_name(self, namespace: str, text: str) -> str:
        """Return the name that a model was created with."""
        name = name_in("model", ModelName, text)
        if name.namespace != namespace:
            raise InvalidRequest.of("model", "is one of the namespace in parent")
        namespace_id = await self._reads.namespaces.namespace_id(namespace)
        async with self._pool.connection() as connection:
            first = await model_named(connection, namespace_id, name.model)
        if first is None:
            raise model_not_found(name.model)
        return first


def named(namespace: str, found: Found) -> governance_pb.Governance:
    """Return what governs, with its resource names."""
    governance = message_of(found, governance_pb.Governance)
    governance.name = f"namespaces/{namespace}/governance"
    for lifecycle in governance.lifecycles:
        lifecycle.name = in_namespace(namespace, "lifecycles", lifecycle.name)
    for policy in governance.policies:
        policy.name = in_namespace(namespace, "policies", policy.name)
    return governance
