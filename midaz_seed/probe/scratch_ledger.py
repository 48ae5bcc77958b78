"""A temporary organization with a ledger and funded accounts, in which a server is tried out."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import anyio
import anyio.lowlevel
import orjson

from midaz_seed.clock import Clock
from midaz_seed.errors import SeedError, TargetError
from midaz_seed.midaz import routes
from midaz_seed.midaz.api import create_request, mark_of, transaction_request
from midaz_seed.midaz.evidence import Effect, Reading, midaz_code, says_missing
from midaz_seed.midaz.routes import Place
from midaz_seed.model.balances import EXTERNAL
from midaz_seed.model.histogram import Histogram
from midaz_seed.model.json_types import JsonObject
from midaz_seed.plan.items import AssetTemplate, Entity, Phase, TransactionItem, answer_of
from midaz_seed.plan.marks import KEY_MARK, RUN_MARK
from midaz_seed.probe.answers import Answers
from midaz_seed.probe.requests import describe_answer, send_with_retries
from midaz_seed.task_groups import finished_within
from midaz_seed.transport.base import Request, Response, Transport, TransportError

BRL = AssetTemplate("BRL", "Real brasileiro", "R$", 2, "currency")
DEPOSIT_MINOR = 1_000_000_00
LEG_MINOR = 1
"""The amount of one leg of a transfer: 0.01 BRL, so that a deposit is never used up."""
KEY_TTL = "60"
READY_WITHIN_S = 5.0
"""The time within which a new account's balance is usable, and a response is stored under its key."""
ODD_MAX = 4
"""Attempts of a deposit under one key while its response is not the server's."""
CLEAN_UP_S = 5.0
"""Time for the removal after a cancellation."""
FOREIGN_MAX = 4
"""Keys that a deposit may use, when each is answered with another transaction."""

Admit = Callable[[], Awaitable[None]]
"""Waits until one request may be sent."""


class Trial(NamedTuple):
    """A planned transaction, and the request that creates it."""

    item: TransactionItem
    request: Request


class Legs(NamedTuple):
    """The total of a transaction, the `send` of its body as JSON, and the bytes that its response contains."""

    total: str
    send: str
    answer: bytes


class Sent(NamedTuple):
    """The last response to a transaction, and its reading."""

    trial: Trial
    answer: Response
    reading: Reading


class UnclearError(TargetError):
    """The response to a create does not show what was created."""


@dataclass(slots=True)
class Burst:
    """The result of a burst of transactions. Responses with another item's transaction are not counted."""

    accepted: int = 0
    refused: int = 0
    odd: int = 0
    """Without the server's own response, so it is unknown whether they were carried out."""
    refusal: str = ""
    """The first refusal: its status and the server's message."""
    elapsed_s: float = 0.0
    """From the first request to the last response."""
    latency: Histogram = field(default_factory=Histogram)
    """Of all responses, in microseconds."""

    def add(self, reading: Reading | None, refusal: str) -> None:
        """Count a response, or with None a request without one."""
        self.accepted += reading is Reading.OURS
        self.odd += reading is Reading.ODD
        if reading not in (Reading.OURS, Reading.ODD, Reading.FOREIGN):
            self.refused += 1
            self.refusal = self.refusal or refusal


