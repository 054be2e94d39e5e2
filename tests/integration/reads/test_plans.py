"""Look-ups touch a few pages, also in tables that nobody has analyzed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta_projections.events import AliasSet, ModelCreated, VersionRegistered
from regesta_service.reads import lookups, version_lookup

if TYPE_CHECKING:
    from tests.databases import LiveDatabase
    from tests.support.live_log import LiveLog

MODELS = 1_500
#: A dozen look-ups by index, two or three pages each.
FEW = 60

BY_FORM = """
ARRAY[{namespace_id}], ARRAY['{form}'], ARRAY['m777'], ARRAY[1], ARRAY['{argument}'],
ARRAY['development'], '{{1}}', '{{""}}', '{{~}}', '{{false}}'
"""


@pytest.fixture
def many(log: LiveLog) -> LiveLog:
    for number in range(MODELS):
        model = f"models/m{number}"
        log.later(model, ModelCreated(name=f"m{number}", kind="MODEL"))
        log.later(
            f"{model}/versions/1",
            VersionRegistered(
                version=1, semver="1.0.0", stage="development", digest=f"sha256:{number:064x}"
            ),
        )
        log.later(f"{model}/aliases/champion", AliasSet(version=1))
    log.commit()
    return log


def pages_of(database: LiveDatabase, query: bytes, arguments: str) -> tuple[int, int]:
    """Return how many pages a kept plan touches, and how many rows it finds."""
    with psycopg.connect(database.service_dsn, autocommit=True) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute(b"PREPARE q AS " + query)
        # Planning reads the catalog; that is not meant.
        connection.execute(f"EXECUTE q ({arguments})".encode())
        row = connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE q ({arguments})".encode()
        ).fetchone()
        assert row is not None
        plan = row[0][0]["Plan"]
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], plan["Actual Rows"]


@pytest.mark.parametrize(
    ("form", "argument"),
    [
        ("number", ""),
        ("alias", "champion"),
        ("stage", "development"),
        ("latest", ""),
        ("range", ""),
        ("digest", f"sha256:{777:064x}"),
    ],
)
def test_a_version_is_found_by_indexes_alone(
    database: LiveDatabase, many: LiveLog, form: str, argument: str
):
    arguments = BY_FORM.format(namespace_id=many.namespace_id, form=form, argument=argument)

    pages, rows = pages_of(database, version_lookup.QUERY, arguments)

    assert rows == 1
    assert pages < FEW


def test_models_and_aliases_are_found_by_indexes_alone(database: LiveDatabase, many: LiveLog):
    model = f"ARRAY[{many.namespace_id}], ARRAY['m777']"

    assert pages_of(database, lookups._MODELS, model)[0] < FEW
    assert pages_of(database, lookups._ALIASES, model + ", ARRAY['champion']")[0] < FEW
