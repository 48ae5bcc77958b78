"""The paths of Midaz's API (midaz-behaviour: paths). Pure."""

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
"""The server's largest page (midaz-behaviour: list-pages)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the hierarchy something lives: nothing, an organization, or a ledger of an organization (server ids)."""

    organization_id: str = ""
    ledger_id: str = ""

    @property
    def path(self) -> str:
        """The part of the path that leads there."""
        path = "/v1"
        if self.organization_id:
            path += f"/organizations/{self.organization_id}"
        if self.ledger_id:
            path += f"/ledgers/{self.ledger_id}"
        return path


def collection(entity: Entity, place: Place) -> str:
    """Where entities of a kind are created and listed."""
    return f"{place.path}/{_COLLECTIONS[entity]}"


def one(entity: Entity, place: Place, entity_id: str) -> str:
    """One entity by its server id."""
    return f"{collection(entity, place)}/{entity_id}"


def entity_count(entity: Entity, place: Place) -> str:
    """`HEAD` gives the number in `X-Total-Count`."""
    return f"{collection(entity, place)}/metrics/count"


def account_by_alias(place: Place, alias: str) -> str:
    """One account by its alias; external accounts have a route of their own, since their alias holds a slash."""
    return f"{place.path}/accounts/alias/{quote(alias, safe='@:')}"


def transactions(place: Place, endpoint: str = "") -> str:
    """Where transactions are listed, or posted when `endpoint` is `json`, `inflow`, ..."""
    return f"{place.path}/transactions/{endpoint}" if endpoint else f"{place.path}/transactions"


def balances(place: Place) -> str:
    """All balances of a ledger, by cursor."""
    return f"{place.path}/balances"


def with_query(path: str, **query: str) -> str:
    """The path with a query string; a double underscore in a name stands for a dot (`metadata__key`)."""
    pairs = {name.replace("__", "."): value for name, value in query.items()}
    return f"{path}?{urlencode(pairs)}" if pairs else path
