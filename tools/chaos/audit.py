"""Compare a sandbox's records with the plan, counting entities and movements by their tags.

The audit reads the records and not the API, because the records are complete: they hold what the API does not show,
such as a movement that a crash left out of every list, and no fault alters them.
"""

import functools
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, pairwise
from pathlib import Path

from midaz_seed.plan.items import Phase
from midaz_seed.plan.marks import KEY_MARK, mark_in, mark_of_transaction
from midaz_seed.plan.plan import Plan, build_plan
from midaz_seed.sandbox import SandboxConfig, running
from midaz_seed.sandbox.storage.state import EntityDoc, LedgerState, SandboxState
from midaz_seed.sandbox.transactions.reads import load_transaction
from midaz_seed.settings.model import Settings
from midaz_seed.settings.presets import PRESETS

_VOLUME = {
    "--organizations": "organizations",
    "--ledgers": "ledgers_per_organization",
    "--assets": "assets_per_ledger",
    "--portfolios": "portfolios_per_ledger",
    "--segments": "segments_per_ledger",
    "--accounts": "accounts_per_ledger",
    "--transactions": "transactions_per_account",
}
_BATCH = "--transactions-per-batch"

Balances = dict[tuple[str, str, str], Decimal]
"""(organization, ledger, alias) -> available; what left an external account is positive."""


@dataclass(frozen=True)
class Planned:
    """What a plan creates."""

    plan: Plan
    movements: Counter[str]
    """The tag of every transaction."""
    entities: Counter[str]
    """The tag of every entity that carries one."""
    balances: Balances

    @property
    def before_money(self) -> int:
        """Count the requests that create what movements need."""
        return self.plan.posts - len(self.movements)

    @property
    def deposits(self) -> int:
        """Count the transactions that are deposits."""
        return self.plan.counts.get(Phase.DEPOSITS, 0)


@dataclass(frozen=True)
class Audit:
    """The differences from the plan. A tag is in `doubled` once for each time that it is there too often."""

    doubled: tuple[str, ...]
    missing: tuple[str, ...]
    strange: tuple[str, ...]
    """Other differences: an entity that is there twice or not at all, an unplanned movement, a balance."""

    @property
    def exactly_once(self) -> bool:
        """Whether every planned movement is there once."""
        return not self.doubled and not self.missing

    @property
    def is_as_planned(self) -> bool:
        """Whether there is no difference."""
        return self.exactly_once and not self.strange

    def __str__(self) -> str:
        named = [("doubled", self.doubled), ("missing", self.missing), ("strange", self.strange)]
        return "; ".join(f"{len(tags)} {what} ({', '.join(tags[:4])})" for what, tags in named if tags) or "as planned"


@functools.lru_cache(maxsize=64)
def planned_by(flags: tuple[str, ...]) -> Planned:
    """Return what `midaz-seed run` plans with these flags; flags that do not change the data are ignored."""
    plan = build_plan(_settings(flags))
    movements, entities = Counter[str](), Counter[str]()
    for organization in plan.organizations:
        entities[f"{plan.run_id}/{organization.key}"] += 1
        for ledger in organization.ledgers:
            entities[f"{plan.run_id}/{ledger.key}"] += 1
            entities.update(f"{plan.run_id}/{item.key}" for item in ledger.entities())
            movements.update(item.tag for item in chain(ledger.deposits(), ledger.transfers()))
    balances = {
        (organization.name, ledger.name, row.alias): row.available
        for organization in plan.organizations
        for ledger in organization.ledgers
        for row in ledger.expected_balances()
    }
    return Planned(plan, movements, entities, balances)


def _settings(flags: Sequence[str]) -> Settings:
    given = dict(pairwise(flags))
    data = {"metadata": given.get("--metadata", "full")}
    if "--scenario" in given:
        return Settings.model_validate({"scenario": given["--scenario"], "data": data})
    preset = given.get("--preset", "small")
    volume = {**PRESETS[preset], **{field: int(given[flag]) for flag, field in _VOLUME.items() if flag in given}}
    batches = {"transactionsPerBatch": int(given.get(_BATCH, "1"))}
    return Settings.model_validate(
        {"preset": preset, "volume": volume, "data": data, "generation": {"batches": batches}}
    )


