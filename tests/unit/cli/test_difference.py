"""What differs between two states."""

from __future__ import annotations

from regesta.cli.difference import Change, difference
from regesta.cli.documents import document
from regesta.v1 import model_pb2, version_pb2


def changed(before, after):
    return [(change.field, change.before, change.after) for change in difference(before, after)]


def test_the_same_state_has_no_difference():
    version = document(version_pb2.Version(name="v", stage="staging", tags={"a": "1"}))
    assert [] == difference(version, version)


def test_a_field_a_map_entry_and_a_list_differ_each_in_one_line():
    before = version_pb2.Version(stage="staging", tags={"a": "1", "b": "2"}, aliases=["old"])
    after = version_pb2.Version(
        stage="production", tags={"a": "1", "b.c": "3"}, aliases=["champion"]
    )
    assert [
        ("tags.b", "2", None),
        ("stage", "staging", "production"),
        ("aliases", ["old"], ["champion"]),
        ('tags["b.c"]', None, "3"),
    ] == changed(document(before), document(after))


def test_a_model_differs_in_its_aliases():
    before = model_pb2.Model(name="m", aliases={"champion": 2, "old": 1}, latest_version=2)
    after = model_pb2.Model(name="m", aliases={"champion": 3}, latest_version=3)
    assert [
        ("latest_version", 2, 3),
        ("aliases.champion", 2, 3),
        ("aliases.old", 1, None),
    ] == changed(document(before), document(after))


def test_revision_and_last_writer_are_no_difference():
    before = model_pb2.Model(etag="1", updated_by="alice")
    after = model_pb2.Model(etag="2", updated_by="bob")
    assert [] == changed(document(before), document(after))


def test_what_did_not_exist_differs_in_all_that_is_set():
    alias = document(model_pb2.Alias(name="a", version=3))
    assert [("name", None, "a"), ("version", None, 3)] == changed(None, alias)
    assert [("name", "a", None), ("version", 3, None)] == changed(alias, None)


def test_an_empty_tag_differs_from_none():
    with_tag = document(model_pb2.Model(tags={"a": ""}))
    assert [("tags.a", None, "")] == changed(document(model_pb2.Model()), with_tag)


def test_a_number_and_a_truth_value_of_the_same_worth_differ():
    one = document(version_pb2.Version(properties={"k": version_pb2.PropertyValue(int_value=1)}))
    true = document(
        version_pb2.Version(properties={"k": version_pb2.PropertyValue(bool_value=True)})
    )
    assert [Change("properties.k", 1, True)] == difference(one, true)
