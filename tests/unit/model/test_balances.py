"""The comparison behind the proof: exact to the last digit, and nothing on the server goes unseen."""

from dataclasses import replace
from decimal import Decimal, localcontext
from json import loads
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.errors import NotMidazError
from midaz_seed.model.balances import (
    ExpectedBalance,
    ObservedBalance,
    compare_balances,
    frozen_differences,
    zero_sum_differences,
)
from midaz_seed.model.json_types import JsonObject

HUGE = Decimal("123456789012345678901234.123456789012345678")
"""More digits than the 28 that decimals keep unless told otherwise."""
LAST = Decimal("0.000000000000000001")


def row(alias: str, available: Decimal | str, *, hold: str = "0", direction: str | None = "credit") -> ObservedBalance:
    return ObservedBalance(alias, "default", "ETH", Decimal(available), Decimal(hold), direction)


def numbered(balance: ObservedBalance, number: str, version: int | None = None) -> ObservedBalance:
    return replace(balance, id=number, version=version)


def found(expected: list[ExpectedBalance], observed: list[ObservedBalance]) -> list[tuple[str, str, str, str]]:
    return [(one.what, one.alias, one.expected, one.actual) for one in compare_balances(expected, observed)]


def test_a_row_of_v38_is_read() -> None:
    external = ObservedBalance.parse(
        {"id": "b1", "alias": "@external/BRL", "key": "default", "assetCode": "BRL", "available": "30.5",
         "onHold": "0", "direction": "debit", "version": 3}
    )  # fmt: skip
    expected = ObservedBalance("@external/BRL", "default", "BRL", Decimal("30.5"), Decimal(0), "debit", "b1", 3)
    assert external == expected
    assert external.credit == Decimal("-30.5")


def test_a_row_of_v33_is_read_without_direction_and_key() -> None:
    external = ObservedBalance.parse(
        {"id": "b1", "alias": "@external/BRL", "assetCode": "BRL", "available": "-30.5", "onHold": "0"}
    )
    assert (external.key, external.direction, external.credit) == ("default", None, Decimal("-30.5"))
    assert external.version is None


ROW: JsonObject = {"id": "b1", "alias": "a", "assetCode": "ETH", "available": "1", "onHold": "0"}


def test_amounts_that_come_as_json_numbers_are_exact_to_the_last_digit() -> None:
    for written in ("1", "1.000000000000000001", "123456789012345678901234.123456789012345678", "1e-18"):
        parsed = loads(f'{{"available":{written}}}', parse_float=Decimal)
        balance = ObservedBalance.parse({**ROW, **parsed})
        assert balance.available == Decimal(written)
    (difference,) = compare_balances(
        [ExpectedBalance("a", "ETH", Decimal(1))],
        [ObservedBalance.parse({**ROW, **loads('{"available":1.000000000000000001}', parse_float=Decimal)})],
    )
    assert difference.actual == "1.000000000000000001"


@pytest.mark.parametrize("value", [None, "", "abc", "NaN", "-Infinity", True, [], {}, 0.1, "1e400", "1e-400"])
@pytest.mark.parametrize("name", ["available", "onHold"])
def test_an_invalid_amount_is_described(name: str, value: Any) -> None:
    with pytest.raises(NotMidazError, match=f"`{name}`.*not an amount"):
        ObservedBalance.parse({**ROW, name: value})


@pytest.mark.parametrize("name", ["id", "alias", "assetCode", "available", "onHold"])
def test_a_row_without_one_of_its_fields_is_no_balance(name: str) -> None:
    with pytest.raises(NotMidazError, match=name):
        ObservedBalance.parse({key: value for key, value in ROW.items() if key != name})


def test_sums_of_the_longest_amounts_do_not_round() -> None:
    rows = [row("a", "9" * 80), row("b", f"0.{'0' * 79}1"), row("@external/ETH", "9" * 80, direction="debit")]
    (difference,) = zero_sum_differences(rows)
    assert difference.actual == f"0.{'0' * 79}1"


def test_the_last_digit_of_a_long_amount_counts() -> None:
    assert found([ExpectedBalance("a", "ETH", HUGE)], [row("a", HUGE)]) == []
    with localcontext(prec=60):
        more = HUGE + LAST
    assert found([ExpectedBalance("a", "ETH", HUGE)], [row("a", more)]) == [
        ("available", "a", "123456789012345678901234.123456789012345678", "123456789012345678901234.123456789012345679")
    ]


def test_an_external_account_with_a_long_amount_is_not_rounded() -> None:
    expected = [ExpectedBalance("@external/ETH", "ETH", HUGE)]
    for outside in (row("@external/ETH", HUGE, direction="debit"), row("@external/ETH", f"-{HUGE}", direction=None)):
        assert found(expected, [outside]) == []
        assert list(zero_sum_differences([outside, row("a", HUGE)])) == []
        (difference,) = zero_sum_differences([outside, row("a", HUGE), row("b", LAST)])
        assert difference.actual == "0.000000000000000001"


def test_a_program_that_rounds_its_decimals_changes_nothing() -> None:
    rows = [row("a", "12345.67"), row("@external/ETH", "12345.68", direction="debit")]
    with localcontext(prec=3):
        assert [one.actual for one in zero_sum_differences(rows)] == ["-0.01"]
        assert found([ExpectedBalance("@external/ETH", "ETH", Decimal("12345.68"))], rows[1:]) == []


def test_an_amount_with_or_without_trailing_zeros_is_one_amount() -> None:
    assert found([ExpectedBalance("a", "ETH", Decimal("10.00"))], [row("a", "10")]) == []
    assert found([ExpectedBalance("a", "ETH", Decimal("100.00"))], [row("a", "1E+1")]) == [
        ("available", "a", "100", "10")
    ]


