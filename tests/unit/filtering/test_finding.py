"""What of a filter an index of the history can find."""

from __future__ import annotations

import pytest

from regesta_projections.filtering import compile_found, parse_filter


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("tags.team = risk", ['{"team": "risk"}']),
        ("stage = production", ["production"]),
        ("version > 3 AND stage = production AND tags.team = risk", ['{"team": "risk"}']),
        ("tags.team:risk", ['{"team": "risk"}']),
    ],
)
def test_a_tag_before_a_stage_of_a_conjunction_is_found(text: str, values: list[str]):
    found = compile_found(parse_filter(text))

    assert found is not None
    assert values == list(found.params.values())
    assert all(name.startswith("found_") for name in found.params)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NOT tags.team = risk",
        "tags.team = risk OR stage = production",
        "tags.team != risk",
        "tags.team = r*",
        "tags:team",
        "stage != production",
        "stage = prod*",
        "stage = *prod",
        "tags.team = '*r*'",
        "stage:*",
        "params.lr = 1",
    ],
)
def test_what_need_not_have_begun_by_one_event_is_not(text: str):
    assert compile_found(parse_filter(text)) is None