def audit(state: SandboxState, planned: Planned) -> Audit:
    """Compare a sandbox's records with the plan."""
    made = Counter(chain.from_iterable(_marks_of_movements(state, ledger) for ledger in state.ledger_states.values()))
    there = Counter(_mark(doc) for doc in _entities(state)) & Counter(dict.fromkeys(planned.entities, 1_000_000))
    twice = [f"{mark} is there {count} times" for mark, count in there.items() if count > planned.entities[mark]]
    absent = [f"{mark} is not there" for mark in planned.entities - there]
    unplanned = [f"movement {mark or 'without a tag'}" for mark in made if mark not in planned.movements]
    held = _balances(state)
    wrong = [
        f"{'/'.join(name)} holds {held.get(name)}, not {value}"
        for name, value in planned.balances.items()
        if held.get(name) != value
    ]
    doubled = (made - planned.movements) & Counter(dict.fromkeys(planned.movements, 1_000_000))
    missing = planned.movements - made
    return Audit(tuple(doubled.elements()), tuple(missing.elements()), (*twice, *absent, *unplanned, *wrong))


async def audit_file(data: Path, planned: Planned) -> Audit:
    """Compare the file of a sandbox that has ended with the plan."""
    async with running(SandboxConfig(data=data)) as server:
        return audit(server.state, planned)


def _marks_of_movements(state: SandboxState, ledger: LedgerState) -> Iterator[str]:
    for seq in ledger.seqs:
        made = load_transaction(state, seq)
        yield mark_of_transaction({"metadata": made.metadata, "description": made.description})


def _entities(state: SandboxState) -> Iterator[EntityDoc]:
    yield from state.organizations
    for ledgers in state.ledgers.values():
        yield from ledgers
    for ledger in state.ledger_states.values():
        for collection in ledger.collections.values():
            yield from collection


def _mark(doc: EntityDoc) -> str:
    return mark_in(doc, KEY_MARK)


def _balances(state: SandboxState) -> Balances:
    names = {
        (organization["id"], ledger["id"]): (organization["legalName"], ledger["name"])
        for organization in state.organizations
        for ledger in state.ledgers_of(organization["id"])
    }
    return {
        (*names[position], balance.alias): abs(balance.available)
        for position, ledger in state.ledger_states.items()
        if position in names
        for balance in ledger.balances.values()
        if balance.key == "default"
    }


def money_in_duplicates(state: SandboxState) -> Iterator[str]:
    """Yield organizations, ledgers and portfolios with one tag that each hold money, and removed ledgers with money."""
    holders: dict[str, set[str]] = defaultdict(set)
    for ledger_state in state.ledger_states.values():
        if not ledger_state.seqs:
            continue
        organization = state.organizations.live.get(ledger_state.org_id)
        ledger = state.ledger_doc(ledger_state.org_id, ledger_state.ledger_id)
        if organization is None or ledger is None:
            yield f"money in ledger {ledger_state.ledger_id}, which was removed"
            continue
        holders[_mark(organization)].add(ledger_state.org_id)
        holders[_mark(ledger)].add(ledger_state.ledger_id)
        _add_portfolios(ledger_state, holders)
    yield from (f"{len(ids)} of {mark} hold money" for mark, ids in holders.items() if len(ids) > 1)


def _add_portfolios(ledger_state: LedgerState, holders: dict[str, set[str]]) -> None:
    portfolios = ledger_state.collection("portfolios").live
    for account in ledger_state.collection("accounts"):
        portfolio = portfolios.get(str(account.get("portfolioId")))
        if portfolio is not None and account["id"] in ledger_state.touched:
            holders[_mark(portfolio)].add(portfolio["id"])
