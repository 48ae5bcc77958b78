"""Kill clients and servers at random moments: every planned movement is made once. A selection of `make chaos`, with
smaller plans."""

import functools
import random
from pathlib import Path

import pytest

from midaz_seed.sandbox.faults.plan import Rule
from tools.chaos.__main__ import attempts
from tools.chaos.faults import CLIENTS_MEET_AND_LOSE_ANSWERS, FAULTS, Rules
from tools.chaos.plan_flags import BATCHED, SEVERAL_SOURCES, SHARDED, TINY, WITHOUT_METADATA, few_accounts
from tools.chaos.scenarios import SCENARIOS, kill_client, run_trial, run_trial_with_server_kill
from tools.chaos.table import Row
from tools.chaos.trials import Scenario, Trial

TWO_ACCOUNTS = few_accounts(2, 300)
kill_client_once = functools.partial(kill_client, kills=1)


async def _count(scenario: Scenario, rules: Rules, plan_flags: list[str], seed: int, *flags: str) -> Row:
    """Run one trial; return what it has counted."""
    row = Row("trial")
    await run_trial(scenario, rules, [*attempts(seed), *flags], plan_flags, row, random.Random(seed), "trial")
    return row


@pytest.mark.parametrize("fault", ["none", "foreign and cut", "mixed"])
async def test_a_killed_and_resumed_client_makes_every_movement_once(fault: str) -> None:
    row = await _count(kill_client, FAULTS[fault], TINY, 1)
    assert not row.is_bad, row
    assert row.kills > 0


@pytest.mark.parametrize(
    "plan_flags",
    [
        [*TINY, *BATCHED, *WITHOUT_METADATA],
        [*TINY, *SHARDED],
        [*TINY, *BATCHED, *SHARDED],
        [*SEVERAL_SOURCES, *WITHOUT_METADATA],
    ],
    ids=["batched without metadata", "sharded", "both", "several sources"],
)
async def test_a_killed_and_resumed_run_in_batches_or_shards_makes_every_movement_once(plan_flags: list[str]) -> None:
    row = await _count(kill_client_once, FAULTS["mixed"], plan_flags, 7)
    assert not row.is_bad, row


async def test_many_unresolved_transactions_between_two_accounts_are_neither_lost_nor_doubled() -> None:
    row = await _count(kill_client, FAULTS["cut after"], TWO_ACCOUNTS, 3, "--concurrency", "16")
    assert not row.is_bad, row
    assert row.kills > 0


async def test_a_client_killed_and_run_again_without_a_journal_makes_every_movement_once() -> None:
    async def scenario(trial: Trial, cwd: Path) -> None:
        await trial.run_session(cwd, "--no-journal", kill_at=trial.planned.plan.posts * 2 // 3)
        await trial.run_until_done(cwd, "--no-journal")

    row = await _count(scenario, [], TINY, 1)
    assert not row.is_bad, row
    assert row.kills == 1


@pytest.mark.parametrize("name", ["journal restored", "done elsewhere"])
async def test_a_journal_older_than_the_server_loses_nothing_and_doubles_nothing(name: str) -> None:
    row = await _count(SCENARIOS[name][0], [], TINY, 2)
    assert not row.is_bad, row


async def test_two_clients_of_one_run_started_together_make_every_movement_once() -> None:
    plan_flags = [*TWO_ACCOUNTS, *WITHOUT_METADATA]
    row = await _count(SCENARIOS["two clients"][0], CLIENTS_MEET_AND_LOSE_ANSWERS, plan_flags, 1)
    assert not row.is_bad, row


@pytest.mark.parametrize("client_too", [False, True], ids=["server", "server and client"])
async def test_a_server_that_crashes_like_a_real_one_loses_nothing_and_doubles_nothing(*, client_too: bool) -> None:
    row = Row("server")
    await run_trial_with_server_kill(client_too, TINY, row, random.Random(3), "server")
    assert not row.is_bad, row
    assert row.kills == 1


def test_the_chaos_injects_every_fault_of_the_sandbox() -> None:
    effects = {name for rules in FAULTS.values() for rule in rules for name in rule} & set(Rule.model_fields)
    selectors = {"on", "methods", "path", "every", "rate", "name", "from_request", "to_request", "from_s", "to_s"}
    not_here = {"unauthorized", "rate_crash"}  # the first ends a run at once; no request of ours triggers the second
    assert set(Rule.model_fields) - selectors - not_here == effects - selectors
