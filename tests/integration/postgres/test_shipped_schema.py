from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from regesta_service.postgres.migrate import apply, check, load

if TYPE_CHECKING:
    from tests.databases import DatabaseServer, LiveDatabase


def test_a_test_database_has_every_migration_of_this_build(database: LiveDatabase):
    with psycopg.connect(database.service_dsn) as conn:
        rows = conn.execute("SELECT name FROM regesta.migrations ORDER BY number").fetchall()

    assert [migration.name for migration in load()] == [name for (name,) in rows]


@pytest.mark.parametrize("role", ["superuser_dsn", "owner_dsn", "service_dsn"])
def test_every_role_finds_the_schema_complete(database: LiveDatabase, role: str):
    check(getattr(database, role))


def test_applying_again_changes_nothing(database: LiveDatabase):
    assert [] == apply(database.owner_dsn)


def test_everything_in_the_schema_belongs_to_the_owner(database: LiveDatabase):
    with psycopg.connect(database.superuser_dsn) as conn:
        owners = conn.execute(
            """
            SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
            WHERE relnamespace = 'regesta'::regnamespace
            UNION SELECT pg_get_userbyid(proowner) FROM pg_proc
            WHERE pronamespace = 'regesta'::regnamespace
            """
        ).fetchall()

    assert [("regesta_owner",)] == owners


def test_nothing_is_made_outside_the_schema(database: LiveDatabase):
    with psycopg.connect(database.superuser_dsn) as conn:
        elsewhere = conn.execute(
            """
            SELECT relname FROM pg_class WHERE relowner = 'regesta_owner'::regrole
            AND relnamespace NOT IN ('regesta'::regnamespace, 'pg_toast'::regnamespace)
            """
        ).fetchall()

    assert [] == elsewhere


def test_two_tests_have_two_databases(postgres: DatabaseServer):
    first, second = postgres.migrated(), postgres.migrated()
    with psycopg.connect(first.owner_dsn, autocommit=True) as conn:
        conn.execute("CREATE TABLE regesta.only_here ()")

    with psycopg.connect(second.owner_dsn) as conn:
        found = conn.execute("SELECT to_regclass('regesta.only_here')").fetchone()
    postgres.drop(first)
    postgres.drop(second)

    assert (None,) == found
