"""Paths of Midaz's API (midaz-behaviour: paths). Pure."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from midaz_seed.plan.items import Entity

_COLLECTIONS = {
    Entity.ORGANIZATION: "organizations",
    Entity.LEDGER: "ledgers",
    Entity.ASSET: "assets",
    Entity.ACCOUNT_TYPE: "account-types",
    Entity.PORTFOLIO: "portfolios",
    Entity.SEGMENT: "segments",
    Entity.ACCOUNT: "accounts",
}
PAGE_LIMIT = 100
"""Maximum page size of the server (midaz-behaviour: list-pages)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A level of the hierarchy, by server ids: the root, an organization, or a ledger of an organization."""

    organization_id: str = ""
    ledger_id: str = ""

    @property
    def path(self) -> str:
        """The URL prefix of this level."""
        path = "/v1"
        if self.organization_id:
            path += f"/organizations/{self.organization_id}"
        if self.ledger_id:
            path += f"/ledgers/{self.ledger_id}"
        return path


def collection(entity: Entity, place: Place) -> str:
    """Return the path at which entities of a kind are created and listed."""
    return f"{place.path}/{_COLLECTIONS[entity]}"


def one(entity: Entity, place: Place, entity_id: str) -> str:
    """Return the path of one entity by its server id."""
    return f"{collection(entity, place)}/{entity_id}"


def entity_count(entity: Entity, place: Place) -> str:
    """Return the path whose `HEAD` has the number of entities in `X-Total-Count`."""
    return f"{collection(entity, place)}/metrics/count"


def account_by_alias(place: Place, alias: str) -> str:
    """Return the path of one account by its alias."""
    return f"{place.path}/accounts/alias/{quote(alias, safe='@:')}"


def transactions(place: Place, endpoint: str = "") -> str:
    """Return the path at which transactions are listed, or, with `endpoint` (`json`, `inflow`), created."""
    return f"{place.path}/transactions/{endpoint}" if endpoint else f"{place.path}/transactions"


def balances(place: Place) -> str:
    """Return the path of all balances of a ledger, which are paged by cursor."""
    return f"{place.path}/balances"


def balance(place: Place, balance_id: str) -> str:
    """Return the path of one balance by its id."""
    return f"{place.path}/balances/{balance_id}"


def balance_history(place: Place, balance_id: str) -> str:
    """Return the path of one balance as it was at a date, which the query names."""
    return f"{place.path}/balances/{balance_id}/history"


def operations(place: Place, account_id: str) -> str:
    """Return the path of the operations of an account, which are paged by cursor."""
    return f"{place.path}/accounts/{account_id}/operations"


def with_query(path: str, **query: str) -> str:
    """Add a query string to a path; a double underscore in a name becomes a dot (`metadata__key`)."""
    pairs = {name.replace("__", "."): value for name, value in query.items()}
    return f"{path}?{urlencode(pairs)}" if pairs else path
