"""Write transactions and endings down, and index in memory where they are.

The indexing functions also serve the start, which reads the records back (`loading`).
"""

import orjson

from midaz_seed.sandbox.core import ids
from midaz_seed.sandbox.core.records import Ending, Transaction
from midaz_seed.sandbox.storage.state import LedgerState, SandboxState


def write_transaction(state: SandboxState, ledger: LedgerState, transaction: Transaction, created_s: float) -> int:
    """Store and index a new transaction and return the number of its record.

    Args:
        created_s: its creation in seconds of the epoch; earlier than now for a back-dated transaction.
    """
    state.seq = seq = state.seq + 1
    state.store.append(seq, orjson.dumps(transaction.pack()))
    index_transaction(state, ledger, seq, transaction, created_s)
    if state.lag is not None:
        state.lag.note(seq, transaction.operations, moved=transaction.status != "NOTED")
    return seq


def index_transaction(
    state: SandboxState, ledger: LedgerState, seq: int, transaction: Transaction, created_s: float
) -> None:
    """Note a stored transaction in memory."""
    status = transaction.status if transaction.status in ("PENDING", "NOTED") else "APPROVED"
    accounts = [state.balance_by_number[operation.balance].account_id for operation in transaction.operations]
    ledger.add(seq, created_s, status, accounts)
    if transaction.claim.key:
        ledger.stored_keys[transaction.claim.key] = transaction.claim.stored_key(seq)
    parent = transaction.extra.get("parent")
    if parent:
        position = ids.record_position(parent)
        assert position is not None, parent
        state.reverted.add(position[0])


def write_ending(state: SandboxState, ledger: LedgerState, ending: Ending) -> None:
    """Store and index the end of a pending transaction."""
    state.seq += 1
    state.store.append(state.seq, orjson.dumps(ending.pack()))
    index_ending(state, ledger, state.seq, ending)
    if state.lag is not None:
        state.lag.note(state.seq, ending.operations)


def index_ending(state: SandboxState, ledger: LedgerState, seq: int, ending: Ending) -> None:
    """Note in memory that a pending transaction ended."""
    ledger.set_status(ending.transaction, ending.status)
    state.endings.setdefault(ending.transaction, []).append(seq)
    ledger.touch(seq, [state.balance_by_number[operation.balance].account_id for operation in ending.operations])
