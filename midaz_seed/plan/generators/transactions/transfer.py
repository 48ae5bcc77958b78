"""Transfers between accounts of one asset; every account is the source of the planned number of transfers."""

from collections.abc import Iterator
from itertools import islice

from midaz_seed.model.money import format_minor
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.generators.base import BaseGenerator
from midaz_seed.plan.generators.transactions.rails import payment_rail
from midaz_seed.plan.items import Kind, Movement, Phase, TransactionItem, answer_of
from midaz_seed.plan.streams import ACCOUNTS_PER_STREAM, stream

_make = tuple.__new__
"""Creates a named tuple from its fields in order; faster than calling the class, once per transfer."""

_PLAIN = (Kind.DIRECT, "json", 0, "", "", "")
"""The last fields of a transaction that moves money at once and has no date."""

Drawn = tuple[Movement, int]
"""A movement, and the 64 random bits that choose its rail."""


class TransferGenerator(BaseGenerator[LedgerDimensions, TransactionItem]):
    """Transfers round by round over all accounts, so that those of one source are spread over time and workers.

    A batch has several rounds of one source; movements to the same destination are one leg with their sum.
    """

    phase = Phase.TRANSFERS

    def items(self, scope: LedgerDimensions) -> Iterator[TransactionItem]:
        """Generate the transfers of a ledger."""
        for first_round in range(0, scope.transfers_per_account, scope.transactions_per_batch):
            rounds = range(first_round, min(first_round + scope.transactions_per_batch, scope.transfers_per_account))
            write = _Writer(scope, rounds).transaction
            for block in range(-(-scope.accounts // ACCOUNTS_PER_STREAM)):
                columns = [self.draws(scope, number, block) for number in rounds]
                for drawn in zip(*columns, strict=True):
                    yield write(drawn)

    def one(self, scope: LedgerDimensions, source: int, number: int) -> TransactionItem:
        """Return the transaction with a source's transfer of this number (from 0), without generating the others."""
        first = number - number % scope.transactions_per_batch
        rounds = range(first, min(first + scope.transactions_per_batch, scope.transfers_per_account))
        block, offset = divmod(source, ACCOUNTS_PER_STREAM)
        columns = [next(islice(self.draws(scope, round_number, block), offset, None)) for round_number in rounds]
        return _Writer(scope, rounds).transaction(tuple(columns))

    def count(self, scope: LedgerDimensions) -> int:
        """Return the number of transactions."""
        return scope.accounts * -(-scope.transfers_per_account // scope.transactions_per_batch)

    def draws(self, scope: LedgerDimensions, number: int, block: int) -> Iterator[Drawn]:
        """Generate the movements of one round and one block of sources, each with the bits that choose its rail."""
        bits = stream(scope.identity.seed, scope.key, "transfers", number, block).getrandbits
        step = len(scope.assets)
        groups = [
            (scope.group_size(position), asset.transfer_min, asset.transfer_max - asset.transfer_min + 1)
            for position, asset in enumerate(scope.assets)
        ]
        for source in range(block * ACCOUNTS_PER_STREAM, min((block + 1) * ACCOUNTS_PER_STREAM, scope.accounts)):
            index, position = divmod(source, step)
            size, lowest, span = groups[position]
            partner = (index + 1 + bits(64) % (size - 1)) % size
            rail_bits = bits(64)
            yield _make(Movement, (source, position + partner * step, lowest + bits(96) % span)), rail_bits


class _Writer:
    """Encodes the transactions of some rounds of a ledger, with their common parts prepared once."""

    def __init__(self, scope: LedgerDimensions, rounds: range) -> None:
        self._assets = scope.assets
        self._aliases = scope.aliases
        self._run_id = scope.identity.run_id
        self._key_begins = f"{scope.key}.t"
        self._key_ends = f".{rounds[0] + 1}" + (f"x{len(rounds)}" if scope.transactions_per_batch > 1 else "")

    def transaction(self, drawn: tuple[Drawn, ...]) -> TransactionItem:
        """Encode the transaction with these movements, all of one source."""
        first, rail_bits = drawn[0]
        source, aliases, run_id = first.source, self._aliases, self._run_id
        assert source is not None
        asset = self._assets[source % len(self._assets)]
        code = asset.code
        if len(drawn) == 1:
            movements: tuple[Movement, ...] = (first,)
            total = format_minor(first.amount, asset.scale)
            amount = f'"amount":{{"asset":"{code}","value":"{total}"}}'
            assert first.destination is not None
            destinations = f'"{aliases[first.destination]}"'
            legs = f'{{"accountAlias":{destinations},{amount}}}'
        else:
            movements = tuple([movement for movement, _ in drawn])
            total = asset.text(sum([movement.amount for movement in movements]))
            amount = f'"amount":{{"asset":"{code}","value":"{total}"}}'
            sums = _sums(movements)
            destinations = ",".join([f'"{aliases[account]}"' for account in sums])
            legs = ",".join(
                [
                    f'{{"accountAlias":"{aliases[account]}","amount":{{"asset":"{code}","value":"{asset.text(minor)}"}}}}'
                    for account, minor in sums.items()
                ]
            )
        key = f"{self._key_begins}{source + 1}{self._key_ends}"
        mark = f'"seedKey":"{run_id}/{key}"'
        name, details = payment_rail(rail_bits)
        body = (
            f'{{"description":"{name} transfer","metadata":{{"seedRun":"{run_id}",{mark},"rail":"{name}",{details}}},'
            f'"send":{{"asset":"{code}","value":"{total}",'
            f'"source":{{"from":[{{"accountAlias":"{aliases[source]}",{amount}}}]}},'
            f'"distribute":{{"to":[{legs}]}}}}}}'
        )
        answer = answer_of(asset, total, aliases[source], destinations)
        return _make(
            TransactionItem,
            (key, TransferGenerator.phase, body.encode(), mark.encode(), answer, code, total, movements, *_PLAIN),
        )


def _sums(movements: tuple[Movement, ...]) -> dict[int, int]:
    """Return the sum for each destination in minor units: one leg each."""
    sums: dict[int, int] = {}
    for movement in movements:
        assert movement.destination is not None
        sums[movement.destination] = sums.get(movement.destination, 0) + movement.amount
    return sums
