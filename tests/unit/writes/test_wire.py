"""Answers from serialized resources are what the message classes would write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import lifecycle_service_pb2 as lifecycle_pb
from regesta.v1.model_pb2 import Alias, Model
from regesta.v1.version_pb2 import Version
from regesta_service.api.wire import AnswerLayout

ANSWERS = {
    "model": (pb.CreateModelResponse, "model", Model(name="x")),
    "version": (pb.RegisterVersionResponse, "version", Version(name="x")),
    "alias": (pb.SetAliasResponse, "alias", Alias(name="x", version=3)),
    "moved": (lifecycle_pb.TransitionVersionResponse, "version", Version(name="x")),
    # It is present all the same.
    "empty": (pb.CreateModelResponse, "model", Model()),
}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("position", [1, 127, 128, 2**63 - 1])
def test_an_answer_has_its_resource_and_position(kind, position):
    answer, field, resource = ANSWERS[kind]
    expected = answer(position=position, **{field: resource})

    filled = AnswerLayout(answer, field).fill(resource.SerializeToString(), position)

    assert filled == expected.SerializeToString()


@given(card=st.text(max_size=300), position=st.integers(1, 2**63 - 1))
def test_an_answer_may_have_any_length(card, position):
    version = Version(card=card)
    expected = pb.RegisterVersionResponse(version=version, position=position)

    layout = AnswerLayout(pb.RegisterVersionResponse, "version")

    assert layout.fill(version.SerializeToString(), position) == expected.SerializeToString()


def test_field_numbers_come_from_the_descriptor():
    layout = AnswerLayout(pb.SetTagsResponse, "etag")

    answer = pb.SetTagsResponse.FromString(layout.fill(b"7", 9))

    assert answer == pb.SetTagsResponse(etag="7", position=9)
