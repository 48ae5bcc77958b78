"""Every transaction that real servers showed passes the checks, except for those that real servers get wrong."""

import contextlib
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midaz_seed.errors import NotMidazError
from midaz_seed.ledger_audit.chains import Chain
from midaz_seed.ledger_audit.findings import FindingKind
from midaz_seed.ledger_audit.operations import BalanceState
from midaz_seed.ledger_audit.transactions import TransactionRules, check_transaction
from tests.support.damage import changed, changes

RECORDINGS = Path(__file__).parents[2] / "contract" / "recordings"
KNOWN = {
    ("v3.3", "tx-date-past"),  # a read without dates shows no operations (midaz-behaviour: balance-history)
    ("v4", "tx-inflow-many"),  # a leg with `remaining` is lost (midaz-behaviour: legs)
    ("v4", "tx-remaining"),
}
RULES = TransactionRules({}, versions=True, pending_max_s=3600.0, now_s=1.8e9)


def _transactions(version: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What GET shows, alone or in a list, and what POST answers, with the name of the recording."""
    for file in sorted((RECORDINGS / version).glob("*.json")):
        for step in json.loads(file.read_text(encoding="utf-8"))["steps"]:
            request, body = step["request"], step["response"].get("body")
            if not isinstance(body, dict) or not re.search(r"/transactions", request["path"]):
                continue
            rows = body.get("items") or [body]
            for row in rows:
                # a commit or a cancel answers with its own operations only, a PATCH with none
                partial = request["method"] == "PATCH" or request["path"].endswith(("/commit", "/cancel"))
                if isinstance(row, dict) and "amount" in row and not partial:
                    yield file.stem, row


@pytest.mark.parametrize("version", ["v3.3", "v3.8", "v4"])
def test_what_a_real_server_shows_has_no_finding(version: str) -> None:
    found, checked = [], 0
    for name, row in _transactions(version):
        if isinstance(row["operations"], list) and len(row["operations"]) == 10:
            continue  # cut off: a read of one transaction shows 10
        checked += 1
        if (version, name) not in KNOWN:
            findings = check_transaction(row, RULES).findings
            found += [(name, each.kind, each.text) for each in findings if each.kind != FindingKind.PENDING_TOO_LONG]
    assert found == []
    assert checked > 50


def test_a_leg_that_v4_loses_is_found() -> None:
    kinds = {
        each.kind
        for name, row in _transactions("v4")
        if name == "tx-remaining"
        for each in check_transaction(row, RULES).findings
    }
    assert FindingKind.TRANSACTION_SIDES in kinds


_ROWS = [row for name, row in _transactions("v3.8") if name in ("tx-pending-commit", "tx-block", "balance-overdraft")]


@given(st.sampled_from(_ROWS), changes())
def test_a_damaged_transaction_is_checked_or_refused_as_no_answer_of_a_midaz(row: Any, done: Any) -> None:
    with contextlib.suppress(NotMidazError):
        damaged = changed(row, done)
        if isinstance(damaged, dict):
            for operation in check_transaction(damaged, RULES).operations:
                chain = Chain.of(operation, versioned=True)
                chain.add(operation, "t")
                list(chain.findings(BalanceState(Decimal(1), Decimal(0), 3)))
