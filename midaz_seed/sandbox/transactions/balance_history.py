"""Balances as they were at a given time, read from the operations up to it."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from operator import itemgetter

from midaz_seed.sandbox.core.dates import parse_moment
from midaz_seed.sandbox.core.error_codes import RefusedError
from midaz_seed.sandbox.core.ledger import Balance
from midaz_seed.sandbox.core.messages import Call, Reply, json_reply
from midaz_seed.sandbox.core.records import Amounts
from midaz_seed.sandbox.entities.balances import is_visible
from midaz_seed.sandbox.storage.state import Changes, EntityDoc, LedgerState, SandboxState
from midaz_seed.sandbox.transactions.reads import load_record

_UNTOUCHED: Amounts = ("0", "0", 0, "0")


def of_balance(state: SandboxState, call: Call) -> Reply:
    """Show one balance at the `date` of the query.

    Raises:
        RefusedError: 0142 (no date), 0131 (no date with time), 0140 (in the future), 0007 (unknown balance), 0141 (the
            balance is younger).
    """
    moment = _moment(state, call)
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    balance = ledger.balances.get(call.params[2])
    if balance is None or not is_visible(state, balance):
        raise RefusedError("0007")
    shown = _shown(state, ledger, balance, moment)
    if shown is None:
        raise RefusedError("0141", entity="")
    return json_reply(200, shown)


def of_account(state: SandboxState, call: Call) -> Reply:
    """Show the balances of an account at the `date` of the query, without those that are younger.

    Raises:
        RefusedError: 0142, 0131 and 0140 as for one balance, 0141 when there is none.
    """
    moment = _moment(state, call)
    ledger = state.ledger_state(call.org_id, call.ledger_id)
    own = [balance for balance in ledger.balances_by_account.get(call.params[2], []) if is_visible(state, balance)]
    shown = [found for balance in own if (found := _shown(state, ledger, balance, moment)) is not None]
    if not shown:
        raise RefusedError("0141", entity="")
    return json_reply(200, shown)


def _moment(state: SandboxState, call: Call) -> datetime:
    text = call.query().get("date", "")
    if not text:
        raise RefusedError("0142")
    moment = parse_moment(text)
    if moment is None:
        raise RefusedError("0131", entity="Balance")
    if moment.timestamp() > state.clock.time():
        raise RefusedError("0140")
    return moment


def _shown(state: SandboxState, ledger: LedgerState, balance: Balance, moment: datetime) -> EntityDoc | None:
    """Return a balance as it was; None when neither it nor an operation of it existed."""
    changed_at, amounts = _last_change(state, ledger, balance, moment)
    if not changed_at and datetime.fromisoformat(balance.created_at) > moment:
        return None
    return {
        "id": balance.id,
        "organizationId": ledger.org_id,
        "ledgerId": ledger.ledger_id,
        "accountId": balance.account_id,
        "alias": balance.alias,
        "key": balance.key,
        "assetCode": balance.asset,
        "available": amounts[0],
        "onHold": amounts[1],
        "version": amounts[2],
        "accountType": balance.account_type,
        "direction": balance.direction,
        "overdraftUsed": amounts[3],
        "createdAt": balance.created_at,
        "updatedAt": changed_at or balance.created_at,
    }


def _last_change(state: SandboxState, ledger: LedgerState, balance: Balance, moment: datetime) -> tuple[str, Amounts]:
    """Return the time of the latest operation up to `moment` and the amounts after it; "" and zeros without one.

    The operations of a balance are read once and kept while no further ones come, because a verification asks for many dates.
    """
    touched = ledger.touched.get(balance.account_id, ())
    kept = ledger.changes.get(balance.number)
    if kept is None or kept.records != len(touched):
        changes, all_listed = _changes(state, touched, balance)
        kept = Changes(len(touched) if all_listed else -1, [at for at, _, _ in changes], changes)
        ledger.changes[balance.number] = kept
    index = bisect_right(kept.moments, moment) - 1
    return ("", _UNTOUCHED) if index < 0 else kept.amounts[index][1:]


def _changes(
    state: SandboxState, touched: Iterable[int], balance: Balance
) -> tuple[list[tuple[datetime, str, Amounts]], bool]:
    """Return the changes of a balance by date, those of one date as they were made, and whether all are listed."""
    found, all_listed = list[tuple[datetime, str, Amounts]](), True
    for seq in touched:
        if not state.is_listed(seq):
            all_listed = False
            continue
        _, transaction, items = load_record(state, seq)
        if transaction.status != "NOTED":
            found += [
                (datetime.fromisoformat(created), created, operation.after)
                for _, _, _, operation, created in items
                if operation.balance == balance.number
            ]
    return sorted(found, key=itemgetter(0)), all_listed
