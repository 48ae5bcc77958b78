"""Midaz's HTTP API as this tool uses it: one method per endpoint, requests in, typed rows out.

Reads are sent through a `Read` (which retries); creations and transactions only build the request, because what to do
about their answers differs: an entity is looked up before it is sent again, a transaction is sent again under its key.

Something else than a Midaz may answer now and then, and lists may lag. So "there is none" is only what a Midaz says
about what was asked for (`evidence.says_missing`); an answer of another shape, or about another place, is no answer.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from itertools import pairwise
from typing import Protocol, TypeVar, cast

from midaz_seed.errors import NotMidazError, RequestFailedError
from midaz_seed.midaz import routes
from midaz_seed.midaz.evidence import parsed_exactly
from midaz_seed.midaz.routes import PAGE_LIMIT, Place
from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.plan.dimensions import KEY_MARK
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.transport.base import Request, Response, Service

T = TypeVar("T")
Take = Callable[[Response], T | None]
"""What a read wants of a 2xx answer; None when the answer is not what a Midaz says to such a request."""


class Read(Protocol):
    """Sends a read, again where that helps, until `take` takes its answer.

    None where a Midaz says that what was asked for does not exist, when `missing_ok`. Raises RequestFailedError, and
    NotMidazError when no answer could be taken.
    """

    async def __call__(
        self, request: Request, phase: Phase, take: Take[T], *, missing_ok: bool = False
    ) -> T | None: ...


def odd_answer(request: Request, response: Response) -> NotMidazError:
    """What to raise about a 2xx answer that cannot be taken."""
    start = " ".join(response.body[:80].decode("utf-8", "replace").split())
    return NotMidazError(
        f"{request.method} {request.path}: {response.status}, but not with what a Midaz answers there: {start!r}",
        hint="check the address and the port (Midaz from v3.5 on is on port 3002, older ones on 3000 and 3001): "
        "a proxy, a login page or another program seems to answer there",
    )


_BY_CURSOR = frozenset({Entity.ACCOUNT_TYPE})
_PAGING = frozenset({"limit", "page", "cursor", "sort_order", "start_date", "end_date"})
"""Names in a list's query that narrow nothing down."""
_TRANSACTION = Service.TRANSACTION  # got once: in Python 3.11 a member of an Enum is found by a call of its class


def create_request(entity: Entity, place: Place, body: bytes) -> Request:
    """`POST` of an entity; 201 with its id."""
    return Request("POST", routes.collection(entity, place), body)


_ENDPOINTS = {Phase.DEPOSITS: "inflow", Phase.TRANSFERS: "json"}


def transaction_path(place: Place, phase: Phase) -> str:
    """The path that a ledger's transactions of a phase (deposits or transfers) are posted to."""
    return routes.transactions(place, _ENDPOINTS[phase])


def transaction_request(path: str, body: bytes, idempotency_key: str, ttl: str) -> Request:
    """`POST` of a transaction under an idempotency key (midaz-behaviour: idempotency-keys, key-lifetime), which lives
    for `ttl` seconds: a text, since it is the same for millions of requests."""
    headers = {"X-Idempotency": idempotency_key, "X-TTL": ttl}
    return Request("POST", path, body, headers, _TRANSACTION)


