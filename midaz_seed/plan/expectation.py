"""The planned balances of one ledger, and the opening balances that its movements need. Pure.

Within an epoch movements may be applied in any order, so the worst one counts: all payments first. An account then
needs, when the history begins, the largest amount by which the payments of an epoch exceed what it has gained in the
epochs before. The scenario names a wish for each opening balance, which is raised where the movements need more.
"""

import gc
import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from statistics import median_low
from sys import byteorder

from midaz_seed.errors import PlanError
from midaz_seed.plan.dimensions import LedgerDimensions
from midaz_seed.plan.flows.base import Draft
from midaz_seed.plan.follow_ups import FollowUp, follow_up_drafts
from midaz_seed.plan.items import Kind, Movement, Phase
from midaz_seed.plan.refusals import check_refusals

CHUNK = 8192
"""Drafts that are added to the digest at a time: part of the digest."""
AMOUNT_MAX = 10**30
"""Largest balance in minor units; servers keep more digits, but no bank does."""


@dataclass(frozen=True, slots=True)
class Raised:
    """Accounts whose opening balance is higher than the scenario wishes, because their movements need it."""

    accounts: int = 0
    median: int = 0
    """Median of the raise, in minor units of the first asset; accounts in other assets do not count."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Planned balances of one ledger in minor units.

    Attributes:
        external: amount that left the external account, by asset code.
        deposited: balance after the deposits, by account index.
        transferred: available balance after the transfers, by account index.
        final: available balance at the end, by account index.
        on_hold: amount on hold at the end, by account index, where there is any.
        epochs: number of transactions of each epoch.
        movements: number of movements of all epochs; a transaction with a fee or a split has several.
        follow_ups: number of them.
        received: what each account can ever have had, by account index; only where refusals need it.
        opening: sum of the opening balances, by asset code.
        accounts: number of accounts, by asset code.
        funded: number of accounts with an opening balance, by asset code.
        batches: number of batches of the transfers, by part of the sources (`Batches.counts`); () without batches.
        open_assets: codes of the assets whose external account transfers use, so that it does not only pay.
    """

    external: dict[str, int]
    deposited: list[int] = field(default_factory=list)
    transferred: list[int] = field(default_factory=list)
    final: list[int] = field(default_factory=list)
    on_hold: dict[int, int] = field(default_factory=dict)
    epochs: tuple[int, ...] = ()
    movements: int = 0
    follow_ups: int = 0
    received: list[int] = field(default_factory=list)
    raised: Raised = Raised()
    opening: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    funded: dict[str, int] = field(default_factory=dict)
    open_assets: frozenset[str] = frozenset()
    batches: tuple[int, ...] = ()

    def effect_of(self, phase: Phase) -> Iterator[int]:
        """Iterate over the change of each account by all transactions of a money phase."""
        stages = {
            Phase.DEPOSITS: (self.deposited, [0] * len(self.deposited)),
            Phase.TRANSFERS: (self.transferred, self.deposited),
            Phase.FOLLOW_UPS: (self.final, self.transferred),
        }
        return (after - before for after, before in zip(*stages[phase], strict=True))


