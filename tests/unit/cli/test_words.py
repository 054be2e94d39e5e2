"""Events in words."""

from __future__ import annotations

from dataclasses import replace

from regesta.cli.happened import WITHHELD, read
from regesta.cli.times import iso
from regesta.cli.words import in_words
from regesta_projections.events import EVENTS
from tests.unit.cli.story import churn, told

SAID = [
    "created the namespace acme",
    f"created the model (adapter, owner risk, tags cost.center=42, notes={'n' * 39}… and team=risk)",
    "registered version 1 (s3://models/churn/1)",
    "labelled it 1.0.0",
    "moved from development to staging",
    "set tags a=1, b= and c=3",
    "removed tag c",
    "changed card to nothing",
    "pointed the alias to version 1",
    "pointed the alias to version 1 (was 1)",
    "pointed the alias to version 1",
    "removed the alias (was 1)",
    "changed owner to platform",
    "renamed from churn to churn-eu",
    "set tag team=platform",
    "deleted the version",
    "restored the version",
    "deleted the model",
    "restored the model",
    "committed to the heads of 5 streams as of position 19",
    "took the key acme+02+BB in the place of acme+01+AA",
    "trusts the key acme+01+AA up to size 12 only",
    "lost the events 13 to 14 and went on without them",
    "wrote a cosigned checkpoint into the log",
    "placed the hold case-7 on the texts of bob: 7 O 114/26",
    "released the hold case-7",
    "defined the lifecycle strict (version 1) for every model: draft",
    "removed the lifecycle strict",
    "version 1 took the stage",
    "defined the policy gate (version 1) for churn* into live and @x",
    "removed the policy gate",
    "recorded a benchmark on holdout: auc=0.9",
    "asked for models/churn/1 to go to live",
    "approved it: reviewed",
    "carried the request out",
    "asked for models/churn/1 to go to @champion",
    "rejected it",
    "asked for models/churn/1 to go to @champion",
    "took the request back",
    "asked for models/churn/1 to go to @champion",
    "the request expired",
    "erased 1 text of bob: Art. 17",
    "lets bodies be archived after 730 days",
    "lets no body be archived",
    "released the bodies of the events up to position 256",
    "raised the flag drift (WARNING)",
    "raised the blocking flag bias (CRITICAL)",
    "raised the flag slow (INFO)",
    "resolved the flag slow",
    "revoked the version for good: licence",
    "registered version 2",
    "rolled back from production to staging for version 1",
    "rolled back into production in the place of version 1",
    "pointed the alias to version 2",
    "made the alias protected and pinned",
    "rolled the alias back to version 1 (was 2)",
    "made the alias protected",
    "pointed the alias to version 2",
    "made the alias neither protected nor pinned",
    'commented: ""',
    'answered abcdefgh23: ""',
    'changed the comment to ""',
    "put the document",
    "removed the document",
    "granted the role reader to bob",
    'granted the role maintainer to the group ml (models churn*; if alias != "champion";'
    " until 2027-01-01T00:00:00+00:00)",
    "BROKE THE GLASS: took the role admin (until 2026-06-01T00:00:00+00:00)",
    f"revoked the grant {'0' * 16}",
    "registered the user (the same person as rob)",
    "issued a token to bob (laptop; at most reader; in default; until 2026-09-01T00:00:00+00:00)",
    "revoked the token",
]


def test_every_event_is_said_in_words():
    assert SAID == [in_words(read(event)) for event in told(churn())]


def test_the_story_has_every_type_of_event():
    assert set(EVENTS) == {read(event).type for event in told(churn())}


def test_an_event_of_a_newer_server_is_said_by_its_name():
    event = replace(read(told(churn())[0]), type="ModelStarred")
    assert "ModelStarred (a newer server's event)" == in_words(event)


def test_many_tags_are_counted():
    event = read(told(churn())[14])
    event.data["tags"] = {f"k{number}": "v" for number in range(9)}
    assert "set tags k0=v, k1=v, k2=v, k3=v, k4=v and 4 more" == in_words(event)


def test_free_texts_come_back_to_their_places():
    created = read(told(churn())[1])
    assert "the first\nof its kind" == created.reason
    assert "predicts who leaves" == created.text("description")
    assert {"team": "risk", "cost.center": "42", "notes": "n" * 2000} == created.tags


def test_a_text_that_was_erased_is_withheld():
    message = told(churn())[1]
    del message.disclosures[:]
    assert WITHHELD == read(message).text("description")
    assert WITHHELD == read(message).tags["notes"]


def test_a_text_that_an_event_does_not_have_differs_from_one_it_cleared():
    cleared = read(told(churn())[7])
    assert "" == cleared.text("card")
    assert cleared.text("description") is None


def test_only_a_claimed_time_is_another_time():
    created, registered = (read(event) for event in told(churn())[1:3])
    assert created.occurred_at is None
    assert registered.occurred_at is not None
    assert 2020 == registered.occurred_at.year
    assert ("", "dave") == (created.occurred_by, registered.occurred_by)


def test_a_claim_is_said_to_be_one():
    created, registered = (read(event) for event in told(churn())[1:3])
    assert "" == created.claim(iso)
    assert registered.occurred_at is not None
    assert f"happened {iso(registered.occurred_at)}, done by dave, by the importer's word" == (
        registered.claim(iso)
    )
    at_some_time = replace(registered, occurred_by="")
    assert "happened then, by the importer's word" == at_some_time.claim(lambda _: "then")
    by_somebody = replace(registered, occurred_at=None)
    assert "done by dave, by the importer's word" == by_somebody.claim(iso)
