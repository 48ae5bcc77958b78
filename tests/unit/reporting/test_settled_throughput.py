"""Accepted and settled apart: how ledgers are put together, in exact numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.items import Phase
from midaz_seed.reporting.settled_throughput import POINTS_MAX, SettlementTimeline, throughput

Rereads = list[tuple[float, int]]


def flow(
    phase: Phase, since_s: float, until_s: float, movements: int, balances: Rereads, records: Rereads | None = None
) -> SettlementTimeline:
    """A ledger's phase that sent from one moment to another, and was looked at then."""
    made = SettlementTimeline(phase)
    for number in range(movements):
        made.accept(1, since_s, since_s + (until_s - since_s) * (number + 1) / movements)
    for at_s, outstanding in balances:
        made.observe_balances(at_s, outstanding)
    for at_s, outstanding in records or []:
        made.observe_records(at_s, outstanding)
    return made


def test_rates_count_from_the_first_send_to_the_last_answer_and_to_the_look_that_saw_it_settled() -> None:
    found = throughput(Phase.DEPOSITS, [flow(Phase.DEPOSITS, 10, 12, 40, [(12.5, 30), (13, 7), (14, 0)])])
    assert found is not None
    assert (found.sending_s, found.settling_s, found.drain_s) == (2, 4, 2)
    assert (found.movements_accepted_per_s, found.movements_settled_per_s) == (20, 10)
    assert [(point.since_s, point.balances) for point in found.drain] == [(0.5, 30), (1, 7), (2, 0)]


def test_transactions_that_carry_many_movements_are_counted_as_both() -> None:
    packed = SettlementTimeline(Phase.DEPOSITS)
    packed.accept(19, 0, 1)
    packed.accept(19, 0.5, 2)
    packed.observe_balances(4, 0)
    found = throughput(Phase.DEPOSITS, [packed])
    assert found is not None
    assert (found.transactions_accepted, found.movements_accepted) == (2, 38)
    assert (found.transactions_accepted_per_s, found.movements_accepted_per_s) == (1, 19)
    assert found.movements_settled_per_s == 9.5


def test_transfers_are_settled_when_balances_and_records_are() -> None:
    only_balances = flow(Phase.TRANSFERS, 0, 1, 5, [(2, 0)])
    assert only_balances.settled_s is None
    behind = flow(Phase.TRANSFERS, 0, 1, 5, [(1.5, 4), (2, 0)], [(3, 2), (5, 0)])
    found = throughput(Phase.TRANSFERS, [behind])
    assert found is not None
    assert found.drain_s == 4
    # before the records were first looked at, not fewer were missing than then
    curve = [(point.since_s, point.balances, point.transactions) for point in found.drain]
    assert curve == [(0.5, 4, 2), (1, 0, 2), (2, 0, 2), (4, 0, 0)]


def test_ledgers_side_by_side_share_their_time_and_add_up_from_their_last_answers_on() -> None:
    first = flow(Phase.DEPOSITS, 0, 2, 10, [(3, 6), (4, 0)])
    second = flow(Phase.DEPOSITS, 1, 3, 20, [(5, 9), (6, 0)])
    later = flow(Phase.DEPOSITS, 10, 11, 30, [(11, 0)])
    found = throughput(Phase.DEPOSITS, [second, later, first])
    assert found is not None
    assert (found.sending_s, found.settling_s, found.drain_s) == (3 + 1, 6 + 1, 3)
    assert (found.movements_accepted_per_s, found.movements_settled_per_s) == (15, pytest.approx(60 / 7))
    assert [(point.since_s, point.balances) for point in found.drain] == [(0, 15), (1, 15), (2, 9), (3, 0)]


def test_a_ledger_that_did_not_settle_takes_time_and_gives_no_movements() -> None:
    succeeded = flow(Phase.DEPOSITS, 0, 1, 10, [(1, 0)])
    bad = flow(Phase.DEPOSITS, 0, 2, 10, [(3, 10), (5, 4)])
    found = throughput(Phase.DEPOSITS, [succeeded, bad])
    assert found is not None
    assert (found.movements_accepted, found.movements_settled, found.movements_settled_per_s) == (20, 10, 2)
    assert found.drain[-1].balances == 4
    alone = throughput(Phase.DEPOSITS, [bad])
    assert alone is not None
    assert (alone.movements_settled, alone.movements_settled_per_s, alone.drain_s) == (0, None, None)


def test_a_phase_in_which_nothing_was_accepted_has_no_throughput() -> None:
    refused = SettlementTimeline(Phase.DEPOSITS)
    refused.begin(1)
    refused.answered(2)
    assert throughput(Phase.DEPOSITS, [refused, SettlementTimeline(Phase.DEPOSITS)]) is None
    assert throughput(Phase.DEPOSITS, []) is None


def test_another_process_s_moments_are_counted_on_this_one_s_clock() -> None:
    shifted = flow(Phase.TRANSFERS, 0, 1, 5, [(2, 0)], [(3, 2), (5, 0)])
    shifted.shift(100)
    assert shifted == flow(Phase.TRANSFERS, 100, 101, 5, [(102, 0)], [(103, 2), (105, 0)])


def test_a_barrier_that_looks_for_hours_leaves_a_curve_of_bounded_length_with_both_its_ends() -> None:
    long = flow(Phase.DEPOSITS, 0, 1, 5, [(1 + look, 10_000 - look) for look in range(1, 10_001)])
    assert len(long.balances) <= 2 * POINTS_MAX
    found = throughput(Phase.DEPOSITS, [long, flow(Phase.DEPOSITS, 0, 1, 5, [(1.5, 1), (2.25, 0)])])
    assert found is not None
    assert len(found.drain) == POINTS_MAX
    assert (found.drain[0].since_s, found.drain[-1].since_s) == (0.5, 10_000)
    assert (found.drain[0].balances, found.drain[-1].balances) == (10_000, 0)


moments = st.floats(0, 1e6)
looks = st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50)), max_size=200)


@given(st.lists(st.tuples(moments, st.floats(0.001, 100), st.integers(1, 5), looks), min_size=1, max_size=6))
def test_no_more_is_settled_than_was_accepted_whatever_the_ledgers_did(
    ledgers: list[tuple[float, float, int, Rereads]],
) -> None:
    flows = []
    for since_s, sent_s, movements, seen in ledgers:
        end_s = since_s + sent_s
        flows.append(flow(Phase.DEPOSITS, since_s, end_s, movements, sorted((end_s + at_s, n) for at_s, n in seen)))
    found = throughput(Phase.DEPOSITS, flows)
    assert found is not None
    assert found.settling_s >= found.sending_s * (1 - 1e-9)
    assert (found.movements_settled_per_s or 0) <= found.movements_accepted_per_s * (1 + 1e-9)
    assert len(found.drain) <= POINTS_MAX
    assert [point.since_s for point in found.drain] == sorted({point.since_s for point in found.drain})
    if found.movements_settled == found.movements_accepted:
        assert found.drain[-1].balances == 0