class _Balances:
    """Running sums of one ledger."""

    def __init__(self, accounts: int) -> None:
        self.net = [0] * accounts
        """Change of each account since the opening."""
        self.need = [0] * accounts
        self.total_in = [0] * accounts
        self.left: dict[int, int] = {}
        """Asset -> amount that left the external account by transfers."""
        self.on_hold: dict[int, int] = {}
        self._paid, self._gained = defaultdict[int, int](int), defaultdict[int, int](int)
        """What each account pays and gets in the present epoch."""

    def apply(self, drafts: Iterable[Draft], kinds: Sequence[Kind]) -> None:
        """Apply transactions of an epoch; `kinds` by flow."""
        paid, gained = self._paid, self._gained
        direct, left = [kind is Kind.DIRECT for kind in kinds], self.left
        for _, flow, _, movements, asset, _ in drafts:
            if not direct[flow]:
                self._apply_other(kinds[flow], movements, paid)
                continue
            for source, destination, amount in movements:
                if source is None:
                    left[asset] = left.get(asset, 0) + amount
                else:
                    paid[source] += amount
                if destination is None:
                    left[asset] = left.get(asset, 0) - amount
                else:
                    gained[destination] += amount

    def _apply_other(self, kind: Kind, movements: Iterable[Movement], paid: dict[int, int]) -> None:
        """Apply a pending transaction; an annotation changes nothing."""
        if kind is Kind.PENDING:
            for source, _, amount in movements:
                assert source is not None, "a pending transaction has a source"
                paid[source] += amount
                self.on_hold[source] = self.on_hold.get(source, 0) + amount

    def follow(self, follow_ups: Iterable[FollowUp]) -> None:
        """Apply commits, cancels and reverts, which may be made in any order."""
        paid, gained = self._paid, self._gained
        for kind, draft, _ in follow_ups:
            for source, destination, amount in draft.movements:
                if kind is Kind.REVERT:
                    if destination is not None:
                        paid[destination] += amount
                    receiver = source
                else:
                    assert source is not None, "a pending transaction has a source"
                    self.on_hold[source] -= amount
                    receiver = destination if kind is Kind.COMMIT else source
                external = (destination is None) - (source is None) if kind is Kind.REVERT else -(receiver is None)
                if external:
                    self.left[draft.asset] = self.left.get(draft.asset, 0) + external * amount
                if receiver is not None:
                    gained[receiver] += amount
        self.end_epoch()

    def end_epoch(self) -> None:
        """End an epoch: its payments may all have been made before what it brought in."""
        paid, gained = self._paid, self._gained
        net, need, total_in = self.net, self.need, self.total_in
        for account, amount in paid.items():
            lacking = amount - net[account]
            if lacking > need[account]:
                need[account] = lacking
            net[account] -= amount
        for account, amount in gained.items():
            net[account] += amount
            total_in[account] += amount
        paid.clear()
        gained.clear()


def expect(dimensions: LedgerDimensions, digest: "hashlib._Hash", *, keep: bool) -> Expectation:
    """Iterate over a ledger's movements: compute its balances, and add the movements to the digest.

    Args:
        dimensions: the ledger.
        digest: gets everything that determines the movements.
        keep: keep the balances. Otherwise only sums are known, and the opening balances of the first ledger.

    Raises:
        PlanError: a balance is too large, an entry has no partner for an account, or a refusal no account.
    """
    population, flows, shape = dimensions.population, dimensions.flows, dimensions.shape
    check_refusals(dimensions)
    balances, sizes = _Balances(len(population)), []
    kinds = [flow.kind for flow in flows.flows]
    movements = 0
    for epoch in flows.epochs():
        count = 0
        with _without_collection():
            for drafts in _chunks(flows.drafts(epoch)):
                count += len(drafts)
                movements += _add(digest, drafts)
                balances.apply(drafts, kinds)
        balances.end_epoch()
        sizes.append(count)
    transferred = list(balances.net)
    follow_ups = follow_up_drafts(flows)
    balances.follow(follow_ups)
    wishes = population.wishes()
    opening = [max(wish, need) for wish, need in zip(wishes, balances.need, strict=True)]
    digest.update(",".join(map(str, opening)).encode())
    largest = max((one + gained for one, gained in zip(opening, balances.total_in, strict=True)), default=0)
    if largest > AMOUNT_MAX:
        raise PlanError(
            f"ledger {dimensions.key} of the scenario {shape.scenario.scenario} would have a balance of "
            f"{largest:.3e} minor units, the limit is 1e30",
            hint="use smaller opening balances or amounts",
        )
    sums = {asset.code: 0 for asset in shape.assets}
    accounts, funded = dict(sums), dict(sums)
    for amount, asset in zip(opening, population.asset, strict=True):
        sums[shape.assets[asset].code] += amount
        accounts[shape.assets[asset].code] += 1
        funded[shape.assets[asset].code] += amount > 0
    external = {asset.code: sums[asset.code] + balances.left.get(index, 0) for index, asset in enumerate(shape.assets)}
    open_assets = frozenset(shape.assets[index].code for index in balances.left)
    batches = dimensions.batches()
    with _without_collection():
        counts = batches.counts() if batches is not None else ()
    if batches is not None and batches.sources_max > 1:  # other plans have the digests of before
        digest.update(f"batches of several sources:{counts}".encode())
    raised = _raised(wishes, balances.need, population.asset)
    planned = Expectation(
        external=external,
        epochs=tuple(sizes),
        movements=movements,
        follow_ups=len(follow_ups),
        raised=raised,
        opening=sums,
        accounts=accounts,
        funded=funded,
        open_assets=open_assets,
        batches=counts,
        # a summary of the plan weighs the deposits of its first ledger
        deposited=opening if keep or dimensions.number == 0 else [],
        received=[one + gained for one, gained in zip(opening, balances.total_in, strict=True)]
        if keep or shape.scenario.refusals
        else [],
    )
    if not keep:
        dimensions.forget()
        return planned
    moved = [one + change for one, change in zip(opening, transferred, strict=True)]
    return replace(
        planned,
        transferred=moved,
        final=moved if not follow_ups else [one + net for one, net in zip(opening, balances.net, strict=True)],
        on_hold={account: amount for account, amount in balances.on_hold.items() if amount},
    )


