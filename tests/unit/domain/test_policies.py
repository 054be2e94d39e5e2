"""What counts of an evaluation: its age goes by its record, whatever is claimed of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from regesta.v1 import governance_pb2 as pb
from regesta_projections import events as e
from regesta_projections.rows import ModelKey, ResourceKey, VersionKey
from regesta_service.domain import policies
from tests.unit.evolve.facts import START, Story, fold

VERSION = "models/churn/versions/1"
POLICY = pb.Policy(
    name="namespaces/acme/policies/gate",
    stages=["staging"],
    evaluations=[pb.EvaluationRequirement(dataset="holdout", max_age_seconds=60)],
)
#: The evaluation is recorded as the third event, so this long after the start.
RECORDED = START + timedelta(seconds=3)
YEAR = timedelta(days=365)


def is_met(claimed: datetime | None, now: datetime) -> bool:
    """Say whether an evaluation is young enough, whose time is claimed."""
    story = Story()
    story.tell("models/churn", e.ModelCreated(name="churn", kind="MODEL"))
    story.tell(VERSION, e.VersionRegistered(version=1, stage="development"))
    found = e.EvaluationRecorded(evaluation="e1", dataset="holdout", metrics={"auc": "0.9"})
    story.tell(f"{VERSION}/evaluations", found, occurred=claimed, by="ana")
    rows = fold(story.told)
    move = policies.Move(
        rows[ModelKey("churn")],
        rows[VersionKey("churn", 1)],
        rows[ResourceKey(f"{VERSION}/evaluations")],
        None,
        alias="",
        to_stage="staging",
        principal="ana",
        person="ana",
        now=now,
    )
    (outcome,) = policies.outcomes(POLICY, move)
    return outcome.met


@pytest.mark.parametrize(
    "claimed",
    [None, START - YEAR, RECORDED, RECORDED + timedelta(seconds=30), RECORDED + YEAR],
)
def test_a_claim_makes_an_evaluation_neither_younger_nor_older(claimed: datetime | None):
    minute = timedelta(seconds=60)
    assert is_met(claimed, RECORDED + minute)
    assert not is_met(claimed, RECORDED + minute + timedelta(seconds=1))
