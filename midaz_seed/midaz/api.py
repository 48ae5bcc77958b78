"""Midaz's HTTP API as this tool uses it: one method per endpoint, requests in, typed rows out.

Reads are sent through a `Read` (which retries); creations and transactions only build the request, because what to do
about their answers differs: an entity is looked up before it is sent again, a transaction is sent again under its key.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Protocol, cast

import orjson

from midaz_seed.errors import NotMidazError
from midaz_seed.midaz import routes
from midaz_seed.midaz.routes import PAGE_LIMIT, Place
from midaz_seed.model.jsons import Json, JsonObject
from midaz_seed.plan.items import Entity, Phase
from midaz_seed.transport.base import Request, Response, Service


class Read(Protocol):
    """Sends a read, retrying where that helps; None for 404 when `missing_ok`. Raises RequestFailedError."""

    async def __call__(self, request: Request, phase: Phase, *, missing_ok: bool = False) -> Response | None: ...


_BY_CURSOR = frozenset({Entity.ACCOUNT_TYPE})
_TRANSACTION = Service.TRANSACTION  # got once: in Python 3.11 a member of an Enum is found by a call of its class


def create_request(entity: Entity, place: Place, body: bytes) -> Request:
    """`POST` of an entity; 201 with its id."""
    return Request("POST", routes.collection(entity, place), body)


def transaction_path(place: Place, endpoint: str) -> str:
    """Where transactions of a ledger are posted; the same for a whole phase."""
    return routes.transactions(place, endpoint)


def transaction_request(path: str, body: bytes, idempotency_key: str, ttl_s: int) -> Request:
    """`POST` of a transaction under an idempotency key (contract, 13)."""
    headers = {"X-Idempotency": idempotency_key, "X-TTL": str(ttl_s)}
    return Request("POST", path, body, headers, _TRANSACTION)


class MidazApi:
    """The reads, on behalf of one phase of the run."""

    def __init__(self, read: Read, phase: Phase) -> None:
        self._read = read
        self._phase = phase

    async def version(self) -> str:
        """The server's version string, such as `v3.8.0`. Raises NotMidazError when the answer is not Midaz's."""
        response = await self._read(Request("GET", "/version"), self._phase, missing_ok=True)
        parsed = _parse(response) if response is not None else None
        version = parsed.get("version") if isinstance(parsed, dict) else None
        if not isinstance(version, str):
            raise NotMidazError(
                "the server answers, but GET /version is not a Midaz ledger's",
                hint="check the address and the port: Midaz from v3.5 on is on port 3002, older ones on 3000 and 3001",
            )
        return version

    async def check_access(self) -> None:
        """One read that needs the credentials. Raises UnauthorizedError, NotMidazError."""
        await self.rows_once(routes.collection(Entity.ORGANIZATION, Place()), Service.ONBOARDING, limit="1")

    async def rows_once(self, path: str, service: Service, **query: str) -> JsonObject:
        """One page of a list, as its envelope; empty when the server says 404 (contract, 5.3: a filter without
        match)."""
        request = Request("GET", routes.with_query(path, **query), service=service)
        response = await self._read(request, self._phase, missing_ok=True)
        if response is None:
            return {"items": []}
        parsed = _parse(response)
        if not isinstance(parsed, dict) or "items" not in parsed:
            raise NotMidazError(
                f"GET {path} did not answer with a list",
                hint="check that nothing else (a proxy, a login page) answers at this address",
            )
        return parsed

    async def rows(
        self, path: str, service: Service, *, by_cursor: bool, query: Mapping[str, str] | None = None
    ) -> AsyncIterator[JsonObject]:
        """Every row of a list, through all its pages."""
        more: dict[str, str] = {}
        page = 1
        while True:
            wanted = {"limit": str(PAGE_LIMIT), "sort_order": "asc", **(query or {}), **more}
            envelope = await self.rows_once(path, service, **wanted)
            items = envelope["items"] or []
            for row in cast("list[JsonObject]", items):
                yield row
            cursor = envelope.get("next_cursor")
            page += 1
            if by_cursor and isinstance(cursor, str) and cursor:
                more = {"cursor": cursor}
            elif not by_cursor and isinstance(items, list) and len(items) == PAGE_LIMIT:
                more = {"page": str(page)}
            else:
                return

    def entities(self, entity: Entity, place: Place, query: Mapping[str, str]) -> AsyncIterator[JsonObject]:
        """Every entity of a kind at a place; `query` narrows it on servers that know the filter."""
        path = routes.collection(entity, place)
        return self.rows(path, Service.ONBOARDING, by_cursor=entity in _BY_CURSOR, query=query)

    async def entity(self, entity: Entity, place: Place, entity_id: str) -> JsonObject | None:
        """One entity by id, with its metadata; None when there is none."""
        return await self._object(Request("GET", routes.one(entity, place, entity_id)))

    async def account_by_alias(self, place: Place, alias: str) -> JsonObject | None:
        """One account by alias; its metadata is not in the answer (contract, 9.1)."""
        return await self._object(Request("GET", routes.account_by_alias(place, alias)))

    async def count(self, entity: Entity, place: Place) -> int:
        """How many entities of a kind there are (accounts: external ones included)."""
        return await self._count(Request("HEAD", routes.entity_count(entity, place)))

    async def transaction_count(self, place: Place, start: str, end: str) -> int:
        """Transactions created between two RFC 3339 times; without times the server counts only today's (contract,
        5.4)."""
        path = routes.with_query(f"{routes.transactions(place)}/metrics/count", start_date=start, end_date=end)
        return await self._count(Request("HEAD", path, service=Service.TRANSACTION))

    def balances(self, place: Place) -> AsyncIterator[JsonObject]:
        """Every balance of a ledger."""
        return self.rows(routes.balances(place), Service.TRANSACTION, by_cursor=True)

    def transactions(self, place: Place) -> AsyncIterator[JsonObject]:
        """Every transaction of a ledger."""
        return self.rows(routes.transactions(place), Service.TRANSACTION, by_cursor=True)

    async def transaction_id_by_mark(self, place: Place, mark: str) -> str | None:
        """The id of the transaction whose metadata carries `seedKey` = mark; None when there is none."""
        path = routes.transactions(place)
        envelope = await self.rows_once(path, Service.TRANSACTION, metadata__seedKey=mark, limit=str(PAGE_LIMIT))
        for row in cast("list[JsonObject]", envelope["items"] or []):
            if _metadata(row).get("seedKey") == mark:
                return str(row["id"])
        return None

    async def transaction(self, place: Place, transaction_id: str) -> JsonObject | None:
        """One transaction with up to a page of its operations (contract, 12.9); None when there is none."""
        path = f"{routes.transactions(place)}/{transaction_id}?limit={PAGE_LIMIT}"
        return await self._object(Request("GET", path, service=Service.TRANSACTION))

    async def _object(self, request: Request) -> JsonObject | None:
        response = await self._read(request, self._phase, missing_ok=True)
        if response is None:
            return None
        parsed = _parse(response)
        if not isinstance(parsed, dict):
            raise NotMidazError(f"GET {request.path} did not answer with an object", hint="check the address")
        return parsed

    async def _count(self, request: Request) -> int:
        response = await self._read(request, self._phase)
        text = response.headers.get("X-Total-Count", "") if response is not None else ""
        if not text.isdigit():
            raise NotMidazError(
                f"HEAD {request.path} has no X-Total-Count", hint="check the server's version: v2.2 or later"
            )
        return int(text)


def _metadata(row: JsonObject) -> JsonObject:
    metadata = row.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _parse(response: Response) -> Json:
    try:
        return cast("Json", orjson.loads(response.body))
    except orjson.JSONDecodeError:
        start = " ".join(response.body[:80].decode("utf-8", "replace").split())
        raise NotMidazError(
            f"what answers is no Midaz: {response.status} with something that is not JSON: {start!r}",
            hint="check the address: a proxy or another program seems to answer there",
        ) from None
