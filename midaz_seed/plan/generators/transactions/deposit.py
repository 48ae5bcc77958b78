"""Deposits: money enters every account from its asset's external account."""

from collections.abc import Iterator

from midaz_seed.model.balances import EXTERNAL
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import BaseGenerator
from midaz_seed.plan.items import AssetTemplate, Movement, Phase, TransactionItem, answer_of


class DepositGenerator(BaseGenerator[LedgerDimensions, TransactionItem]):
    """One deposit per account; a batch has the deposits of several accounts of one asset."""

    phase = Phase.DEPOSITS

    def items(self, scope: LedgerDimensions) -> Iterator[TransactionItem]:
        """Generate the deposits of a ledger, asset by asset."""
        if not scope.transactions_per_account:
            return
        for position, asset in enumerate(scope.assets):
            accounts = range(position, scope.accounts, len(scope.assets))
            for first in range(0, len(accounts), scope.transactions_per_batch):
                yield self._transaction(scope, asset, accounts[first : first + scope.transactions_per_batch])

    def one(self, scope: LedgerDimensions, account: int) -> TransactionItem:
        """Return the transaction with this account's deposit, without generating the others."""
        step = len(scope.assets)
        position, index = account % step, account // step
        accounts = range(position, scope.accounts, step)
        first = index - index % scope.transactions_per_batch
        return self._transaction(scope, scope.assets[position], accounts[first : first + scope.transactions_per_batch])

    def count(self, scope: LedgerDimensions) -> int:
        """Return the number of transactions."""
        if not scope.transactions_per_account:
            return 0
        return sum(
            -(-scope.group_size(position) // scope.transactions_per_batch) for position in range(len(scope.assets))
        )

    def _transaction(self, scope: LedgerDimensions, asset: AssetTemplate, accounts: range) -> TransactionItem:
        amount = scope.deposit_of(asset)
        key = f"{scope.key}.d{accounts[0] + 1}" + (f"x{len(accounts)}" if scope.transactions_per_batch > 1 else "")
        run_id, value, total = scope.identity.run_id, asset.text(amount), asset.text(amount * len(accounts))
        mark = f'"seedKey":"{run_id}/{key}"'
        aliases = scope.aliases
        legs = ",".join(
            [
                f'{{"accountAlias":"{aliases[account]}","amount":{{"asset":"{asset.code}","value":"{value}"}}}}'
                for account in accounts
            ]
        )
        body = (
            f'{{"description":"Deposit","metadata":{{"seedRun":"{run_id}",{mark}}},'
            f'"send":{{"asset":"{asset.code}","value":"{total}","distribute":{{"to":[{legs}]}}}}}}'
        )
        movements = tuple(Movement(None, account, amount) for account in accounts)
        destinations = ",".join([f'"{aliases[account]}"' for account in accounts])
        return TransactionItem(
            key,
            Phase.DEPOSITS,
            body.encode(),
            mark.encode(),
            answer_of(asset, total, EXTERNAL + asset.code, destinations),
            asset.code,
            total,
            movements,
            endpoint="inflow",
        )
