"""Killed with SIGKILL at any moment, and gone on with: every movement is there once, by its mark; so may the server.

A slice of `make chaos`, with smaller runs."""

import functools
import random
from pathlib import Path

import pytest

from tools.chaos.__main__ import (
    FAULTS,
    KINDS,
    LOSING,
    PACKED,
    SHARDED,
    TINY,
    Kind,
    Row,
    Rules,
    Trial,
    attempts,
    client_killed,
    few,
    near_trial,
    server_killed,
)

TWO_ACCOUNTS = few(2, 300)
KILLED_ONCE = functools.partial(client_killed, kills=1)


async def _row_of(kind: Kind, rules: Rules, world: list[str], seed: int, *more: str) -> Row:
    """What one trial has counted."""
    row = Row("trial")
    await near_trial(kind, rules, [*attempts(seed), *more], world, row, random.Random(seed), "trial")
    return row


@pytest.mark.parametrize("fault", ["none", "foreign and cut", "mixed"])
async def test_a_client_that_is_killed_and_goes_on_makes_every_movement_once(fault: str) -> None:
    row = await _row_of(client_killed, FAULTS[fault], TINY, 1)
    assert not row.is_bad, row
    assert row.kills > 0


@pytest.mark.parametrize("way", [PACKED, SHARDED, [*PACKED, *SHARDED]], ids=["packed", "sharded", "both"])
async def test_a_packed_or_sharded_run_that_is_killed_and_goes_on_makes_every_movement_once(way: list[str]) -> None:
    row = await _row_of(KILLED_ONCE, FAULTS["mixed"], [*TINY, *way], 7)
    assert not row.is_bad, row


async def test_where_two_accounts_give_what_is_in_doubt_many_explanations_nothing_is_lost_or_doubled() -> None:
    row = await _row_of(client_killed, FAULTS["cut after"], TWO_ACCOUNTS, 3, "--concurrency", "16")
    assert not row.is_bad, row
    assert row.kills > 0


async def test_a_client_that_is_killed_and_run_again_without_a_journal_makes_every_movement_once() -> None:
    async def kind(trial: Trial, cwd: Path) -> None:
        await trial.session(cwd, "--no-journal", kill_at=trial.planned.plan.posts * 2 // 3)
        await trial.until_done(cwd, "--no-journal")

    row = await _row_of(kind, [], TINY, 1)
    assert not row.is_bad, row
    assert row.kills == 1


@pytest.mark.parametrize("what", ["journal restored", "done elsewhere"])
async def test_an_older_journal_than_what_the_server_holds_loses_nothing_and_doubles_nothing(what: str) -> None:
    row = await _row_of(KINDS[what][0], [], TINY, 2)
    assert not row.is_bad, row


async def test_two_clients_of_one_run_at_the_same_moment_make_every_movement_once() -> None:
    row = await _row_of(KINDS["two clients"][0], LOSING, TWO_ACCOUNTS, 1)
    assert not row.is_bad, row


@pytest.mark.parametrize("client_too", [False, True], ids=["the client goes on", "with its client"])
async def test_a_server_that_is_killed_like_a_real_one_loses_nothing_and_doubles_nothing(*, client_too: bool) -> None:
    row = Row("server")
    await server_killed(client_too, TINY, row, random.Random(3), "server")
    assert not row.is_bad, row
    assert row.kills == 1


def test_every_kind_of_fault_of_the_sandbox_is_in_the_chaos() -> None:
    from midaz_seed.sandbox.faults.plan import Rule

    effects = {name for rules in FAULTS.values() for rule in rules for name in rule} & set(Rule.model_fields)
    selectors = {"on", "methods", "path", "every", "rate", "name", "from_request", "to_request", "from_s", "to_s"}
    elsewhere = {"unauthorized", "rate_crash"}  # ends a run at once; is no request of ours
    assert set(Rule.model_fields) - selectors - elsewhere == effects - selectors
