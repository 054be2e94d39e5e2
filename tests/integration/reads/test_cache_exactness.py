"""The caches against an oracle: whatever is answered is what the log says at its position.

Two read models share a database, as two server processes do: one is handed what it
"appended", the other hears of it from the database alone. While a seeded writer appends,
readers ask; each answer names a position, and the oracle folds the log up to it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from regesta.v1 import catalog_service_pb2 as pb
from regesta.v1 import reading_pb2 as reading_pb
from regesta_service.api.reads.catalog import CatalogReads
from regesta_service.api.reads.lists import CatalogLists
from regesta_service.domain.rejections import Rejection
from tests.support.live_log import LiveLog, stored
from tests.support.random_log import ALIASES, DIGESTS, MODELS, STAGES, Oracle, Writer
from tests.support.reading import make_call, reading
from tests.support.soak import times

if TYPE_CHECKING:
    from regesta_service.reads.read_model import ReadModel
    from tests.databases import LiveDatabase

PARENT = "namespaces/acme"
NAMES = (*MODELS, "a0", "B1", "c2")
ADDRESSES = (
    *(f"{name}@{selector}" for name in NAMES for selector in (*ALIASES, "latest", "^1.0")),
    *(f"{name}#{stage}" for name in NAMES for stage in STAGES),
    *(f"{name}/1" for name in NAMES),
    *DIGESTS,
)


Ask = Callable[["ReadModel", random.Random, reading_pb.Consistency], Awaitable[tuple[str, Any]]]

_LOOSE = (
    reading_pb.CONSISTENCY_LEVEL_UNSPECIFIED,
    reading_pb.CONSISTENCY_LEVEL_MINIMIZE_LATENCY,
)


async def ask_for_one(
    reads: ReadModel, chance: random.Random, consistency: reading_pb.Consistency
) -> tuple[str, Any]:
    """Ask for a single resource; return what, and the answer."""
    catalog = CatalogReads(reads)
    if chance.random() < 0.2:
        name = chance.choice(NAMES)
        model = pb.GetModelRequest(name=f"{PARENT}/models/{name}", consistency=consistency)
        answer = await catalog.get_model(model, make_call())
        return f"model {name}", pb.GetModelResponse.FromString(answer)
    address = chance.choice(ADDRESSES)
    resolve = pb.ResolveVersionRequest(parent=PARENT, address=address, consistency=consistency)
    answer = await catalog.resolve_version(resolve, make_call())
    return f"resolve {address}", pb.ResolveVersionResponse.FromString(answer)


async def ask_for_a_page(
    reads: ReadModel, chance: random.Random, consistency: reading_pb.Consistency
) -> tuple[str, Any]:
    """Ask for a list with everything in it; return of what, and the answer."""
    lists, call = CatalogLists(reads), make_call()
    options: Any = {"page_size": 1_000, "consistency": consistency}
    match chance.randrange(3):
        case 0:
            models = pb.ListModelsRequest(parent=PARENT, **options)
            return "models", pb.ListModelsResponse.FromString(await lists.list_models(models, call))
        case 1:
            name = chance.choice(NAMES)
            versions = pb.ListVersionsRequest(parent=f"{PARENT}/models/{name}", **options)
            page = await lists.list_versions(versions, call)
            return f"versions {name}", pb.ListVersionsResponse.FromString(page)
        case _:
            stage = chance.choice(STAGES)
            search = pb.SearchVersionsRequest(parent=PARENT, filter=f'stage = "{stage}"', **options)
            page = await lists.search_versions(search, call)
            return f"stage {stage}", pb.SearchVersionsResponse.FromString(page)


def _expected(oracle: Oracle, asked: str, position: int) -> Any:
    kind, _, what = asked.partition(" ")
    match kind:
        case "model":
            return oracle.get_model(what, position)
        case "resolve":
            return oracle.resolve(what, position)
        case "models":
            return oracle.list_models(position)
        case "versions":
            return oracle.list_versions(what, position)
        case _:
            return oracle.search_versions(what, position)


async def _ask(
    reads: ReadModel, chance: random.Random, position: int, ask: Ask
) -> tuple[str, Any, int] | None:
    """Ask something; return what, the answer, and what it must reflect; None when refused."""
    level, at_least = chance.choice(
        [
            (reading_pb.CONSISTENCY_LEVEL_UNSPECIFIED, 0),
            (reading_pb.CONSISTENCY_LEVEL_MINIMIZE_LATENCY, 0),
            (reading_pb.CONSISTENCY_LEVEL_AT_LEAST, position),
            (reading_pb.CONSISTENCY_LEVEL_FULLY_CONSISTENT, 0),
        ]
    )
    consistency = reading_pb.Consistency(level=level, position=at_least)
    try:
        asked, answer = await ask(reads, chance, consistency)
    except Rejection:
        return None
    return asked, answer, 0 if level in _LOOSE else position


@pytest.mark.parametrize("seed", range(times(2)))
@pytest.mark.parametrize("ask", [ask_for_one, ask_for_a_page])
async def test_every_answer_is_what_the_log_says_at_its_position(
    database: LiveDatabase, log: LiveLog, ask: Ask, seed: int
):
    chance = random.Random(seed)  # noqa: S311 - repeatable
    writer = Writer(log, chance)
    answers: list[tuple[str, Any, int]] = []
    hits = 0
    async with reading(database) as own, reading(database) as other:
        writing = True

        async def read(reads: ReadModel, own_chance: random.Random) -> None:
            nonlocal hits
            while writing:
                before = len(reads.cache) + len(reads.page_cache)
                answer = await _ask(reads, own_chance, committed, ask)
                hits += before == len(reads.cache) + len(reads.page_cache)
                if answer is not None:
                    answers.append(answer)
                await asyncio.sleep(0)

        committed = log.size
        readers = [
            asyncio.create_task(read(reads, random.Random(1_000 * seed + number)))  # noqa: S311
            for number, reads in enumerate((own, own, other, other))
        ]
        for _ in range(150):
            first = log.size + 1
            for _ in range(chance.randint(1, 4)):
                writer.write()
            await asyncio.to_thread(log.commit, notify=chance.random() < 0.5)
            committed = log.size
            own.tails.offer("acme", stored(log, first))
            await asyncio.sleep(chance.random() / 50)
        writing = False
        await asyncio.gather(*readers)

    oracle = Oracle(log)
    for asked, answer, reflects in answers:
        assert answer.position >= reflects
        assert _expected(oracle, asked, answer.position) == answer, f"{asked} at {answer.position}"
    assert len(answers) > 300
    assert hits > 100
