"""Estimate the cost of a plan: requests, bytes, duration at a given rate, memory in the server's Redis. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice

from orjson import dumps

from midaz_seed.plan.generators import LEDGER_ENTITIES
from midaz_seed.plan.items import Phase
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.plan.plan import Plan

SLOT_BASE_KB = 1.7
SLOT_LEG_KB = 1.0
"""Memory of a stored idempotency key with its answer, and of each leg in it. Measured on a Midaz v3.8: 2.7 kB with one
destination, 20.6 kB with 19."""
SAMPLED = 200
"""Transactions per phase whose bodies are measured; the estimate assumes the same mean for the others."""


@dataclass(frozen=True, slots=True)
class AssetTotal:
    """One asset over all ledgers."""

    code: str
    deposits: Decimal
    """Opening balances of all accounts."""
    balances: Decimal
    """What all accounts hold at the end: deposits, and what comes in, less what goes out."""
    accounts: int


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """The estimated cost of a plan."""

    run_id: str
    digest: str
    seed: int
    counts: dict[Phase, int]
    """Items by phase."""
    posts: int
    """Requests that create something."""
    movements: int
    transactions: int
    totals: tuple[AssetTotal, ...]
    body_bytes: int
    """Of all request bodies, estimated from `bodies_weighed` of them."""
    bodies_weighed: int
    rate_per_s: float
    """Requests per second that were assumed."""
    duration_s: float
    """At that rate."""
    slots: int
    """Idempotency keys that the server holds at once at that rate."""
    redis_bytes: int
    """Memory of those keys in the server's Redis."""
    scenario: str
    days: int
    """Days of the history; 0 without dates."""
    first_day: date | None
    last_day: date | None
    raised_accounts: int
    """Accounts whose opening balance is above the scenario's wish, because their movements need it."""
    raised_median: Decimal
    """Median of the raise in the first asset; of several ledgers, the median of theirs."""


def summarize_plan(plan: Plan, *, rate_per_s: float, ttl_s: int) -> PlanSummary:
    """Estimate the cost of a plan. Pure.

    Args:
        plan: from `build_plan`.
        rate_per_s: requests per second that the server takes.
        ttl_s: seconds for which the server keeps idempotency keys: `settings.idempotency.ttl_s`.
    """
    deposits, transfers = plan.counts.get(Phase.DEPOSITS, 0), plan.counts.get(Phase.TRANSFERS, 0)
    transactions = deposits + transfers
    body_bytes, weighed = _weigh(plan)
    slots = min(transactions, round(rate_per_s * ttl_s))
    legs = plan.movements / transactions if transactions else 0
    history = plan.ledgers[0].history
    return PlanSummary(
        run_id=plan.run_id,
        digest=plan.digest,
        seed=plan.seed,
        counts=plan.counts,
        posts=plan.posts,
        movements=plan.movements,
        transactions=transactions,
        totals=_totals(plan),
        body_bytes=body_bytes,
        bodies_weighed=weighed,
        rate_per_s=rate_per_s,
        duration_s=plan.posts / rate_per_s,
        slots=slots,
        redis_bytes=round(slots * (SLOT_BASE_KB + SLOT_LEG_KB * legs) * 1000),
        scenario=plan.scenario,
        days=len(history),
        first_day=history[0] if history else None,
        last_day=history[-1] if history else None,
        raised_accounts=plan.raised.accounts,
        raised_median=plan.ledgers[0].assets[0].decimal(plan.raised.median),
    )


def _totals(plan: Plan) -> tuple[AssetTotal, ...]:
    ledgers = [ledger.expectation() for ledger in plan.ledgers]
    return tuple(
        AssetTotal(
            asset.code,
            asset.decimal(sum(planned.opening[asset.code] for planned in ledgers)),
            asset.decimal(sum(planned.external[asset.code] for planned in ledgers)),
            sum(planned.accounts[asset.code] for planned in ledgers),
        )
        for asset in plan.ledgers[0].assets
    )


def _weigh(plan: Plan) -> tuple[int, int]:
    """Return the estimated bytes of all bodies and the number of transactions measured, all of the first ledger."""
    weighed = 0
    total = sum(len(dumps(organization.item.payload)) for organization in plan.organizations)
    total += sum(len(dumps(one.item.payload)) for one in plan.ledgers)
    ledger = plan.ledgers[0]
    for phase in (Phase.DEPOSITS, Phase.TRANSFERS, Phase.REFUSALS):
        sizes = [len(item.body) for item in islice(ledger.transactions(phase), SAMPLED)]
        weighed += len(sizes)
        total += round(sum(sizes) / max(len(sizes), 1) * plan.counts.get(phase, 0))
    return total + _entity_bytes(ledger) * len(plan.ledgers), weighed


def _entity_bytes(ledger: LedgerPlan) -> int:
    total = 0
    for generator in LEDGER_ENTITIES:
        sizes = [len(dumps(item.payload)) for item in islice(ledger.items_of(generator.entity), SAMPLED)]
        total += round(sum(sizes) / max(len(sizes), 1) * ledger.counts.get(generator.phase, 0))
    return total
