"""The order of the items of a day: each account's in the order of their dates, hot accounts' last one last."""

from collections import Counter
from random import Random

import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midaz_seed.engine.ordering import InOrder, accounts_of, hot_accounts
from midaz_seed.engine.worker_pool import WorkerPool
from midaz_seed.plan.items import Movement, Phase, TransactionItem

Accounts = tuple[int, ...]


def _same(accounts: Accounts) -> Accounts:
    return accounts


def _in_order(items: list[Accounts], max_concurrent: int = 4, look_ahead: int = 256) -> InOrder[Accounts]:
    return InOrder(enumerate(items), _same, max_concurrent=max_concurrent, look_ahead=look_ahead)


ITEMS = st.lists(st.sets(st.integers(0, 6), max_size=3).map(tuple), max_size=60)
"""The accounts of the items of a day; few accounts, so that some are hot."""


@settings(max_examples=200, deadline=None)
@given(items=ITEMS, choices=st.randoms(use_true_random=False), look_ahead=st.integers(1, 20))
def test_items_that_share_an_account_never_overlap_and_a_hot_account_ends_with_its_last_item(
    items: list[Accounts], choices: Random, look_ahead: int
) -> None:
    order = _in_order(items, look_ahead=look_ahead)
    running: list[tuple[int, Accounts]] = []
    finished: set[int] = set()
    while True:
        if order.ready() and (not running or choices.random() < 0.6):
            one = next(order, None)
            if one is not None:
                ordinal, accounts = one
                for account in accounts:
                    before = {at for at, each in enumerate(items[:ordinal]) if account in each}
                    is_last = all(account not in each for each in items[ordinal + 1 :])
                    if account not in order.hot or is_last:
                        assert before <= finished
                running.append(one)
                continue
            if not running:
                break
        if running:
            done = running.pop(choices.randrange(len(running)))
            finished.add(done[0])
            order.finished(done)
    assert finished == set(range(len(items)))
    assert order.unstarted == []


@settings(max_examples=100, deadline=None)
@given(items=ITEMS, held=st.sets(st.integers(0, 59)))
def test_what_shares_an_account_with_a_held_item_waits_for_its_release(items: list[Accounts], held: set[int]) -> None:
    order = _in_order(items)
    started: list[int] = []
    for one in order:
        started.append(one[0])
        if one[0] in held:
            order.hold(one[0])
        order.finished(one)
    open_accounts = {account for at in started if at in held for account in items[at] if account not in order.hot}
    waiting = [ordinal for ordinal, _ in order.unstarted]
    assert sorted([*started, *waiting]) == list(range(len(items)))
    for at in started:
        shares = {account for other in started if other < at and other in held for account in items[other]}
        assert not (shares - order.hot) & set(items[at])
    assert not waiting or open_accounts or order.hot
    while order.unstarted:
        order.release()
        for one in order:
            started.append(one[0])
            order.finished(one)
    assert sorted(started) == list(range(len(items)))


def test_an_account_is_hot_only_when_it_would_limit_the_parallelism() -> None:
    day = [(0, n) for n in range(1, 9)] + [(100 + n, 200 + n) for n in range(400)]
    assert hot_accounts(day, 16) == frozenset()  # eight items
    assert hot_accounts([*day, (0, 9), (0, 10), (0, 11), (0, 12)], 16) == frozenset()  # 12 of 412: a 32nd is 12
    assert hot_accounts([*day, *((0, n) for n in range(9, 20))], 16) == {0}


def test_independent_items_do_not_wait_and_start_in_the_order_of_the_plan() -> None:
    order = _in_order([(n,) for n in range(10)])
    assert [next(order)[0] for _ in range(10)] == list(range(10))


@pytest.mark.parametrize(
    ("movements", "accounts"),
    [
        ([Movement(1, 2, 5)], (1, 2)),
        ([Movement(None, 2, 5)], ("BRL", 2)),
        ([Movement(1, None, 5)], (1, "BRL")),
        ([Movement(1, 2, 5), Movement(1, 3, 5), Movement(None, 2, 1)], (1, 2, 3, "BRL")),
    ],
)
def test_an_external_account_is_an_account_of_its_transactions(
    movements: list[Movement], accounts: tuple[int | str, ...]
) -> None:
    item = TransactionItem("k", Phase.TRANSFERS, b"", b"", b"", "BRL", "5", tuple(movements))
    assert accounts_of(item) == accounts


async def test_the_pool_runs_ordered_items_at_once_where_it_may_and_each_once() -> None:
    items = [(n % 5, 10 + n % 3) for n in range(200)]
    order = _in_order(items, max_concurrent=100)  # nothing is hot below 8 items, and 200 / 200 is less
    done: list[int] = []
    busy: Counter[int] = Counter()
    most = 0

    async def work(one: tuple[int, Accounts]) -> None:
        nonlocal most
        for account in one[1]:
            busy[account] += 1
            assert busy[account] == 1 or account in order.hot
        most = max(most, len([account for account in busy if busy[account]]))
        for _ in range(one[0] % 4):
            await anyio.lowlevel.checkpoint()
        for account in one[1]:
            busy[account] -= 1
        done.append(one[0])

    async with WorkerPool(8).running() as pool:
        await pool.run_ordered(order, work)
    assert sorted(done) == list(range(200))
    assert most > 2


async def test_a_drain_leaves_the_waiting_items_unstarted() -> None:
    order = _in_order([(0,)] * 5 + [(1,)] * 5, max_concurrent=1)
    begun: list[int] = []

    async with WorkerPool(2).running() as pool:

        async def work(one: tuple[int, Accounts]) -> None:
            begun.append(one[0])
            pool.admission.drain()
            await anyio.lowlevel.checkpoint()

        await pool.run_ordered(order, work)
    assert begun == [0]
    assert [ordinal for ordinal, _ in order.unstarted] == list(range(1, 10))


async def test_an_error_of_an_ordered_item_reaches_the_caller() -> None:
    async def work(one: tuple[int, Accounts]) -> None:
        if one[0] == 2:
            raise LookupError("two")

    async with WorkerPool(3).running() as pool:
        with pytest.raises(LookupError, match="two"):
            await pool.run_ordered(_in_order([(0,)] * 5), work)
