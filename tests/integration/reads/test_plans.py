"""Look-ups touch a few pages, also in tables that nobody has analyzed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psycopg
import pytest

from benchmarks.generated_log import write_log
from regesta_projections import tables
from regesta_projections.events import (
    AliasSet,
    Event,
    Lineage,
    ModelCreated,
    NamespaceCreated,
    StageChanged,
    TagsSet,
    VersionRegistered,
)
from regesta_projections.filtering import (
    MODEL_ORDER,
    VERSION_ORDER,
    VERSIONS,
    compile_filter,
    compile_found,
    parse_filter,
    parse_order,
    version_columns,
)
from regesta_projections.rebuild import rebuild
from regesta_projections.rows import VersionKey
from regesta_projections.statements import fetch_rows
from regesta_service.reads import lookups, version_lookup
from regesta_service.reads.latest import LATEST
from regesta_service.reads.list_statements import Listing, models_statement, versions_statement
from regesta_service.reads.pages import MAX_PAGE_BYTES
from regesta_service.reads.then import AsOf, relations
from tests.support.live_log import LiveLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import DatabaseServer, LiveDatabase

MODELS = 1_500
#: A dozen look-ups by index, two or three pages each.
FEW = 60

BY_FORM = """
ARRAY[{namespace_id}], ARRAY['{form}'], ARRAY['m777'], ARRAY[1], ARRAY['{argument}'],
'{{1}}', '{{""}}', '{{~}}', '{{false}}'
"""


class Many(NamedTuple):
    """A database with a namespace of many models."""

    database: LiveDatabase
    namespace_id: int


@pytest.fixture(scope="module")
def filled(postgres: DatabaseServer) -> Iterator[Many]:
    """The database that each test gets a copy of: filling it takes longer than the tests."""
    database = postgres.migrated()
    log = LiveLog(database)
    for number in range(MODELS):
        model = f"models/m{number}"
        log.later(model, ModelCreated(name=f"m{number}", kind="MODEL"))
        log.later(
            f"{model}/versions/1",
            VersionRegistered(
                version=1,
                semver="1.0.0",
                stage="development",
                digest=f"sha256:{number:064x}",
                tags={"framework": "onnx"},
                lineage=Lineage(run=f"run-{number}"),
            ),
        )
        log.later(f"{model}/aliases/champion", AliasSet(version=1))
    log.commit()
    log.close()
    yield Many(database, log.namespace_id)
    postgres.drop(database)


@pytest.fixture
def many(postgres: DatabaseServer, filled: Many) -> Iterator[Many]:
    """Many models, which nobody has analyzed yet."""
    own = postgres.copy(filled.database)
    yield Many(own, filled.namespace_id)
    postgres.drop(own)


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
def test_a_version_is_found_by_indexes_alone(many: Many, form: str, argument: str):
    arguments = BY_FORM.format(namespace_id=many.namespace_id, form=form, argument=argument)

    pages, rows = pages_of(many.database, version_lookup.QUERY, arguments)

    assert rows == 1
    assert pages < FEW


def test_models_and_aliases_are_found_by_indexes_alone(many: Many):
    model = f"ARRAY[{many.namespace_id}], ARRAY['m777']"

    assert pages_of(many.database, lookups._MODELS, model)[0] < FEW
    assert pages_of(many.database, lookups._ALIASES, model + ", ARRAY['champion']")[0] < FEW


def search_pages(many: Many, text: str, order_by: str = "") -> int:
    """Return how many pages the second page of a search of versions touches."""
    order = parse_order(order_by, VERSION_ORDER)
    where = compile_filter(parse_filter(text), VERSIONS)
    listing = Listing("acme", many.namespace_id, order, 20, where)
    with psycopg.connect(many.database.service_dsn, autocommit=True) as connection:
        query, parameters = versions_statement(listing, None)
        rows = connection.cursor(binary=True).execute(query, parameters).fetchall()
        if len(rows) > listing.limit:
            end = rows[listing.limit - 1][7 : 7 + len(order.keys)]
            query, parameters = versions_statement(listing._replace(after=order.key_of(end)), None)
        text = query.as_string(connection)
        row = connection.execute(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}".encode(), parameters
        ).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    touched: int = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return touched


@pytest.mark.parametrize("analyzed", [False, True])
def test_what_a_run_made_is_found_by_index(many: Many, analyzed: bool):
    if analyzed:
        analyze(many.database)

    assert search_pages(many, "run = run-777") < FEW
    assert search_pages(many, "run = run-777", "update_time desc") < FEW


@pytest.mark.parametrize("order_by", ["update_time desc", "update_time desc, model, version desc"])
@pytest.mark.parametrize("text", ["", "tags.framework = onnx"])
def test_what_changed_last_is_found_without_a_walk_over_all(many: Many, text: str, order_by: str):
    analyze(many.database)

    # Of each of 21: the version, its model and its aliases.
    assert search_pages(many, text, order_by) < 21 * 8


@pytest.mark.parametrize("analyzed", [False, True])
def test_the_latest_version_in_a_stage_is_found_however_many_are_in_it(
    database: LiveDatabase, log: LiveLog, analyzed: bool
):
    log.later("models/m777", ModelCreated(name="m777", kind="MODEL"))
    touched = []
    number = 0
    for count in (20, 1_500):
        for _ in range(count):
            number += 1
            stream = f"models/m777/versions/{number}"
            log.later(stream, VersionRegistered(version=number, stage="development"))
            # The order in which they came into the stage says nothing.
            if number % 2 == 0:
                back = f"models/m777/versions/{number // 2}"
                log.later(back, StageChanged(from_stage="development", to_stage="staging"))
        log.commit()
        if analyzed:
            analyze(database)
        asked = {"namespace_id": log.namespace_id, "names": ["m777"], "room": MAX_PAGE_BYTES}
        with psycopg.connect(database.service_dsn, autocommit=True) as connection:
            rows = connection.execute(LATEST, asked).fetchall()
            plan = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {LATEST}", asked)
            (((found,),),) = plan.fetchall()
        assert [number // 2, number] == [row[3] for row in rows]
        touched.append(found["Plan"]["Shared Hit Blocks"] + found["Plan"]["Shared Read Blocks"])

    assert max(touched) < FEW


def _large() -> Iterator[tuple[str, Event]]:
    yield "namespace", NamespaceCreated(name="large")
    yield "models/large", ModelCreated(name="large", kind="MODEL")
    for number in range(1, 10_001):
        stream = f"models/large/versions/{number}"
        yield stream, VersionRegistered(version=number, stage="development")


def test_after_a_rebuild_a_page_of_a_model_touches_few_of_its_versions(database: LiveDatabase):
    write_log(database.service_dsn, "large", _large())
    rebuild(database.service_dsn, "large", linger=0)

    # Of each of 21 the aliases are looked for, and their versions lie together.
    now = past_pages(database, "large", "one", None)
    assert now < 21 * 4
    # At a moment, the row that held then as well. Nothing changed since the registration, so it
    # has all of the version: no second look-up for what was registered.
    assert past_pages(database, "large", "one", 10_000) < now + 21 * 5


def analyze(database: LiveDatabase) -> None:
    with psycopg.connect(database.superuser_dsn, autocommit=True) as connection:
        connection.execute("ANALYZE")


def past_pages(database: LiveDatabase, namespace: str, kind: str, position: int | None) -> int:
    """Return how many pages a page of a list as of a position touches; None is now."""
    as_of = None if position is None else AsOf(position)
    node = parse_filter("tags.rare = yes" if kind == "tagged" else "")
    order = {"models": ("name", MODEL_ORDER), "one": ("version desc", VERSION_ORDER)}
    listing = Listing(
        namespace,
        1,  # the only one
        parse_order(*order.get(kind, ("", VERSION_ORDER))),
        20,
        compile_filter(node, version_columns(relations(as_of).aliases)),
        as_of=as_of,
        found=compile_found(node) if as_of else None,
    )
    if kind == "models":
        query, parameters = models_statement(listing)
    else:
        query, parameters = versions_statement(listing, "large" if kind == "one" else None)
    with psycopg.connect(database.service_dsn, autocommit=True) as connection:
        text = query.as_string(connection).encode()
        row = connection.execute(
            b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + text, parameters
        ).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    touched: int = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return touched


@pytest.fixture
def grown(database: LiveDatabase, log: LiveLog) -> LiveLog:
    """Models, and versions of one of them, that came one after the other, each changed since."""
    log.later("models/large", ModelCreated(name="large", kind="MODEL"))
    for number in range(1, 801):
        stream = f"models/large/versions/{number}"
        log.later(stream, VersionRegistered(version=number, stage="development"))
        other = f"models/m{number * 37 % 800:03}"
        log.later(other, ModelCreated(name=other[7:], kind="MODEL"))
        log.later(f"{other}/versions/1", VersionRegistered(version=1, stage="development"))
        log.later(stream, TagsSet(tags={"rare": "yes" if number % 50 == 0 else "no"}))
    log.commit()
    rebuild(database.service_dsn, "acme", linger=0)
    analyze(database)
    return log


def test_a_page_of_long_ago_touches_no_more_pages_than_one_of_just_now(
    database: LiveDatabase, grown: LiveLog
):
    for kind in ("one", "all", "models", "tagged"):
        near = past_pages(database, "acme", kind, grown.size)
        for share in (0.75, 0.5, 0.25):
            touched = past_pages(database, "acme", kind, int(grown.size * share))
            # Models are walked by name, and those that came later passed over.
            allowed = near / share if kind == "models" else near * 1.2
            assert touched <= allowed, (kind, share)


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
def test_rows_of_keys_are_read_one_by_one_though_nobody_has_analyzed_them(many: Many, plan: str):
    keys = [VersionKey(f"m{number}", 1) for number in range(0, MODELS, 15)]
    with psycopg.connect(many.database.service_dsn) as connection:
        connection.execute(f"SET plan_cache_mode = {plan}".encode())
        rows = fetch_rows(connection, tables.VERSIONS, many.namespace_id, 1, keys)
        read = connection.execute(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE relid = 'regesta.versions'::regclass"
        ).fetchone()
    assert (len(keys), (len(keys),)) == (len(rows), read)


def test_a_rebuild_leaves_statistics_of_what_it_wrote(many: Many):
    rebuild(many.database.service_dsn, "acme", linger=0)
    place = f"namespace_id = {many.namespace_id} AND generation = 2"
    with psycopg.connect(many.database.service_dsn) as connection:
        for table in ("models", "versions", "aliases", "version_history"):
            row = connection.execute(
                f"EXPLAIN (FORMAT JSON) SELECT FROM regesta.{table} WHERE {place}".encode()
            ).fetchone()
            assert row is not None
            assert MODELS / 2 < row[0][0]["Plan"]["Plan Rows"] < MODELS * 2
