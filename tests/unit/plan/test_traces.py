"""What each kind of transaction changes: available amounts, amounts on hold, and the number of changes of a balance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.plan.items import (
    Kind,
    Movement,
    Phase,
    TransactionItem,
    account_of,
    adds_record,
    balance_effect_of,
    changes_key,
    hold_key,
    trace_of,
)


def item(kind: Kind, *movements: Movement) -> TransactionItem:
    return TransactionItem("k", Phase.TRANSFERS, b"", b"", b"", "BRL", "1", movements, kind)


def trace(kind: Kind, *movements: Movement, touches_held: bool = False) -> dict[str, int]:
    """The trace with readable keys."""
    found = trace_of(item(kind, *movements), touches_held=touches_held)
    names = {"available": lambda account: account, "held": hold_key, "changes": changes_key}
    return {
        f"{name} {account}": found[key(account)]
        for account in range(4)
        for name, key in names.items()
        if key(account) in found
    }


PAYS = Movement(0, 1, 5)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.DIRECT, {"available 0": -5, "changes 0": 1, "available 1": 5, "changes 1": 1}),
        (Kind.PENDING, {"available 0": -5, "held 0": 5, "changes 0": 1}),
        (Kind.COMMIT, {"held 0": -5, "changes 0": 1, "available 1": 5, "changes 1": 1}),
        (Kind.CANCEL, {"available 0": 5, "held 0": -5, "changes 0": 1}),
        (Kind.REVERT, {"available 0": 5, "changes 0": 1, "available 1": -5, "changes 1": 1}),
        (Kind.ANNOTATION, {}),
    ],
)
def test_each_kind_leaves_its_own_trace(kind: Kind, expected: dict[str, int]) -> None:
    assert trace(kind, PAYS) == expected
    assert adds_record(item(kind, PAYS)) is (kind not in (Kind.COMMIT, Kind.CANCEL))


def test_a_hold_counts_as_a_change_of_its_destination_where_the_server_counts_it_so() -> None:
    assert trace(Kind.PENDING, PAYS, touches_held=True) == trace(Kind.PENDING, PAYS) | {"changes 1": 1}


def test_an_account_on_both_sides_is_changed_twice_even_when_its_balance_stays() -> None:
    there_and_back = (Movement(0, 1, 5), Movement(1, 2, 5))
    assert trace(Kind.DIRECT, *there_and_back) == {
        "available 0": -5,
        "changes 0": 1,
        "changes 1": 2,
        "available 2": 5,
        "changes 2": 1,
    }


def test_an_external_account_leaves_no_trace() -> None:
    assert trace(Kind.DIRECT, Movement(None, 1, 5)) == {"available 1": 5, "changes 1": 1}
    assert trace(Kind.COMMIT, Movement(0, None, 5)) == {"held 0": -5, "changes 0": 1}


@given(
    st.sampled_from([Kind.COMMIT, Kind.CANCEL]),
    st.lists(st.builds(Movement, st.integers(0, 3), st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=4),
)
def test_a_hold_and_its_end_leave_nothing_on_hold_and_lose_no_money(kind: Kind, movements: list[Movement]) -> None:
    total: dict[int, int] = {}
    for each in (item(Kind.PENDING, *movements), item(kind, *movements)):
        for key, change in balance_effect_of(each).items():
            total[key] = total.get(key, 0) + change
    assert all(not total.get(hold_key(account), 0) for account in range(4))
    assert sum(total.values()) == 0
    assert {account_of(key) for key in total} <= set(range(4))
