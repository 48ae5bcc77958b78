"""Runs of small plans with every kind of transaction, made by hand: holds, follow-ups, refusals, frozen accounts."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from midaz_seed.clock import Clock, SystemClock
from midaz_seed.engine import orchestrator
from midaz_seed.engine.context import RunContext
from midaz_seed.engine.report_builder import summarize
from midaz_seed.model.balances import EXTERNAL
from midaz_seed.outputs import write_outputs
from midaz_seed.plan.expectation import Expectation
from midaz_seed.plan.items import (
    AssetTemplate,
    EntityItem,
    Kind,
    Movement,
    Phase,
    TransactionItem,
    answer_of,
    effect_of,
    hold_effect_of,
)
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.plan.marks import opening_of
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.reporting.events import Emit
from midaz_seed.reporting.report import Report
from midaz_seed.runs.session import open_session
from midaz_seed.settings.model import Settings
from midaz_seed.settings.target import resolve_target
from midaz_seed.wiring import open_run

ACCOUNTS = 8
FROZEN = ACCOUNTS - 1
"""Index of the account that may not send."""
VOLUME = {
    "organizations": 1,
    "ledgersPerOrganization": 1,
    "assetsPerLedger": 2,
    "accountTypesPerLedger": 0,
    "portfoliosPerLedger": 1,
    "segmentsPerLedger": 1,
    "accountsPerLedger": ACCOUNTS,
    "transactionsPerAccount": 1,
}
REFUSALS = ("insufficient-funds", "frozen-sender", "unknown-destination", "wrong-asset", "unequal-sides", "future")


@dataclass(frozen=True)
class Items:
    """The items of a ledger's last three phases."""

    transfers: Sequence[TransactionItem]
    follow_ups: Sequence[TransactionItem]
    refusals: Sequence[TransactionItem]


class HandMadeLedger(LedgerPlan):
    """A ledger whose accounts and deposits are planned as usual, and whose other items are given."""

    def __init__(self, usual: LedgerPlan, items: Items, *, frozen: Sequence[int] = (), child: bool = False) -> None:
        super().__init__(usual._dimensions, _expectation(usual, items))
        self._items = {
            Phase.TRANSFERS: items.transfers,
            Phase.FOLLOW_UPS: items.follow_ups,
            Phase.REFUSALS: items.refusals,
        }
        self._frozen = frozen
        self._child = child
        self.counts |= {phase: len(items) for phase, items in self._items.items() if items}

    def transfers(self) -> Iterator[TransactionItem]:
        return iter(self._items[Phase.TRANSFERS])

    def transfers_of(self, epoch: int) -> Iterator[TransactionItem]:
        return self.transfers() if epoch == 0 else iter(())

    def follow_ups(self) -> Iterator[TransactionItem]:
        return iter(self._items[Phase.FOLLOW_UPS])

    def refusals(self) -> Iterator[TransactionItem]:
        return iter(self._items[Phase.REFUSALS])

    def account_items(self) -> Iterator[EntityItem]:
        """The fifth account is a child of the third, and the third of the first."""
        for index, item in enumerate(super().account_items()):
            parent = {2: 0, 4: 2}.get(index)
            refers = {"parentAccountId": f"{self.key}.acc{parent + 1}"} if self._child and parent is not None else {}
            yield replace(item, references={**item.references, **refers})

    @property
    def frozen(self) -> tuple[int, ...]:
        return tuple(self._frozen)

    @property
    def parents(self) -> frozenset[str]:  # type: ignore[override]
        return frozenset({f"{self.key}.acc1", f"{self.key}.acc3"} if self._child else ())

    def sample(self, count: int) -> list[TransactionItem]:
        return list(self._items[Phase.TRANSFERS])[:count]


def _expectation(usual: LedgerPlan, items: Items) -> Expectation:
    deposited = usual.expectation().deposited
    final, on_hold, external = list(deposited), dict[int, int](), dict(usual.expectation().external)
    for item in [*items.transfers, *items.follow_ups]:
        for account, change in effect_of(item).items():
            final[account] += change
            external[item.asset] += change
        for account, change in hold_effect_of(item).items():
            on_hold[account] = on_hold.get(account, 0) + change
            external[item.asset] += change
    assert min(final) >= 0
    held = {account: amount for account, amount in on_hold.items() if amount}
    return replace(usual.expectation(), final=final, external=external, on_hold=held)


