"""Chains: complete operations explain a balance in any order, and a gap is found where it is."""

from decimal import Decimal
from random import Random

import orjson
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.ledger_audit.chains import Chain
from midaz_seed.ledger_audit.findings import FindingKind
from midaz_seed.ledger_audit.operations import NO_VERSION, BalanceState, parse_operation
from midaz_seed.model.json_types import JsonObject

CHANGES = st.lists(st.integers(-40, 40).filter(bool), min_size=1, max_size=12)


def _rows(changes: list[int], *, version: int | None = 0) -> list[JsonObject]:
    """The operations of a balance that begins at zero; `version`: of its first state, None: they have none."""
    rows, available = [], 0
    for number, change in enumerate(changes):
        before, available = available, available + change
        states: list[JsonObject] = [{"available": str(each), "onHold": "0"} for each in (before, available)]
        if version is not None:
            states[0]["version"], states[1]["version"] = version + number, version + number + 1
        rows.append(
            {
                "id": f"op{number}",
                "type": "CREDIT" if change > 0 else "DEBIT",
                "amount": {"value": str(abs(change))},
                "accountAlias": "a",
                "balanceId": "b",
                "balance": states[0],
                "balanceAfter": states[1],
            }
        )
    return rows


def _chain(rows: list[JsonObject], *, versioned: bool = True) -> Chain:
    chain = Chain("account", "a", "default", "BRL", versioned=versioned)
    for row in rows:
        chain.add(parse_operation(row, versions=versioned), f"t{row['id']}")
    return chain


def _state(available: int, version: int = NO_VERSION) -> BalanceState:
    return BalanceState(Decimal(available), Decimal(0), version)


@given(CHANGES, st.randoms(use_true_random=False), st.booleans())
def test_all_operations_in_any_order_explain_the_balance(changes: list[int], rng: Random, versioned: bool) -> None:
    rows = _rows(changes, version=0 if versioned else None)
    rng.shuffle(rows)
    present = _state(sum(changes), len(changes) if versioned else NO_VERSION)
    assert _chain(rows, versioned=versioned).breaks(present) == []


@given(CHANGES, st.integers(0, 11))
def test_a_missing_operation_is_found_at_its_place(changes: list[int], missing: int) -> None:
    missing %= len(changes)
    rows = _rows(changes)
    del rows[missing]
    (found,) = _chain(rows).findings(_state(sum(changes), len(changes)))
    last = missing == len(changes) - 1
    assert found.kind is (FindingKind.LAST_OPERATION if last else FindingKind.OPERATION_GAP)
    assert found.expected == str(sum(changes[:missing]))
    assert found.actual == str(sum(changes[: missing + 1]))
    assert found.text.endswith("1 change of the balance has no operation")
    if not last:
        assert found.transaction_id == f"top{missing + 1}"
    elif missing:
        assert found.transaction_id == f"top{missing - 1}"


@given(CHANGES, st.integers(1, 9))
def test_another_balance_than_the_last_operation_left_is_found(changes: list[int], more: int) -> None:
    for versioned in (True, False):
        chain = _chain(_rows(changes, version=0 if versioned else None), versioned=versioned)
        present = _state(sum(changes) + more, len(changes) if versioned else NO_VERSION)
        (found,) = chain.findings(present)
        assert found.kind is FindingKind.LAST_OPERATION
        assert (found.expected, found.actual) == (str(sum(changes)), str(sum(changes) + more))


def test_a_balance_that_changed_without_an_operation_and_fits_is_no_finding() -> None:
    chain = _chain(_rows([5, -2]))
    assert list(chain.findings(_state(3, 4))) == []
    assert chain.silent_changes(_state(3, 4)) == 2


@given(CHANGES, CHANGES)
def test_operations_of_a_release_without_versions_do_not_break_the_chain(old: list[int], new: list[int]) -> None:
    """A server that was upgraded shows old operations without versions, or with version 0."""
    for version in (None, 0):
        rows = _rows([*old, *new])
        for row in rows[: len(old)]:
            for name in ("balance", "balanceAfter"):
                state = row[name]
                assert isinstance(state, dict)
                if version is None:
                    del state["version"]
                else:
                    state["version"] = version
        assert _chain(rows).breaks(_state(sum(old) + sum(new), len(old) + len(new))) == []


@given(CHANGES, st.integers(0, 12))
def test_a_chain_that_was_kept_continues(changes: list[int], at: int) -> None:
    rows = _rows(changes)
    kept = Chain.from_plain(orjson.loads(orjson.dumps(_chain(rows[:at]).as_plain())))
    for row in rows[at:]:
        kept.add(parse_operation(row, versions=True), f"t{row['id']}")
    assert kept == _chain(rows)


def test_a_chain_forgets_what_was_reached_and_left() -> None:
    assert len(_chain(_rows([1] * 1000)).ends) == 2
