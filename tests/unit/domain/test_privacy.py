"""Holds and erasures: given, when, then."""

from __future__ import annotations

from regesta_projections import events as e
from regesta_projections.rows import PRIVACY, PrivacyRow
from regesta_service.domain import limits
from regesta_service.domain.privacy import ChosenText, EraseTexts, PlaceHold, ReleaseHold
from regesta_service.domain.rejections import (
    HoldExists,
    HoldInPlace,
    HoldNotFound,
    ModelNotFound,
    NothingToErase,
    TooManyHolds,
)
from tests.unit.domain.specification import Given, created, digest, given, sealed

BASIS = "GDPR Art. 17(1)(b)"


def placed(hold: str, *, person: str = "", model: str = ""):
    """A hold was placed."""
    return "privacy", e.HoldPlaced(hold=hold, person=person, model=model, matter="7 O 114/26")


def text(number: int = 1, person: str = "rosa", model: str = "churn") -> ChosenText:
    return ChosenText(f"digest-{number}", person, model)


def erasure(*texts: ChosenText) -> EraseTexts:
    return EraseTexts(texts, BASIS, person="rosa")


def status(state: Given):
    row = state.row(PRIVACY)
    assert isinstance(row, PrivacyRow)
    return row.resource


def test_a_hold_is_placed_on_a_model_by_any_of_its_names():
    event = e.HoldPlaced(hold="case-7", model="churn", matter="7 O", reason=digest("a letter"))
    command = PlaceHold("case-7", "7 O", model="Churn", reason=sealed("a letter"))
    when = given(created()).when(command)
    when.keeps(("reason", "a letter"))
    state = when.then(("privacy", event), shows=PRIVACY)

    (hold,) = status(state).holds
    assert ("case-7", "churn", "7 O") == (hold.name, hold.model, hold.matter)


def test_a_hold_on_a_model_that_never_was_is_refused():
    given(created()).when(PlaceHold("case-7", "7 O", model="other")).refused(
        ModelNotFound, model="other"
    )


def test_a_hold_of_a_name_that_is_in_place_is_refused():
    given(created(), placed("case-7")).when(PlaceHold("case-7", "8 O")).refused(
        HoldExists, hold="case-7"
    )


def test_a_released_hold_is_gone_and_its_name_is_free_again():
    released = "privacy", e.HoldReleased(hold="case-7")
    state = given(created(), placed("case-7")).when(ReleaseHold("case-7")).then(released)
    assert [] == list(status(state).holds)

    event = e.HoldPlaced(hold="case-7", matter="9 O")
    given(created(), placed("case-7"), released).when(PlaceHold("case-7", "9 O")).then(
        ("privacy", event)
    )


def test_a_hold_that_is_not_in_place_cannot_be_released():
    given(created()).when(ReleaseHold("case-7")).refused(HoldNotFound, hold="case-7")


def test_there_are_only_so_many_holds():
    many = [placed(f"case-{number}") for number in range(limits.MAX_HOLDS)]
    given(created(), *many).when(PlaceHold("one-more", "7 O")).refused(
        TooManyHolds, limit=str(limits.MAX_HOLDS)
    )


def test_an_erasure_names_what_is_erased():
    event = e.PersonalDataErased(
        person="rosa", legal_basis=BASIS, digests=("digest-1", "digest-2"), total=2, part=1
    )
    state = given(created()).when(erasure(text(1), text(2))).then(("privacy", event), shows=PRIVACY)

    last = status(state).last_erasure
    assert (2, BASIS, "rosa") == (last.texts, last.legal_basis, last.person)
    assert last.first_position == last.position


def test_many_texts_are_erased_by_several_events_of_one_request():
    size = limits.MAX_ERASED_BY_EVENT
    texts = [text(number) for number in range(size + 1)]
    digests = [one.digest for one in texts]
    first, second = (
        e.PersonalDataErased(
            person="rosa", legal_basis=BASIS, digests=tuple(some), total=size + 1, part=part
        )
        for part, some in enumerate((digests[:size], digests[size:]), 1)
    )
    state = given(created()).when(erasure(*texts)).then(("privacy", first), ("privacy", second))

    assert size + 1 == status(state).texts_erased
    assert 1 == status(state).last_erasure.position - status(state).last_erasure.first_position


def test_nothing_is_no_erasure():
    given(created()).when(erasure()).refused(NothingToErase)


def test_a_hold_on_everything_forbids_every_erasure():
    held = given(created(), placed("audit"))
    message = held.when(erasure(text())).refused(HoldInPlace, hold="audit", position="3")
    assert "7 O 114/26" in message


def test_a_hold_on_a_person_forbids_to_erase_what_they_wrote():
    held = given(created(), placed("case-7", person="rosa"))
    held.when(erasure(text(1, "ben"), text(2, "rosa"))).refused(
        HoldInPlace, hold="case-7", position="3"
    )
    held.when(erasure(text(1, "ben"))).then(
        (
            "privacy",
            e.PersonalDataErased(
                person="rosa", legal_basis=BASIS, digests=("digest-1",), total=1, part=1
            ),
        )
    )


def test_a_hold_on_a_model_forbids_to_erase_what_is_of_it():
    held = given(created(), placed("case-7", model="churn"))
    held.when(erasure(text(model="churn"))).refused(HoldInPlace, hold="case-7", position="3")
    # An event of no model has no model that could be held.
    held.when(erasure(text(model=""))).then(
        (
            "privacy",
            e.PersonalDataErased(
                person="rosa", legal_basis=BASIS, digests=("digest-1",), total=1, part=1
            ),
        )
    )
