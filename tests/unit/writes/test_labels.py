"""Translating writes of tags and aliases."""

from __future__ import annotations

import pytest

from regesta.names import MAX_TAG_KEY_LENGTH, MAX_TAG_VALUE_LENGTH, MAX_VERSION_NUMBER
from regesta.v1.model_pb2 import Model
from regesta.v1.version_pb2 import Version
from regesta_service.domain import limits
from regesta_service.domain.aliases import RemoveAlias, SetAlias
from regesta_service.domain.labels import RemoveTags, SetTags
from tests.unit.writes.requests import (
    ALIAS,
    MODEL,
    VERSION,
    content,
    refused,
    refused_version,
    translate,
)


def test_tags_are_set_on_a_model_or_a_version():
    assert translate("SetTags", name=MODEL).command == SetTags("churn", None, {"tier": "1"})
    assert translate("SetTags", name=VERSION).command == SetTags("churn", 3, {"tier": "1"})


def test_a_value_of_1024_characters_stands_in_the_event_and_one_more_beside_it():
    short = "é" * limits.MAX_INLINE_TAG_VALUE
    long = short + "x"

    translated = translate("SetTags", tags={"a": short, "b": long})

    assert translated.command.tags == {"a": short}
    assert {key: text.text for key, text in translated.command.long_tags.items()} == {"b": long}
    assert list(translated.texts.values()) == [long]


def test_a_value_has_at_most_100000_characters():
    most = "é" * MAX_TAG_VALUE_LENGTH

    assert translate("SetTags", tags={"a": most}).command.long_tags["a"].text == most
    for wrong in (most + "x", "a\0b", "a\x85b"):
        refused("SetTags", 'tags["a"]', tags={"a": wrong})
        refused("CreateModel", 'model.tags["a"]', model=Model(tags={"a": wrong}))
        refused_version(Version(tags={"a": wrong}), 'version.tags["a"]')


def test_a_value_may_have_several_lines():
    assert translate("SetTags", tags={"a": "1\r\n\t2"}).command.tags == {"a": "1\r\n\t2"}


def test_a_key_has_1_to_250_characters_and_no_control_character():
    most = "é" * MAX_TAG_KEY_LENGTH

    assert translate("SetTags", tags={most: "1"}).command.tags == {most: "1"}
    for wrong in ("", most + "x", "a\nb", "a\0b", "a\x7fb"):
        refused("SetTags", "tags", tags={wrong: "1"})
        refused("CreateModel", "model.tags", model=Model(tags={wrong: "1"}))
        refused_version(Version(tags={wrong: "1"}), "version.tags")
        refused("RemoveTags", "keys[1]", keys=["a", wrong])


def test_there_are_at_most_1000_tags():
    most = {f"key-{n}": "" for n in range(limits.MAX_TAGS)}
    more = {**most, "more": ""}

    assert translate("SetTags", tags=most).command.tags == most
    assert content(Version(tags=most)).tags == most
    refused("SetTags", "tags", tags=more)
    refused("CreateModel", "model.tags", model=Model(tags=more))
    refused_version(Version(tags=more), "version.tags")


def test_setting_no_tags_or_removing_none_is_refused():
    refused("SetTags", "tags", tags={})
    refused("RemoveTags", "keys", keys=[])


def test_at_most_1000_keys_are_removed():
    most = [f"key-{n}" for n in range(limits.MAX_TAGS)]

    assert translate("RemoveTags", keys=most).command == RemoveTags("churn", 3, tuple(most))
    refused("RemoveTags", "keys", keys=[*most, "more"])


def test_a_path_names_a_key_without_breaking_out_of_its_quotes():
    refused("SetTags", 'tags["a\\"] b"]', tags={'a"] b': "\0"})


def test_a_path_names_the_beginning_of_a_long_key():
    refused("SetTags", f'tags["{"k" * 60}…"]', tags={"k" * 61: "\0"})


def test_an_alias_is_pointed_to_a_number():
    assert translate("SetAlias").command == SetAlias("churn", "champion", 3)
    assert translate("RemoveAlias").command == RemoveAlias("churn", "champion")
    assert translate("SetAlias", version=MAX_VERSION_NUMBER).command.number == MAX_VERSION_NUMBER


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_is_at_least_1(number):
    refused("SetAlias", "version", version=number)


@pytest.mark.parametrize("alias", ["Champion", "test_alias", "_", "a" * 255])
def test_an_alias_keeps_its_case_and_its_underscores(alias):
    name = ALIAS.replace("champion", alias)

    assert translate("SetAlias", name=name).command == SetAlias("churn", alias, 3)


@pytest.mark.parametrize("alias", ["latest", "Latest", "3", "v3", "V3", "-a", "a" * 256, "a.b"])
def test_what_means_something_else_is_no_alias(alias):
    name = ALIAS.replace("champion", alias)

    refused("SetAlias", "name", name=name)
    refused("RemoveAlias", "name", name=name)
