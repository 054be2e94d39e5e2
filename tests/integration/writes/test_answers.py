"""A write is answered with the resource as of its own position, now and for ever."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
from regesta.v1.model_pb2 import Alias, Model
from regesta.v1.version_pb2 import Version
from regesta_projections.rows import AliasKey, ModelKey, VersionKey
from regesta_service.domain.rejections import ModelExists, SemverTaken
from tests.support.reading import make_call

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.integration.writes.conftest import Writers

MODEL = "namespaces/acme/models/churn"
LEAVERS = "namespaces/acme/models/leavers"
LONG = "long " * 300
_ids = itertools.count(1)


def an_id() -> str:
    return f"request-{next(_ids)}"


async def write(writers: Writers, request: Any) -> tuple[Any, bytes]:
    """Send a request to the servicer that has its method; return the answer and its bytes."""
    name = request.DESCRIPTOR.name.removesuffix("Request")
    method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:]
    servicers = (writers.models, writers.versions, writers.labels, writers.lifecycle)
    (function,) = [getattr(one, method) for one in servicers if hasattr(one, method)]
    answer = await function(request, make_call())
    package = lifecycle_pb if hasattr(lifecycle_pb, f"{name}Response") else pb
    kind: type[Message] = getattr(package, f"{name}Response")
    data = answer if isinstance(answer, bytes) else answer.SerializeToString(deterministic=True)
    return kind.FromString(data), data


def register(**fields: Any) -> pb.RegisterVersionRequest:
    return pb.RegisterVersionRequest(parent=MODEL, request_id=an_id(), **fields)


def everything() -> list[Any]:
    """Every write there is, on one model, in an order in which all succeed."""
    first, champion = f"{MODEL}/versions/1", f"{MODEL}/aliases/champion"
    model = Model(owner="risk", description="what", card="# C", tags={"a": "1", "b": LONG})
    version = Version(source="s3://x", description="d", tags={"a": "1", "b": LONG}, semver="1.0.0")
    return [
        pb.CreateModelRequest(parent="namespaces/acme", model_id="churn", model=model),
        pb.RegisterVersionRequest(parent=MODEL, version=version, reason="weekly"),
        pb.RegisterVersionRequest(parent=MODEL),
        pb.SetAliasRequest(name=champion, version=1),
        pb.SetAliasRequest(name=champion, version=1),
        pb.SetTagsRequest(name=first, tags={"c": "3", "d": LONG}),
        pb.SetTagsRequest(name=MODEL, tags={"c": "3"}),
        pb.SetTagsRequest(name=MODEL, tags={"c": "3"}),
        pb.RemoveTagsRequest(name=first, keys=["a", "d"]),
        pb.RemoveTagsRequest(name=MODEL, keys=["b", "x"]),
        pb.LabelVersionRequest(name=f"{MODEL}/versions/2", semver="2.0.0"),
        lifecycle_pb.TransitionVersionRequest(name=first, stage="staging", reason="good"),
        pb.UpdateVersionRequest(
            version=Version(name=first, card="# V"),
            update_mask=FieldMask(paths=["card", "description"]),
        ),
        pb.UpdateModelRequest(
            model=Model(name=MODEL, owner="ann", card="# New"),
            update_mask=FieldMask(paths=["owner", "card"]),
        ),
        pb.RenameModelRequest(name=MODEL, new_model_id="leavers"),
        pb.SetAliasRequest(name=champion, version=2),
        pb.DeleteVersionRequest(name=first),
        pb.RestoreVersionRequest(name=first),
        pb.RemoveAliasRequest(name=champion),
        pb.DeleteModelRequest(name=MODEL),
        pb.RestoreModelRequest(name=LEAVERS),
    ]


@pytest.fixture
async def written(writers: Writers) -> list[tuple[Any, Any, bytes]]:
    """Every write, with its first answer."""
    result = []
    for request in everything():
        request.request_id = an_id()
        result.append((request, *await write(writers, request)))
    return result


async def test_every_repeated_write_is_answered_as_the_first_time(writers, written):
    for request, answer, data in written:
        again, data_again = await write(writers, request)

        assert answer == again, request.DESCRIPTOR.name
        assert data == data_again, request.DESCRIPTOR.name


async def test_writes_show_what_was_so_right_after_them(writers, written):
    answers = writers.reads.answers
    for request, answer, _ in written:
        if isinstance(request, pb.RemoveAliasRequest):
            continue
        at = answer.position
        match next(field.name for field, _ in answer.ListFields()):
            case "model":
                found = await answers.model_at("acme", ModelKey("churn"), at)
                assert answer.model == Model.FromString(found)
            case "version":
                key = VersionKey("churn", answer.version.version)
                assert answer.version == Version.FromString(
                    await answers.version_at("acme", key, at)
                )
            case "alias":
                found = await answers.alias_at("acme", AliasKey("churn", "champion"), at)
                assert answer.alias == Alias.FromString(found)
            case _:
                assert request.DESCRIPTOR.name in {"SetTagsRequest", "RemoveTagsRequest"}


async def test_positions_go_up_by_one_for_each_write_that_changes_something(written):
    # The namespace's own event has position 1; two writes find all as they want it.
    assert [2, 3, 4, 5, 5, 6, 7, 7, *range(8, 21)] == [answer.position for _, answer, _ in written]


async def test_a_created_model_is_shown_with_all_its_texts(written):
    model = written[0][1].model

    assert (model.name, model.etag, model.latest_version) == (MODEL, "1", 0)
    assert (model.description, model.card) == ("what", "# C")
    assert dict(model.tags) == {"a": "1", "b": LONG}
    assert (model.created_by, model.updated_by) == ("alice", "alice")


async def test_a_registered_version_is_shown_with_its_number_and_stage(written):
    version = written[1][1].version

    assert (version.name, version.version) == (f"{MODEL}/versions/1", 1)
    assert (version.stage, version.etag, version.semver) == ("development", "1", "1.0.0")
    assert dict(version.tags) == {"a": "1", "b": LONG}
    assert list(version.aliases) == []


async def test_tags_are_answered_in_full_with_long_ones_that_were_set_before(written):
    on_version, on_model, same, removed, removed_of_model = (
        answer for _, answer, _ in written[5:10]
    )

    assert dict(on_version.tags) == {"a": "1", "b": LONG, "c": "3", "d": LONG}
    assert dict(on_model.tags) == {"a": "1", "b": LONG, "c": "3"}
    assert same == on_model
    assert (dict(removed.tags), removed.etag) == ({"b": LONG, "c": "3"}, "3")
    assert (dict(removed_of_model.tags), removed_of_model.etag) == ({"a": "1", "c": "3"}, "3")


async def test_a_moved_version_shows_its_aliases_and_texts(written):
    version = written[11][1].version

    assert (version.stage, version.description) == ("staging", "d")
    assert list(version.aliases) == ["champion"]


async def test_a_renamed_model_is_shown_under_its_new_name(written):
    model = written[14][1].model

    assert (model.name, list(model.former_names)) == (LEAVERS, ["churn"])
    assert (model.owner, model.card, dict(model.aliases)) == ("ann", "# New", {"champion": 1})


async def test_a_removed_alias_is_shown_as_it_was_with_its_new_revision(written):
    moved, removed = written[15][1].alias, written[18][1].alias

    assert (moved.version, moved.previous_version, moved.etag) == (2, 1, "2")
    moved.etag = "3"
    assert removed == moved
    assert removed.name == f"{LEAVERS}/aliases/champion"


async def test_deleting_and_restoring_show_it(written):
    deleted, restored = written[16][1].version, written[17][1].version
    assert (deleted.HasField("delete_time"), restored.HasField("delete_time")) == (True, False)

    deleted, restored = written[19][1].model, written[20][1].model
    assert (deleted.HasField("delete_time"), restored.HasField("delete_time")) == (True, False)


async def test_registrations_that_create_their_model_at_once_all_count(writers):
    requests = [
        register(allow_missing_model=True, version=Version(semver=f"1.{minor}.0"))
        for minor in range(20)
    ]

    answers = await asyncio.gather(*(write(writers, request) for request in requests))

    assert set(range(1, 21)) == {answer.version.version for answer, _ in answers}


async def test_of_equal_labels_at_once_one_is_given(writers):
    requests = [
        register(allow_missing_model=True, version=Version(semver="1.0.0")) for _ in range(10)
    ]

    results = await asyncio.gather(
        *(write(writers, request) for request in requests), return_exceptions=True
    )

    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(results) - 1 == len(refused)
    assert {SemverTaken} == {type(refusal) for refusal in refused}


async def test_of_equal_names_at_once_one_is_created(writers):
    requests = [
        pb.CreateModelRequest(parent="namespaces/acme", model_id=name, request_id=an_id())
        for name in ("churn", "CHURN", "Churn")
    ]

    results = await asyncio.gather(
        *(write(writers, request) for request in requests), return_exceptions=True
    )

    refused = [result for result in results if isinstance(result, BaseException)]
    assert [ModelExists, ModelExists] == [type(refusal) for refusal in refused]
