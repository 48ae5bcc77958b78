"""Small plans for tests, and what they consist of."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from hypothesis import strategies as st

from midaz_seed.plan.items import EntityItem, Phase, TransactionItem
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.settings.model import Settings

Sums = Counter[tuple[int | None, str]]
"""(account, or None for the external one; code of the asset) -> minor units."""


def plan_of(transactions_per_batch: int = 1, preset: str = "tiny", seed: int = 1, **volume: int) -> Plan:
    """Return a plan of the scenario `classic` with the run id `r`."""
    batches = {"transactionsPerBatch": transactions_per_batch}
    return build_plan(
        Settings.model_validate(
            {"preset": preset, "seed": seed, "runId": "r", "volume": volume, "generation": {"batches": batches}}
        )
    )


def ledger_of(transactions_per_batch: int = 1, preset: str = "tiny", seed: int = 1, **volume: int) -> LedgerPlan:
    """Return the only ledger of such a plan."""
    (ledger,) = plan_of(transactions_per_batch, preset, seed, **volume).ledgers
    return ledger


@st.composite
def shapes(draw: st.DrawFn) -> Settings:
    """Draw small plans of every shape of the scenario `classic`."""
    assets = draw(st.integers(1, 8))
    return Settings.model_validate(
        {
            "seed": draw(st.integers(0, 2**40)),
            "volume": {
                "organizations": draw(st.integers(1, 2)),
                "ledgersPerOrganization": draw(st.integers(1, 2)),
                "assetsPerLedger": assets,
                "portfoliosPerLedger": draw(st.integers(0, 12)),
                "segmentsPerLedger": draw(st.integers(0, 12)),
                "accountTypesPerLedger": draw(st.integers(0, 5)),
                "accountsPerLedger": draw(st.integers(2 * assets, 2 * assets + 20)),
                "transactionsPerAccount": draw(st.integers(0, 8)),
            },
            "generation": {"batches": {"transactionsPerBatch": draw(st.integers(1, 12))}},
        }
    )


def entities(plan: Plan) -> Iterator[EntityItem]:
    """Generate all entities of a plan."""
    for organization in plan.organizations:
        yield organization.item
        for ledger in organization.ledgers:
            yield ledger.item
            yield from ledger.entities()


def transactions(ledger: LedgerPlan) -> Iterator[TransactionItem]:
    """Generate all transactions of a ledger, in the order of the phases."""
    phases = (Phase.DEPOSITS, Phase.TRANSFERS, Phase.FOLLOW_UPS, Phase.REFUSALS)
    return chain.from_iterable(ledger.transactions(phase) for phase in phases)


def asset_of(ledger: LedgerPlan, item: TransactionItem) -> Any:
    """Return the asset of a transaction, from its accounts; all of them have the same one."""
    found = {
        ledger.asset_of(account)
        for source, destination, _ in item.movements
        for account in (source, destination)
        if account is not None
    }
    assert len(found) == 1, item.key
    return found.pop()


def sums_by_side(items: Iterable[TransactionItem]) -> tuple[Sums, Sums]:
    """Return what each account pays, and what it receives; the external account is None."""
    paid, received = Sums(), Sums()
    for item in items:
        for source, destination, amount in item.movements:
            paid[source, item.asset] += amount
            received[destination, item.asset] += amount
    return paid, received
