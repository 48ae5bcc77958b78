"""Transfers: from account to account of the same asset, every account as often a source as the plan says."""

from collections.abc import Iterator
from itertools import islice

from midaz_seed.plan.generators.base import BaseGenerator
from midaz_seed.plan.generators.transactions.rails import rail
from midaz_seed.plan.items import AssetTemplate, Movement, Phase, TransactionItem
from midaz_seed.plan.shape import LedgerShape
from midaz_seed.plan.streams import BLOCK, stream

_64 = (1 << 64) - 1


class TransferGenerator(BaseGenerator[LedgerShape, TransactionItem]):
    """Round by round over all accounts, so that one source's transfers are spread over time and workers.

    Packed, one transaction holds several rounds of one source; two movements to the same destination are one leg with
    their sum.
    """

    phase = Phase.TRANSFERS
    endpoint = "json"

    def items(self, scope: LedgerShape) -> Iterator[TransactionItem]:
        """Every transfer of a ledger."""
        for first_round in range(0, scope.transfers_per_account, scope.pack):
            rounds = range(first_round, min(first_round + scope.pack, scope.transfers_per_account))
            for block in range(-(-scope.accounts // BLOCK)):
                columns = [self.draws(scope, number, block) for number in rounds]
                for source, drawn in enumerate(zip(*columns, strict=True), start=block * BLOCK):
                    yield self._transaction(scope, source, rounds, drawn)

    def one(self, scope: LedgerShape, source: int, number: int) -> TransactionItem:
        """The transaction of one source that holds its transfer with this number (from 0), without making the
        others."""
        first = number - number % scope.pack
        rounds = range(first, min(first + scope.pack, scope.transfers_per_account))
        block, offset = divmod(source, BLOCK)
        columns = [next(islice(self.draws(scope, round_number, block), offset, None)) for round_number in rounds]
        return self._transaction(scope, source, rounds, tuple(columns))

    def count(self, scope: LedgerShape) -> int:
        """How many transactions that is."""
        return scope.accounts * -(-scope.transfers_per_account // scope.pack)

    def draws(self, scope: LedgerShape, number: int, block: int) -> Iterator[tuple[Movement, int]]:
        """The movements of one round and one block of sources, each with the bits that its rail is drawn by."""
        bits_of = stream(scope.identity.seed, scope.key, "transfers", number, block).getrandbits
        assets, lowest_spans = (
            scope.assets,
            [(asset.transfer_min, asset.transfer_max - asset.transfer_min + 1) for asset in scope.assets],
        )
        sizes = [scope.group_size(position) for position in range(len(assets))]
        step = len(assets)
        for source in range(block * BLOCK, min((block + 1) * BLOCK, scope.accounts)):
            bits = bits_of(224)
            position = source % step
            size = sizes[position]
            partner = (source // step + 1 + (bits & _64) % (size - 1)) % size
            lowest, span = lowest_spans[position]
            amount = lowest + (bits >> 128) % span
            yield Movement(source, position + partner * step, amount), bits >> 64 & _64

    def _transaction(
        self, scope: LedgerShape, source: int, rounds: range, drawn: tuple[tuple[Movement, int], ...]
    ) -> TransactionItem:
        asset = scope.asset_of(source)
        key = f"{scope.key}.t{source + 1}.{rounds[0] + 1}" + (f"x{len(rounds)}" if scope.pack > 1 else "")
        movements = tuple([movement for movement, _ in drawn])
        total = asset.text(sum([movement.amount for movement in movements]))
        run_id, aliases = scope.identity.run_id, scope.aliases
        name, details = rail(drawn[0][1])
        mark = f'"seedKey":"{run_id}/{key}"'
        body = (
            f'{{"description":"{name} transfer","metadata":{{"seedRun":"{run_id}",{mark},"rail":"{name}",{details}}},'
            f'"send":{{"asset":"{asset.code}","value":"{total}",'
            f'"source":{{"from":[{_leg(aliases[source], asset, total)}]}},'
            f'"distribute":{{"to":[{_destinations(aliases, asset, movements)}]}}}}}}'
        )
        return TransactionItem(
            key, Phase.TRANSFERS, self.endpoint, body.encode(), mark.encode(), asset.code, total, movements
        )


def _destinations(aliases: list[str], asset: AssetTemplate, movements: tuple[Movement, ...]) -> str:
    if len(movements) == 1:
        return _leg(aliases[movements[0].destination], asset, asset.text(movements[0].amount))
    amounts: dict[int, int] = {}
    for movement in movements:
        amounts[movement.destination] = amounts.get(movement.destination, 0) + movement.amount
    return ",".join([_leg(aliases[account], asset, asset.text(amount)) for account, amount in amounts.items()])


def _leg(alias: str, asset: AssetTemplate, value: str) -> str:
    return f'{{"accountAlias":"{alias}","amount":{{"asset":"{asset.code}","value":"{value}"}}}}'
