"""The manifest of a plan: personas and accounts, with what a test or a demonstration must know about them. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.ledger_plan import LedgerPlan
from midaz_seed.plan.population import STATUSES

INTERNAL = "internal"
"""As the kind of an account: it belongs to the institution itself."""


class ManifestAccount(NamedTuple):
    """One account. All values are texts; what an account has not is "". Amounts are decimal numbers."""

    ledger: str
    """Key of its ledger, such as `o1.l1`."""
    key: str
    """Its key in the plan, such as `o1.l1.acc7`."""
    id: str
    """The server's id; "" when it could not be read."""
    alias: str
    label: str
    """`pessoa.checking`: kind of customer and name of the account in the scenario; or the name of an internal one."""
    kind: str
    """Kind of customer, or `internal`."""
    persona: str
    """Alias of the persona that it belongs to."""
    status: str
    """active, dormant, frozen or closed."""
    asset: str
    type: str
    holder_name: str
    holder_kind: str
    """PF: a person; PJ: a company."""
    document: str
    """CPF or CNPJ without punctuation."""
    parent: str
    """Key of its parent account."""
    portfolio: str
    """Key of its portfolio."""
    portfolio_id: str
    segment: str
    """Name of its segment."""
    opening: str
    """Balance after the opening deposit."""
    available: str
    """Expected available balance when everything is made."""
    on_hold: str
    """Expected amount on hold."""


def manifest_accounts(ledger: LedgerPlan, ids: dict[str, tuple[str, str]]) -> Iterator[ManifestAccount]:
    """Generate the accounts of a ledger, in the order of the plan.

    Args:
        ledger: with its balances.
        ids: alias -> server ids of the account and of its portfolio, as far as they are known.
    """
    planned, personas, segments = ledger.expectation(), _personas_of_accounts(ledger), ledger.shape.segments
    for index, account in enumerate(ledger.population.accounts()):
        text, holder = ledger.asset_of(index).text, account.holder
        account_id, portfolio_id = ids.get(account.alias, ("", ""))
        yield ManifestAccount(
            ledger.key,
            f"{ledger.key}.acc{index + 1}",
            account_id,
            account.alias,
            account.label,
            account.label.partition(".")[0] if holder else INTERNAL,
            personas.get(index, ""),
            STATUSES[account.status],
            account.asset,
            account.type,
            account.name,
            holder.kind if holder else "",
            holder.document if holder else "",
            f"{ledger.key}.acc{account.parent + 1}" if account.parent is not None else "",
            f"{ledger.key}.p{account.portfolio + 1}" if account.portfolio is not None else "",
            portfolio_id,
            segments[account.segment] if account.segment is not None else "",
            text(planned.deposited[index]),
            text(planned.final[index]),
            text(planned.on_hold.get(index, 0)),
        )


def manifest_personas(ledger: LedgerPlan) -> Iterator[JsonObject]:
    """Generate the personas of a ledger: alias, kind, name, status, tags, and the aliases of their accounts."""
    population = ledger.population
    for kind in ledger.shape.kinds:
        for number, persona in enumerate(kind.personas):
            accounts = population.accounts_of(population.customer[population.account_of(kind.name, number)])
            yield {
                "ledger": ledger.key,
                "alias": persona.alias,
                "kind": kind.name,
                "name": persona.name,
                "status": persona.status,
                "tags": list(persona.tags),
                "accounts": [ledger.alias(account) for account in accounts],
            }


def _personas_of_accounts(ledger: LedgerPlan) -> dict[int, str]:
    """Return account index -> alias of its persona."""
    population, found = ledger.population, dict[int, str]()
    for kind in ledger.shape.kinds:
        for number, persona in enumerate(kind.personas):
            customer = population.customer[population.account_of(kind.name, number)]
            found |= dict.fromkeys(population.accounts_of(customer), persona.alias)
    return found
