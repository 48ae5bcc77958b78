"""The endpoints of Midaz that this tool uses: one method or request builder each.

Reads are sent through a `Read`, which retries. For creations and transactions only the request is built, because their
retries differ: an entity is looked up before it is sent again, a transaction is sent again with its idempotency key.

A proxy may answer instead of Midaz, and lists may lag. Therefore an object counts as missing only when a Midaz says so
(`evidence.says_missing`), and an answer of another form, or about another ledger, is not accepted.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from itertools import pairwise
from typing import Protocol, TypeVar, cast

import orjson

from midaz_seed.errors import NotMidazError, RequestFailedError
from midaz_seed.midaz import routes
from midaz_seed.midaz.evidence import parent_of, parsed_exactly
from midaz_seed.midaz.routes import COLLECTIONS, PAGE_LIMIT, Place
from midaz_seed.model.json_types import Json, JsonObject
from midaz_seed.plan.items import Entity, EntityItem, Phase
from midaz_seed.plan.marks import KEY_MARK, mark_in, mark_of_transaction
from midaz_seed.reporting.redaction import redacted_start
from midaz_seed.transport.base import KEY_HEADER, Request, Response, Service

T = TypeVar("T")
Take = Callable[[Response], T | None]
"""Converts a 2xx answer; returns None when the answer is not that of a Midaz to this request."""


class Read(Protocol):
    """Sends a read, with retries, until `take` accepts an answer.

    Returns the converted answer, or None when `missing_ok` and a Midaz says that the object does not exist. Raises
    RequestFailedError, or NotMidazError when no answer was accepted.
    """

    async def __call__(
        self, request: Request, phase: Phase, take: Take[T], *, missing_ok: bool = False
    ) -> T | None: ...


def odd_answer(request: Request, response: Response) -> NotMidazError:
    """Return the error for a 2xx answer that `take` does not accept."""
    start = redacted_start(response.body, 80)
    return NotMidazError(
        f"{request.method} {request.path}: {response.status}, but not the answer of a Midaz: {start!r}",
        hint="check the address and the port (Midaz from v3.5 on is on port 3002, older ones on 3000 and 3001): "
        "the answer seems to come from a proxy, a login page or another program",
    )


_PAGING = frozenset({"limit", "page", "cursor", "sort_order", "start_date", "end_date"})
"""Query parameters of a list that do not filter."""
KEY_TTL_HEADER = "X-TTL"
COUNT_HEADER = "X-Total-Count"
"""Headers of a transaction: its idempotency key and the key's lifetime in seconds; and of the response to a count."""
_TRANSACTION = Service.TRANSACTION  # cached: in Python 3.11 the access to an Enum member is slow


def create_request(entity: Entity, place: Place, body: JsonObject, method: str = "POST") -> Request:
    """Build the request that creates an entity; `method`: that of its generator."""
    path, rest = routes.creation(entity, place, body)
    return Request(method, path, orjson.dumps(rest), service=COLLECTIONS[entity].service)


def delete_request(entity: Entity, place: Place, entity_id: str) -> Request:
    """Build the `DELETE` of an entity."""
    return Request("DELETE", routes.one(entity, place, entity_id), service=COLLECTIONS[entity].service)


def transaction_request(path: str, body: bytes, idempotency_key: str, ttl: str) -> Request:
    """Build the `POST` of a transaction with an idempotency key (midaz-behaviour: idempotency-keys, key-lifetime).

    Args:
        path: from `routes.transactions`.
        body: the encoded request body.
        idempotency_key: the key.
        ttl: lifetime of the key in seconds, as text, because it is the same for all requests.
    """
    headers = {KEY_HEADER: idempotency_key, KEY_TTL_HEADER: ttl}
    return Request("POST", path, body, headers, _TRANSACTION)


def freeze_request(place: Place, balance_id: str) -> Request:
    """Build the `PATCH` with which a balance may not send any more; it may still receive."""
    return Request("PATCH", routes.balance(place, balance_id), b'{"allowSending":false}', service=_TRANSACTION)


