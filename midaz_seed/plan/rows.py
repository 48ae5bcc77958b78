"""The transactions of a plan as rows, for analysis with other programs. Pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from midaz_seed.plan.items import FOLLOW_UP_KINDS, Phase, TransactionItem
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.plan.plan import Plan
from midaz_seed.plan.profile import place_of

PHASES = (Phase.DEPOSITS, Phase.TRANSFERS, Phase.FOLLOW_UPS, Phase.REFUSALS)


class Row(NamedTuple):
    """One transaction. All values but `legs` are texts."""

    key: str
    entry: str
    """Its place in the scenario: `mix.pix-p2p`; `opening` for deposits, `refusals` for refusals."""
    kind: str
    """direct, pending, annotation; commit, cancel, revert; for a refusal its reason."""
    date: str
    """The local day; "" without a date."""
    time: str
    rail: str
    source: str
    """Alias; several are separated by semicolons."""
    destination: str
    asset: str
    amount: str
    """A decimal number."""
    description: str
    legs: int
    """Accounts on both sides."""


def rows(plan: Plan) -> Iterator[Row]:
    """Generate the transactions of a plan, ledger by ledger, in the order in which they are sent."""
    for ledger in plan.ledgers:
        places = {name: place_of(flow) for name, flow in ledger.flows.by_name.items()}
        for phase in PHASES:
            if phase in ledger.counts:
                for item in ledger.transactions(phase):
                    yield _row(ledger, item, places)


def _row(ledger: LedgerPlan, item: TransactionItem, places: dict[str, str]) -> Row:
    sources, destinations = item.accounts
    body: dict[str, Any] = orjson.loads(item.body) if item.body else {}
    day, time = ledger.writer.stamper.local(item.moment) if item.moment else ("", "")
    return Row(
        item.key,
        _entry(ledger, item, places),
        item.refusal or str(item.kind),
        day,
        time,
        (body.get("metadata") or {}).get("rail", ""),
        ";".join(sources),
        ";".join(destinations),
        item.asset,
        item.amount,
        body.get("description", ""),
        len(sources) + len(destinations),
    )


def _entry(ledger: LedgerPlan, item: TransactionItem, places: dict[str, str]) -> str:
    if item.phase is Phase.DEPOSITS:
        return "opening"
    if item.phase is Phase.REFUSALS:
        return "refusals"
    key = item.of if item.kind in FOLLOW_UP_KINDS else item.key
    name = key.removeprefix(f"{ledger.key}.").partition(".")[0]
    rounds = ledger.flows.rounds
    return places[rounds.name] if rounds is not None and name not in places else places[name]
