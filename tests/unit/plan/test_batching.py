"""Batches: every movement in one of them, no account on both sides, and several sources where the size allows."""

from collections import Counter, defaultdict
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.plan.items import Movement
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.plan.plan import build_plan
from midaz_seed.settings.model import Settings
from tests.support.plans import asset_of, ledger_of, plan_of


def _movements(ledger: LedgerPlan) -> Counter[Movement]:
    return Counter(movement for item in ledger.transfers() for movement in item.movements)


def _check(ledger: LedgerPlan, size: int, transfers: int, single: LedgerPlan) -> None:
    """Check the batches of a ledger against its single movements."""
    items = list(ledger.transfers())
    assert len(items) == ledger.counts.get("transfers", 0)  # type: ignore[call-overload]
    assert len({item.key for item in items}) == len(items)
    assert _movements(ledger) == _movements(single)
    by_source = defaultdict[int | None, set[str]](set)
    for item in items:
        asset_of(ledger, item)  # all its accounts have one asset
        sources, destinations = item.accounts
        assert not set(sources) & set(destinations)
        assert (len(set(sources)), len(set(destinations))) == (len(sources), len(destinations))
        assert 0 < len(item.movements) <= size
        for movement in item.movements:
            by_source[movement.source].add(item.key)
    if size >= 2 * transfers:
        assert all(len(keys) == 1 for keys in by_source.values())
    assert ledger.sample(1_000_000) == [*ledger.deposits(), *items]
    assert all(ledger.find(item.key) == item for item in items[:: max(len(items) // 3, 1)])


@settings(max_examples=25, deadline=None)
@given(
    assets=st.integers(1, 3),
    accounts=st.integers(6, 90),
    transactions=st.integers(1, 7),
    size=st.integers(2, 60),
    seed=st.integers(0, 2**32),
)
def test_every_movement_is_in_one_batch_and_no_account_on_both_sides(
    assets: int, accounts: int, transactions: int, size: int, seed: int
) -> None:
    volume = {"accountsPerLedger": accounts, "assetsPerLedger": assets, "transactionsPerAccount": transactions}
    _check(ledger_of(size, seed=seed, **volume), size, transactions - 1, ledger_of(seed=seed, **volume))


@pytest.mark.parametrize(("accounts", "transactions", "size", "least"), [(600, 5, 60, 40), (1500, 3, 20, 18)])
def test_batches_of_several_sources_come_near_their_size_also_in_large_ledgers(
    accounts: int, transactions: int, size: int, least: int
) -> None:
    """The second ledger has more source accounts than are grouped at a time."""
    volume = {"accountsPerLedger": accounts, "assetsPerLedger": 2, "transactionsPerAccount": transactions}
    ledger = ledger_of(size, **volume)
    _check(ledger, size, transactions - 1, ledger_of(**volume))
    assert sum(_movements(ledger).values()) / ledger.counts["transfers"] > least  # type: ignore[index]


def test_sizes_below_twice_the_transfers_of_an_account_give_the_batches_of_before() -> None:
    keys = [item.key for item in ledger_of(11, transactionsPerAccount=7).transfers()]
    assert keys == [f"o1.l1.t{account}.1x6" for account in range(1, len(keys) + 1)]


def test_the_batches_are_part_of_the_digest_and_the_same_each_time() -> None:
    volume = {"accountsPerLedger": 60, "transactionsPerAccount": 4}
    first, again = plan_of(12, **volume), plan_of(12, **volume)
    assert first.digest == again.digest != plan_of(13, **volume).digest
    (one,), (other,) = first.ledgers, again.ledgers
    assert list(islice(one.transfers(), 20)) == list(islice(other.transfers(), 20))


def test_a_plan_without_its_balances_has_the_same_number_of_batches() -> None:
    chosen = Settings.model_validate(
        {
            "preset": "tiny",
            "volume": {"accountsPerLedger": 60, "transactionsPerAccount": 4},
            "generation": {"batches": {"transactionsPerBatch": 12}},
        }
    )
    assert build_plan(chosen, keep_balances=False).counts == build_plan(chosen).counts
