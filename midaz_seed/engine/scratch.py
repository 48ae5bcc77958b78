"""A place to try a server out in: an organization of its own, with a ledger and accounts that hold money. It is removed
again afterwards."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
import orjson

from midaz_seed.clock import Clock
from midaz_seed.errors import SeedError, TargetError
from midaz_seed.midaz import routes
from midaz_seed.midaz.api import create_request, transaction_path, transaction_request
from midaz_seed.midaz.classify import read_error
from midaz_seed.midaz.routes import Place
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.jsons import JsonObject
from midaz_seed.model.money import format_minor
from midaz_seed.plan.items import Entity
from midaz_seed.plan.shape import RUN_MARK
from midaz_seed.reporting.logs import redact
from midaz_seed.transport.base import ConnectError, Request, Response, Transport, TransportError

ASSET = "BRL"
DECIMALS = 2
DEPOSIT_MINOR = 1_000_000_00
LEG_MINOR = 1
"""What one leg of a transfer moves: 0.01 BRL, so that a deposit is never used up."""
KEY_TTL_S = 60
AGAIN = frozenset({429, 502, 503, 504})
"""Statuses of something that is busy, or stands before the server; what was asked for was not done."""
PAUSES_S = (0.1, 0.2, 0.4, 0.8)
READY_WITHIN_S = 5.0
"""How long a new account's balance may take to be usable."""

Admit = Callable[[], Awaitable[None]]
"""Waits for the right to send one request."""


@dataclass(slots=True)
class Burst:
    """What a burst of transactions did."""

    accepted: int = 0
    refused: int = 0
    refusal: str = ""
    """The first refusal: its status and the server's words."""
    elapsed_s: float = 0.0
    """From the first send to the last answer."""
    latency: Histogram = field(default_factory=Histogram)
    """Of all answers, in microseconds."""


class Scratch:
    """One ledger to try things out in. `word` is in every name and key, so that nothing here meets anything else."""

    def __init__(self, transport: Transport, clock: Clock, word: str, admit: Admit | None) -> None:
        self._transport = transport
        self._clock = clock
        self._admit = admit
        self.word = word
        self.place = Place()

    def alias(self, account: int) -> str:
        """An account's alias, by index from 0."""
        return f"account{account + 1}-{self.word}"

    async def create(self, entity: Entity, place: Place, payload: JsonObject) -> str:
        """Create an entity; its id. Raises TargetError when the server refuses it."""
        answer = await self._send(create_request(entity, place, orjson.dumps(payload)))
        found = parsed_object(answer).get("id")
        if answer.status not in (200, 201) or not isinstance(found, str):
            raise TargetError(
                f"a {entity} to try the server out with cannot be created: {told(answer)}", hint="see the server's log"
            )
        return found

    async def add_account(self, account: int) -> None:
        """Create the account with this index. Raises TargetError."""
        payload: JsonObject = {"assetCode": ASSET, "type": "deposit", "alias": self.alias(account)}
        await self.create(Entity.ACCOUNT, self.place, payload)

    def deposit(self, accounts: Sequence[int], name: str) -> Request:
        """Money for these accounts, in one transaction. `name` makes its key."""
        total = DEPOSIT_MINOR * len(accounts)
        send: JsonObject = {
            **_amount(total),
            "distribute": {"to": [self._leg(account, DEPOSIT_MINOR) for account in accounts]},
        }
        return self._transaction("inflow", _body(send), name)

    def transfer_body(self, source: int, destinations: Sequence[int]) -> bytes:
        """One cent from an account to each of the others, in one transaction."""
        total = LEG_MINOR * len(destinations)
        send: JsonObject = {
            **_amount(total),
            "source": {"from": [self._leg(source, total)]},
            "distribute": {"to": [self._leg(account, LEG_MINOR) for account in destinations]},
        }
        return _body(send)

    def transfer(self, body: bytes, name: str) -> Request:
        """A request for a body of `transfer_body`. `name` makes its key."""
        return self._transaction("json", body, name)

    def _leg(self, account: int, minor: int) -> JsonObject:
        return {"accountAlias": self.alias(account), "amount": _amount(minor)}

    def _transaction(self, endpoint: str, body: bytes, name: str) -> Request:
        path = transaction_path(self.place, endpoint)
        return transaction_request(path, body, f"scratch.{self.word}.{name}", KEY_TTL_S)

    async def send_when_ready(self, request: Request) -> Response:
        """Send a deposit, again while the balances of its accounts are still on their way. Raises TargetError."""
        until_s = self._clock.monotonic() + READY_WITHIN_S
        answer = await self._send(request)
        while answer.status == 422 and self._clock.monotonic() < until_s:
            await self._clock.sleep(0.05)
            answer = await self._send(request)
        if answer.status != 201:
            raise TargetError(f"a deposit is refused: {told(answer)}", hint="see the server's log")
        return answer

    async def _send(self, request: Request) -> Response:
        if self._admit is not None:
            await self._admit()
        return await send_patiently(self._transport, self._clock, request)

    async def burst(
        self,
        request_of: Callable[[int], Request],
        *,
        in_flight: int,
        for_s: float,
        count_max: int,
    ) -> Burst:
        """Send the requests 0, 1, 2 ... with so many in flight, for so long and at most so many, and wait for their
        answers. Raises UnauthorizedError when the credentials are refused meanwhile."""
        clock, burst, begun = self._clock, Burst(), 0
        failures: list[SeedError] = []
        start_s = clock.monotonic()

        async def worker() -> None:
            nonlocal begun
            while begun < count_max and not failures:
                if self._admit is not None:
                    await self._admit()
                if begun >= count_max or clock.monotonic() - start_s >= for_s:
                    return
                number, begun = begun, begun + 1
                sent_s = clock.monotonic()
                try:
                    answer = await self._transport.send(request_of(number))
                    refusal = "" if answer.status == 201 else told(answer)
                except TransportError as error:
                    refusal = str(error)
                except SeedError as error:  # no token to be had, for one
                    failures.append(error)
                    return
                answered_s = clock.monotonic()
                burst.elapsed_s = answered_s - start_s
                burst.latency.record(int((answered_s - sent_s) * 1e6))
                burst.accepted += not refusal
                burst.refused += bool(refusal)
                burst.refusal = burst.refusal or refusal

        async with anyio.create_task_group() as group:
            for _ in range(in_flight):
                group.start_soon(worker)
        if failures:
            raise failures[0]
        return burst

    async def remove(self) -> list[str]:
        """Take the ledger and the organization away; paths of what cannot be removed, with the answer."""
        place = self.place
        paths = [routes.one(Entity.ORGANIZATION, Place(), place.organization_id)]
        if place.ledger_id:
            paths.insert(0, routes.one(Entity.LEDGER, Place(place.organization_id), place.ledger_id))
        for path in paths:
            try:
                answer = await self._transport.send(Request("DELETE", path))
            except (TransportError, SeedError) as error:
                return [f"{path} ({error})"]
            if answer.status not in (200, 204, 404):
                return [f"{path} ({told(answer)})"]
        return []


