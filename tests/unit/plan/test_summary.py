"""What a plan costs: exact where every body is weighed, near it where a sample stands for the rest."""

from decimal import Decimal
from itertools import chain

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.plan.items import Phase
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.plan.summary import SAMPLED, PlanSummary, summarize_plan
from midaz_seed.settings.model import Settings


def plan_of(preset: str = "tiny", transactions_per_batch: int = 1, **volume: int) -> Plan:
    batches = {"transactionsPerBatch": transactions_per_batch}
    return build_plan(Settings.model_validate({"preset": preset, "volume": volume, "generation": {"batches": batches}}))


def summary_of(plan: Plan, rate_per_s: float = 400, ttl_s: int = 300) -> PlanSummary:
    return summarize_plan(plan, rate_per_s=rate_per_s, ttl_s=ttl_s)


def bytes_of(plan: Plan) -> int:
    """Every body of a plan, weighed."""
    total = sum(len(orjson.dumps(organization.item.payload)) for organization in plan.organizations)
    for ledger in plan.ledgers:
        total += len(orjson.dumps(ledger.item.payload))
        total += sum(len(orjson.dumps(item.payload)) for item in ledger.entities())
        total += sum(len(item.body) for item in chain(ledger.deposits(), ledger.transfers()))
    return total


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.integers(0, 8), st.integers(0, 8), st.integers(1, 12))
def test_a_small_plan_is_weighed_exactly(assets: int, more: int, each: int, transactions_per_batch: int) -> None:
    volume = {"assetsPerLedger": assets, "accountsPerLedger": 2 * assets + more, "transactionsPerAccount": each}
    plan = plan_of("tiny", transactions_per_batch, **volume)
    summary = summary_of(plan)
    assert abs(summary.body_bytes - bytes_of(plan)) <= 3
    assert summary.bodies_weighed == summary.transactions


def test_a_sample_of_a_larger_plan_is_near_the_truth() -> None:
    plan = plan_of("small")
    summary = summary_of(plan)
    assert summary.bodies_weighed == 100 + SAMPLED
    assert summary.body_bytes == pytest.approx(bytes_of(plan), rel=0.02)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 2), st.integers(1, 3), st.integers(1, 8), st.integers(0, 9), st.integers(0, 5))
def test_totals_are_what_the_deposits_bring(
    organizations: int, ledgers: int, assets: int, more: int, each: int
) -> None:
    plan = plan_of(
        organizations=organizations,
        ledgersPerOrganization=ledgers,
        assetsPerLedger=assets,
        accountsPerLedger=2 * assets + more,
        transactionsPerAccount=each,
    )
    brought = {asset.code: (Decimal(0), 0) for asset in plan.ledgers[0].assets}
    for ledger in plan.ledgers:
        for account in range(ledger.account_count):
            asset = ledger.asset_of(account)
            deposit = asset.decimal(ledger.expectation().deposited[account])
            amount, accounts = brought[asset.code]
            brought[asset.code] = (amount + deposit, accounts + 1)
    assert {total.code: (total.deposits, total.accounts) for total in summary_of(plan).totals} == brought


def test_the_summary_repeats_what_the_plan_says_of_itself() -> None:
    plan = plan_of("medium")
    summary = summary_of(plan)
    assert (summary.digest, summary.run_id, summary.seed) == (plan.digest, plan.run_id, plan.seed)
    assert (summary.posts, summary.movements, summary.transactions) == (15_950, 15_000, 15_000)
    assert summary.counts == plan.counts
    assert list(summary.counts) == [phase for phase in Phase if phase in summary.counts]


def test_twice_the_rate_is_half_the_time_and_at_most_twice_the_slots() -> None:
    plan = plan_of("small")
    slow, fast = summary_of(plan, 10, 300), summary_of(plan, 20, 300)
    assert (slow.duration_s, fast.duration_s) == (843.4, 421.7)
    assert (slow.slots, fast.slots) == (3_000, 6_000)
    assert (slow.body_bytes, slow.totals) == (fast.body_bytes, fast.totals)


def test_no_more_slots_live_than_there_are_transactions() -> None:
    summary = summary_of(plan_of("small"), 1_000_000, 86_400)
    assert summary.slots == 8_000
    assert summary.redis_bytes == 8_000 * 2_700


def test_a_batch_takes_one_slot_for_all_its_movements() -> None:
    single, packed = summary_of(plan_of("small")), summary_of(plan_of("small", 19))
    assert packed.movements == single.movements
    assert packed.slots == packed.transactions < single.transactions
    assert packed.redis_bytes == packed.transactions * 1_700 + packed.movements * 1_000


def test_without_movements_nothing_is_weighed_and_nothing_stays_in_redis() -> None:
    summary = summary_of(plan_of(transactionsPerAccount=0))
    assert (summary.transactions, summary.slots, summary.redis_bytes, summary.bodies_weighed) == (0, 0, 0, 0)
    assert summary.body_bytes > 0
    assert [total.deposits for total in summary.totals] == [0, 0]
