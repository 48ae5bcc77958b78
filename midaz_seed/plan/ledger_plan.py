"""The plan of one ledger: its items, generated on demand, and its planned balances. Pure."""

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import cached_property
from itertools import accumulate, islice

from midaz_seed.model.balances import EXTERNAL, ExpectedBalance
from midaz_seed.plan.batching import Batches
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.expectation import Expectation, balances_after
from midaz_seed.plan.flows.ledger_flows import Epoch, LedgerFlows
from midaz_seed.plan.follow_ups import follow_up_drafts
from midaz_seed.plan.generators import GENERATORS, LEDGER_ENTITIES, LEDGERS
from midaz_seed.plan.generators.account import account_index
from midaz_seed.plan.items import (
    AssetTemplate,
    Entity,
    EntityItem,
    Movement,
    Phase,
    TransactionItem,
    follow_up,
    hold_key,
)
from midaz_seed.plan.population import Population
from midaz_seed.plan.refusals import refusal_items
from midaz_seed.plan.shape import LedgerShape
from midaz_seed.plan.streams import stream
from midaz_seed.plan.writing import TransactionWriter

OPENING_S = 9 * 3600
"""Second of the day before the history at which opening balances are deposited."""


class LedgerPlan:
    """One ledger: its items, generated on demand, and its planned balances."""

    def __init__(self, dimensions: LedgerDimensions, expectation: Expectation) -> None:
        self._dimensions = dimensions
        self._expectation = expectation
        shape, size = dimensions.shape, dimensions.transactions_per_batch
        self.key = dimensions.key
        self.assets = dimensions.assets
        self.history = shape.history
        """The days of its history; () without dates."""
        self.epochs: tuple[Epoch, ...] = tuple(dimensions.flows.epochs())
        """The parts of its transfers that are sent one after another."""
        self.account_count = len(dimensions.population)
        self.moves_money = shape.has_openings
        """Whether it has any transactions."""
        self._first = list(accumulate(self._sizes(), initial=0))
        self.counts: dict[Phase, int] = {
            phase: count
            for phase, count in {
                **{generator.phase: generator.count(dimensions) for generator in LEDGER_ENTITIES},
                Phase.DEPOSITS: sum(-(-count // size) for count in expectation.funded.values()),
                Phase.TRANSFERS: self._first[-1],
                Phase.FOLLOW_UPS: expectation.follow_ups,
                Phase.REFUSALS: shape.refusals,
            }.items()
            if count
        }

    def _sizes(self) -> Iterable[int]:
        """Return the transactions of each epoch."""
        return (sum(self._expectation.batches),) if self._expectation.batches else self._expectation.epochs

    @property
    def movements(self) -> int:
        """The number of its movements: opening balances and transfers. A transaction can have several of them."""
        return sum(self._expectation.funded.values()) + self._expectation.movements

    @property
    def shape(self) -> LedgerShape:
        """What it has in common with the other ledgers of the plan."""
        return self._dimensions.shape

    @property
    def population(self) -> Population:
        """Its accounts, and who holds them."""
        return self._dimensions.population

    @property
    def flows(self) -> LedgerFlows:
        """What moves money in it."""
        return self._dimensions.flows

    @property
    def writer(self) -> TransactionWriter:
        """Writes its transactions."""
        return self._dimensions.writer

    # ---- entities

    @cached_property
    def item(self) -> EntityItem:
        """The item of the ledger."""
        return next(LEDGERS.items(self._dimensions))

    @property
    def name(self) -> str:
        """The ledger's name."""
        return str(self.item.payload["name"])

    def entities(self) -> Iterator[EntityItem]:
        """Generate everything that the ledger holds, in the order in which it is created."""
        for generator in LEDGER_ENTITIES:
            yield from self.items_of(generator.entity)

    def items_of(self, entity: Entity) -> Iterator[EntityItem]:
        """Generate its entities of one kind."""
        return self.account_items() if entity is Entity.ACCOUNT else GENERATORS[entity].items(self._dimensions)

    def account_items(self) -> Iterator[EntityItem]:
        """Generate its accounts."""
        return GENERATORS[Entity.ACCOUNT].items(self._dimensions)

    @property
    def checks_routes(self) -> bool:
        """Whether the server checks the routes of its transactions."""
        return Phase.LEDGER_SETTINGS in self.counts

    @property
    def frozen(self) -> tuple[int, ...]:
        """Accounts that cannot send, by index."""
        return self._dimensions.population.frozen

    @cached_property
    def parents(self) -> frozenset[str]:
        """Keys of the accounts that are parents of others, which must exist first."""
        references = (item.references.get("parentAccountId") for item in self.account_items())
        return frozenset(key for key in references if isinstance(key, str))

    # ---- transactions

    def transactions(self, phase: Phase) -> Iterator[TransactionItem]:
        """Generate the transactions of a phase, in the order of their ordinals."""
        makers: dict[Phase, Callable[[], Iterator[TransactionItem]]] = {
            Phase.DEPOSITS: self.deposits,
            Phase.TRANSFERS: self.transfers,
            Phase.FOLLOW_UPS: self.follow_ups,
            Phase.REFUSALS: self.refusals,
        }
        return makers[phase]()

    def deposits(self) -> Iterator[TransactionItem]:
        """Generate the opening deposits, asset by asset; a batch has several accounts of one asset."""
        for group in self._deposit_groups():
            yield self._deposit(group)

    def _deposit_groups(self) -> Iterator[list[int]]:
        size, deposited = self._dimensions.transactions_per_batch, self._expectation.deposited
        assets = self._dimensions.population.asset
        by_asset: dict[int, list[int]] = {index: [] for index in range(len(self.assets))}
        for account, amount in enumerate(deposited):
            if amount:
                by_asset[assets[account]].append(account)
        for accounts in by_asset.values():
            for first in range(0, len(accounts), size):
                yield accounts[first : first + size]

    def _deposit(self, accounts: list[int]) -> TransactionItem:
        size = self._dimensions.transactions_per_batch
        key = f"d{accounts[0] + 1}" + (f"x{len(accounts)}" if size > 1 else "")
        movements = tuple([Movement(None, account, self._expectation.deposited[account]) for account in accounts])
        moment = ""
        if self.history:
            before = self.history[0] - timedelta(days=1)
            moment = self._dimensions.writer.stamper.day(before.toordinal()).text(OPENING_S)
        return self._dimensions.writer.deposit(key, movements, self.asset_of(accounts[0]), moment)

    def transfers(self) -> Iterator[TransactionItem]:
        """Generate its transfers, epoch by epoch."""
        for epoch in range(len(self.epochs)):
            yield from self.transfers_of(epoch)

    def transfers_of(self, epoch: int) -> Iterator[TransactionItem]:
        """Generate the transfers of an epoch, in the order of their dates."""
        flows, writer, batches = self._dimensions.flows, self._dimensions.writer, self._dimensions.batches()
        if flows.rounds is not None and batches is not None and epoch == 0:
            for batch in batches:
                yield writer.batch(flows.rounds, batch)
            return
        day = self.epochs[epoch].day
        by_index, write = flows.flows, writer.item
        for draft in flows.drafts(self.epochs[epoch]):
            yield write(by_index[draft.flow], draft, day)

    def first_of(self, epoch: int) -> int:
        """Return the ordinal of the first transfer of an epoch."""
        return self._first[epoch]

    def follow_ups(self) -> Iterator[TransactionItem]:
        """Generate the commits, cancels and reverts of transactions that were made before."""
        flows, writer = self._dimensions.flows, self._dimensions.writer
        for kind, draft, day in follow_up_drafts(flows):
            yield follow_up(writer.item(flows.flows[draft.flow], draft, day), kind)

    def refusals(self) -> Iterator[TransactionItem]:
        """Generate the transactions that the server must refuse."""
        return refusal_items(self._dimensions, self._expectation.received)

    # ---- balances

    @property
    def is_dated(self) -> bool:
        """Whether its transfers have dates, so that every account's are sent in their order."""
        return bool(self.history)

    def last_epoch_of(self, day: date) -> int:
        """Return the last epoch of a day of the history."""
        index = self.history.index(day)
        return max(number for number, epoch in enumerate(self.epochs) if epoch.day == index)

    def end_of(self, day: date) -> str:
        """Return the last second of a day in UTC, as `yyyy-mm-dd hh:mm:ss`."""
        return self._dimensions.writer.stamper.day(day.toordinal()).end()

    def balances_at(self, epochs: Collection[int]) -> dict[int, list[int]]:
        """Return the available balance of every account, in minor units, at the end of each of these epochs, by epoch.

        Everything before is made: the deposits, and all transfers of the epoch and of those before it.
        """
        return balances_after(self._dimensions, self._expectation.deposited, set(epochs))

    def alias(self, account: int) -> str:
        """Return an account's alias, by index."""
        return self._dimensions.population.aliases[account]

    def asset_of(self, account: int) -> AssetTemplate:
        """Return an account's asset, by index."""
        return self.assets[self._dimensions.population.asset[account]]

    def account_index(self, key: str) -> int:
        """Return the index of the account with this key."""
        return account_index(key)

    def expectation(self) -> Expectation:
        """Return the planned balances."""
        return self._expectation

    def expected_balances(self, less: Mapping[int, int] | None = None) -> Iterator[ExpectedBalance]:
        """Generate the final balance of every account and of each external account.

        Args:
            less: changes by transactions that were left out, in minor units, with the keys of `balance_effect_of`.
        """
        less, planned = less or {}, self._expectation
        external = dict(planned.external)
        for account, minor in enumerate(planned.final):
            asset, left_out = self.asset_of(account), less.get(account, 0)
            not_held = less.get(hold_key(account), 0)
            external[asset.code] -= left_out + not_held
            held = asset.decimal(planned.on_hold.get(account, 0) - not_held)
            yield ExpectedBalance(self.alias(account), asset.code, asset.decimal(minor - left_out), held)
        for asset in self.assets:
            amount, only_pays = asset.decimal(external[asset.code]), asset.code not in planned.open_assets
            yield ExpectedBalance(EXTERNAL + asset.code, asset.code, amount, only_pays=only_pays)

    # ---- single items

    def sample(self, count: int) -> list[TransactionItem]:
        """Return up to `count` randomly drawn transactions, the same ones in every call."""
        deposits, transfers = self.counts.get(Phase.DEPOSITS, 0), self._first[-1]
        rng = stream(self._dimensions.identity.seed, self.key, "sample")
        everything = range(deposits + transfers)
        chosen = sorted(rng.sample(everything, min(count, len(everything))))
        groups = list(self._deposit_groups()) if chosen and chosen[0] < deposits else []
        batches = self._dimensions.batches()  # keeps what neighbours have in common
        return [
            self._deposit(groups[number]) if number < deposits else self._transfer(number - deposits, batches)
            for number in chosen
        ]

    def _transfer(self, ordinal: int, batches: Batches | None) -> TransactionItem:
        """Return one transfer, by ordinal, without generating those of other epochs."""
        flows = self._dimensions.flows
        epoch = bisect_right(self._first, ordinal) - 1
        at = ordinal - self._first[epoch]
        if flows.rounds is not None and epoch == 0:
            if batches is not None:
                return self._dimensions.writer.batch(flows.rounds, batches.at(at, self._expectation.batches))
            round_number, position = divmod(at, len(flows.rounds.sources))
            return self._dimensions.writer.item(flows.rounds, flows.rounds.one(position, round_number), 0)
        draft = next(islice(flows.drafts(self.epochs[epoch]), at, None))  # only one of them is written
        return self._dimensions.writer.item(flows.flows[draft.flow], draft, self.epochs[epoch].day)

    def find(self, key: str) -> EntityItem | TransactionItem | None:
        """Return the item with this key, or None."""
        if key == self.key:
            return self.item
        if not key.startswith(f"{self.key}."):
            return None
        name = key.removeprefix(f"{self.key}.")
        for generator in LEDGER_ENTITIES:
            if re.fullmatch(generator.key_pattern, name):
                return next((item for item in self.items_of(generator.entity) if item.key == key), None)
        kinds: tuple[tuple[str, Callable[[], Iterator[TransactionItem]]], ...] = (
            (r"d\d+(x\d+)?", self.deposits),
            (r"r\d+", self.refusals),
            (r".+\.(commit|cancel|revert)", self.follow_ups),
        )
        for pattern, items in kinds:
            if re.fullmatch(pattern, name):
                return next((item for item in items() if item.key == key), None)
        match = re.fullmatch(r"([a-z0-9_-]+)\.(\d+)\.(\d+)", name)
        if match is not None and match[1] in self._dimensions.flows.by_name:
            day = int(match[2]) - 1
            epochs = [number for number, epoch in enumerate(self.epochs) if epoch.day == day]
            found = (item for epoch in epochs for item in self.transfers_of(epoch))
            return next((item for item in found if item.key == key), None)
        return next((item for item in self.transfers() if item.key == key), None) if name.startswith("t") else None
