"""Killed with SIGKILL at any moment, and gone on with: nothing is lost, nothing happens twice; so may the server.

A slice of `make chaos`, with smaller runs."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.chaos import (
    FAULTS,
    PACKED,
    SHARDED,
    TINY,
    Balances,
    Row,
    client_trial,
    finished,
    killed,
    server,
    server_trial,
    undisturbed,
)
from tests.support import balances

SLICE = ["none", "foreign replays", "mixed"]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Balances, int]:
    """The balances of a run that nobody disturbs, and its POST requests."""
    return asyncio.run(undisturbed(TINY, tmp_path_factory.mktemp("calm")))


@pytest.mark.parametrize("fault", SLICE)
async def test_a_client_that_is_killed_and_goes_on_ends_in_the_planned_balances(
    fault: str, calm: tuple[Balances, int]
) -> None:
    row = Row(fault)
    await client_trial(row, TINY, calm, 2, random.Random(SLICE.index(fault)))
    assert row.differences == 0
    assert row.runs == 1


@pytest.mark.parametrize("way", [PACKED, SHARDED, [*PACKED, *SHARDED]], ids=["packed", "sharded", "both"])
async def test_a_packed_or_sharded_run_that_is_killed_and_goes_on_ends_in_the_planned_balances(
    way: list[str], calm: tuple[Balances, int]
) -> None:
    planned, posts = calm
    row = Row("mixed")
    # packed, fewer requests hold the same movements: a kill has to come sooner to come at all
    await client_trial(row, [*TINY, *way], (planned, posts // 5 if way[:2] == PACKED else posts), 1, random.Random(7))
    assert row.differences == 0
    assert row.runs == 1


async def test_a_client_that_is_killed_and_run_again_without_a_journal_ends_in_the_planned_balances(
    calm: tuple[Balances, int], tmp_path: Path
) -> None:
    planned, posts = calm
    async with server(cwd=tmp_path) as (url, _):
        assert await killed(url, [*TINY, "--no-journal"], tmp_path, posts * 2 // 3)
        await finished(url, TINY, tmp_path, "--no-journal")
        assert await balances(url) == planned


@pytest.mark.parametrize("client_too", [False, True], ids=["the client goes on", "with its client"])
async def test_a_server_that_is_killed_like_a_real_one_loses_nothing_and_doubles_nothing(
    client_too: bool, calm: tuple[Balances, int]
) -> None:
    row = Row("server")
    await server_trial(row, TINY, calm, random.Random(3), client_too=client_too)
    assert row.differences == 0
    assert row.kills == 1


def test_every_kind_of_fault_of_the_sandbox_is_in_the_chaos() -> None:
    from midaz_seed.sandbox.faults import Rule

    effects = {name for rules in FAULTS.values() for rule in rules for name in rule} & set(Rule.model_fields)
    selectors = {"on", "methods", "path", "every", "rate", "name", "from_request", "to_request", "from_s", "to_s"}
    elsewhere = {"unauthorized", "rate_crash"}  # ends a run at once; is no request of ours
    assert set(Rule.model_fields) - selectors - elsewhere == effects - selectors
