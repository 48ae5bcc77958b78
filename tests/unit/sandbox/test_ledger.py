"""The double-entry core: money is neither made nor lost, no balance is overdrawn, every change is counted."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.sandbox.core import decimals
from midaz_seed.sandbox.core.ledger import Balance, Effect, LedgerRefusedError, Posting, apply

amounts = st.decimals(min_value="0.000001", max_value="1e30", places=6)


def balance(alias: str, *, kind: str = "deposit", available: str = "0", limit: str | None = None) -> Balance:
    direction = "debit" if kind == "external" else "credit"
    made = Balance(1, alias, alias, alias, "default", "BRL", kind, direction, "", "")
    made.available = Decimal(available)
    made.state = (available, "0", 0, "0")
    made.overdraft_limit = None if limit is None else Decimal(limit)
    return made


def owned(balances: list[Balance]) -> Decimal:
    """What the ledger owes its customers minus what came in: zero in a ledger that is right."""
    total = Decimal(0)
    for each in balances:
        held = decimals.add(each.available, each.on_hold)
        total = decimals.subtract(total, held) if each.direction == "debit" else decimals.add(total, held)
    return total


moves = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), amounts, st.booleans()), max_size=30)


@given(moves)
def test_whatever_moves_the_sum_stays_zero_and_no_ordinary_balance_is_overdrawn(
    plan: list[tuple[int, int, Decimal, bool]],
) -> None:
    ledger = [balance("external", kind="external"), *(balance(f"a{number}") for number in range(4))]
    changes = [0] * len(ledger)
    for source, destination, amount, pending in plan:
        if source == destination:
            continue
        before = [(each.available, each.on_hold, each.state) for each in ledger]
        try:
            if pending and source:
                apply([Posting(ledger[source], Effect.HOLD, amount)])
                apply(
                    [
                        Posting(ledger[source], Effect.SETTLE, amount),
                        Posting(ledger[destination], Effect.CREDIT, amount),
                    ]
                )
                changes[source] += 1
            else:
                apply(
                    [Posting(ledger[source], Effect.DEBIT, amount), Posting(ledger[destination], Effect.CREDIT, amount)]
                )
            changes[source] += 1
            changes[destination] += 1
        except LedgerRefusedError as refusal:
            assert refusal.code == "0018"  # noqa: PT017 - either outcome is right, neither is expected
            assert [(each.available, each.on_hold, each.state) for each in ledger] == before
        assert owned(ledger) == 0
        assert all(each.available >= 0 for each in ledger[1:])
    assert [each.version for each in ledger] == changes


@given(amounts, amounts)
def test_a_hold_that_is_released_leaves_the_balance_as_it_was(funds: Decimal, held: Decimal) -> None:
    account = balance("a", available=str(funds))
    if held > funds:
        with pytest.raises(LedgerRefusedError):
            apply([Posting(account, Effect.HOLD, held)])
        return
    apply([Posting(account, Effect.HOLD, held)])
    assert decimals.add(account.available, account.on_hold) == funds
    apply([Posting(account, Effect.RELEASE, held)])
    assert (account.available, account.on_hold) == (funds, 0)


def test_a_refused_second_posting_undoes_the_first() -> None:
    rich, poor = balance("rich", available="10"), balance("poor")
    with pytest.raises(LedgerRefusedError):
        apply([Posting(rich, Effect.DEBIT, Decimal(10)), Posting(poor, Effect.DEBIT, Decimal(1))])
    assert (rich.available, rich.version, rich.state[0]) == (10, 0, "10")


def test_an_external_account_grows_by_what_enters_and_may_go_below_zero() -> None:
    external = balance("external", kind="external")
    apply([Posting(external, Effect.DEBIT, Decimal(5))])
    assert external.state[0] == "5"
    apply([Posting(external, Effect.CREDIT, Decimal(8))])
    assert external.state[0] == "-3"


def test_overdraft_is_owed_on_the_companion_and_paid_back_first() -> None:
    account, companion = balance("a", available="10", limit="50"), balance("a-overdraft")
    companion.direction = "debit"
    own, owed = apply([Posting(account, Effect.DEBIT, Decimal(30), companion=companion)])
    assert (own.kind, own.amount, own.after) == ("DEBIT", "10", ("0", "0", 1, "20"))
    assert (owed.kind, owed.amount, owed.after) == ("OVERDRAFT", "20", ("20", "0", 1, "20"))
    apply([Posting(account, Effect.CREDIT, Decimal(25), companion=companion)])
    assert (account.available, account.overdraft_used, companion.available) == (5, 0, 0)
    with pytest.raises(LedgerRefusedError) as refused:
        apply([Posting(account, Effect.DEBIT, Decimal(56), companion=companion)])
    assert refused.value.code == "0167"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value="-1e40", max_value="1e40"))
def test_a_number_survives_being_written_and_read(number: Decimal) -> None:
    text = decimals.text_of(number)
    assert decimals.parse(text) == number
    assert "e" not in text.lower()
    assert text == "0" or "." not in text or not text.endswith("0")


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1e2", "100"), ("+5", "5"), ("5.", "5"), (".5", "0.5"), ("007", "7"), ("1E-2", "0.01"), ("-0", "0")],
)
def test_the_forms_of_a_decimal_that_the_server_reads(text: str, shown: str) -> None:
    assert decimals.text_of(decimals.parse(text)) == shown


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1,5", "0x10", "1_000", "NaN", "Infinity", "1e", "1e999999", ".", "--1"]
)
def test_the_forms_of_a_decimal_that_it_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a decimal|not supported"):
        decimals.parse(text)


@given(amounts, st.integers(1, 100), st.integers(1, 100))
def test_a_share_is_exact(value: Decimal, percent: int, of_percent: int) -> None:
    share = decimals.percentage_of(value, percent, of_percent)
    assert decimals.multiply(share, Decimal(10_000)) == decimals.multiply(value, Decimal(percent * of_percent))


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_in_its_shortest_plain_form(number: Decimal) -> None:
    text = decimals.text_of(number)
    assert Decimal(text) == number
    assert re.fullmatch(r"0|-?(?:[1-9][0-9]*|0(?=\.))(?:\.[0-9]*[1-9])?", text)


@pytest.mark.parametrize(
    "text", ["1e20000", "-1e20000", "1e-20000", "1e999999", "1" * 20_001, "1e1000000", "", "1e", "e1"]
)
def test_what_would_fill_the_memory_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        decimals.parse(text)


@pytest.mark.parametrize("text", ["1e19999", "0e999999", "1" * 20_000, f".{'0' * 19_998}1"])
def test_what_can_be_held_is_a_number(text: str) -> None:
    assert decimals.parse(text) == Decimal(text)