class Writer:
    """Writes the items of a ledger, with bodies as real plans have them."""

    def __init__(self, ledger: LedgerPlan, run_id: str) -> None:
        self._ledger = ledger
        self._opening = opening_of(replace(ledger._dimensions.identity, run_id=run_id))
        self._count = 0

    def item(
        self,
        movements: Sequence[Movement],
        *,
        phase: Phase = Phase.TRANSFERS,
        kind: Kind = Kind.DIRECT,
        endpoint: str = "json",
        asset: AssetTemplate | None = None,
        unequal: bool = False,
        unknown: bool = False,
        date: str = "",
        refusal: str = "",
    ) -> TransactionItem:
        """Write one transaction of these movements."""
        self._count += 1
        key = f"{self._ledger.key}.h{self._count}"
        begins, mark = self._opening(key, b'"by hand"', "")
        legs = (_legs(movements, 0), _legs(movements, 1))
        some = next(account for side in legs for account in side if account is not None)
        asset = asset or self._ledger.asset_of(some)
        total = asset.text(sum(movement.amount for movement in movements))
        sides = [[(self._alias(account, asset), minor) for account, minor in side.items()] for side in legs]
        if unknown:
            sides[1] = [("absent-account", minor) for _, minor in sides[1]]
        if unequal:
            sides[1] = [(alias, minor + 1) for alias, minor in sides[1]]
        source, destination = [
            [
                {"accountAlias": alias, "amount": {"asset": asset.code, "value": asset.text(minor)}}
                for alias, minor in side
            ]
            for side in sides
        ]
        send: dict[str, Any] = {"asset": asset.code, "value": total}
        if endpoint != "inflow":
            send["source"] = {"from": source}
        if endpoint != "outflow":
            send["distribute"] = {"to": destination}
        body: dict[str, Any] = {"send": send}
        if kind is Kind.PENDING:
            body["pending"] = True
        if date:
            body["transactionDate"] = date
        answer = answer_of(
            asset, total, '","'.join(alias for alias, _ in sides[0]), ",".join(f'"{alias}"' for alias, _ in sides[1])
        )
        whole = begins + orjson.dumps(body)[1:]
        return TransactionItem(
            key, phase, whole, mark, answer, asset.code, total, tuple(movements), kind, endpoint,
            refusal=refusal,
        )  # fmt: skip

    def follow(self, first: TransactionItem, kind: Kind) -> TransactionItem:
        """Write the commit, cancel or revert of a transaction."""
        key = f"{first.key}.{kind.value}"
        return first._replace(
            key=key, phase=Phase.FOLLOW_UPS, body=b"", answer=b"", kind=kind, endpoint=kind.value, of=first.key,
            mark=self._opening(key, b'""', "")[1],
        )  # fmt: skip

    def refused(self, kind: str) -> TransactionItem:
        """Write a transaction that the server must refuse, for this reason."""
        give = {
            "insufficient-funds": lambda: self._refusal([Movement(0, 2, 10**12)], kind),
            "frozen-sender": lambda: self._refusal([Movement(FROZEN, 1, 1)], kind),
            "unknown-destination": lambda: self._refusal([Movement(0, 2, 1)], kind, unknown=True),
            "wrong-asset": lambda: self._refusal([Movement(0, 2, 1)], kind, asset=self._ledger.asset_of(1)),
            "unequal-sides": lambda: self._refusal([Movement(0, 2, 1)], kind, unequal=True),
            "future": lambda: self._refusal([Movement(0, 2, 1)], kind, date="2099-01-01T00:00:00Z"),
        }
        return give[kind]()

    def _refusal(self, movements: Sequence[Movement], kind: str, **changes: Any) -> TransactionItem:
        return self.item(movements, phase=Phase.REFUSALS, refusal=kind, **changes)

    def _alias(self, account: int | None, asset: AssetTemplate) -> str:
        return EXTERNAL + asset.code if account is None else self._ledger.alias(account)


