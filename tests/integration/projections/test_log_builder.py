from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from regesta_projections.events import AliasSet, ModelCreated, TagsSet, VersionRegistered
from tests.support.log_builder import LogBuilder

if TYPE_CHECKING:
    from tests.databases import LiveDatabase


def test_the_service_role_may_write_what_the_builder_builds(database: LiveDatabase):
    log = LogBuilder("acme")
    card, sealed = log.seal("A card")
    log.append(
        "models/churn", ModelCreated(name="churn", kind="MODEL", card=card), ("card", sealed)
    )
    log.append("models/churn/versions/1", VersionRegistered(version=1, stage="development"))
    log.append("models/churn/aliases/champion", AliasSet(version=1))
    log.extend(
        ("models/churn/versions/1", TagsSet(tags={"number": str(number)})) for number in range(300)
    )

    with psycopg.connect(database.service_dsn) as conn:
        namespace_id = log.write(conn)
        found = conn.execute(
            """
            SELECT size, (SELECT count(*) FROM regesta.events),
                (SELECT bool_and(leaf_hash = sha256('\\x00'::bytea || record)) FROM regesta.events),
                (SELECT count(*) FROM regesta.tiles), (SELECT count(*) FROM regesta.requests),
                (SELECT tags ->> 'number' FROM regesta.versions),
                (SELECT text FROM regesta.disclosures)
            FROM regesta.logs WHERE namespace_id = %s
            """,
            [namespace_id],
        ).fetchone()

    assert (304, 304, True, 1, 304, "299", "A card") == found
