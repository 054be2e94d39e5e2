"""DocumentsService: small documents that other programs keep here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regesta import names
from regesta.names import DocumentName
from regesta.v1 import documents_service_pb2 as pb
from regesta_service.api.reads.requests import freshness_of, namespace_in, recorded_moment_of
from regesta_service.api.writes.checks import parse_name
from regesta_service.api.writes.translate_documents import put_document, remove_document
from regesta_service.api.writes.writing import Writing, new_salt, now
from regesta_service.reads.consistency import check_reached
from regesta_service.reads.pages import MAX_PAGE_BYTES, page_size_of

if TYPE_CHECKING:
    from regesta_service.api.calls import Call
    from regesta_service.api.writes.ports import AnswerReader, Sequencer
    from regesta_service.reads.documents import DocumentReads
    from regesta_service.reads.pages import PageTokens


class DocumentCalls:
    """DocumentsService's calls.

    Args:
        reads: Reads documents.
        tokens: Makes page tokens.
        sequencer: Carries commands out.
        answers: Finishes resources.
    """

    def __init__(
        self,
        reads: DocumentReads,
        tokens: PageTokens,
        sequencer: Sequencer,
        answers: AnswerReader,
    ) -> None:
        self._reads = reads
        self._tokens = tokens
        service = pb.DESCRIPTOR.services_by_name["DocumentsService"]
        self._writing = Writing(service, sequencer, answers)

    async def put_document(
        self, request: pb.PutDocumentRequest, call: Call
    ) -> pb.PutDocumentResponse:
        """Write a document."""
        translated = put_document(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        document = await self._reads.right_after(translated.namespace, committed, translated.texts)
        return pb.PutDocumentResponse(document=document, position=committed.position)

    async def remove_document(
        self, request: pb.RemoveDocumentRequest, call: Call
    ) -> pb.RemoveDocumentResponse:
        """Remove a document."""
        translated = remove_document(request, now(), new_salt)
        committed = await self._writing.submit(translated, call)
        document = await self._reads.right_after(translated.namespace, committed, translated.texts)
        return pb.RemoveDocumentResponse(document=document, position=committed.position)

    async def get_document(
        self, request: pb.GetDocumentRequest, call: Call
    ) -> pb.GetDocumentResponse:
        """Return a document, now or as of a moment."""
        del call
        name = parse_name("name", DocumentName.parse, request.name)
        moment = recorded_moment_of("as_of", request.as_of)
        document, position = await self._reads.get(name, moment, freshness_of(request))
        return pb.GetDocumentResponse(document=document, position=position)

    async def list_documents(
        self, request: pb.ListDocumentsRequest, call: Call
    ) -> pb.ListDocumentsResponse:
        """Return a page of the documents of a collection, newest created first."""
        del call
        namespace = namespace_in(request.parent)
        collection = parse_name("collection", names.check_collection, request.collection)
        limit = page_size_of(request.page_size)
        freshness = freshness_of(request)
        place = self._tokens.read(request)
        before = None if place is None else int(place[0])
        # One more tells whether there is another page.
        page = await self._reads.page(namespace, collection, before, limit + 1)
        check_reached(freshness, page.position)
        count = _fitting(page.documents[:limit])
        answer = pb.ListDocumentsResponse(documents=page.documents[:count], position=page.position)
        if len(page.documents) > count:
            answer.next_page_token = self._tokens.make(request, [page.began[count - 1]])
        return answer


def _fitting(documents: list[pb.Document]) -> int:
    """Return how many documents fit into an answer, the first in any case."""
    size = 0
    for count, document in enumerate(documents):
        size += document.ByteSize()
        if count and size > MAX_PAGE_BYTES:
            return count
    return len(documents)