def test_the_wrong_asset_is_named() -> None:
    assert found([ExpectedBalance("a", "BRL", Decimal(1))], [row("a", "1")]) == [("asset", "a", "BRL", "ETH")]


def test_money_on_hold_counts_for_the_sum_and_is_a_difference() -> None:
    rows = [row("a", "7", hold="3"), row("@external/ETH", "10", direction="debit")]
    assert list(zero_sum_differences(rows)) == []
    assert ("on hold", "a", "0", "3") in found([ExpectedBalance("a", "ETH", Decimal(10))], rows)


def test_a_row_seen_on_two_pages_is_one_balance() -> None:
    assert found([ExpectedBalance("a", "ETH", Decimal(1))], [row("a", "1"), row("a", "1")]) == []


def test_one_balance_that_came_on_two_pages_is_counted_once_also_in_the_sum_of_its_asset() -> None:
    twice = [numbered(row("a", "1"), "b1"), numbered(row("a", "1"), "b1")]
    rows = [*twice, numbered(row("@external/ETH", "1", direction="debit"), "b2")]
    assert found([ExpectedBalance("a", "ETH", Decimal(1))], twice) == []
    assert list(zero_sum_differences(rows)) == []


def test_a_balance_that_changed_between_two_pages_is_no_second_one_but_has_to_be_read_again() -> None:
    rows = [numbered(row("a", "1"), "b1", 4), numbered(row("a", "5"), "b1", 5)]
    assert found([ExpectedBalance("a", "ETH", Decimal(5))], rows) == [("balance", "a#default", "at rest", "1, then 5")]


def test_another_balance_under_one_alias_is_money_of_its_own_also_when_it_is_equal() -> None:
    rows = [numbered(row("a", "1"), "b1"), numbered(row("a", "1"), "b2")]
    assert found([ExpectedBalance("a", "ETH", Decimal(1))], rows) == [("second balance", "a#default", "absent", "1")]


def test_only_what_no_delay_explains_is_called_too_much() -> None:
    expected = [ExpectedBalance("a", "ETH", Decimal(5)), ExpectedBalance("@external/ETH", "ETH", Decimal(5))]
    late = [row("a", "6"), row("@external/ETH", "4", direction="debit")]
    assert [one.surplus for one in compare_balances(expected, late)] == [False, False]
    more = [row("a", "5", hold="1"), row("@external/ETH", "6", direction="debit"), row("b", "1")]
    assert [(one.what, one.surplus) for one in compare_balances(expected, more)] == [
        ("on hold", False),
        ("available", True),
        ("unplanned balance", True),
    ]


def test_a_second_balance_under_one_alias_is_not_swallowed() -> None:
    expected = [ExpectedBalance("a", "ETH", Decimal(1))]
    assert found(expected, [row("a", "1"), row("a", "5")]) == [("second balance", "a#default", "absent", "5")]
    assert found(expected, [row("a", "5"), row("a", "1")]) == [
        ("second balance", "a#default", "absent", "1"),
        ("available", "a", "1", "5"),
    ]


def test_a_balance_under_another_key_is_unplanned() -> None:
    companion = ObservedBalance("a", "overdraft", "ETH", Decimal(2), Decimal(0), "debit")
    assert found([ExpectedBalance("a", "ETH", Decimal(1))], [row("a", "1"), companion]) == [
        ("unplanned balance", "a#overdraft", "absent", "2")
    ]


AMOUNTS = st.lists(st.integers(0, 10**45), min_size=1, max_size=12)


@given(AMOUNTS, st.integers(0, 18), st.data())
def test_any_balance_that_is_off_by_one_minor_unit_is_named(minor: list[int], scale: int, data: st.DataObject) -> None:
    amounts = [Decimal(f"{amount}e-{scale}") for amount in minor]
    expected = [ExpectedBalance(str(index), "ETH", amount) for index, amount in enumerate(amounts)]
    rows = [row(str(index), amount) for index, amount in enumerate(amounts)]
    rows.append(row("@external/ETH", Decimal(f"{sum(minor)}e-{scale}"), direction="debit"))
    assert found([*expected, ExpectedBalance("@external/ETH", "ETH", rows[-1].available)], rows) == []
    assert list(zero_sum_differences(rows)) == []
    index = data.draw(st.integers(0, len(minor) - 1))
    rows[index] = row(str(index), Decimal(f"{minor[index] + 1}e-{scale}"))
    assert [(what, alias) for what, alias, _, _ in found(expected, rows[:-1])] == [("available", str(index))]
    assert len(list(zero_sum_differences(rows))) == 1


def test_what_is_planned_to_be_on_hold_is_no_difference_and_every_other_amount_is() -> None:
    expected = [ExpectedBalance("a", "ETH", Decimal(5), Decimal(2))]
    assert list(compare_balances(expected, [row("a", "5", hold="2")])) == []
    (difference,) = compare_balances(expected, [row("a", "5", hold="3")])
    assert (difference.what, difference.expected, difference.actual) == ("on hold", "2", "3")


def test_exactly_the_frozen_accounts_may_not_send() -> None:
    frozen, free = replace(row("a", "5"), may_send=False), row("b", "5")
    assert list(frozen_differences({"a"}, [frozen, free])) == []
    wrong = frozen_differences({"b"}, [frozen, free])
    assert [(one.alias, one.expected, one.actual) for one in wrong] == [
        ("a", "allowed", "not allowed"),
        ("b", "not allowed", "allowed"),
    ]
