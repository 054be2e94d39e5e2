"""What the page on operating says to do, done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    import regesta
    from tests.databases import LiveDatabase

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"


def test_texts_are_erased_as_the_page_says_and_the_log_still_verifies(
    client: regesta.Client, server_database: LiveDatabase
):
    version = client.register("churn", reason="Rosa Luxemburg asked for it")
    client.set_alias("churn@champion", version=version.version, reason="so did others")
    assert 2 == sum(len(event.disclosures) for event in client.events())
    (statement,) = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    statement = statement.replace("'default'", f"'{client.namespace}'")
    with psycopg.connect(server_database.owner_dsn) as connection:
        connection.execute(statement.replace("'rosa'", "'anonymous'").encode())
    assert [] == [text for event in client.events() for text in event.disclosures]
    *_, last = client.verify()
    assert (True, 0) == (last.done, last.findings_total)