class MidazApi:
    """The reads of one phase of a run."""

    def __init__(self, read: Read, phase: Phase, *, marks_in_metadata: bool = True) -> None:
        """Prepare the reads.

        Args:
            read: sends one.
            phase: in which they are counted.
            marks_in_metadata: transactions carry their marks in the metadata, otherwise in the description.
        """
        self._read = read
        self._phase = phase
        self._marks_in_metadata = marks_in_metadata

    async def version(self) -> str:
        """Return the server's version, such as `v3.8.0`. Raises NotMidazError when the server is not a Midaz."""
        found = await self._read(Request("GET", "/version"), self._phase, _version, missing_ok=True)
        if found is None:
            raise NotMidazError(
                "the server has no GET /version, so it is not a Midaz ledger",
                hint="check the address and the port: Midaz from v3.5 on is on port 3002, older ones on 3000 and 3001",
            )
        return found

    async def check_access(self) -> None:
        """Send a read that needs the credentials. Raises UnauthorizedError, NotMidazError."""
        await self.rows_once(routes.collection(Entity.ORGANIZATION, Place()), Service.ONBOARDING, limit="1")

    async def rows_once(self, path: str, service: Service, **query: str) -> JsonObject:
        """Return one page of a list with its envelope; `items` is always a list.

        With a filter, a 404 of a Midaz means that nothing matches (midaz-behaviour: metadata-filters), and the page
        is empty.
        """
        request = Request("GET", routes.with_query(path, **query), service=service)
        filtered = any(name.replace("__", ".") not in _PAGING for name in query)
        found = await self._read(request, self._phase, _list_at(path), missing_ok=filtered)
        return found if found is not None else {"items": []}

    async def rows(
        self, path: str, service: Service, *, by_cursor: bool, query: Mapping[str, str] | None = None
    ) -> AsyncIterator[JsonObject]:
        """Iterate over all rows of a list, each once, even if a row moves to the next page in the meantime.

        Args:
            path: path of the list.
            service: the service that has the list.
            by_cursor: the list is paged by cursor instead of page number.
            query: additional query parameters.

        Raises:
            RequestFailedError: when a page only repeats rows of earlier pages, or its cursor leads to no further rows.
        """
        more: dict[str, str] = {}
        page = 1
        seen: set[str] = set()
        cursors: set[str] = set()
        while True:
            wanted = {"limit": str(PAGE_LIMIT), "sort_order": "asc", **(query or {}), **more}
            envelope = await self.rows_once(path, service, **wanted)
            items = cast("list[JsonObject]", envelope["items"])
            new = [row for row in items if _is_new(row, seen)]
            if items and not new:
                raise RequestFailedError(
                    f"GET {path}: page {page} only repeats rows of earlier pages",
                    hint="check the proxy or gateway before the server: it seems to drop the query string",
                )
            for row in new:
                yield row
            cursor = envelope.get("next_cursor")
            if by_cursor and isinstance(cursor, str) and cursor:
                if not items or cursor in cursors:  # otherwise the list would have no end
                    raise RequestFailedError(
                        f"GET {path}: after page {page} more rows should follow, but its cursor leads to none",
                        hint="check the proxy or gateway before the server, then run the same command again",
                    )
                cursors.add(cursor)
                more = {"cursor": cursor}
            elif not by_cursor and len(items) == PAGE_LIMIT:
                more = {"page": str(page + 1)}
            else:
                return
            page += 1

    def entities(self, entity: Entity, place: Place, query: Mapping[str, str]) -> AsyncIterator[JsonObject]:
        """Iterate over the entities of a kind; `query` filters them on servers that support the filter."""
        where = COLLECTIONS[entity]
        return self.rows(routes.collection(entity, place), where.service, by_cursor=where.by_cursor, query=query)

    async def what_is_set(self, item: EntityItem, place: Place) -> JsonObject | None:
        """Return what a PUT or a PATCH has set, such as the settings of a ledger; None when it does not exist."""
        external_id = item.payload.get("externalId")
        path = routes.collection(item.entity, place) + (f"/{external_id}" if external_id else "")
        request = Request("GET", path, service=COLLECTIONS[item.entity].service)
        return await self._read(request, self._phase, _an_object, missing_ok=True)

    async def has_any(self, entity: Entity, place: Place, **query: str) -> bool:
        """Return whether there is any entity of a kind."""
        envelope = await self.rows_once(routes.collection(entity, place), Service.ONBOARDING, limit="1", **query)
        return bool(envelope["items"])

    async def entity(self, entity: Entity, place: Place, entity_id: str) -> JsonObject | None:
        """Return one entity by id, with its metadata; None when it does not exist."""
        return await self._object(Request("GET", routes.one(entity, place, entity_id)), "id", entity_id)

    async def account_by_alias(self, place: Place, alias: str) -> JsonObject | None:
        """Return one account by alias, without its metadata (midaz-behaviour: account-by-alias); None when missing."""
        return await self._object(Request("GET", routes.account_by_alias(place, alias)), "alias", alias)

    async def count(self, entity: Entity, place: Place) -> int:
        """Return the number of entities of a kind; external accounts are included."""
        return await self._count(Request("HEAD", routes.entity_count(entity, place)))

    async def transaction_count(self, place: Place, start: str, end: str) -> int:
        """Return the number of transactions created between two RFC 3339 times.

        The server requires both; otherwise it counts only those of the current day
        (midaz-behaviour: transaction-counts).
        """
        path = routes.with_query(f"{routes.transactions(place)}/metrics/count", start_date=start, end_date=end)
        return await self._count(Request("HEAD", path, service=Service.TRANSACTION))

    def balances(self, place: Place) -> AsyncIterator[JsonObject]:
        """Iterate over all balances of a ledger."""
        return self.rows(routes.balances(place), Service.TRANSACTION, by_cursor=True)

    async def balance(self, place: Place, balance_id: str) -> JsonObject | None:
        """Return one balance by id; None when it does not exist."""
        return await self._object(
            Request("GET", routes.balance(place, balance_id), service=Service.TRANSACTION), "id", balance_id
        )

    async def balance_at(self, place: Place, balance_id: str, moment: str) -> JsonObject | None:
        """Return a balance as it was at a time (midaz-behaviour: balance-history); None without an operation by then.

        Args:
            place: its ledger.
            balance_id: its id.
            moment: `yyyy-mm-dd hh:mm:ss` in UTC.
        """
        path = routes.with_query(routes.balance_history(place, balance_id), date=moment)
        return await self._object(Request("GET", path, service=Service.TRANSACTION), "id", balance_id)

    def operations(self, place: Place, account_id: str, dates: Mapping[str, str]) -> AsyncIterator[JsonObject]:
        """Iterate over the operations of an account; `dates`: `start_date` and `end_date`."""
        return self.rows(routes.operations(place, account_id), Service.TRANSACTION, by_cursor=True, query=dates)

    async def transaction_id_by_mark(
        self, place: Place, mark: str, dates: Mapping[str, str] | None = None
    ) -> str | None:
        """Return the id of the transaction with this mark; None when it does not exist.

        A reversal has the mark of the transaction that it reverts and is not meant.
        """
        return (await self.transaction_ids_by_mark(place, [mark], dates)).get(mark)

    async def transaction_ids_by_mark(
        self, place: Place, marks: Iterable[str], dates: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return the ids of the transactions with these marks, by mark, as `transactions_by_mark`."""
        rows = await self.transactions_by_mark(place, marks, dates)
        return {mark_of_transaction(row): str(row["id"]) for row in reversed(rows) if not parent_of(row)}

    async def transactions_by_mark(
        self, place: Place, marks: Iterable[str], dates: Mapping[str, str] | None = None
    ) -> list[JsonObject]:
        """Return the transactions with these marks: for each one, and its reversal.

        In the metadata a mark is found by a filter, one request for each. Descriptions have no filter
        (midaz-behaviour: metadata-filters), so without metadata the whole list is read once.

        Args:
            place: their ledger.
            marks: their marks.
            dates: `start_date` and `end_date`: by default they are searched in the last months.
        """
        path, wanted = routes.transactions(place), set(marks)
        found: list[JsonObject] = []
        if wanted and not self._marks_in_metadata:
            every = self.rows(path, Service.TRANSACTION, by_cursor=True, query=dates)
            return [row async for row in every if mark_of_transaction(row) in wanted and row.get("id")]
        for mark in sorted(wanted):
            query = {f"metadata.{KEY_MARK}": mark, "limit": str(PAGE_LIMIT), **(dates or {})}
            envelope = await self.rows_once(path, Service.TRANSACTION, **query)
            rows = cast("list[JsonObject]", envelope["items"])
            found += [row for row in rows if mark_of(row) == mark and row.get("id")]
        return found

    async def transaction(
        self, place: Place, transaction_id: str, dates: Mapping[str, str] | None = None
    ) -> JsonObject | None:
        """Return one transaction; None when it does not exist.

        It has up to a page of its operations (midaz-behaviour: operations-shown).

        Args:
            place: its ledger.
            transaction_id: its id.
            dates: `start_date` and `end_date`: v3.3 shows the operations only of a transaction that is dated between
                them, by default in the last months.
        """
        path = routes.with_query(
            f"{routes.transactions(place)}/{transaction_id}", limit=str(PAGE_LIMIT), **(dates or {})
        )
        return await self._object(Request("GET", path, service=Service.TRANSACTION), "id", transaction_id)

    async def _object(self, request: Request, name: str, value: str) -> JsonObject | None:
        """Read one object whose field `name` must have this value."""

        def take(response: Response) -> JsonObject | None:
            found = parsed_exactly(response.body)
            return found if isinstance(found, dict) and found.get(name) == value and found.get("id") else None

        return await self._read(request, self._phase, take, missing_ok=True)

    async def _count(self, request: Request) -> int:
        count = await self._read(request, self._phase, _total)
        assert count is not None, "only missing_ok allows None"
        return count


def mark_of(row: JsonObject, name: str = KEY_MARK) -> str:
    """Return a mark in the metadata of a server object; "" without one."""
    return mark_in(row, name)


def _version(response: Response) -> str | None:
    found = parsed_exactly(response.body)
    version = found.get("version") if isinstance(found, dict) else None
    return version if isinstance(version, str) else None


def _an_object(response: Response) -> JsonObject | None:
    found = parsed_exactly(response.body)
    return found if isinstance(found, dict) else None


def _total(response: Response) -> int | None:
    text = response.headers.get(COUNT_HEADER, "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _list_at(path: str) -> Take[JsonObject]:
    """Accept an envelope whose rows belong to the organization and ledger of the path, if they name any."""
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
    """Return whether a row was not seen before, and add it to the rows seen."""
    known = len(seen)
    seen.add(str(row.get("id") or row))
    return len(seen) > known