def _legs(movements: Sequence[Movement], side: int) -> dict[int | None, int]:
    sums: dict[int | None, int] = {}
    for movement in movements:
        account = movement[side]
        assert account is None or isinstance(account, int)
        sums[account] = sums.get(account, 0) + movement.amount
    return sums


def draw_items(ledger: LedgerPlan, run_id: str, seed: int, *, rounds: int = 3, with_blocks: bool = True) -> Items:
    """Draw items of every kind. Accounts with an even index have one asset, the others another."""
    chance, write = random.Random(seed), Writer(ledger, run_id)
    transfers: list[TransactionItem] = []
    follow_ups: list[TransactionItem] = []

    def pair() -> tuple[int, int]:
        first, second, third = chance.sample([0, 2, 4, 6], 3) if chance.random() < 0.7 else chance.sample([1, 3, 5], 3)
        del third
        return first, second

    for _ in range(rounds):
        a, b = pair()
        transfers.append(write.item([Movement(a, b, chance.randint(1, 900))]))
        a, b = pair()
        many = [Movement(a, b, 7), Movement(a, b, 5)] + ([Movement(b, a, 2)] if a > b else [])
        transfers.append(write.item(many[:2]))
        transfers.append(write.item([Movement(pair()[0], None, 11)], endpoint="outflow"))
        transfers.append(write.item([Movement(None, pair()[0], 13)], endpoint="inflow"))
        transfers.append(write.item([Movement(*pair(), 17)], kind=Kind.ANNOTATION, endpoint="annotation"))
        if with_blocks:
            transfers.append(write.item([Movement(*pair(), 19)], endpoint="block"))
        for end in (Kind.COMMIT, Kind.CANCEL, None):
            held = write.item([Movement(*pair(), chance.randint(1, 300))], kind=Kind.PENDING)
            out = write.item([Movement(pair()[0], None, 23)], kind=Kind.PENDING, endpoint="outflow")
            transfers += [held, out]
            if end is not None:
                follow_ups += [write.follow(held, end), write.follow(out, end)]
        reverted = write.item([Movement(*pair(), 29)])
        transfers.append(reverted)
        follow_ups.append(write.follow(reverted, Kind.REVERT))
    chance.shuffle(transfers)
    chance.shuffle(follow_ups)
    return Items(transfers, follow_ups, [write.refused(kind) for kind in REFUSALS])


def hand_made(
    settings: Settings,
    seed: int = 1,
    *,
    items: Items | None = None,
    frozen: Sequence[int] = (FROZEN,),
    **changes: Any,
) -> Plan:
    """Plan one ledger by hand: with `items`, or with drawn ones (`draw_items`)."""
    usual = build_plan(settings)
    (organization,) = usual.organizations
    (ledger,) = organization.ledgers
    items = items or draw_items(ledger, usual.run_id, seed, **changes)
    made = HandMadeLedger(ledger, items, frozen=frozen, child=True)
    return replace(usual, organizations=(replace(organization, ledgers=(made,)),), counts=usual.counts | made.counts)


async def seed_plan(
    settings: Settings,
    plan: Plan,
    *,
    emit: Emit = lambda _: None,
    overrides: Mapping[type, Any] | None = None,
    verify_only: bool = False,
    opened: Callable[[RunContext], None] = lambda _: None,
) -> Report:
    """Run a plan as `seed_async` does, or verify it; `opened` gets the context before the first request."""
    target, clock = resolve_target(settings.target), (overrides or {}).get(Clock) or SystemClock()
    with open_session(settings, plan, target, clock) as session:
        async with open_run(settings, plan, target, emit=emit, session=session, overrides=overrides) as context:
            opened(context)
            started_s, started_at_s = context.clock.monotonic(), context.clock.time()
            await (orchestrator.verify(context) if verify_only else orchestrator.seed(context))
            context.close_journal()
            report = summarize(context, started_s=started_s, started_at_s=started_at_s, started_cpu_s=0.0)
        if not verify_only:
            session.end(report, write_outputs)
    return report