@asynccontextmanager
async def open_scratch(
    transport: Transport, clock: Clock, purpose: str, kept: list[str], admit: Admit | None = None
) -> AsyncIterator[Scratch]:
    """A ledger with the asset BRL for the duration of the block; what cannot be removed after it is told in `kept`.
    `admit` is awaited before each request.

    Raises TargetError, TransportError.
    """
    word = secrets.token_hex(4)
    scratch = Scratch(transport, clock, word, admit)
    mark = f"{purpose}-{word}"
    organization: JsonObject = {
        "legalName": f"midaz-seed {purpose} {word}",
        "legalDocument": word,
        "address": {"country": "BR"},
        "metadata": {RUN_MARK: mark},
    }
    with anyio.CancelScope(shield=True):  # one that was made and is not known could not be removed
        try:
            scratch.place = Place(await scratch.create(Entity.ORGANIZATION, Place(), organization))
        except TransportError as error:
            if error.maybe_applied:
                kept.append(f"an organization with {RUN_MARK} {mark}, if it was made ({error})")
            raise
    try:
        ledger_id = await scratch.create(Entity.LEDGER, scratch.place, {"name": f"{purpose} {word}"})
        scratch.place = Place(scratch.place.organization_id, ledger_id)
        asset: JsonObject = {"name": "Brazilian Real", "type": "currency", "code": ASSET}
        await scratch.create(Entity.ASSET, scratch.place, asset)
        yield scratch
    finally:
        with anyio.CancelScope(shield=True):
            kept += await scratch.remove()


async def send_patiently(transport: Transport, clock: Clock, request: Request) -> Response:
    """Send a request, a few times when the answer says that nothing was done, or no connection could be made. Raises
    TransportError."""
    for pause_s in PAUSES_S:
        with suppress(ConnectError):
            answer = await transport.send(request)
            if answer.status not in AGAIN:
                return answer
        await clock.sleep(pause_s)
    return await transport.send(request)


def _amount(minor: int) -> JsonObject:
    return {"asset": ASSET, "value": format_minor(minor, DECIMALS)}


def _body(send: JsonObject) -> bytes:
    return orjson.dumps({"description": "scratch", "send": send})


def told(answer: Response) -> str:
    """An answer's status and what the server says about it, in one line, free of secrets."""
    return redact(" ".join([str(answer.status), *read_error(answer.body)]).strip())


def parsed_object(answer: Response) -> JsonObject:
    """An answer's JSON object; empty when it holds none."""
    try:
        parsed = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
