"""Texts are erased and held over a real server; the log verifies all the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

import regesta
from regesta.errors import NotFound, PreconditionFailed
from regesta.v1 import model_pb2
from regesta.v1 import privacy_service_pb2 as pb
from regesta_projections.verification import verify

if TYPE_CHECKING:
    from tests.databases import LiveDatabase
    from tests.support.server_process import ServerProcess

BASIS = "GDPR Art. 17(1)(b)"
ME = "anonymous"


@pytest.fixture
def told(client: regesta.Client) -> regesta.Client:
    """A registry with texts of two models."""
    churn = model_pb2.Model(description="who leaves, says Rosa")
    client.create_model(model_id="churn", model=churn, reason="asked by Rosa")
    client.register("churn", source="s3://churn/1", reason="Rosa's first")
    client.set_alias("churn@champion", version=1, reason="Rosa says so")
    client.create_model(model_id="fraud", model=model_pb2.Model(description="who cheats"))
    return client


def texts(client: regesta.Client) -> list[tuple[int, str]]:
    return [(event.position, text.field) for event in client.events() for text in event.disclosures]


def findings(database: LiveDatabase, namespace: str) -> list[tuple[str, int]]:
    report = verify(database.service_dsn, namespace)
    return [(finding.kind.name, finding.position) for finding in report.findings]


def test_texts_of_a_resource_are_gone_everywhere_and_the_log_verifies(
    told: regesta.Client, server_database: LiveDatabase
):
    head = told.get_head()
    answer = told.erase_texts(resource="churn", legal_basis=BASIS, reason="she asked")

    assert 4 == answer.erasure.texts
    assert ("models/churn", BASIS, ME) == (
        answer.erasure.stream,
        answer.erasure.legal_basis,
        answer.erasure.erased_by,
    )
    assert "" == told.get_model("churn").description
    assert "" == told.get_model("churn", as_of=head.position).description
    assert "who cheats" == told.get_model("fraud").description
    assert [(5, "description"), (answer.position, "reason")] == texts(told)
    report = verify(server_database.service_dsn, told.namespace)
    assert (0, 4) == (report.findings_total, report.texts_erased)


def test_only_the_text_that_is_named_is_erased(told: regesta.Client):
    answer = told.erase_texts(event_position=2, field="reason", legal_basis=BASIS)

    assert 1 == answer.erasure.texts
    assert "who leaves, says Rosa" == told.get_model("churn").description
    assert (2, "reason") not in texts(told)


def test_a_look_erases_nothing_and_says_how_many_it_would_be(told: regesta.Client):
    before = told.get_head().position
    answer = told.erase_texts(person=ME, validate_only=True)

    assert (5, before, False) == (answer.erasure.texts, answer.position, answer.more)
    assert before == told.get_head().position
    assert 5 == len(texts(told))


def test_the_same_request_erases_once_and_gets_the_same_answer(told: regesta.Client):
    first = told.erase_texts(person=ME, legal_basis=BASIS, request_id="once")
    told.set_alias("churn@champion", version=1, reason="written later")
    told.set_alias("churn@second", version=1, reason="written later")
    second = told.erase_texts(person=ME, legal_basis=BASIS, request_id="once")

    assert (first.erasure, first.position) == (second.erasure, second.position)
    assert 1 == len(texts(told))


def test_where_there_is_no_text_nothing_is_appended(told: regesta.Client):
    before = told.get_head().position
    for missing in ({"person": "nobody"}, {"event_position": 10_000}):
        with pytest.raises(NotFound) as caught:
            told.erase_texts(**missing, legal_basis=BASIS)
        assert "NOTHING_TO_ERASE" == caught.value.reason
    assert before == told.get_head().position


def test_a_hold_keeps_texts_until_it_is_released(told: regesta.Client):
    placed = told.place_hold(hold_id="case-7", hold=pb.Hold(matter="7 O 114/26", model="churn"))
    assert "churn" == placed.model
    for look in (True, False):
        with pytest.raises(PreconditionFailed) as caught:
            told.erase_texts(person=ME, legal_basis=BASIS, validate_only=look)
        assert "HOLD_IN_PLACE" == caught.value.reason
        assert "case-7" == caught.value.metadata["hold"]
        assert "7 O 114/26" in caught.value.message
    assert 5 == len(texts(told))
    told.erase_texts(resource="fraud", legal_basis=BASIS)

    assert [] == list(told.release_hold("case-7").holds)
    assert 4 == told.erase_texts(person=ME, legal_basis=BASIS).erasure.texts


def test_the_other_server_forgets_what_it_had_in_memory(
    told: regesta.Client, second_server: ServerProcess
):
    with regesta.Client(second_server.address, namespace=told.namespace, fresh=True) as other:
        # Twice, so that the second answer is from memory.
        for _ in range(2):
            assert "who leaves, says Rosa" == other.get_model("churn").description
        told.erase_texts(resource="churn", legal_basis=BASIS)

        assert "" == other.get_model("churn").description


_OF_TEXT = """
namespace_id = (SELECT namespace_id FROM regesta.logs WHERE name = %s) AND text = %s
"""


def test_a_text_that_was_deleted_by_hand_is_named(
    told: regesta.Client, server_database: LiveDatabase
):
    with psycopg.connect(server_database.superuser_dsn) as insider:
        insider.execute(
            f"DELETE FROM regesta.disclosures WHERE {_OF_TEXT}",  # noqa: S608 - a constant
            [told.namespace, "who leaves, says Rosa"],
        )

    assert [("TEXT_MISSING", 2)] == findings(server_database, told.namespace)


def test_a_text_that_came_back_from_a_backup_is_named(
    told: regesta.Client, server_database: LiveDatabase
):
    with psycopg.connect(server_database.superuser_dsn) as insider:
        (row,) = insider.execute(
            f"SELECT * FROM regesta.disclosures WHERE {_OF_TEXT}",  # noqa: S608 - a constant
            [told.namespace, "who cheats"],
        ).fetchall()
    told.erase_texts(resource="fraud", legal_basis=BASIS)
    with psycopg.connect(server_database.superuser_dsn) as insider:
        insider.execute("INSERT INTO regesta.disclosures VALUES (%s,%s,%s,%s,%s,%s,%s)", row)

    assert ["TEXT_KEPT"] == [kind for kind, _ in findings(server_database, told.namespace)]


def test_the_services_own_role_cannot_delete_a_text(server_database: LiveDatabase):
    with (
        psycopg.connect(server_database.service_dsn) as service,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        service.execute("DELETE FROM regesta.disclosures")


@pytest.mark.parametrize(
    ("fields", "broken"),
    [
        ({"person": "rosa"}, "legal_basis"),
        ({"person": "a b", "legal_basis": BASIS}, "person"),
        ({"event_position": 0, "legal_basis": BASIS}, "event_position"),
        ({"person": "rosa", "field": "reason", "legal_basis": BASIS}, "field"),
        ({"legal_basis": BASIS}, "selection"),
        ({"person": "rosa", "legal_basis": "x" * 501}, "legal_basis"),
    ],
)
def test_what_is_wrong_with_a_request_is_named_and_nothing_is_erased(
    told: regesta.Client, fields: dict[str, object], broken: str
):
    with pytest.raises(regesta.InvalidRequest) as caught:
        told.erase_texts(**fields)  # type: ignore[arg-type]

    assert [broken] == [violation.field for violation in caught.value.violations]
    assert 5 == len(texts(told))


def test_the_event_says_what_the_certificate_certifies(told: regesta.Client):
    answer = told.erase_texts(resource="fraud", legal_basis=BASIS)
    (event,) = told.events(types=["PersonalDataErased"])

    data = json.loads(event.record)["data"]
    assert answer.position == event.position
    assert (BASIS, "models/fraud", 1) == (data["legalBasis"], data["stream"], len(data["digests"]))