def balances_after(dimensions: LedgerDimensions, opening: Sequence[int], epochs: set[int]) -> dict[int, list[int]]:
    """Return the available balance of every account at the end of each of these epochs, by epoch."""
    flows, balances = dimensions.flows, _Balances(len(opening))
    kinds = [flow.kind for flow in flows.flows]
    found: dict[int, list[int]] = {}
    for index, epoch in enumerate(flows.epochs()):
        if not epochs or index > max(epochs):
            break
        balances.apply(flows.drafts(epoch), kinds)
        balances.end_epoch()
        if index in epochs:
            found[index] = [one + net for one, net in zip(opening, balances.net, strict=True)]
    return found


def _chunks(drafts: Iterable[Draft]) -> Iterator[Sequence[Draft]]:
    """Divide the drafts of an epoch, so that a ledger with millions of them needs no memory for all at once."""
    rest = iter(drafts)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the search for cycles of objects: drafts have none, and it visits all of a chunk again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _add(digest: "hashlib._Hash", drafts: Sequence[Draft]) -> int:
    """Add what determines these transactions: column by column, which is faster than one after another.

    Returns:
        The number of their movements.
    """
    seconds, flows, numbers, movements, _, bits = zip(*drafts, strict=True)
    halves = array("Q", b"".join([each.to_bytes(16, "little") for each in bits]))
    if byteorder == "big":
        halves.byteswap()
    for whole in (seconds, flows, numbers, halves[::2], halves[1::2]):
        words = array("Q", whole)
        if byteorder == "big":
            words.byteswap()
        digest.update(words.tobytes())
    lengths = list(map(len, movements))
    digest.update(bytes(lengths) if max(lengths) < 256 else bytes([min(each, 255) for each in lengths]))
    for column in zip(*chain.from_iterable(movements), strict=True):
        digest.update(str(column).encode())
    return sum(lengths)


def _raised(wishes: Sequence[int], needs: Sequence[int], assets: Sequence[int]) -> Raised:
    count = sum(need > wish for wish, need in zip(wishes, needs, strict=True))
    raises = [
        need - wish for wish, need, asset in zip(wishes, needs, assets, strict=True) if need > wish and asset == 0
    ]
    return Raised(count, median_low(raises) if raises else 0)