class ScratchLedger:
    """One temporary ledger. `suffix` is in every name and key, so that it collides with nothing else."""

    def __init__(
        self, transport: Transport, clock: Clock, purpose: str, suffix: str, admit: Admit | None, answers: Answers
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._admit = admit
        self.suffix = suffix
        self.mark = f"{purpose}-{suffix}"
        """The run mark of everything that is created here."""
        self.place = Place()
        self.answers = answers

    def alias(self, account: int) -> str:
        """Return the alias of the account with this index, from 0."""
        return f"account{account + 1}-{self.suffix}"

    async def create(self, entity: Entity, name: str, payload: JsonObject) -> str:
        """Create an entity at `place` and return its id; `name` is part of its mark.

        Raises:
            TargetError: the server refuses it.
            UnclearError: the response has no id.
        """
        place = self.place
        payload = {**payload, "metadata": {RUN_MARK: self.mark, KEY_MARK: f"{self.mark}/{name}"}}
        answer = await self._send(create_request(entity, place, payload))
        parents = {"organizationId": place.organization_id, "ledgerId": place.ledger_id}
        effect = self.answers.entity(answer, entity, payload, {name: id_ for name, id_ in parents.items() if id_})
        found = (answer.json_object() or {}).get("id")
        if 200 <= answer.status < 300 and isinstance(found, str) and found:
            return found  # if the rest of it is odd, `answers` has counted that
        error = TargetError if effect is Effect.NOT_MADE else UnclearError
        raise error(
            f"a temporary {entity} cannot be created: {describe_answer(answer)}",
            hint="see the server's log",
        )

    async def add_account(self, account: int) -> None:
        """Create the account with this index. Raises TargetError."""
        payload: JsonObject = {"assetCode": BRL.code, "type": "deposit", "alias": self.alias(account)}
        await self.create(Entity.ACCOUNT, f"account{account + 1}", payload)

    def deposit(self, accounts: Sequence[int], name: str) -> Trial:
        """Return a deposit for these accounts, in one transaction. `name` is part of its mark and key."""
        total = DEPOSIT_MINOR * len(accounts)
        send: JsonObject = {
            **_amount(total),
            "distribute": {"to": [self._leg(account, DEPOSIT_MINOR) for account in accounts]},
        }
        return self._trial(Phase.DEPOSITS, self._legs(total, send, EXTERNAL + BRL.code, accounts), name)

    def transfer_legs(self, sources: Sequence[int], destinations: Sequence[int]) -> Legs:
        """Return the legs of one transaction: one cent to each destination, the same sum from each source."""
        total = LEG_MINOR * len(destinations)
        send: JsonObject = {
            **_amount(total),
            "source": {"from": [self._leg(account, total // len(sources)) for account in sources]},
            "distribute": {"to": [self._leg(account, LEG_MINOR) for account in destinations]},
        }
        return self._legs(total, send, '","'.join(map(self.alias, sources)), destinations)

    def transfer(self, legs: Legs, name: str) -> Trial:
        """Return a transfer with these legs. `name` is part of its mark and key."""
        return self._trial(Phase.TRANSFERS, legs, name)

    def _leg(self, account: int, minor: int) -> JsonObject:
        return {"accountAlias": self.alias(account), "amount": _amount(minor)}

    def _legs(self, total: int, send: JsonObject, source: str, destinations: Sequence[int]) -> Legs:
        text = BRL.text(total)
        aliases = ",".join(f'"{self.alias(account)}"' for account in destinations)
        return Legs(text, orjson.dumps(send).decode(), answer_of(BRL, text, source, aliases))

    def _trial(self, phase: Phase, legs: Legs, name: str) -> Trial:
        mark = f'"{KEY_MARK}":"{self.mark}/{name}"'
        body = (
            f'{{"description":"scratch","metadata":{{"{RUN_MARK}":"{self.mark}",{mark}}},"send":{legs.send}}}'.encode()
        )
        endpoint = "inflow" if phase is Phase.DEPOSITS else "json"
        item = TransactionItem(
            name, phase, body, mark.encode(), legs.answer, BRL.code, legs.total, (), endpoint=endpoint
        )
        path = routes.transactions(self.place, endpoint)
        return Trial(item, transaction_request(path, body, f"scratch.{self.suffix}.{name}", KEY_TTL))

    async def fund(self, accounts: Sequence[int], name: str) -> Sent:
        """Send a deposit, under another key where one is answered with another transaction.

        Returns:
            The deposit; its reading is OURS when it was certainly carried out, ODD when that is unknown.

        Raises:
            TargetError: the server refuses it.
        """
        for number in range(FOREIGN_MAX):
            sent = await self.send_when_ready(self.deposit(accounts, f"{name}.{number}" if number else name))
            success = 200 <= sent.answer.status < 300
            if sent.reading is Reading.OURS or (success and sent.reading is Reading.ODD):
                return sent
            if sent.reading is not Reading.FOREIGN:
                break
        raise TargetError(f"a deposit is refused: {describe_answer(sent.answer)}", hint=_hint(sent.answer))

    async def send_when_ready(self, trial: Trial) -> Sent:
        """Send a transaction, again while the balances of its accounts are not visible or its response is being
        stored, and a few times when the response is odd."""
        until_s = self._clock.monotonic() + READY_WITHIN_S
        odd = 0
        while True:
            answer = await self._send(trial.request)
            reading = self.answers.transaction(answer, trial.item, self.place)
            odd += reading is Reading.ODD
            waits = answer.status in (409, 422) and self._clock.monotonic() < until_s
            if not waits and not (reading is Reading.ODD and odd < ODD_MAX):
                return Sent(trial, answer, reading)
            await self._clock.sleep(0.05 if waits else 0)

    async def _send(self, request: Request) -> Response:
        if self._admit is not None:
            await self._admit()
        return await send_with_retries(self._transport, self._clock, request)

    async def burst(
        self,
        trial_of: Callable[[int], Trial],
        *,
        in_flight: int,
        for_s: float,
        count_max: int,
        count_min: int = 0,
        for_max_s: float = 0,
    ) -> Burst:
        """Send transactions and check each of their responses.

        Args:
            trial_of: the transaction with this number, from 0.
            in_flight: concurrent requests.
            for_s: seconds after which no further transaction starts.
            count_max: transactions to send at most.
            count_min: transactions to send at least, even if that takes longer than `for_s`.
            for_max_s: seconds after which no further transaction starts even then.

        Raises:
            UnauthorizedError: the credentials are refused meanwhile.
        """
        clock, burst, begun = self._clock, Burst(), 0
        failures: list[SeedError] = []
        start_s = clock.monotonic()

        def is_over() -> bool:
            limit_s = for_s if begun >= count_min else max(for_s, for_max_s)
            return begun >= count_max or clock.monotonic() - start_s >= limit_s

        async def worker() -> None:
            nonlocal begun
            while begun < count_max and not failures:
                if self._admit is not None:
                    await self._admit()
                if is_over():
                    return
                trial, begun = trial_of(begun), begun + 1
                try:
                    await self._send_in_burst(trial, burst, start_s)
                except SeedError as error:  # for example: the auth service gives no token
                    failures.append(error)

        async with anyio.create_task_group() as group:
            for _ in range(in_flight):
                group.start_soon(worker)
        if failures:
            raise failures[0]
        return burst

    async def _send_in_burst(self, trial: Trial, burst: Burst, start_s: float) -> None:
        """Send one transaction of a burst that started at `start_s` (monotonic), and count its response."""
        sent_s = self._clock.monotonic()
        reading: Reading | None = None
        try:
            answer = await self._transport.send(trial.request)
        except TransportError as error:
            answer, refusal = None, str(error)
        answered_s = self._clock.monotonic()
        burst.elapsed_s = answered_s - start_s
        burst.latency.record(int((answered_s - sent_s) * 1e6))
        if answer is not None:
            reading = self.answers.transaction(answer, trial.item, self.place)
            refusal = "" if reading is Reading.OURS else describe_answer(answer)
        burst.add(reading, refusal)

    async def find(self) -> str:
        """Find the organization by its mark and return its id; "" when it is not found."""
        path = routes.with_query(
            routes.collection(Entity.ORGANIZATION, Place()), limit="100", **{f"metadata.{RUN_MARK}": self.mark}
        )
        with suppress(TransportError, SeedError):
            answer = await self._transport.send(Request("GET", path))
            rows = (answer.json_object() or {}).get("items")
            for row in cast("list[JsonObject]", rows) if isinstance(rows, list) else ():
                if mark_of(row, RUN_MARK) == self.mark:
                    return str(row["id"])
        return ""

    async def remove(self) -> list[str]:
        """Remove the ledger and the organization; return the paths of what cannot be removed, with the response."""
        place = self.place
        paths = [routes.one(Entity.ORGANIZATION, Place(), place.organization_id)]
        if place.ledger_id:
            paths.insert(0, routes.one(Entity.LEDGER, Place(place.organization_id), place.ledger_id))
        for path in paths:
            try:
                answer = await self._transport.send(Request("DELETE", path))
            except (TransportError, SeedError) as error:
                return [f"{path} ({error})"]
            if answer.status not in (200, 204) and not says_missing(answer.status, answer.body):
                return [f"{path} ({describe_answer(answer)})"]
        return []


@asynccontextmanager
async def open_scratch_ledger(
    transport: Transport,
    clock: Clock,
    purpose: str,
    not_removed: list[str],
    admit: Admit | None = None,
    answers: Answers | None = None,
) -> AsyncIterator[ScratchLedger]:
    """Create a ledger with the asset BRL for the duration of the block, and remove it again.

    Args:
        purpose: part of every name, so that a left-over can be recognised.
        not_removed: gets what could not be removed at the end.
        admit: awaited before each request.
        answers: counts every response.

    Raises:
        TargetError: something cannot be created.
        TransportError: there is no complete response.
    """
    suffix = secrets.token_hex(4)
    scratch = ScratchLedger(transport, clock, purpose, suffix, admit, Answers() if answers is None else answers)
    async with finished_within(CLEAN_UP_S):  # an organization without a known id could not be removed
        await _create_organization(scratch, f"midaz-seed {purpose} {suffix}", not_removed)
    if not scratch.place.organization_id:
        not_removed.append(f"an organization with {RUN_MARK} {scratch.mark}, if it was created (no answer in time)")
        await anyio.lowlevel.checkpoint()  # raises the cancellation
    try:
        ledger_id = await scratch.create(Entity.LEDGER, "ledger", {"name": f"{purpose} {suffix}"})
        scratch.place = Place(scratch.place.organization_id, ledger_id)
        asset: JsonObject = {"name": BRL.name, "type": BRL.type, "code": BRL.code}
        await scratch.create(Entity.ASSET, "asset", asset)
        yield scratch
    finally:
        async with finished_within(CLEAN_UP_S):
            not_removed += await scratch.remove()


async def _create_organization(scratch: ScratchLedger, name: str, not_removed: list[str]) -> None:
    """Create the organization. One that may exist without an acknowledgement is removed, or added to `not_removed`."""
    payload: JsonObject = {"legalName": name, "legalDocument": scratch.suffix, "address": {"country": "BR"}}
    try:
        scratch.place = Place(await scratch.create(Entity.ORGANIZATION, "organization", payload))
    except (TransportError, UnclearError) as error:
        if isinstance(error, TransportError) and not error.maybe_applied:
            raise
        found = await scratch.find()
        if found:
            scratch.place = Place(found)
            not_removed += await scratch.remove()
        else:
            not_removed.append(f"an organization with {RUN_MARK} {scratch.mark}, if it was created ({error})")
        raise


def _amount(minor: int) -> JsonObject:
    return {"asset": BRL.code, "value": BRL.text(minor)}


def _hint(answer: Response) -> str:
    if answer.status == 404 and not midaz_code(answer.body):
        return "check that this address serves transactions: before v3.5 they have their own port (--transaction-url)"
    return "see the server's log"
