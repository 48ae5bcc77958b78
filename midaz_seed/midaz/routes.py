"""Paths of Midaz's API (midaz-behaviour: paths). Pure."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import Entity
from midaz_seed.transport.base import Service


@dataclass(frozen=True, slots=True)
class Collection:
    """Where the entities of a kind are.

    Attributes:
        path: below the organization or the ledger that they belong to.
        service: the service that has them, where there are two.
        by_cursor: whether their list is paged by cursor.
        of_organization: they belong to an organization; those of all its ledgers are in one list.
        parents: the ids of what they belong to that answers have.
        created_at: the path at which they are created, if it is another one; `{names}` are fields of the body.
    """

    path: str
    service: Service = Service.ONBOARDING
    by_cursor: bool = False
    of_organization: bool = False
    parents: tuple[str, ...] = ("organizationId", "ledgerId")
    created_at: str = ""


COLLECTIONS = {
    Entity.ORGANIZATION: Collection("organizations"),
    Entity.LEDGER: Collection("ledgers"),
    Entity.ASSET: Collection("assets"),
    Entity.ASSET_RATE: Collection("asset-rates", Service.TRANSACTION),
    Entity.ACCOUNT_TYPE: Collection("account-types", by_cursor=True),
    Entity.OPERATION_ROUTE: Collection("operation-routes", Service.TRANSACTION, by_cursor=True),
    Entity.TRANSACTION_ROUTE: Collection("transaction-routes", Service.TRANSACTION, by_cursor=True),
    Entity.LEDGER_SETTINGS: Collection("settings"),
    Entity.HOLDER: Collection("holders", of_organization=True, parents=()),
    Entity.PORTFOLIO: Collection("portfolios"),
    Entity.SEGMENT: Collection("segments"),
    Entity.ACCOUNT: Collection("accounts"),
    Entity.INSTRUMENT: Collection(
        "instruments", of_organization=True, parents=("ledgerId",), created_at="holders/{holderId}/instruments"
    ),
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
    """Return the path at which entities of a kind are listed, and with few exceptions created."""
    where = COLLECTIONS[entity]
    return f"{(Place(place.organization_id) if where.of_organization else place).path}/{where.path}"


def creation(entity: Entity, place: Place, body: JsonObject) -> tuple[str, JsonObject]:
    """Return the path at which an entity is created, and its body without the fields that the path has."""
    where = COLLECTIONS[entity]
    if not where.created_at:
        return collection(entity, place), body
    path = f"{Place(place.organization_id).path}/{where.created_at.format_map(body)}"
    return path, {name: value for name, value in body.items() if f"{{{name}}}" not in where.created_at}


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
