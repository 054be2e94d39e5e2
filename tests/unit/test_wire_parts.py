from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import flag_pb2 as flag_pb
from regesta.v1 import model_pb2 as model_pb
from regesta.v1 import version_pb2 as version_pb
from regesta_projections.finishing import finish_alias, finish_model, finish_version
from regesta_projections.wire import part, varint
from regesta_service.reads.wire import latest_answer, page_answer, single_answer

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
POSITIONS = st.integers(1, 2**63 - 1)


@pytest.mark.parametrize("number", [0, 127, 128, 16_383, 16_384, 2**63 - 1])
def test_a_varint_is_what_protobuf_would_write(number: int):
    assert pb.GetAliasResponse(position=number).SerializeToString() == (
        b"\x10" + varint(number) if number else b""
    )


@given(NAMES.filter(bool), st.lists(NAMES, max_size=3))
def test_a_version_without_texts_is_finished_as_protobuf_would(name: str, aliases: list[str]):
    expected = version_pb.Version(name=name, aliases=aliases)

    assert expected.SerializeToString() == finish_version(b"", name=name, aliases=aliases, texts={})


@given(NAMES, POSITIONS)
def test_a_single_answer_is_what_protobuf_would_write(name: str, position: int):
    alias = model_pb.Alias(name=name)
    expected = pb.GetAliasResponse(alias=alias, position=position)

    answer = single_answer(part(1, alias.SerializeToString()), position)

    assert expected.SerializeToString() == answer


@given(st.lists(NAMES, max_size=5), NAMES, st.integers(0, 2**63 - 1))
def test_a_page_is_what_protobuf_would_write(names: list[str], token: str, position: int):
    aliases = [model_pb.Alias(name=name) for name in names]
    expected = pb.ListAliasesResponse(aliases=aliases, next_page_token=token, position=position)

    page = page_answer([alias.SerializeToString() for alias in aliases], token, position)

    assert expected.SerializeToString() == page


@given(st.lists(NAMES, max_size=5), st.lists(NAMES, max_size=5), POSITIONS)
def test_latest_versions_are_what_protobuf_would_write(
    names: list[str], unanswered: list[str], position: int
):
    versions = [version_pb.Version(name=name) for name in names]
    expected = pb.ListLatestVersionsResponse(
        versions=versions, unanswered=unanswered, position=position
    )

    answer = latest_answer([one.SerializeToString() for one in versions], unanswered, position)

    assert expected.SerializeToString() == answer


def test_finishing_replaces_a_models_short_name_and_adds_what_is_kept_elsewhere():
    stored = model_pb.Model(name="churn", owner="fraud-team", tags={"a": "1"})

    finished = finish_model(
        stored.SerializeToString(),
        name="namespaces/acme/models/churn",
        latest_version=3,
        aliases={"champion": 2},
        texts={"description": "What it predicts", "card": "# Card", "tags.notes": "long"},
    )

    assert model_pb.Model(
        name="namespaces/acme/models/churn",
        owner="fraud-team",
        tags={"a": "1", "notes": "long"},
        latest_version=3,
        aliases={"champion": 2},
        description="What it predicts",
        card="# Card",
    ) == model_pb.Model.FromString(finished)


def test_finishing_puts_reasons_to_flags_and_to_a_revocation():
    stored = version_pb.Version(version=3, revoked=flag_pb.Revocation(category="licence"))
    stored.flags.add(id="bias", blocking=True)
    stored.flags.add(id="drift", position=7)

    finished = finish_version(
        stored.SerializeToString(),
        name="namespaces/acme/models/m/versions/3",
        aliases=["a"],
        texts={"flags.drift": "not what they were", "revocation": "not ours", "card": "# Card"},
    )

    shown = version_pb.Version.FromString(finished)
    # The reason of the first was erased.
    assert [("bias", ""), ("drift", "not what they were")] == [
        (flag.id, flag.reason) for flag in shown.flags
    ]
    assert flag_pb.Revocation(category="licence", reason="not ours") == shown.revoked
    assert ("# Card", ["a"], 3) == (shown.card, list(shown.aliases), shown.version)


def test_finishing_a_version_or_an_alias_adds_its_name():
    version = finish_version(
        b"\x10\x03", name="namespaces/acme/models/m/versions/3", aliases=["a"], texts={}
    )
    alias = finish_alias(b"\x10\x03", name="namespaces/acme/models/m/aliases/a")

    shown = version_pb.Version.FromString(version)
    assert ("namespaces/acme/models/m/versions/3", 3, ["a"]) == (
        shown.name,
        shown.version,
        list(shown.aliases),
    )
    assert 3 == model_pb.Alias.FromString(alias).version