class MidazApi:
    """The reads, on behalf of one phase of the run."""

    def __init__(self, read: Read, phase: Phase) -> None:
        self._read = read
        self._phase = phase

    async def version(self) -> str:
        """The server's version string, such as `v3.8.0`. Raises NotMidazError when the answer is not Midaz's."""
        found = await self._read(Request("GET", "/version"), self._phase, _version, missing_ok=True)
        if found is None:
            raise NotMidazError(
                "the server answers, but it has no GET /version, as every Midaz ledger has",
                hint="check the address and the port: Midaz from v3.5 on is on port 3002, older ones on 3000 and 3001",
            )
        return found

    async def check_access(self) -> None:
        """One read that needs the credentials. Raises UnauthorizedError, NotMidazError."""
        await self.rows_once(routes.collection(Entity.ORGANIZATION, Place()), Service.ONBOARDING, limit="1")

    async def rows_once(self, path: str, service: Service, **query: str) -> JsonObject:
        """One page of a list, as its envelope, `items` always a list.

        Empty where a Midaz says 404 to a filter (midaz-behaviour: metadata-filters); a list without one is there in any
        case.
        """
        request = Request("GET", routes.with_query(path, **query), service=service)
        filtered = any(name.replace("__", ".") not in _PAGING for name in query)
        found = await self._read(request, self._phase, _list_at(path), missing_ok=filtered)
        return found if found is not None else {"items": []}

    async def rows(
        self, path: str, service: Service, *, by_cursor: bool, query: Mapping[str, str] | None = None
    ) -> AsyncIterator[JsonObject]:
        """Every row of a list, through all its pages; each once, also where a row moves to the next page meanwhile.

        Raises RequestFailedError when the pages repeat themselves.
        """
        more: dict[str, str] = {}
        page = 1
        seen: set[str] = set()
        while True:
            wanted = {"limit": str(PAGE_LIMIT), "sort_order": "asc", **(query or {}), **more}
            envelope = await self.rows_once(path, service, **wanted)
            items = cast("list[JsonObject]", envelope["items"])
            new = [row for row in items if _is_new(row, seen)]
            if items and not new:
                raise RequestFailedError(
                    f"GET {path}: page {page} holds only what was on the pages before it",
                    hint="check what stands before the server: it seems to leave the query out",
                )
            for row in new:
                yield row
            cursor = envelope.get("next_cursor")
            page += 1
            if by_cursor and isinstance(cursor, str) and cursor:
                more = {"cursor": cursor}
            elif not by_cursor and len(items) == PAGE_LIMIT:
                more = {"page": str(page)}
            else:
                return

    def entities(self, entity: Entity, place: Place, query: Mapping[str, str]) -> AsyncIterator[JsonObject]:
        """Every entity of a kind at a place; `query` narrows it on servers that know the filter."""
        path = routes.collection(entity, place)
        return self.rows(path, Service.ONBOARDING, by_cursor=entity in _BY_CURSOR, query=query)

    async def has_any(self, entity: Entity, place: Place, **query: str) -> bool:
        """Whether there is any entity of a kind at a place."""
        envelope = await self.rows_once(routes.collection(entity, place), Service.ONBOARDING, limit="1", **query)
        return bool(envelope["items"])

    async def entity(self, entity: Entity, place: Place, entity_id: str) -> JsonObject | None:
        """One entity by id, with its metadata; None when there is none."""
        return await self._object(Request("GET", routes.one(entity, place, entity_id)), "id", entity_id)

    async def account_by_alias(self, place: Place, alias: str) -> JsonObject | None:
        """One account by alias; its metadata is not in the answer (midaz-behaviour: account-by-alias)."""
        return await self._object(Request("GET", routes.account_by_alias(place, alias)), "alias", alias)

    async def count(self, entity: Entity, place: Place) -> int:
        """How many entities of a kind there are (accounts: external ones included)."""
        return await self._count(Request("HEAD", routes.entity_count(entity, place)))

    async def transaction_count(self, place: Place, start: str, end: str) -> int:
        """Transactions created between two RFC 3339 times; without times the server counts only today's
        (midaz-behaviour: transaction-counts)."""
        path = routes.with_query(f"{routes.transactions(place)}/metrics/count", start_date=start, end_date=end)
        return await self._count(Request("HEAD", path, service=Service.TRANSACTION))

    def balances(self, place: Place) -> AsyncIterator[JsonObject]:
        """Every balance of a ledger."""
        return self.rows(routes.balances(place), Service.TRANSACTION, by_cursor=True)

    async def transaction_id_by_mark(self, place: Place, mark: str) -> str | None:
        """The id of the transaction whose metadata carries `seedKey` = mark; None when there is none."""
        path = routes.transactions(place)
        envelope = await self.rows_once(path, Service.TRANSACTION, metadata__seedKey=mark, limit=str(PAGE_LIMIT))
        for row in cast("list[JsonObject]", envelope["items"]):
            if mark_of(row) == mark:
                return str(row["id"])
        return None

    async def transaction(self, place: Place, transaction_id: str) -> JsonObject | None:
        """One transaction with up to a page of its operations (midaz-behaviour: operations-shown); None when there is
        none."""
        path = f"{routes.transactions(place)}/{transaction_id}?limit={PAGE_LIMIT}"
        return await self._object(Request("GET", path, service=Service.TRANSACTION), "id", transaction_id)

    async def _object(self, request: Request, name: str, value: str) -> JsonObject | None:
        """One object, which is known by one of its fields."""

        def take(response: Response) -> JsonObject | None:
            found = parsed_exactly(response.body)
            return found if isinstance(found, dict) and found.get(name) == value and found.get("id") else None

        return await self._read(request, self._phase, take, missing_ok=True)

    async def _count(self, request: Request) -> int:
        count = await self._read(request, self._phase, _total)
        assert count is not None, "None is only what is missing and may be"
        return count


def mark_of(row: JsonObject, name: str = KEY_MARK) -> str:
    """A mark of an object of the server's; "" when it has none."""
    metadata = row.get("metadata")
    mark = metadata.get(name) if isinstance(metadata, dict) else None
    return mark if isinstance(mark, str) else ""


def _version(response: Response) -> str | None:
    found = parsed_exactly(response.body)
    version = found.get("version") if isinstance(found, dict) else None
    return version if isinstance(version, str) else None


def _total(response: Response) -> int | None:
    text = response.headers.get("X-Total-Count", "")
    return int(text) if text.isdigit() else None


def _list_at(path: str) -> Take[JsonObject]:
    """Takes an envelope whose rows, where they name organization and ledger, name those of the path."""
    _, _, *parts = path.split("/")
    ids = dict(pairwise(parts))
    parents = [(name, ids[part]) for part, name in _PARENTS.items() if part in ids]

    def take(response: Response) -> JsonObject | None:
        found = parsed_exactly(response.body)
        if not isinstance(found, dict):
            return None
        items = found.get("items", "")
        rows = [] if items is None else items
        if not isinstance(rows, list) or not all(_is_row(row, parents) for row in rows):
            return None
        return {**found, "items": rows}

    return take


_PARENTS = {"organizations": "organizationId", "ledgers": "ledgerId"}


def _is_row(row: Json, parents: list[tuple[str, str]]) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("id", ""), str)
        and all(row.get(name) in (None, value) for name, value in parents)
    )


def _is_new(row: JsonObject, seen: set[str]) -> bool:
    """Whether a row was not on an earlier place of its list; it is from now on."""
    known = len(seen)
    seen.add(str(row.get("id", f"without an id {known}")))
    return len(seen) > known
